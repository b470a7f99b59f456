//! MCP over the standard input and output of a child process: one message per line, kept as it came.
//!
//! One task per child moves the lines. When it ends, by whatever cause, every call that waits fails at once; when the
//! link is dropped, the child is asked to end: its input is closed, then TERM, then KILL, for its whole process group.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWriteExt};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::{Notify, mpsc};

use super::allowance::{Allowance, Taken};
use super::lines::{LineError, Lines};
use super::message::{self, Incoming, Question, Reply, UPDATED};
use super::process::{Pipes, Process};
use super::subscribers::Subscribers;
use super::waiting::Waiting;
use super::{Definition, UpstreamError, UpstreamSettings};
use crate::lifecycle::Lifecycle;

/// Lines that wait for a child to read: as many as come at once from a busy client. More than these are refused: a child
/// that never reads costs no memory beyond.
const WAITING_LINES: usize = 64;
/// How long what a child wrote before it ended is still read.
const LAST_WORDS: Duration = Duration::from_millis(100);
/// So many lines of what a child writes are logged at once, and one more each time this passes.
const LOG_BURST: u32 = 200;
const LOG_EVERY: Duration = Duration::from_millis(50);
/// The longest line of standard error that is logged whole.
const LONGEST_LOG_LINE: usize = 8 * 1024;
/// After so many bytes that are not logged there is a pause: reading what nobody sees takes nothing from the others.
const UNSAID_AT_ONCE: usize = 256 * 1024;
const PAUSE: Duration = Duration::from_millis(20);

/// A running child, or another connection on which the messages of all requests go side by side.
#[derive(Debug)]
pub(super) struct StdioLink {
    outbox: mpsc::Sender<Bytes>,
    waiting: Arc<Waiting>,
    subscribers: Arc<Subscribers>,
    next_id: AtomicU64,
}

impl StdioLink {
    /// Starts the child. `wake` is notified when its tools change and when it has ended.
    pub(super) fn start(
        definition: &Definition,
        wake: &Arc<Notify>,
        lifecycle: &Lifecycle,
    ) -> Result<Self, UpstreamError> {
        let name = definition.settings.name.clone();
        let (process, pipes) = Process::spawn(definition).map_err(|error| {
            let command = definition.settings.stdio.command.as_deref();
            tracing::warn!(upstream = name, command, %error, "upstream: its command cannot be started");
            UpstreamError::Unavailable
        })?;
        let (outbox, lines) = mpsc::channel(WAITING_LINES);
        let talk = Talk::new(&definition.settings, &outbox, wake);
        let link = Self::over(outbox, &talk);
        let max_bytes = definition.settings.max_message_bytes;
        lifecycle.spawn(talk.run(process, pipes, lines, max_bytes));
        Ok(link)
    }

    /// What is put into `outbox` is sent, and what comes is for `talk`.
    pub(super) fn over(outbox: mpsc::Sender<Bytes>, talk: &Talk) -> Self {
        Self {
            outbox,
            waiting: Arc::clone(&talk.waiting),
            subscribers: Arc::clone(&talk.subscribers),
            next_id: AtomicU64::new(1),
        }
    }

    /// True once the child is gone.
    pub(super) fn has_ended(&self) -> bool {
        self.waiting.have_ended()
    }

    /// An id for one more request.
    pub(super) fn new_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Who wants to be told of which resource.
    pub(super) fn subscribers(&self) -> &Subscribers {
        &self.subscribers
    }

    /// Sends a message.
    pub(super) fn send(&self, line: Bytes) -> Result<(), UpstreamError> {
        self.outbox.try_send(line).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => UpstreamError::Busy,
            mpsc::error::TrySendError::Closed(_) => UpstreamError::Unavailable,
        })
    }

    /// Sends a message that has no answer. A child that reads nothing hears of nothing.
    pub(super) fn tell(&self, message: Bytes) {
        let _unread = self.send(message);
    }

    /// Sends the request with this id, ready for what the child will say about it.
    pub(super) fn begin(&self, id: u64, message: Bytes) -> Result<(), UpstreamError> {
        self.waiting.open(id)?;
        self.send(message).inspect_err(|_not_sent| {
            self.waiting.close(id);
        })
    }

    /// What the child says next about request `id`.
    pub(super) fn poll(
        &self,
        id: u64,
        context: &Context<'_>,
    ) -> Poll<Result<Incoming, UpstreamError>> {
        self.waiting.poll(id, context)
    }

    /// Waits no more for the answer to `id`. If it has not come, the child may stop working on it.
    pub(super) fn abandon(&self, id: u64) {
        if self.waiting.close(id) {
            self.tell(message::cancelled(id));
        }
    }

    /// Sends the request with this id and waits for its answer. If the wait is given up, the child is told.
    pub(super) async fn request(&self, id: u64, message: Bytes) -> Result<Reply, UpstreamError> {
        self.begin(id, message)?;
        self.answer(id).await
    }

    /// Waits for the answer to a request that was sent. If the wait is given up, the child is told.
    pub(super) async fn answer(&self, id: u64) -> Result<Reply, UpstreamError> {
        let _abandoned = Abandoned { link: self, id };
        loop {
            if let Incoming::Reply(_, reply) = poll_fn(|cx| self.poll(id, cx)).await? {
                return reply;
            }
        }
    }
}

/// A request of this server's own that somebody waits for.
struct Abandoned<'a> {
    link: &'a StdioLink,
    id: u64,
}

impl Drop for Abandoned<'_> {
    fn drop(&mut self) {
        self.link.abandon(self.id);
    }
}

/// What the task of a connection works with.
pub(super) struct Talk {
    name: String,
    waiting: Arc<Waiting>,
    subscribers: Arc<Subscribers>,
    outbox: mpsc::WeakSender<Bytes>,
    wake: Arc<Notify>,
    /// How much of it was logged.
    said: Allowance,
}

impl Drop for Talk {
    /// Also when the task is dropped by a hard stop: nobody waits for a child that is gone.
    fn drop(&mut self) {
        self.end();
    }
}

impl Talk {
    /// `wake` is notified when what it has changes and when it has ended.
    pub(super) fn new(
        settings: &UpstreamSettings,
        outbox: &mpsc::Sender<Bytes>,
        wake: &Arc<Notify>,
    ) -> Self {
        Self {
            name: settings.name.clone(),
            waiting: Arc::new(Waiting::new(settings.max_message_bytes)),
            subscribers: Arc::default(),
            // Not to keep the connection alive: it ends when the link is gone.
            outbox: outbox.downgrade(),
            wake: Arc::clone(wake),
            said: Allowance::new(LOG_BURST, LOG_EVERY),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Nothing will come for request `id`.
    pub(super) fn fail(&self, id: u64, error: UpstreamError) {
        self.waiting.answer(id, Err(error));
    }

    async fn run(
        self,
        mut process: Process,
        pipes: Pipes,
        lines: mpsc::Receiver<Bytes>,
        max_bytes: usize,
    ) {
        let Pipes {
            stdin,
            stdout,
            stderr,
        } = pipes;
        let log = async {
            self.log(stderr).await;
            std::future::pending().await
        };
        let talk = async {
            let ended = async {
                process.ended().await;
                // Its last words are still on their way. What it started may keep its output open for ever.
                tokio::time::sleep(LAST_WORDS).await;
            };
            tokio::select! {
                () = self.read(Lines::new(stdout, max_bytes)) => {}
                () = write(stdin, lines) => {}
                () = ended => {}
            }
            self.end();
            process.stop().await
        };
        let ended = tokio::select! {
            ended = talk => ended,
            () = log => return,
        };
        tracing::info!(
            upstream = self.name,
            "upstream: its process has ended: {ended}"
        );
    }

    fn end(&self) {
        self.waiting.end();
        self.wake.notify_one();
    }

    async fn read(&self, mut lines: Lines<ChildStdout>) {
        loop {
            match lines.next().await {
                Ok(Some(line)) => {
                    self.received(&line);
                    // A flood of short lines is not to hold a thread.
                    tokio::task::coop::consume_budget().await;
                }
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(upstream = self.name, %error, "upstream: its output cannot be read");
                    return;
                }
            }
        }
    }

    /// A message has come.
    pub(super) fn received(&self, line: &Bytes) {
        match message::read(line) {
            // The one who asked may be gone.
            Some(Incoming::Reply(id, reply)) => self.waiting.answer(id, reply),
            Some(Incoming::Notification(notification)) => {
                if message::is_list_changed(&notification.method) {
                    self.wake.notify_one();
                } else if let Some((id, _place)) = notification.progress_of() {
                    self.waiting.notify(id, &notification);
                } else if let Some(id) = notification.subscription() {
                    self.waiting.notify(id, &notification);
                } else if &*notification.method == UPDATED {
                    self.subscribers.tell(&notification);
                }
            }
            Some(Incoming::Request(Question { method, id, .. })) => {
                if let Some(outbox) = self.outbox.upgrade() {
                    // A child that asks faster than it reads gets no answers.
                    drop(outbox.try_send(message::answer(&method, &id)));
                }
            }
            None if line.trim_ascii().is_empty() => {}
            None if self.may_say() => tracing::warn!(
                upstream = self.name,
                "upstream: a line of its output is no message; ignored"
            ),
            None => {}
        }
    }

    /// Its standard error, for the log: line by line, and no more of it than a log can bear.
    async fn log(&self, stderr: impl AsyncRead + Unpin) {
        let mut lines = Lines::new(stderr, LONGEST_LOG_LINE);
        let mut unsaid = 0;
        loop {
            let line = lines.next().await;
            tokio::task::coop::consume_budget().await;
            if let Ok(None) | Err(LineError::Io(_)) = line {
                return;
            }
            if !self.may_say() {
                let bytes = line
                    .ok()
                    .flatten()
                    .map_or(LONGEST_LOG_LINE, |line| line.len());
                unsaid += bytes + 1;
                if unsaid > UNSAID_AT_ONCE {
                    unsaid = 0;
                    tokio::time::sleep(PAUSE).await;
                }
                continue;
            }
            match line {
                Ok(Some(line)) => {
                    let text = String::from_utf8_lossy(&line);
                    let text = text.trim_end();
                    // Written as a literal: control characters of a child's change no terminal.
                    tracing::info!(upstream = self.name, stderr = ?text, "upstream: says");
                }
                Err(error) => {
                    tracing::info!(upstream = self.name, %error, "upstream: part of its standard error is left out");
                }
                Ok(None) => return,
            }
        }
    }

    /// Whether the log takes one more line about what the child writes.
    fn may_say(&self) -> bool {
        match self.said.take() {
            Taken::Yes { left_out: 0 } => true,
            Taken::Yes { left_out } => {
                tracing::warn!(
                    upstream = self.name,
                    left_out,
                    "upstream: it writes more than is logged; lines were left out"
                );
                true
            }
            Taken::No => false,
        }
    }
}

/// Writes lines until there are no more, or nobody reads them. Then the input is closed.
async fn write(mut stdin: ChildStdin, mut lines: mpsc::Receiver<Bytes>) {
    while let Some(line) = lines.recv().await {
        let written = async {
            stdin.write_all(&line).await?;
            stdin.write_all(b"\n").await
        };
        if written.await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tokio::time::Instant;

    use super::*;

    fn talk() -> Talk {
        let (outbox, _lines) = mpsc::channel(1);
        Talk::new(&UpstreamSettings::default(), &outbox, &Arc::default())
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_on_standard_error_is_read_with_pauses_and_ordinary_words_without() {
        let began = Instant::now();
        talk().log(&b"listening\non a port\n"[..]).await;
        assert_eq!(began.elapsed(), Duration::ZERO);
        talk().log(tokio::io::repeat(b'x').take(64 << 20)).await;
        assert!(
            began.elapsed() > Duration::from_secs(2),
            "{:?}",
            began.elapsed()
        );
    }
}
