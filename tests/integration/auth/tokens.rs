//! The token table: good tokens, and every way in which one is bad. Row numbers are those of the hardening table.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{Bench, PUBLIC_URL};
use crate::issuer::{TestIssuer, TokenBuilder, now};
use crate::issuer_keys::{TestKey, base64url};

fn good(issuer: &TestIssuer) -> TokenBuilder {
    issuer.token().audience(format!("{PUBLIC_URL}/mcp"))
}

/// Each token with the reason it must get, `ok` for a principal.
async fn check(bench: &Bench, table: Vec<(&str, String, &str)>) {
    for (what, token, expected) in table {
        assert_eq!(bench.reason(&token).await, expected, "{what}");
    }
}

#[tokio::test]
async fn a_good_token_becomes_a_principal_with_its_claims() {
    let issuer = TestIssuer::start_at("/tenant").await;
    let bench = Bench::start(&issuer).await;
    let token = good(&issuer)
        .claim("groups", json!(["finance", "all"]))
        .mint();
    // The second time it comes from the cache of verified tokens.
    for _ in 0..2 {
        let principal = bench.check(&token).await.expect("a principal");
        assert_eq!(principal.issuer(), issuer.issuer());
        assert_eq!(principal.subject(), "alice");
        assert_eq!(principal.client_id(), Some("test-client"));
        assert_eq!(principal.scopes().to_string(), "mcp:read");
        assert_eq!(principal.groups(), ["finance", "all"]);
        assert_eq!(
            principal.resource().identifier().as_str(),
            format!("{PUBLIC_URL}/mcp")
        );
        assert!((now() + 290..=now() + 300).contains(&principal.expires_at()));
    }
}

// row 1, row 2
#[tokio::test]
async fn rejects_unsigned_tokens_and_symmetric_signatures_with_the_public_key() {
    let issuer = TestIssuer::start().await;
    let bench = Bench::start(&issuer).await;
    let key = TestKey::new("key-1", "RS256", 0);
    let unsigned = |alg: &str| {
        let token = good(&issuer).header("alg", json!(alg)).mint();
        let (signed, _) = token.rsplit_once('.').expect("three parts");
        format!("{signed}.")
    };
    let hmac = |secret: &[u8]| {
        let token = good(&issuer).header("alg", json!("HS256")).mint();
        let (signed, _) = token.rsplit_once('.').expect("three parts");
        let secret = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
        let tag = aws_lc_rs::hmac::sign(&secret, signed.as_bytes());
        format!("{signed}.{}", base64url(tag))
    };
    let jwk = key.jwk().to_string();
    let table = vec![
        ("none without signature", unsigned("none"), "bad_signature"),
        (
            "none with a signature",
            good(&issuer).header("alg", json!("none")).mint(),
            "algorithm_not_allowed",
        ),
        (
            "NonE",
            good(&issuer).header("alg", json!("NonE")).mint(),
            "algorithm_not_allowed",
        ),
        (
            "HS256 over the modulus",
            hmac(&key.modulus()),
            "algorithm_not_allowed",
        ),
        (
            "HS256 over the JWK",
            hmac(jwk.as_bytes()),
            "algorithm_not_allowed",
        ),
        (
            "alg missing",
            good(&issuer).without_header("alg").mint(),
            "bad_header",
        ),
        (
            "alg a number",
            good(&issuer).header("alg", json!(256)).mint(),
            "bad_header",
        ),
        (
            "alg in lower case",
            good(&issuer).header("alg", json!("rs256")).mint(),
            "algorithm_not_allowed",
        ),
    ];
    check(&bench, table).await;
}

// row 2
#[tokio::test]
async fn algorithms_come_from_the_settings_and_the_key_never_from_the_header() {
    let algorithms = [
        "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
    ];
    let issuer = TestIssuer::start().await;
    let keys: Vec<_> = algorithms
        .iter()
        .map(|alg| TestKey::new(alg, alg, 0))
        .collect();
    issuer.set_keys(keys.clone());
    let all = Bench::start_with(&issuer, |settings| {
        settings.algorithms = algorithms.map(str::to_owned).into();
    })
    .await;
    let default = Bench::start(&issuer).await;
    for key in keys {
        let token = good(&issuer).signed_by(key.clone()).mint();
        assert_eq!(all.reason(&token).await, "ok", "{}", key.algorithm);
        let expected = if key.algorithm == "RS256" {
            "ok"
        } else {
            "algorithm_not_allowed"
        };
        assert_eq!(default.reason(&token).await, expected, "{}", key.algorithm);
    }
    // PS256 is allowed, and it is the right RSA key, but that key is published for RS256 only.
    let other = good(&issuer)
        .signed_by(TestKey::new("RS256", "PS256", 0))
        .mint();
    assert_eq!(all.reason(&other).await, "algorithm_not_allowed");
    let kind = good(&issuer)
        .signed_by(TestKey::new("RS256", "ES256", 0))
        .mint();
    assert_eq!(all.reason(&kind).await, "algorithm_not_allowed");
}

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

// row 8, row 10, row 9, row 20, row 21
#[tokio::test]
async fn rejects_headers_that_change_how_the_token_is_read() {
    let issuer = TestIssuer::start().await;
    let bench = Bench::start(&issuer).await;
    let set = |name: &str, value: Value| good(&issuer).header(name, value).mint();
    let table = vec![
        ("crit x", set("crit", json!(["x"])), "critical_header"),
        ("crit empty", set("crit", json!([])), "critical_header"),
        (
            "b64 false",
            good(&issuer)
                .header("crit", json!(["b64"]))
                .header("b64", json!(false))
                .mint(),
            "critical_header",
        ),
        ("b64 alone", set("b64", json!(true)), "critical_header"),
        ("zip", set("zip", json!("DEF")), "compressed"),
        ("cty JWT", set("cty", json!("JWT")), "nested"),
        ("cty jwt", set("cty", json!("application/jwt")), "nested"),
        ("cty of something else", set("cty", json!("json")), "ok"),
        ("kid object", set("kid", json!({})), "bad_kid"),
        ("kid number", set("kid", json!(1)), "bad_kid"),
        ("kid empty", set("kid", json!("")), "bad_kid"),
        ("kid with NUL", set("kid", json!("key-1\0")), "bad_kid"),
        (
            "kid with a line break",
            set("kid", json!("key-1\r\nfake log line")),
            "bad_kid",
        ),
        (
            "kid with 129 characters",
            set("kid", json!("k".repeat(129))),
            "bad_kid",
        ),
        (
            "kid as a path",
            set("kid", json!("../../../../dev/null")),
            "unknown_key",
        ),
        (
            "kid as SQL",
            set("kid", json!("' OR 1=1 --")),
            "unknown_key",
        ),
    ];
    check(&bench, table).await;
    let huge = set("kid", json!("k".repeat(1_000_000)));
    assert_eq!(bench.reason(&huge).await, "too_large");
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

// row 11, row 18, row 25
#[tokio::test]
async fn rejects_what_is_not_three_canonical_parts() {
    let issuer = TestIssuer::start().await;
    let bench = Bench::start(&issuer).await;
    let token = good(&issuer).mint();
    let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else {
        panic!("three parts");
    };
    let decoded = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    let padded = URL_SAFE.encode(&decoded);
    let standard = STANDARD.encode(&decoded);
    // 256 bytes leave four unused bits in the last character; setting one decodes to the same bytes elsewhere.
    let (rest, last) = signature.split_at(signature.len() - 1);
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let at = alphabet
        .iter()
        .position(|c| last.as_bytes() == [*c])
        .expect("in the alphabet");
    let bent = format!("{rest}{}", char::from(alphabet[at + 1]));
    let part = |signature: &str| format!("{header}.{claims}.{signature}");
    assert!(padded.ends_with('='));
    let table = vec![
        ("as it is", token.clone(), "ok"),
        ("empty", String::new(), "not_a_jws"),
        ("opaque", "ya29.a0AfH6SMBx".into(), "not_a_jws"),
        ("no dots", "opaque".into(), "not_a_jws"),
        ("four parts", format!("{token}.x"), "not_a_jws"),
        ("a JWE", format!("{token}.x.y"), "encrypted"),
        ("a JWE of empty parts", "....".into(), "encrypted"),
        ("thousands of dots", ".".repeat(16_000), "not_a_jws"),
        (
            "too large",
            format!("{header}.{}.{signature}", "A".repeat(16 * 1024)),
            "too_large",
        ),
        ("megabytes", "A".repeat(4_000_000), "too_large"),
        ("signature empty", part(""), "bad_signature"),
        ("signature padded", part(&padded), "bad_encoding"),
        (
            "signature in the standard alphabet",
            part(&format!("+/{standard}")),
            "bad_encoding",
        ),
        ("last character not canonical", part(&bent), "bad_encoding"),
        ("a space", part(&format!(" {signature}")), "bad_encoding"),
        ("header empty", format!(".{claims}.{signature}"), "bad_json"),
        ("claims empty", format!("{header}..{signature}"), "bad_json"),
        (
            "claims an array",
            good(&issuer).mint_raw("{\"alg\":\"RS256\"}", "[]"),
            "bad_json",
        ),
        (
            "claims not UTF-8",
            format!("{header}.{}.{signature}", base64url(b"{\"a\":\"\xff\"}")),
            "bad_json",
        ),
        (
            "another signature",
            part(&base64url([7; 256])),
            "bad_signature",
        ),
        (
            "other claims under the signature",
            format!("{header}.{}.{signature}", {
                let mut claims = good(&issuer).claims().clone();
                claims.insert("sub".into(), json!("mallory"));
                base64url(Value::Object(claims).to_string())
            }),
            "bad_signature",
        ),
    ];
    check(&bench, table).await;
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

// row 16, row 17, row 25
#[tokio::test]
async fn rejects_a_member_that_occurs_twice_and_json_that_is_too_deep() {
    let issuer = TestIssuer::start().await;
    let bench = Bench::start(&issuer).await;
    let builder = good(&issuer);
    let header = Value::Object(builder.header_members().clone()).to_string();
    let claims = Value::Object(builder.claims().clone()).to_string();
    let add = |object: &str, more: &str| {
        let open = object.strip_suffix('}').expect("an object");
        format!("{open},{more}}}")
    };
    let deep = |levels: usize| format!("\"x\":{}1{}", "[".repeat(levels), "]".repeat(levels));
    let claim = |more: &str| builder.mint_raw(&header, &add(&claims, more));
    let table = vec![
        ("nothing added", builder.mint_raw(&header, &claims), "ok"),
        ("exp twice", claim("\"exp\":9999999999"), "duplicate_member"),
        (
            "scope twice",
            claim("\"scope\":\"mcp:write\""),
            "duplicate_member",
        ),
        (
            "scope twice, once with escapes",
            claim("\"sc\\u006fpe\":\"mcp:write\""),
            "duplicate_member",
        ),
        (
            "groups twice",
            claim("\"groups\":[\"a\"],\"groups\":[\"b\"]"),
            "duplicate_member",
        ),
        (
            "twice further down",
            claim("\"realm_access\":{\"roles\":[],\"roles\":[\"admin\"]}"),
            "duplicate_member",
        ),
        (
            "kid twice in the header",
            builder.mint_raw(&add(&header, "\"kid\":\"key-1\""), &claims),
            "duplicate_member",
        ),
        ("16 levels", claim(&deep(15)), "ok"),
        ("17 levels", claim(&deep(16)), "too_deep"),
        ("thousands of levels", claim(&deep(3000)), "too_deep"),
        (
            "a deep header",
            builder.mint_raw(&add(&header, &deep(16)), &claims),
            "too_deep",
        ),
    ];
    check(&bench, table).await;
}

// row 22
#[tokio::test]
async fn keys_offered_by_the_token_itself_are_ignored_and_nothing_is_fetched_for_them() {
    let issuer = TestIssuer::start().await;
    let evil = TestIssuer::start().await;
    let bench = Bench::start(&issuer).await;
    let key = TestKey::new("key-1", "RS256", 3);
    let (fetches, lookups) = (issuer.jwks_requests(), issuer.discovery_requests());
    for (name, value) in [
        ("jku", json!(evil.jwks_url())),
        ("x5u", json!(format!("{}/cert.pem", evil.issuer()))),
        ("jwk", key.jwk()),
        ("x5c", json!(["MIIB"])),
    ] {
        let forged = good(&issuer)
            .signed_by(key.clone())
            .header(name, value.clone())
            .mint();
        assert_eq!(bench.reason(&forged).await, "bad_signature", "{name}");
        let genuine = good(&issuer).header(name, value).mint();
        assert_eq!(bench.reason(&genuine).await, "ok", "{name}");
    }
    assert_eq!(
        (
            evil.jwks_requests(),
            evil.discovery_requests(),
            evil.other_requests()
        ),
        (0, 0, 0)
    );
    assert_eq!(
        (issuer.jwks_requests(), issuer.discovery_requests()),
        (fetches, lookups)
    );
}

// row 23
#[tokio::test]
async fn a_token_without_kid_is_accepted_only_where_configured_and_unambiguous() {
    let issuer = TestIssuer::start().await;
    let token = good(&issuer).without_header("kid").mint();
    let default = Bench::start(&issuer).await;
    assert_eq!(default.reason(&token).await, "missing_kid");
    let lenient = Bench::start_with(&issuer, |settings| settings.accept_missing_kid = true).await;
    assert_eq!(lenient.reason(&token).await, "ok");
    issuer.rotate();
    let ambiguous = Bench::start_with(&issuer, |settings| settings.accept_missing_kid = true).await;
    assert_eq!(ambiguous.reason(&token).await, "missing_kid");
}

// row 24
#[tokio::test]
async fn rejects_degenerate_elliptic_curve_signatures() {
    let issuer = TestIssuer::start().await;
    let key = TestKey::new("ec", "ES256", 0);
    issuer.set_keys(vec![key.clone()]);
    let bench = Bench::start_with(&issuer, |settings| {
        settings.algorithms = vec!["ES256".into()]
    })
    .await;
    let token = good(&issuer).signed_by(key).mint();
    assert_eq!(bench.reason(&token).await, "ok");
    let (signed, _) = token.rsplit_once('.').expect("three parts");
    for (what, signature) in [
        ("r = s = 0", vec![0; 64]),
        (
            "r = s = 1",
            [[0; 31].as_slice(), &[1], &[0; 31], &[1]].concat(),
        ),
        ("all ones", vec![0xff; 64]),
        ("too short", vec![1; 63]),
        ("too long", vec![1; 65]),
        ("DER", vec![0x30, 6, 2, 1, 1, 2, 1, 1]),
    ] {
        let token = format!("{signed}.{}", base64url(signature));
        assert_eq!(bench.reason(&token).await, "bad_signature", "{what}");
    }
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

// row 28
#[tokio::test]
async fn keys_of_one_issuer_do_not_sign_for_another() {
    let (first, second) = (TestIssuer::start().await, TestIssuer::start().await);
    first.set_keys(vec![TestKey::new("key", "RS256", 0)]);
    second.set_keys(vec![TestKey::new("key", "RS256", 1)]);
    let settings =
        [&first, &second].map(|issuer| usher::auth::IssuerSettings::named(issuer.issuer()));
    let bench = Bench::start_unready(settings.into());
    bench.until_ready().await;
    for (issuer, own, other) in [(&first, 0, 1), (&second, 1, 0)] {
        let signed = |slot| {
            good(issuer)
                .signed_by(TestKey::new("key", "RS256", slot))
                .mint()
        };
        assert_eq!(bench.reason(&signed(own)).await, "ok");
        assert_eq!(bench.reason(&signed(other)).await, "bad_signature");
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
