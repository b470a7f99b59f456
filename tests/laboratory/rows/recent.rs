//! What a running server saw lately.

use anyhow::{Context as _, ensure};
use serde_json::json;

use crate::row::{Ask, At, Break, Done, Row};
use crate::setups::Site;

const fn row(fault: &'static str, breaks: &'static [Break], first: &'static str) -> Row {
    Row {
        fault,
        place: "token",
        at: At::DevIdp,
        breaks,
        ask: Ask::Recent,
        first,
    }
}

fn wrong_audience(site: &Site) -> anyhow::Result<String> {
    let idp = site.dev_idp()?;
    let resource = "https://other.example.com/mcp";
    let token = idp.access_token("alice", "laboratory", resource, "mcp:read");
    token.context("alice")
}

/// `count` calls with this token, which are refused.
async fn refused(site: &Site, token: &str, count: usize) -> anyhow::Result<()> {
    let http = crate::http_client();
    for _ in 0..count {
        let request = http
            .post(site.url())
            .bearer_auth(token)
            .header("accept", "application/json, text/event-stream")
            .json(&json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }));
        let status = request.send().await?.status();
        ensure!(status == 401, "{status}");
    }
    Ok(())
}

fn somebody_with_a_wrong_audience(site: &mut Site) -> Done<'_, ()> {
    Box::pin(async move { refused(site, &wrong_audience(site)?, 3).await })
}

/// A thousand of one kind, and one of another before them.
fn a_flood(site: &mut Site) -> Done<'_, ()> {
    Box::pin(async move {
        refused(site, &wrong_audience(site)?, 1).await?;
        refused(site, "ya29.a0AfH6SMBx7fakefakefake", 1_200).await
    })
}

/// What it saw is forgotten.
fn start_anew(site: &mut Site) -> Done<'_, ()> {
    Box::pin(async move { site.usher.stop().await })
}

pub(crate) const ROWS: &[Row] = &[
    row(
        "tokens with a wrong audience were refused",
        &[Break::Do(somebody_with_a_wrong_audience, start_anew)],
        "token-audience",
    ),
    row(
        "one wrong audience, and then a flood of opaque tokens",
        &[Break::Do(a_flood, start_anew)],
        "token-is-jwt",
    ),
    Row {
        place: "Usher",
        ..row(
            "the server does not run",
            &[Break::Do(start_anew, start_anew)],
            "admin-reachable",
        )
    },
];
