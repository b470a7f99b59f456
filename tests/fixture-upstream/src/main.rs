//! `fixture-upstream legacy|modern`: serves on a free loopback port and prints the address of its endpoint.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for a terminal"
)]

use std::process::ExitCode;

use fixture_upstream::{Era, serve};

#[tokio::main]
async fn main() -> ExitCode {
    let era = match std::env::args().nth(1).as_deref() {
        Some("legacy") => Era::Legacy,
        Some("modern") => Era::Modern,
        _ => {
            eprintln!("expected an era: fixture-upstream legacy|modern");
            return ExitCode::FAILURE;
        }
    };
    let served = async {
        let (url, serving) = serve(era).await?;
        println!("{url}");
        serving.await
    };
    match served.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
