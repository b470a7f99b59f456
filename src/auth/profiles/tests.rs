//! Each profile against metadata and tokens of that provider's shape (`fixtures/{name}.json`), signed here.

use serde_json::{Map, Value, json};

use super::differences::Live;
use super::*;
use crate::auth::claims::{self, Rules};
use crate::auth::tests::Bench;
use crate::auth::unverified::{UnverifiedHeader, object};
use crate::auth::{IssuerSettings, TokenError};

/// All names. A fixture and a page belong to each.
const NAMES: [ProfileName; 17] = [
    ProfileName::Adfs,
    ProfileName::Auth0,
    ProfileName::Authelia,
    ProfileName::Authentik,
    ProfileName::Clerk,
    ProfileName::Cognito,
    ProfileName::Descope,
    ProfileName::EntraV1,
    ProfileName::EntraV2,
    ProfileName::Generic,
    ProfileName::Keycloak,
    ProfileName::Okta,
    ProfileName::Pingfederate,
    ProfileName::Pingone,
    ProfileName::Supabase,
    ProfileName::Workos,
    ProfileName::Zitadel,
];

fn root() -> &'static std::path::Path {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn fixture(name: ProfileName) -> Value {
    let file = format!("src/auth/profiles/fixtures/{}.json", name.as_str());
    let text = std::fs::read_to_string(root().join(&file)).expect(&file);
    let text = text.replace("{resource}", &Bench::resource());
    serde_json::from_str(&text).expect(&file)
}

fn settings(fixture: &Value) -> IssuerSettings {
    serde_json::from_value(fixture["settings"].clone())
        .expect("settings as an operator writes them")
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().expect(name)
}

/// The token with members changed; null takes one away.
fn changed(token: &Value, change: &Value) -> Value {
    let mut token = token.clone();
    for part in ["header", "claims"] {
        for (name, value) in change[part].as_object().into_iter().flatten() {
            let members = token[part].as_object_mut().expect("an object");
            if value.is_null() {
                members.remove(name);
            } else {
                members.insert(name.clone(), value.clone());
            }
        }
    }
    token
}

/// What must be refused whoever the provider is, with the reason.
fn refused_everywhere(profile: &Profile, token: &Value) -> Vec<(String, Value, &'static str)> {
    let mut cases = Vec::new();
    let mut case = |what: String, change: Value, reason| cases.push((what, change, reason));
    let has = |name: &&&str| token["claims"].get(**name).is_some();
    let audience = profile
        .audience_claims
        .iter()
        .find(has)
        .expect("an audience");
    let other = json!({ "claims": { *audience: "https://other.test/mcp" } });
    case("another audience".into(), other, "wrong_audience");
    case(
        "another typ".into(),
        json!({ "header": { "typ": "logout+jwt" } }),
        "wrong_type",
    );
    if !profile.without_type {
        case(
            "no typ".into(),
            json!({ "header": { "typ": null } }),
            "wrong_type",
        );
    }
    for mark in profile.access_token_marks {
        let absent: Map<_, _> = match mark {
            Mark::Has(name) | Mark::Is(name, _) => vec![(*name).to_owned()],
            Mark::HasOneOf(names) => names.iter().map(|name| (*name).to_owned()).collect(),
        }
        .into_iter()
        .map(|name| (name, Value::Null))
        .collect();
        case(
            format!("without {mark:?}"),
            json!({ "claims": absent }),
            "wrong_type",
        );
    }
    if let Some(groups) = profile.groups_claim {
        let elsewhere = json!({ "claims": { groups: null, "_claim_names": { groups: "src1" } } });
        case("groups elsewhere".into(), elsewhere, "group_overage");
    }
    cases
}

#[tokio::test]
async fn each_profile_accepts_its_access_token_and_refuses_what_only_looks_like_one() {
    let bench = Bench::start().await;
    for name in NAMES {
        let fixture = fixture(name);
        let server = bench
            .server(settings(&fixture), text(&fixture, "issuer"))
            .await;
        let token = &fixture["access_token"];
        let verdict = server.check_and_explain(token).await;
        let principal = verdict.unwrap_or_else(|error| panic!("{name:?}: {error}"));
        let expected = &fixture["expected"];
        assert_eq!(
            json!(principal.client_id()),
            expected["client_id"],
            "{name:?}"
        );
        let scopes: Vec<_> = principal.scopes().iter().map(ToString::to_string).collect();
        assert_eq!(json!(scopes), expected["scopes"], "{name:?}");
        assert_eq!(json!(principal.groups()), expected["groups"], "{name:?}");

        let id_token = &fixture["id_token"];
        let error = server
            .check_and_explain(id_token)
            .await
            .expect_err("an ID token");
        assert_eq!(
            error.reason(),
            text(id_token, "reason"),
            "{name:?}: ID token"
        );
        // Nor if its audience were ours: then only the kind of token keeps it out.
        let audience = if token["claims"].get("aud").is_some() {
            token["claims"]["aud"].clone()
        } else {
            token["claims"]["client_id"].clone()
        };
        let meant_for_us = changed(id_token, &json!({ "claims": { "aud": audience } }));
        let error = server
            .check_and_explain(&meant_for_us)
            .await
            .expect_err("an ID token");
        let kinds = ["id_token", "wrong_type", "wrong_issuer"];
        assert!(kinds.contains(&error.reason()), "{name:?}: {error}");

        let everywhere = refused_everywhere(name.profile(), token);
        let own = fixture["refused"].as_array().expect("a list").iter();
        let own = own.map(|case| {
            let reason = text(case, "reason").to_owned();
            (text(case, "what").to_owned(), case.clone(), reason)
        });
        let cases = everywhere
            .into_iter()
            .map(|(what, change, reason)| (what, change, reason.to_owned()));
        for (what, change, reason) in cases.chain(own) {
            let found = server.check_and_explain(&changed(token, &change)).await;
            let found = found.err().map_or("ok", |error| error.reason());
            assert_eq!(found, reason, "{name:?}: {what}");
        }
    }
}

#[test]
fn metadata_of_each_provider_leads_to_its_profile_and_has_the_differences_that_are_known() {
    for name in NAMES {
        let fixture = fixture(name);
        let (issuer, settings) = (text(&fixture, "issuer"), settings(&fixture));
        let document = &fixture["metadata"];
        let endpoint = document["token_endpoint"].as_str();
        assert_eq!(
            detect(&Evidence::new(issuer, endpoint)).name,
            name,
            "{issuer}"
        );
        let settings = IssuerSettings {
            issuer: issuer.to_owned(),
            ..settings
        };
        let found = name.profile().differences(&Live {
            settings: &settings,
            asked_for: &["mcp:read".to_owned()],
            found_at: text(&fixture, "found_at"),
            document,
        });
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        let expected = fixture["differences"].as_array().expect("a list");
        assert_eq!(found.len(), expected.len(), "{name:?}: {found:?}");
        for (difference, part) in found.iter().zip(expected) {
            let part = part.as_str().expect("a part of the text");
            assert!(difference.contains(part), "{name:?}: {difference}");
        }
    }
}

#[test]
fn an_issuer_that_resembles_a_provider_is_generic_all_the_same() {
    for (issuer, endpoint) in [
        ("https://id.test/realms/", None),
        ("https://realms.test", None),
        ("https://id.test/?next=/realms/mcp", None),
        ("https://id.test", Some("https://id.test/token")),
        ("https://example.okta.com", None),
        ("https://id.test/oauth2/aus1", None),
        ("https://evilauth0.com/", None),
        ("https://login.microsoftonline.com/common", None),
        ("https://login.microsoftonline.com.evil.test/t/v2.0", None),
        ("https://cognito-idp.eu-central-1.evil.test/pool", None),
        ("https://abcdefgh.supabase.co", None),
    ] {
        let found = detect(&Evidence::new(issuer, endpoint)).name;
        assert_eq!(found, ProfileName::Generic, "{issuer}");
    }
    let table = [
        (
            "https://id.test/auth/realms/mcp",
            None,
            ProfileName::Keycloak,
        ),
        (
            "https://id.test",
            Some("https://id.test/protocol/openid-connect/token"),
            ProfileName::Keycloak,
        ),
        (
            "https://login.example.com/oauth2/aus1",
            Some("https://login.example.com/oauth2/aus1/v1/token"),
            ProfileName::Okta,
        ),
        ("https://a.ciamlogin.com/t/v2.0", None, ProfileName::EntraV2),
    ];
    for (issuer, endpoint, expected) in table {
        assert_eq!(
            detect(&Evidence::new(issuer, endpoint)).name,
            expected,
            "{issuer}"
        );
    }
}

/// The verdict of the claims alone, for a profile that was found and not configured, or the other way round.
fn judge(name: ProfileName, is_configured: bool, token: &Value) -> Result<Vec<String>, TokenError> {
    let mut token = token.clone();
    token["header"]["alg"] = json!("RS256");
    token["claims"]["exp"] = json!(100);
    token["claims"]["iss"] = json!("https://id.test");
    let header = UnverifiedHeader::parse(token["header"].to_string().as_bytes())?;
    let text = token["claims"].to_string();
    let rules = Rules {
        profile: name.profile(),
        token_types: &[],
        is_configured,
        groups_claim: None,
        scope_claim: None,
        client_ids: &[],
        kept_claims: &[],
        leeway_seconds: 0,
        max_lifetime_seconds: 100,
    };
    let claims = claims::check(&header, &object(text.as_bytes())?, &rules, 50)?;
    Ok(claims.audiences)
}

#[test]
fn a_profile_that_was_only_found_takes_no_audience_from_anywhere_but_aud() {
    let token = &fixture(ProfileName::Cognito)["access_token"];
    assert_eq!(
        judge(ProfileName::Cognito, true, token),
        Ok(vec!["1example23456789".to_owned()])
    );
    assert_eq!(
        judge(ProfileName::Cognito, false, token),
        Err(TokenError::MissingClaim("aud"))
    );
    for name in NAMES
        .into_iter()
        .filter(|name| *name != ProfileName::Cognito)
    {
        assert_eq!(name.profile().audience_claims, ["aud"], "{name:?}");
    }
}

#[test]
fn a_token_without_typ_has_to_have_another_mark() {
    for name in NAMES {
        let profile = name.profile();
        assert_eq!(profile.name, name);
        assert!(!profile.without_type || !profile.access_token_marks.is_empty());
        // `JWT` says nothing of the kind of token either.
        let says_nothing = profile.token_types.contains(&"JWT");
        assert!(
            !says_nothing || !profile.access_token_marks.is_empty(),
            "{name:?}"
        );
        assert!(profile.opaque_hint.len() > 40, "{name:?}");
        assert!(profile.audience_hint.len() > 40, "{name:?}");
    }
}

#[test]
fn each_profile_has_a_page_with_its_configuration_and_the_index_leads_there() {
    let folder = root().join("docs/identity-providers");
    let index =
        std::fs::read_to_string(root().join("docs/identity-providers.md")).expect("the index");
    for name in NAMES {
        let file = format!("{}.md", name.as_str());
        let page = std::fs::read_to_string(folder.join(&file)).expect(&file);
        assert!(
            index.contains(&format!("(identity-providers/{file})")),
            "{file}"
        );
        for part in [
            &format!("profile = \"{}\"", name.as_str()),
            "## At the provider",
            "## In Usher",
            "## Traps",
            "## Verified and not",
        ] {
            assert!(page.contains(part), "{file} has {part}");
        }
        // What the page tells people to write is what was tested.
        let block = page
            .split("```toml\n")
            .nth(1)
            .and_then(|rest| rest.split("```").next());
        let written: Value = toml::from_str(block.expect("a block")).expect(&file);
        let fixture = fixture(name);
        let mut tested = fixture["settings"].clone();
        tested["issuer"] = fixture["issuer"].clone();
        assert_eq!(written["issuer"], json!([tested]), "{file}");
    }
}

#[test]
fn the_name_in_the_settings_is_the_name_in_the_log() {
    for name in NAMES {
        let read = serde_json::from_value::<ProfileName>(json!(name.as_str()));
        assert_eq!(read.expect("a name"), name);
    }
}
