//! The file of `--report`: for its owner alone, and never over another.
#![expect(clippy::print_stderr, reason = "a command line prints")]

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;

use crate::doctor::show::report::HOLDS;

/// A file that can be made, and is not there until there is something to write.
pub(super) struct ReportFile<'p>(&'p Path);

impl<'p> ReportFile<'p> {
    /// Fails if there is one of that name, or if none can be made.
    pub(super) fn at(path: &'p Path) -> anyhow::Result<Self> {
        drop(create(path)?);
        std::fs::remove_file(path)?;
        Ok(Self(path))
    }

    /// Writes it, and says what it holds.
    pub(super) fn write(self, report: &str) -> anyhow::Result<()> {
        let shown = self.0.display();
        create(self.0)?
            .write_all(report.as_bytes())
            .with_context(|| shown.to_string())?;
        eprintln!("\nwrote {shown}\n{HOLDS}");
        Ok(())
    }
}

fn create(path: &Path) -> anyhow::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let shown = path.display();
    options
        .open(path)
        .with_context(|| format!("{shown}: expected a file that is not there yet"))
}
