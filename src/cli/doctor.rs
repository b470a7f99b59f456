//! `usher doctor`: parses, composes, prints. What is looked at is in [`crate::doctor`].
#![expect(clippy::print_stderr, reason = "a command line prints")]

mod explain;
mod given;
mod inside;
mod interrupt;
mod progress;
mod recent;
mod report;
mod session;

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use interrupt::Interrupt;
use progress::Spinner;
use report::ReportFile;

use crate::clients::KnownClient;
use crate::clock::Clock;
use crate::config;
use crate::doctor::walk::{self, Registered, Walk};
use crate::doctor::{self, Diagnosis, Verdict, show, troubleshooting};
use crate::outbound::{self, Probe};
use crate::secret_file::SecretText;

/// It could not be carried out.
const EXIT_NOT_CARRIED_OUT: u8 = 2;

const EXAMPLES: &str = "\
Examples:
  usher doctor
  usher doctor explain token-audience
  usher doctor https://mcp.example.com/mcp
  usher doctor https://mcp.example.com/mcp --as chatgpt --verbose
  usher doctor https://mcp.example.com/mcp --login --client-id my-client
  usher doctor https://mcp.example.com/mcp --login --register
  usher doctor --recent --config /etc/usher/usher.toml
  usher doctor http://127.0.0.1:8080/mcp --token-file token --patience 90s

Exit codes:
  0  no failure (there may be warnings)
  1  something fails; the first cause stands at the top
  2  it could not be carried out, or was interrupted; nothing is said about the server";

/// What `usher doctor` takes.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Options {
    /// The address to walk to, exactly as it is typed into a client [default: none, this server is looked at from inside]
    #[arg(value_name = "URL")]
    url: Option<String>,
    /// Walk as this client does; several are allowed [default: all, with a table]
    #[arg(
        long = "as",
        value_name = "CLIENT",
        value_parser = PossibleValuesParser::new(KnownClient::ALL.map(KnownClient::name)).try_map(|name| known(&name)),
    )]
    clients: Vec<KnownClient>,
    /// Register a client at the authorization server, for real, and delete it again where the server allows that
    #[arg(long, requires = "url")]
    register: bool,
    #[command(flatten)]
    session: session::SessionOptions,
    /// A file with an access token for this address, or - for standard input: for what only a caller sees
    #[arg(long, value_name = "FILE", requires = "url")]
    token_file: Option<PathBuf>,
    /// How long to watch whether a quiet stream is cut, such as 90s; needs a token
    #[arg(long, value_name = "TIME", value_parser = duration, requires = "url")]
    patience: Option<Duration>,
    /// Follow addresses in metadata also into this machine and private networks
    #[arg(long, requires = "url")]
    allow_private: bool,
    /// A file with further CA certificates in PEM form, trusted besides the system's and `outbound.ca_files`
    #[arg(long, value_name = "FILE")]
    ca_file: Vec<PathBuf>,
    #[command(flatten)]
    recent: recent::RecentOptions,
    /// Every check, also those that are ok
    #[arg(long, short)]
    verbose: bool,
    /// Print one JSON object instead; docs/doctor.schema.json describes it
    #[arg(long)]
    json: bool,
    /// Also write a report for a ticket, without tokens, queries and user names; an existing file is left alone
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// No colours, also on a terminal
    #[arg(
        long,
        env = "NO_COLOR",
        num_args = 0,
        default_missing_value = "1",
        hide_env = true
    )]
    no_color: Option<String>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print docs/troubleshooting.md
    #[command(hide = true)]
    Docs,
    /// Say what a check means, or find checks by words that a client or the log shows
    Explain(explain::Explain),
    /// Print the JSON Schema of --json
    #[command(hide = true)]
    Schema,
}

/// `90s`, `2m` or a number of seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.strip_suffix('m') {
        Some(minutes) => (minutes, 60),
        None => (text.strip_suffix('s').unwrap_or(text), 1),
    };
    let number: u64 = number
        .parse()
        .map_err(|_no_number| "expected a time such as 90s or 2m".to_owned())?;
    let seconds = number.saturating_mul(unit);
    if (1..=3600).contains(&seconds) {
        Ok(Duration::from_secs(seconds))
    } else {
        Err("expected one second to one hour".to_owned())
    }
}

fn known(name: &str) -> Result<KnownClient, String> {
    let mut all = KnownClient::ALL.into_iter();
    all.find(|client| client.name() == name)
        .ok_or_else(|| "no such client".to_owned())
}

impl Options {
    /// Looks, prints, and says by the exit code how it is.
    pub fn run(self, file: Option<&Path>) -> anyhow::Result<ExitCode> {
        match &self.command {
            Some(Command::Docs) => {
                super::say(&troubleshooting::markdown());
                Ok(ExitCode::SUCCESS)
            }
            Some(Command::Explain(explain)) => Ok(explain.run()),
            Some(Command::Schema) => {
                super::say(&show::json::json_schema());
                Ok(ExitCode::SUCCESS)
            }
            None => Ok(self.look(file).unwrap_or_else(|error| {
                eprintln!("usher: {error:#}");
                ExitCode::from(EXIT_NOT_CARRIED_OUT)
            })),
        }
    }

    fn look(&self, file: Option<&Path>) -> anyhow::Result<ExitCode> {
        // Before anything is asked of anybody: it may be there already.
        let report = self.report.as_deref().map(ReportFile::at).transpose()?;
        let diagnosis = self.diagnosed(file)?;
        let shown = self.shown();
        super::say(&if self.json {
            show::json::json(&diagnosis, &shown.clients)
        } else {
            show::text(&diagnosis, &shown)
        });
        if let Some(report) = report {
            report.write(&show::report::report(&diagnosis, &shown.clients))?;
        }
        if doctor::recent::was_not_carried_out(&diagnosis) {
            return Ok(ExitCode::from(EXIT_NOT_CARRIED_OUT));
        }
        Ok(match diagnosis.verdict() {
            Verdict::Ok | Verdict::Skipped | Verdict::Warning => ExitCode::SUCCESS,
            Verdict::Failure => ExitCode::FAILURE,
        })
    }

    fn diagnosed(&self, file: Option<&Path>) -> anyhow::Result<Diagnosis> {
        if self.url.is_none() && !self.recent.is_wanted() {
            return inside::diagnosis(file);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            match &self.url {
                Some(url) => self.walk_to(url, file).await,
                None => self.recent.diagnosis(file, &self.ca_file).await,
            }
        })
    }

    async fn walk_to(&self, typed: &str, file: Option<&Path>) -> anyhow::Result<Diagnosis> {
        let typed = typed.trim();
        let url = match walk::address::read(typed) {
            Ok(url) => url,
            Err(finding) => {
                let mut diagnosis = Diagnosis::new(walk::address::without_secrets(typed));
                diagnosis.add(*finding);
                return Ok(diagnosis);
            }
        };
        let settings = self.outbound(file)?;
        let progress = Spinner::start(self.json);
        let walk = Walk {
            typed: typed.to_owned(),
            probe: Probe::new(url, &settings, self.allow_private)?,
            clients: self.as_clients(),
            named: !self.clients.is_empty(),
            registers: self.register.then(Registered::default),
            client_id: self.session.client_id(),
            token: self.token()?,
            patience: self.patience,
            answer_within: walk::PATIENCE,
            clock: Clock::system(),
            progress: progress.tell(),
        };
        let (keyboard, interrupt) = (interrupt::keyboard()?, Interrupt::default());
        tokio::select! {
            diagnosis = self.go(&walk, progress, &interrupt) => diagnosis,
            () = interrupt.pressed_twice(keyboard) => Err(anyhow!("interrupted twice; what was registered may be left there")),
        }
    }

    async fn go(
        &self,
        walk: &Walk,
        progress: Spinner,
        interrupt: &Interrupt,
    ) -> anyhow::Result<Diagnosis> {
        let walked = tokio::select! {
            walked = walk::walk(walk) => Some(walked),
            () = interrupt.pressed() => None,
        };
        progress.ends();
        if let Some(mut walked) = walked {
            self.session.go_on(walk, &mut walked, interrupt).await?;
            return Ok(walked.diagnosis);
        }
        if let Some(registered) = &walk.registers
            && let Some(left) = registered.take_back(&walk.probe).await
        {
            eprintln!("{}. {}.", show::harmless(&left.found), left.fix);
        }
        Err(anyhow!("interrupted; nothing is said about the server"))
    }

    /// CA files and the proxy of the configuration, if there is one that can be read.
    fn outbound(&self, file: Option<&Path>) -> anyhow::Result<outbound::Settings> {
        let mut settings = match config::load(&super::sources(file)?) {
            Ok(config) => config.outbound,
            Err(mistakes) if file.is_some() => return Err(mistakes.into()),
            // A walk from outside needs no configuration.
            Err(_) => outbound::Settings::default(),
        };
        settings.ca_files.extend(self.ca_file.iter().cloned());
        Ok(settings)
    }

    fn token(&self) -> anyhow::Result<Option<Arc<SecretText>>> {
        let path = self.token_file.as_deref();
        let token = path.map(|path| given::read(path, "an access token"));
        Ok(token.transpose()?.map(Arc::new))
    }

    fn as_clients(&self) -> Vec<KnownClient> {
        if self.clients.is_empty() {
            KnownClient::ALL.into()
        } else {
            self.clients.clone()
        }
    }

    fn shown(&self) -> show::Shown {
        show::Shown {
            colour: std::io::stdout().is_terminal()
                && self.no_color.as_deref().unwrap_or_default().is_empty(),
            verbose: self.verbose,
            // From inside, and in the record, there is nothing that one client meets and another does not.
            clients: match self.url {
                Some(_) => self.as_clients(),
                None => Vec::new(),
            },
        }
    }
}
