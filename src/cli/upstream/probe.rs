//! `usher upstream probe NAME`.
#![expect(clippy::print_stderr, reason = "a command line prints")]

use std::process::ExitCode;

use super::advice::{self, Advice};
use super::describe::Naming;
use super::seen::Seen;
use super::{EXIT_USAGE, describe, named, with_parts};
use crate::config::Config;
use crate::upstream::{Definition, Handshake, Step, Survey, Tried, survey};

/// What it takes.
#[derive(clap::Args, Debug)]
#[command(after_help = super::EXIT_CODES)]
pub(super) struct Options {
    /// The upstream's name in the configuration
    name: String,
    /// Print one JSON object, at the end
    #[arg(long)]
    json: bool,
}

impl Options {
    pub(super) fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        let upstream = match named(&config.upstreams, &self.name) {
            Ok(upstream) => upstream,
            Err(problem) => {
                eprintln!("usher: {problem}");
                return Ok(ExitCode::from(EXIT_USAGE));
            }
        };
        let seen = Seen::install()?;
        if !self.json {
            crate::cli::say(&format!("{}  {}\n", self.name, describe::way(upstream)));
        }
        let mut told = |step: &Step| {
            if !self.json {
                crate::cli::say(&in_a_line(step));
            }
        };
        let found = with_parts(&config, async |parts| {
            survey(upstream, parts, &mut told).await
        })?;
        let seen = seen.of(&self.name);
        let naming = Naming::of(upstream, &config);
        crate::cli::say(&if self.json {
            format!("{:#}\n", describe::as_json(upstream, naming, &found, &seen))
        } else {
            at_the_end((upstream, naming), &found, &seen)
        });
        Ok(match found.is_complete() {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        })
    }
}

fn in_a_line(step: &Step) -> String {
    let tried = describe::tried(step.tried);
    let seconds = step.took.as_secs_f64();
    let outcome = match step.outcome {
        Ok(None) => "ok".to_owned(),
        Ok(Some(count)) => format!("ok, {count}"),
        Err(error) => match step.tried {
            Tried::Handshake(Handshake::Modern | Handshake::Either) => {
                format!("no ({})", error.reason())
            }
            _ => format!("FAILED ({})", error.reason()),
        },
    };
    format!("  {seconds:>7.3} s  {tried:<25} {outcome}\n")
}

fn at_the_end(
    (upstream, naming): (&Definition, Naming<'_>),
    found: &Survey,
    seen: &[String],
) -> String {
    let mut text = String::new();
    if let Some(offer) = &found.offer {
        let (era, server) = (describe::era(offer.era), describe::server(&offer.hello));
        text += &format!("  era           {era}, revision {}\n", offer.hello.revision);
        text += &format!("  server        {server}\n");
        describe::write_offer(&mut text, naming, offer);
    }
    if !seen.is_empty() {
        text += "  seen\n";
    }
    for line in seen {
        text += &format!("    {}\n", describe::harmless(line));
    }
    if let Some(failure) = found.failure() {
        let Advice {
            expected,
            found,
            fix,
        } = advice::of(upstream, failure, seen);
        text += &format!(
            "  expected      {expected}\n  found         {found}\n  fix           {fix}\n"
        );
    }
    text
}
