//! What is said of which token, and to whom.

use serde_json::json;

use super::*;
use crate::auth::profiles::ProfileName;
use crate::auth::unverified::object;
use crate::auth::{Resources, Settings};

/// The finding for a token of Keycloak's with this header and these claims.
fn finding_of(error: &TokenError, header: &str, claims: &serde_json::Value) -> Finding {
    let settings = Settings {
        public_url: "https://mcp.test".into(),
        ..Settings::default()
    };
    let resources = Resources::new(&settings);
    let claims = claims.to_string();
    let header = UnverifiedHeader::parse(header.as_bytes()).expect("a header");
    let parts = Parts {
        signed: "",
        header: Vec::new(),
        claims: Vec::new(),
        signature: Vec::new(),
    };
    let refused = Refused {
        error,
        parts: &parts,
        header: &header,
        claims: &object(claims.as_bytes()).expect("claims"),
        algorithm: Algorithm::Rs256,
        resource: resources.at("/mcp").expect("a resource"),
    };
    let kind = Kind::of(error).expect("a kind");
    finding(kind, &refused, ProfileName::Keycloak.profile(), &[])
}

const HEADER: &str = r#"{"alg":"RS256","kid":"a","typ":"JWT"}"#;

#[test]
fn an_audience_is_told_with_what_was_found_what_is_expected_and_where_to_change_it() {
    let many = json!(["a", "b", "c", "d", "e", "f"]);
    for (aud, found) in [
        (json!({}), "no aud"),
        (json!({ "aud": "account" }), "account"),
        (
            json!({ "aud": ["account", "https://b.test"] }),
            "account, https://b.test",
        ),
        (json!({ "aud": many }), "a, b, c, d and 2 more"),
        (json!({ "aud": 5 }), "no list of strings"),
    ] {
        let finding = finding_of(&TokenError::WrongAudience, HEADER, &aud);
        assert_eq!(finding.found.as_deref(), Some(found));
        assert_eq!(finding.expected.as_deref(), Some("https://mcp.test/mcp"));
        assert!(
            finding.hint.contains("mapper of type Audience"),
            "{finding:?}"
        );
    }
}

#[test]
fn another_typ_is_told_with_those_that_are_known() {
    let finding = finding_of(&TokenError::WrongType, HEADER, &json!({}));
    assert_eq!(finding.found.as_deref(), Some("JWT"));
    assert_eq!(finding.expected.as_deref(), Some("JWT, at+jwt"));
    let untyped = finding_of(&TokenError::WrongType, r#"{"alg":"RS256"}"#, &json!({}));
    assert_eq!(untyped.found, None);
}

#[test]
fn what_the_set_up_is_not_to_blame_for_is_not_told_and_one_kind_leaves_the_others_their_line() {
    for error in [
        TokenError::Expired,
        TokenError::IdToken,
        TokenError::BadSignature,
        TokenError::Inactive,
        TokenError::NotAJws,
    ] {
        assert_eq!(Kind::of(&error), None, "{error}");
    }
    assert_eq!(
        Kind::of(&TokenError::MissingClaim("aud")),
        Some(Kind::Audience)
    );
    assert_eq!(
        Kind::of(&TokenError::MissingClaim("sub")),
        Some(Kind::Claim)
    );
    let advice = Advice::default();
    assert!(advice.take(Kind::Audience, 1000));
    assert!(!advice.is_due(Kind::Audience, 1001) && !advice.take(Kind::Audience, 1001));
    for kind in [
        Kind::Bound,
        Kind::Claim,
        Kind::Client,
        Kind::Groups,
        Kind::Lifetime,
        Kind::Type,
    ] {
        assert!(
            advice.is_due(kind, 1001) && advice.take(kind, 1001),
            "{kind:?}"
        );
    }
}
