//! The real demo as a child process.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail, ensure};

use crate::places::free;
use crate::root;

/// `make demo`, running.
pub(crate) struct Demo {
    child: Child,
    pub(crate) usher_port: u16,
    pub(crate) admin_port: u16,
    pub(crate) idp_port: u16,
}

impl Drop for Demo {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The folder with all programs of the workspace.
pub(crate) fn programs() -> PathBuf {
    let usher = PathBuf::from(env!("CARGO_BIN_EXE_usher"));
    usher.parent().map(PathBuf::from).unwrap_or_default()
}

impl Demo {
    /// Starts it and waits until it waits for people.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let program = programs().join("usher-demo");
        ensure!(
            program.is_file(),
            "{} is not there: `tests/run-all guides` builds it",
            program.display()
        );
        let (usher_port, admin_port, idp_port) = (free()?, free()?, free()?);
        let child = Command::new(program)
            .args(["--usher-port", &usher_port.to_string()])
            .args(["--admin-port", &admin_port.to_string()])
            .args(["--idp-port", &idp_port.to_string()])
            .current_dir(root())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut demo = Self {
            child,
            usher_port,
            admin_port,
            idp_port,
        };
        let mut lines = BufReader::new(demo.child.stdout.take().context("piped")?);
        let mut all = String::new();
        while !all.contains("Ctrl-C ends all of it.") {
            if lines.read_line(&mut all)? == 0 {
                bail!("the demo ended:\n{all}");
            }
        }
        // It says no more; a full pipe would stop it.
        std::thread::spawn(move || drop(lines.read_to_end(&mut Vec::new())));
        Ok(demo)
    }

    /// Ends it as Ctrl-C does: Usher has to end in order.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        let id = self.child.id().to_string();
        Command::new("kill").args(["-s", "TERM", &id]).status()?;
        let status = self.child.wait()?;
        ensure!(status.success(), "the demo did not end in order: {status}");
        Ok(())
    }
}
