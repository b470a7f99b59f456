//! `usher config check | show | schema`: what the configuration says, without a server.

use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;

use crate::config;

/// What `usher config` takes.
#[derive(clap::Args, Debug)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read everything and name every mistake
    ///
    /// Prints `ok` and what would be served. Ends with 78 if something is wrong; each mistake is named with its file,
    /// line, column and key, what was found, what was expected and what to do.
    Check,
    /// Print the configuration in force, and where each value came from
    ///
    /// The output is a TOML file again. Secrets are masked.
    Show,
    /// Print the JSON Schema of the file, for editors
    Schema,
    /// Print docs/configuration.md
    #[command(hide = true)]
    Docs,
}

impl Options {
    /// Runs the subcommand.
    pub fn run(self, file: Option<&Path>) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Check => super::say(&summary(&super::sources(file)?)?),
            Command::Show => super::say(&config::show(&super::sources(file)?)?),
            Command::Schema => super::say(&config::json_schema()),
            Command::Docs => super::say(&config::markdown()),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What would be served, in a few lines.
fn summary(sources: &config::Sources) -> Result<String, config::Mistakes> {
    let config = config::load(sources)?;
    let file = match &sources.file {
        Some((path, _)) => path.display().to_string(),
        None => "no file, the environment alone".to_owned(),
    };
    let issuers = config
        .auth
        .issuer
        .iter()
        .map(|issuer| issuer.issuer.clone());
    let collections = config.knowledge.collections.iter();
    let collections = collections.map(|collection| collection.path.display().to_string());
    let mut lines = vec![
        ("read", file),
        ("public URL", config.auth.public_url.clone()),
        ("listen", config.listen.to_string()),
        ("admin", config.admin_listen.to_string()),
        ("issuers", listed(issuers)),
        ("collections", listed(collections)),
        ("state", config.state_dir.display().to_string()),
    ];
    lines.extend(
        config
            .warnings
            .iter()
            .map(|warning| ("warning", warning.to_string())),
    );
    let lines = lines
        .iter()
        .map(|(name, value)| format!("  {name:<12} {value}\n"));
    Ok(format!("ok\n{}", lines.collect::<String>()))
}

fn listed(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}
