//! The key set: there, in time, and of use. What is of use is decided by the code that decides it at run time.

use std::time::Duration;

use tokio::time::Instant;

use super::ask;
use super::issuer::{Document, Provider};
use crate::auth::ProfileName;
use crate::auth::algorithm::Algorithm;
use crate::auth::published::KeySet;
use crate::doctor::Finding;
use crate::doctor::checks::issuer::{ALGORITHM_ALLOWED, KEYS_IN_TIME, KEYS_REACHABLE, KEYS_USABLE};
use crate::doctor::defaults::GIVES_UP_AFTER;
use crate::outbound::{End, Heard, Probe, ProbeError};

/// It works, but a busy minute will make it fail.
const SLOW: Duration = Duration::from_millis(1500);

/// Fetches the key set and judges it.
pub(super) async fn check(probe: &Probe, provider: &Provider) -> Vec<Finding> {
    let Some(url) = provider.document.address("jwks_uri") else {
        return vec![Finding::skipped(
            &KEYS_REACHABLE,
            "the metadata names no key set",
        )];
    };
    let asked_at = Instant::now();
    let answer = ask::get(probe, &url).await;
    judge(&answer, asked_at.elapsed(), provider)
}

fn judge(answer: &Result<Heard, ProbeError>, took: Duration, provider: &Provider) -> Vec<Finding> {
    let profile = provider.profile;
    let unreachable = |found: String| {
        let finding = Finding::failure(&KEYS_REACHABLE, found).expected("200 and a key set");
        vec![finding.fix(KEYS_REACHABLE.fix_at(profile))]
    };
    let heard = match answer {
        Ok(heard) => heard,
        // It is there, and nobody waits for it.
        Err(ProbeError::Timeout(_)) => {
            return vec![Finding::ok(&KEYS_REACHABLE, "connects"), in_time(took)];
        }
        Err(error) => return unreachable(error.to_string()),
    };
    if heard.status != 200 {
        return unreachable(format!("answered with status {}", heard.status));
    }
    let mut findings = vec![Finding::ok(&KEYS_REACHABLE, "200"), in_time(took)];
    match &heard.end {
        End::Complete => {}
        End::Late => return findings,
        End::Cut => return unreachable("it is larger than 256 KiB".to_owned()),
        End::Broken(problem) => return unreachable(format!("the answer broke off: {problem}")),
    }
    match KeySet::read(&heard.body) {
        Err(problem) => findings.push(
            Finding::failure(&KEYS_USABLE, format!("{problem} ({})", ask::kind(heard)))
                .expected("a JSON object with an array `keys`")
                .fix(KEYS_USABLE.fix_at(profile)),
        ),
        Ok(keys) => findings.extend(usable(&keys, &provider.document, profile)),
    }
    findings
}

fn in_time(took: Duration) -> Finding {
    let found = format!("{:.1} s", took.as_secs_f32());
    let finding = if took > GIVES_UP_AFTER {
        Finding::failure(&KEYS_IN_TIME, found)
    } else if took > SLOW {
        Finding::warning(&KEYS_IN_TIME, found)
    } else {
        return Finding::ok(&KEYS_IN_TIME, found);
    };
    finding.expected(format!(
        "less than {} s, after which Usher gives up",
        GIVES_UP_AFTER.as_secs()
    ))
}

fn usable(keys: &KeySet, document: &Document, profile: ProfileName) -> Vec<Finding> {
    if keys.usable.is_empty() {
        let found = match keys.left_out.as_str() {
            "" => "the key set is empty".to_owned(),
            why => format!("no key can be used: {why}"),
        };
        let finding = Finding::failure(&KEYS_USABLE, found)
            .expected("a public key for signatures, RSA of 2048 bits or more, P-256, P-384, P-521 or Ed25519, with a kid");
        return vec![finding.fix(KEYS_USABLE.fix_at(profile))];
    }
    let mut found = format!("{} for signatures", keys.usable.len());
    if !keys.left_out.is_empty() {
        found.push_str("; left out: ");
        found.push_str(&keys.left_out);
    }
    vec![
        Finding::ok(&KEYS_USABLE, found),
        algorithm(keys, document, profile),
    ]
}

/// What it says of ID tokens; access tokens are signed with the same keys.
fn algorithm(keys: &KeySet, document: &Document, profile: ProfileName) -> Finding {
    let said = document.list("id_token_signing_alg_values_supported");
    let is_said = |name: &str| {
        said.as_ref()
            .is_none_or(|said| said.is_empty() || said.contains(&name))
    };
    if keys.verifies(Algorithm::Rs256) && is_said("RS256") {
        return Finding::ok(&ALGORITHM_ALLOWED, "RS256");
    }
    let all = Algorithm::all().into_iter();
    let others = all.filter(|known| keys.verifies(*known) && is_said(known.as_str()));
    let others: Vec<_> = others.map(Algorithm::as_str).collect();
    if others.is_empty() {
        let said = said.unwrap_or_default().join(", ");
        return Finding::failure(
            &ALGORITHM_ALLOWED,
            format!("it signs with {said}, and has no key for any that is accepted"),
        )
        .expected("RS256, or another asymmetric algorithm")
        .fix(ALGORITHM_ALLOWED.fix_at(profile));
    }
    let listed: Vec<_> = others.iter().map(|name| format!("{name:?}")).collect();
    Finding::warning(&ALGORITHM_ALLOWED, format!("{}, not RS256", others.join(", ")))
        .expected("RS256, which is all that Usher accepts unless `algorithms` says more")
        .fix(format!(
            "If Usher's configuration does not say so yet, set `algorithms = [{}]` for this issuer; or let the provider sign \
             with RS256.",
            listed.join(", ")
        ))
}

#[cfg(test)]
mod tests;
