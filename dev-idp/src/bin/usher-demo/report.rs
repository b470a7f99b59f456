//! What the demo prints: plain text, with a little colour on a terminal.

use std::io::{IsTerminal as _, stdout};
use std::path::Path;

/// Lines for standard output.
pub(crate) struct Report {
    colour: bool,
}

impl Report {
    /// Colour only where somebody looks at it, and not against their wish (no-color.org).
    pub(crate) fn to_standard_output() -> Self {
        let colour = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { colour }
    }

    pub(crate) fn started(&self, issuer: &str, mcp_url: &str, log: &Path) {
        self.heading("Running, for development only");
        self.entry("Identity provider", issuer);
        self.entry("Usher", mcp_url);
        self.entry("Usher's log", &log.display().to_string());
        self.heading("A client walks through");
    }

    pub(crate) fn heading(&self, text: &str) {
        self.line("");
        self.line(&self.styled("1", text));
    }

    pub(crate) fn entry(&self, name: &str, text: &str) {
        println!("  {} {text}", self.styled("2", &format!("{name:<17}")));
    }

    /// A step that held.
    pub(crate) fn held(&self, number: usize, name: &str, found: &str) {
        let tick = if self.colour {
            self.styled("32", "✓")
        } else {
            "ok".to_owned()
        };
        println!(
            "  {tick} {number:>2}  {name:<28} {}",
            self.styled("2", found)
        );
    }

    /// A step that did not.
    pub(crate) fn failed(&self, number: usize, name: &str) {
        let cross = if self.colour {
            self.styled("31", "✗")
        } else {
            "FAILED".to_owned()
        };
        println!("  {cross} {number:>2}  {name}");
    }

    pub(crate) fn line(&self, text: &str) {
        println!("{text}");
    }

    fn styled(&self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}
