//! Where log lines go: a bounded buffer that a thread of its own empties, so that a slow reader of the log never
//! holds up a request.
//!
//! Lines wait 100 ms at most, and less when there are many. Lines of level ERROR and [`Log::flush`] write at once. When the reader is so slow that
//! [`CAPACITY`] bytes wait, further lines are dropped and counted; the count is written once there is room again.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many bytes may wait.
const CAPACITY: usize = 8 * 1024 * 1024;
/// How many bytes may wait before they are written out without further delay, so that the buffers stay small.
const BATCH: usize = 128 * 1024;
/// How long a line may wait.
const DELAY: Duration = Duration::from_millis(100);

/// A cheap handle on the log. The default writes nothing.
#[derive(Clone, Default)]
pub struct Log(Option<Arc<Shared>>);

struct Shared {
    waiting: Mutex<Waiting>,
    wake: Condvar,
    // Held while bytes leave, so that they leave in order. Never taken while `waiting` is held.
    sink: Mutex<Sink>,
}

struct Sink {
    out: Box<dyn Write + Send>,
    /// The buffer that is not being filled, kept for its memory.
    spare: Vec<u8>,
}

#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    dropped: u64,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").finish_non_exhaustive()
    }
}

impl Log {
    /// A log on standard error.
    #[must_use]
    pub fn stderr() -> Self {
        Self::to(Box::new(io::stderr()))
    }

    /// A log that ends in `sink`.
    #[must_use]
    pub fn to(sink: Box<dyn Write + Send>) -> Self {
        let shared = Arc::new(Shared {
            waiting: Mutex::default(),
            wake: Condvar::new(),
            sink: Mutex::new(Sink {
                out: sink,
                spare: Vec::new(),
            }),
        });
        let weak = Arc::downgrade(&shared);
        // Without this thread lines would only leave with `flush` and errors; nothing else depends on it.
        let thread = std::thread::Builder::new().name("log".to_owned());
        drop(thread.spawn(move || {
            while let Some(shared) = weak.upgrade() {
                shared.wait_and_flush();
            }
        }));
        Self(Some(shared))
    }

    /// True if lines go anywhere.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Adds `line`, which ends with a newline.
    pub fn write_line(&self, line: &[u8]) {
        let Some(shared) = &self.0 else { return };
        let mut waiting = lock(&shared.waiting);
        if waiting.bytes.len() + line.len() > CAPACITY {
            waiting.dropped += 1;
            return;
        }
        let before = waiting.bytes.len();
        waiting.bytes.extend_from_slice(line);
        let fills_a_batch = before < BATCH && waiting.bytes.len() >= BATCH;
        drop(waiting);
        if before == 0 || fills_a_batch {
            shared.wake.notify_one();
        }
    }

    /// Writes out everything that waits. Blocks; for errors and for the end of the process.
    pub fn flush(&self) {
        if let Some(shared) = &self.0 {
            shared.flush();
        }
    }
}

impl Shared {
    fn wait_and_flush(&self) {
        let waiting = lock(&self.waiting);
        if waiting.bytes.is_empty() {
            // Wakes now and then without a line, to notice that the log is gone.
            let idle = Duration::from_secs(5);
            drop(self.wake.wait_timeout(waiting, idle));
        } else {
            let few = |waiting: &mut Waiting| waiting.bytes.len() < BATCH;
            drop(self.wake.wait_timeout_while(waiting, DELAY, few));
            self.flush();
        }
    }

    fn flush(&self) {
        let mut sink = lock(&self.sink);
        let Sink { out, spare } = &mut *sink;
        let dropped = {
            let mut waiting = lock(&self.waiting);
            std::mem::swap(&mut waiting.bytes, spare);
            std::mem::take(&mut waiting.dropped)
        };
        // There is nowhere left to tell of a log that cannot be written.
        drop(out.write_all(spare));
        if dropped > 0 {
            drop(writeln!(
                out,
                "{{\"level\":\"WARN\",\"message\":\"log lines were dropped\",\"lines\":{dropped}}}"
            ));
        }
        drop(out.flush());
        spare.clear();
        spare.shrink_to(2 * BATCH);
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What was logged, for tests: a sink that can be read.
#[derive(Clone, Debug, Default)]
pub struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    /// A log and what it will hold.
    #[must_use]
    pub fn log() -> (Log, Self) {
        let captured = Self::default();
        (Log::to(Box::new(captured.clone())), captured)
    }

    /// Everything that left the log so far; call [`Log::flush`] first.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&lock(&self.0)).into_owned()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_leave_in_order_with_a_flush() {
        let (log, captured) = Captured::log();
        log.write_line(b"one\n");
        log.write_line(b"two\n");
        log.flush();
        assert_eq!(captured.text(), "one\ntwo\n");
    }

    #[test]
    fn lines_beyond_the_capacity_are_dropped_and_counted() {
        let (log, captured) = Captured::log();
        // A line that leaves no room for another, whatever the thread does meanwhile.
        log.write_line(&vec![b'x'; CAPACITY + 1]);
        log.flush();
        assert!(
            captured.text().contains("\"lines\":1"),
            "{}",
            captured.text()
        );
    }

    #[test]
    fn a_line_leaves_by_itself() {
        let (sender, receiver) = std::sync::mpsc::channel();
        struct Sink(std::sync::mpsc::Sender<Vec<u8>>);
        impl Write for Sink {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.send(bytes.to_vec()).map_err(io::Error::other)?;
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let log = Log::to(Box::new(Sink(sender)));
        log.write_line(b"line\n");
        assert_eq!(receiver.recv().unwrap(), b"line\n");
    }

    #[test]
    fn the_default_log_takes_lines_and_writes_nothing() {
        let log = Log::default();
        log.write_line(b"line\n");
        log.flush();
        assert!(!log.is_on());
    }
}
