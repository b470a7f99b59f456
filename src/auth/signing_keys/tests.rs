use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::time::{Instant, sleep};

use super::*;

const ISSUER: &str = "https://id.test";

/// An issuer that answers as told and notes when it was asked.
#[derive(Clone, Default)]
struct Fake(Arc<Mutex<Script>>);

#[derive(Default)]
struct Script {
    kids: Vec<&'static str>,
    takes: Duration,
    fails: bool,
    panics: bool,
    ttl: Option<Duration>,
    asked: Vec<Instant>,
}

impl Fake {
    fn with(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn asked(&self) -> usize {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .asked
            .len()
    }

    /// Milliseconds between the questions.
    fn pauses(&self) -> Vec<u128> {
        let script = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pairs = script.asked.windows(2);
        pairs.map(|pair| (pair[1] - pair[0]).as_millis()).collect()
    }
}

impl KeySource for Fake {
    fn fetch(&self, _: Option<String>) -> BoxFuture<'_, Result<Fetched, FetchError>> {
        Box::pin(async move {
            let takes = {
                let mut script = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                script.asked.push(Instant::now());
                script.takes
            };
            sleep(takes).await;
            let script = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            assert!(!script.panics, "as told");
            if script.fails {
                return Err(FetchError::Empty {
                    found: "it is empty".into(),
                });
            }
            Ok(Fetched::Document {
                body: key_set(&script.kids),
                etag: None,
                ttl: script.ttl,
                jwks_url: format!("{ISSUER}/jwks"),
            })
        })
    }
}

fn key_set(kids: &[&str]) -> Vec<u8> {
    let key = |kid: &&str| {
        let modulus = [&[0xc1; 224][..], &crate::sealing::sha256(kid.as_bytes())].concat();
        let n = URL_SAFE_NO_PAD.encode(modulus);
        serde_json::json!({ "kty": "RSA", "kid": kid, "n": n, "e": "AQAB" })
    };
    let keys: Vec<_> = kids.iter().map(key).collect();
    serde_json::json!({ "keys": keys }).to_string().into_bytes()
}

struct Scene {
    keys: SigningKeys,
    fake: Fake,
    clock: Clock,
    metrics: Metrics,
}

/// A cache over an issuer that has `kids`, after its first fetch.
async fn scene(kids: &[&'static str]) -> Scene {
    let fake = Fake::default();
    fake.with(|script| script.kids = kids.to_vec());
    let scene = start(fake);
    sleep(Duration::from_millis(1)).await;
    scene
}

fn start(fake: Fake) -> Scene {
    let options = Options {
        issuer: ISSUER.into(),
        jwks_url: None,
        default_ttl: Duration::from_secs(300),
        stale_for_seconds: 4 * 3600,
        accept_empty: false,
        accept_missing_kid: false,
        blocked_kids: Vec::new(),
    };
    let (clock, metrics) = (Clock::system(), Metrics::default());
    let around = Surroundings {
        clock: clock.clone(),
        lifecycle: Lifecycle::new(),
        metrics: metrics.clone(),
        store: None,
    };
    Scene {
        keys: SigningKeys::start(options, Box::new(fake.clone()), around),
        fake,
        clock,
        metrics,
    }
}

impl Scene {
    async fn find(&self, kid: &str) -> &'static str {
        match self.keys.find(Some(kid), Algorithm::Rs256).await {
            Ok(_) => "ok",
            Err(error) => error.reason(),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_set_of_encryption_keys_replaces_none_and_its_error_says_what_to_do() {
    let scene = scene(&["a"]).await;
    let key =
        serde_json::json!({ "kty": "RSA", "use": "enc", "kid": "enc-1", "n": "AQAB", "e": "AQAB" });
    let set = serde_json::json!({ "keys": [key] }).to_string();
    let error = scene
        .keys
        .publish(set.as_bytes(), None, 0)
        .expect_err("no signing key");
    let message = error.to_string();
    for part in [
        "no key that verifies signatures",
        "(enc-1: its use is not sig)",
        "give the issuer a signing key",
        "`jwks_url`",
    ] {
        assert!(message.contains(part), "{part} in {message}");
    }
    assert_eq!(scene.find("a").await, "ok");
}

// row 36
#[tokio::test(start_paused = true)]
async fn refreshes_at_four_fifths_of_the_life_within_ten_percent() {
    for (ttl, shortest, longest) in [
        (None, 216, 264),
        (Some(600), 432, 528),
        (Some(1), 43, 53),
        (Some(0), 43, 53),
        (Some(86_400), 2592, 3168),
    ] {
        let fake = Fake::default();
        fake.with(|script| {
            script.kids = vec!["a"];
            script.ttl = ttl.map(Duration::from_secs);
        });
        let scene = start(fake);
        sleep(Duration::from_secs(10 * longest)).await;
        let pauses = scene.fake.pauses();
        assert!(pauses.len() >= 9, "{ttl:?}: {pauses:?}");
        let within = |pause: &u128| {
            (shortest * 1000..=longest * 1000 + 10).contains(&u64::try_from(*pause).expect("small"))
        };
        assert!(pauses.iter().all(within), "{ttl:?}: {pauses:?}");
        let differ = pauses.windows(2).any(|pair| pair[0] != pair[1]);
        assert!(differ, "no jitter: {pauses:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_scheduled_refresh_tries_three_times_and_then_pauses() {
    let scene = scene(&["a"]).await;
    scene.fake.with(|script| script.fails = true);
    while scene.fake.asked() < 8 {
        sleep(Duration::from_millis(10)).await;
    }
    let bounds = [
        (216_000, 264_010),
        (180, 222),
        (900, 1102),
        (27_000, 33_002),
        (180, 222),
        (900, 1102),
        (27_000, 33_002),
    ];
    for (pause, (shortest, longest)) in scene.fake.pauses().into_iter().zip(bounds) {
        assert!(
            (shortest..=longest).contains(&pause),
            "{pause}: {shortest} to {longest}"
        );
    }
    assert_eq!(scene.find("a").await, "ok", "the last good set carries on");
    assert!(scene.keys.health().last_fetch_failed);
    scene.fake.with(|script| script.fails = false);
    sleep(Duration::from_secs(40)).await;
    assert!(!scene.keys.health().last_fetch_failed);
}

#[tokio::test(start_paused = true)]
async fn without_any_keys_it_tries_again_soon_and_then_every_five_seconds() {
    let fake = Fake::default();
    fake.with(|script| script.fails = true);
    let scene = start(fake);
    sleep(Duration::from_secs(120)).await;
    let pauses = scene.fake.pauses();
    assert!((90..=112).contains(&pauses[0]), "{pauses:?}");
    assert!(pauses.iter().all(|pause| *pause <= 5502), "{pauses:?}");
    assert!(
        pauses.iter().rev().take(5).all(|pause| *pause >= 4500),
        "{pauses:?}"
    );
    scene.fake.with(|script| {
        script.fails = false;
        script.kids = vec!["a"];
    });
    assert_eq!(
        scene.find("a").await,
        "keys_unavailable",
        "at once: no request adds a fetch"
    );
    sleep(Duration::from_secs(6)).await;
    assert_eq!(scene.find("a").await, "ok");
}

// row 30, row 32
#[tokio::test(start_paused = true)]
async fn a_request_waits_one_second_at_most_and_only_for_an_unknown_kid() {
    let scene = scene(&["a"]).await;
    scene.fake.with(|script| {
        script.takes = Duration::from_secs(5);
        script.kids = vec!["a", "b"];
    });
    let started = Instant::now();
    assert_eq!(scene.find("b").await, "keys_unavailable");
    assert_eq!(started.elapsed().as_secs(), 1);
    let started = Instant::now();
    assert_eq!(scene.find("a").await, "ok");
    assert_eq!(started.elapsed(), Duration::ZERO);
    assert_eq!(
        (
            scene.metrics.jwks_waits(true),
            scene.metrics.jwks_waits(false)
        ),
        (0, 1)
    );
    sleep(Duration::from_secs(5)).await;
    assert_eq!(
        scene.find("b").await,
        "ok",
        "the fetch went on without the request"
    );
    assert_eq!(scene.fake.asked(), 2);
}

// row 30
#[tokio::test(start_paused = true)]
async fn one_fetch_answers_everybody_who_asked_meanwhile() {
    let scene = scene(&["a"]).await;
    scene.fake.with(|script| {
        script.takes = Duration::from_millis(500);
        script.kids = vec!["a", "b"];
    });
    let asking = (0..60).map(|n| {
        if n % 2 == 0 {
            scene.find("b")
        } else {
            scene.find("c")
        }
    });
    let reasons = futures_util::future::join_all(asking).await;
    assert_eq!(scene.fake.asked(), 2);
    for (n, reason) in reasons.into_iter().enumerate() {
        assert_eq!(reason, if n % 2 == 0 { "ok" } else { "unknown_key" });
    }
    let started = Instant::now();
    assert_eq!(scene.find("c").await, "unknown_key");
    assert_eq!(started.elapsed(), Duration::ZERO, "remembered");
    sleep(Duration::from_secs(31)).await;
    assert_eq!(scene.find("c").await, "unknown_key");
    assert_eq!(scene.fake.asked(), 3, "forgotten, and asked again");
}

#[tokio::test(start_paused = true)]
async fn only_so_many_requests_wait_at_one_time() {
    let scene = scene(&["a"]).await;
    scene
        .fake
        .with(|script| script.takes = Duration::from_millis(500));
    let names: Vec<_> = (0..MOST_WAITING + 40).map(|n| format!("kid-{n}")).collect();
    let reasons = futures_util::future::join_all(names.iter().map(|kid| scene.find(kid))).await;
    let count = |reason| reasons.iter().filter(|found| **found == reason).count();
    assert_eq!(count("unknown_key"), MOST_WAITING);
    assert_eq!(count("keys_unavailable"), 40);
}

#[tokio::test(start_paused = true)]
async fn a_fetch_for_an_unknown_kid_is_not_tried_again_and_leaves_the_schedule_alone() {
    let scene = scene(&["a"]).await;
    scene.fake.with(|script| script.fails = true);
    assert_eq!(scene.find("b").await, "keys_unavailable");
    sleep(Duration::from_secs(60)).await;
    assert_eq!(scene.fake.asked(), 2);
    sleep(Duration::from_secs(265 - 60)).await;
    assert!(scene.fake.asked() >= 3, "the refresh that was due");
}

// row 31, row 40
#[tokio::test(start_paused = true)]
async fn stale_keys_count_in_wall_time_and_timers_in_monotonic_time() {
    let scene = scene(&["a"]).await;
    scene.fake.with(|script| script.fails = true);
    let asked = scene.fake.asked();
    scene.clock.shift(4 * 3600 - 5);
    assert_eq!(scene.find("a").await, "ok");
    scene.clock.shift(10);
    assert_eq!(scene.find("a").await, "keys_unavailable");
    assert_eq!(
        scene.fake.asked(),
        asked,
        "a jump of the wall clock fires no timer"
    );
    scene.clock.shift(-3600);
    assert_eq!(scene.find("a").await, "ok");
    scene.clock.shift(-24 * 3600);
    assert_eq!(
        scene.find("a").await,
        "ok",
        "a clock set back makes no key old"
    );
}

// row 36
#[tokio::test(start_paused = true)]
async fn a_change_of_the_keys_makes_a_new_generation_and_a_mere_refresh_does_not() {
    let scene = scene(&["a", "b"]).await;
    let generation = || scene.keys.current().expect("keys").generation;
    let first = generation();
    sleep(Duration::from_secs(3000)).await;
    assert!(scene.fake.asked() > 5);
    assert_eq!(generation(), first);
    scene.fake.with(|script| script.kids = vec!["b"]);
    sleep(Duration::from_secs(300)).await;
    assert_eq!(generation(), first + 1);
    scene.fake.with(|script| script.fails = true);
    assert_eq!(
        scene.find("a").await,
        "keys_unavailable",
        "gone, and the issuer cannot be asked"
    );
    assert_eq!(scene.find("b").await, "ok");
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_fetching_ends_neither_the_refresh_nor_those_who_wait() {
    let scene = scene(&["a"]).await;
    scene.fake.with(|script| script.panics = true);
    assert_eq!(scene.find("b").await, "keys_unavailable");
    assert_eq!(scene.find("a").await, "ok");
    scene.fake.with(|script| {
        script.panics = false;
        script.kids = vec!["a", "b"];
    });
    sleep(Duration::from_secs(10)).await;
    assert_eq!(scene.find("b").await, "ok");
}

#[tokio::test(start_paused = true)]
async fn who_looked_just_before_a_fetch_brought_the_key_costs_no_other_fetch() {
    let scene = scene(&["a"]).await;
    scene.fake.with(|script| script.kids = vec!["a", "b"]);
    assert_eq!(scene.find("b").await, "ok");
    // As many as the bucket holds and more, each of whom did not find it a moment ago.
    for _ in 0..3 {
        let waited = scene.keys.wait_for("b", Algorithm::Rs256).await;
        assert_eq!(waited, Ok(()));
    }
    assert_eq!(scene.fake.asked(), 2);
    scene.fake.with(|script| script.kids = vec!["c"]);
    assert_eq!(scene.find("c").await, "ok", "there is a fetch left for it");
}
