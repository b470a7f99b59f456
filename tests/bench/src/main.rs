//! `make bench`: what a checked MCP request costs against a bare one, and what Usher costs when idle.
//!
//! The server under test is the release program in a process of its own, the baselines are too, and the load comes from
//! this process. CPU time is the operating system's count for the server process alone, so that neither the load nor a
//! busy machine counts; baseline and subject take turns, so that whatever disturbs disturbs both. `docs/benchmarks.md`
//! tells what each row means. The exit code is 1 if a bound is missed.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that prints a table"
)]

#[expect(dead_code, reason = "a part of the tests, which use more of it")]
#[path = "../../support/issuer.rs"]
mod issuer;
#[expect(dead_code, reason = "a part of the tests, which use more of it")]
#[path = "../../support/issuer_keys.rs"]
mod issuer_keys;

mod bare;
mod bench;
mod compare;
mod corpus;
mod load;
mod process;
mod proxy;
mod report;
mod request;
mod rows;
mod stats;
mod subject;
mod upstream;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use bench::Bench;

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    role: Option<Role>,
    /// Few and short rounds: shows that everything runs, the figures are rough.
    #[arg(long)]
    quick: bool,
    /// Only these groups of rows.
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(rows::GROUPS))]
    only: Vec<String>,
    /// The program under test; by default the one beside this program.
    #[arg(long)]
    usher: Option<PathBuf>,
    /// Where the table goes as JSON, and the files that a run needs.
    #[arg(long, default_value = "target/bench")]
    output: PathBuf,
}

#[derive(Subcommand)]
enum Role {
    /// A baseline server, started by the bench itself.
    Bare(bare::Options),
    /// A reverse proxy to compare with, started by the bench itself.
    Proxy(proxy::Options),
    /// An upstream, started by the bench itself.
    Upstream(upstream::Options),
}

fn main() -> Result<ExitCode> {
    let mut arguments = Arguments::parse();
    match arguments.role.take() {
        Some(Role::Bare(options)) => bare::serve(options)?,
        Some(Role::Proxy(options)) => proxy::serve(options)?,
        Some(Role::Upstream(options)) => upstream::serve(options)?,
        None => return run(arguments),
    }
    Ok(ExitCode::SUCCESS)
}

#[tokio::main(flavor = "current_thread")]
async fn run(arguments: Arguments) -> Result<ExitCode> {
    let usher = match arguments.usher {
        Some(path) => path,
        None => std::env::current_exe()?.with_file_name("usher"),
    };
    let mut bench = Bench::new(usher, &arguments.output, arguments.quick)?;
    rows::measure(&mut bench, &arguments.only).await?;
    let report = bench.into_report();
    print!("{report}");
    let path = arguments.output.join("report.json");
    report.write(&path)?;
    eprintln!("written to {}", path.display());
    Ok(if report.holds() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
