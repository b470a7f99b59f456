//! `usher doctor explain`: what is known of a check, by its name or by words that somebody reads.
#![expect(clippy::print_stderr, reason = "a command line prints")]

use std::process::ExitCode;

use clap::Args;

use super::EXIT_NOT_CARRIED_OUT;
use crate::config;
use crate::doctor::{checks, troubleshooting};

/// What it takes.
#[derive(Args, Debug)]
pub(super) struct Explain {
    /// The name of a check, as token-audience; or words that somebody sees
    #[arg(required = true)]
    words: Vec<String>,
}

impl Explain {
    pub(super) fn run(&self) -> ExitCode {
        let asked = self.words.join(" ");
        match troubleshooting::find(&asked).as_slice() {
            [] => {
                let ids: Vec<_> = checks::all().map(|check| check.id.to_owned()).collect();
                let nearest = config::nearest(&asked, &ids);
                let advice = nearest.map_or_else(
                    || "docs/troubleshooting.md lists them all".to_owned(),
                    |id| format!("did you mean {id}?"),
                );
                eprintln!("usher: no check has this name, and no symptom these words; {advice}");
                ExitCode::from(EXIT_NOT_CARRIED_OUT)
            }
            [one] => {
                crate::cli::say(&troubleshooting::text(one));
                ExitCode::SUCCESS
            }
            several => {
                let list = troubleshooting::list(several);
                crate::cli::say(&format!(
                    "{list}\nusher doctor explain NAME says more of one of them\n"
                ));
                ExitCode::SUCCESS
            }
        }
    }
}
