//! What metadata of real shape is judged to offer.

use serde_json::{Value, json};

use super::*;
use crate::doctor::Verdict;

fn asked(issuer: &str, clients: &[KnownClient]) -> Asked {
    Asked {
        issuer: issuer.to_owned(),
        is_first: true,
        resource: "https://mcp.test/mcp".to_owned(),
        scopes: vec!["mcp:read".to_owned()],
        clients: clients.to_vec(),
        named: true,
        client_id: None,
        registers: None,
        now: 0,
    }
}

/// As npm's `oidc-provider` and Keycloak have it.
fn healthy() -> Value {
    json!({
        "issuer": "https://id.test",
        "authorization_endpoint": "https://id.test/authorize",
        "token_endpoint": "https://id.test/token",
        "registration_endpoint": "https://id.test/register",
        "jwks_uri": "https://id.test/jwks",
        "response_types_supported": ["code", "none"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["plain", "S256"],
        "authorization_response_iss_parameter_supported": true,
        "scopes_supported": ["openid", "offline_access", "mcp:read"],
    })
}

fn of(value: &Value) -> Document {
    Document::parse(value.to_string().as_bytes()).expect("a document")
}

fn bad(
    value: &Value,
    clients: &[KnownClient],
    profile: ProfileName,
) -> Vec<(&'static str, Verdict)> {
    let findings = judge(&of(value), &asked("https://id.test", clients), profile);
    let all = findings
        .iter()
        .map(|finding| (finding.check.id, finding.verdict));
    all.filter(|(_, verdict)| *verdict != Verdict::Ok).collect()
}

#[test]
fn healthy_metadata_gives_no_failure_and_no_warning() {
    assert_eq!(bad(&healthy(), &KnownClient::ALL, ProfileName::Generic), []);
}

#[test]
fn each_thing_that_is_missing_is_named_by_its_own_check() {
    use Verdict::{Failure, Warning};
    let rows: [(&str, Value, (&str, Verdict)); 12] = [
        (
            "jwks_uri",
            json!("http://id.test/jwks"),
            ("issuer-https", Failure),
        ),
        (
            "token_endpoint",
            json!("http://127.0.0.1/token"),
            ("issuer-https", Failure),
        ),
        (
            "code_challenge_methods_supported",
            Value::Null,
            ("pkce-offered", Failure),
        ),
        (
            "code_challenge_methods_supported",
            json!(["plain"]),
            ("pkce-offered", Failure),
        ),
        (
            "response_types_supported",
            json!(["token"]),
            ("code-flow-offered", Failure),
        ),
        (
            "grant_types_supported",
            json!(["client_credentials", "refresh_token"]),
            ("code-flow-offered", Failure),
        ),
        (
            "authorization_response_iss_parameter_supported",
            json!(false),
            ("response-issuer", Warning),
        ),
        (
            "scopes_supported",
            json!(["openid", "offline_access", "other"]),
            ("scopes-offered", Warning),
        ),
        // Nothing but the standard ones says nothing of others.
        (
            "scopes_supported",
            json!(["openid", "offline_access"]),
            ("", Verdict::Ok),
        ),
        ("scopes_supported", Value::Null, ("", Verdict::Ok)),
        ("grant_types_supported", Value::Null, ("", Verdict::Ok)),
        ("registration_endpoint", Value::Null, ("", Verdict::Ok)),
    ];
    for (name, value, expected) in rows {
        let mut document = healthy();
        document[name] = value.clone();
        let found = bad(&document, &KnownClient::ALL, ProfileName::Generic);
        let expected = if expected.0.is_empty() {
            vec![]
        } else {
            vec![expected]
        };
        assert_eq!(found, expected, "{name}: {value}");
    }
    let mut document = healthy();
    document["grant_types_supported"] = json!(["authorization_code"]);
    document["scopes_supported"] = json!(["openid", "mcp:read"]);
    let found = bad(&document, &KnownClient::ALL, ProfileName::Generic);
    assert_eq!(found, [("offline-access", Warning)]);
}

#[test]
fn only_chatgpt_asked_for_by_name_cares_for_iss() {
    let mut document = healthy();
    document["authorization_response_iss_parameter_supported"] = Value::Null;
    assert_eq!(
        bad(&document, &[KnownClient::Claude], ProfileName::Generic),
        []
    );
    let all = Asked {
        named: false,
        ..asked("https://id.test", &KnownClient::ALL)
    };
    let findings = judge(&of(&document), &all, ProfileName::Generic);
    assert!(
        findings
            .iter()
            .all(|finding| finding.verdict == Verdict::Ok)
    );
}

#[test]
fn a_provider_that_takes_pkce_without_saying_so_is_warned_of_only() {
    let mut document = healthy();
    document["code_challenge_methods_supported"] = Value::Null;
    for (profile, verdict) in [
        (ProfileName::EntraV2, Verdict::Warning),
        (ProfileName::Adfs, Verdict::Warning),
        (ProfileName::Keycloak, Verdict::Failure),
        (ProfileName::Generic, Verdict::Failure),
    ] {
        assert_eq!(
            bad(&document, &[], profile),
            [("pkce-offered", verdict)],
            "{profile:?}"
        );
    }
}

#[test]
fn each_profile_of_real_shape_is_judged_and_fixed_in_its_own_words() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/auth/profiles/fixtures");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).expect("fixtures") {
        let text = std::fs::read_to_string(entry.expect("a file").path()).expect("a fixture");
        let fixture: Value = serde_json::from_str(&text).expect("JSON");
        let issuer = fixture["issuer"].as_str().expect("an issuer");
        let document = of(&fixture["metadata"]);
        let profile = document.profile(issuer);
        let findings = judge(&document, &asked(issuer, &KnownClient::ALL), profile);
        let pkce = findings
            .iter()
            .find(|finding| finding.check == &PKCE_OFFERED)
            .expect("a finding");
        // What the profile's own differences say, the doctor says.
        let expected = fixture["differences"].as_array().expect("a list").iter();
        let lacks = expected
            .filter_map(Value::as_str)
            .any(|difference| difference.contains("S256"));
        assert_eq!(pkce.verdict == Verdict::Ok, !lacks, "{issuer}");
        if lacks {
            assert_eq!(pkce.fix, PKCE_OFFERED.fix_at(profile), "{issuer}");
        }
        seen += 1;
    }
    assert_eq!(seen, 17);
}
