//! `usher upstream list`.

use std::fmt::Write as _;
use std::process::ExitCode;

use futures_util::StreamExt;
use serde_json::{Value, json};

use super::describe::Naming;
use super::seen::Seen;
use super::{advice, describe, with_parts};
use crate::config::Config;
use crate::upstream::{Definition, Survey, survey};

/// How many are asked at once: some of them are processes that take a while to start.
const AT_ONCE: usize = 8;

/// What it takes.
#[derive(clap::Args, Debug)]
#[command(after_help = super::EXIT_CODES)]
pub(super) struct Options {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Options {
    pub(super) fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        let seen = Seen::install()?;
        let upstreams = &config.upstreams;
        let surveys = with_parts(&config, async |parts| {
            let look = async |upstream| survey(upstream, parts, &mut |_step| {}).await;
            let looks = futures_util::stream::iter(upstreams).map(look);
            looks.buffered(AT_ONCE).collect::<Vec<_>>().await
        })?;
        let all = || upstreams.iter().zip(&surveys);
        if self.json {
            let one = |(upstream, survey): (&Definition, _)| {
                let naming = Naming::of(upstream, &config);
                describe::as_json(upstream, naming, survey, &seen.of(&upstream.settings.name))
            };
            let all: Vec<Value> = all().map(one).collect();
            crate::cli::say(&format!("{:#}\n", json!({ "upstreams": all })));
        } else {
            let mut text = String::new();
            for (upstream, survey) in all() {
                let naming = Naming::of(upstream, &config);
                write(&mut text, (upstream, naming), survey, &seen);
            }
            if upstreams.is_empty() {
                text.push_str("no upstream is configured\n");
            }
            crate::cli::say(&text);
        }
        Ok(match surveys.iter().all(Survey::is_complete) {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        })
    }
}

fn write(
    text: &mut String,
    (upstream, naming): (&Definition, Naming<'_>),
    survey: &Survey,
    seen: &Seen,
) {
    let name = &upstream.settings.name;
    // Writing into a string cannot fail.
    let _ = writeln!(text, "{name}  {}", describe::way(upstream));
    if let Some(offer) = &survey.offer {
        let (era, server) = (describe::era(offer.era), describe::server(&offer.hello));
        let _ = writeln!(
            text,
            "  reachable     {server}, {era}, {}",
            offer.hello.revision
        );
        describe::write_offer(text, naming, offer);
    }
    if let Some(failure) = survey.failure() {
        let found = advice::of(upstream, failure, &seen.of(name)).found;
        let what = match survey.offer {
            Some(_) => "incomplete",
            None => "not reachable",
        };
        let tried = describe::tried(failure.0);
        let _ = writeln!(text, "  {what:<13} {tried}: {found}");
        let _ = writeln!(text, "  more          usher upstream probe {name}");
    }
}
