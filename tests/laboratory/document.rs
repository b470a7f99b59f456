//! The table in `docs/fault-laboratory.md`, which must hold the rows that there are. What it says of each the test demands.

use std::fmt::Write as _;

use crate::row::Row;
use crate::tools;

const BEGIN: &str = "<!-- The fault laboratory writes from here … -->\n";
const END: &str = "<!-- … to here. -->\n";

/// The lines of these rows.
pub(crate) fn table<'r>(rows: impl Iterator<Item = &'r Row>) -> String {
    let mut table =
        "| Fault | Provider | Command | First cause named |\n|---|---|---|---|\n".to_owned();
    for row in rows {
        let fault = match row.fault {
            "" => "none: healthy",
            fault => fault,
        };
        let first = match row.first {
            "" => "none".to_owned(),
            id => format!("[`{id}`](troubleshooting.md#{id})"),
        };
        let (provider, command) = (row.at.title(), row.ask.title());
        writeln!(table, "| {fault} | {provider} | `{command}` | {first} |")
            .expect("a string takes all");
    }
    table
}

/// True if the document holds this table. Writes it there first if `write`.
pub(crate) fn is_fresh(table: &str, write: bool) -> anyhow::Result<bool> {
    let path = tools::root().join("docs/fault-laboratory.md");
    let text = std::fs::read_to_string(&path)?;
    let parts = text.split_once(BEGIN).and_then(|(before, rest)| {
        let (_old, after) = rest.split_once(END)?;
        Some((before, after))
    });
    let Some((before, after)) = parts else {
        anyhow::bail!("docs/fault-laboratory.md has no place for the table");
    };
    let fresh = format!("{before}{BEGIN}\n{table}\n{END}{after}");
    if write {
        std::fs::write(&path, &fresh)?;
        return Ok(true);
    }
    Ok(fresh == text)
}
