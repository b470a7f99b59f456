//! The official clients, each with a person at a browser: registration, login, consent, `search` and `fetch`.

use std::process::Stdio;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::time::Instant;

use crate::report::Report;
use crate::usher::Usher;
use crate::{Scene, tools};

/// The client of the realm for programs on a person's own computer.
const PREDEFINED: &str = "mcp-client";

/// An official SDK.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sdk {
    Python,
    TypeScript,
}

use Sdk::{Python, TypeScript};

/// Who lets people in: where the names and passwords are from, and what the consent page must say of reading.
struct Provider<'p> {
    user: &'p str,
    password: &'p str,
    consent: &'p str,
}

const KEYCLOAK: Provider<'_> = Provider {
    user: "alice",
    password: "alice",
    consent: "Search and read the knowledge",
};

/// One visit: the revision to arrive at; a client id, or nothing for a registration (RFC 7591).
#[derive(Clone, Copy)]
struct Visit<'v> {
    sdk: Sdk,
    version: &'v str,
    client_id: Option<&'v str>,
    /// How long to wait before one more call.
    wait_seconds: u32,
}

impl Visit<'_> {
    const fn new(sdk: Sdk, version: &str) -> Visit<'_> {
        Visit {
            sdk,
            version,
            client_id: None,
            wait_seconds: 0,
        }
    }

    /// A sentence that is true if it passed.
    fn name(self) -> String {
        let Self { sdk, version, .. } = self;
        let how = if self.client_id.is_some() {
            "is predefined"
        } else {
            "registers itself"
        };
        let after = if self.wait_seconds > 0 {
            " and refreshes after expiry"
        } else {
            ""
        };
        format!("clients::{sdk:?} {how} and speaks {version}{after}")
    }
}

/// Both official clients in both eras, registered and predefined, and a token that goes by; side by side.
pub(crate) async fn visits(report: &Report, scene: &Scene) {
    let one_after_another = async |sdk| {
        for client_id in [None, Some(PREDEFINED)] {
            for version in ["2025-11-25", "2026-07-28"] {
                let visit = Visit {
                    client_id,
                    ..Visit::new(sdk, version)
                };
                go(report, &scene.usher, &KEYCLOAK, visit).await;
            }
        }
    };
    let brief = async |sdk, client_id| {
        let started = Instant::now();
        let visit = Visit {
            client_id: Some(client_id),
            // Usher allows clocks to differ by 30 s.
            wait_seconds: 34,
            ..Visit::new(sdk, "2026-07-28")
        };
        match client_with_brief_tokens(scene, client_id).await {
            Ok(()) => go(report, &scene.usher, &KEYCLOAK, visit).await,
            error => report.row(started, &visit.name(), error),
        }
    };
    tokio::join!(
        one_after_another(TypeScript),
        one_after_another(Python),
        brief(TypeScript, "brief-typescript"),
        brief(Python, "brief-python"),
    );
}

/// A public client for the browser whose access tokens live for two seconds.
async fn client_with_brief_tokens(scene: &Scene, id: &str) -> anyhow::Result<()> {
    let changes = json!({
        "standardFlowEnabled": true, "directAccessGrantsEnabled": false, "consentRequired": true,
        "redirectUris": ["http://127.0.0.1/*"], "attributes": { "access.token.lifespan": "2" },
    });
    scene.keycloak.add_client("mcp", id, changes).await
}

async fn go(report: &Report, usher: &Usher, provider: &Provider<'_>, visit: Visit<'_>) {
    let started = Instant::now();
    let outcome = run(usher, provider, visit)
        .await
        .and_then(|seen| check(&seen, provider, visit));
    report.row(started, &visit.name(), outcome);
}

/// One login, consent to reading, both tools, and the right revision; a registration only where no client id was given.
fn check(seen: &Value, provider: &Provider<'_>, visit: Visit<'_>) -> anyhow::Result<()> {
    ensure!(seen["logins"] == 1, "{seen}");
    let consent = seen["consent"][0].as_str().unwrap_or_default();
    ensure!(consent.contains(provider.consent), "{seen}");
    ensure!(!consent.contains("Change things"), "{seen}");
    ensure!(seen["version"] == visit.version, "{seen}");
    ensure!(seen["tools"] == json!(["search", "fetch"]), "{seen}");
    let found = &seen["search"]["results"][0];
    ensure!(found["title"] == "Order 1001", "{seen}");
    ensure!(seen["fetch"]["id"] == found["id"], "{seen}");
    // An SDK also saves a client id that it was given.
    let saved = seen["registered"].as_str();
    match visit.client_id {
        None => ensure!(saved.is_some_and(|id| id != PREDEFINED), "{seen}"),
        given => ensure!(saved.is_none() || saved == given, "{seen}"),
    }
    if visit.wait_seconds > 0 {
        ensure!(seen["refreshes"].as_u64() >= Some(1), "{seen}");
        ensure!(seen["after_expiry"] == found["id"], "{seen}");
    }
    Ok(())
}

/// Runs a client for a person; what it saw.
async fn run(usher: &Usher, provider: &Provider<'_>, visit: Visit<'_>) -> anyhow::Result<Value> {
    let task = json!({
        "name": visit.name().trim_start_matches("clients::").replace([' ', '.'], "-"),
        "url": format!("{}/mcp", usher.public_url()),
        "modern": visit.version >= "2026-07-28",
        "client_id": visit.client_id,
        "wait_seconds": visit.wait_seconds,
        "user": provider.user,
        "password": provider.password,
        "screenshots": tools::output("screenshots"),
    });
    let mut command = match visit.sdk {
        Python => {
            let mut command = tools::program(&tools::tool("python")?.join("bin/python"));
            command.arg(tools::root().join("tests/e2e/client.py"));
            command
        }
        TypeScript => {
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
