//! Two servers, the same load in turn: CPU time per request of each, and the ratio.
//!
//! Turns are short, and a round has two of each side, A B B A, the next one B A A B: what makes the machine slower for
//! longer than a round falls on both sides, and what does so evenly cancels out within it. The median of many such rounds
//! does not care how far off the disturbed ones are. Both sides are treated alike in all of it.

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
    rounds: usize,
    /// The baseline's CPU time per request, in microseconds.
    pub(crate) baseline_us: f64,
    /// The subject's CPU time per request, in microseconds.
    pub(crate) subject_us: f64,
}

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rounds {
    /// Each side takes its turn twice in each.
    pub(crate) rounds: usize,
    /// How many requests a turn has.
    pub(crate) requests: usize,
    /// How many requests come before, and do not count.
    pub(crate) warm_up: usize,
}

impl Rounds {
    /// The same for requests that take so many times as long.
    pub(crate) fn shortened(self, by: usize) -> Self {
        Self {
            rounds: self.rounds,
            requests: self.requests / by,
            warm_up: self.warm_up / by,
        }
    }

    /// How many turns each side takes.
    pub(crate) fn turns(self) -> usize {
        2 * self.rounds
    }
}

/// Puts the same load on both sides in turn.
///
/// `requests` gives the load of each turn, so that a turn may have its own tokens; both sides get the same, unless one has
/// its own.
pub(crate) async fn alternate(
    baseline: &mut Side<'_>,
    subject: &mut Side<'_>,
    rounds: Rounds,
    mut requests: impl FnMut(usize) -> Arc<Requests>,
) -> Result<Comparison> {
    let (mut ratios, mut of_baseline, mut of_subject) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds.rounds {
        let (mut base, mut own) = (0.0, 0.0);
        for half in 0..2 {
            let load = requests(2 * round + half);
            if (round + half) % 2 == 0 {
                base += baseline.turn(&load, rounds.requests).await?;
                own += subject.turn(&load, rounds.requests).await?;
            } else {
                own += subject.turn(&load, rounds.requests).await?;
                base += baseline.turn(&load, rounds.requests).await?;
            }
        }
        ratios.push(own / base);
        of_baseline.push(base / 2.0);
        of_subject.push(own / 2.0);
    }
    Ok(Comparison {
        ratio: Spread::of(ratios),
        rounds: rounds.rounds,
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
    /// The absolute figures and how far the rounds stray, for information.
    pub(crate) fn absolute(&self) -> String {
        let (low, high) = self.ratio.middle_half;
        format!(
            "{:.1} µs against {:.1} µs a request, half of {} rounds within {low:.2} … {high:.2}",
            self.subject_us, self.baseline_us, self.rounds
        )
    }
}
