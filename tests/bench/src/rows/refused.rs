//! Refused tokens: what the record of refusals adds to a request that is refused.
//!
//! The same server with the record and without it, one after the other. Every token names a client of its own, which is the
//! dearest case: a flood, of which each one looks for a row.

use std::sync::Arc;

use anyhow::{Result, bail};
use serde_json::json;

use crate::bench::Bench;
use crate::issuer::TestIssuer;
use crate::load::{Connections, Requests};
use crate::report::Row;
use crate::stats::Spread;
use crate::subject::Subject;

pub(super) async fn measure(bench: &mut Bench) -> Result<()> {
    let issuer = TestIssuer::start().await;
    let without = of(bench, &issuer, "0").await?;
    let with = of(bench, &issuer, "1000").await?;
    bench.add(Row {
        name: "the record of refusals, a refused token of a new client",
        value: with.median - without.median,
        unit: "µs",
        bound: Some(5.0),
        spread: Some((with.least - without.median, with.most - without.median)),
        detail: format!(
            "{:.1} µs against {:.1} µs a request with `audit.refusals = 0`",
            with.median, without.median
        ),
    });
    Ok(())
}

/// CPU time per refused request, in microseconds.
async fn of(bench: &Bench, issuer: &TestIssuer, refusals: &str) -> Result<Spread> {
    let subject = Subject::start_recording(bench, issuer, refusals).await?;
    let mut connections = Connections::open(subject.address, bench.connections()).await?;
    let rounds = bench.rounds();
    let mut found = Vec::new();
    // The first turn does not count.
    for turn in 0..=rounds.turns() {
        let requests = if turn == 0 {
            rounds.warm_up
        } else {
            rounds.requests
        };
        let load = load(issuer, &subject, turn, requests);
        let before = subject.process.cpu_time()?;
        let outcome = connections.run(&load, requests).await?;
        let used = subject.process.cpu_time()?.saturating_sub(before);
        if outcome.statuses.keys().any(|status| *status != 401) {
            bail!("expected 401 alone, found {:?}", outcome.statuses);
        }
        #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
        let answered = outcome.latencies.len() as f64;
        if turn > 0 {
            found.push(used.as_secs_f64() * 1e6 / answered);
        }
    }
    Ok(Spread::of(found))
}

/// Tokens for somebody else, each of a client of its own.
fn load(issuer: &TestIssuer, subject: &Subject, turn: usize, requests: usize) -> Arc<Requests> {
    let target = subject.target();
    let token = issuer.token().audience("https://other.example");
    // The signature is not looked at, as the audience is wrong before; so one serves for all.
    let minted = token.mint();
    let signature = minted.rsplit('.').next().unwrap_or_default();
    let requests = (0..requests).map(|number| {
        let client = format!("client-{turn}-{number}");
        let token = token.clone().claim("client_id", json!(client));
        let unsigned = unsigned(&token);
        target.modern(&format!("{unsigned}.{signature}"), "tools/list", json!({}))
    });
    Arc::new(Requests::Each(requests.collect()))
}

/// Header and claims, without the time that a signature takes.
fn unsigned(token: &crate::issuer::TokenBuilder) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let part = |members: &serde_json::Map<String, serde_json::Value>| {
        URL_SAFE_NO_PAD.encode(serde_json::Value::Object(members.clone()).to_string())
    };
    format!("{}.{}", part(token.header_members()), part(token.claims()))
}
