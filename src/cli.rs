//! The command line: one file per subcommand.
#![expect(clippy::print_stderr, reason = "a command line prints")]

pub mod client;
pub mod config;
pub mod doctor;
pub mod healthcheck;
pub mod index;
pub mod policy;
pub mod serve;
pub mod token;
pub mod upstream;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::auth::ResourceServer;
use crate::config::{Mistakes, Sources, Variables};
use crate::upstream::TokenEndpoints;

const EXAMPLES: &str = "\
Examples:
  usher serve --config /etc/usher/usher.toml
  MCP_SERVER_URL=http://127.0.0.1:8080 KC_ISSUER=http://127.0.0.1:9000 USHER_COLLECTION=./handbook usher serve
  usher config check

Exit codes:
  0   done, or stopped by a signal
  1   something failed while running
  2   the command line could not be understood
  78  the configuration must not run; `usher config check` says why";

/// A configuration that must not run, as `sysexits.h` numbers it.
const EXIT_CONFIG: u8 = 78;

/// Usher checks tickets; it sells none. An OAuth 2.0 resource server for MCP
#[derive(Debug, Parser)]
#[command(name = "usher", version, max_term_width = 100, after_help = EXAMPLES)]
pub struct Arguments {
    /// The configuration file [default: usher.toml in the working directory, if there is one; else the environment alone]
    #[arg(long, short, global = true, env = "USHER_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::Options),
    /// Register an MCP client at the issuer
    Client(client::Options),
    /// Validate and print the configuration
    Config(config::Options),
    /// Say why a connection fails, and what to change
    Doctor(Box<doctor::Options>),
    /// Ask a running server whether it is alive, for container health checks
    Healthcheck(healthcheck::Options),
    /// Build, look at and ask the document index, without a server
    Index(index::Options),
    /// Say who may do what, and which rule says so
    Policy(policy::Options),
    /// Say why an access token is accepted or refused
    Token(token::Options),
    /// Look at the MCP servers behind this one
    Upstream(upstream::Options),
}

/// Parses the arguments, runs the command, and gives the exit code.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let file = arguments.config.as_deref();
    let outcome = match arguments.command {
        Command::Client(options) => options.run(file),
        Command::Config(options) => options.run(file),
        Command::Doctor(options) => options.run(file),
        Command::Healthcheck(options) => options.run(file),
        Command::Index(options) => options.run(file),
        Command::Policy(options) => options.run(file),
        Command::Serve(options) => options.run(file),
        Command::Token(options) => options.run(file),
        Command::Upstream(options) => options.run(file),
    };
    outcome.unwrap_or_else(|error| report(&error))
}

/// The chain of causes, or every mistake of a configuration.
fn report(error: &anyhow::Error) -> ExitCode {
    let Some(mistakes) = error.downcast_ref::<Mistakes>() else {
        eprintln!("usher: {error:#}");
        return ExitCode::FAILURE;
    };
    let count = match mistakes.list().len() {
        1 => "1 mistake".to_owned(),
        count => format!("{count} mistakes"),
    };
    eprintln!("{mistakes}\nusher: {count} in the configuration; see docs/configuration.md");
    ExitCode::from(EXIT_CONFIG)
}

/// Prints a result. A reader that went away is no mistake of ours.
fn say(text: &str) {
    drop(std::io::stdout().write_all(text.as_bytes()));
}

/// The file and the environment.
fn sources(file: Option<&Path>) -> Result<Sources, Mistakes> {
    let by_default = Path::new("usher.toml");
    let file = file.or_else(|| by_default.exists().then_some(by_default));
    let file = file
        .map(|path| match std::fs::read_to_string(path) {
            Ok(text) => Ok((path.to_owned(), text)),
            Err(cause) => Err(Mistakes::unreadable(path.to_owned(), &cause)),
        })
        .transpose()?;
    Ok(Sources {
        file,
        variables: Variables::of_process(),
    })
}

/// Where issuers say that their token endpoints are.
fn token_endpoints(server: &ResourceServer) -> TokenEndpoints {
    let server = server.clone();
    TokenEndpoints::new(move |issuer| {
        let (server, issuer) = (server.clone(), issuer.to_owned());
        Box::pin(async move { server.token_endpoint(&issuer).await })
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn verify_cli() {
        Arguments::command().debug_assert();
    }
}
