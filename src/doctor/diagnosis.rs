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
    /// True if each finding is of a connection of its own, so that none explains another.
    pub apart: bool,
}

impl Diagnosis {
    /// Nothing found yet.
    pub fn new(about: impl Into<String>) -> Self {
        Self {
            about: about.into(),
            findings: Vec::new(),
            apart: false,
        }
    }

    /// Adds what was found next.
    pub fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Sorts the findings into the order in which a connection meets them; of equals the first stays first. What was
    /// skipped at first and looked at later is told once.
    pub fn put_in_order(&mut self) {
        let looked_at: Vec<(&Check, Option<String>)> = self
            .findings
            .iter()
            .filter(|finding| finding.verdict != Verdict::Skipped)
            .map(|finding| (finding.check, finding.subject.clone()))
            .collect();
        self.findings.retain(|finding| {
            let same = |(check, subject): &(&Check, Option<String>)| {
                *check == finding.check && *subject == finding.subject
            };
            let other_client = finding.client.is_some();
            finding.verdict != Verdict::Skipped || other_client || !looked_at.iter().any(same)
        });
        let place = |check: &Check| checks::all().position(|registered| registered == check);
        self.findings.sort_by_key(|finding| place(finding.check));
    }

    /// Adds what was found in a later look, in place of what an earlier one had to skip.
    pub fn add_later(&mut self, findings: Vec<Finding>) {
        self.findings.retain(|earlier| {
            let is_seen_now = findings.iter().any(|later| later.check == earlier.check);
            earlier.verdict != Verdict::Skipped || !is_seen_now
        });
        self.findings.extend(findings);
    }

    /// The worst verdict of what was looked at; ok if nothing was. That something was skipped makes nothing worse.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let verdicts = self.findings.iter().map(|finding| finding.verdict);
        let looked_at = verdicts.filter(|verdict| *verdict != Verdict::Skipped);
        looked_at.max().unwrap_or(Verdict::Ok)
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
        let mut failures = self.failures().filter(|_| !self.apart);
        failures.find(|failure| check.follows.contains(&failure.check.id))
    }

    /// The ids of failed checks that this one explains, directly or through another, each once.
    #[must_use]
    pub fn following(&self, check: &Check) -> Vec<&'static str> {
        let mut explained: Vec<&'static str> = Vec::new();
        for failure in self.failures().filter(|_| !self.apart) {
            let explains = |cause: &&'static str| *cause == check.id || explained.contains(cause);
            let is_new = failure.check != check && !explained.contains(&failure.check.id);
            if is_new && failure.check.follows.iter().any(explains) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use checks::address::{ADDRESS_ANSWERS, ADDRESS_CONNECTS, ADDRESS_PUBLIC, STREAM_UNBUFFERED};
    use checks::challenge::{CHALLENGE_STATUS, CORS_PREFLIGHT};

    fn with(findings: impl IntoIterator<Item = Finding>) -> Diagnosis {
        let mut diagnosis = Diagnosis::default();
        diagnosis.findings.extend(findings);
        diagnosis.put_in_order();
        diagnosis
    }

    #[test]
    fn a_later_look_stands_in_place_of_an_earlier_skip_and_a_skip_makes_nothing_worse() {
        let skip = Finding::skipped(&STREAM_UNBUFFERED, "no token");
        let mut diagnosis = with([Finding::ok(&ADDRESS_CONNECTS, "yes"), skip]);
        assert_eq!(diagnosis.verdict(), Verdict::Ok);
        diagnosis.add_later(vec![Finding::warning(&STREAM_UNBUFFERED, "late")]);
        assert_eq!(diagnosis.findings.len(), 2);
        assert_eq!(diagnosis.verdict(), Verdict::Warning);
        diagnosis.add_later(vec![Finding::failure(&ADDRESS_CONNECTS, "gone")]);
        assert_eq!(diagnosis.findings.len(), 3, "what was seen stays");
        assert_eq!(with([]).verdict(), Verdict::Ok);
    }

    #[test]
    fn the_first_cause_is_the_earliest_failure_that_no_other_explains() {
        let diagnosis = with([
            Finding::failure(&CHALLENGE_STATUS, "500"),
            Finding::failure(&ADDRESS_ANSWERS, "late"),
            Finding::failure(&ADDRESS_CONNECTS, "refused"),
            Finding::warning(&ADDRESS_PUBLIC, "private"),
        ]);
        assert_eq!(diagnosis.verdict(), Verdict::Failure);
        let first = diagnosis.first_cause().map(|finding| finding.check);
        assert_eq!(first, Some(&ADDRESS_CONNECTS));
        let following = ["address-answers", "challenge-status"];
        assert_eq!(diagnosis.following(&ADDRESS_CONNECTS), following);
        assert_eq!(diagnosis.following(&CHALLENGE_STATUS), [""; 0]);
        assert_eq!(
            with([Finding::ok(&ADDRESS_CONNECTS, "yes")]).first_cause(),
            None
        );
    }

    #[test]
    fn each_client_meets_what_concerns_it() {
        use KnownClient::{ChatGpt, Cursor, Inspector};
        let why = Finding::skipped(&ADDRESS_PUBLIC, "private").with_client(ChatGpt);
        let page = Finding::failure(&CORS_PREFLIGHT, "401").with_client(Inspector);
        let diagnosis = with([page, why]);
        let met = |client| diagnosis.met_by(client).map(|finding| finding.check.id);
        assert_eq!(met(ChatGpt), Some("address-public"));
        assert_eq!(met(Inspector), Some("cors-preflight"));
        assert_eq!(met(Cursor), None);
    }

    #[test]
    fn what_was_skipped_at_first_and_looked_at_later_is_told_once() {
        let diagnosis = with([
            Finding::skipped(&STREAM_UNBUFFERED, "no token"),
            Finding::ok(&STREAM_UNBUFFERED, "at once"),
        ]);
        assert_eq!(
            diagnosis.findings,
            [Finding::ok(&STREAM_UNBUFFERED, "at once")]
        );
    }
}
