//! Usher under test: the release program, its defaults, and an issuer in this process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use crate::bench::Bench;
use crate::issuer::TestIssuer;
use crate::load::Connection;
use crate::process::Process;
use crate::request::Target;

/// How long anything may take to start before the bench gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Requests a minute that no load here comes to.
const BEYOND_REACH: &str = "1000000000";

/// A running Usher.
pub(crate) struct Subject {
    /// Its process.
    pub(crate) process: Process,
    /// Where clients connect.
    pub(crate) address: SocketAddr,
    /// Where operators connect.
    pub(crate) admin: SocketAddr,
    /// From the start of the process until a connection was accepted.
    pub(crate) listening_after: Duration,
    /// From the start of the process until `/readyz` said 200.
    pub(crate) ready_after: Duration,
}

impl Subject {
    /// Starts `usher serve` with an empty state directory and waits until it is ready.
    ///
    /// The access log is on, as by default, and goes to a file.
    pub(crate) async fn start(
        bench: &Bench,
        issuer: &TestIssuer,
        collection: &Path,
    ) -> Result<Self> {
        Self::start_with(bench, issuer, |command| {
            command.env("USHER_COLLECTION", collection);
        })
        .await
    }

    /// The same with this configuration file.
    pub(crate) async fn start_configured(
        bench: &Bench,
        issuer: &TestIssuer,
        config: &Path,
    ) -> Result<Self> {
        let collection = small_collection(bench)?;
        Self::start_with(bench, issuer, |command| {
            command.arg("--config").arg(config);
            command.env("USHER_COLLECTION", collection);
        })
        .await
    }

    /// The same that keeps so many refusals.
    pub(crate) async fn start_recording(
        bench: &Bench,
        issuer: &TestIssuer,
        refusals: &str,
    ) -> Result<Self> {
        let collection = small_collection(bench)?;
        Self::start_with(bench, issuer, |command| {
            command.env("USHER_AUDIT__REFUSALS", refusals);
            command.env("USHER_COLLECTION", collection);
        })
        .await
    }

    /// The same with the demo's configuration: its collections are those that come with Usher.
    pub(crate) async fn start_demo(bench: &Bench, issuer: &TestIssuer) -> Result<Self> {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        Self::start_with(bench, issuer, |command| {
            command.args(["--config", "deploy/demo.toml"]);
            command.current_dir(repository);
        })
        .await
    }

    async fn start_with(
        bench: &Bench,
        issuer: &TestIssuer,
        configure: impl FnOnce(&mut Command),
    ) -> Result<Self> {
        let (address, admin) = (free_port().await?, free_port().await?);
        let state = bench.folder.join("state");
        if state.exists() {
            std::fs::remove_dir_all(&state)?;
        }
        let log = std::fs::File::create(bench.folder.join("usher.log"))?;
        let mut command = Command::new(&bench.usher);
        command
            .arg("serve")
            .env("MCP_SERVER_URL", format!("http://{address}"))
            .env("KC_ISSUER", issuer.issuer())
            .env("USHER_LISTEN", address.to_string())
            .env("USHER_ADMIN_LISTEN", admin.to_string())
            .env("USHER_STATE_DIR", &state)
            // The limits are counted as ever, but nobody reaches them.
            .env("USHER_RATE_LIMIT__SUBJECT_PER_MINUTE", BEYOND_REACH)
            .env("USHER_RATE_LIMIT__CLIENT_PER_MINUTE", BEYOND_REACH)
            .env("USHER_RATE_LIMIT__TOOL_PER_MINUTE", BEYOND_REACH)
            .stdout(Stdio::null())
            .stderr(log);
        configure(&mut command);
        let begun = Instant::now();
        let process = Process::spawn(command)?;
        let mut subject = Self {
            process,
            address,
            admin,
            listening_after: Duration::ZERO,
            ready_after: Duration::ZERO,
        };
        subject.wait_until_listening(begun).await?;
        subject.wait_until_ready(begun).await?;
        Ok(subject)
    }

    async fn wait_until_listening(&mut self, begun: Instant) -> Result<()> {
        while begun.elapsed() < PATIENCE {
            self.process.still_runs()?;
            if Connection::open(self.address).await.is_ok() {
                self.listening_after = begun.elapsed();
                return Ok(());
            }
            sleep(Duration::from_millis(1)).await;
        }
        bail!("the server does not listen after {PATIENCE:?}")
    }

    async fn wait_until_ready(&mut self, begun: Instant) -> Result<()> {
        let mut connection = Connection::open(self.address).await?;
        let request = self.target().get("/readyz");
        while begun.elapsed() < PATIENCE {
            if connection.exchange(&request).await?.status == 200 {
                self.ready_after = begun.elapsed();
                return Ok(());
            }
            sleep(Duration::from_millis(1)).await;
        }
        bail!("the server is not ready after {PATIENCE:?}")
    }

    /// Builds requests to this server.
    pub(crate) fn target(&self) -> Target {
        Target(self.address)
    }

    /// What of it is compared.
    pub(crate) fn side(&self) -> (&Process, SocketAddr) {
        (&self.process, self.address)
    }

    /// The audience that tokens for this server need.
    pub(crate) fn audience(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// The sum over all label sets of a metric on the admin listener; 0 if it was never counted.
    pub(crate) async fn metric(&self, series: &str) -> Result<f64> {
        let text = self.metrics().await?;
        let values = text.lines().filter_map(|line| {
            let rest = line.strip_prefix(series)?;
            let value = match rest.strip_prefix('{') {
                Some(labelled) => labelled.rsplit_once('}')?.1,
                None => rest,
            };
            value.strip_prefix(' ')?.trim().parse::<f64>().ok()
        });
        Ok(values.sum())
    }

    /// Everything on `/metrics`.
    pub(crate) async fn metrics(&self) -> Result<String> {
        let mut connection = Connection::open(self.admin).await?;
        let request = Target(self.admin).get("/metrics");
        let response = connection.exchange(&request).await?;
        if response.status != 200 {
            bail!("expected metrics, found status {}", response.status);
        }
        Ok(String::from_utf8_lossy(response.body).into_owned())
    }
}

async fn free_port() -> Result<SocketAddr> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    listener.local_addr().context("an address")
}

/// A collection of a few small documents; their ids are what `search` finds.
pub(crate) fn small_collection(bench: &Bench) -> Result<PathBuf> {
    let mut lines = String::new();
    for number in 1..=20 {
        let record = serde_json::json!({
            "id": format!("order-{number}"),
            "title": format!("Cupcake order {number}"),
            "text": format!("Order {number}: a dozen vanilla cupcakes with lemon frosting, paid, to be delivered on Monday morning."),
            "url": format!("https://orders.example/{number}"),
        });
        lines.push_str(&record.to_string());
        lines.push('\n');
    }
    bench.file("orders.jsonl", lines.as_bytes())
}
