//! What an issuer says of itself in its metadata, where that stands, and why a document is none of its own.

use serde::Deserialize;
use url::Url;

use crate::outbound::{OutboundError, is_loopback_host};

/// What is used of a validated discovery document.
#[derive(Clone, Debug)]
pub(in crate::auth) struct Metadata {
    pub jwks_uri: Url,
    pub token_endpoint: Option<String>,
    pub introspection_endpoint: Option<String>,
    /// Where it was found.
    pub found_at: Url,
    /// The document, byte for byte.
    pub document: Vec<u8>,
}

impl Metadata {
    /// True if it may lead into this machine, because it came from there.
    pub(in crate::auth) fn was_found_on_loopback(&self) -> bool {
        self.found_at.host_str().is_some_and(is_loopback_host)
    }
}

/// Why no discovery document is acceptable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::auth) enum DiscoveryError {
    /// It names another issuer.
    #[error(
        "{url} names the issuer {found:?}, and `issuer` is {expected:?}: {}",
        how_to_agree(found, expected)
    )]
    WrongIssuer {
        url: String,
        found: String,
        expected: String,
    },
    /// There is none at any place, though somebody answers.
    #[error(
        "no metadata at {tried} (nor at {others} other usual places): write `issuer` as the provider calls itself, or set \
         `discovery_url`"
    )]
    Nowhere { tried: String, others: usize },
    /// It is not a discovery document.
    #[error("{url}: {problem}")]
    Invalid { url: String, problem: &'static str },
    /// It cannot be fetched.
    #[error("{url}: {error}{}", next_step(error))]
    Outbound { url: String, error: OutboundError },
}

/// What an operator can do about an address that gives nothing.
pub(in crate::auth) fn next_step(error: &OutboundError) -> &'static str {
    match error {
        OutboundError::Connection(cause) if cause.contains("peer certificate") => {
            about_certificate(cause)
        }
        OutboundError::Broken(_) | OutboundError::Connection(_) | OutboundError::Timeout(_) => {
            "; see whether this machine, or this container, reaches that address"
        }
        OutboundError::Redirect(_) => "; write the address that it leads to",
        OutboundError::Status(400..=499) => "; see whether that address is right",
        OutboundError::Status(_) => "; the provider's own log should say why",
        OutboundError::InsecureUrl(_)
        | OutboundError::ForbiddenAddress(_)
        | OutboundError::TooLarge(_)
        | OutboundError::Encoded(_)
        | OutboundError::Client(_) => "",
    }
}

/// What an operator can do about a certificate that is not believed, by the words that rustls has for it.
fn about_certificate(cause: &str) -> &'static str {
    if cause.contains("UnknownIssuer") {
        "; if the authority that signed it is your own, name its file in `outbound.ca_files`"
    } else if cause.contains("certificate expired") {
        "; renew it there, or set the clock of this machine"
    } else if cause.contains("not valid for name") {
        "; have it issued for the name in `issuer`, or write the name that it is for"
    } else {
        "; see what is wrong with it there: openssl s_client -connect HOST:443"
    }
}

/// They must be equal byte for byte.
fn how_to_agree(found: &str, expected: &str) -> String {
    if found.trim_end_matches('/') == expected.trim_end_matches('/') {
        return format!("only the slash at the end differs; write `issuer = {found:?}`");
    }
    "write `issuer` as the provider names itself, or mend its public name there (a proxy or container may hide it)".to_owned()
}

/// Where the metadata of `issuer` may be, most common first.
pub(in crate::auth) fn places(issuer: &Url) -> Vec<Url> {
    let at = |path: String| {
        let mut url = issuer.clone();
        url.set_path(&path);
        url
    };
    // "Any terminating `/` MUST be removed before inserting" (RFC 8414 §3.1), and the same before appending.
    let path = issuer.path().trim_end_matches('/');
    let mut places = vec![
        at(format!("{path}/.well-known/openid-configuration")),
        at(format!("/.well-known/oauth-authorization-server{path}")),
        at(format!("/.well-known/openid-configuration{path}")),
        at(format!("{path}/.well-known/oauth-authorization-server")),
    ];
    if path.is_empty() {
        places.truncate(2);
    }
    places
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    jwks_uri: Option<String>,
    token_endpoint: Option<String>,
    introspection_endpoint: Option<String>,
}

/// The document at `url`, if it is the issuer's own (RFC 8414 §3.3).
pub(super) fn validate(
    url: &Url,
    document: Vec<u8>,
    expected: &str,
) -> Result<Metadata, DiscoveryError> {
    let invalid = |problem| DiscoveryError::Invalid {
        url: url.to_string(),
        problem,
    };
    let Ok(parsed) = serde_json::from_slice::<Document>(&document) else {
        return Err(invalid(
            "it is not a discovery document: expected JSON with a string `issuer`",
        ));
    };
    if parsed.issuer != expected {
        return Err(DiscoveryError::WrongIssuer {
            url: url.to_string(),
            found: parsed.issuer,
            expected: expected.to_owned(),
        });
    }
    let jwks_uri = parsed.jwks_uri.as_deref().map(Url::parse);
    let Some(Ok(jwks_uri)) = jwks_uri else {
        return Err(invalid("its `jwks_uri` is missing or no URL"));
    };
    // What a public document says must not lead into this machine; off loopback `outbound` wants https.
    let is_local = |url: &Url| url.host_str().is_some_and(is_loopback_host);
    if is_local(&jwks_uri) && !is_local(url) {
        return Err(invalid(
            "its `jwks_uri` is on loopback, and the document is not: if that is meant, configure `jwks_url`",
        ));
    }
    Ok(Metadata {
        jwks_uri,
        token_endpoint: parsed.token_endpoint,
        introspection_endpoint: parsed.introspection_endpoint,
        found_at: url.clone(),
        document,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_all_forms_for_an_issuer_with_a_path_and_two_for_one_without() {
        let places_of = |issuer: &str| -> Vec<String> {
            let issuer = Url::parse(issuer).expect("a URL");
            places(&issuer).iter().map(Url::to_string).collect()
        };
        assert_eq!(
            places_of("https://id.test/realms/mcp"),
            [
                "https://id.test/realms/mcp/.well-known/openid-configuration",
                "https://id.test/.well-known/oauth-authorization-server/realms/mcp",
                "https://id.test/.well-known/openid-configuration/realms/mcp",
                "https://id.test/realms/mcp/.well-known/oauth-authorization-server",
            ]
        );
        assert_eq!(
            places_of("https://id.test/a/"),
            places_of("https://id.test/a")
        );
        for issuer in ["https://id.test", "https://id.test/"] {
            assert_eq!(
                places_of(issuer),
                [
                    "https://id.test/.well-known/openid-configuration",
                    "https://id.test/.well-known/oauth-authorization-server",
                ]
            );
        }
    }

    #[test]
    fn a_document_of_the_open_web_does_not_lead_into_this_machine() {
        let jwks_uri = |place: &str, jwks_uri: &str| {
            let place = Url::parse(place).expect("a URL");
            let document = serde_json::json!({ "issuer": "https://id.test", "jwks_uri": jwks_uri });
            let found = validate(&place, document.to_string().into_bytes(), "https://id.test");
            found.map(|metadata| metadata.jwks_uri.to_string())
        };
        let public = "https://id.test/.well-known/openid-configuration";
        for local in [
            "http://127.0.0.1:9000/jwks",
            "https://localhost/jwks",
            "http://jwks.localhost/",
            "https://[::1]/jwks",
            "https://[::ffff:127.0.0.1]/jwks",
            "https://0x7f.1/jwks",
        ] {
            let refused = jwks_uri(public, local);
            assert!(
                matches!(refused, Err(DiscoveryError::Invalid { .. })),
                "{local}: {refused:?}"
            );
            assert!(jwks_uri("http://127.0.0.1:9000/", local).is_ok(), "{local}");
        }
        // Many providers keep their keys on another host.
        assert!(jwks_uri(public, "https://keys.test/jwks").is_ok());
    }
}
