//! `usher upstream approve` and `usher upstream diff`: what is not as it was approved, in words, and the lock that says so.
#![expect(clippy::print_stderr, reason = "a command line prints")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use futures_util::StreamExt;

use super::seen::Seen;
use super::{EXIT_USAGE, advice, describe, named, with_parts};
use crate::config::Config;
use crate::upstream::{CatalogueLock, Change, Definition, Survey, survey};

/// How many are asked at once.
const AT_ONCE: usize = 8;

const EXIT_CODES: &str = "\
Exit codes:
  0   written; or, with diff and --dry-run, all is as it was approved
  1   an upstream cannot be reached, the lock cannot be read or written, or, with diff and --dry-run, something is not as it was approved
  2   the command line could not be understood, or names no upstream
  78  the configuration must not run; `usher config check` says why";

/// What `approve` takes.
#[derive(clap::Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Options {
    #[command(flatten)]
    which: Which,
    /// Show what would be approved and write nothing, as `usher upstream diff` does
    #[arg(long)]
    dry_run: bool,
}

/// Of which upstreams.
#[derive(clap::Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Which {
    /// The upstreams' names in the configuration [default: all, and those that are not configured any more are forgotten]
    names: Vec<String>,
}

impl Options {
    pub(super) fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        self.which.run(&config, !self.dry_run)
    }
}

impl Which {
    pub(super) fn diff(self, config: Config) -> anyhow::Result<ExitCode> {
        self.run(&config, false)
    }

    fn run(&self, config: &Config, writes: bool) -> anyhow::Result<ExitCode> {
        let chosen = match self.chosen(&config.upstreams) {
            Ok(chosen) => chosen,
            Err(problem) => {
                eprintln!("usher: {problem}");
                return Ok(ExitCode::from(EXIT_USAGE));
            }
        };
        let path = config.catalogue_lock.path(&config.state_dir);
        let mut lock = CatalogueLock::read_or_empty(&path)?;
        let before = lock.clone();
        let seen = Seen::install()?;
        let surveys = with_parts(config, async |parts| {
            let look = async |upstream: &Definition| survey(upstream, parts, &mut |_| {}).await;
            let looks = futures_util::stream::iter(chosen.iter().copied()).map(look);
            looks.buffered(AT_ONCE).collect::<Vec<_>>().await
        })?;
        let (mut text, mut is_whole) = (String::new(), true);
        for (upstream, survey) in chosen.iter().zip(&surveys) {
            let name = &upstream.settings.name;
            match listed(survey) {
                Some(tools) => {
                    write_changes(&mut text, name, &lock.changes(name, tools));
                    lock.approve(name, tools);
                }
                None => {
                    is_whole = false;
                    let failure = survey
                        .failure()
                        .map(|failure| advice::of(upstream, failure, &seen.of(name)));
                    let found = failure.map_or_else(String::new, |failure| failure.found);
                    let _ = writeln!(
                        text,
                        "{name}\n  not reachable: {found}; what was approved stays\n"
                    );
                }
            }
        }
        if self.names.is_empty() {
            let is_one = |name: &str| named(&config.upstreams, name).is_ok();
            for name in lock.retain(is_one) {
                let _ = writeln!(
                    text,
                    "{}\n  not configured any more\n",
                    describe::harmless(&name)
                );
            }
        }
        let has_changed = lock != before;
        if writes {
            lock.write(&path)?;
            let _ = writeln!(text, "written: {}", path.display());
        } else if has_changed {
            let _ = writeln!(
                text,
                "nothing was written; `usher upstream approve` approves all of this"
            );
        }
        if !config.catalogue_lock.enabled {
            text.push_str("the lock does not count: set `enabled = true` in [catalogue_lock]\n");
        }
        crate::cli::say(&text);
        Ok(match is_whole && (writes || !has_changed) {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        })
    }

    fn chosen<'a>(&self, upstreams: &'a [Definition]) -> Result<Vec<&'a Definition>, String> {
        if self.names.is_empty() {
            return Ok(upstreams.iter().collect());
        }
        let names = self.names.iter();
        names.map(|name| named(upstreams, name)).collect()
    }
}

/// The tools, if they could be listed: an upstream that fails has not lost them.
fn listed(survey: &Survey) -> Option<&[crate::upstream::Item]> {
    let offer = survey.offer.as_ref()?;
    survey.has_listed_tools().then_some(&*offer.tools)
}

fn write_changes(text: &mut String, upstream: &str, changes: &BTreeMap<String, Change>) {
    // Writing into a string cannot fail.
    let _ = writeln!(text, "{upstream}");
    if changes.is_empty() {
        text.push_str("  all tools are as they were approved\n\n");
        return;
    }
    for (tool, change) in changes {
        let _ = writeln!(text, "  {}: {change}", describe::harmless(tool));
        match change {
            Change::Changed(differences) => {
                for difference in differences {
                    let mark = if difference.breaks { "!" } else { "-" };
                    let _ = writeln!(text, "    {mark} {}", difference.words);
                }
            }
            Change::Gone | Change::New | Change::Unreadable => {}
        }
    }
    let breaking = changes.values().filter(|change| change.breaks()).count();
    text.push_str(&match breaking {
        0 => "  verdict: a client that froze the old list still works\n\n".to_owned(),
        count => format!(
            "  verdict: a client that froze the old list may not work any more ({count} of {} changes; marked `!` where described)\n\n",
            changes.len()
        ),
    });
}
