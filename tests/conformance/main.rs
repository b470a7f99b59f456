//! The official MCP conformance suite against a whole server: every scenario that a server passes alone, at every
//! revision that the suite knows, and every scenario there is with an upstream of each era behind it ([`through`]).
//! `make conformance` installs the suite and runs this; with `--write` it writes the matrix into `docs/conformance.md`,
//! with `--alone` or `--through` it runs one half.
//!
//! A scenario passes if no check of it failed or warned, except those that need a fixture Usher does not have (each is
//! listed), and if it made as many successful checks as it is known for: a scenario that checks nothing proves nothing.
//! No request may have been refused for its token, because to some scenarios any refusal looks like success.
#![expect(clippy::print_stdout, reason = "it prints what a person asked to see")]

mod document;
#[path = "../support/eventually.rs"]
mod eventually;
#[expect(dead_code, reason = "shared with the integration tests")]
#[path = "../support/gateway.rs"]
mod gateway;
#[expect(dead_code, reason = "shared with the integration tests")]
#[path = "../support/issuer.rs"]
mod issuer;
#[expect(dead_code, reason = "shared with the integration tests")]
#[path = "../support/issuer_keys.rs"]
mod issuer_keys;
mod scenarios;
mod suite;
mod through;

use std::process::ExitCode;

use gateway::TestGateway;
use scenarios::{REVISIONS, SCENARIOS};
use suite::{Suite, Verdict};
use through::Cell;

/// How many passed and failed.
#[derive(Default)]
struct Counts {
    passed: usize,
    failed: usize,
}

impl Counts {
    fn add(&mut self, passed: bool) {
        *(if passed {
            &mut self.passed
        } else {
            &mut self.failed
        }) += 1;
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let mut counts = Counts::default();
    if !has("--through") {
        alone(&mut counts).await;
    }
    if !has("--alone") {
        through_the_gateway(&mut counts, has("--write")).await;
    }
    let Counts { passed, failed } = counts;
    println!("\nconformance: {passed} passed, {failed} failed");
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn through_the_gateway(counts: &mut Counts, write: bool) {
    let expected = through::expected_failures();
    let matrix = through::run(&expected).await;
    let table = document::table(&matrix, &through::reasons(&expected));
    println!("\n{table}");
    let mut failed = false;
    for (scenario, cells) in &matrix {
        for ((revision, era), cell) in cells {
            if let Cell::Failed { why } = cell {
                failed = true;
                println!("{scenario} at {revision} with a {era} upstream:");
                for why in why {
                    println!("    {why}");
                }
            }
            counts.add(!matches!(cell, Cell::Failed { .. }));
        }
    }
    let is_fresh = document::is_fresh(&table, write && !failed);
    if !is_fresh {
        println!(
            "docs/conformance.md is not what was found: cargo test --test conformance -- --write"
        );
    }
    counts.add(is_fresh);
}

/// The scenarios that need nothing but a server.
async fn alone(counts: &mut Counts) {
    let gateway = TestGateway::start().await;
    let access_token = gateway.token().expires_in(3600).mint();
    let suite = Suite::installed(format!("{}/mcp", gateway.url), access_token);

    println!("{:42} {}", "scenario", REVISIONS.join("  "));
    for scenario in SCENARIOS {
        let mut row = format!("{:42}", scenario.name);
        let mut troubles = Vec::new();
        for revision in REVISIONS {
            let applies = scenario
                .least_successes
                .iter()
                .find(|(at, _)| at == revision);
            let cell = if let Some((_, least_successes)) = applies {
                let verdict = suite.run(scenario, revision, *least_successes).await;
                let cell = verdict.to_string();
                counts.add(matches!(verdict, Verdict::Passed { .. }));
                if let Verdict::Failed { reasons } = verdict {
                    troubles.extend(reasons.into_iter().map(|why| format!("{revision}: {why}")));
                }
                cell
            } else {
                "-".to_owned()
            };
            row.push_str(&format!(" {cell:11}"));
        }
        println!("{row}");
        for trouble in troubles {
            println!("    {trouble}");
        }
    }

    let unauthorised = gateway
        .access_log()
        .lines()
        .filter(|line| line.contains("\"status\":401"))
        .count();
    let authorised = gateway
        .access_log()
        .lines()
        .filter(|line| line.contains("\"status\":200"))
        .count();
    println!("{authorised} requests answered 200, {unauthorised} answered 401");
    counts.add(unauthorised == 0 && authorised > 0);
    gateway.stop().await;
}
