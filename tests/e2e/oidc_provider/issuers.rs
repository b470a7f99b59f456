//! `oidc-provider.mjs`, running: its issuers, and tokens that need no browser.

use std::process::Stdio;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Child;

use crate::keycloak::member;
use crate::tools;

/// All issuers of one process.
pub(crate) struct Issuers {
    told: Value,
    child: Option<Child>,
    http: reqwest::Client,
}

impl Issuers {
    /// Starts them and waits until they listen.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let log = std::fs::File::create(tools::output("oidc-provider.log"))?;
        let mut child = tools::program(&tools::node()?)
            .arg("oidc-provider.mjs")
            .current_dir(tools::output("clients"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context("cannot start Node.js: run `tests/e2e/install`")?;
        let output = child.stdout.take().context("its standard output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).await?;
        let told = serde_json::from_str(&line).with_context(|| {
            format!("expected the issuers, found {line:?}; target/e2e/oidc-provider.log says why")
        })?;
        Ok(Self {
            told,
            child: Some(child),
            http: crate::http_client(),
        })
    }

    /// The issuer identifier of the issuer that signs with this algorithm, or of the one whose tokens are `opaque`.
    pub(crate) fn issuer(&self, name: &str) -> anyhow::Result<&str> {
        let issuer = self.told["issuers"][name].as_str();
        issuer.with_context(|| format!("no issuer {name} in {}", self.told))
    }

    /// The address of the client ID metadata document.
    pub(crate) fn client_id(&self) -> &Value {
        &self.told["client_id"]
    }

    /// An access token of the client `service` for a resource, with a DPoP proof if one is given.
    pub(crate) async fn token(
        &self,
        issuer: &str,
        resource: &str,
        proof: Option<&str>,
    ) -> anyhow::Result<String> {
        let form = [
            ("grant_type", "client_credentials"),
            ("resource", resource),
            ("scope", "mcp:read"),
        ];
        let url = format!("{}/token", self.issuer(issuer)?);
        let mut request = self
            .http
            .post(url)
            .basic_auth("service", Some("service-secret"))
            .form(&form);
        if let Some(proof) = proof {
            request = request.header("dpop", proof);
        }
        member(&request.send().await?.json().await?, "access_token")
    }

    /// Revokes an access token (RFC 7009), as its client.
    pub(crate) async fn revoke(
        &self,
        issuer: &str,
        token: &str,
        client_id: &str,
    ) -> anyhow::Result<()> {
        let form = [("token", token), ("client_id", client_id)];
        let url = format!("{}/token/revocation", self.issuer(issuer)?);
        let answer = self.http.post(url).form(&form).send().await?;
        ensure!(answer.status() == 200, "{answer:?}");
        Ok(())
    }

    /// Ends the process: nobody can be asked any more.
    pub(crate) async fn stop(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill().await?;
        }
        Ok(())
    }
}
