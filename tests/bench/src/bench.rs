//! One run of the bench: where its files are, how long it measures, and the rows so far.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::compare::Rounds;
use crate::report::{Report, Row};

/// A run.
pub(crate) struct Bench {
    /// The program under test.
    pub(crate) usher: PathBuf,
    /// Files of this run.
    pub(crate) folder: PathBuf,
    /// Short form.
    pub(crate) quick: bool,
    rows: Vec<Row>,
}

impl Bench {
    /// A run whose files go to `output`.
    pub(crate) fn new(usher: PathBuf, output: &Path, quick: bool) -> Result<Self> {
        if !usher.is_file() {
            bail!(
                "expected the program under test at {}; build it with `cargo build --release`, or name it with --usher",
                usher.display()
            );
        }
        let folder = std::path::absolute(output)?.join("run");
        std::fs::create_dir_all(&folder)?;
        Ok(Self {
            usher,
            folder,
            quick,
            rows: Vec::new(),
        })
    }

    /// How many connections put load on a server at the same time.
    pub(crate) fn connections(&self) -> usize {
        8
    }

    /// How long a comparison is measured.
    pub(crate) fn rounds(&self) -> Rounds {
        if self.quick {
            Rounds {
                rounds: 6,
                requests: 500,
                warm_up: 2_000,
            }
        } else {
            Rounds {
                rounds: 84,
                requests: 1_250,
                warm_up: 10_000,
            }
        }
    }

    /// Writes a file of this run.
    pub(crate) fn file(&self, name: &str, content: &[u8]) -> Result<PathBuf> {
        let path = self.folder.join(name);
        std::fs::write(&path, content)?;
        Ok(path)
    }

    /// One more row; it is shown at once on standard error, for those who wait.
    pub(crate) fn add(&mut self, row: Row) {
        eprintln!(
            "{}: {:.2} {} ({})",
            row.name, row.value, row.unit, row.detail
        );
        self.rows.push(row);
    }

    /// The table.
    pub(crate) fn into_report(self) -> Report {
        Report {
            quick: self.quick,
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            rows: self.rows,
        }
    }
}
