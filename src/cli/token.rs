//! `usher token explain`: why a token is accepted or refused, claim by claim, and the one change that would make it pass.
#![expect(clippy::print_stderr, reason = "a command line prints")]

mod input;
mod show;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Subcommand};

use crate::auth::{self, AccessToken, Explanation, ResourceServer};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::doctor::{Finding, Verdict, token};
use crate::lifecycle::Lifecycle;
use crate::mcp;
use crate::outbound::Outbound;
use crate::telemetry::Metrics;

/// Nothing can be said of the token.
const EXIT_UNDECIDED: u8 = 2;
/// How long background work may take to end.
const PATIENCE: Duration = Duration::from_secs(1);

const AFTER: &str = "\
Examples:
  usher token explain < token.txt
  usher token explain --clipboard --resource https://mcp.example.com/mcp
  wl-paste | usher token explain --json

Neither the token nor its signature is ever printed. Who its user is (sub, email, name) is shown to whoever has the token
and asks, and left out of --json, which ends up in tickets.

Exit codes:
  0   the server would let its bearer in
  1   the server would refuse it, or its bearer could do nothing
  2   that could not be told: no token, no configuration, or the issuer's keys are not at hand";

/// What `usher token` takes.
#[derive(Args, Debug)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say claim by claim why a token on standard input is accepted or refused
    ///
    /// The rules are those of the running configuration. Keys come from the issuer, or from `state_dir` if a server has kept
    /// them there: then no network is needed.
    #[command(after_help = AFTER)]
    Explain(Explain),
}

#[derive(Args, Debug)]
struct Explain {
    /// Take the token from the clipboard (wl-paste, xclip, xsel, pbpaste or PowerShell)
    #[arg(long)]
    clipboard: bool,
    /// The address that the client uses, of those of this server [default: its /mcp]
    #[arg(long, value_name = "URL")]
    resource: Option<String>,
    /// Print one JSON object, without who the user is
    #[arg(long)]
    json: bool,
}

/// A token and what became of it.
struct Answer {
    explanation: Explanation,
    /// The scope and the rules, if its bearer can be read.
    bearer: Option<[Finding; 2]>,
}

impl Options {
    /// Runs the subcommand.
    pub fn run(self, file: Option<&Path>) -> anyhow::Result<ExitCode> {
        let Command::Explain(explain) = self.command;
        match explain.answer(file) {
            Ok(answer) => {
                super::say(&if explain.json {
                    format!("{:#}\n", show::as_json(&answer))
                } else {
                    show::as_text(&answer)
                });
                Ok(answer.exit_code())
            }
            Err(error) => {
                super::report(&error);
                Ok(ExitCode::from(EXIT_UNDECIDED))
            }
        }
    }
}

impl Explain {
    fn answer(&self, file: Option<&Path>) -> anyhow::Result<Answer> {
        let config = config::load(&super::sources(file)?)?;
        for warning in &config.warnings {
            eprintln!("warning: {warning}");
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        let token = runtime.block_on(input::read(self.clipboard))?;
        let answer = runtime.block_on(self.explained(&config, &token));
        // Somebody may still be asked about keys; nobody waits for that.
        runtime.shutdown_timeout(PATIENCE);
        answer
    }

    async fn explained(&self, config: &Config, token: &AccessToken) -> anyhow::Result<Answer> {
        let lifecycle = Lifecycle::new();
        let parts = auth::Parts {
            outbound: Outbound::new(config.outbound.clone())?,
            clock: Clock::system(),
            lifecycle: lifecycle.clone(),
            metrics: Metrics::default(),
            state_dir: config.state_dir.clone(),
        };
        let server = ResourceServer::for_a_look(config.auth.clone(), parts)?;
        let resource = self.resource(config, &server)?;
        let explanation = server.explain(token, &resource).await;
        lifecycle.stop_now();
        let bearer = explanation.bearer.as_ref().map(|bearer| {
            let targets = mcp::built_in_targets();
            token::of_bearer(bearer, &config.policy, &targets, explanation.profile)
        });
        Ok(Answer {
            explanation,
            bearer,
        })
    }

    /// The resource of the address that the client uses.
    fn resource(
        &self,
        config: &Config,
        server: &ResourceServer,
    ) -> anyhow::Result<std::sync::Arc<auth::Resource>> {
        let resources = server.resources();
        let asked = match &self.resource {
            None => resources.at("/mcp"),
            Some(asked) => {
                let plain = asked.trim_end_matches('/');
                let mut all = resources.iter();
                all.find(|known| known.identifier().as_str() == plain)
            }
        };
        asked.cloned().with_context(|| {
            let known: Vec<_> = resources
                .iter()
                .map(|known| known.identifier().as_str())
                .collect();
            format!(
                "{} is no address of this server, whose public URL is {}: expected one of {}",
                self.resource.as_deref().unwrap_or_default(),
                config.auth.public_url,
                known.join(", ")
            )
        })
    }
}

impl Answer {
    /// Whether its bearer would get in; nothing if that could not be told.
    fn is_accepted(&self) -> Option<bool> {
        if self.explanation.is_undecided() {
            return None;
        }
        let is_shut_out = || {
            let mut bearer = self.bearer.iter().flatten();
            bearer.any(|finding| finding.verdict == Verdict::Failure)
        };
        Some(self.explanation.verdict.is_ok() && !is_shut_out())
    }

    fn exit_code(&self) -> ExitCode {
        match self.is_accepted() {
            Some(true) => ExitCode::SUCCESS,
            Some(false) => ExitCode::FAILURE,
            None => ExitCode::from(EXIT_UNDECIDED),
        }
    }
}
