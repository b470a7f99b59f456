//! What was found of an upstream that was asked.

use crate::doctor::Finding;
use crate::doctor::checks::inside::{CATALOGUE_APPROVED, RULES_MATCH, UPSTREAM_ANSWERS};
use crate::upstream::{CatalogueLock, Offer, OnChange};

/// What was expected of an upstream that failed, what was found, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
    /// What to do.
    pub fix: String,
}

/// Whether it answers.
#[must_use]
pub fn answers(upstream: &str, asked: Result<&Offer, Failure>) -> Finding {
    let check = &UPSTREAM_ANSWERS;
    let finding = match asked {
        Ok(offer) => Finding::ok(check, format!("{} tools", offer.tools.len())),
        Err(Failure {
            expected,
            found,
            fix,
        }) => Finding::failure(check, found).expected(expected).fix(fix),
    };
    finding.of(upstream)
}

/// Whether its tools are those that were approved.
#[must_use]
pub fn approved(
    upstream: &str,
    offer: &Offer,
    lock: &CatalogueLock,
    on_change: OnChange,
) -> Finding {
    let check = &CATALOGUE_APPROVED;
    let changes = lock.changes(upstream, &offer.tools);
    if changes.is_empty() {
        return Finding::ok(check, "as it was approved").of(upstream);
    }
    let words: Vec<_> = changes
        .iter()
        .take(3)
        .map(|(tool, change)| format!("{tool}: {change}"))
        .collect();
    let more = changes.len().saturating_sub(words.len());
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    let found = format!("{}{more}", words.join("; "));
    let told = match on_change {
        OnChange::Quarantine => Finding::failure(check, found),
        OnChange::Warn => Finding::warning(check, found),
    };
    let fix = format!(
        "look with `usher upstream diff {upstream}`, then `usher upstream approve {upstream}`"
    );
    told.of(upstream).fix(fix)
}

/// Whether each pattern of the rules matches something of what was found: `unmatched` are those that do not.
#[must_use]
pub fn rules(unmatched: Vec<String>, was_all_asked: bool) -> Vec<Finding> {
    let check = &RULES_MATCH;
    match (unmatched.is_empty(), was_all_asked) {
        (_, false) => vec![Finding::skipped(
            check,
            "not every upstream said what it has",
        )],
        (true, true) => vec![Finding::ok(check, "each matches something")],
        (false, true) => {
            let told = |words: String| Finding::warning(check, words);
            unmatched.into_iter().map(told).collect()
        }
    }
}
