//! The matrix as text, for the terminal and for `docs/conformance.md`, which must hold what the last run found.

use std::fmt::Write;
use std::path::Path;

use super::through::{Cell, ERAS, Matrix, REVISIONS};

const BEGIN: &str = "<!-- The conformance test writes from here … -->\n";
const END: &str = "<!-- … to here. -->\n";

/// A table in Markdown, and the reasons below it.
pub(crate) fn table(matrix: &Matrix, reasons: &[&str]) -> String {
    let mut out = String::from("| Scenario |");
    for (revision, _) in REVISIONS {
        for (era, _) in ERAS {
            write!(out, " {revision}, {era} |").expect("a string takes all");
        }
    }
    out.push_str("\n|---|");
    out.push_str(&"---|".repeat(REVISIONS.len() * ERAS.len()));
    out.push('\n');
    for (scenario, cells) in matrix {
        write!(out, "| `{scenario}` |").expect("a string takes all");
        for (revision, _) in REVISIONS {
            for (era, _) in ERAS {
                let cell = cells.get(&(*revision, *era));
                let cell = cell.map_or_else(|| "–".to_owned(), said);
                write!(out, " {cell} |").expect("a string takes all");
            }
        }
        out.push('\n');
    }
    out.push('\n');
    for (number, reason) in (1..).zip(reasons) {
        writeln!(out, "{number}. {reason}").expect("a string takes all");
    }
    out
}

fn said(cell: &Cell) -> String {
    match cell {
        Cell::Passed { successes, reasons } => {
            let reasons = reasons.iter().map(|number| format!(" [{number}]"));
            format!("{successes} ok{}", reasons.collect::<String>())
        }
        Cell::Failed { .. } => "FAILED".to_owned(),
    }
}

/// True if the document holds this table. Writes it there first if `write`.
pub(crate) fn is_fresh(table: &str, write: bool) -> bool {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/conformance.md");
    let text = std::fs::read_to_string(&path).expect("docs/conformance.md is readable");
    let (before, rest) = text.split_once(BEGIN).expect("where the table begins");
    let (_old, after) = rest.split_once(END).expect("where the table ends");
    let fresh = format!("{before}{BEGIN}\n{table}\n{END}{after}");
    if write {
        std::fs::write(&path, &fresh).expect("docs/conformance.md is writable");
        return true;
    }
    fresh == text
}
