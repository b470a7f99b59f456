//! What an issuer's live metadata says that its profile does not expect.
//!
//! Pure: told once in the log when the metadata is found or has changed, and to be asked by whoever diagnoses a
//! connection. A difference stops nothing; what follows from it is refused later, token by token.

use serde_json::Value;

use super::{Discovery, Evidence, Profile, ProfileName, detect};

/// An issuer's metadata, and what the settings say of the issuer.
#[derive(Clone, Copy, Debug)]
pub(in crate::auth) struct Live<'l> {
    /// The issuer identifier.
    pub issuer: &'l str,
    /// What is expected in `iss`.
    pub token_issuer: &'l str,
    /// The algorithms accepted.
    pub algorithms: &'l [String],
    /// Where the document was found.
    pub found_at: &'l str,
    /// The document.
    pub document: &'l Value,
}

/// One thing that is not as expected: what, what was found, what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::auth) enum Difference {
    /// None of the algorithms accepted is among those that the issuer signs with.
    #[error(
        "the issuer signs with {found}, of which none is accepted: set `algorithms` to one of them that is not symmetric"
    )]
    Algorithms { found: String },
    /// It looks like another provider.
    #[error(
        "the metadata looks like {} and not like {}: if it is, set `profile = {:?}`",
        found.as_str(), expected.as_str(), found.as_str()
    )]
    OtherProvider {
        expected: ProfileName,
        found: ProfileName,
    },
    /// The document was not found where this provider has it.
    #[error(
        "the metadata was found at {found}, where {} is not known to have it: is there a proxy in between?",
        profile.as_str()
    )]
    Place { profile: ProfileName, found: String },
    /// Clients will refuse it.
    #[error(
        "code_challenge_methods_supported does not list S256: MCP clients that follow the specification refuse to log in \
         (MCP authorization, authorization code protection)"
    )]
    Pkce,
    /// Its access tokens name another issuer.
    #[error(
        "access_token_issuer is {found:?}, and tokens are expected to name {expected:?}: set `token_issuer = {found:?}`"
    )]
    TokenIssuer { expected: String, found: String },
}

impl Profile {
    /// Everything in the live metadata that is not as this profile has it.
    pub(in crate::auth) fn differences(&self, live: &Live<'_>) -> Vec<Difference> {
        let text = |name: &str| live.document.get(name).and_then(Value::as_str);
        let list = |name: &str| -> Option<Vec<&str>> {
            let items = live.document.get(name)?.as_array()?;
            Some(items.iter().filter_map(Value::as_str).collect())
        };
        let mut differences = Vec::new();

        let looks_like = detect(&Evidence::new(live.issuer, text("token_endpoint"))).name;
        if looks_like != ProfileName::Generic && looks_like != self.name {
            differences.push(Difference::OtherProvider {
                expected: self.name,
                found: looks_like,
            });
        }
        let appended = "/.well-known/openid-configuration";
        if self.discovery == Discovery::Appended && !live.found_at.ends_with(appended) {
            differences.push(Difference::Place {
                profile: self.name,
                found: live.found_at.to_owned(),
            });
        }
        if let Some(found) = text("access_token_issuer")
            && found != live.token_issuer
        {
            differences.push(Difference::TokenIssuer {
                expected: live.token_issuer.to_owned(),
                found: found.to_owned(),
            });
        }
        // Said of ID tokens; access tokens are signed with the same keys.
        if let Some(found) = list("id_token_signing_alg_values_supported")
            && !found.is_empty()
            && !found
                .iter()
                .any(|name| live.algorithms.iter().any(|known| known == name))
        {
            let found = found.join(", ");
            differences.push(Difference::Algorithms { found });
        }
        let methods = list("code_challenge_methods_supported").unwrap_or_default();
        if !methods.contains(&"S256") {
            differences.push(Difference::Pkce);
        }
        differences
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn differences(profile: ProfileName, found_at: &str, change: Value) -> Vec<String> {
        let mut document = json!({
            "token_endpoint": "https://id.test/token",
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        });
        for (name, value) in change.as_object().expect("an object") {
            document[name] = value.clone();
        }
        let live = Live {
            issuer: "https://id.test",
            token_issuer: "https://id.test",
            algorithms: &["RS256".to_owned()],
            found_at,
            document: &document,
        };
        let differences = profile.profile().differences(&live);
        differences.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn metadata_as_expected_has_no_differences_and_each_other_one_is_told() {
        let appended = "https://id.test/.well-known/openid-configuration";
        let inserted = "https://id.test/.well-known/oauth-authorization-server/a";
        let keycloak = "https://id.test/protocol/openid-connect/token";
        let table = [
            (ProfileName::Generic, appended, json!({}), None),
            (ProfileName::Generic, inserted, json!({}), None),
            (ProfileName::Okta, appended, json!({}), None),
            (
                ProfileName::Okta,
                inserted,
                json!({}),
                Some("is not known to have it"),
            ),
            (
                ProfileName::Generic,
                appended,
                json!({ "token_endpoint": keycloak }),
                Some("profile = \"keycloak\""),
            ),
            (
                ProfileName::Keycloak,
                appended,
                json!({ "token_endpoint": keycloak }),
                None,
            ),
            (
                ProfileName::Adfs,
                appended,
                json!({ "access_token_issuer": "http://id.test/adfs/services/trust" }),
                Some("token_issuer = \"http://id.test/adfs/services/trust\""),
            ),
            (
                ProfileName::Generic,
                appended,
                json!({ "id_token_signing_alg_values_supported": ["HS256", "ES256"] }),
                Some("HS256, ES256"),
            ),
            (
                ProfileName::Generic,
                appended,
                json!({ "code_challenge_methods_supported": ["plain"] }),
                Some("S256"),
            ),
            (
                ProfileName::Generic,
                appended,
                json!({ "code_challenge_methods_supported": null }),
                Some("S256"),
            ),
        ];
        for (profile, found_at, change, expected) in table {
            let found = differences(profile, found_at, change.clone());
            match (expected, found.as_slice()) {
                (None, []) => {}
                (Some(part), [one]) => assert!(one.contains(part), "{change}: {one}"),
                _ => panic!("{profile:?} {found_at} {change}: {found:?}"),
            }
        }
    }
}
