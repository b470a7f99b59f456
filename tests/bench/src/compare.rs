//! Two servers, the same load in turn: CPU time per request of each, and the ratio.

use std::sync::Arc;

use anyhow::Result;

use crate::load::{Connections, Requests};
use crate::process::Process;
use crate::stats::Spread;

/// One server under load.
pub(crate) struct Side<'a> {
    /// The process whose CPU time counts.
    pub(crate) process: &'a Process,
    /// Connections to it.
    pub(crate) connections: Connections,
    /// Its own requests, where they are not those of the other side.
    pub(crate) load: Option<Arc<Requests>>,
}

/// What alternating rounds showed.
pub(crate) struct Comparison {
    /// The subject's CPU time over the baseline's, per round.
    pub(crate) ratio: Spread,
    /// The baseline's CPU time per request, in microseconds.
    pub(crate) baseline_us: f64,
    /// The subject's CPU time per request, in microseconds.
    pub(crate) subject_us: f64,
}

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rounds {
    /// How often each side takes its turn.
    pub(crate) rounds: usize,
    /// How many requests a turn has.
    pub(crate) requests: usize,
}

/// Puts the same load on both sides in turn, the other side first in every second round.
///
/// `requests` gives each round's load, so that a round may have its own tokens; both sides get the same, unless one has its
/// own.
pub(crate) async fn alternate(
    baseline: &mut Side<'_>,
    subject: &mut Side<'_>,
    rounds: Rounds,
    mut requests: impl FnMut(usize) -> Arc<Requests>,
) -> Result<Comparison> {
    let (mut ratios, mut of_baseline, mut of_subject) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds.rounds {
        let load = requests(round);
        let (base, own) = if round % 2 == 0 {
            let base = baseline.turn(&load, rounds.requests).await?;
            (base, subject.turn(&load, rounds.requests).await?)
        } else {
            let own = subject.turn(&load, rounds.requests).await?;
            (baseline.turn(&load, rounds.requests).await?, own)
        };
        ratios.push(own / base);
        of_baseline.push(base);
        of_subject.push(own);
    }
    Ok(Comparison {
        ratio: Spread::of(ratios),
        baseline_us: Spread::of(of_baseline).median,
        subject_us: Spread::of(of_subject).median,
    })
}

impl Side<'_> {
    /// Warms the server up with requests that do not count.
    pub(crate) async fn warm_up(&mut self, load: &Arc<Requests>, requests: usize) -> Result<()> {
        self.turn(load, requests).await?;
        Ok(())
    }

    /// One turn: CPU time per request, in microseconds.
    async fn turn(&mut self, load: &Arc<Requests>, requests: usize) -> Result<f64> {
        let load = &self.load.clone().unwrap_or_else(|| Arc::clone(load));
        let before = self.process.cpu_time()?;
        let outcome = self.connections.run(load, requests).await?.all_ok()?;
        let used = self.process.cpu_time()?.saturating_sub(before);
        #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
        let answered = outcome.latencies.len() as f64;
        Ok(used.as_secs_f64() * 1e6 / answered)
    }
}

impl Comparison {
    /// The absolute figures, for information.
    pub(crate) fn absolute(&self) -> String {
        format!(
            "{:.1} µs against {:.1} µs a request",
            self.subject_us, self.baseline_us
        )
    }
}
