//! One configured issuer at run time: its rules, its metadata, its keys.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::advice::Advice;
use super::algorithm::Algorithm;
use super::claims::{Claims, Rules};
use super::discovery::{Found, HttpSource};
use super::introspection::{Introspection, Question};
use super::profiles::{self, Evidence, Profile};
use super::settings::{IssuerSettings, SettingsError};
use super::signing_keys::{Options, SigningKeys, Store, Surroundings};
use super::verified_tokens::Digest;
use super::{AccessToken, Parts, ProfileName, TokenError};
use crate::outbound::is_loopback_host;

/// An issuer whose tokens are accepted.
pub(super) struct Issuer {
    settings: IssuerSettings,
    algorithms: Vec<Algorithm>,
    /// The claims that the policy asks for.
    kept_claims: Arc<[String]>,
    found: Found,
    /// The profile until there is metadata.
    presumed: &'static Profile,
    introspection: Option<Introspection>,
    pub keys: SigningKeys,
    pub advice: Advice,
}

/// How an issuer is, for health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerStatus {
    /// The issuer identifier.
    pub issuer: String,
    /// The profile in use.
    pub profile: ProfileName,
    /// How its keys are.
    pub state: KeyState,
    /// How many of its keys are usable.
    pub keys: usize,
    /// Seconds since the last successful fetch.
    pub age_seconds: Option<i64>,
    /// True if readiness waits for it.
    pub required: bool,
}

/// How an issuer's keys are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Usable, and the last fetch succeeded.
    Fresh,
    /// Usable, but the last fetch failed.
    Stale,
    /// None is usable.
    Missing,
}

impl KeyState {
    /// The word for health documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "ok",
            Self::Stale => "stale",
            Self::Missing => "missing",
        }
    }
}

/// The profile of an issuer of which nothing but the settings is known.
pub(super) fn from_address(settings: &IssuerSettings) -> &'static Profile {
    let detected = || profiles::detect(&Evidence::new(&settings.issuer, None));
    settings.profile.map_or_else(detected, ProfileName::profile)
}

impl Issuer {
    /// `asked_for` are the scopes that clients are told to ask it for.
    pub(super) fn start(
        settings: IssuerSettings,
        kept_claims: Arc<[String]>,
        asked_for: Vec<String>,
        store: Option<Store>,
        parts: &Parts,
    ) -> Result<Self, SettingsError> {
        let (outbound, clock) = (parts.outbound.clone(), parts.clock.clone());
        let introspection = Introspection::start(&settings.introspection, outbound, clock);
        let introspection = introspection.map_err(|message| SettingsError {
            key: "issuer.introspection.client_secret_file".into(),
            found: None,
            message,
            advice: "expected a file with the secret of that client".into(),
        })?;
        let found = Found::default();
        let source = HttpSource::new(&settings, parts.outbound.clone(), Arc::clone(&found))
            .asked_for(asked_for);
        let around = Surroundings {
            clock: parts.clock.clone(),
            lifecycle: parts.lifecycle.clone(),
            metrics: parts.metrics.clone(),
            store,
        };
        let options = Options {
            issuer: settings.issuer.as_str().into(),
            jwks_url: settings.jwks_url.clone(),
            default_ttl: Duration::from_secs(settings.key_ttl_seconds.into()),
            stale_for_seconds: settings
                .stale_keys_seconds
                .max(settings.key_ttl_seconds)
                .into(),
            accept_empty: settings.accept_empty_key_set,
            accept_missing_kid: settings.accept_missing_kid,
            blocked_kids: settings.blocked_kids.clone(),
        };
        let names = settings.algorithms.iter();
        Ok(Self {
            algorithms: names.filter_map(|name| Algorithm::parse(name)).collect(),
            kept_claims,
            found,
            presumed: from_address(&settings),
            introspection,
            advice: Advice::default(),
            keys: SigningKeys::start(options, Box::new(source), around),
            settings,
        })
    }

    /// True if it is asked about tokens that are no JWTs.
    pub(super) fn is_asked(&self) -> bool {
        self.introspection.is_some()
    }

    /// True if it is asked about JWTs as well.
    pub(super) fn is_asked_about_jwts(&self) -> bool {
        let introspection = self.introspection.as_ref();
        introspection.is_some_and(Introspection::covers_jwts)
    }

    /// What it says of a token (RFC 7662). Nobody is asked if that is not configured.
    pub(super) async fn ask(
        &self,
        access_token: &AccessToken,
        digest: &Digest,
    ) -> Result<Arc<Claims>, TokenError> {
        let introspection = self.introspection.as_ref().ok_or(TokenError::NotAJws)?;
        let found = self.found.load_full();
        let metadata = found.as_ref().map(|dated| &dated.metadata);
        let question = Question {
            access_token,
            digest,
            endpoint: metadata.and_then(|known| known.introspection_endpoint.as_deref()),
            issuer: self.token_issuer(),
            rules: self.rules(),
        };
        introspection.ask(question).await
    }

    /// What its tokens carry in `iss`, compared byte for byte (RFC 9068 §4).
    pub(super) fn token_issuer(&self) -> &str {
        self.settings.token_issuer()
    }

    /// The issuer identifier, as published.
    pub(super) fn identifier(&self) -> &str {
        &self.settings.issuer
    }

    /// Its token endpoint, as its validated metadata has it: https, or http where the metadata is on this machine as well.
    pub(super) fn token_endpoint(&self) -> Option<Url> {
        let found = self.found.load();
        let metadata = &found.as_ref()?.metadata;
        let url = Url::parse(metadata.token_endpoint.as_deref()?).ok()?;
        let is_here = url.host_str().is_some_and(is_loopback_host);
        let is_good = match url.scheme() {
            "https" => !is_here || metadata.was_found_on_loopback(),
            "http" => is_here && metadata.was_found_on_loopback(),
            _ => false,
        };
        is_good.then_some(url)
    }

    /// The algorithm of a token's header, if the settings allow it (RFC 8725 §3.1).
    pub(super) fn allowed(&self, name: &str) -> Option<Algorithm> {
        Algorithm::parse(name).filter(|algorithm| self.algorithms.contains(algorithm))
    }

    /// The algorithms accepted.
    pub(super) fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    /// Audiences accepted besides the resource's.
    pub(super) fn audiences(&self) -> &[String] {
        &self.settings.audiences
    }

    /// The header types accepted instead of the profile's.
    pub(super) fn token_types(&self) -> &[String] {
        &self.settings.token_types
    }

    /// True if it has an introspection endpoint that is not used.
    pub(super) fn could_be_asked(&self) -> bool {
        let found = self.found.load();
        let metadata = found.as_ref().map(|dated| &dated.metadata);
        let endpoint = metadata.and_then(|known| known.introspection_endpoint.as_ref());
        self.introspection.is_none() && endpoint.is_some()
    }

    /// True if readiness waits for this issuer.
    pub(super) fn is_required(&self) -> bool {
        self.settings.required
    }

    pub(super) fn leeway_seconds(&self) -> i64 {
        self.settings.leeway_seconds.into()
    }

    /// How its claims are judged.
    pub(super) fn rules(&self) -> Rules<'_> {
        self.settings.rules(self.profile(), &self.kept_claims)
    }

    /// Its profile: the one in the settings, else what its address and metadata look like.
    pub(super) fn profile(&self) -> &'static Profile {
        let found = self.found.load();
        found.as_ref().map_or(self.presumed, |dated| dated.profile)
    }

    /// The last validated discovery document, byte for byte.
    pub(super) fn document(&self) -> Option<Vec<u8>> {
        let found = self.found.load();
        found.as_ref().map(|dated| dated.metadata.document.clone())
    }

    pub(super) fn status(&self) -> IssuerStatus {
        let health = self.keys.health();
        let state = match (health.usable, health.last_fetch_failed) {
            (true, false) => KeyState::Fresh,
            (true, true) => KeyState::Stale,
            (false, _) => KeyState::Missing,
        };
        IssuerStatus {
            issuer: self.settings.issuer.clone(),
            profile: self.profile().name,
            state,
            keys: health.keys,
            age_seconds: health.age_seconds,
            required: self.settings.required,
        }
    }
}
