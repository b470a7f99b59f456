//! How each identity provider writes its tokens: which `typ` it uses, where client id, scopes and groups are found.
//!
//! A profile is data plus pure functions, one file each under `profiles/`. It never relaxes a check: it says which exact
//! values one provider writes. Whatever an operator wants beyond that is written per issuer in the settings.

mod generic;
mod keycloak;

use schemars::JsonSchema;
use serde::Deserialize;

/// The name of a profile, as written in the settings.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum ProfileName {
    /// Any issuer that follows RFC 9068.
    Generic,
    /// Keycloak and the Red Hat build of it.
    Keycloak,
}

impl ProfileName {
    /// The name as written in the settings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::Keycloak => "keycloak",
        }
    }

    /// The profile behind the name.
    #[must_use]
    pub(in crate::auth) fn profile(self) -> &'static Profile {
        match self {
            Self::Generic => &generic::PROFILE,
            Self::Keycloak => &keycloak::PROFILE,
        }
    }
}

/// One provider's habits.
#[derive(Debug)]
pub(in crate::auth) struct Profile {
    /// Its name in settings and logs.
    pub name: ProfileName,
    /// The `typ` header values of its access tokens (RFC 9068 §2.1), compared without case (RFC 7515 §4.1.9).
    pub token_types: &'static [&'static str],
    /// What its access tokens carry in a payload member `typ`, where it writes one.
    pub payload_type: Option<&'static str>,
    /// Where the client id is, in this order.
    pub client_id_claims: &'static [&'static str],
    /// Where the groups are.
    pub groups_claim: &'static str,
    /// True if an issuer looks like this provider.
    pub recognises: fn(&Evidence<'_>) -> bool,
}

/// What is known of an issuer before its first token.
#[derive(Clone, Copy, Debug)]
pub(in crate::auth) struct Evidence<'a> {
    /// The issuer identifier.
    pub issuer: &'a str,
    /// The token endpoint of its metadata, once known.
    pub token_endpoint: Option<&'a str>,
}

/// The profile that follows from what is known: the first that recognises the issuer, else `generic`.
pub(in crate::auth) fn detect(evidence: &Evidence<'_>) -> &'static Profile {
    [&keycloak::PROFILE]
        .into_iter()
        .find(|profile| (profile.recognises)(evidence))
        .unwrap_or(&generic::PROFILE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_realm_path_or_a_keycloak_token_endpoint_means_keycloak_and_anything_else_generic() {
        let table = [
            ("https://id.test/realms/mcp", None, ProfileName::Keycloak),
            (
                "https://id.test/auth/realms/mcp",
                None,
                ProfileName::Keycloak,
            ),
            ("https://id.test/realms/", None, ProfileName::Generic),
            ("https://realms.test", None, ProfileName::Generic),
            (
                "https://id.test/?next=/realms/mcp",
                None,
                ProfileName::Generic,
            ),
            ("https://id.test", None, ProfileName::Generic),
            (
                "https://id.test",
                Some("https://id.test/protocol/openid-connect/token"),
                ProfileName::Keycloak,
            ),
            (
                "https://id.test",
                Some("https://id.test/token"),
                ProfileName::Generic,
            ),
        ];
        for (issuer, token_endpoint, expected) in table {
            let evidence = Evidence {
                issuer,
                token_endpoint,
            };
            assert_eq!(
                detect(&evidence).name,
                expected,
                "{issuer} {token_endpoint:?}"
            );
        }
    }

    #[test]
    fn every_name_leads_to_the_profile_of_that_name() {
        for name in [ProfileName::Generic, ProfileName::Keycloak] {
            assert_eq!(name.profile().name, name);
        }
    }
}
