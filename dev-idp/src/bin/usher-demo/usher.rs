//! The real `usher serve` as a child process, with the environment that a newcomer would give it.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

/// From start to ready. An unoptimised build on a busy machine needs a second or two.
const START: Duration = Duration::from_secs(30);
/// How long it may take to stop.
const STOP: Duration = Duration::from_secs(10);
/// The folder beside the log for keys and index.
const STATE: &str = "state";

/// What the child is started with.
pub(crate) struct Settings {
    pub(crate) port: u16,
    pub(crate) admin_port: u16,
    pub(crate) issuer: String,
    pub(crate) config: PathBuf,
}

/// A running Usher. It ends with this value.
pub(crate) struct Usher {
    child: Child,
    log: PathBuf,
}

impl Usher {
    /// Starts `usher serve` and waits until it is ready.
    pub(crate) async fn start(settings: &Settings) -> anyhow::Result<Self> {
        let program = program()?;
        ensure!(
            settings.config.is_file(),
            "{} is not here: run this in the project's folder, as `make demo` does",
            settings.config.display()
        );
        check_free(settings.port, "USHER_PORT")?;
        check_free(settings.admin_port, "ADMIN_PORT")?;
        let folder = program.with_file_name(format!("demo-{}", settings.port));
        // Keys and index of the last demo: its issuer had the same name and other keys.
        if folder.exists() {
            fs::remove_dir_all(&folder)
                .with_context(|| format!("cannot empty {}", folder.display()))?;
        }
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let log = folder.join("usher.log");
        let mut usher = Self {
            child: spawn(&program, settings, &folder, &log)?,
            log,
        };
        usher.wait_until_ready(settings.port).await?;
        Ok(usher)
    }

    /// Where its log is.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// Waits for an end that nobody asked for.
    pub(crate) async fn ended(&mut self) -> anyhow::Error {
        match self.child.wait().await {
            Ok(status) => anyhow!("Usher ended ({status}):\n{}", self.last_words()),
            Err(fault) => anyhow!(fault).context("cannot wait for Usher"),
        }
    }

    /// Ends it as an operator would, with SIGTERM. Nothing of its state is wanted again; the log stays.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let id = self.child.id().and_then(|id| id.try_into().ok());
        let id = id.and_then(Pid::from_raw).context("Usher has ended")?;
        kill_process(id, Signal::TERM).context("cannot stop Usher")?;
        let Ok(ended) = timeout(STOP, self.child.wait()).await else {
            bail!(
                "Usher does not stop within {} s:\n{}",
                STOP.as_secs(),
                self.last_words()
            );
        };
        let status = ended?;
        ensure!(
            status.success(),
            "Usher did not stop in order ({status}):\n{}",
            self.last_words()
        );
        let state = self.log.with_file_name(STATE);
        fs::remove_dir_all(&state).with_context(|| format!("cannot remove {}", state.display()))
    }

    async fn wait_until_ready(&mut self, port: u16) -> anyhow::Result<()> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(2))
            .build()?;
        let address = format!("http://127.0.0.1:{port}/readyz");
        let deadline = Instant::now() + START;
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("Usher did not start ({status}):\n{}", self.last_words());
            }
            let answer = http.get(&address).send().await;
            if answer
                .as_ref()
                .is_ok_and(|answer| answer.status().is_success())
            {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let found = answer.map_or_else(
                    |_| "no answer".to_owned(),
                    |answer| answer.status().to_string(),
                );
                bail!(
                    "Usher is not ready after {} s: {address} gives {found}\n{}",
                    START.as_secs(),
                    self.last_words()
                );
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        // The readiness questions of this program say nothing.
        let lines: Vec<_> = log
            .lines()
            .filter(|line| !line.contains("/readyz"))
            .collect();
        let last = lines.iter().skip(lines.len().saturating_sub(12));
        last.map(|line| format!("  {line}\n"))
            .chain([format!("  (log: {})", self.log.display())])
            .collect()
    }
}

/// `usher` beside this program: both are built by the same command.
fn program() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("cannot tell where this program is")?;
    let program = own.with_file_name("usher");
    ensure!(
        program.is_file(),
        "{} is not there: `make demo` builds it",
        program.display()
    );
    Ok(program)
}

fn spawn(program: &Path, settings: &Settings, folder: &Path, log: &Path) -> anyhow::Result<Child> {
    let file = fs::File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let mut command = Command::new(program);
    command
        .arg("--config")
        .arg(&settings.config)
        .arg("serve")
        .envs(environment(settings, folder))
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        // Ctrl-C is for the demo, which then stops Usher: two signals would be one too many.
        .process_group(0)
        .kill_on_drop(true);
    // What the shell has for another Usher would change this one.
    for name in std::env::vars_os()
        .map(|(name, _)| name)
        .filter(|name| is_of_usher(name))
    {
        if !environment(settings, folder).contains_key(name.to_string_lossy().as_ref()) {
            command.env_remove(name);
        }
    }
    command
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))
}

fn environment(settings: &Settings, folder: &Path) -> HashMap<&'static str, String> {
    HashMap::from([
        (
            "MCP_SERVER_URL",
            format!("http://127.0.0.1:{}", settings.port),
        ),
        ("KC_ISSUER", settings.issuer.clone()),
        ("USHER_LISTEN", format!("127.0.0.1:{}", settings.port)),
        (
            "USHER_ADMIN_LISTEN",
            format!("127.0.0.1:{}", settings.admin_port),
        ),
        ("USHER_STATE_DIR", folder.join(STATE).display().to_string()),
    ])
}

fn is_of_usher(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    ["USHER_", "MCP_", "KC_", "CORS_"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

fn check_free(port: u16, variable: &str) -> anyhow::Result<()> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpListener::bind(address).map(drop).with_context(|| {
        format!("cannot listen on {address}: stop what is there, or choose another port (make demo {variable}=…)")
    })
}

/// A port that nobody has, where 0 was asked for; else the one that was.
pub(crate) fn chosen_port(port: u16) -> anyhow::Result<u16> {
    if port != 0 {
        return Ok(port);
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("there is no free port")?;
    Ok(listener.local_addr()?.port())
}
