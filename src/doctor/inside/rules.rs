//! Whether the rules leave something of `search` and `fetch` to those who log in as they are told to.

use serde_json::{Value, json};

use super::Inside;
use crate::auth::UnverifiedClaims;
use crate::doctor::Finding;
use crate::doctor::checks::inside::TOOLS_REACHABLE;
use crate::mcp;
use crate::policy::{Caller, Denial, Reason, Target};

/// What a client gets that asks for the advertised scopes, in no group and with no other claim.
pub(super) fn reachable(inside: &Inside) -> Finding {
    let check = &TOOLS_REACHABLE;
    let scopes = inside.auth.scopes.advertised.join(" ");
    let Some(claims) = reader(inside, &scopes) else {
        return Finding::skipped(check, "there is no issuer whose tokens could be read");
    };
    let caller = Caller::supposed(&claims);
    let refused = |target: &Target<'_>| {
        let requirements = inside.policy.requirements(target);
        let decision = inside.policy.explain(&caller, &requirements).decision;
        decision
            .err()
            .map(|denial| (target.name.to_owned(), denial))
    };
    let targets = mcp::built_in_targets();
    let refused: Vec<_> = targets.iter().filter_map(refused).collect();
    let is_shut = |(_, denial): &&(String, Denial)| match denial.reason {
        Reason::DeniedByRule | Reason::InsufficientScope => true,
        // Some readers have what is asked, and others do not.
        Reason::ClaimRequired | Reason::ClientIdRequired | Reason::GroupRequired => false,
    };
    let told = |(name, denial): &(String, Denial)| {
        format!("{name} ({}, by {})", denial.reason.as_str(), denial.rule)
    };
    let shut: Vec<_> = refused.iter().filter(is_shut).collect();
    if !shut.is_empty() {
        let words: Vec<_> = shut.iter().map(|refusal| told(refusal)).collect();
        let found = format!("with {scopes}, nobody may use {}", words.join(", "));
        let failure = Finding::failure(check, found);
        return failure.expected("the scopes that clients are told to ask for open both");
    }
    let some: Vec<_> = refused.iter().map(told).collect();
    match some.as_slice() {
        [] => Finding::ok(check, format!("with {scopes}")),
        some => Finding::ok(
            check,
            format!("with {scopes}; not for everybody: {}", some.join(", ")),
        ),
    }
}

/// Somebody with these scopes, wherever the first issuer writes them.
fn reader(inside: &Inside, scopes: &str) -> Option<UnverifiedClaims> {
    let mut claims = json!({ "scope": scopes, "scp": scopes });
    let first = inside.auth.issuer.first()?;
    if let (Some(name), Value::Object(members)) = (&first.scope_claim, &mut claims) {
        members.insert(name.clone(), json!(scopes.split(' ').collect::<Vec<_>>()));
    }
    UnverifiedClaims::read(&inside.auth, claims.to_string().as_bytes()).ok()
}
