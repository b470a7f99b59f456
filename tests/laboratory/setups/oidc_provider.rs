//! `oidc-provider.mjs`, running.

use std::process::Stdio;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Child;

use crate::keycloak::member;
use crate::tools;

/// npm's `oidc-provider` in a process of its own.
pub(crate) struct OidcProvider {
    url: String,
    http: reqwest::Client,
    _child: Child,
}

impl OidcProvider {
    /// Starts it under this issuer identifier and waits until it listens.
    pub(crate) async fn start(issuer: &str) -> anyhow::Result<Self> {
        let folder = tools::output("node");
        std::fs::create_dir_all(&folder)?;
        let script = tools::root().join("tests/laboratory/oidc-provider.mjs");
        std::fs::copy(script, folder.join("oidc-provider.mjs"))?;
        // Node looks for modules beside a script.
        std::os::unix::fs::symlink(tools::tool("node_modules")?, folder.join("node_modules"))?;
        let log = std::fs::File::create(tools::output("oidc-provider.log"))?;
        let mut child = tools::program(&tools::node()?)
            .args(["oidc-provider.mjs", issuer])
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context("cannot start Node.js: run `tests/laboratory/install`")?;
        let output = child.stdout.take().context("its standard output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).await?;
        ensure!(
            line.starts_with("http://"),
            "expected an address, found {line:?}; target/laboratory/oidc-provider.log says why"
        );
        Ok(Self {
            url: line.trim().to_owned(),
            http: crate::http_client(),
            _child: child,
        })
    }

    /// Where it really listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Another provider from now on: healthy but for the members of this object.
    pub(crate) async fn change(&self, changes: &str) -> anyhow::Result<()> {
        let request = self.http.post(format!("{}/lab", self.url));
        let answer = request.body(changes.to_owned()).send().await?;
        ensure!(
            answer.status() == 200,
            "{changes}: {}",
            answer.text().await?
        );
        Ok(())
    }

    /// An access token of the client `service` for a resource, from the issuer at its public address.
    pub(crate) async fn token(&self, issuer: &str, resource: &str) -> anyhow::Result<String> {
        let form = [
            ("grant_type", "client_credentials"),
            ("resource", resource),
            ("scope", "mcp:read"),
        ];
        let request = self.http.post(format!("{issuer}/token"));
        let request = request.basic_auth("service", Some("service-secret"));
        let answer: Value = request.form(&form).send().await?.json().await?;
        member(&answer, "access_token")
    }
}
