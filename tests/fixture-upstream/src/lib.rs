//! The MCP server that stands behind Usher in the conformance tests: what the official suite wants of a server, written
//! with the Rust SDK, over Streamable HTTP.
//!
//! It speaks one era only, so that what reaches a client of the other one was bridged:
//!
//! - **legacy**: the handshake, sessions, answers as event streams; 2025-06-18 and 2025-11-25. It asks its client with
//!   requests of its own. It does not list the `test_input_required_*` tools and prompt: results of that type came with
//!   2026-07-28.
//! - **modern**: 2026-07-28, no sessions. It asks with `input_required` results, because the revision forbids requests
//!   of the server, and rmcp refuses to send any.
//!
//! What rmcp 3.9 does not do: it ends no event stream before the answer, so `test_reconnection` is a slow answer and no
//! more; the suite tests the rest of SEP-1699 by what the transport sends.

mod ask;
mod prompts;
mod resources;
mod rounds;
mod server;
mod tools;

use std::sync::Arc;

use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

use server::Fixture;

/// What it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Era {
    /// 2025-06-18 and 2025-11-25.
    Legacy,
    /// 2026-07-28.
    Modern,
}

/// Binds a free loopback port: the endpoint's address, and the server, which runs while it is polled.
pub async fn serve(
    era: Era,
) -> std::io::Result<(String, impl Future<Output = std::io::Result<()>> + Send)> {
    let fixture = Fixture::new(era);
    let service: StreamableHttpService<Fixture, LocalSessionManager> = StreamableHttpService::new(
        move || Ok(fixture.clone()),
        Arc::default(),
        StreamableHttpServerConfig::default(),
    );
    let router = axum::Router::new().nest_service("/mcp", service);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/mcp", listener.local_addr()?);
    Ok((url, async move { axum::serve(listener, router).await }))
}
