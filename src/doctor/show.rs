//! A diagnosis for people: in 80 columns, the first cause first, what follows from it folded under it.

pub mod json;
mod lines;
mod merged;
pub mod report;

use std::fmt::Write as _;

use super::{Diagnosis, Verdict};
use crate::clients::KnownClient;
use crate::harmless;
use lines::{Paint, entry, listed};
use merged::{Merged, merged};

/// As many characters of one text are shown.
const MOST: usize = 300;

/// Words of a stranger's server.
#[must_use]
pub fn harmless(text: &str) -> String {
    harmless::harmless(text, MOST)
}

/// How a diagnosis is shown.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// With colours, for a terminal.
    pub colour: bool,
    /// Every check, also those that are ok.
    pub verbose: bool,
    /// The clients to tell apart in a table. None: no table.
    pub clients: Vec<KnownClient>,
}

/// The whole text.
#[must_use]
pub fn text(diagnosis: &Diagnosis, shown: &Shown) -> String {
    let paint = Paint(shown.colour);
    let mut text = format!("usher doctor {}\n", harmless(&diagnosis.about));
    let all = merged(&diagnosis.findings);
    failures(diagnosis, &all, &paint, &mut text);
    for warning in all
        .iter()
        .filter(|finding| finding.verdict() == Verdict::Warning)
    {
        headline(&paint.warning("Warning"), warning, &mut text);
        details(warning, &mut text);
    }
    if shown.clients.len() > 1 {
        clients(diagnosis, shown, &paint, &mut text);
    }
    if shown.verbose {
        every(&all, &paint, &mut text);
    }
    counts(diagnosis, shown, &paint, &mut text);
    text
}

fn failures(diagnosis: &Diagnosis, all: &[Merged<'_>], paint: &Paint, text: &mut String) {
    let failed = |finding: &&Merged<'_>| finding.verdict() == Verdict::Failure;
    let mut is_first = true;
    for failure in all.iter().filter(failed) {
        if diagnosis.cause_of(failure.check()).is_some() {
            continue;
        }
        let lead = if is_first { "Fix this first" } else { "Then" };
        is_first = false;
        headline(&paint.failure(lead), failure, text);
        details(failure, text);
        let follow = diagnosis.following(failure.check());
        match follow.as_slice() {
            [] => {}
            [one] => text.push_str(&entry(
                "",
                &format!("and 1 check that follows from it: {one}"),
            )),
            several => {
                let count = several.len();
                let ids = several.join(", ");
                text.push_str(&entry(
                    "",
                    &format!("and {count} checks that follow from it: {ids}"),
                ));
            }
        }
    }
}

fn headline(lead: &str, finding: &Merged<'_>, text: &mut String) {
    let check = finding.check();
    let _always_fits = write!(text, "\n{lead}: {}\n", check.failing);
    text.push_str(&entry("check", check.id));
}

fn details(finding: &Merged<'_>, text: &mut String) {
    let first = finding.first;
    if let Some(subject) = &first.subject {
        text.push_str(&entry("at", &harmless(subject)));
    }
    if let Some(clients) = finding.clients() {
        text.push_str(&entry("for", &clients));
    }
    for (name, value) in [
        ("expected", &first.expected),
        ("found", &first.found),
        ("fix", &first.fix),
    ] {
        if !value.is_empty() {
            text.push_str(&entry(name, &harmless(value)));
        }
    }
    let page = first.check.page;
    if !page.is_empty() {
        text.push_str(&entry("page", &format!("docs/{page}")));
    }
}

/// Which client meets which failure first.
fn clients(diagnosis: &Diagnosis, shown: &Shown, paint: &Paint, text: &mut String) {
    let word = |client: &KnownClient| match diagnosis.met_by(*client) {
        None => paint.ok("ok"),
        Some(finding) if finding.verdict == Verdict::Skipped => {
            format!("not from here: {}", harmless(&finding.found))
        }
        Some(finding) => format!("fails at {}", paint.failure(finding.check.id)),
    };
    text.push_str("\nAs each client meets it\n");
    let words: Vec<_> = shown.clients.iter().map(word).collect();
    // Seven times the same would only hide what stands above.
    if let Some(same) = words
        .first()
        .filter(|first| words.iter().all(|word| word == *first))
    {
        text.push_str(&lines::row("all of them", same));
        return;
    }
    for (client, word) in shown.clients.iter().zip(&words) {
        text.push_str(&lines::row(client.title(), word));
    }
}

fn every(all: &[Merged<'_>], paint: &Paint, text: &mut String) {
    text.push_str("\nEvery check\n");
    for finding in all {
        let first = finding.first;
        let mut found = harmless(&first.found);
        if let Some(clients) = finding.clients() {
            let _always_fits = write!(found, " ({clients})");
        }
        text.push_str(&lines::check(paint, first.verdict, first.check.id, &found));
    }
}

fn counts(diagnosis: &Diagnosis, shown: &Shown, paint: &Paint, text: &mut String) {
    let of = |verdict: Verdict| {
        let with = diagnosis
            .findings
            .iter()
            .filter(|finding| finding.verdict == verdict);
        with.count()
    };
    let skipped = of(Verdict::Skipped);
    let mut parts = vec![paint.ok(&format!("{} ok", of(Verdict::Ok)))];
    for (count, one, many) in [
        (of(Verdict::Failure), "failure", "failures"),
        (of(Verdict::Warning), "warning", "warnings"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {}", if count == 1 { one } else { many }));
        }
    }
    if skipped > 0 {
        parts.push(format!("{skipped} skipped"));
    }
    let more = if shown.verbose {
        ""
    } else {
        "; --verbose shows all"
    };
    let _always_fits = writeln!(text, "\n{}{more}", listed(&parts));
}
