//! Tokens that are no signed JWT: what the operator is told to change, and where.
//!
//! Which issuer such a token came from cannot be known, so the log names the hint of every configured issuer. The token
//! itself, or a part of it, is never logged; only prefixes that providers publish are compared.

use super::issuer::Issuer;
use super::seldom::Seldom;
use super::{AccessToken, TokenError};

/// Providers whose opaque tokens have a published prefix, with what to do.
const PREFIXES: &[(&str, &str)] = &[
    (
        "ya29.",
        "this is a Google access token: Google issues no JWT access tokens, so nobody but Google can check it. Use an \
         identity provider that lets people log in with Google and issues its own tokens",
    ),
    (
        "oat_",
        "this is an opaque token of Clerk's: switch on \"Generate access tokens as JWTs\" in the dashboard under OAuth \
         applications, Settings",
    ),
    (
        "authelia_at_",
        "this is an opaque token of Authelia's: set the client's access_token_signed_response_alg to RS256",
    ),
];

/// What else can be done where the issuer says that it can be asked.
const ASK: &str = "the issuer has an introspection endpoint: `introspection.enabled = true` asks it about such tokens";

/// Remembers when the log last explained.
#[derive(Debug, Default)]
pub(super) struct OpaqueTokens(Seldom);

impl OpaqueTokens {
    /// Says once in a while what to change, if the token was refused because it is opaque or encrypted.
    pub(super) fn explain(
        &self,
        error: &TokenError,
        access_token: &AccessToken,
        issuers: &[Issuer],
        now: i64,
    ) {
        if !matches!(error, TokenError::NotAJws | TokenError::Encrypted) || !self.0.take(now) {
            return;
        }
        let reason = error.reason();
        if let Some(hint) = known_prefix(access_token.expose()) {
            tracing::warn!(reason, hint, "a token that cannot be checked here");
            return;
        }
        for issuer in issuers {
            let profile = issuer.profile();
            tracing::warn!(
                reason,
                issuer = issuer.identifier(),
                profile = profile.name.as_str(),
                hint = profile.opaque_hint,
                otherwise = issuer.could_be_asked().then_some(ASK),
                "a token that cannot be checked here"
            );
        }
    }
}

/// What to change so that such a token does not come again: what its prefix says, else what each issuer's profile does.
pub(super) fn hints(token: &str, issuers: &[Issuer]) -> Vec<&'static str> {
    if let Some(hint) = known_prefix(token) {
        return vec![hint];
    }
    let mut hints = Vec::new();
    for issuer in issuers {
        let ask = issuer.could_be_asked().then_some(ASK);
        for hint in std::iter::once(issuer.profile().opaque_hint).chain(ask) {
            if !hints.contains(&hint) {
                hints.push(hint);
            }
        }
    }
    hints
}

fn known_prefix(token: &str) -> Option<&'static str> {
    let mut prefixes = PREFIXES.iter();
    prefixes
        .find(|(prefix, _)| token.starts_with(prefix))
        .map(|(_, hint)| *hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_published_prefix_names_its_provider_and_nothing_else_does() {
        for (token, name) in [
            ("ya29.a0AfB_by", "Google"),
            ("oat_01ABC", "Clerk"),
            ("authelia_at_abc", "Authelia"),
        ] {
            assert!(known_prefix(token).is_some_and(|hint| hint.contains(name)));
        }
        for token in ["", "ya29", "8xLOxBtZp8", "a.b"] {
            assert_eq!(known_prefix(token), None, "{token}");
        }
    }
}
