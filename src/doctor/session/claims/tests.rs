//! Tokens as they are handed over, and what is wrong with each.

use serde_json::json;

use super::*;
use crate::auth::ProfileName;
use crate::doctor::walk::issuer::Document;

const NOW: i64 = 1_800_000_000;

fn asked() -> Asked {
    Asked {
        issuer: "https://id.test".to_owned(),
        is_first: true,
        resource: "https://mcp.test/mcp".to_owned(),
        scopes: vec!["mcp:read".to_owned()],
        clients: Vec::new(),
        named: false,
        client_id: None,
        registers: None,
        now: NOW,
    }
}

fn good() -> Value {
    json!({
        "iss": "https://id.test", "aud": ["account", "https://mcp.test/mcp"], "sub": "a", "scope": "openid mcp:read",
        "iat": NOW - 10, "exp": NOW + 290,
    })
}

fn token(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.c2ln", part(header), part(claims))
}

fn bad(token: &str, is_accepted: bool) -> Vec<&'static str> {
    let provider = Provider {
        issuer: "https://id.test".to_owned(),
        profile: ProfileName::Keycloak,
        document: Document::parse(b"{}").expect("a document"),
    };
    let findings = judge(token, (&asked(), &provider), NOW, is_accepted);
    let bad = findings
        .iter()
        .filter(|finding| finding.verdict != Verdict::Ok);
    bad.map(|finding| finding.check.id).collect()
}

#[test]
fn each_claim_that_is_wrong_is_named_and_nothing_else() {
    let header = json!({ "alg": "RS256", "typ": "at+jwt", "kid": "k" });
    let with = |name: &str, value: Value| {
        let mut claims = good();
        claims[name] = value;
        token(&header, &claims)
    };
    assert_eq!(bad(&token(&header, &good()), false), [] as [&str; 0]);
    for (token, expected) in [
        (with("aud", json!("account")), "token-audience"),
        (with("aud", Value::Null), "token-audience"),
        (with("iss", json!("https://id.test/")), "token-issuer"),
        (with("exp", json!(NOW - 60)), "token-expiry"),
        (with("exp", Value::Null), "token-expiry"),
        (with("exp", json!(NOW + 200_000)), "token-lifetime"),
        (with("nbf", json!(NOW + 300)), "token-clock"),
        (with("iat", json!(NOW + 290)), "token-clock"),
        (with("at_hash", json!("h")), "token-type"),
        (with("scope", json!("openid")), "token-scope"),
        (with("scope", Value::Null), "token-scope"),
        (
            token(&json!({ "alg": "HS256" }), &good()),
            "token-algorithm",
        ),
        ("ya29.opaque".to_owned(), "token-is-jwt"),
        ("a.b.c.d.e".to_owned(), "token-is-jwt"),
        ("a.b.c".to_owned(), "token-is-jwt"),
    ] {
        assert_eq!(bad(&token, false), [expected], "{token}");
        // The server knows more than can be seen from here.
        assert_eq!(bad(&token, true), [] as [&str; 0]);
    }
}

#[test]
fn the_names_of_one_resource_are_one_and_long_scopes_are_their_short_ones() {
    let header = json!({ "alg": "RS256" });
    for audience in [
        "https://mcp.test",
        "https://mcp.test/",
        "https://mcp.test/mcp",
        "https://mcp.test/sse",
    ] {
        let mut claims = good();
        claims["aud"] = json!(audience);
        assert_eq!(
            bad(&token(&header, &claims), false),
            [] as [&str; 0],
            "{audience}"
        );
    }
    let mut claims = good();
    claims["aud"] = json!("https://mcp.test.evil/mcp");
    assert_eq!(bad(&token(&header, &claims), false), ["token-audience"]);

    let long = Asked {
        scopes: vec!["https://mcp.test/mcp/mcp:read".to_owned()],
        ..asked()
    };
    let provider = Provider {
        issuer: "https://id.test".to_owned(),
        profile: ProfileName::EntraV2,
        document: Document::parse(b"{}").expect("a document"),
    };
    let mut claims = good();
    claims["scope"] = Value::Null;
    claims["scp"] = json!(["mcp:read"]);
    let findings = judge(&token(&header, &claims), (&long, &provider), NOW, false);
    assert!(
        findings
            .iter()
            .all(|finding| finding.verdict == Verdict::Ok),
        "{findings:?}"
    );
}
