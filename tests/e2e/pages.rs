//! The onboarding page and the admin pages, looked at with a real browser: in light and in dark, on a phone, by keyboard,
//! without scripts.
//!
//! `cargo test --test e2e -- pages` takes the pictures into `target/e2e/screenshots`; with a second argument, `pictures`, also
//! into `docs/images`, where the documentation shows them.

mod place;

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::time::Instant;

use crate::gateway::TestGateway;
use crate::report::{Report, rows};
use crate::tools;
use place::Place;

/// Longer pictures are cut: documentation shows the beginning.
const TALLEST: u32 = 1_100;
/// The pictures that the documentation shows.
const SHOWN: &[&str] = &[
    "onboarding-light",
    "onboarding-dark",
    "onboarding-phone",
    "admin-overview-light",
    "admin-refusals-light",
    "admin-tools-light",
    "admin-health-dark",
    "admin-calls-phone",
];

/// All rows.
pub(crate) async fn rows(report: &Report) {
    // One argument chooses all of them: they share the servers.
    if !report.wants("pages") {
        return;
    }
    let started = Instant::now();
    let place = match Place::start().await {
        Ok(place) => place,
        Err(error) => return report.row(started, "pages have a place", Err(error)),
    };
    rows!(
        report,
        &place,
        pages_for_newcomers_can_be_read_by_everybody,
        pages_for_operations_can_be_read_by_everybody,
    );
}

/// Two of it: the deployment for other people, and the one on a newcomer's machine.
async fn pages_for_newcomers_can_be_read_by_everybody(place: &Place) -> anyhow::Result<()> {
    let local = TestGateway::start().await;
    let copied = json!([
        "address",
        "claude-code-command",
        "vscode-file",
        "cursor-file",
        "doctor"
    ]);
    let pages = json!([
        { "name": "onboarding", "url": format!("{}/", place.gateway.url) },
        { "name": "onboarding-local", "url": format!("{}/", local.url) },
    ]);
    look(pages, copied).await
}

async fn pages_for_operations_can_be_read_by_everybody(place: &Place) -> anyhow::Result<()> {
    let page = |name: &str, path: &str| json!({ "name": format!("admin-{name}"), "url": format!("{}{path}", place.gateway.admin_url) });
    let pages = json!([
        page("overview", "/"),
        page("refusals", "/refusals"),
        page("health", "/health"),
        page("tools", "/tools"),
        page("streams", "/streams"),
        page("calls", "/calls"),
    ]);
    look(pages, json!([])).await
}

/// Looks at the pages; fails with everything that is wrong.
async fn look(pages: Value, copied: Value) -> anyhow::Result<()> {
    let mut screenshots = vec![json!({ "folder": tools::output("screenshots") })];
    if std::env::args().nth(2).as_deref() == Some("pictures") {
        let folder = tools::root().join("docs/images");
        std::fs::create_dir_all(&folder)?;
        screenshots.push(json!({ "folder": folder, "tallest": TALLEST, "only": SHOWN }));
    }
    let task = json!({ "pages": pages, "copied": copied, "screenshots": screenshots });
    let mut child = tools::program(&tools::node()?)
        .arg("pages.mjs")
        .env("CHROMIUM", tools::tool("chromium")?)
        .current_dir(tools::output("clients"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("Node.js: run `tests/e2e/install`")?;
    let mut input = child.stdin.take().context("its standard input")?;
    input.write_all(task.to_string().as_bytes()).await?;
    drop(input);
    let looked = tokio::time::timeout(Duration::from_secs(600), child.wait_with_output());
    let output = looked.await.context("the browser took too long")??;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}\n{errors}", output.status);
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().last().unwrap_or_default();
    let found: Value = serde_json::from_str(last).with_context(|| format!("found {text:?}"))?;
    let wrong: Vec<String> = serde_json::from_value(found["wrong"].clone())?;
    ensure!(wrong.is_empty(), "{}", wrong.join("\n    "));
    Ok(())
}
