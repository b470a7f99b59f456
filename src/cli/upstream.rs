//! `usher upstream list | probe | approve | diff`: the MCP servers behind this one, asked now and without a server.

pub(super) mod advice;
mod approve;
mod describe;
mod list;
mod probe;
pub(super) mod seen;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::auth::{self, ResourceServer};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::lifecycle::Lifecycle;
use crate::outbound::Outbound;
use crate::telemetry::Metrics;
use crate::upstream::{Credentials, Definition, Parts, TokenEndpoints};

/// The command line could not be understood.
const EXIT_USAGE: u8 = 2;
/// How long processes may take to end, once they are not needed any more.
const PATIENCE: Duration = Duration::from_secs(3);

const EXIT_CODES: &str = "\
Exit codes:
  0   done, and every upstream that was asked answered
  1   an upstream cannot be reached, or answers wrongly
  2   the command line could not be understood, or names no upstream
  78  the configuration must not run; `usher config check` says why";

/// What `usher upstream` takes.
#[derive(Args, Debug)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Approve the tools of upstreams as they are now: writes the catalogue lock
    Approve(approve::Options),
    /// Show what is not as it was approved, and write nothing
    Diff(approve::Which),
    /// Connect to every upstream and say what it offers
    ///
    /// A running server is not asked: processes are started for this look, and ended after it.
    List(list::Options),
    /// Connect to one upstream step by step; where that fails, say what was expected and how to mend it
    Probe(probe::Options),
}

impl Options {
    /// Runs the subcommand.
    pub fn run(self, file: Option<&Path>) -> anyhow::Result<ExitCode> {
        let config = config::load(&super::sources(file)?)?;
        match self.command {
            Command::Approve(options) => options.run(config),
            Command::Diff(which) => which.diff(config),
            Command::List(options) => options.run(config),
            Command::Probe(options) => options.run(config),
        }
    }
}

/// Runs `work` with what upstreams are reached with; returns once every process has ended.
pub(super) fn with_parts<T>(
    config: &Config,
    work: impl AsyncFnOnce(&Parts) -> T,
) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let _entered = runtime.enter();
    let (lifecycle, metrics) = (Lifecycle::new(), Metrics::default());
    let outbound = Outbound::new(config.outbound.clone())?;
    let asks = |upstream: &Definition| upstream.settings.credential.asks_an_issuer();
    let endpoints = if config.upstreams.iter().any(asks) {
        let parts = auth::Parts {
            outbound: outbound.clone(),
            clock: Clock::system(),
            lifecycle: lifecycle.clone(),
            metrics: metrics.clone(),
            // A running server has its keys there.
            state_dir: PathBuf::new(),
        };
        super::token_endpoints(&ResourceServer::start(config.auth.clone(), parts)?)
    } else {
        TokenEndpoints::default()
    };
    let parts = Parts {
        outbound: Outbound::for_upstreams(config.outbound.clone())?,
        credentials: Credentials::new(outbound, endpoints),
        lifecycle,
        metrics,
        // What is there is looked at, approved or not.
        lock: None,
    };
    Ok(runtime.block_on(async {
        let done = work(&parts).await;
        parts.lifecycle.stop_softly();
        parts.lifecycle.finish(PATIENCE).await;
        done
    }))
}

/// What was expected of an upstream that failed, what was found, and what to do.
pub(super) fn failure_of(
    upstream: &Definition,
    failure: (crate::upstream::Tried, crate::upstream::UpstreamError),
    seen: &seen::Seen,
) -> advice::Advice {
    advice::of(upstream, failure, &seen.of(&upstream.settings.name))
}

/// The upstream of that name, or a sentence that names those there are.
fn named<'a>(upstreams: &'a [Definition], name: &str) -> Result<&'a Definition, String> {
    let is_it = |upstream: &&Definition| upstream.settings.name == name;
    upstreams.iter().find(is_it).ok_or_else(|| {
        let names: Vec<_> = upstreams
            .iter()
            .map(|upstream| upstream.settings.name.as_str())
            .collect();
        match names.as_slice() {
            [] => "no upstream is configured; write one as a table [[upstream]]".to_owned(),
            names => format!(
                "no upstream is called {name:?}; there are {}",
                names.join(", ")
            ),
        }
    })
}
