//! Ctrl-C: the first ends what is being looked at, so that what was made on the way can be taken back; the second ends all.
#![expect(clippy::print_stderr, reason = "a command line prints")]

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Whether somebody pressed it.
#[derive(Clone, Debug, Default)]
pub(super) struct Interrupt(CancellationToken);

impl Interrupt {
    /// Returns once it was pressed.
    pub(super) async fn pressed(&self) {
        self.0.cancelled().await;
    }

    /// Listens, as long as it is polled, and returns when it was pressed twice.
    pub(super) async fn pressed_twice(&self, mut keyboard: Signal) {
        keyboard.recv().await;
        self.0.cancel();
        eprintln!("interrupted; Ctrl-C again ends at once");
        keyboard.recv().await;
    }
}

/// From now on the program does not end by itself.
pub(super) fn keyboard() -> std::io::Result<Signal> {
    signal(SignalKind::interrupt())
}
