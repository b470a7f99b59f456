//! How soon a new process serves.

use anyhow::Result;

use crate::bench::Bench;
use crate::issuer::TestIssuer;
use crate::report::Row;
use crate::stats::Spread;
use crate::subject::{Subject, small_collection};

pub(super) async fn measure(bench: &mut Bench) -> Result<()> {
    let issuer = TestIssuer::start().await;
    let collection = small_collection(bench)?;
    let (mut listening, mut ready) = (Vec::new(), Vec::new());
    for _ in 0..if bench.quick { 3 } else { 11 } {
        let subject = Subject::start(bench, &issuer, &collection).await?;
        listening.push(subject.listening_after.as_secs_f64() * 1e3);
        ready.push(subject.ready_after.as_secs_f64() * 1e3);
    }
    add(bench, "start to listening", 100.0, Spread::of(listening));
    add(bench, "start to ready", 200.0, Spread::of(ready));
    Ok(())
}

fn add(bench: &mut Bench, name: &'static str, bound: f64, spread: Spread) {
    bench.add(Row {
        name,
        value: spread.median,
        unit: "ms",
        bound: Some(bound),
        spread: Some((spread.least, spread.most)),
        detail: "empty state directory, an issuer that answers".to_owned(),
    });
}
