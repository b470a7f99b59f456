//! The refusal of a request without a token: 401, and a challenge that says where to get one.

use super::heard::in_words;
use super::www_authenticate::Challenges;
use crate::doctor::checks::challenge::{CHALLENGE_HEADER, CHALLENGE_STATUS};
use crate::doctor::{Diagnosis, Finding};
use crate::outbound::Heard;

/// What the challenge says. What it points to is judged with the metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Challenged {
    /// True if a Bearer challenge came with a 401.
    pub(super) is_there: bool,
    /// Where it says that the metadata is.
    pub(super) metadata: Option<String>,
    /// The scopes that it says to ask for.
    pub(super) scopes: Vec<String>,
}

/// Judges the first answer.
pub(super) fn check(first: &Heard, diagnosis: &mut Diagnosis) -> Challenged {
    let challenges = Challenges::of(&first.headers);
    if first.status != 401 {
        let found = if first.status == 200 {
            "200: it answers without asking for a token".to_owned()
        } else {
            in_words(first)
        };
        let finding = Finding::failure(&CHALLENGE_STATUS, found);
        diagnosis.add(finding.expected("401: clients begin a login at nothing else"));
        return Challenged::default();
    }
    diagnosis.add(Finding::ok(&CHALLENGE_STATUS, "401"));
    if !challenges.has_bearer() {
        let found = match challenges.schemes() {
            none if none.is_empty() => "401 without WWW-Authenticate".to_owned(),
            schemes => format!("401 with another scheme in WWW-Authenticate: {schemes}"),
        };
        let finding = Finding::failure(&CHALLENGE_HEADER, found);
        diagnosis.add(finding.expected("WWW-Authenticate: Bearer … (RFC 6750 §3)"));
        return Challenged::default();
    }
    diagnosis.add(Finding::ok(&CHALLENGE_HEADER, "Bearer"));
    let scopes = challenges.bearer("scope").unwrap_or_default();
    Challenged {
        is_there: true,
        metadata: challenges.bearer("resource_metadata").map(str::to_owned),
        scopes: scopes.split_whitespace().map(str::to_owned).collect(),
    }
}
