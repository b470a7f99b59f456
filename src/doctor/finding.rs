//! What one check found, this time.

use super::Check;
use crate::clients::KnownClient;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Not looked at; the finding says why.
    Skipped,
    /// It works, but somebody will stumble over it.
    Warning,
    /// Clients cannot connect, or cannot do what they came for.
    Failure,
}

impl Verdict {
    /// The word for programs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Skipped => "skipped",
            Self::Warning => "warning",
            Self::Failure => "failure",
        }
    }
}

/// What one check found. Its words may come from a stranger's server: whoever shows them escapes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which check.
    pub check: &'static Check,
    /// How it ended.
    pub verdict: Verdict,
    /// What was looked at, where a check is done of several: an issuer, an address, an upstream.
    pub subject: Option<String>,
    /// The client that it concerns; `None`: all of them.
    pub client: Option<KnownClient>,
    /// What would have been right. Empty if ok.
    pub expected: String,
    /// What is there; for a skipped check, why it was skipped.
    pub found: String,
    /// What to change, in the words of the provider at hand. Empty if ok or skipped.
    pub fix: String,
}

impl Finding {
    /// All is well, and this is what was seen.
    pub fn ok(check: &'static Check, found: impl Into<String>) -> Self {
        Self::new(check, Verdict::Ok, found)
    }

    /// Not looked at, because of this.
    pub fn skipped(check: &'static Check, why: impl Into<String>) -> Self {
        Self::new(check, Verdict::Skipped, why)
    }

    /// It works, but.
    pub fn warning(check: &'static Check, found: impl Into<String>) -> Self {
        Self::new(check, Verdict::Warning, found)
    }

    /// It does not work.
    pub fn failure(check: &'static Check, found: impl Into<String>) -> Self {
        Self::new(check, Verdict::Failure, found)
    }

    fn new(check: &'static Check, verdict: Verdict, found: impl Into<String>) -> Self {
        let is_bad = matches!(verdict, Verdict::Warning | Verdict::Failure);
        Self {
            check,
            verdict,
            subject: None,
            client: None,
            expected: String::new(),
            found: found.into(),
            fix: if is_bad { check.fix } else { "" }.to_owned(),
        }
    }

    /// The same, of one of several.
    #[must_use]
    pub fn of(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// The same, for one client only.
    #[must_use]
    pub fn with_client(mut self, client: KnownClient) -> Self {
        self.client = Some(client);
        self
    }

    /// The same, with what would have been right.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = expected.into();
        self
    }

    /// The same, with a better fix than the check's own.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = fix.into();
        self
    }
}
