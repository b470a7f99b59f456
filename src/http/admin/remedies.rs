//! What mends a refusal, as the registry of checks has it. That one ranks above this module, so whoever composes the server
//! hands in how to ask it.

/// What to do about a reason to refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// The id of the check, which `usher doctor explain` takes.
    pub check: &'static str,
    /// What to change, in the words of the provider at hand.
    pub fix: &'static str,
}

/// From a reason, and the profile of the issuer if it is a configured one, to what mends it.
#[derive(Clone, Copy, Debug)]
pub struct Remedies(fn(&str, Option<&str>) -> Option<Remedy>);

impl Default for Remedies {
    fn default() -> Self {
        Self(|_reason, _profile| None)
    }
}

impl Remedies {
    /// Those that `find` finds.
    #[must_use]
    pub fn new(find: fn(&str, Option<&str>) -> Option<Remedy>) -> Self {
        Self(find)
    }

    /// What mends this.
    #[must_use]
    pub fn of(self, reason: &str, profile: Option<&str>) -> Option<Remedy> {
        (self.0)(reason, profile)
    }
}
