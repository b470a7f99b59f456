//! All findings about one thing, the first cause first.

use crate::clients::KnownClient;

use super::{Check, Finding, Verdict, checks};

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

    /// Sorts the findings into the order in which a connection meets them; of equals the first stays first.
    pub fn put_in_order(&mut self) {
        let place = |check: &Check| checks::all().position(|registered| registered == check);
        self.findings.sort_by_key(|finding| place(finding.check));
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

    /// The ids of failed checks that this one explains, directly or through another, each once.
    #[must_use]
    pub fn following(&self, check: &Check) -> Vec<&'static str> {
        let mut explained: Vec<&'static str> = Vec::new();
        for failure in self.failures() {
            let explains = |cause: &&str| *cause == check.id || explained.contains(cause);
            let is_new = failure.check != check && !explained.contains(&failure.check.id);
            if is_new && failure.check.follows.iter().any(|cause| explains(&cause)) {
                explained.push(failure.check.id);
            }
        }
        explained
    }

    /// What keeps this client from connecting, if anything does: the first failure that it meets, else a check that was
    /// skipped because of this very client.
    #[must_use]
    pub fn met_by(&self, client: KnownClient) -> Option<&Finding> {
        let concerns = |finding: &&Finding| finding.client.is_none_or(|other| other == client);
        let skipped = |finding: &&Finding| {
            finding.client == Some(client)
                && finding.verdict == Verdict::Skipped
                && finding.check == &checks::address::ADDRESS_PUBLIC
        };
        let mut failures = self.failures().filter(concerns);
        failures
            .next()
            .or_else(|| self.findings.iter().find(skipped))
    }

    fn failures(&self) -> impl Iterator<Item = &Finding> {
        let findings = self.findings.iter();
        findings.filter(|finding| finding.verdict == Verdict::Failure)
    }
}
