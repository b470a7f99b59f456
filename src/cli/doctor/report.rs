//! The file of `--report`: for its owner alone, and never over another.
#![expect(clippy::print_stderr, reason = "a command line prints")]

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::doctor::show::report::HOLDS;

/// A new, empty file.
pub(super) struct ReportFile {
    path: PathBuf,
    file: File,
}

impl ReportFile {
    /// Fails if there is one of that name.
    pub(super) fn create(path: &Path) -> anyhow::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let shown = path.display();
        let file = options.open(path);
        let file =
            file.with_context(|| format!("{shown}: expected a file that is not there yet"))?;
        Ok(Self {
            path: path.to_owned(),
            file,
        })
    }

    /// Takes it away again: there is nothing to report.
    pub(super) fn discard(self) {
        drop(std::fs::remove_file(self.path));
    }

    /// Writes it, and says what it holds.
    pub(super) fn write(mut self, report: &str) -> anyhow::Result<()> {
        let shown = self.path.display();
        self.file
            .write_all(report.as_bytes())
            .with_context(|| shown.to_string())?;
        eprintln!("\nwrote {shown}\n{HOLDS}");
        Ok(())
    }
}
