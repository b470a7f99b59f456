//! What several clients meet alike is told once.

use crate::clients::KnownClient;
use crate::doctor::{Check, Finding, Verdict};

/// Findings that differ in their client only.
pub(super) struct Merged<'a> {
    pub(super) first: &'a Finding,
    clients: Vec<KnownClient>,
}

impl Merged<'_> {
    pub(super) fn verdict(&self) -> Verdict {
        self.first.verdict
    }

    pub(super) fn check(&self) -> &'static Check {
        self.first.check
    }

    /// Whom it concerns, if not everybody.
    pub(super) fn clients(&self) -> Option<String> {
        let titles: Vec<&str> = self.clients.iter().map(|client| client.title()).collect();
        (!titles.is_empty()).then(|| titles.join(", "))
    }
}

/// In the order of the first of each.
pub(super) fn merged(findings: &[Finding]) -> Vec<Merged<'_>> {
    let mut all: Vec<Merged<'_>> = Vec::new();
    for finding in findings {
        let alike = |merged: &&mut Merged<'_>| {
            let (one, other) = (merged.first, finding);
            one.check == other.check
                && one.verdict == other.verdict
                && one.subject == other.subject
                && one.fix == other.fix
                && one.expected == other.expected
                && one.client.is_some() == other.client.is_some()
                && one.found == other.found
        };
        match all.iter_mut().find(alike) {
            Some(merged) => merged.clients.extend(finding.client),
            None => all.push(Merged {
                first: finding,
                clients: finding.client.into_iter().collect(),
            }),
        }
    }
    all
}
