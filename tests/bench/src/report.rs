//! The table: what was measured, what was promised, and whether it holds.

use std::fmt::{self, Display, Formatter};
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

/// One line of the table.
#[derive(Serialize)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) name: &'static str,
    /// The median of the rounds, or the figure itself.
    pub(crate) value: f64,
    /// What the value is counted in; `×` is a ratio.
    pub(crate) unit: &'static str,
    /// The most that was promised; nothing for a figure that only informs.
    pub(crate) bound: Option<f64>,
    /// Of a comparison, where its median lies with 95 % certainty; of others the smallest and the largest round.
    pub(crate) spread: Option<(f64, f64)>,
    /// Absolute figures and circumstances.
    pub(crate) detail: String,
}

impl Row {
    /// False if the bound is missed.
    pub(crate) fn holds(&self) -> bool {
        self.bound.is_none_or(|bound| self.value <= bound)
    }
}

/// Everything measured in one run.
#[derive(Serialize)]
pub(crate) struct Report {
    /// True for the short form, whose figures are rough.
    pub(crate) quick: bool,
    /// Number of processors.
    pub(crate) processors: usize,
    /// The table.
    pub(crate) rows: Vec<Row>,
}

impl Report {
    /// True if every bound is kept.
    pub(crate) fn holds(&self) -> bool {
        self.rows.iter().all(Row::holds)
    }

    /// Writes the table as JSON.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, serde_json::to_vec_pretty(self)?)
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| what | measured | bound | spread | detail |\n|---|---|---|---|---|"
        )?;
        for row in &self.rows {
            let bound = match row.bound {
                Some(bound) if row.holds() => format!("≤ {bound} {}", row.unit),
                Some(bound) => format!("**missed** ≤ {bound} {}", row.unit),
                None => "–".to_owned(),
            };
            let spread = row.spread.map_or_else(
                || "–".to_owned(),
                |(least, most)| format!("{least:.2} … {most:.2}"),
            );
            writeln!(
                f,
                "| {} | {:.2} {} | {bound} | {spread} | {} |",
                row.name, row.value, row.unit, row.detail
            )?;
        }
        Ok(())
    }
}
