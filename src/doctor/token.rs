//! A token that was explained, as findings: by the same checks that a refusal in the log or the ledger belongs to.

use super::checks::token::{self, for_reason};
use super::{Check, Finding};
use crate::auth::{
    Claim, Explanation, Outcome, ProfileName, Requirement, Scopes, UnverifiedClaims,
};
use crate::policy::{Caller, Policy, Target};

/// Everything that the server asks of a token, in its order.
pub fn findings(explanation: &Explanation) -> impl Iterator<Item = Finding> {
    let claims = explanation.claims.iter();
    claims.map(|claim| finding(claim, explanation.profile))
}

/// One thing that the server asks of a token of this provider's.
#[must_use]
pub fn finding(claim: &Claim, provider: ProfileName) -> Finding {
    let check = check_of(claim);
    let found = || claim.found.clone().unwrap_or_else(|| "nothing".to_owned());
    let finding = match &claim.outcome {
        Outcome::Ok => Finding::ok(check, found()),
        Outcome::Skipped(why) => Finding::skipped(check, why.as_str()),
        Outcome::Refused(_) => {
            let fix = claim
                .fix
                .as_deref()
                .unwrap_or_else(|| check.fix_at(provider));
            let failure = Finding::failure(check, found()).fix(fix);
            failure.expected(claim.required.as_str())
        }
    };
    finding.of(claim.requirement.name())
}

/// The check that a thing asked of a token belongs to, refused as it is or not.
fn check_of(claim: &Claim) -> &'static Check {
    let by_requirement = match claim.requirement {
        Requirement::Format | Requirement::Header | Requirement::Json => &token::TOKEN_IS_JWT,
        Requirement::Issuer => &token::TOKEN_ISSUER,
        Requirement::Algorithm => &token::TOKEN_ALGORITHM,
        Requirement::Possession => &token::TOKEN_BEARER,
        Requirement::Type => &token::TOKEN_TYPE,
        Requirement::Expiry => &token::TOKEN_EXPIRY,
        Requirement::Start | Requirement::IssuedAt => &token::TOKEN_CLOCK,
        Requirement::Lifetime => &token::TOKEN_LIFETIME,
        Requirement::Client => &token::TOKEN_CLIENT,
        Requirement::Groups => &token::TOKEN_GROUPS,
        Requirement::Subject | Requirement::Scopes => &token::TOKEN_CLAIMS,
        Requirement::Audience => &token::TOKEN_AUDIENCE,
        Requirement::Key => &token::TOKEN_KEY,
        Requirement::Signature => &token::TOKEN_SIGNATURE,
        Requirement::Active => &token::TOKEN_ACTIVE,
    };
    match &claim.outcome {
        // A token without an audience lacks the very thing that one with another audience has wrong.
        Outcome::Refused(_) if claim.requirement == Requirement::Audience => by_requirement,
        Outcome::Refused(error) => for_reason(error.reason()).unwrap_or(by_requirement),
        Outcome::Ok | Outcome::Skipped(_) => by_requirement,
    }
}

/// What the rules let a bearer do who was let in: whether a scope opens anything, and which of `targets` may be used.
#[must_use]
pub fn of_bearer(
    bearer: &UnverifiedClaims,
    policy: &Policy,
    targets: &[Target<'_>],
    provider: ProfileName,
) -> [Finding; 2] {
    let scope = scope(bearer.scopes(), policy, provider);
    let caller = Caller::supposed(bearer);
    let allowed = |target: &&Target<'_>| {
        let requirements = policy.requirements(target);
        policy.explain(&caller, &requirements).decision.is_ok()
    };
    let names = |targets: Vec<&Target<'_>>| {
        let names: Vec<_> = targets.into_iter().map(|target| target.name).collect();
        names.join(", ")
    };
    let (may, may_not): (Vec<_>, Vec<_>) = targets.iter().partition(allowed);
    let check = &token::TOKEN_RULES;
    let rules = match (may.is_empty(), may_not.is_empty()) {
        _ if !scope.fix.is_empty() => Finding::skipped(check, "no scope opens anything"),
        (_, true) => Finding::ok(check, format!("its bearer may use {}", names(may))),
        (false, false) => {
            let found = format!(
                "its bearer may use {}, and not {}",
                names(may),
                names(may_not)
            );
            Finding::warning(check, found).fix(check.fix_at(provider))
        }
        (true, false) => {
            let found = format!("its bearer may not use {}", names(may_not));
            Finding::failure(check, found).fix(check.fix_at(provider))
        }
    };
    [scope, rules]
}

fn scope(granted: &Scopes, policy: &Policy, provider: ProfileName) -> Finding {
    let (check, useful) = (&token::TOKEN_SCOPE, policy.scopes());
    let found = match granted.is_empty() {
        true => "none".to_owned(),
        false => granted.to_string(),
    };
    if granted.iter().any(|scope| useful.contains(scope)) {
        return Finding::ok(check, found);
    }
    let failure = Finding::failure(check, found).expected(format!("one of {useful}"));
    failure.fix(check.fix_at(provider))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Scope, Settings};
    use crate::doctor::Verdict;
    use crate::mcp;

    fn bearer(claims: &str) -> UnverifiedClaims {
        let settings = Settings {
            issuer: vec![crate::auth::IssuerSettings::named("https://id.test")],
            ..Settings::default()
        };
        UnverifiedClaims::read(&settings, claims.as_bytes()).expect("claims")
    }

    fn policy(rules: &str) -> Policy {
        let rules: Vec<crate::policy::RuleSettings> =
            serde_json::from_str(rules).expect("good rules");
        let scope = |name| Scope::parse(name).expect("a scope");
        Policy::with_rules(scope("mcp:read"), scope("mcp:write"), &rules).expect("good rules")
    }

    #[test]
    fn a_bearer_without_a_useful_scope_or_whom_a_rule_keeps_out_is_told() {
        use Verdict::{Failure, Ok, Skipped, Warning};
        let nobody = r#"[{"tools":["search","fetch"],"groups":["staff"]}]"#;
        let no_fetch = r#"[{"tools":["fetch"],"groups":["staff"]}]"#;
        for (rules, claims, expected) in [
            ("[]", r#"{"scope":"mcp:read"}"#, [Ok, Ok]),
            ("[]", r#"{"scope":"openid profile"}"#, [Failure, Skipped]),
            ("[]", "{}", [Failure, Skipped]),
            (nobody, r#"{"scope":"mcp:read"}"#, [Ok, Failure]),
            (
                nobody,
                r#"{"scope":"mcp:read","groups":["staff"]}"#,
                [Ok, Ok],
            ),
            (no_fetch, r#"{"scope":"mcp:read"}"#, [Ok, Warning]),
        ] {
            let found = of_bearer(
                &bearer(claims),
                &policy(rules),
                &mcp::built_in_targets(),
                ProfileName::Keycloak,
            );
            assert_eq!(
                found.map(|finding| finding.verdict),
                expected,
                "{rules} {claims}"
            );
        }
    }
}
