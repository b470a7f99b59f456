//! Good tokens, and every way in which the token itself is bad: signature, algorithm, header, encoding, JSON.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{Bench, PUBLIC_URL, check, good};
use crate::issuer::{TestIssuer, now};
use crate::issuer_keys::{TestKey, base64url};

#[tokio::test]
async fn a_good_token_becomes_a_principal_with_its_claims() {
    let issuer = TestIssuer::start_at("/tenant").await;
    let bench = Bench::start(&issuer).await;
    let token = good(&issuer)
        .claim("groups", json!(["finance", "all"]))
        .mint();
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
    // RFC 9864 names the curve of EdDSA: the same algorithm.
    let newer = good(&issuer)
        .signed_by(TestKey::new("EdDSA", "EdDSA", 0))
        .header("alg", json!("Ed25519"))
        .mint();
    assert_eq!(all.reason(&newer).await, "ok");
    assert_eq!(default.reason(&newer).await, "algorithm_not_allowed");
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
