//! The real `usher serve` as a child process, and what it answers.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use super::{ports, tools};

const RECORDS: &str = r#"{"id":"1001","title":"Order 1001","text":"Two dozen lemon cupcakes for Ada."}
{"id":"1002","title":"Order 1002","text":"One dozen red velvet cupcakes for Grace."}
"#;

/// Usher, running or stopped. Its state is kept between two runs.
pub(crate) struct Usher {
    name: String,
    folder: tempfile::TempDir,
    port: u16,
    admin_port: u16,
    child: Option<Child>,
    http: reqwest::Client,
}

/// What came back for one message.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) challenge: String,
    pub(crate) body: Value,
    /// What the access log says about it.
    pub(crate) reason: String,
}

impl Usher {
    /// Chooses ports and writes a configuration with nothing but the collection; nothing runs yet.
    pub(crate) fn new(name: &str) -> anyhow::Result<Self> {
        Self::configured(name, "")
    }

    /// As [`Self::new`], with more in the configuration.
    pub(crate) fn configured(name: &str, more: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let records = folder.path().join("orders.jsonl");
        std::fs::write(&records, RECORDS)?;
        std::fs::write(
            folder.path().join("usher.toml"),
            format!("{more}\n[[collection]]\nname = \"orders\"\npath = {records:?}\n"),
        )?;
        Ok(Self {
            name: name.to_owned(),
            folder,
            port: ports::free()?,
            admin_port: ports::free()?,
            child: None,
            http: super::http_client(),
        })
    }

    /// What clients are told.
    pub(crate) fn public_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Starts it with the environment that a newcomer would give it.
    pub(crate) async fn start(&mut self, issuer: &str) -> anyhow::Result<()> {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.log_path())?;
        let child = tools::program(Path::new(env!("CARGO_BIN_EXE_usher")))
            .arg("--config")
            .arg(self.folder.path().join("usher.toml"))
            .arg("serve")
            .env("MCP_SERVER_URL", self.public_url())
            .env("KC_ISSUER", issuer)
            .env("USHER_LISTEN", format!("127.0.0.1:{}", self.port))
            .env(
                "USHER_ADMIN_LISTEN",
                format!("127.0.0.1:{}", self.admin_port),
            )
            .env("USHER_STATE_DIR", self.folder.path().join("state"))
            .env("USHER_LOG__FORMAT", "json")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start usher")?;
        self.child = Some(child);
        self.until("/healthz", 200).await
    }

    /// Ends it in order.
    pub(crate) async fn stop(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            let pid = child.id().context("a running usher")?;
            Command::new("kill").arg(pid.to_string()).status().await?;
            child.wait().await?;
        }
        Ok(())
    }

    /// Returns once a path answers with this status.
    pub(crate) async fn until(&self, path: &str, status: u16) -> anyhow::Result<()> {
        let deadline = Instant::now() + Duration::from_secs(90);
        loop {
            let found = self.status(path).await;
            if found == Some(status) {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "{path} gives {found:?}, expected {status}\n{}",
                self.log()
            );
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// The status that a path answers with, if anything answers.
    pub(crate) async fn status(&self, path: &str) -> Option<u16> {
        let url = format!("{}{path}", self.public_url());
        Some(self.http.get(url).send().await.ok()?.status().as_u16())
    }

    /// One message of revision 2026-07-28 to `/mcp`, and what the log says about it.
    pub(crate) async fn call(
        &self,
        access_token: &str,
        tool: Option<&str>,
    ) -> anyhow::Result<Answer> {
        let answer = self.request(access_token, tool).send().await?;
        let header = |name: &str| {
            let value = answer.headers().get(name)?.to_str().ok()?;
            Some(value.to_owned())
        };
        let challenge = header("www-authenticate").unwrap_or_default();
        let request_id = header("x-request-id").context("a request id")?;
        let status = answer.status().as_u16();
        let body = serde_json::from_str(&answer.text().await?).unwrap_or(Value::Null);
        let reason = self.reason(&request_id).await?;
        Ok(Answer {
            status,
            challenge,
            body,
            reason,
        })
    }

    /// One message of revision 2026-07-28 to `/mcp`: a call of the tool, or the list of tools.
    pub(crate) fn request(
        &self,
        access_token: &str,
        tool: Option<&str>,
    ) -> reqwest::RequestBuilder {
        let (method, params) = match tool {
            Some(name) => (
                "tools/call",
                json!({ "name": name, "arguments": { "query": "lemon" } }),
            ),
            None => ("tools/list", json!({})),
        };
        let mut params = params;
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": { "name": "e2e", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let mut request = self
            .http
            .post(format!("{}/mcp", self.public_url()))
            .bearer_auth(access_token)
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", method)
            .json(&json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }));
        if let Some(name) = tool {
            request = request.header("mcp-name", name);
        }
        request
    }

    /// How much memory it has now besides the files that are mapped, its own program among them, in KiB (`RssAnon`).
    pub(crate) fn own_memory_kib(&self) -> anyhow::Result<u64> {
        let pid = self.child.as_ref().and_then(Child::id);
        let path = format!("/proc/{}/status", pid.context("a running usher")?);
        let status = std::fs::read_to_string(path)?;
        let mut lines = status.lines();
        let line = lines.find_map(|line| line.strip_prefix("RssAnon:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        Ok(number.context("an RssAnon")?.parse()?)
    }

    /// Removes keys and index. It must not run.
    pub(crate) fn forget(&self) -> anyhow::Result<()> {
        Ok(std::fs::remove_dir_all(self.folder.path().join("state"))?)
    }

    /// The whole log so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// The reason in the access-log line of one request. Lines may wait 100 ms.
    async fn reason(&self, request_id: &str) -> anyhow::Result<String> {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let log = self.log();
            let line = log
                .lines()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok())
                .find(|line| line["target"] == "access" && line["request_id"] == request_id);
            if let Some(line) = line {
                return Ok(line["reason"].as_str().unwrap_or("-").to_owned());
            }
            ensure!(Instant::now() < deadline, "no line for {request_id}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    fn log_path(&self) -> PathBuf {
        tools::output(&format!("usher-{}.log", self.name))
    }
}
