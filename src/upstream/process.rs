//! A child process and all that it starts: made with nothing of our environment but what is named, and ended in order.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{
    Pid, Signal, WaitOptions, kill_process_group, test_kill_process_group, waitpgid,
};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

use super::Definition;
use super::settings::secret_text;

/// How long a child may take to end, once its input is closed and once more after TERM. Both fit into a soft stop.
const PATIENCE: Duration = Duration::from_millis(700);
/// How often one looks whether a group is gone: only its leader tells when it ends.
const LOOK: Duration = Duration::from_millis(20);

/// The ends of a child's pipes.
pub(super) struct Pipes {
    pub(super) stdin: ChildStdin,
    pub(super) stdout: ChildStdout,
    pub(super) stderr: ChildStderr,
}

/// A child that does not outlive this value, with all that it started: they are a process group of their own.
pub(super) struct Process {
    child: Child,
    /// Nothing once the whole group is gone.
    group: Option<Pid>,
}

impl Process {
    /// Starts the child.
    pub(super) fn spawn(definition: &Definition) -> io::Result<(Self, Pipes)> {
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
            let told = |cause| io::Error::other(format!("{}: {cause}", path.display()));
            command.env(name, secret_text(path).map_err(told)?);
        }
        if let Some(folder) = &settings.working_dir {
            command.current_dir(folder);
        }
        let mut child = command.spawn()?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let pid = child.id().and_then(|id| i32::try_from(id).ok());
        let group = pid.and_then(Pid::from_raw);
        let process = Self { child, group };
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

    /// Its input is closed already; TERM and KILL follow where that is not enough. Programs such as `npx` only start the
    /// server, and may be gone before it is: the whole group is waited for.
    pub(super) async fn stop(&mut self) -> String {
        for signal in [Signal::TERM, Signal::KILL] {
            if let Ok(ended) = tokio::time::timeout(PATIENCE, self.gone()).await {
                return ended;
            }
            self.signal(signal);
        }
        in_words(&self.child.wait().await)
    }

    /// Returns once nothing of the group runs any more, with how its leader ended.
    async fn gone(&mut self) -> String {
        let ended = in_words(&self.child.wait().await);
        while self.is_alive() {
            tokio::time::sleep(LOOK).await;
        }
        self.group = None;
        ended
    }

    /// True while something of the group runs, its leader apart.
    fn is_alive(&self) -> bool {
        self.group.is_some_and(|group| {
            // Where this server is the first process of a container, orphans become its children: they are waited for.
            while let Ok(Some(_ended)) = waitpgid(group, WaitOptions::NOHANG) {}
            test_kill_process_group(group).is_ok()
        })
    }

    /// Returns once the leader has ended by itself.
    pub(super) async fn ended(&mut self) {
        let _how = self.child.wait().await;
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // It may have ended by itself just now.
            let _gone = kill_process_group(group, signal);
        }
    }
}

impl Drop for Process {
    /// Also when the task is dropped by a hard stop.
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

fn in_words(ended: &io::Result<ExitStatus>) -> String {
    match ended {
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    }
}
