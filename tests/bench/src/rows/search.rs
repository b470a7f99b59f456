//! `search` over 50,000 documents: the time inside the engine.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::bench::Bench;
use crate::corpus::Corpus;
use crate::issuer::TestIssuer;
use crate::load::{Connections, Requests};
use crate::report::Row;
use crate::rows::warm::token;
use crate::subject::Subject;

pub(super) async fn measure(bench: &mut Bench) -> Result<()> {
    let (documents, queries) = if bench.quick {
        (5_000, 500)
    } else {
        (50_000, 5_000)
    };
    let mut corpus = Corpus::new();
    let collection = bench.folder.join("corpus.jsonl");
    corpus.write(&collection, documents)?;
    let issuer = TestIssuer::start().await;
    let subject = Subject::start(bench, &issuer, &collection).await?;
    let indexed_after = wait_for_documents(&subject, documents).await?;

    let token = token(&issuer, &subject);
    let mut requests = |count| {
        let requests = (0..count).map(|_| {
            let arguments = json!({ "name": "search", "arguments": { "query": corpus.query() } });
            subject.target().modern(&token, "tools/call", arguments)
        });
        Arc::new(Requests::Each(requests.collect()))
    };
    let (warm_up, load) = (requests(queries / 5), requests(queries));
    let mut connections = Connections::open(subject.address, 1).await?;
    connections.run(&warm_up, queries).await?.all_ok()?;
    let before = Histogram::read(&subject).await?;
    let outcome = connections.run(&load, queries).await?.all_ok()?;
    let engine = Histogram::read(&subject).await?.since(&before);
    bench.add(Row {
        name: "search, median time in the engine",
        value: engine.median() * 1e3,
        unit: "ms",
        bound: Some(1.0),
        spread: None,
        detail: format!(
            "{documents} documents (searchable after {:.1} s), {:.0} % of {queries} searches within 1 ms; \
             p50 {:.2} ms and p99 {:.2} ms for the client",
            indexed_after.as_secs_f64(),
            engine.share_within(0.001) * 100.0,
            outcome.percentile(0.5).as_secs_f64() * 1e3,
            outcome.percentile(0.99).as_secs_f64() * 1e3,
        ),
    });
    Ok(())
}

async fn wait_for_documents(subject: &Subject, documents: u32) -> Result<Duration> {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(300) {
        if subject.metric("usher_documents").await? >= f64::from(documents) {
            return Ok(begun.elapsed());
        }
        sleep(Duration::from_millis(50)).await;
    }
    bail!("{documents} documents are not searchable after 5 minutes")
}

/// A Prometheus histogram: upper bounds in seconds and how many were within.
struct Histogram(Vec<(f64, f64)>);

impl Histogram {
    async fn read(subject: &Subject) -> Result<Self> {
        let mut buckets = Vec::new();
        for line in subject.metrics().await?.lines() {
            if !line.starts_with("usher_search_duration_seconds_bucket{") {
                continue;
            }
            let Some((labels, count)) = line.rsplit_once("} ") else {
                continue;
            };
            let bound = labels
                .split("le=\"")
                .nth(1)
                .and_then(|rest| rest.split('"').next());
            let bound = bound.unwrap_or_default().replace("+Inf", "inf");
            buckets.push((bound.parse()?, count.parse()?));
        }
        Ok(Self(buckets))
    }

    fn since(&self, before: &Self) -> Self {
        let earlier = |bound: f64| {
            let found = before.0.iter().find(|(other, _)| *other == bound);
            found.map_or(0.0, |(_, count)| *count)
        };
        Self(
            self.0
                .iter()
                .map(|(bound, count)| (*bound, count - earlier(*bound)))
                .collect(),
        )
    }

    fn total(&self) -> f64 {
        self.0.last().map_or(0.0, |(_, count)| *count)
    }

    fn share_within(&self, seconds: f64) -> f64 {
        let within = self.0.iter().rfind(|(bound, _)| *bound <= seconds);
        within.map_or(0.0, |(_, count)| *count) / self.total()
    }

    /// Linear within its bucket, as Prometheus has it.
    fn median(&self) -> f64 {
        let half = self.total() / 2.0;
        let (mut lower, mut below) = (0.0, 0.0);
        for (bound, count) in &self.0 {
            if *count >= half {
                return lower + (bound - lower) * (half - below) / (count - below);
            }
            (lower, below) = (*bound, *count);
        }
        f64::INFINITY
    }
}
