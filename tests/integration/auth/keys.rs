//! The key cache over real HTTP. What depends on time alone is tested with paused time beside the code.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use usher::auth::{IssuerSettings, KeyState};

use super::{Bench, PUBLIC_URL, good, until};
use crate::issuer::{Answer, TestIssuer, TokenBuilder};
use crate::issuer_keys::{TestKey, base64url};

// row 36
#[tokio::test]
async fn a_new_key_is_usable_after_one_fetch_and_a_removed_one_stops_with_it() {
    let issuer = TestIssuer::start().await;
    let bench = Bench::start(&issuer).await;
    let old = good(&issuer).mint();
    assert_eq!(bench.reason(&old).await, "ok");
    let fetches = issuer.jwks_requests();
    issuer.rotate();
    issuer.remove_key("key-1");
    assert_eq!(bench.reason(&old).await, "ok", "until the next refresh");
    let new = good(&issuer).mint();
    assert_eq!(bench.reason(&new).await, "ok");
    assert_eq!(issuer.jwks_requests(), fetches + 1);
    // It was in the cache of verified tokens, and its key is gone. The issuer is asked, as for any unknown key.
    assert_eq!(bench.reason(&old).await, "unknown_key");
    assert_eq!(bench.reason(&new).await, "ok");
}

// row 36
#[tokio::test]
async fn rotation_with_overlap_refuses_no_valid_token() {
    let issuer = TestIssuer::start().await;
    let bench = Bench::start(&issuer).await;
    let before = good(&issuer).mint();
    issuer.rotate();
    let after = good(&issuer).mint();
    for _ in 0..3 {
        assert_eq!(bench.reason(&before).await, "ok");
        assert_eq!(bench.reason(&after).await, "ok");
    }
}

// row 30
#[tokio::test]
async fn a_flood_of_unknown_kids_stays_within_the_bucket_and_known_kids_do_not_wait() {
    let issuer = TestIssuer::start().await;
    let bench = Arc::new(Bench::start(&issuer).await);
    let before = issuer.jwks_requests();
    // Long before those who wait give up, after a second.
    issuer.answer_jwks(Answer::After(Duration::from_millis(100)));
    let known: Vec<_> = (0..200)
        .map(|n| good(&issuer).subject(&format!("user-{n}")).mint())
        .collect();
    let unknown = |n: usize| {
        good(&issuer)
            .header("kid", json!(format!("unknown-{n}")))
            .mint()
    };
    let flood: Vec<_> = (0..400).map(unknown).collect();
    let flooding = futures_util::future::join_all(flood.iter().map(|token| bench.reason(token)));
    let asking = async {
        for token in &known {
            assert_eq!(bench.reason(token).await, "ok");
            // This thread is the issuer's as well.
            tokio::task::yield_now().await;
        }
    };
    let (reasons, ()) = tokio::join!(flooding, asking);
    assert!(
        reasons
            .iter()
            .all(|reason| matches!(*reason, "unknown_key" | "keys_unavailable"))
    );
    assert!(reasons.contains(&"unknown_key"));
    assert!(reasons.contains(&"keys_unavailable"));
    assert!(issuer.jwks_requests() - before <= 2, "the bucket holds two");
    assert_eq!(bench.metrics.jwks_waits(true), 0);
    assert!(bench.metrics.jwks_waits(false) >= 1);
    let text = bench.metrics.encode();
    assert!(
        text.contains("usher_jwks_waits_known_kid_total 0"),
        "{text}"
    );
}

// row 30
#[tokio::test]
async fn an_absent_kid_is_401_and_one_that_was_not_looked_up_is_503_with_a_time() {
    let issuer = TestIssuer::start().await;
    let bench = Bench::start(&issuer).await;
    let token = |kid: &str| good(&issuer).header("kid", json!(kid)).mint();
    for kid in ["a", "b"] {
        assert_eq!(bench.reason(&token(kid)).await, "unknown_key");
    }
    let fetches = issuer.jwks_requests();
    for kid in ["a", "b"] {
        assert_eq!(bench.reason(&token(kid)).await, "unknown_key", "remembered");
    }
    let error = bench.check(&token("c")).await.expect_err("not looked up");
    assert_eq!(error.reason(), "keys_unavailable");
    assert!((1..=31).contains(&error.retry_after_seconds().expect("a time")));
    assert_eq!(issuer.jwks_requests(), fetches);
    assert_eq!(bench.reason(&good(&issuer).mint()).await, "ok");
}

// row 30
#[tokio::test]
async fn an_expired_token_with_an_unknown_kid_is_401_and_causes_no_fetch() {
    let issuer = TestIssuer::start().await;
    let bench = Bench::start(&issuer).await;
    let fetches = issuer.jwks_requests();
    let token = good(&issuer)
        .header("kid", json!("old"))
        .expires_in(-3600)
        .mint();
    assert_eq!(bench.reason(&token).await, "expired");
    assert_eq!(issuer.jwks_requests(), fetches);
}

// row 31, row 40
#[tokio::test]
async fn stale_keys_carry_on_for_four_hours_of_wall_time_also_across_a_restart_and_then_503() {
    let issuer = TestIssuer::start().await;
    let settings = || vec![IssuerSettings::named(issuer.issuer())];
    let bench = Bench::start_unready(settings());
    bench.until_ready().await;
    bench.until_stored().await;
    issuer.answer_jwks(Answer::Status(500));
    issuer.answer_discovery(Answer::Status(500));
    let life = |seconds: i64| good(&issuer).expires_in(seconds).mint();
    let token = life(50_000);
    bench.clock.shift(3 * 3600);
    assert_eq!(bench.reason(&token).await, "ok");

    let bench = bench.restart(settings());
    assert_eq!(bench.reason(&token).await, "ok", "from the copy on disk");
    assert!(bench.server.is_ready());
    until(|| bench.server.status()[0].state == KeyState::Stale).await;
    let age = bench.server.status()[0].age_seconds.expect("an age");
    assert!((3 * 3600..3 * 3600 + 60).contains(&age));

    bench.clock.shift(3600 + 60);
    let error = bench
        .check(&token)
        .await
        .expect_err("too old, cached or not");
    assert_eq!(error.reason(), "keys_unavailable");
    assert!(error.retry_after_seconds().is_some());
    assert!(!bench.server.is_ready());
    let bench = bench.restart(settings());
    assert_eq!(bench.reason(&token).await, "keys_unavailable");
}

// row 31
#[tokio::test]
async fn nothing_cached_and_nothing_reachable_is_503_never_401() {
    let issuer = TestIssuer::start().await;
    let token = good(&issuer).mint();
    let name = issuer.issuer().to_owned();
    drop(issuer);
    let bench = Bench::start_unready(vec![IssuerSettings::named(name)]);
    until(|| bench.metrics.encode().contains("discovery_failed")).await;
    let error = bench.check(&token).await.expect_err("no keys");
    assert!(error.retry_after_seconds().is_some());
    assert_eq!(
        bench.reason("not.a-token").await,
        "not_a_jws",
        "what is wrong in any case stays 401"
    );
}

// row 32
#[tokio::test]
async fn a_key_set_that_trickles_in_keeps_nobody_waiting() {
    let issuer = TestIssuer::start().await;
    let bench = Bench::start(&issuer).await;
    issuer.answer_jwks(Answer::Drip);
    let unknown = good(&issuer).header("kid", json!("new")).mint();
    let known = good(&issuer).mint();
    let (waiting, reason) = tokio::join!(bench.reason(&unknown), bench.reason(&known));
    assert_eq!((waiting, reason), ("keys_unavailable", "ok"));
    let given_up = "outcome=\"unreachable\"";
    assert!(
        !bench.metrics.encode().contains(given_up),
        "nobody waited until the fetch was over"
    );
    // The deadline for the whole exchange ends it.
    until(|| bench.metrics.encode().contains(given_up)).await;
    assert_eq!(bench.metrics.jwks_waits(true), 0);
}

// row 33, row 34
#[tokio::test]
async fn what_is_not_a_good_key_set_never_replaces_one() {
    let many: Vec<_> = (0..101)
        .map(|n| TestKey::new(&format!("key-{n}"), "RS256", 0).jwk())
        .collect();
    let body = |text: String, media: &'static str| Answer::Body(text, media);
    for (what, answer, outcome) in [
        (
            "HTML",
            body("<html>Sign in</html>".into(), "text/html"),
            "invalid",
        ),
        (
            "an error with status 200",
            body("{\"error\":\"x\"}".into(), "application/json"),
            "invalid",
        ),
        (
            "no keys",
            body("{\"keys\":[]}".into(), "application/json"),
            "empty",
        ),
        (
            "keys null",
            body("{\"keys\":null}".into(), "application/json"),
            "invalid",
        ),
        (
            "101 keys",
            body(json!({ "keys": many }).to_string(), "application/json"),
            "invalid",
        ),
        (
            "only encryption keys",
            body(
                json!({ "keys": [{ "kty": "RSA", "use": "enc", "kid": "e" }] }).to_string(),
                "application/json",
            ),
            "empty",
        ),
        ("half a document", Answer::Truncated, "invalid"),
        ("300 KiB", Answer::Padded(300 * 1024), "unreachable"),
        (
            "a gzip bomb's header",
            Answer::Encoded("gzip"),
            "unreachable",
        ),
        ("status 500", Answer::Status(500), "unreachable"),
        ("status 204", Answer::Status(204), "unreachable"),
    ] {
        let issuer = TestIssuer::start().await;
        let bench = Bench::start(&issuer).await;
        let token = good(&issuer).mint();
        issuer.answer_jwks(answer);
        // An unknown kid makes it fetch.
        let unknown = good(&issuer).header("kid", json!("new")).mint();
        assert_eq!(bench.reason(&unknown).await, "keys_unavailable", "{what}");
        let metric = format!("outcome=\"{outcome}\"");
        assert!(
            bench.metrics.encode().contains(&metric),
            "{what}: {}",
            bench.metrics.encode()
        );
        assert_eq!(bench.reason(&token).await, "ok", "{what}");
        assert_eq!(
            bench.reason(&good(&issuer).subject("bob").mint()).await,
            "ok",
            "{what}"
        );
        assert_eq!(bench.server.status()[0].state, KeyState::Stale, "{what}");
    }
}

// row 33
#[tokio::test]
async fn an_empty_set_is_taken_at_its_word_only_where_configured() {
    let issuer = TestIssuer::start().await;
    let bench = Bench::start_with(&issuer, |settings| settings.accept_empty_key_set = true).await;
    let token = good(&issuer).mint();
    assert_eq!(bench.reason(&token).await, "ok");
    issuer.set_keys(Vec::new());
    let unknown =
        TokenBuilder::new(issuer.issuer(), TestKey::new("new", "RS256", 1)).audience(PUBLIC_URL);
    assert_ne!(bench.reason(&unknown.mint()).await, "ok");
    assert_eq!(bench.reason(&token).await, "keys_unavailable");
}

// row 34
#[tokio::test]
async fn a_key_set_within_the_limits_is_read_to_the_end() {
    let issuer = TestIssuer::start().await;
    issuer.answer_jwks(Answer::Padded(250 * 1024));
    let bench = Bench::start(&issuer).await;
    assert_eq!(bench.reason(&good(&issuer).mint()).await, "ok");
}

// row 37
#[tokio::test]
async fn of_keys_with_one_kid_the_fitting_ones_are_tried_up_to_three() {
    let same = |algorithm: &'static str, slot: usize| TestKey::new("same", algorithm, slot);
    let issuer = TestIssuer::start().await;
    issuer.set_keys(vec![
        same("ES256", 0),
        same("PS256", 3),
        same("RS256", 0),
        same("RS256", 1),
        same("RS256", 2),
        same("RS256", 3),
    ]);
    let bench = Bench::start_with(&issuer, |settings| {
        settings.algorithms = vec!["RS256".into(), "ES256".into()];
    })
    .await;
    let token = |key: TestKey| good(&issuer).signed_by(key).mint();
    for (key, expected) in [
        (same("ES256", 0), "ok"),
        (same("RS256", 0), "ok"),
        (same("RS256", 1), "ok"),
        (same("RS256", 2), "ok"),
        (same("RS256", 3), "bad_signature"),
    ] {
        assert_eq!(bench.reason(&token(key)).await, expected);
    }
}

// row 19, row 38
#[tokio::test]
async fn an_odd_key_is_skipped_by_itself_and_the_others_work() {
    let issuer = TestIssuer::start().await;
    let rsa = |bytes: usize, e: &[u8]| {
        let modulus = base64url([vec![0xc1], vec![0x55; bytes - 1]].concat());
        json!({ "kty": "RSA", "kid": format!("odd-{bytes}"), "n": modulus, "e": base64url(e) })
    };
    let change = |name: &str, value: serde_json::Value| {
        let mut jwk = TestKey::new("changed", "RS256", 1).jwk();
        jwk[name] = value;
        jwk
    };
    let odd = [
        rsa(128, &[1, 0, 1]),
        rsa(255, &[1, 0, 1]),
        rsa(1025, &[1, 0, 1]),
        rsa(256, &[2]),
        rsa(256, &[1]),
        rsa(256, &[]),
        rsa(256, &[1, 0, 0, 0, 1]),
        change("use", json!("enc")),
        change("key_ops", json!(["sign"])),
        change("key_ops", json!([])),
        change("alg", json!("RSA-OAEP")),
        change("alg", json!("ES256")),
        change("kid", json!("k".repeat(129))),
        change("kid", json!(7)),
        change("n", json!("not base64url!")),
        change("d", json!("AQAB")),
        json!({ "kty": "oct", "kid": "oct", "k": "c2VjcmV0" }),
        json!({ "kty": "AKP", "kid": "pq", "alg": "ML-DSA-44", "pub": "AAAA" }),
        json!({ "kty": "EC", "kid": "k1", "crv": "secp256k1", "x": "AA", "y": "AA" }),
        json!({ "kty": "EC", "kid": "short", "crv": "P-256", "x": "AA", "y": "AA" }),
        json!({ "kty": "OKP", "kid": "448", "crv": "Ed448", "x": "AA" }),
        json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB" }),
        json!({ "kid": "no kty" }),
        json!("no object"),
        json!(null),
    ];
    for jwk in odd {
        issuer.add_odd_key(jwk);
    }
    let bench = Bench::start(&issuer).await;
    assert_eq!(bench.server.status()[0].keys, 1);
    assert_eq!(bench.reason(&good(&issuer).mint()).await, "ok");
    let changed = good(&issuer)
        .signed_by(TestKey::new("changed", "RS256", 1))
        .mint();
    assert_eq!(bench.reason(&changed).await, "unknown_key");
}

#[tokio::test]
async fn a_blocked_kid_is_refused_though_the_issuer_publishes_it() {
    let issuer = TestIssuer::start().await;
    issuer.rotate();
    let bench = Bench::start_with(&issuer, |settings| {
        settings.blocked_kids = vec!["key-1".into()]
    })
    .await;
    let blocked = good(&issuer)
        .signed_by(TestKey::new("key-1", "RS256", 0))
        .mint();
    assert_eq!(bench.reason(&blocked).await, "blocked_key");
    assert_eq!(bench.reason(&good(&issuer).mint()).await, "ok");
}

#[tokio::test]
async fn a_copy_of_another_issuer_or_address_is_not_believed() {
    let issuer = TestIssuer::start().await;
    let bench = Bench::start(&issuer).await;
    let token = good(&issuer).mint();
    bench.until_stored().await;
    issuer.answer_jwks(Answer::Status(500));
    let moved = IssuerSettings {
        jwks_url: Some(format!("{}/moved", issuer.issuer())),
        ..IssuerSettings::named(issuer.issuer())
    };
    let bench = bench.restart(vec![moved]);
    assert_eq!(bench.reason(&token).await, "keys_unavailable");
}

#[tokio::test]
async fn an_entity_tag_saves_the_body_and_counts_as_a_fetch() {
    let issuer = TestIssuer::start().await;
    issuer.set_etag("\"one\"");
    let bench = Bench::start(&issuer).await;
    let unknown = good(&issuer).header("kid", json!("new")).mint();
    assert_eq!(bench.reason(&unknown).await, "unknown_key");
    assert!(bench.metrics.encode().contains("outcome=\"unchanged\""));
    assert_eq!(bench.reason(&good(&issuer).mint()).await, "ok");
}

// row 39
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_tokens_and_a_failing_key_set_neither_crash_nor_deadlock() {
    let issuer = TestIssuer::start().await;
    let bench = Arc::new(Bench::start(&issuer).await);
    issuer.answer_jwks(Answer::Status(500));
    for round in 0..20 {
        let unknown = |n: usize| {
            good(&issuer)
                .header("kid", json!(format!("{round}-{n}")))
                .mint()
        };
        let tokens = [
            unknown(0),
            unknown(1),
            good(&issuer).subject(&format!("user-{round}")).mint(),
        ];
        let checks = tokens
            .iter()
            .cycle()
            .take(60)
            .map(|token| bench.reason(token));
        let all = tokio::time::timeout(
            Duration::from_secs(60),
            futures_util::future::join_all(checks),
        );
        let reasons = all.await.expect("no deadlock");
        for (index, reason) in reasons.into_iter().enumerate() {
            let expected = if index % 3 == 2 {
                "ok"
            } else {
                "keys_unavailable"
            };
            assert_eq!(reason, expected);
        }
    }
}

#[tokio::test]
async fn a_304_to_an_unconditional_request_is_no_answer() {
    let issuer = TestIssuer::start().await;
    issuer.answer_jwks(Answer::Status(304));
    let bench = Bench::start_unready(vec![IssuerSettings::named(issuer.issuer())]);
    until(|| bench.metrics.encode().contains("outcome=\"invalid\"")).await;
    assert!(!bench.server.is_ready());
    issuer.answer_jwks(Answer::Good);
    bench.until_ready().await;
}

#[tokio::test]
async fn a_copy_from_the_future_is_not_believed() {
    let issuer = TestIssuer::start().await;
    let settings = || vec![IssuerSettings::named(issuer.issuer())];
    let bench = Bench::start(&issuer).await;
    bench.until_stored().await;
    issuer.answer_jwks(Answer::Status(500));
    let token = good(&issuer).mint();
    bench.clock.shift(-3600);
    let bench = bench.restart(settings());
    assert_eq!(bench.reason(&token).await, "issued_in_future");
    assert!(!bench.server.is_ready());
    bench.clock.shift(3600);
    let bench = bench.restart(settings());
    assert!(bench.server.is_ready());
    assert_eq!(bench.reason(&token).await, "ok");
}
