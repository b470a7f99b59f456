//! `usher client`: MCP clients at the issuer.

mod notes;
mod register;
mod values;

use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;

/// What `usher client` takes.
#[derive(clap::Args, Debug)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Register a client and print what to type into it (RFC 7591)
    ///
    /// Finds the issuer of the configuration, registers the client there, and prints its client id, its secret if it has
    /// one, and the values that the client's set-up asks for. Standard output holds the result, secrets included, and
    /// nothing else does.
    Register(register::Options),
}

impl Options {
    /// Runs the subcommand.
    pub fn run(self, file: Option<&Path>) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Register(options) => options.run(file),
        }
    }
}
