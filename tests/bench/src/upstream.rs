//! The cheapest upstream there is: an axum handler that answers with fixed bytes around the id of the request.
//!
//! It runs in a process of its own, so that what is counted is the gateway's.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::net::TcpListener;

use crate::request::{LEGACY, MODERN};

/// What it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Era {
    /// Sessions, as in 2025-11-25.
    Legacy,
    /// No sessions, as in 2026-07-28.
    Modern,
}

/// `usher-bench upstream`: what it offers.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// What it speaks.
    #[arg(long)]
    pub(crate) era: Era,
    /// A file with the result of every call.
    #[arg(long)]
    pub(crate) result: PathBuf,
    /// How many tools it has: tool-1, tool-2, …
    #[arg(long, default_value_t = 1)]
    pub(crate) tools: usize,
}

struct Shared {
    era: Era,
    result: Vec<u8>,
    tools: Vec<u8>,
    sessions: AtomicUsize,
}

/// All that it reads of a message.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    method: &'a str,
}

/// Serves until killed. `GET /sessions` says how many were opened.
#[tokio::main]
pub(crate) async fn serve(options: Options) -> Result<()> {
    let shared = Arc::new(Shared {
        era: options.era,
        result: std::fs::read(&options.result)?,
        tools: tools(options.tools),
        sessions: AtomicUsize::new(0),
    });
    let sessions = async |State(shared): State<Arc<Shared>>| {
        shared.sessions.load(Ordering::Relaxed).to_string()
    };
    let router = Router::new()
        .route("/mcp", post(answer))
        .route("/sessions", get(sessions))
        .with_state(shared);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}

/// A list of tools such as people write them, about 230 bytes each.
fn tools(count: usize) -> Vec<u8> {
    let tool = |number| {
        serde_json::json!({
            "name": format!("tool-{number}"),
            "description": "Looks up one order by its number and tells what is known of it.",
            "inputSchema": {
                "type": "object",
                "properties": { "number": { "type": "string", "description": "The number." } },
                "required": ["number"],
            },
        })
    };
    let tools: Vec<_> = (1..=count).map(tool).collect();
    serde_json::json!({ "resultType": "complete", "ttlMs": 60_000, "cacheScope": "public", "tools": tools })
        .to_string()
        .into_bytes()
}

async fn answer(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let Ok(message) = serde_json::from_slice::<Message<'_>>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let Some(id) = message.id else {
        return StatusCode::ACCEPTED.into_response();
    };
    let id = id.get();
    match (message.method, shared.era) {
        ("tools/call", _) => result(id, &shared.result),
        ("tools/list", _) => result(id, &shared.tools),
        ("server/discover", Era::Modern) => {
            let found = format!(
                r#"{{"resultType":"complete","supportedVersions":["{MODERN}"],"capabilities":{{"tools":{{}}}},"ttlMs":0,"cacheScope":"private"}}"#
            );
            result(id, found.as_bytes())
        }
        ("initialize", Era::Legacy) => {
            let number = shared.sessions.fetch_add(1, Ordering::Relaxed);
            let agreed = format!(
                r#"{{"protocolVersion":"{LEGACY}","capabilities":{{"tools":{{}}}},"serverInfo":{{"name":"bench","version":"1"}}}}"#
            );
            let session = [(
                "mcp-session-id",
                format!("00000000-0000-4000-8000-{number:012}"),
            )];
            (session, result(id, agreed.as_bytes())).into_response()
        }
        _ => {
            let status = match shared.era {
                Era::Legacy => StatusCode::OK,
                Era::Modern => StatusCode::NOT_FOUND,
            };
            let error = r#"{"code":-32601,"message":"method not found"}"#;
            (status, message_of(id, "error", error.as_bytes())).into_response()
        }
    }
}

fn result(id: &str, result: &[u8]) -> Response {
    message_of(id, "result", result)
}

fn message_of(id: &str, key: &str, value: &[u8]) -> Response {
    let head = format!(r#"{{"jsonrpc":"2.0","id":{id},"{key}":"#);
    let mut body = Vec::with_capacity(head.len() + value.len() + 1);
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(value);
    body.push(b'}');
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}
