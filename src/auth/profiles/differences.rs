//! What an issuer's live metadata says that its profile does not expect.
//!
//! Pure: told once in the log when the metadata is found or has changed, and to be asked by whoever diagnoses a
//! connection. A difference stops nothing; what follows from it is refused later, token by token.

use serde_json::Value;

use super::{Discovery, Evidence, Profile, ProfileName, detect};
use crate::auth::IssuerSettings;
use crate::auth::algorithm::Algorithm;
use crate::auth::scope::is_of_the_issuer;

/// An issuer's metadata, and what the settings say of the issuer.
#[derive(Clone, Copy, Debug)]
pub(in crate::auth) struct Live<'l> {
    /// What the operator wrote.
    pub settings: &'l IssuerSettings,
    /// The scopes that clients are told to ask for.
    pub asked_for: &'l [String],
    /// Where the document was found.
    pub found_at: &'l str,
    /// The document.
    pub document: &'l Value,
}

/// One thing that is not as expected: what, what was found, what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::auth) enum Difference {
    /// None of the algorithms accepted is among those that the issuer signs with.
    #[error("the issuer signs with {found}, and accepted is {accepted}: {advice}")]
    Algorithms {
        found: String,
        accepted: String,
        advice: String,
    },
    /// Tokens are to be asked about, and nobody says where.
    #[error(
        "the metadata names no introspection_endpoint: opaque tokens get 503 until `introspection.url` is set"
    )]
    Introspection,
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
         (MCP authorization, authorization code protection); switch PKCE on at the issuer if it can be"
    )]
    Pkce,
    /// Clients ask for what it does not offer.
    #[error(
        "scopes_supported lists other scopes and not {missing}, for which clients are told to ask: create the scope at the \
         issuer and let its metadata list it, or set `scopes` to the names that it has there"
    )]
    Scopes { missing: String },
    /// Its access tokens name another issuer.
    #[error(
        "access_token_issuer is {found:?}, and tokens are expected to name {expected:?}: set `token_issuer = {found:?}`"
    )]
    TokenIssuer { expected: String, found: String },
}

impl Profile {
    /// Everything in the live metadata that is not as this profile has it.
    pub(in crate::auth) fn differences(&self, live: &Live<'_>) -> Vec<Difference> {
        let mut differences = Vec::new();
        let endpoint = live.text("token_endpoint");
        let looks_like = detect(&Evidence::new(&live.settings.issuer, endpoint)).name;
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
        let token_issuer = live.settings.token_issuer();
        if let Some(found) = live.text("access_token_issuer")
            && found != token_issuer
        {
            differences.push(Difference::TokenIssuer {
                expected: token_issuer.to_owned(),
                found: found.to_owned(),
            });
        }
        differences.extend(live.algorithms());
        if !live
            .list("code_challenge_methods_supported")
            .contains(&"S256")
        {
            differences.push(Difference::Pkce);
        }
        differences.extend(live.scopes());
        let introspection = &live.settings.introspection;
        if introspection.enabled
            && introspection.url.is_none()
            && live.text("introspection_endpoint").is_none()
        {
            differences.push(Difference::Introspection);
        }
        differences
    }
}

impl<'l> Live<'l> {
    /// How clients come to a client id, as far as the metadata says.
    pub(in crate::auth) fn registration(&self) -> &'static str {
        let documents = self.document.get("client_id_metadata_document_supported");
        let documents = documents == Some(&Value::Bool(true));
        match (self.text("registration_endpoint"), documents) {
            (Some(_), true) => "register themselves, or have a metadata document",
            (Some(_), false) => "register themselves",
            (None, true) => "have a metadata document",
            (None, false) => "have to be registered by hand",
        }
    }

    fn text(&self, name: &str) -> Option<&'l str> {
        self.document.get(name).and_then(Value::as_str)
    }

    fn list(&self, name: &str) -> Vec<&'l str> {
        let items = self.document.get(name).and_then(Value::as_array);
        items
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }

    /// Said of ID tokens; access tokens are signed with the same keys.
    fn algorithms(&self) -> Option<Difference> {
        let found = self.list("id_token_signing_alg_values_supported");
        let accepted = &self.settings.algorithms;
        let is_accepted = |name: &&str| {
            let algorithm = Algorithm::parse(name);
            let mut accepted = accepted.iter().map(|known| Algorithm::parse(known));
            algorithm.is_some() && accepted.any(|known| known == algorithm)
        };
        if found.is_empty() || found.iter().any(is_accepted) {
            return None;
        }
        let usable = found.iter().filter(|name| Algorithm::parse(name).is_some());
        let usable: Vec<_> = usable.map(|name| format!("{name:?}")).collect();
        let advice = if usable.is_empty() {
            "let it sign with one that is asymmetric, such as RS256".to_owned()
        } else {
            format!("set `algorithms = [{}]`", usable.join(", "))
        };
        Some(Difference::Algorithms {
            found: found.join(", "),
            accepted: accepted.join(", "),
            advice,
        })
    }

    /// Some providers list none but OpenID Connect's own, which says nothing of the others.
    fn scopes(&self) -> Option<Difference> {
        let listed = self.list("scopes_supported");
        if listed.iter().all(|scope| is_of_the_issuer(scope)) {
            return None;
        }
        let missing = self.asked_for.iter().map(String::as_str);
        let missing: Vec<_> = missing.filter(|scope| !listed.contains(scope)).collect();
        let missing = (!missing.is_empty()).then(|| missing.join(", "));
        missing.map(|missing| Difference::Scopes { missing })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::auth::IntrospectionSettings;

    fn document(change: &Value) -> Value {
        let mut document = json!({
            "token_endpoint": "https://id.test/token",
            "introspection_endpoint": "https://id.test/introspect",
            "scopes_supported": ["openid", "mcp:read", "mcp:write"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        });
        for (name, value) in change.as_object().expect("an object") {
            document[name] = value.clone();
        }
        document
    }

    fn differences(profile: ProfileName, found_at: &str, change: &Value) -> Vec<String> {
        let settings = IssuerSettings {
            introspection: IntrospectionSettings {
                enabled: true,
                ..IntrospectionSettings::default()
            },
            ..IssuerSettings::named("https://id.test")
        };
        let live = Live {
            settings: &settings,
            asked_for: &["mcp:read".to_owned()],
            found_at,
            document: &document(change),
        };
        let differences = profile.profile().differences(&live);
        differences.iter().map(ToString::to_string).collect()
    }

    const APPENDED: &str = "https://id.test/.well-known/openid-configuration";

    fn check(profile: ProfileName, found_at: &str, change: &Value, expected: Option<&str>) {
        let found = differences(profile, found_at, change);
        match (expected, found.as_slice()) {
            (None, []) => {}
            (Some(part), [one]) => assert!(one.contains(part), "{change}: {one}"),
            _ => panic!("{profile:?} {found_at} {change}: {found:?}"),
        }
    }

    #[test]
    fn metadata_of_another_provider_or_place_is_told() {
        use ProfileName::{Adfs, Generic, Keycloak, Okta};
        let inserted = "https://id.test/.well-known/oauth-authorization-server/a";
        let keycloak = json!({ "token_endpoint": "https://id.test/protocol/openid-connect/token" });
        let adfs = json!({ "access_token_issuer": "http://id.test/adfs/services/trust" });
        let token_issuer = "token_issuer = \"http://id.test/adfs/services/trust\"";
        for (profile, found_at, change, expected) in [
            (Generic, APPENDED, &json!({}), None),
            (Generic, inserted, &json!({}), None),
            (Okta, APPENDED, &json!({}), None),
            (Okta, inserted, &json!({}), Some("is not known to have it")),
            (Generic, APPENDED, &keycloak, Some("profile = \"keycloak\"")),
            (Keycloak, APPENDED, &keycloak, None),
            (Adfs, APPENDED, &adfs, Some(token_issuer)),
        ] {
            check(profile, found_at, change, expected);
        }
    }

    #[test]
    fn metadata_that_does_not_go_with_the_settings_is_told() {
        let (algorithms, methods) = (
            "id_token_signing_alg_values_supported",
            "code_challenge_methods_supported",
        );
        for (change, expected) in [
            (json!({ algorithms: ["ES256", "RS256"] }), None),
            (
                json!({ algorithms: ["HS256", "ES256"] }),
                Some(
                    "signs with HS256, ES256, and accepted is RS256: set `algorithms = [\"ES256\"]`",
                ),
            ),
            (
                json!({ algorithms: ["HS256"] }),
                Some("let it sign with one that is asymmetric"),
            ),
            (json!({ methods: ["plain"] }), Some("S256")),
            (json!({ methods: null }), Some("S256")),
            (
                json!({ "introspection_endpoint": null }),
                Some("introspection.url"),
            ),
            (
                json!({ "scopes_supported": ["openid", "orders:read"] }),
                Some("and not mcp:read,"),
            ),
            (
                json!({ "scopes_supported": ["openid", "offline_access"] }),
                None,
            ),
            (json!({ "scopes_supported": null }), None),
        ] {
            check(ProfileName::Generic, APPENDED, &change, expected);
        }
    }

    #[test]
    fn the_metadata_says_how_clients_come_to_an_id() {
        let endpoint = "https://id.test/register";
        for (change, expected) in [
            (json!({}), "by hand"),
            (json!({ "registration_endpoint": endpoint }), "themselves"),
            (
                json!({ "client_id_metadata_document_supported": true }),
                "have a metadata document",
            ),
            (
                json!({ "client_id_metadata_document_supported": "true" }),
                "by hand",
            ),
            (
                json!({ "registration_endpoint": endpoint, "client_id_metadata_document_supported": true }),
                "themselves, or have a metadata document",
            ),
        ] {
            let settings = IssuerSettings::named("https://id.test");
            let live = Live {
                settings: &settings,
                asked_for: &[],
                found_at: "",
                document: &document(&change),
            };
            assert!(live.registration().ends_with(expected), "{change}");
        }
    }
}
