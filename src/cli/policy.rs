//! `usher policy explain`: who may do what, and which rule says so, without a server and without a token.
#![expect(clippy::print_stderr, reason = "a command line prints")]

pub(super) mod catalogue;

use std::fmt::Write as _;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Subcommand};

use self::catalogue::{Catalogue, supposed};
use crate::auth::UnverifiedClaims;
use crate::config::{self, Config};
use crate::mcp;
use crate::policy::{
    Caller, Condition, Denial, Explanation, Kind, OtherNames, Reason, Requirements, Target,
};

/// What `usher policy` takes.
#[derive(Args, Debug)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say what somebody with these claims may do, and which rule says so
    ///
    /// The claims are believed as they are written: no signature, time or audience is checked.
    Explain(Explain),
}

#[derive(Args, Debug)]
struct Explain {
    /// A JSON object with the claims of an access token, its middle part decoded; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    claims: PathBuf,
    /// Ask no upstream what it has; of rules for upstreams only the name of a tool is known then
    #[arg(long)]
    offline: bool,
    /// How long upstreams may take to say what they have, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    timeout: u64,
    /// One tool, prompt or address of a resource: everything that it takes, and what of that is there [default: all, a
    /// line each]
    tool: Option<String>,
}

impl Options {
    /// Runs the subcommand.
    pub fn run(self, file: Option<&Path>) -> anyhow::Result<ExitCode> {
        let Command::Explain(explain) = self.command;
        let config = config::load(&super::sources(file)?)?;
        for warning in &config.warnings {
            eprintln!("warning: {warning}");
        }
        let claims = explain.claims(&config)?;
        let caller = Caller::supposed(&claims);
        let catalogue = explain.catalogue(&config)?;
        for warning in catalogue.warnings(&config) {
            eprintln!("warning: {warning}");
        }
        let mut text = format!("{}\n\n", who(&claims));
        match &explain.tool {
            Some(tool) => one(&mut text, (&config, &catalogue), &caller, tool),
            None => all(&mut text, (&config, &catalogue), &caller),
        }
        super::say(&text);
        Ok(ExitCode::SUCCESS)
    }
}

impl Explain {
    /// What there is to explain. A built-in tool can be explained without asking anybody.
    fn catalogue(&self, config: &Config) -> anyhow::Result<Catalogue> {
        let targets = mcp::built_in_targets();
        let is_it = |target: &Target<'_>| Some(target.name) == self.tool.as_deref();
        if self.offline || targets.iter().any(is_it) {
            return Ok(Catalogue::built_in());
        }
        Catalogue::ask(config, Duration::from_secs(self.timeout))
    }

    fn claims(&self, config: &Config) -> anyhow::Result<UnverifiedClaims> {
        let path = self.claims.display();
        let read = if self.claims == Path::new("-") {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
        } else {
            std::fs::read(&self.claims)
        };
        let json = read.with_context(|| format!("cannot read the claims in {path}"))?;
        UnverifiedClaims::read(&config.auth, &json).with_context(|| {
            format!(
                "the claims in {path} cannot be used; expected a JSON object such as \
                 {{\"sub\":\"alice\",\"scope\":\"mcp:read\",\"groups\":[\"finance\"]}}, with the `iss` of a configured \
                 issuer or none"
            )
        })
    }
}

/// Whom the claims are about, in one line.
fn who(claims: &UnverifiedClaims) -> String {
    let or_none = |text: String| {
        if text.is_empty() {
            "none".to_owned()
        } else {
            text
        }
    };
    let mut line = format!(
        "{}: client id {}, scopes {}, groups {}",
        claims.subject().unwrap_or("somebody"),
        claims.client_id().unwrap_or("none"),
        or_none(claims.scopes().to_string()),
        or_none(claims.groups().join(" ")),
    );
    for (name, values) in claims.kept_claims() {
        // Writing into a string cannot fail.
        let _ = write!(line, ", {name} {}", values.join(" "));
    }
    line
}

fn all(text: &mut String, (config, catalogue): (&Config, &Catalogue), caller: &Caller<'_>) {
    let targets = catalogue.targets();
    let named = |target: &Target<'_>| match target.kind {
        Kind::Prompt => format!("prompt {}", target.name),
        Kind::Resource => format!("resource {}", target.name),
        Kind::Tool => target.name.to_owned(),
    };
    let widest = targets.iter().map(|target| named(target).len()).max();
    let width = widest.unwrap_or_default();
    for target in &targets {
        let requirements = requirements(config, target);
        let explanation = config.policy.explain(caller, &requirements);
        let _ = writeln!(text, "{:width$}  {}", named(target), verdict(&explanation));
    }
}

fn one(
    text: &mut String,
    (config, catalogue): (&Config, &Catalogue),
    caller: &Caller<'_>,
    name: &str,
) {
    let known = catalogue.targets();
    let known = known.into_iter().find(|target| target.name == name);
    let target = known.unwrap_or_else(|| supposed(config, name));
    if known.is_none() && target.kind == Kind::Resource && mcp::spellings(name).is_none() {
        let _ = writeln!(
            text,
            "{name}  is not found, whoever asks: it may lead somewhere else than it says"
        );
        return;
    }
    let requirements = requirements(config, &target);
    let explanation = config.policy.explain(caller, &requirements);
    let _ = writeln!(text, "{name}  {}", verdict(&explanation));
    for Condition { rule, asked, holds } in &explanation.conditions {
        let mark = if *holds { "yes" } else { "no " };
        let _ = writeln!(text, "  {mark}  {asked}, asked by {rule}");
    }
    if known.is_none() {
        let what = match target.kind {
            Kind::Prompt | Kind::Tool => "tool",
            Kind::Resource => "resource",
        };
        let _ = writeln!(
            text,
            "There is no such {what} here; this is what holds for one of that name."
        );
    }
}

/// What using it takes, of a resource under all that its address may be taken for.
fn requirements(config: &Config, target: &Target<'_>) -> Requirements {
    let spellings = match target.kind {
        Kind::Prompt | Kind::Tool => None,
        Kind::Resource => mcp::spellings(target.name),
    };
    let others = OtherNames {
        aliases: &[],
        spellings: &spellings.unwrap_or_default(),
    };
    config.policy.requirements_of_all(target, others)
}

fn verdict(explanation: &Explanation) -> String {
    match &explanation.decision {
        Ok(rule) => format!("allowed by {rule}"),
        Err(Denial {
            reason: Reason::InsufficientScope,
            rule,
            scopes,
        }) => format!(
            "refused by {rule}: insufficient_scope; more scopes would help, it takes {scopes}"
        ),
        Err(Denial { reason, rule, .. }) => {
            format!(
                "refused by {rule}: {}; no scope would help",
                reason.as_str()
            )
        }
    }
}
