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
            Command::Check => println!("{}", summary(&super::sources(file)?)?),
            Command::Show => print!("{}", config::show(&super::sources(file)?)?),
            Command::Schema => print!("{}", config::json_schema()),
            Command::Docs => print!("{}", config::markdown()),
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
    let issuers: Vec<&str> = config
        .auth
        .issuer
        .iter()
        .map(|issuer| issuer.issuer.as_str())
        .collect();
    let collections: Vec<String> = config
        .collections
        .iter()
        .map(|collection| collection.path.display().to_string())
        .collect();
    let or_none = |list: String| {
        if list.is_empty() {
            "none".to_owned()
        } else {
            list
        }
    };
    Ok(format!(
        "ok\n  read         {file}\n  public URL   {}\n  listen       {}\n  admin        {}\n  issuers      {}\n  \
         collections  {}\n  state        {}",
        config.auth.public_url,
        config.listen,
        config.admin_listen,
        issuers.join(", "),
        or_none(collections.join(", ")),
        config.state_dir.display(),
    ))
}
