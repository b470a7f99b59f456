//! All findings about one thing, the first cause first.

use super::{Check, Finding, Verdict};

/// What was looked at, and what was found, in the order in which a client meets it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnosis {
    /// What was looked at: an address, or a configuration.
    pub about: String,
    /// One finding a check and subject.
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    /// Nothing found yet.
    pub fn new(about: impl Into<String>) -> Self {
        Self {
            about: about.into(),
            findings: Vec::new(),
        }
    }

    /// Adds what was found next.
    pub fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// The worst verdict; ok if nothing was looked at.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let verdicts = self.findings.iter().map(|finding| finding.verdict);
        verdicts.max().unwrap_or(Verdict::Ok)
    }

    /// The failure to mend first: the earliest that no other failure explains.
    #[must_use]
    pub fn first_cause(&self) -> Option<&Finding> {
        let mut failures = self.failures();
        failures.find(|finding| self.cause_of(finding.check).is_none())
    }

    /// The failed check that explains a failure of `check`, if there is one.
    #[must_use]
    pub fn cause_of(&self, check: &Check) -> Option<&Finding> {
        let mut failures = self.failures();
        failures.find(|failure| check.follows.contains(&failure.check.id))
    }

    fn failures(&self) -> impl Iterator<Item = &Finding> {
        let findings = self.findings.iter();
        findings.filter(|finding| finding.verdict == Verdict::Failure)
    }
}
