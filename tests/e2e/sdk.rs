//! The official SDKs as programs, each with a person at a browser.

use std::process::Stdio;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use crate::tools;
use crate::usher::Usher;

/// An official SDK.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sdk {
    Python,
    TypeScript,
}

/// Who lets people in: the person, and what the consent page must say of reading.
pub(crate) struct Provider<'p> {
    /// How the names of rows end; nothing for the usual one.
    pub(crate) name: &'p str,
    pub(crate) user: &'p str,
    pub(crate) password: &'p str,
    pub(crate) consent: &'p str,
}

pub(crate) const KEYCLOAK: Provider<'_> = Provider {
    name: "",
    user: "alice",
    password: "alice",
    consent: "Search and read the knowledge",
};

/// The client of Keycloak's realm for programs on a person's own computer.
pub(crate) const PREDEFINED: &str = "mcp-client";

/// One visit: the revision to arrive at; a client id, or nothing for a registration (RFC 7591).
#[derive(Clone, Copy)]
pub(crate) struct Visit<'v> {
    pub(crate) sdk: Sdk,
    pub(crate) version: &'v str,
    pub(crate) client_id: Option<&'v str>,
    /// What is more than usual about it.
    pub(crate) more: More,
}

/// What a visit may have in addition.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum More {
    Nothing,
    /// One more call after so many seconds, when the token has gone by.
    Refresh {
        after_seconds: u32,
    },
    /// `fetch` asks for more scope than the first login gave.
    StepUp,
}

impl Visit<'_> {
    /// A visit of a client that registers itself.
    pub(crate) const fn new(sdk: Sdk, version: &str) -> Visit<'_> {
        Visit {
            sdk,
            version,
            client_id: None,
            more: More::Nothing,
        }
    }

    /// A sentence that is true if it passed.
    pub(crate) fn name(self, provider: &Provider<'_>) -> String {
        let Self { sdk, version, .. } = self;
        let how = match self.client_id {
            Some(_) => "is predefined",
            None => "registers itself",
        };
        let more = match self.more {
            More::Nothing => "",
            More::Refresh { .. } => " and refreshes after expiry",
            More::StepUp => " and asks for more scope when a tool takes it",
        };
        format!("{sdk:?} {how} and speaks {version}{more}{}", provider.name)
    }

    /// Goes through with it; what the client saw.
    pub(crate) async fn go(self, usher: &Usher, provider: &Provider<'_>) -> anyhow::Result<Value> {
        let wait_seconds = match self.more {
            More::Refresh { after_seconds } => after_seconds,
            More::Nothing | More::StepUp => 0,
        };
        let task = json!({
            "name": self.name(provider).replace([' ', '.'], "-"),
            "url": format!("{}/mcp", usher.public_url()),
            "modern": self.version >= "2026-07-28",
            "client_id": self.client_id,
            "wait_seconds": wait_seconds,
            "step_up": self.more == More::StepUp,
            "user": provider.user,
            "password": provider.password,
            "screenshots": tools::output("screenshots"),
        });
        self.sdk.run(&task).await
    }
}

impl Sdk {
    /// The task is JSON on standard input, the answer the last line of standard output.
    pub(crate) async fn run(self, task: &Value) -> anyhow::Result<Value> {
        let mut command = match self {
            Self::Python => {
                let mut command = tools::program(&tools::tool("python")?.join("bin/python"));
                command.arg(tools::root().join("tests/e2e/client.py"));
                command
            }
            Self::TypeScript => {
                let mut command = tools::program(&tools::node()?);
                command.arg("typescript.mjs");
                command
            }
        };
        let mut child = command
            .env("USHER_E2E_NODE", tools::node()?)
            .env("CHROMIUM", tools::tool("chromium")?)
            .current_dir(tools::output("clients"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("{command:?}: run `tests/e2e/install`"))?;
        let mut input = child.stdin.take().context("its standard input")?;
        input.write_all(task.to_string().as_bytes()).await?;
        drop(input);
        let output = child.wait_with_output().await?;
        let text = String::from_utf8_lossy(&output.stdout);
        ensure!(
            output.status.success(),
            "{}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        let last = text.lines().last().unwrap_or_default();
        serde_json::from_str(last).with_context(|| format!("expected JSON, found {text:?}"))
    }
}
