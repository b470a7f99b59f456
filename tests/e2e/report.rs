//! What happened so far, one line per row.

use std::cell::Cell;
use std::process::ExitCode;

use tokio::time::Instant;

/// Counts rows, also of lanes that run beside each other.
pub(crate) struct Report {
    only: String,
    passed: Cell<u32>,
    failed: Cell<u32>,
}

impl Report {
    /// For all rows, or those with the first argument in their names.
    pub(crate) fn new() -> Self {
        Self {
            only: std::env::args().nth(1).unwrap_or_default(),
            passed: Cell::default(),
            failed: Cell::default(),
        }
    }

    /// True if this row is to run.
    pub(crate) fn wants(&self, name: &str) -> bool {
        name.contains(&self.only)
    }

    /// Counts one row and says what became of it.
    pub(crate) fn row(&self, started: Instant, name: &str, outcome: anyhow::Result<()>) {
        let seconds = started.elapsed().as_secs_f32();
        let name = name.replace('_', " ");
        match outcome {
            Ok(()) => {
                self.passed.set(self.passed.get() + 1);
                println!("ok      {seconds:5.1} s  {name}");
            }
            Err(error) => {
                self.failed.set(self.failed.get() + 1);
                println!("FAILED  {seconds:5.1} s  {name}\n    {error:#}");
            }
        }
    }

    /// The closing line, which `tests/run-all` counts, and the exit code.
    pub(crate) fn close(&self) -> ExitCode {
        let (passed, failed) = (self.passed.get(), self.failed.get());
        println!("\ne2e: {passed} passed, {failed} failed");
        ExitCode::from(u8::from(failed > 0))
    }
}

/// Runs one row after another; each gets the scene.
macro_rules! rows {
    ($report:expr, $scene:expr, $($row:path),* $(,)?) => {$(
        if $report.wants(stringify!($row)) {
            let started = tokio::time::Instant::now();
            let outcome = $row($scene).await;
            $report.row(started, stringify!($row), outcome);
        }
    )*};
}
pub(crate) use rows;
