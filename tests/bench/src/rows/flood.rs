//! A flood of unknown key ids while the key set answers slowly, against an equal flood of bad signatures.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::bench::Bench;
use crate::issuer::{Answer, TestIssuer};
use crate::load::{Connection, Outcome, Requests};
use crate::report::Row;
use crate::rows::cold;
use crate::stats::Spread;
use crate::subject::{Subject, small_collection};

/// Requests a second of either kind.
const RATE: u32 = 400;
/// Connections of either kind.
const CONNECTIONS: u32 = 16;
/// How slowly the key set answers meanwhile.
const SLOW: Duration = Duration::from_secs(5);

pub(super) async fn measure(bench: &mut Bench) -> Result<()> {
    let issuer = TestIssuer::start().await;
    let collection = small_collection(bench)?;
    let subject = Subject::start(bench, &issuer, &collection).await?;
    let (rounds, seconds) = if bench.quick { (1, 2) } else { (7, 3) };
    issuer.answer_jwks(Answer::After(SLOW));
    let fetches_before = issuer.jwks_requests();
    let begun = Instant::now();

    let (mut ratios, mut under_unknown, mut under_bad) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let unknown = phase(&subject, &issuer, seconds, unknown_key).await?;
        let bad = phase(&subject, &issuer, seconds, bad_signature).await?;
        let (unknown, bad) = (unknown.percentile(0.99), bad.percentile(0.99));
        ratios.push(unknown.as_secs_f64() / bad.as_secs_f64());
        under_unknown.push(unknown.as_secs_f64() * 1e3);
        under_bad.push(bad.as_secs_f64() * 1e3);
    }

    let ratio = Spread::of(ratios);
    bench.add(Row {
        name: "flood of unknown key ids: p99 of known keys against a flood of bad signatures",
        value: ratio.median,
        unit: "×",
        bound: Some(1.5),
        spread: Some((ratio.least, ratio.most)),
        detail: format!(
            "{:.2} ms against {:.2} ms; {RATE} cold tokens and {RATE} flood requests a second",
            Spread::of(under_unknown).median,
            Spread::of(under_bad).median,
        ),
    });
    let waited = subject.metric("usher_jwks_waits_known_kid_total").await?;
    bench.add(Row {
        name: "flood of unknown key ids: requests with known keys that waited for a fetch",
        value: waited,
        unit: "requests",
        bound: Some(0.0),
        spread: None,
        detail: format!("key set answers after {} s", SLOW.as_secs()),
    });
    let fetches = issuer.jwks_requests() - fetches_before;
    let refilled = begun.elapsed().as_secs() / 30;
    #[expect(clippy::cast_precision_loss, reason = "a handful")]
    bench.add(Row {
        name: "flood of unknown key ids: fetches of the key set",
        value: fetches as f64,
        unit: "fetches",
        bound: Some((2 + refilled) as f64),
        spread: None,
        detail: "a bucket of 2, one refill in 30 s".to_owned(),
    });
    Ok(())
}

/// Cold tokens with a known key, under a flood; what the cold tokens saw.
async fn phase(
    subject: &Subject,
    issuer: &TestIssuer,
    seconds: u32,
    token: fn(&TestIssuer, &Subject) -> String,
) -> Result<Outcome> {
    let count = usize::try_from(RATE * seconds)?;
    let target = subject.target();
    let flood = (0..count).map(|_| {
        let token = token(issuer, subject);
        target.modern(&token, "tools/list", json!({}))
    });
    let flood = Arc::new(Requests::Each(flood.collect()));
    let known = cold::load(issuer, subject, count);
    let mut flooding = paced(subject, flood).await?;
    let mut asking = paced(subject, known).await?;
    let mut outcome = Outcome::default();
    while let Some(part) = asking.join_next().await {
        outcome.add(part??);
    }
    let mut refused = Outcome::default();
    while let Some(part) = flooding.join_next().await {
        refused.add(part??);
    }
    if refused.statuses.contains_key(&200) {
        bail!(
            "expected every flood request to be refused, found {:?}",
            refused.statuses
        );
    }
    outcome.all_ok()
}

/// Sends the requests at a steady rate over several connections.
async fn paced(subject: &Subject, requests: Arc<Requests>) -> Result<JoinSet<Result<Outcome>>> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let mut connection = Connection::open(subject.address).await?;
        let (requests, next) = (Arc::clone(&requests), Arc::clone(&next));
        workers.spawn(async move {
            let mut outcome = Outcome::default();
            let mut ticks = interval(Duration::from_secs(1) * CONNECTIONS / RATE);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            loop {
                let due = ticks.tick().await;
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(request) = requests.nth(index) else {
                    return Ok(outcome);
                };
                // From when it was due: a server that stalls delays all that follow, and they count.
                let status = connection.exchange(request).await?.status;
                outcome.count(status, due.elapsed());
            }
        });
    }
    Ok(workers)
}

/// A token whose key id nobody has seen, with a signature of noise.
fn unknown_key(issuer: &TestIssuer, subject: &Subject) -> String {
    let kid = URL_SAFE_NO_PAD.encode(cold::unique::<12>());
    forged(issuer, subject, &kid)
}

/// A token with the issuer's key id and a signature of noise.
fn bad_signature(issuer: &TestIssuer, subject: &Subject) -> String {
    forged(issuer, subject, "key-1")
}

fn forged(issuer: &TestIssuer, subject: &Subject, kid: &str) -> String {
    let header = json!({ "typ": "at+jwt", "alg": "RS256", "kid": kid });
    let token = issuer.token().audience(subject.audience());
    let claims = serde_json::Value::Object(token.scope("mcp:read").claims().clone());
    let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signature = URL_SAFE_NO_PAD.encode(cold::unique::<256>());
    format!("{}.{}.{signature}", part(&header), part(&claims))
}
