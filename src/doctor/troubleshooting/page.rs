//! The page itself.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Symptom, fixes};
use crate::doctor::{Check, checks};

const OPENING: &str = include_str!("opening.txt");

/// The whole page: symptoms first, then each check.
#[must_use]
pub fn markdown() -> String {
    let mut page = OPENING.to_owned();
    page.push_str("\n## What you see\n\nSearch this page for the words on your screen.\n\n");
    page.push_str("| The words | Where | Look at |\n|---|---|---|\n");
    for ((words, who), ids) in symptoms() {
        let links: Vec<_> = ids.iter().map(|id| format!("[{id}](#{id})")).collect();
        push(
            &mut page,
            format_args!("| {} | {who} | {} |\n", code(words), links.join(", ")),
        );
    }
    for (area, checks) in checks::areas() {
        push(&mut page, format_args!("\n## {area}\n"));
        for check in checks {
            section(&mut page, check);
        }
    }
    page
}

/// Each symptom once, by its words, with the checks that it can come from.
fn symptoms() -> BTreeMap<(&'static str, &'static str), Vec<&'static str>> {
    let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for check in checks::all() {
        for symptom in check.symptoms {
            let ids = all.entry((symptom.text, symptom.who())).or_default();
            if !ids.contains(&check.id) {
                ids.push(check.id);
            }
        }
    }
    all
}

fn section(page: &mut String, check: &Check) {
    push(page, format_args!("\n### {}\n\n", check.id));
    push(
        page,
        format_args!(
            "*{}.* Ask: {}.\n\n",
            in_text(check.failing),
            check.place.in_words()
        ),
    );
    let seen = |symptom: &Symptom| format!("{} ({})", code(symptom.text), symptom.who());
    let seen: Vec<_> = check.symptoms.iter().map(seen).collect();
    push(page, format_args!("Seen as: {}\n\n", seen.join(", ")));
    push(page, format_args!("{}.\n\n", in_text(check.cause)));
    push(
        page,
        format_args!(
            "**Change:** {}. More in [{}]({}).\n",
            in_text(check.fix),
            check.page,
            check.page
        ),
    );
    let mut is_first = true;
    for (provider, fix) in fixes(check) {
        if is_first {
            page.push('\n');
            is_first = false;
        }
        push(
            page,
            format_args!("- {}: {}\n", provider.title(), in_text(fix)),
        );
    }
}

/// Very words, as code.
fn code(words: &str) -> String {
    let words = words.replace('|', "\\|");
    if words.contains('`') {
        return format!("`` {words} ``");
    }
    format!("`{words}`")
}

/// Words of a sentence: what stands in angle brackets is no HTML.
fn in_text(words: &str) -> String {
    words.trim_end_matches('.').replace('<', "&lt;")
}

fn push(page: &mut String, text: std::fmt::Arguments<'_>) {
    page.write_fmt(text)
        .expect("invariant: writing to a string cannot fail");
}
