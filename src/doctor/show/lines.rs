//! Lines of at most 80 columns.

use std::fmt::Write as _;

use crate::doctor::Verdict;

/// As wide as terminals are at least.
const WIDTH: usize = 80;

/// Colours, or none.
pub(super) struct Paint(pub(super) bool);

impl Paint {
    pub(super) fn ok(&self, text: &str) -> String {
        self.with("32", text)
    }

    pub(super) fn warning(&self, text: &str) -> String {
        self.with("1;33", text)
    }

    pub(super) fn failure(&self, text: &str) -> String {
        self.with("1;31", text)
    }

    fn faint(&self, text: &str) -> String {
        self.with("2", text)
    }

    fn with(&self, code: &str, text: &str) -> String {
        if self.0 {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// `  name      value`, wrapped.
pub(super) fn entry(name: &str, value: &str) -> String {
    let mut text = String::new();
    for (at, line) in wrapped(value, WIDTH - 12).iter().enumerate() {
        let name = if at == 0 { name } else { "" };
        let _always_fits = writeln!(text, "  {name:<8}  {line}");
    }
    text
}

/// A client, and how it fares.
pub(super) fn row(name: &str, value: &str) -> String {
    let mut text = String::new();
    for (at, line) in wrapped(value, WIDTH - 24).iter().enumerate() {
        let name = if at == 0 { name } else { "" };
        let _always_fits = writeln!(text, "  {name:<20}  {line}");
    }
    text
}

/// A check in one entry.
pub(super) fn check(paint: &Paint, verdict: Verdict, id: &str, found: &str) -> String {
    let word = match verdict {
        Verdict::Ok => paint.ok("ok     "),
        Verdict::Skipped => paint.faint("skipped"),
        Verdict::Warning => paint.warning("warning"),
        Verdict::Failure => paint.failure("failure"),
    };
    let mut text = String::new();
    for (at, line) in wrapped(found, WIDTH - 39).iter().enumerate() {
        let _always_fits = if at == 0 {
            writeln!(text, "  {word}  {id:<26}  {line}")
        } else {
            writeln!(text, "{:39}{line}", "")
        };
    }
    text
}

/// `a, b and c`.
pub(super) fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Words in lines of `width` characters; a longer word has a line of its own, whole, so that it can be copied.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let Some(line) = lines.last_mut() else { break };
        let needed = line.chars().count() + 1 + word.chars().count();
        if line.is_empty() {
            line.push_str(word);
        } else if needed <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}
