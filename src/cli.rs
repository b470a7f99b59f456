//! The command line: one file per subcommand.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line prints"
)]

use std::process::ExitCode;

/// Parses the arguments, runs the command, and gives the exit code.
#[must_use]
pub fn main() -> ExitCode {
    println!("usher");
    eprintln!();
    ExitCode::SUCCESS
}
