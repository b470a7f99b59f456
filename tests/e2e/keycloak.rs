//! A real Keycloak: the server distribution from `.cache/keycloak`, on loopback, with the realm of this repository.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use super::ports;

/// The least version of Java that Keycloak wants.
const JAVA: u32 = 21;
/// From start to ready, with a build in between, on two busy cores.
const START: Duration = Duration::from_secs(300);

/// Keycloak, running or stopped. Its data are those of this run.
pub(crate) struct Keycloak {
    home: PathBuf,
    java_home: PathBuf,
    log: PathBuf,
    port: u16,
    management_port: u16,
    mcp_server_url: String,
    child: Option<Child>,
    http: reqwest::Client,
}

/// Genuine tokens of one login.
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) id: String,
}

impl Keycloak {
    /// Starts it with an empty database, and the realm made for a server at `mcp_server_url`.
    pub(crate) async fn start(mcp_server_url: &str) -> anyhow::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let home = root.join(".cache/keycloak");
        ensure!(
            home.join("bin/kc.sh").exists(),
            "Keycloak is not in .cache: run `tests/e2e/install`"
        );
        let data = home.join("data");
        if data.exists() {
            std::fs::remove_dir_all(&data)?;
        }
        std::fs::create_dir_all(data.join("import"))?;
        std::fs::copy(
            root.join("keycloak/realm.json"),
            data.join("import/realm.json"),
        )?;
        let mut keycloak = Self {
            home,
            java_home: java_home().await?,
            log: root.join("target/e2e/keycloak.log"),
            port: ports::free()?,
            management_port: ports::free()?,
            mcp_server_url: mcp_server_url.to_owned(),
            child: None,
            http: super::http_client(),
        };
        keycloak.run().await?;
        Ok(keycloak)
    }

    /// The issuer identifier of a realm.
    pub(crate) fn issuer(&self, realm: &str) -> String {
        format!("http://127.0.0.1:{}/realms/{realm}", self.port)
    }

    /// Starts the program and waits until it is ready.
    pub(crate) async fn run(&mut self) -> anyhow::Result<()> {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(&self.log)?;
        let child = Command::new(self.home.join("bin/kc.sh"))
            .args(["start-dev", "--import-realm", "--http-host=127.0.0.1"])
            .args(["--cache=local", "--health-enabled=true"])
            .arg(format!("--http-port={}", self.port))
            .arg(format!("--http-management-port={}", self.management_port))
            .env("JAVA_HOME", &self.java_home)
            // It lives for minutes: compiling a second time costs more than it gains.
            .env("JAVA_OPTS_APPEND", "-XX:TieredStopAtLevel=1")
            .env("KC_BOOTSTRAP_ADMIN_USERNAME", "admin")
            .env("KC_BOOTSTRAP_ADMIN_PASSWORD", "admin")
            .env("MCP_SERVER_URL", &self.mcp_server_url)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context("cannot start Keycloak")?;
        let child = self.child.insert(child);
        let ready = format!("http://127.0.0.1:{}/health/ready", self.management_port);
        let deadline = Instant::now() + START;
        loop {
            if let Some(status) = child.try_wait()? {
                bail!("Keycloak ended ({status}); see {}", self.log.display());
            }
            if let Ok(answer) = self.http.get(&ready).send().await
                && answer.status().is_success()
            {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "Keycloak is not ready after {} s; see {}",
                START.as_secs(),
                self.log.display()
            );
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// Ends the program. The data stay.
    pub(crate) async fn stop(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            let pid = child.id().context("a running Keycloak")?;
            // Its database wants to be closed in order.
            Command::new("kill").arg(pid.to_string()).status().await?;
            child.wait().await?;
        }
        Ok(())
    }

    /// One request to the administration of a realm, which must succeed.
    pub(crate) async fn admin(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<Value> {
        let form = [
            ("grant_type", "password"),
            ("client_id", "admin-cli"),
            ("username", "admin"),
            ("password", "admin"),
        ];
        let tokens = self.token_request("master", &form).await?;
        let access_token = member(&tokens, "access_token")?;
        let url = format!("http://127.0.0.1:{}/admin/realms{path}", self.port);
        let mut request = self
            .http
            .request(method.parse()?, &url)
            .bearer_auth(access_token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        ensure!(status.is_success(), "{method} {path}: {status} {text}");
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// A request to a realm's token endpoint; its JSON, whatever it says.
    pub(crate) async fn token_request(
        &self,
        realm: &str,
        form: &[(&str, &str)],
    ) -> anyhow::Result<Value> {
        let url = format!("{}/protocol/openid-connect/token", self.issuer(realm));
        Ok(self.http.post(url).form(form).send().await?.json().await?)
    }

    /// Registers a client without any credential (RFC 7591); status and answer.
    pub(crate) async fn register(&self, metadata: &Value) -> anyhow::Result<(u16, Value)> {
        let url = format!(
            "{}/clients-registrations/openid-connect",
            self.issuer("mcp")
        );
        let answer = self.http.post(url).json(metadata).send().await?;
        Ok((answer.status().as_u16(), answer.json().await?))
    }

    /// A client for tests that need tokens without a browser; `changes` are merged into it.
    pub(crate) async fn add_client(
        &self,
        realm: &str,
        id: &str,
        changes: Value,
    ) -> anyhow::Result<()> {
        let mut client = json!({
            "clientId": id, "publicClient": true, "directAccessGrantsEnabled": true,
            "standardFlowEnabled": false, "fullScopeAllowed": false,
        });
        if let (Some(client), Value::Object(changes)) = (client.as_object_mut(), changes) {
            client.extend(changes);
        }
        self.admin("POST", &format!("/{realm}/clients"), Some(client))
            .await?;
        Ok(())
    }

    /// A login with a password, through a client made by [`Self::add_client`].
    pub(crate) async fn log_in(
        &self,
        realm: &str,
        client: &str,
        user: &str,
        scope: &str,
    ) -> anyhow::Result<Tokens> {
        let form = [
            ("grant_type", "password"),
            ("client_id", client),
            ("username", user),
            ("password", user),
            ("scope", scope),
        ];
        let tokens = self.token_request(realm, &form).await?;
        Ok(Tokens {
            access: member(&tokens, "access_token")?,
            refresh: member(&tokens, "refresh_token")?,
            id: member(&tokens, "id_token").unwrap_or_default(),
        })
    }
}

/// A text member of an answer.
pub(crate) fn member(answer: &Value, name: &str) -> anyhow::Result<String> {
    answer
        .get(name)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .with_context(|| format!("no {name} in {answer}"))
}

/// The first Java that is new enough: `JAVA_HOME`, the path, then what Debian and the JDK makers install.
async fn java_home() -> anyhow::Result<PathBuf> {
    let mut homes: Vec<PathBuf> = std::env::var_os("JAVA_HOME")
        .map(PathBuf::from)
        .into_iter()
        .collect();
    if let Some(path) = std::env::var_os("PATH") {
        homes.extend(
            std::env::split_paths(&path)
                .filter_map(|folder| folder.join("java").canonicalize().ok())
                .filter_map(|java| Some(java.parent()?.parent()?.to_path_buf())),
        );
    }
    if let Ok(folder) = std::fs::read_dir("/usr/lib/jvm") {
        homes.extend(folder.filter_map(|entry| Some(entry.ok()?.path())));
    }
    let mut found = Vec::new();
    for home in homes {
        match java_version(&home).await {
            Some(version) if version >= JAVA => return Ok(home),
            Some(version) => found.push(format!("{version} in {}", home.display())),
            None => {}
        }
    }
    bail!(
        "Keycloak needs Java {JAVA} or newer, found {}: install one (apt-get install openjdk-21-jre-headless, or Temurin \
         from adoptium.net), or set JAVA_HOME",
        if found.is_empty() {
            "none".to_owned()
        } else {
            found.join(", ")
        }
    )
}

/// The major version that the `java` in this folder says it is.
async fn java_version(home: &Path) -> Option<u32> {
    let output = Command::new(home.join("bin/java"))
        .arg("-version")
        .output()
        .await
        .ok()?;
    let text = String::from_utf8(output.stderr).ok()?;
    let version = text.split('"').nth(1)?;
    version.split(['.', '-', '+']).next()?.parse().ok()
}
