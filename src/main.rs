//! The `usher` program: parse, run, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    usher::cli::main()
}
