//! The real `usher`: as a server, and as the command that is asked what is wrong.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::process::Child;
use tokio::time::{Instant, sleep};

use crate::{ports, tools};

/// What is found in the small collection.
const RECORDS: &str = r#"{"id":"1001","title":"Order 1001","text":"Two dozen lemon cupcakes for Ada."}
{"id":"1002","title":"Order 1002","text":"One dozen red velvet cupcakes for Grace."}
"#;

/// What is written into the configuration, of which a row changes something. `{issuer}`, `{public_url}`, `{folder}`,
/// `{port}` and `{admin_port}` stand for this set-up's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) public_url: &'static str,
    pub(crate) listen: &'static str,
    pub(crate) state_dir: &'static str,
    pub(crate) issuer: &'static str,
    /// More lines of that issuer.
    pub(crate) of_issuer: &'static str,
    pub(crate) collection: &'static str,
    /// More at the top.
    pub(crate) top: &'static str,
    /// More at the end.
    pub(crate) more: &'static str,
}

impl Settings {
    pub(crate) const HEALTHY: Self = Self {
        public_url: "{public_url}",
        listen: "127.0.0.1:{port}",
        state_dir: "{folder}/state",
        issuer: "{issuer}",
        of_issuer: "",
        collection: "{folder}/orders.jsonl",
        top: "",
        more: "",
    };

    /// The same without anything in front of it.
    pub(crate) const ALONE: Self = Self {
        public_url: "http://127.0.0.1:{port}",
        ..Self::HEALTHY
    };
}

/// Usher, running or stopped, with a folder of its own.
pub(crate) struct Usher {
    name: String,
    folder: tempfile::TempDir,
    port: u16,
    admin_port: u16,
    public_url: String,
    issuer: String,
    child: Option<Child>,
    /// What the running one was started with.
    runs_with: Option<String>,
    http: reqwest::Client,
}

impl Usher {
    /// Chooses ports; nothing runs yet.
    pub(crate) fn new(name: &str, public_url: &str, issuer: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let usher = Self {
            name: name.to_owned(),
            folder,
            port: ports::free()?,
            admin_port: ports::free()?,
            public_url: public_url.to_owned(),
            issuer: issuer.to_owned(),
            child: None,
            runs_with: None,
            http: crate::http_client(),
        };
        usher.tidy_up()?;
        Ok(usher)
    }

    /// The files as they are in a healthy set-up.
    pub(crate) fn tidy_up(&self) -> anyhow::Result<()> {
        let records = self.folder().join("orders.jsonl");
        if std::fs::read_to_string(&records).ok().as_deref() != Some(RECORDS) {
            std::fs::write(records, RECORDS)?;
        }
        Ok(())
    }

    /// What it calls itself.
    pub(crate) fn public_url(&self) -> &str {
        &self.public_url
    }

    /// From the next start it calls itself that.
    pub(crate) fn call_it(&mut self, public_url: &str) {
        public_url.clone_into(&mut self.public_url);
    }

    /// Where it really listens.
    pub(crate) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The issuer that it trusts while it is healthy.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Its configuration, its state and its documents.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The configuration file.
    pub(crate) fn config(&self) -> PathBuf {
        self.folder().join("usher.toml")
    }

    /// Replaces the names in braces.
    pub(crate) fn filled_in(&self, text: &str) -> String {
        let (_, front) = self.public_url.split_once("//").unwrap_or_default();
        text.replace("{front}", front)
            .replace("{public_url}", &self.public_url)
            .replace("{folder}", &self.folder().display().to_string())
            .replace("{admin_port}", &self.admin_port.to_string())
            .replace("{port}", &self.port.to_string())
            .replace("{issuer}", &self.issuer)
    }

    /// The configuration that these settings are.
    pub(crate) fn text(&self, settings: Settings) -> String {
        let Settings {
            public_url,
            listen,
            state_dir,
            issuer,
            of_issuer,
            collection,
            top,
            more,
        } = settings;
        self.filled_in(&format!(
            "public_url = \"{public_url}\"\nlisten = \"{listen}\"\nadmin_listen = \"127.0.0.1:{{admin_port}}\"\n\
             state_dir = \"{state_dir}\"\n{top}\n[log]\nformat = \"json\"\n\n[[issuer]]\nissuer = \"{issuer}\"\n{of_issuer}\n\
             [[collection]]\nname = \"orders\"\npath = \"{collection}\"\n{more}\n"
        ))
    }

    /// Writes the configuration; nothing is started.
    pub(crate) fn write(&self, settings: Settings) -> anyhow::Result<String> {
        let text = self.text(settings);
        std::fs::write(self.config(), &text)?;
        Ok(text)
    }

    /// Runs with these settings from now on; started anew only if it runs with others.
    pub(crate) async fn ensure(&mut self, settings: Settings) -> anyhow::Result<()> {
        let text = self.write(settings)?;
        if self.runs_with.as_ref() == Some(&text) {
            return Ok(());
        }
        self.stop().await?;
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(tools::output(&format!("usher-{}.log", self.name)))?;
        let mut command = tools::program(Path::new(env!("CARGO_BIN_EXE_usher")));
        command
            .arg("--config")
            .arg(self.config())
            .arg("serve")
            .env_clear()
            .env("HOME", self.folder())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("SSL_CERT_FILE", self.folder().join("authority.pem"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        self.child = Some(command.spawn().context("cannot start usher")?);
        self.runs_with = Some(text);
        self.until("/healthz", |_| true).await
    }

    /// Waits for its keys, which a row with a broken issuer does not, and until its index has what the collection has: one
    /// of an earlier row would make it ready as well.
    pub(crate) async fn until_ready(&self) -> anyhow::Result<()> {
        self.until("/readyz", |_| true).await?;
        let is_read = |health: &str| !health.contains(r#""status":"building""#);
        self.until("/healthz?deep=1", is_read).await
    }

    async fn until(&self, path: &str, is_wanted: impl Fn(&str) -> bool) -> anyhow::Result<()> {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let url = format!("{}{path}", self.address());
            if let Ok(answer) = self.http.get(&url).send().await
                && answer.status() == 200
                && is_wanted(&answer.text().await?)
            {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "{path} of usher-{}: not 200, or not what was waited for",
                self.name
            );
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends it and removes its keys and its index; the next start begins from nothing.
    pub(crate) async fn forget(&mut self) -> anyhow::Result<()> {
        self.stop().await?;
        Ok(std::fs::remove_dir_all(self.folder().join("state"))?)
    }

    /// Ends it at once: in order it would wait for connections that proxies keep.
    pub(crate) async fn stop(&mut self) -> anyhow::Result<()> {
        self.runs_with = None;
        if let Some(mut child) = self.child.take() {
            child.kill().await?;
        }
        Ok(())
    }
}
