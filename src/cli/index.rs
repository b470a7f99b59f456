//! `usher index`: the embedded index, without a server.
#![expect(clippy::print_stderr, reason = "a command line prints")]

use std::fmt::Write;
use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use crate::config::{self, Config};
use crate::knowledge::{LeftOut, Observer, Offline, Report};

/// What `usher index` takes.
#[derive(Args, Debug)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bring the index up to date with its collections
    Build,
    /// Say what the index holds and whether a server keeps it
    Status,
    /// Ask the index, as the tool `search` does
    Search(Search),
}

#[derive(Args, Debug)]
struct Search {
    /// The words to look for
    #[arg(required = true)]
    query: Vec<String>,
    /// How many results at most, 1 to 25 [default: `search.results`]
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=25))]
    limit: Option<u8>,
}

impl Options {
    /// Runs the subcommand.
    pub fn run(self, file: Option<&Path>) -> anyhow::Result<ExitCode> {
        let config = config::load(&super::sources(file)?)?;
        match self.command {
            Command::Build => build(&config),
            Command::Status => status(&config),
            Command::Search(search) => search.run(config),
        }
    }
}

fn offline(config: &Config) -> anyhow::Result<Offline> {
    let Config {
        knowledge,
        auth,
        state_dir,
        ..
    } = config;
    Ok(Offline::new(knowledge, &auth.public_url, state_dir)?)
}

fn build(config: &Config) -> anyhow::Result<ExitCode> {
    let offline = offline(config)?;
    let mut progress = Progress::default();
    let report = offline.build(&mut progress)?;
    progress.end();
    super::say(&told(&report));
    let unavailable = report.collections.iter().any(|c| c.unavailable);
    Ok(if unavailable {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// What a build came to, in a few lines.
fn told(report: &Report) -> String {
    let mut text = String::new();
    for collection in &report.collections {
        let name = &collection.name;
        let documents = counted(collection.documents);
        // Writing into a string cannot fail.
        let _ = match (collection.unavailable, collection.failures) {
            (true, _) => writeln!(text, "{name}: cannot be read; {documents} from before stay"),
            (false, 0) => writeln!(text, "{name}: {documents}"),
            (false, failures) => {
                writeln!(text, "{name}: {documents}, {failures} left out")
            }
        };
    }
    let _ = writeln!(
        text,
        "{} written, {} removed",
        report.written, report.removed
    );
    text
}

fn counted(documents: usize) -> String {
    let plural = if documents == 1 { "" } else { "s" };
    format!("{documents} document{plural}")
}

fn status(config: &Config) -> anyhow::Result<ExitCode> {
    let offline = offline(config)?;
    let health = offline.read()?.health();
    let mut text = format!("index in {}\n", offline.directory().display());
    for collection in &health.collections {
        let _ = writeln!(
            text,
            "{}: {}",
            collection.name,
            counted(collection.documents)
        );
    }
    text.push_str(if offline.is_kept() {
        "a server keeps it up to date\n"
    } else {
        "no server keeps it up to date now\n"
    });
    super::say(&text);
    Ok(ExitCode::SUCCESS)
}

impl Search {
    fn run(self, mut config: Config) -> anyhow::Result<ExitCode> {
        if let Some(limit) = self.limit {
            config.knowledge.search.results = usize::from(limit);
        }
        let knowledge = offline(&config)?.read()?;
        let hits = knowledge.search(&self.query.join(" "))?;
        let mut text = String::new();
        for hit in &hits {
            let _ = writeln!(text, "{}  {}\n    {}", hit.id, hit.title, hit.url);
        }
        if hits.is_empty() {
            text.push_str("nothing found\n");
        }
        super::say(&text);
        Ok(ExitCode::SUCCESS)
    }
}

/// A bar on a terminal, a line per collection elsewhere.
#[derive(Default)]
struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Observer for Progress {
    fn is_stopping(&self) -> bool {
        false
    }

    fn expect(&mut self, collection: &str, bytes: u64) {
        self.end();
        if std::io::stderr().is_terminal() {
            let bar = ProgressBar::new(bytes).with_message(collection.to_owned());
            let style =
                ProgressStyle::with_template("{msg} [{bar:30}] {bytes}/{total_bytes} {eta}");
            if let Ok(style) = style {
                bar.set_style(style.progress_chars("=> "));
            }
            self.bar = Some(bar);
        } else {
            eprintln!("reading {collection}: {}", HumanBytes(bytes));
        }
    }

    fn advance(&mut self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.inc(bytes);
        }
    }

    fn left_out(&mut self, left_out: &LeftOut<'_>) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("left out: {left_out}")),
            None => eprintln!("left out: {left_out}"),
        }
    }
}
