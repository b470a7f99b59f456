//! Why an issuer registered nobody, and what to do about it (RFC 7591 §3.2.2, and what providers really answer).

use serde::Deserialize;

use super::{AuthorizationServer, ClientMetadata, keycloak};
use crate::auth::ProfileName;
use crate::outbound::OutboundError;

/// The most characters of an issuer's own text that are shown.
const MOST_CHARACTERS: usize = 300;

/// Why no client was registered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationError {
    /// An answer that is no registration and no refusal.
    #[error("the issuer's answer cannot be used: {problem}")]
    IssuerAnswer {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The registration endpoint gave no answer.
    #[error(
        "{url}: {error}; if it was only slow, the client may have been registered all the same: look there before you \
         try again, or raise outbound.total_timeout_ms"
    )]
    IssuerNotAnswering {
        /// The endpoint.
        url: String,
        /// What happened.
        error: OutboundError,
    },
    /// It has no registration endpoint.
    #[error(
        "{issuer} names no registration_endpoint in its metadata: {hint}; see docs/identity-providers/{}.md",
        profile.as_str()
    )]
    IssuerRegistersNobody {
        /// Which issuer.
        issuer: String,
        /// What to do at this provider.
        hint: &'static str,
        /// Which provider it is.
        profile: ProfileName,
    },
    /// It does not know the address, or is out of order.
    #[error("the issuer answered {status}{}: {advice}", quoted(said))]
    IssuerStatus {
        /// The status.
        status: u16,
        /// The issuer's own text.
        said: String,
        /// What to do.
        advice: &'static str,
    },
    /// Its metadata is not at hand.
    #[error(
        "no metadata of {issuer}: {problem}; is the issuer right, and can this machine reach it?"
    )]
    IssuerUnavailable {
        /// Which issuer.
        issuer: String,
        /// What happened.
        problem: String,
    },
    /// `invalid_client_metadata` and what is like it.
    #[error(
        "the issuer refuses the client's metadata ({code}){}: change --name, --scope or --confidential",
        quoted(said)
    )]
    MetadataRefused {
        /// The error code of RFC 7591 §3.2.2.
        code: String,
        /// The issuer's own text.
        said: String,
    },
    /// A rule of the provider's forbids it.
    #[error("the issuer's policy {policy:?} refuses the registration ({details}): {advice}")]
    PolicyRefused {
        /// Its name.
        policy: String,
        /// The issuer's own text.
        details: String,
        /// Where to change it, and how.
        advice: String,
    },
    /// `invalid_redirect_uri`.
    #[error(
        "the issuer refuses a redirect address{}: expected addresses that it takes, found {}",
        quoted(said), redirect_uris.join(" ")
    )]
    RedirectUriRefused {
        /// All that were asked for.
        redirect_uris: Vec<String>,
        /// The issuer's own text.
        said: String,
    },
    /// The initial access token is not good there.
    #[error(
        "the issuer refuses the initial access token{}: {advice}",
        quoted(said)
    )]
    TokenRefused {
        /// The issuer's own text.
        said: String,
        /// What to do.
        advice: String,
    },
    /// It registers nobody without an initial access token.
    #[error(
        "the issuer registers nobody without an initial access token{}: {advice}",
        quoted(said)
    )]
    TokenWanted {
        /// The issuer's own text.
        said: String,
        /// What to do.
        advice: String,
    },
}

impl RegistrationError {
    /// True if somebody has to change something at the provider; false if nobody there said no.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::IssuerAnswer { .. }
            | Self::IssuerNotAnswering { .. }
            | Self::IssuerUnavailable { .. } => false,
            // It is there and says no; but for "too much at once".
            Self::IssuerStatus { status, .. } => (400..500).contains(status) && *status != 429,
            Self::IssuerRegistersNobody { .. }
            | Self::MetadataRefused { .. }
            | Self::PolicyRefused { .. }
            | Self::RedirectUriRefused { .. }
            | Self::TokenRefused { .. }
            | Self::TokenWanted { .. } => true,
        }
    }
}

/// What was asked for, by whom.
pub(super) struct Asked<'a> {
    pub(super) server: &'a AuthorizationServer,
    pub(super) client: &'a ClientMetadata,
    pub(super) initial_access_token: Option<&'a str>,
}

/// RFC 7591 §3.2.2, RFC 6750 §3.1.
#[derive(Default, Deserialize)]
struct Document {
    #[serde(default)]
    error: String,
    #[serde(default)]
    error_description: String,
}

/// What an answer that is no success means.
pub(super) fn explain(status: u16, body: &[u8], asked: &Asked<'_>) -> RegistrationError {
    let document: Document = serde_json::from_slice(body).unwrap_or_default();
    let text = |text: &str| legible(text, asked.initial_access_token);
    let (code, said) = (text(&document.error), text(&document.error_description));
    match (status, code.as_str()) {
        (401, _) | (400 | 403, "invalid_token") => token(said, asked),
        (_, "invalid_redirect_uri") => RegistrationError::RedirectUriRefused {
            redirect_uris: asked.client.redirect_uris.clone(),
            said,
        },
        (403, _) if asked.server.profile == ProfileName::Keycloak => {
            keycloak::policy(&said, asked).unwrap_or_else(|| forbidden(said, asked))
        }
        (403, _) => forbidden(said, asked),
        // `invalid_client_metadata`, `invalid_software_statement`, `unapproved_software_statement`.
        (400, _) => RegistrationError::MetadataRefused {
            code: if code.is_empty() { "400".into() } else { code },
            said,
        },
        (status, _) => RegistrationError::IssuerStatus {
            status,
            said: if said.is_empty() { code } else { said },
            advice: advice(status),
        },
    }
}

fn token(said: String, asked: &Asked<'_>) -> RegistrationError {
    let place = match asked.server.profile {
        ProfileName::Keycloak => {
            let console = keycloak::console(asked.server);
            format!("make one in {console} > Clients > Initial access token")
        }
        _ => "get one from whoever runs the issuer".to_owned(),
    };
    let file = "and hand it over with --initial-access-token-file";
    if asked.initial_access_token.is_none() {
        let advice = format!("{place} {file}");
        return RegistrationError::TokenWanted { said, advice };
    }
    // Keycloak's words. For one that is expired, revoked, of another realm or no such token at all it has others.
    let advice = if said.contains("No remaining count") {
        format!("it is used up; {place} with a higher count, {file}")
    } else {
        format!("it is expired, revoked, or not one of this issuer; {place}, {file}")
    };
    RegistrationError::TokenRefused { said, advice }
}

fn forbidden(said: String, asked: &Asked<'_>) -> RegistrationError {
    if asked.initial_access_token.is_none() {
        return token(said, asked);
    }
    RegistrationError::IssuerStatus {
        status: 403,
        said,
        advice: "whoever runs the issuer has to allow it",
    }
}

fn advice(status: u16) -> &'static str {
    match status {
        404 | 405 => {
            "there is nobody at the registration_endpoint that its metadata names; registration may be switched off there"
        }
        429 => "it has enough for now; try again later",
        500.. => "it is out of order, or stumbles over a redirect address; its own log says more",
        _ => "expected 201 (RFC 7591 section 3.2.1); whoever runs the issuer knows more",
    }
}

/// The issuer's own text, fit for a terminal: short, without what a terminal obeys, and without our token.
fn legible(text: &str, secret: Option<&str>) -> String {
    let text = match secret {
        Some(secret) => text.replace(secret, "…"),
        None => text.to_owned(),
    };
    let mut characters = text.trim().chars();
    let shown = characters.by_ref().take(MOST_CHARACTERS);
    let mut shown: String = shown
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

fn quoted(said: &str) -> String {
    if said.is_empty() {
        return String::new();
    }
    format!(" ({said:?})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Scopes;

    const TOKEN: &str = "initial.access.token";

    fn explained(profile: ProfileName, token: bool, status: u16, body: &str) -> RegistrationError {
        let server = AuthorizationServer {
            issuer: "https://id.test/realms/staff".into(),
            profile,
            authorization_endpoint: None,
            token_endpoint: None,
            registration_endpoint: None,
            client_authentication: Vec::new(),
            scopes: Vec::new(),
            returns_issuer: false,
            found_on_loopback: false,
        };
        let client = ClientMetadata {
            name: "MCP client".into(),
            redirect_uris: vec!["https://b.test/cb".into(), "https://a.test/1".into()],
            scopes: Scopes::parse("mcp:read mcp:write").expect("scopes"),
            is_confidential: false,
        };
        let asked = Asked {
            server: &server,
            client: &client,
            initial_access_token: token.then_some(TOKEN),
        };
        explain(status, body.as_bytes(), &asked)
    }

    /// Bodies of Keycloak 26.7.3, as it sent them.
    fn keycloak(token: bool, status: u16, error: &str, description: &str) -> RegistrationError {
        let body = serde_json::json!({ "error": error, "error_description": description });
        explained(ProfileName::Keycloak, token, status, &body.to_string())
    }

    #[test]
    fn names_the_policy_of_keycloak_and_the_place_to_change_it() {
        let rejected = "rejected request to client-registration service. Details:";
        for (token, name, details, place, what) in [
            (
                false,
                "Trusted Hosts",
                "URI doesn't match any trusted host or trusted domain",
                "Anonymous",
                "add a.test, b.test to",
            ),
            (
                false,
                "Trusted Hosts",
                "Host not trusted.",
                "Anonymous",
                "this machine's address",
            ),
            (
                false,
                "Allowed Client Scopes",
                "Not permitted to use specified clientScope",
                "Anonymous",
                "\"mcp:read mcp:write\"",
            ),
            (
                true,
                "Allowed Client Scopes",
                "Not permitted to use specified clientScope",
                "Authenticated",
                "--scope",
            ),
            (
                false,
                "Max Clients Limit",
                "It's allowed to have max 3 clients per realm",
                "Anonymous",
                "raise the limit",
            ),
            (true, "House rules", "no", "Authenticated", "another kind"),
        ] {
            let said = format!("Policy '{name}' {rejected} {details}");
            let error = keycloak(token, 403, "insufficient_scope", &said);
            let RegistrationError::PolicyRefused {
                policy,
                details: found,
                advice,
            } = &error
            else {
                panic!("{error:?}");
            };
            assert_eq!((policy.as_str(), found.as_str()), (name, details));
            let path = format!(
                "realm \"staff\" > Clients > Client registration > {place} access policies > {name}, "
            );
            assert!(advice.contains(&path) && advice.contains(what), "{advice}");
            let is_avoidable = !token && matches!(name, "Trusted Hosts" | "Max Clients Limit");
            assert_eq!(
                advice.contains("initial access token"),
                is_avoidable,
                "{advice}"
            );
        }
    }

    #[test]
    fn tells_a_token_that_is_used_up_from_one_that_was_never_good_and_from_none() {
        let used_up = keycloak(
            true,
            401,
            "invalid_token",
            "No remaining count on initial access token",
        );
        assert!(used_up.to_string().contains("it is used up"), "{used_up}");
        let expired = keycloak(true, 401, "invalid_token", "Failed decode token");
        assert!(
            expired
                .to_string()
                .contains("it is expired, revoked, or not one of this issuer"),
            "{expired}"
        );
        for error in [used_up, expired] {
            assert!(
                error.to_string().contains("Clients > Initial access token"),
                "{error}"
            );
            assert!(matches!(error, RegistrationError::TokenRefused { .. }));
        }
        for (status, body) in [
            (401, ""),
            (403, "{}"),
            (400, r#"{"error":"invalid_token"}"#),
        ] {
            let error = explained(ProfileName::Generic, false, status, body);
            assert!(
                matches!(error, RegistrationError::TokenWanted { .. }),
                "{error}"
            );
        }
    }

    #[test]
    fn every_other_answer_says_what_to_do() {
        use RegistrationError::{IssuerStatus, MetadataRefused, RedirectUriRefused};
        let error = |status, body: &str| explained(ProfileName::Generic, true, status, body);
        assert!(matches!(
            error(400, r#"{"error":"invalid_redirect_uri","error_description":"no"}"#),
            RedirectUriRefused { said, redirect_uris } if said == "no" && redirect_uris.len() == 2
        ));
        for code in ["invalid_client_metadata", "unapproved_software_statement"] {
            let body = format!(r#"{{"error":{code:?}}}"#);
            assert!(
                matches!(error(400, &body), MetadataRefused { code: found, .. } if found == code)
            );
        }
        assert!(matches!(error(400, "<html>"), MetadataRefused { code, .. } if code == "400"));
        for status in [403, 404, 405, 409, 429, 500, 502, 503] {
            let error = error(status, "<html>");
            assert!(matches!(error, IssuerStatus { status: found, .. } if found == status));
            assert_eq!(error.is_refusal(), ![429, 500, 502, 503].contains(&status));
        }
    }

    #[test]
    fn an_issuers_own_text_is_short_harmless_and_without_our_token() {
        let long = "x".repeat(1_000);
        let said = format!("no\u{1b}[2J {TOKEN} \u{202e}{long}");
        let error = keycloak(true, 401, "invalid_token", &said).to_string();
        assert!(
            !error.contains('\u{1b}') && !error.contains(TOKEN),
            "{error}"
        );
        assert!(!error.contains('\u{202e}'), "quoted as an escape: {error}");
        assert!(error.len() < 700, "{}", error.len());
    }
}
