//! The configured issuers, as the server that runs would find them.

use crate::auth::look::look;
use crate::auth::{self, Differs, IssuerLook, IssuerProblem};
use crate::doctor::checks::inside::ISSUER_PROFILE;
use crate::doctor::checks::issuer as checks;
use crate::doctor::checks::token::TOKEN_ISSUER;
use crate::doctor::{Check, Finding};
use crate::outbound::Outbound;

pub(super) async fn findings(settings: &auth::Settings, outbound: &Outbound) -> Vec<Finding> {
    let looks = look(settings, outbound).await;
    looks.iter().flat_map(judge).collect()
}

fn judge(look: &IssuerLook) -> Vec<Finding> {
    let mut found = Vec::new();
    let failed = |(problem, words): &(IssuerProblem, String), is_key: bool| {
        let check = check_of(*problem, is_key);
        let fix = check.fix_at(look.profile);
        Finding::failure(check, words.as_str()).fix(fix)
    };
    match &look.metadata {
        Ok(place) => found.push(Finding::ok(&checks::ISSUER_METADATA_FOUND, place.as_str())),
        Err(error) => found.push(failed(error, false)),
    }
    match (&look.keys, &look.metadata) {
        (Ok((count, left_out)), _) => {
            let keys = format!("{count} usable");
            found.push(Finding::ok(&checks::KEYS_REACHABLE, keys.as_str()));
            let seen = match left_out.as_str() {
                "" => keys,
                left_out => format!("{keys}; left out: {left_out}"),
            };
            found.push(Finding::ok(&checks::KEYS_USABLE, seen));
        }
        (Err((keys, _)), Err((metadata, _))) if keys == metadata => {
            let why = "its metadata says where the keys are, and there is none";
            found.push(Finding::skipped(&checks::KEYS_REACHABLE, why));
        }
        (Err(error), _) => found.push(failed(error, true)),
    }
    found.extend(profile(look));
    found
        .into_iter()
        .map(|finding| finding.of(look.issuer.as_str()))
        .collect()
}

fn profile(look: &IssuerLook) -> Vec<Finding> {
    let name = look.profile.as_str();
    if look.metadata.is_err() {
        return vec![Finding::skipped(
            &ISSUER_PROFILE,
            "there is no metadata to look at",
        )];
    }
    if look.differences.is_empty() {
        let found = format!("profile {name}, no differences");
        return vec![Finding::ok(&ISSUER_PROFILE, found)];
    }
    let told = |(differs, words): &(Differs, String)| {
        // What was found, and behind the last colon what to do, as the log has it.
        let (found, fix) = words.rsplit_once(": ").unwrap_or((words, ""));
        let finding = match differs {
            Differs::Algorithms => Finding::failure(&checks::ALGORITHM_ALLOWED, found),
            Differs::TokenIssuer => Finding::failure(&TOKEN_ISSUER, found),
            Differs::Pkce => Finding::warning(&checks::PKCE_OFFERED, found),
            Differs::Scopes => Finding::warning(&checks::SCOPES_OFFERED, found),
            Differs::Profile => Finding::warning(&ISSUER_PROFILE, found),
        };
        let own = finding.check.fix_at(look.profile);
        finding.fix(if fix.is_empty() { own } else { fix })
    };
    look.differences.iter().map(told).collect()
}

fn check_of(problem: IssuerProblem, is_key: bool) -> &'static Check {
    match problem {
        IssuerProblem::Certificate => &checks::ISSUER_TLS,
        IssuerProblem::NoKeys => &checks::KEYS_USABLE,
        IssuerProblem::NoMetadata => &checks::ISSUER_METADATA_FOUND,
        IssuerProblem::NotMetadata => &checks::ISSUER_METADATA_VALID,
        IssuerProblem::OtherIssuer => &checks::ISSUER_EQUAL,
        IssuerProblem::Unreachable if is_key => &checks::KEYS_REACHABLE,
        IssuerProblem::Unreachable => &checks::ISSUER_REACHABLE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::ProfileName;
    use crate::doctor::Verdict;

    #[test]
    fn what_is_wrong_with_an_issuer_is_told_once_and_by_its_own_check() {
        let words = |text: &str| text.to_owned();
        let look = |metadata, keys, differences| IssuerLook {
            issuer: words("https://id.test"),
            profile: ProfileName::Keycloak,
            metadata,
            keys,
            differences,
        };
        let place = || Ok(words("https://id.test/.well-known/openid-configuration"));
        let down = || (IssuerProblem::Unreachable, words("nobody there"));
        for (look, expected) in [
            (look(place(), Ok((1, String::new())), Vec::new()), vec![]),
            (
                look(Err(down()), Err(down()), Vec::new()),
                vec!["issuer-reachable"],
            ),
            (
                look(place(), Err(down()), Vec::new()),
                vec!["keys-reachable"],
            ),
            (
                look(
                    place(),
                    Err((IssuerProblem::NoKeys, words("empty"))),
                    Vec::new(),
                ),
                vec!["keys-usable"],
            ),
            (
                look(
                    place(),
                    Ok((1, String::new())),
                    vec![
                        (Differs::TokenIssuer, words("a: set b")),
                        (Differs::Pkce, words("c")),
                    ],
                ),
                vec!["token-issuer", "pkce-offered"],
            ),
        ] {
            let found = judge(&look);
            let bad = found
                .iter()
                .filter(|finding| matches!(finding.verdict, Verdict::Failure | Verdict::Warning));
            let bad: Vec<_> = bad.map(|finding| finding.check.id).collect();
            assert_eq!(bad, expected);
            assert!(
                found
                    .iter()
                    .all(|finding| finding.subject.as_deref() == Some("https://id.test"))
            );
        }
    }
}
