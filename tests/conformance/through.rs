//! The suite through the gateway: every scenario of three revisions, with an upstream of each era behind Usher.
//!
//! The suite is run against the fixture upstream itself first. A scenario passes through Usher if no check of it fails or
//! warns, and each succeeds as often as without Usher in between: one that checks nothing passes nothing. What cannot be
//! bridged is listed in `expected-failures.toml`, check by check, each with its reason; a check that is listed and succeeds
//! is a failure too.

use std::collections::{BTreeMap, BTreeSet};

use fixture_upstream::Era;
use serde::Deserialize;
use usher::upstream::{Names, UpstreamSettings};

use super::eventually::eventually;
use super::gateway::TestGateway;
use super::suite::{Check, Status, Suite};

/// The revisions that the suite has more than one scenario for.
pub(crate) const REVISIONS: &[(&str, Era)] = &[
    ("2025-06-18", Era::Legacy),
    ("2025-11-25", Era::Legacy),
    ("2026-07-28", Era::Modern),
];
pub(crate) const ERAS: &[(&str, Era)] = &[("legacy", Era::Legacy), ("modern", Era::Modern)];

/// One entry of `expected-failures.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    /// The revisions that the suite speaks.
    revisions: Vec<String>,
    /// The eras of the upstream.
    upstreams: Vec<String>,
    /// Each scenario with the ids of the checks that do not succeed.
    scenarios: BTreeMap<String, Vec<String>>,
    /// Why that cannot be bridged.
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedFailures {
    failure: Vec<Expected>,
}

/// What became of one scenario of a revision, with an upstream of an era.
#[derive(Debug)]
pub(crate) enum Cell {
    /// How many checks succeeded, and the numbers of the reasons why others need not.
    Passed {
        successes: usize,
        reasons: BTreeSet<usize>,
    },
    Failed {
        why: Vec<String>,
    },
}

/// Scenario, then revision and era of the upstream.
pub(crate) type Matrix = BTreeMap<String, BTreeMap<(&'static str, &'static str), Cell>>;

pub(crate) fn expected_failures() -> Vec<Expected> {
    let text = include_str!("expected-failures.toml");
    let read: ExpectedFailures = toml::from_str(text).expect("expected-failures.toml is right");
    read.failure
}

/// The reasons in their order; entries may share one.
pub(crate) fn reasons(expected: &[Expected]) -> Vec<&str> {
    let mut reasons = Vec::new();
    for entry in expected {
        if !reasons.contains(&&*entry.reason) {
            reasons.push(&*entry.reason);
        }
    }
    reasons
}

/// Runs everything, about half a minute.
pub(crate) async fn run(expected: &[Expected]) -> Matrix {
    let mut direct = BTreeMap::new();
    for (revision, era) in REVISIONS {
        let suite = Suite::installed(fixture(*era).await, "of no use".to_owned());
        direct.insert(*revision, suite.run_all(revision, "fixture").await);
    }
    let mut matrix = Matrix::new();
    for (name, era) in ERAS {
        let gateway = in_front_of(*era).await;
        let token = gateway.token().scope("mcp:read mcp:write");
        let token = token.expires_in(3600).mint();
        let suite = Suite::installed(format!("{}/mcp", gateway.url), token);
        for (revision, _) in REVISIONS {
            let mut through = suite.run_all(revision, &format!("through-{name}")).await;
            for (scenario, by_itself) in &direct[revision] {
                let checks = through.remove(scenario).unwrap_or_default();
                let listed = of_cell(expected, revision, name, scenario);
                let cell = judge(&checks, by_itself, &listed);
                let cells = matrix.entry(scenario.clone()).or_default();
                cells.insert((*revision, *name), cell);
            }
        }
        gateway.stop().await;
    }
    matrix
}

/// Starts the fixture; its address.
#[expect(
    clippy::disallowed_methods,
    reason = "it runs beside the server under test, to the end of the program"
)]
async fn fixture(era: Era) -> String {
    let (url, serving) = fixture_upstream::serve(era).await.expect("a free port");
    drop(tokio::spawn(serving));
    url
}

/// Usher before a fixture, ready when it has listed what the fixture has.
async fn in_front_of(era: Era) -> TestGateway {
    let upstream = UpstreamSettings {
        name: "fixture".to_owned(),
        http: Some(fixture(era).await),
        names: Names::Verbatim,
        ..UpstreamSettings::default()
    };
    let gateway = TestGateway::builder()
        .settings(|settings| {
            settings.upstream = vec![upstream];
            // The suite is one subject with hundreds of calls a minute.
            settings.rate_limit.subject_per_minute = 0;
            settings.rate_limit.client_per_minute = 0;
            settings.rate_limit.tool_per_minute = 0;
        })
        .start()
        .await;
    let token = gateway.token().scope("mcp:read mcp:write").mint();
    let ask = serde_json::json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    let look = async || {
        let list = gateway.call(&token, ask.clone()).await;
        list.text().contains("test_simple_text").then_some(())
    };
    eventually("the fixture is listed", look).await;
    gateway
}

/// The checks that are expected to fail, each with the number of its reason.
fn of_cell<'a>(
    expected: &'a [Expected],
    revision: &str,
    upstream: &str,
    scenario: &str,
) -> BTreeMap<&'a str, usize> {
    let reasons = reasons(expected);
    let here = expected.iter().filter(|entry| {
        let is = |written: &[String], wanted: &str| written.iter().any(|one| one == wanted);
        is(&entry.upstreams, upstream) && is(&entry.revisions, revision)
    });
    here.flat_map(|entry| {
        let reason = reasons.iter().position(|reason| *reason == entry.reason);
        let number = reason.expect("a reason is in the list of reasons") + 1;
        let checks = entry.scenarios.get(scenario);
        checks
            .into_iter()
            .flatten()
            .map(move |id| (id.as_str(), number))
    })
    .collect()
}

/// Compares with what the suite found without Usher in between.
fn judge(checks: &[Check], by_itself: &[Check], listed: &BTreeMap<&str, usize>) -> Cell {
    let mut why = Vec::new();
    let (mut troubled, mut missed) = (BTreeSet::new(), BTreeSet::new());
    for check in checks {
        if matches!(check.status, Status::Failure | Status::Warning) {
            troubled.insert(&*check.id);
            if !listed.contains_key(&*check.id) {
                let message = check.error_message.as_deref().unwrap_or("no message");
                why.push(format!("{:?} {}: {message}", check.status, check.id));
            }
        }
    }
    let (found, expected) = (successes(checks), successes(by_itself));
    for (id, expected) in expected {
        let found = found.get(id).copied().unwrap_or_default();
        if found < expected {
            missed.insert(id);
            if !listed.contains_key(id) && !troubled.contains(id) {
                why.push(format!("{id}: {found} of {expected} succeeded"));
            }
        }
    }
    for id in listed.keys() {
        if !troubled.contains(id) && !missed.contains(id) {
            why.push(format!("{id} succeeded: list it no longer"));
        }
    }
    if !why.is_empty() {
        return Cell::Failed { why };
    }
    Cell::Passed {
        successes: found.values().sum(),
        reasons: listed.values().copied().collect(),
    }
}

/// How often each check succeeded.
fn successes(checks: &[Check]) -> BTreeMap<&str, usize> {
    let mut found = BTreeMap::new();
    for check in checks {
        if check.status == Status::Success {
            *found.entry(&*check.id).or_default() += 1;
        }
    }
    found
}
