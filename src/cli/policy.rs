//! `usher policy explain`: who may do what, and which rule says so, without a server and without a token.
#![expect(clippy::print_stderr, reason = "a command line prints")]

use std::fmt::Write as _;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};

use crate::auth::UnverifiedClaims;
use crate::config::{self, Config};
use crate::mcp;
use crate::policy::{Caller, Condition, Denial, Explanation, Kind, Reason, Target};

/// What `usher policy` takes.
#[derive(Args, Debug)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say what somebody with these claims may do, and which rule says so
    ///
    /// The claims are believed as they are written: no signature, time or audience is checked.
    Explain(Explain),
}

#[derive(Args, Debug)]
struct Explain {
    /// A JSON object with the claims of an access token, its middle part decoded; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    claims: PathBuf,
    /// One tool: everything that it takes, and what of that is there [default: all tools, a line each]
    tool: Option<String>,
}

impl Options {
    /// Runs the subcommand.
    pub fn run(self, file: Option<&Path>) -> anyhow::Result<ExitCode> {
        let Command::Explain(explain) = self.command;
        let config = config::load(&super::sources(file)?)?;
        for warning in &config.warnings {
            eprintln!("warning: {warning}");
        }
        let claims = explain.claims(&config)?;
        let caller = Caller::supposed(&claims);
        let mut text = format!("{}\n\n", who(&claims));
        match &explain.tool {
            Some(tool) => one(&mut text, &config, &caller, tool),
            None => all(&mut text, &config, &caller),
        }
        super::say(&text);
        Ok(ExitCode::SUCCESS)
    }
}

impl Explain {
    fn claims(&self, config: &Config) -> anyhow::Result<UnverifiedClaims> {
        let path = self.claims.display();
        let read = if self.claims == Path::new("-") {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
        } else {
            std::fs::read(&self.claims)
        };
        let json = read.with_context(|| format!("cannot read the claims in {path}"))?;
        UnverifiedClaims::read(&config.auth, &json).with_context(|| {
            format!(
                "the claims in {path} cannot be used; expected a JSON object such as \
                 {{\"sub\":\"alice\",\"scope\":\"mcp:read\",\"groups\":[\"finance\"]}}, with the `iss` of a configured \
                 issuer or none"
            )
        })
    }
}

/// Whom the claims are about, in one line.
fn who(claims: &UnverifiedClaims) -> String {
    let or_none = |text: String| {
        if text.is_empty() {
            "none".to_owned()
        } else {
            text
        }
    };
    let mut line = format!(
        "{}: client id {}, scopes {}, groups {}",
        claims.subject().unwrap_or("somebody"),
        claims.client_id().unwrap_or("none"),
        or_none(claims.scopes().to_string()),
        or_none(claims.groups().join(" ")),
    );
    for (name, values) in claims.kept_claims() {
        // Writing into a string cannot fail.
        let _ = write!(line, ", {name} {}", values.join(" "));
    }
    line
}

fn all(text: &mut String, config: &Config, caller: &Caller<'_>) {
    let targets = mcp::built_in_targets();
    let widest = targets.iter().map(|target| target.name.len()).max();
    let width = widest.unwrap_or_default();
    for target in targets {
        let requirements = config.policy.requirements(&target);
        let explanation = config.policy.explain(caller, &requirements);
        let _ = writeln!(text, "{:width$}  {}", target.name, verdict(&explanation));
    }
}

fn one(text: &mut String, config: &Config, caller: &Caller<'_>, tool: &str) {
    let known = mcp::built_in_targets();
    let known = known.into_iter().find(|target| target.name == tool);
    let target = known.unwrap_or(Target {
        kind: Kind::Tool,
        name: tool,
        upstream: None,
        only_reads: false,
    });
    let requirements = config.policy.requirements(&target);
    let explanation = config.policy.explain(caller, &requirements);
    let _ = writeln!(text, "{tool}  {}", verdict(&explanation));
    for Condition { rule, asked, holds } in &explanation.conditions {
        let mark = if *holds { "yes" } else { "no " };
        let _ = writeln!(text, "  {mark}  {asked}, asked by {rule}");
    }
    if known.is_none() {
        text.push_str("There is no such tool here; this is what holds for one of that name.\n");
    }
}

fn verdict(explanation: &Explanation) -> String {
    match &explanation.decision {
        Ok(rule) => format!("allowed by {rule}"),
        Err(Denial {
            reason: Reason::InsufficientScope,
            rule,
            scopes,
        }) => format!(
            "refused by {rule}: insufficient_scope; more scopes would help, it takes {scopes}"
        ),
        Err(Denial { reason, rule, .. }) => {
            format!(
                "refused by {rule}: {}; no scope would help",
                reason.as_str()
            )
        }
    }
}
