//! What tokens claim: required claims and their types, issuer, kind of token, times, audience, scopes, clients.

use serde_json::{Value, json};
use usher::auth::{AccessToken, Resources, Settings};

use super::{Bench, PUBLIC_URL, check, good};
use crate::issuer::{TestIssuer, now};

// row 3, row 4, row 5, row 6
#[tokio::test]
async fn required_claims_must_be_there_with_their_own_strict_types() {
    let issuer = TestIssuer::start().await;
    let bench = Bench::start(&issuer).await;
    let mcp = format!("{PUBLIC_URL}/mcp");
    let set = |name: &str, value: Value| good(&issuer).claim(name, value).mint();
    let without = |name: &str| good(&issuer).without(name).mint();
    let many: Vec<_> = (0..31).map(|n| format!("https://other.test/{n}")).collect();
    let with = |extra: usize| {
        let mut list = many.clone();
        list.extend(std::iter::repeat_n("x".to_owned(), extra));
        list.push(mcp.clone());
        json!(list)
    };
    let table = vec![
        ("iss missing", without("iss"), "missing_claim"),
        (
            "iss object",
            set("iss", json!({ "iss": issuer.issuer() })),
            "bad_claim",
        ),
        (
            "iss array with ours",
            set("iss", json!([issuer.issuer()])),
            "bad_claim",
        ),
        ("iss empty", set("iss", json!("")), "bad_claim"),
        ("sub missing", without("sub"), "missing_claim"),
        ("sub a number", set("sub", json!(7)), "bad_claim"),
        ("sub empty", set("sub", json!("")), "bad_claim"),
        ("exp missing", without("exp"), "missing_claim"),
        ("aud missing", without("aud"), "missing_claim"),
        ("aud = 5", set("aud", json!(5)), "bad_claim"),
        ("aud null", set("aud", json!(null)), "bad_claim"),
        ("aud empty", set("aud", json!([])), "bad_claim"),
        (
            "aud with a number",
            set("aud", json!([mcp, 5])),
            "bad_claim",
        ),
        (
            "aud array with ours",
            set("aud", json!(["https://other.test", mcp])),
            "ok",
        ),
        ("aud with 32 entries", set("aud", with(0)), "ok"),
        ("aud with 33 entries", set("aud", with(1)), "bad_claim"),
        (
            "iat and jti and client_id missing",
            good(&issuer)
                .without("iat")
                .without("jti")
                .without("client_id")
                .mint(),
            "ok",
        ),
        ("scope a number", set("scope", json!(1)), "bad_claim"),
        (
            "client_id an object",
            set("client_id", json!({})),
            "bad_claim",
        ),
    ];
    check(&bench, table).await;
}

// row 7
#[tokio::test]
async fn the_issuer_is_compared_byte_for_byte() {
    let issuer = TestIssuer::start_at("/Tenant").await;
    let bench = Bench::start(&issuer).await;
    let own = issuer.issuer().to_owned();
    let claims = |iss: &str| good(&issuer).claim("iss", json!(iss)).mint();
    let table = vec![
        ("itself", claims(&own), "ok"),
        ("trailing slash", claims(&format!("{own}/")), "wrong_issuer"),
        ("other case", claims(&own.to_lowercase()), "wrong_issuer"),
        (
            "upper-case scheme",
            claims(&own.replace("http", "HTTP")),
            "wrong_issuer",
        ),
        (
            "Cyrillic look-alike",
            claims(&own.replace('a', "\u{430}")),
            "wrong_issuer",
        ),
        (
            "percent-encoded",
            claims(&own.replace('T', "%54")),
            "wrong_issuer",
        ),
        ("space behind", claims(&format!("{own} ")), "wrong_issuer"),
        ("somebody else", claims("https://evil.test"), "wrong_issuer"),
    ];
    check(&bench, table).await;
}

// row 9
#[tokio::test]
async fn typ_is_that_of_the_profile_and_id_tokens_are_refused() {
    let generic = TestIssuer::start().await;
    let bench = Bench::start(&generic).await;
    let typ = |value: &str| good(&generic).header("typ", json!(value)).mint();
    let table = vec![
        ("at+jwt", typ("at+jwt"), "ok"),
        ("application/at+jwt", typ("application/at+jwt"), "ok"),
        ("AT+JWT", typ("AT+JWT"), "ok"),
        ("JWT", typ("JWT"), "wrong_type"),
        ("logout+jwt", typ("logout+jwt"), "wrong_type"),
        (
            "missing",
            good(&generic).without_header("typ").mint(),
            "wrong_type",
        ),
        (
            "a number",
            good(&generic).header("typ", json!(1)).mint(),
            "bad_header",
        ),
        (
            "token_use id",
            good(&generic).claim("token_use", json!("id")).mint(),
            "id_token",
        ),
        (
            "at_hash",
            good(&generic).claim("at_hash", json!("x")).mint(),
            "id_token",
        ),
        (
            "payload typ ID",
            good(&generic).claim("typ", json!("ID")).mint(),
            "id_token",
        ),
        (
            "nonce, which access tokens may carry",
            good(&generic).claim("nonce", json!("x")).mint(),
            "ok",
        ),
    ];
    check(&bench, table).await;

    let relaxed = Bench::start_with(&generic, |settings| {
        settings.token_types = vec!["JWT".into()];
    })
    .await;
    assert_eq!(relaxed.reason(&typ("JWT")).await, "ok");
    assert_eq!(relaxed.reason(&typ("at+jwt")).await, "wrong_type");
}

// row 9
#[tokio::test]
async fn keycloak_says_in_the_payload_what_kind_of_token_it_is() {
    let keycloak = TestIssuer::start_at("/realms/mcp").await;
    let bench = Bench::start(&keycloak).await;
    let payload = |value: &str| good(&keycloak).keycloak().claim("typ", json!(value)).mint();
    let table = vec![
        (
            "Keycloak's access token",
            good(&keycloak).keycloak().mint(),
            "ok",
        ),
        (
            "Keycloak's at+jwt switch",
            good(&keycloak)
                .keycloak()
                .header("typ", json!("at+jwt"))
                .mint(),
            "ok",
        ),
        ("its ID token", payload("ID"), "id_token"),
        ("its refresh token", payload("Refresh"), "wrong_type"),
        ("its offline token", payload("Offline"), "wrong_type"),
        ("its logout token", payload("Logout"), "wrong_type"),
        (
            "payload typ missing",
            good(&keycloak).keycloak().without("typ").mint(),
            "wrong_type",
        ),
        (
            "a JWT of no kind",
            good(&keycloak).keycloak().without_header("typ").mint(),
            "wrong_type",
        ),
    ];
    check(&bench, table).await;
    let principal = bench
        .check(&good(&keycloak).keycloak().mint())
        .await
        .expect("a principal");
    assert_eq!(principal.client_id(), Some("test-client"));
}

// row 12, row 13, row 14, row 15
#[tokio::test]
async fn times_are_numbers_and_hold_within_the_leeway() {
    let issuer = TestIssuer::start().await;
    let bench = Bench::start(&issuer).await;
    let header = Value::Object(good(&issuer).header_members().clone()).to_string();
    let raw = |name: &str, value: &str| {
        let claims = Value::Object(good(&issuer).without(name).claims().clone()).to_string();
        let open = claims.strip_suffix('}').expect("an object");
        good(&issuer).mint_raw(&header, &format!("{open},\"{name}\":{value}}}"))
    };
    let at = |name: &str, seconds: i64| raw(name, &(now() + seconds).to_string());
    let table = vec![
        ("exp a moment ago, within leeway", at("exp", -20), "ok"),
        ("exp beyond leeway", at("exp", -31), "expired"),
        (
            "exp with a fraction",
            raw("exp", &format!("{}.5", now() + 60)),
            "ok",
        ),
        (
            "exp as a string",
            raw("exp", &format!("\"{}\"", now() + 60)),
            "bad_claim",
        ),
        ("exp null", raw("exp", "null"), "bad_claim"),
        ("exp -1", raw("exp", "-1"), "expired"),
        ("exp 1e400", raw("exp", "1e400"), "bad_json"),
        ("exp 1e18", raw("exp", "1e18"), "lifetime_too_long"),
        (
            "exp u64::MAX",
            raw("exp", &u64::MAX.to_string()),
            "lifetime_too_long",
        ),
        ("exp i64::MIN", raw("exp", &i64::MIN.to_string()), "expired"),
        ("exp in 24 hours", at("exp", 86_390), "ok"),
        ("exp in 25 hours", at("exp", 90_000), "lifetime_too_long"),
        ("nbf within leeway", at("nbf", 20), "ok"),
        ("nbf in the future", at("nbf", 45), "not_yet_valid"),
        ("nbf as a string", raw("nbf", "\"0\""), "bad_claim"),
        ("iat within leeway", at("iat", 20), "ok"),
        ("iat in the future", at("iat", 45), "issued_in_future"),
        ("iat as a string", raw("iat", "\"0\""), "bad_claim"),
        ("iat long ago", at("iat", -90_000), "lifetime_too_long"),
    ];
    check(&bench, table).await;
    let strict = Bench::start_with(&issuer, |settings| {
        settings.leeway_seconds = 0;
        settings.max_token_lifetime_seconds = 60;
    })
    .await;
    let table = vec![
        ("no leeway", at("exp", -2), "expired"),
        ("a short life", good(&issuer).expires_in(50).mint(), "ok"),
        (
            "a life longer than configured",
            good(&issuer).expires_in(90).mint(),
            "lifetime_too_long",
        ),
    ];
    check(&strict, table).await;
}

// row 27
#[tokio::test]
async fn rejects_a_token_for_another_audience_cached_or_not() {
    let issuer = TestIssuer::start().await;
    let bench = Bench::start_with(&issuer, |settings| {
        settings.audiences = vec!["urn:ours".into()]
    })
    .await;
    let aud = |audience: &str| good(&issuer).audience(audience).mint();
    for path in ["/", "/mcp", "/sse", "/messages"] {
        for (audience, expected) in [
            (PUBLIC_URL.to_owned(), true),
            (format!("{PUBLIC_URL}/"), true),
            (format!("{PUBLIC_URL}/mcp"), true),
            (format!("{PUBLIC_URL}/sse"), true),
            ("urn:ours".to_owned(), true),
            (format!("{PUBLIC_URL}/mcp/"), false),
            (format!("{PUBLIC_URL}/mcp/other"), false),
            (PUBLIC_URL.to_uppercase(), false),
            ("https://other.test/mcp".to_owned(), false),
            ("test-client".to_owned(), false),
            (String::new(), false),
        ] {
            let token = aud(&audience);
            for _ in 0..2 {
                let verdict = bench.check_at(path, &token).await;
                let reason = verdict.as_ref().map_or_else(|e| e.reason(), |_| "ok");
                assert_eq!(
                    reason,
                    if expected { "ok" } else { "wrong_audience" },
                    "{path} {audience}"
                );
            }
        }
    }
}

#[tokio::test]
async fn scopes_come_from_scope_or_scp_as_a_string_or_an_array() {
    let issuer = TestIssuer::start().await;
    let bench = Bench::start(&issuer).await;
    let token = |name: &str, value: Value| good(&issuer).without("scope").claim(name, value).mint();
    for (token, expected) in [
        (
            token("scope", json!("mcp:write mcp:read")),
            "mcp:read mcp:write",
        ),
        (token("scope", json!(["mcp:read", "x"])), "mcp:read x"),
        (token("scp", json!("mcp:read")), "mcp:read"),
        (token("scp", json!(["mcp:read"])), "mcp:read"),
        (token("scope", json!("")), ""),
        (token("scope", json!("mcp:read  \"quoted\"")), "mcp:read"),
        (token("scope", json!(["mcp:read mcp:write"])), ""),
        (
            good(&issuer).claim("scp", json!("mcp:write")).mint(),
            "mcp:read",
        ),
        (good(&issuer).without("scope").mint(), ""),
    ] {
        let principal = bench.check(&token).await.expect("a principal");
        assert_eq!(principal.scopes().to_string(), expected);
    }
}

#[tokio::test]
async fn only_the_configured_clients_are_accepted_if_any_are_configured() {
    let issuer = TestIssuer::start().await;
    let bench = Bench::start_with(&issuer, |settings| {
        settings.client_ids = vec!["chatgpt".into()]
    })
    .await;
    let table = vec![
        (
            "the client",
            good(&issuer).client_id("chatgpt").mint(),
            "ok",
        ),
        (
            "another",
            good(&issuer).client_id("other").mint(),
            "wrong_client",
        ),
        (
            "none",
            good(&issuer).without("client_id").mint(),
            "wrong_client",
        ),
        (
            "by azp",
            good(&issuer)
                .without("client_id")
                .claim("azp", json!("chatgpt"))
                .mint(),
            "ok",
        ),
    ];
    check(&bench, table).await;
}

#[tokio::test]
async fn a_token_bound_to_a_key_or_certificate_is_no_bearer_token() {
    let issuer = TestIssuer::start().await;
    let bench = Bench::start(&issuer).await;
    let bound = |cnf: Value| good(&issuer).claim("cnf", cnf).mint();
    let refused = "sender_constrained";
    let table = vec![
        ("DPoP", bound(json!({ "jkt": "0ZcOCORZNYy" })), refused),
        (
            "mutual TLS",
            bound(json!({ "x5t#S256": "bwcK0esc3ACC" })),
            refused,
        ),
        ("another key", bound(json!({ "kid": "key-1" })), refused),
        ("an empty binding", bound(json!({})), refused),
        ("no object", bound(json!("jkt")), refused),
        ("null", bound(Value::Null), refused),
        (
            "as Keycloak writes it",
            good(&issuer)
                .claim("typ", json!("DPoP"))
                .claim("cnf", json!({ "jkt": "0ZcOCORZNYy" }))
                .mint(),
            refused,
        ),
        ("not bound", good(&issuer).mint(), "ok"),
        (
            "a claim like it",
            good(&issuer).claim("cnf_", json!({})).mint(),
            "ok",
        ),
    ];
    check(&bench, table).await;
}

// row 29
#[tokio::test]
async fn a_token_stops_working_when_it_expires_though_it_was_verified_before() {
    let issuer = TestIssuer::start().await;
    let bench = Bench::start(&issuer).await;
    let token = good(&issuer).expires_in(120).mint();
    let principal = bench.check(&token).await.expect("a principal");
    assert!((now() + 110..=now() + 120).contains(&principal.expires_at()));
    bench.clock.shift(140);
    assert_eq!(bench.reason(&token).await, "ok", "within the leeway");
    bench.clock.shift(20);
    assert_eq!(bench.reason(&token).await, "expired");
    // row 40
    bench.clock.shift(-160);
    assert_eq!(
        bench.reason(&token).await,
        "ok",
        "the wall clock was set back"
    );
    let later = good(&issuer).claim("nbf", json!(now())).mint();
    assert_eq!(bench.reason(&later).await, "ok");
    bench.clock.shift(-100);
    assert_eq!(bench.reason(&later).await, "not_yet_valid");
}

// row 27
#[tokio::test]
async fn a_token_in_the_cache_is_still_only_good_for_its_own_resource() {
    let issuer = TestIssuer::start().await;
    let bench = Bench::start(&issuer).await;
    let elsewhere = Resources::new(&Settings {
        public_url: "http://127.0.0.1:9999".into(),
        ..Settings::default()
    });
    let other = elsewhere.at("/mcp").expect("a resource");
    let token = good(&issuer).mint();
    assert_eq!(bench.reason(&token).await, "ok");
    let access_token = AccessToken::from_text(&token);
    let verdict = bench.server.authenticate(&access_token, other).await;
    assert_eq!(verdict.expect_err("for another").reason(), "wrong_audience");
    assert_eq!(bench.reason(&token).await, "ok");
}
