//! Finding an issuer's metadata (RFC 8414 §3, OpenID Connect Discovery 1.0 §4), in all path forms that providers use.

mod document;

use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::Instant;
use url::Url;

use self::document::validate;
pub(super) use self::document::{DiscoveryError, Metadata, next_step, places};
use super::jwk;
use super::profiles::differences::{Difference, Live};
use super::profiles::{self, Evidence, Profile};
use super::settings::IssuerSettings;
use super::signing_keys::{FetchError, Fetched, KeySource};
use crate::outbound::{Get, Outbound, OutboundError, Reply};

/// The largest discovery document that is read.
const MAX_BYTES: usize = 256 * 1024;

/// How long a discovery document is good before it is looked at again.
const FRESH: Duration = Duration::from_secs(3600);

/// One issuer's documents over HTTP.
pub(super) struct HttpSource {
    outbound: Outbound,
    settings: IssuerSettings,
    asked_for: Vec<String>,
    places: Vec<Url>,
    jwks_url: Option<Url>,
    found: Found,
}

/// The last validated metadata, shared with the issuer.
pub(super) type Found = std::sync::Arc<arc_swap::ArcSwapOption<Dated>>;

/// Metadata and when it was validated.
#[derive(Debug)]
pub(super) struct Dated {
    pub metadata: Metadata,
    /// The profile that is used with it.
    pub profile: &'static Profile,
    at: Instant,
}

impl HttpSource {
    pub(super) fn new(settings: &IssuerSettings, outbound: Outbound, found: Found) -> Self {
        let url = |written: &Option<String>| written.as_ref().and_then(|url| Url::parse(url).ok());
        let places = match url(&settings.discovery_url) {
            Some(one) => vec![one],
            None => Url::parse(&settings.issuer).map_or_else(|_| Vec::new(), |url| places(&url)),
        };
        Self {
            outbound,
            settings: settings.clone(),
            asked_for: Vec::new(),
            places,
            jwks_url: url(&settings.jwks_url),
            found,
        }
    }

    /// The same, and the log says if the issuer does not offer these scopes, which clients are told to ask for.
    pub(super) fn asked_for(mut self, scopes: Vec<String>) -> Self {
        self.asked_for = scopes;
        self
    }

    async fn key_set_url(&self) -> Result<Url, FetchError> {
        match &self.jwks_url {
            Some(configured) => Ok(configured.clone()),
            None => Ok(self.discover().await?),
        }
    }

    /// The key set address of the issuer's metadata, which is looked at again from time to time.
    async fn discover(&self) -> Result<Url, DiscoveryError> {
        let known = self.found.load_full();
        if let Some(known) = &known
            && known.at.elapsed() < FRESH
        {
            return Ok(known.metadata.jwks_uri.clone());
        }
        match self.search().await {
            Ok(metadata) => {
                let is_new =
                    |known: &std::sync::Arc<Dated>| known.metadata.document != metadata.document;
                if known.as_ref().is_none_or(is_new) {
                    self.tell(&metadata);
                }
                let jwks_uri = metadata.jwks_uri.clone();
                let dated = Dated {
                    profile: self.profile(&metadata),
                    metadata,
                    at: Instant::now(),
                };
                self.found.store(Some(std::sync::Arc::new(dated)));
                Ok(jwks_uri)
            }
            Err(error) => known
                .map(|known| known.metadata.jwks_uri.clone())
                .ok_or(error),
        }
    }

    /// Says where the metadata is, how its issuer is understood, and what the profile does not expect: once, until the
    /// document changes.
    fn tell(&self, metadata: &Metadata) {
        let issuer = self.settings.issuer.as_str();
        let (profile, clients, differences) = self.understood(metadata);
        let (url, name) = (metadata.found_at.as_str(), profile.name.as_str());
        tracing::info!(
            issuer,
            url,
            profile = name,
            clients,
            "found the issuer's metadata"
        );
        for difference in differences {
            tracing::warn!(issuer, profile = name, "{difference}");
        }
    }

    /// The profile that is used with it, how clients come to an id, and what the profile does not expect.
    pub(super) fn understood(
        &self,
        metadata: &Metadata,
    ) -> (&'static Profile, &'static str, Vec<Difference>) {
        let profile = self.profile(metadata);
        let document = serde_json::from_slice(&metadata.document).unwrap_or_default();
        let live = Live {
            settings: &self.settings,
            asked_for: &self.asked_for,
            found_at: metadata.found_at.as_str(),
            document: &document,
        };
        (profile, live.registration(), profile.differences(&live))
    }

    /// The profile that is used with it: the one in the settings, else what it looks like.
    fn profile(&self, metadata: &Metadata) -> &'static Profile {
        let issuer = self.settings.issuer.as_str();
        match self.settings.profile {
            Some(name) => name.profile(),
            None => profiles::detect(&Evidence::new(issuer, metadata.token_endpoint.as_deref())),
        }
    }

    /// Tries all places. Of several failures the most telling is kept: a document with another issuer before any other
    /// answer, and the first place before the others.
    pub(super) async fn search(&self) -> Result<Metadata, DiscoveryError> {
        let mut telling: Option<DiscoveryError> = None;
        let mut absent = 0;
        for url in &self.places {
            let error = match self.read(url).await {
                Ok(metadata) => return Ok(metadata),
                Err(error) => error,
            };
            let names_another = matches!(error, DiscoveryError::WrongIssuer { .. });
            let dead = matches!(
                &error,
                DiscoveryError::Outbound {
                    error: OutboundError::Connection(_) | OutboundError::Timeout(_),
                    ..
                }
            );
            absent += usize::from(matches!(
                &error,
                DiscoveryError::Outbound {
                    error: OutboundError::Status(404),
                    ..
                }
            ));
            if telling.is_none() || names_another {
                telling = Some(error);
            }
            // Nobody is there; the other places are on the same host.
            if dead {
                break;
            }
        }
        if absent == self.places.len()
            && let Some(first) = self.places.first()
        {
            return Err(DiscoveryError::Nowhere {
                tried: first.to_string(),
                others: absent - 1,
            });
        }
        Err(telling.unwrap_or_else(|| DiscoveryError::Invalid {
            url: self.settings.issuer.clone(),
            problem: "the issuer is no URL to search at",
        }))
    }

    async fn read(&self, url: &Url) -> Result<Metadata, DiscoveryError> {
        let get = Get {
            url,
            accept: "application/json",
            if_none_match: None,
            max_bytes: MAX_BYTES,
        };
        let outbound = |error| DiscoveryError::Outbound {
            url: url.to_string(),
            error,
        };
        match self.outbound.get(get).await.map_err(outbound)? {
            Reply::Document { body, .. } => validate(url, body, &self.settings.issuer),
            Reply::NotModified { .. } => Err(outbound(OutboundError::Status(304))),
        }
    }
}

impl KeySource for HttpSource {
    fn fetch(&self, etag: Option<String>) -> BoxFuture<'_, Result<Fetched, FetchError>> {
        Box::pin(async move {
            let url = self.key_set_url().await?;
            let get = Get {
                url: &url,
                accept: "application/jwk-set+json, application/json",
                if_none_match: etag.as_deref(),
                max_bytes: jwk::MAX_BYTES,
            };
            let reply = self.outbound.get(get).await.map_err(|error| {
                // The address may have moved: the next attempt asks the metadata again.
                self.found
                    .rcu(|known| known.as_ref().map(|known| known.aged()));
                FetchError::Outbound {
                    url: url.to_string(),
                    error,
                }
            })?;
            Ok(match reply {
                Reply::NotModified { cache_control } => Fetched::NotModified {
                    ttl: max_age(cache_control.as_deref()),
                },
                Reply::Document {
                    body,
                    etag,
                    cache_control,
                } => Fetched::Document {
                    body,
                    etag,
                    ttl: max_age(cache_control.as_deref()),
                    jwks_url: url.to_string(),
                },
            })
        })
    }

    fn afterwards(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // A configured key set address needs no metadata, which then serves only the mirror and the profile.
            if self.jwks_url.is_some()
                && let Err(error) = self.discover().await
            {
                tracing::debug!(issuer = self.settings.issuer, %error, "the issuer's metadata is not at hand");
            }
        })
    }
}

impl Dated {
    /// The same, due to be looked at again.
    fn aged(&self) -> std::sync::Arc<Self> {
        let at = self.at.checked_sub(FRESH).unwrap_or(self.at);
        std::sync::Arc::new(Self {
            metadata: self.metadata.clone(),
            profile: self.profile,
            at,
        })
    }
}

/// `max-age` of a `Cache-Control` header (RFC 9111 §5.2.2); zero where caching is forbidden.
fn max_age(cache_control: Option<&str>) -> Option<Duration> {
    let mut directives = cache_control?
        .split(',')
        .map(|part| part.trim().to_ascii_lowercase());
    let mut age = None;
    for directive in directives.by_ref() {
        if directive == "no-store" || directive == "no-cache" {
            return Some(Duration::ZERO);
        }
        if let Some(seconds) = directive.strip_prefix("max-age=") {
            age = seconds
                .trim_matches('"')
                .parse()
                .ok()
                .map(Duration::from_secs);
        }
    }
    age
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the log says of an issuer whose keys cannot be had.
    async fn problem(settings: &IssuerSettings) -> String {
        let source = HttpSource::new(settings, Outbound::default(), Found::default());
        match source.fetch(None).await {
            Err(error) => error.to_string(),
            Ok(_) => panic!("{} has keys", settings.issuer),
        }
    }

    #[test]
    fn reads_max_age_and_takes_a_forbidden_cache_for_no_age() {
        let table = [
            (None, None),
            (Some("max-age=600"), Some(600)),
            (Some("public, MAX-AGE=\"60\", must-revalidate"), Some(60)),
            (Some("no-store"), Some(0)),
            (Some("max-age=60, no-cache"), Some(0)),
            (Some("max-age=soon"), None),
            (Some("private"), None),
        ];
        for (header, seconds) in table {
            assert_eq!(
                max_age(header),
                seconds.map(Duration::from_secs),
                "{header:?}"
            );
        }
    }

    #[tokio::test]
    async fn each_way_to_misname_an_issuer_ends_in_one_message_with_the_next_step() {
        use crate::auth::tests::issuer::{Answer, TestIssuer};
        let issuer = TestIssuer::start_at("/realms/mcp").await;
        let good = issuer.issuer().to_owned();
        let at = |name: &str| IssuerSettings::named(name);
        let closed = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
            format!("http://{}", listener.local_addr().expect("an address"))
        };
        let elsewhere = format!("http://{}/realms/other", issuer.address());
        let appended = "/.well-known/openid-configuration";
        let with_slash = format!("{good}/");
        for (settings, parts) in [
            (at(&closed), [closed.as_str(), "reaches that address"]),
            (at(&elsewhere), ["nor at 3 other", "set `discovery_url`"]),
            (
                at(&with_slash),
                ["only the slash", &format!("write `issuer = {good:?}`")],
            ),
            (
                IssuerSettings {
                    discovery_url: Some(format!("{good}{appended}")),
                    ..at("http://127.0.0.1/realms/public")
                },
                [
                    &format!("names the issuer {good:?}"),
                    "mend its public name",
                ],
            ),
        ] {
            let problem = problem(&settings).await;
            for part in parts {
                assert!(problem.contains(part), "{}: {problem}", settings.issuer);
            }
            assert!(problem.len() < 400, "{problem}");
        }
        for (answer, part) in [
            (Answer::Status(404), "see whether that address is right"),
            (Answer::Status(502), "the provider's own log"),
            (
                Answer::Redirect("https://id.test/".into()),
                "write the address that it leads to",
            ),
        ] {
            issuer.answer_jwks(answer);
            let problem = problem(&at(&good)).await;
            assert!(problem.contains("/jwks: "), "{problem}");
            assert!(problem.contains(part), "{problem}");
        }
    }
}
