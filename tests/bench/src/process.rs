//! A server in its own process, and what the operating system says it used.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::upstream::Era;

/// A running server; it is killed when this is dropped.
pub(crate) struct Process {
    child: Child,
    pid: u32,
}

/// Resident memory, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// All of it, the program's own code and mapped index files too.
    pub(crate) resident: u64,
    /// What belongs to this process alone: heap and stacks.
    pub(crate) anonymous: u64,
}

impl Process {
    /// Starts `command`; what it says on standard output is kept for [`Self::first_line`].
    pub(crate) fn spawn(mut command: Command) -> Result<Self> {
        let child = command
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {:?}", command.as_std().get_program()))?;
        let pid = child.id().context("a process id")?;
        Ok(Self { child, pid })
    }

    /// The first line on standard output, which must have been piped.
    pub(crate) async fn first_line(&mut self) -> Result<String> {
        let output = self.child.stdout.take().context("piped standard output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).await?;
        Ok(line.trim().to_owned())
    }

    /// An error if the process has ended.
    pub(crate) fn still_runs(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("the server ended with {status}; its log says why");
        }
        Ok(())
    }

    /// CPU time used so far by all threads that still run, user and system, to the nanosecond.
    pub(crate) fn cpu_time(&self) -> Result<Duration> {
        let mut nanoseconds = 0_u64;
        for task in std::fs::read_dir(format!("/proc/{}/task", self.pid))? {
            // A thread may end between the listing and the look.
            let Ok(line) = std::fs::read_to_string(task?.path().join("schedstat")) else {
                continue;
            };
            let on_cpu = line.split(' ').next().context("schedstat has no figures")?;
            nanoseconds += on_cpu.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// Memory resident now.
    pub(crate) fn memory(&self) -> Result<Memory> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let field = |name: &str| -> Result<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kilobytes = line.and_then(|rest| rest.split_whitespace().next());
            let kilobytes = kilobytes.with_context(|| format!("/proc status has no {name}"))?;
            Ok(kilobytes.parse::<u64>()? * 1024)
        };
        Ok(Memory {
            resident: field("VmRSS:")?,
            anonymous: field("RssAnon:")?,
        })
    }
}

/// Starts this very program as a bare server and learns where it listens.
pub(crate) async fn bare(response: &Path, verify: Option<&Path>) -> Result<(Process, SocketAddr)> {
    let mut command = role("bare")?;
    command.arg("--response").arg(response);
    if let Some(key) = verify {
        command.arg("--verify").arg(key);
    }
    listening(command).await
}

/// The same as a reverse proxy.
pub(crate) async fn proxy(to: SocketAddr) -> Result<(Process, SocketAddr)> {
    let mut command = role("proxy")?;
    command.arg("--to").arg(to.to_string());
    listening(command).await
}

/// The same as an upstream.
pub(crate) async fn upstream(
    era: Era,
    result: &Path,
    tools: usize,
) -> Result<(Process, SocketAddr)> {
    let mut command = role("upstream")?;
    let era = match era {
        Era::Legacy => "legacy",
        Era::Modern => "modern",
    };
    command.args(["--era", era, "--tools", &tools.to_string()]);
    command.arg("--result").arg(result);
    listening(command).await
}

fn role(name: &str) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(name).stdout(Stdio::piped());
    Ok(command)
}

async fn listening(command: Command) -> Result<(Process, SocketAddr)> {
    let mut process = Process::spawn(command)?;
    let address = process.first_line().await?;
    let address = address
        .parse()
        .with_context(|| format!("expected an address, found {address:?}"))?;
    Ok((process, address))
}
