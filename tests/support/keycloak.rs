//! A real Keycloak: the server distribution that `install` fetched, on loopback, with the realms of this repository.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use super::{ports, tools};

/// From start to ready, on two busy cores.
const START: Duration = Duration::from_secs(300);

/// Keycloak, running or stopped. Its home and its data are those of this run.
pub(crate) struct Keycloak {
    home: PathBuf,
    log: PathBuf,
    port: u16,
    management_port: u16,
    mcp_server_url: String,
    child: Option<Child>,
    http: reqwest::Client,
    /// The administrator's access token, and since when.
    administrator: Mutex<Option<(String, Instant)>>,
}

/// Genuine tokens of one login.
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) id: String,
}

impl Keycloak {
    /// Starts it with an empty database, and both realms made for a server at `mcp_server_url`. The one for production is
    /// named `production` here.
    pub(crate) async fn start(name: &str, mcp_server_url: &str) -> anyhow::Result<Self> {
        let home = tools::output(&format!("keycloak-{name}"));
        let distribution = tools::tool("keycloak")?;
        std::fs::create_dir_all(home.join("bin"))?;
        // The script takes the folder above its own for Keycloak's home, and writes there.
        std::fs::copy(distribution.join("bin/kc.sh"), home.join("bin/kc.sh"))?;
        for shared in ["conf", "lib", "providers", "themes"] {
            std::os::unix::fs::symlink(distribution.join(shared), home.join(shared))?;
        }
        let import = home.join("data/import");
        std::fs::create_dir_all(&import)?;
        let realms = tools::root().join("keycloak");
        std::fs::copy(realms.join("realm.json"), import.join("realm.json"))?;
        let production = std::fs::read_to_string(realms.join("realm-production.json"))?
            .replace("\"realm\": \"mcp\"", "\"realm\": \"production\"");
        std::fs::write(import.join("realm-production.json"), production)?;
        let mut keycloak = Self {
            log: tools::output(&format!("keycloak-{name}.log")),
            home,
            port: ports::free()?,
            management_port: ports::free()?,
            mcp_server_url: mcp_server_url.to_owned(),
            child: None,
            http: super::http_client(),
            administrator: Mutex::default(),
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
        let child = tools::program(&self.home.join("bin/kc.sh"))
            .args(["start", "--optimized", "--import-realm", "--cache=local"])
            .args(["--http-enabled=true", "--http-host=127.0.0.1"])
            .args([
                "--hostname-strict=false",
                "--log-level=info,io.smallrye.health:warn",
            ])
            .arg(format!("--http-port={}", self.port))
            .arg(format!("--http-management-port={}", self.management_port))
            .env("JAVA_HOME", tools::tool("java")?)
            .env("JAVA_OPTS_KC_HEAP", "-Xms128m -Xmx512m")
            // It lives for minutes: compiling a second time costs more than it gains.
            .env("JAVA_OPTS_APPEND", "-XX:TieredStopAtLevel=1")
            .env("KC_BOOTSTRAP_ADMIN_USERNAME", "admin")
            .env("KC_BOOTSTRAP_ADMIN_PASSWORD", "admin")
            .env("MCP_SERVER_URL", &self.mcp_server_url)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // The script tells Java to end, if it is told itself; see `drop`.
            .kill_on_drop(false)
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
        let access_token = self.administrator().await?;
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

    /// An access token for the administration: one lives for a minute, and a password takes half a second.
    async fn administrator(&self) -> anyhow::Result<String> {
        let mut known = self.administrator.lock().await;
        if let Some((token, since)) = &*known
            && since.elapsed() < Duration::from_secs(30)
        {
            return Ok(token.clone());
        }
        let form = [
            ("grant_type", "password"),
            ("client_id", "admin-cli"),
            ("username", "admin"),
            ("password", "admin"),
        ];
        let tokens = self.token_request("master", &form).await?;
        let token = member(&tokens, "access_token")?;
        *known = Some((token.clone(), Instant::now()));
        Ok(token)
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

    /// A user in a group, whose name is the password too.
    pub(crate) async fn add_user(
        &self,
        realm: &str,
        name: &str,
        group: &str,
    ) -> anyhow::Result<()> {
        let user = json!({
            "username": name, "enabled": true, "emailVerified": true, "email": format!("{name}@example.com"),
            "firstName": name, "lastName": name, "groups": [format!("/{group}")],
            "credentials": [{ "type": "password", "value": name }],
        });
        self.admin("POST", &format!("/{realm}/users"), Some(user))
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

impl Drop for Keycloak {
    /// A row that broke off leaves no Java behind.
    fn drop(&mut self) {
        if let Some(pid) = self.child.as_ref().and_then(Child::id) {
            let told = std::process::Command::new("kill")
                .arg(pid.to_string())
                .status();
            if let Err(error) = told {
                println!("Keycloak (process {pid}) was not told to end: {error}");
            }
        }
    }
}
