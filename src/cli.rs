//! The command line: one file per subcommand.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line prints"
)]

pub mod serve;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};

use crate::config::{self, Sources, Variables};

/// A configuration that must not run, as `sysexits.h` numbers it.
const EXIT_CONFIG: u8 = 78;

/// Usher checks tickets; it sells none. An OAuth 2.0 resource server for MCP.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub struct Arguments {
    /// The configuration file. Without it `usher.toml` in the working directory, if there is one; else the environment
    /// alone.
    #[arg(long, short, global = true, env = "USHER_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server.
    Serve(serve::Options),
}

/// Parses the arguments, runs the command, and gives the exit code.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match arguments.command {
        Command::Serve(options) => options.run(arguments.config.as_deref()),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("usher: {error:#}");
        match error.downcast_ref::<config::Mistakes>() {
            Some(_) => ExitCode::from(EXIT_CONFIG),
            None => ExitCode::FAILURE,
        }
    })
}

/// The file and the environment.
fn sources(file: Option<&Path>) -> anyhow::Result<Sources> {
    let by_default = Path::new("usher.toml");
    let file = file.or_else(|| by_default.exists().then_some(by_default));
    let file = file
        .map(|path| {
            let text = std::fs::read_to_string(path).with_context(|| {
                format!("cannot read the configuration file {}", path.display())
            })?;
            anyhow::Ok((path.to_owned(), text))
        })
        .transpose()?;
    Ok(Sources {
        file,
        variables: Variables::of_process(),
    })
}
