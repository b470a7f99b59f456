//! The official MCP conformance suite against a whole server: every scenario that a server passes alone, at every
//! revision that the suite knows. `make conformance` installs the suite and runs this.
//!
//! A scenario passes if no check of it failed or warned, except those that need a fixture Usher does not have (each is
//! listed), and if it made as many successful checks as it is known for: a scenario that checks nothing proves nothing.
//! No request may have been refused for its token, because to some scenarios any refusal looks like success.
#![expect(clippy::print_stdout, reason = "it prints what a person asked to see")]

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

use std::process::ExitCode;

use gateway::TestGateway;
use scenarios::{REVISIONS, SCENARIOS};
use suite::{Suite, Verdict};

#[tokio::main]
async fn main() -> ExitCode {
    let gateway = TestGateway::start().await;
    let access_token = gateway.token().expires_in(3600).mint();
    let suite = Suite::installed(format!("{}/mcp", gateway.url), access_token);

    let (mut passed, mut failed) = (0, 0);
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
                match verdict {
                    Verdict::Passed { .. } => passed += 1,
                    Verdict::Failed { reasons } => {
                        failed += 1;
                        troubles
                            .extend(reasons.into_iter().map(|why| format!("{revision}: {why}")));
                    }
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
    if unauthorised == 0 && authorised > 0 {
        passed += 1;
    } else {
        failed += 1;
    }
    gateway.stop().await;
    println!("\nconformance: {passed} passed, {failed} failed");
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
