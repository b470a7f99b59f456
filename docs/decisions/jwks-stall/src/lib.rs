//! What `jwks_client_rs` 0.6.13 does to callers with known keys while its key set is slow, away or unusual. The figures
//! are in virtual time: tokio's clock is paused, so a wait of five seconds is exactly that and takes none.
#![cfg(test)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jwks_client_rs::source::JwksSource;
use jwks_client_rs::{JsonWebKeySet, JwksClient, JwksClientError};
use tokio::time::Instant;

const KEY_SET: &str =
    r#"{"keys": [{"kty": "RSA", "kid": "known", "alg": "RS256", "n": "AQAB", "e": "AQAB"}]}"#;

/// A key set behind a slow issuer, which may also be away.
struct Issuer {
    answers_after: Duration,
    is_up: bool,
    fetches: Arc<AtomicUsize>,
}

#[async_trait]
impl JwksSource for Issuer {
    async fn fetch_keys(&self) -> Result<JsonWebKeySet, JwksClientError> {
        let earlier = self.fetches.fetch_add(1, Ordering::SeqCst);
        if earlier == 0 {
            // The first fetch, at start, is quick: this is about a server that has its keys.
            return Ok(key_set());
        }
        tokio::time::sleep(self.answers_after).await;
        if self.is_up {
            Ok(key_set())
        } else {
            // Any error will do; the crate's own types offer no public one for a timeout.
            Err(JsonWebKeySet::from(Vec::new())
                .get_key("timeout")
                .expect_err("the set is empty"))
        }
    }
}

fn key_set() -> JsonWebKeySet {
    serde_json::from_str(KEY_SET).expect("the key set is valid")
}

async fn warm_client(
    answers_after: Duration,
    is_up: bool,
    time_to_live: Duration,
) -> (JwksClient<Issuer>, Arc<AtomicUsize>) {
    let fetches = Arc::new(AtomicUsize::new(0));
    let issuer = Issuer {
        answers_after,
        is_up,
        fetches: Arc::clone(&fetches),
    };
    let client = JwksClient::<Issuer>::builder()
        .time_to_live(time_to_live)
        .build(issuer);
    client.get("known").await.expect("the key is in the set");
    (client, fetches)
}

/// How long one lookup of the known key took.
async fn wait_for_known_key(client: JwksClient<Issuer>) -> Duration {
    let asked = Instant::now();
    client.get("known").await.expect("the key is in the set");
    asked.elapsed()
}

const FIVE_SECONDS: Duration = Duration::from_secs(5);
const A_DAY: Duration = Duration::from_secs(86_400);

#[tokio::test(start_paused = true)]
async fn one_unknown_kid_makes_a_caller_with_a_known_key_wait_for_the_whole_fetch() {
    let (client, _) = warm_client(FIVE_SECONDS, true, A_DAY).await;
    assert_eq!(wait_for_known_key(client.clone()).await, Duration::ZERO);

    let stranger = client.clone();
    tokio::spawn(async move { stranger.get("unknown").await });
    tokio::time::sleep(Duration::from_secs(1)).await;

    let waited = wait_for_known_key(client).await;
    println!(
        "one unknown kid, key set answers in 5 s: a known key one second later waits {waited:?}"
    );
    assert_eq!(waited, Duration::from_secs(4));
}

#[tokio::test(start_paused = true)]
async fn two_unknown_kids_a_second_stall_all_validation() {
    let (client, fetches) = warm_client(FIVE_SECONDS, true, A_DAY).await;

    let attacker = client.clone();
    tokio::spawn(async move {
        for kid in 0.. {
            let client = attacker.clone();
            tokio::spawn(async move { client.get(&format!("unknown-{kid}")).await });
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    });
    let mut lookups = Vec::new();
    for _ in 0..6_000 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        lookups.push(tokio::spawn(wait_for_known_key(client.clone())));
    }
    let mut waits = Vec::new();
    for lookup in lookups {
        waits.push(lookup.await.expect("the lookup ends"));
    }

    waits.sort_unstable();
    let waited = waits.iter().filter(|wait| !wait.is_zero()).count();
    let fetches = fetches.load(Ordering::SeqCst) - 1;
    let (median, worst) = (waits[waits.len() / 2], waits[waits.len() - 1]);
    println!(
        "two unknown kids a second for 60 s, key set answers in 5 s: {waited} of {} lookups of the known key waited, \
         median {median:?}, worst {worst:?}; {fetches} fetches",
        waits.len()
    );
    assert!(waited * 100 >= waits.len() * 95, "{waited} lookups waited");
    assert!(median >= Duration::from_secs(2), "{median:?}");
}

#[tokio::test(start_paused = true)]
async fn after_its_time_to_live_every_caller_queues_for_an_issuer_that_is_away() {
    let ten_seconds = Duration::from_secs(10); // the crate's own timeout
    let (client, _) = warm_client(ten_seconds, false, Duration::ZERO).await;
    // The crate reads the wall clock for this, in milliseconds.
    std::thread::sleep(Duration::from_millis(3));

    let callers: Vec<_> = (0..5)
        .map(|_| tokio::spawn(wait_for_known_key(client.clone())))
        .collect();
    let mut waits = Vec::new();
    for caller in callers {
        waits.push(caller.await.expect("the lookup ends").as_secs());
    }

    println!("time to live passed, issuer away: five callers at once wait {waits:?} seconds");
    assert_eq!(waits, [10, 20, 30, 40, 50]);
}

#[test]
fn one_unusual_key_loses_the_whole_set() {
    let usual = r#"{"kty": "RSA", "kid": "known", "n": "AQAB", "e": "AQAB"}"#;
    let with = |odd: &str| {
        serde_json::from_str::<JsonWebKeySet>(&format!(r#"{{"keys": [{usual}, {odd}]}}"#))
    };
    let unusual = [
        ("no kid", r#"{"kty": "RSA", "n": "AQAB", "e": "AQAB"}"#),
        (
            "a post-quantum kty",
            r#"{"kty": "AKP", "kid": "pq", "alg": "ML-DSA-44", "pub": "AQAB"}"#,
        ),
        (
            "a symmetric key",
            r#"{"kty": "oct", "kid": "secret", "k": "AQAB"}"#,
        ),
    ];
    assert!(with(usual).is_ok());
    for (what, key) in unusual {
        let error = with(key).expect_err(what);
        println!("a key set with one usual key and {what}: {error}");
    }
}
