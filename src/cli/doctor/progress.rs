//! What is being looked at, on a terminal and nowhere else.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::doctor::show::harmless;
use crate::doctor::walk::Progress;

/// A line on standard error that is gone in the end.
pub(super) struct Spinner(ProgressBar);

impl Spinner {
    /// Draws nothing if standard error is no terminal, or if `is_quiet`.
    pub(super) fn start(is_quiet: bool) -> Self {
        let bar = if is_quiet {
            ProgressBar::hidden()
        } else {
            ProgressBar::new_spinner()
        };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar.set_style(style);
        }
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        Self(bar)
    }

    /// Who is told what comes next.
    pub(super) fn tell(&self) -> Progress {
        let bar = self.0.clone();
        Progress::new(move |what| bar.set_message(format!("looking at {}", harmless(what))))
    }

    /// Clears the line.
    pub(super) fn ends(self) {
        self.0.finish_and_clear();
    }
}
