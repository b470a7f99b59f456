//! MCP over the standard input and output of a child process: one message per line, kept as it came.
//!
//! One task per child moves the lines. When it ends, by whatever cause, every call that waits fails at once; when the
//! link is dropped, the child is asked to end: its input is closed, then TERM, then KILL, for its whole process group.

use std::future::poll_fn;
use std::io;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::{Notify, mpsc};

use super::lines::{LineError, Lines};
use super::message::{self, Incoming, Reply, TOOLS_CHANGED};
use super::waiting::Waiting;
use super::{Definition, UpstreamError};
use crate::lifecycle::Lifecycle;

/// Lines that wait for a child to read. More than these are refused: a child that never reads costs no memory.
const WAITING_LINES: usize = 16;
/// How long a child may take to end, once its input is closed and once more after TERM. Both fit into a soft stop.
const PATIENCE: Duration = Duration::from_millis(700);
/// The longest line of standard error that is logged whole.
const LONGEST_LOG_LINE: usize = 8 * 1024;

/// A running child.
#[derive(Debug)]
pub(super) struct StdioLink {
    outbox: mpsc::Sender<Bytes>,
    waiting: Arc<Waiting>,
    pub(super) next_id: AtomicU64,
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
            tracing::warn!(upstream = name, %error, "upstream: its command cannot be started");
            UpstreamError::Unavailable
        })?;
        let (outbox, lines) = mpsc::channel(WAITING_LINES);
        let talk = Talk {
            name,
            waiting: Arc::new(Waiting::new(definition.settings.max_message_bytes)),
            // Not to keep the child alive: it ends when the link is gone.
            outbox: outbox.downgrade(),
            wake: Arc::clone(wake),
        };
        let waiting = Arc::clone(&talk.waiting);
        let max_bytes = definition.settings.max_message_bytes;
        lifecycle.spawn(talk.run(process, pipes, lines, max_bytes));
        Ok(Self {
            outbox,
            waiting,
            next_id: AtomicU64::new(1),
        })
    }

    /// True once the child is gone.
    pub(super) fn has_ended(&self) -> bool {
        self.waiting.have_ended()
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

/// What the child's task works with.
struct Talk {
    name: String,
    waiting: Arc<Waiting>,
    outbox: mpsc::WeakSender<Bytes>,
    wake: Arc<Notify>,
}

impl Drop for Talk {
    /// Also when the task is dropped by a hard stop: nobody waits for a child that is gone.
    fn drop(&mut self) {
        self.end();
    }
}

impl Talk {
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
            tokio::select! {
                () = self.read(Lines::new(stdout, max_bytes)) => {}
                () = write(stdin, lines) => {}
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
                Ok(Some(line)) => self.received(&line),
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(upstream = self.name, %error, "upstream: its output cannot be read");
                    return;
                }
            }
        }
    }

    fn received(&self, line: &Bytes) {
        match message::read(line) {
            // The one who asked may be gone.
            Some(Incoming::Reply(id, reply)) => self.waiting.answer(id, reply),
            Some(Incoming::Notification(notification)) => {
                if notification.method.as_ref() == TOOLS_CHANGED {
                    self.wake.notify_one();
                } else if let Some((id, _place)) = notification.progress_of() {
                    self.waiting.notify(id, &notification);
                }
            }
            Some(Incoming::Request { method, id }) => {
                if let Some(outbox) = self.outbox.upgrade() {
                    // A child that asks faster than it reads gets no answers.
                    drop(outbox.try_send(message::answer(&method, &id)));
                }
            }
            None if line.trim_ascii().is_empty() => {}
            None => tracing::warn!(
                upstream = self.name,
                "upstream: a line of its output is no message; ignored"
            ),
        }
    }

    async fn log(&self, stderr: ChildStderr) {
        let mut lines = Lines::new(stderr, LONGEST_LOG_LINE);
        loop {
            match lines.next().await {
                Ok(Some(line)) => {
                    let text = String::from_utf8_lossy(&line);
                    let text = text.trim_end();
                    tracing::info!(upstream = self.name, stderr = ?text, "upstream: says");
                }
                Ok(None) | Err(LineError::Io(_)) => return,
                Err(error @ LineError::TooLong(_)) => {
                    tracing::info!(upstream = self.name, %error, "upstream: part of its standard error is left out");
                }
            }
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

struct Pipes {
    stdin: ChildStdin,
    stdout: ChildStdout,
    stderr: ChildStderr,
}

/// A child that does not outlive this value.
struct Process(Child);

impl Process {
    fn spawn(definition: &Definition) -> io::Result<(Self, Pipes)> {
        let settings = &definition.settings.stdio;
        let mut command = Command::new(settings.command.as_deref().unwrap_or_default());
        command
            .args(&settings.arguments)
            .env_clear()
            .envs(definition.variables.iter().map(|(name, text)| (name, text)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A terminal's Ctrl-C is for this server, which stops its children in order.
            .process_group(0)
            .kill_on_drop(true);
        for (name, path) in settings.secrets() {
            let text = std::fs::read_to_string(path)?;
            command.env(name, text.trim_end_matches(['\r', '\n']));
        }
        if let Some(folder) = &settings.working_dir {
            command.current_dir(folder);
        }
        let mut child = command.spawn()?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let process = Self(child);
        match pipes {
            (Some(stdin), Some(stdout), Some(stderr)) => {
                let pipes = Pipes {
                    stdin,
                    stdout,
                    stderr,
                };
                Ok((process, pipes))
            }
            _ => Err(io::Error::other("the child has no pipes")),
        }
    }

    /// Its input is closed already; TERM and KILL follow where that is not enough.
    async fn stop(&mut self) -> String {
        for signal in [Signal::TERM, Signal::KILL] {
            if let Ok(ended) = tokio::time::timeout(PATIENCE, self.0.wait()).await {
                return in_words(&ended);
            }
            self.signal(signal);
        }
        in_words(&self.0.wait().await)
    }

    /// To the whole group: what the child started must not stay behind. Without effect once it was waited for.
    fn signal(&self, signal: Signal) {
        let pid = self.0.id().and_then(|id| i32::try_from(id).ok());
        if let Some(group) = pid.and_then(Pid::from_raw) {
            // It may have ended by itself just now.
            let _gone = kill_process_group(group, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

fn in_words(ended: &io::Result<std::process::ExitStatus>) -> String {
    match ended {
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    }
}
