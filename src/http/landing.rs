//! `GET /`: what this server is. JSON for programs, under the names that existing guides know and ours beside them; the
//! onboarding page for people.

mod client;
mod page;
mod reach;
pub mod settings;
mod snippets;
mod told;

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;

use super::answer::json;
use super::health::Readiness;
use super::page::Tone;
use super::surface::Endpoint;
use super::{State, accept};
use crate::mcp;

pub use settings::{ClientIds, Settings};

/// What `GET /` tells a program.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Landing {
    /// What people call this server.
    name: String,
    /// The program's version.
    version: &'static str,
    /// The protocol spoken.
    protocol: &'static str,
    /// Every address worth knowing.
    endpoints: Endpoints,
    /// How to get a ticket.
    oauth: Oauth,
    /// The revisions of the protocol, newest first.
    revisions: Vec<&'static str>,
    /// Who issues tickets.
    issuers: Vec<String>,
}

#[derive(Debug, JsonSchema, Serialize)]
struct Endpoints {
    /// The address to paste into a client.
    mcp: String,
    /// For clients of 2024-11-05.
    sse: String,
    health: String,
    ready: String,
    openapi: String,
    protected_resource_metadata: String,
}

#[derive(Debug, JsonSchema, Serialize)]
struct Oauth {
    /// What tokens must be issued for (RFC 8707).
    resource: String,
    /// Who issues them.
    authorization_servers: Vec<String>,
    /// What to ask for.
    scopes_supported: Vec<String>,
    /// Where this is written down for clients (RFC 9728).
    protected_resource_metadata: String,
}

/// The page for people or the document for programs.
pub fn landing(state: &State, headers: &HeaderMap) -> Response {
    let landing = describe(state);
    if state.landing.enabled && accept::prefers_html(headers) {
        page::response(&landing, state)
    } else {
        json(StatusCode::OK, &landing)
    }
}

/// Whether it works, in a few words that anybody may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) tone: Tone,
    pub(super) words: &'static str,
}

impl Reading {
    pub(super) fn of(readiness: &Readiness) -> Self {
        let (tone, words) = match readiness.reason() {
            None => (Tone::Good, "Ready"),
            Some("stopping") => (Tone::Wait, "Stopping"),
            Some("keys_not_loaded") => (Tone::Wait, "Waiting for the issuer’s keys"),
            Some(_) => (Tone::Wait, "Waiting for the search index"),
        };
        Self { tone, words }
    }
}

fn describe(state: &State) -> Landing {
    let public_url = state.public_url();
    let at = |endpoint: Endpoint| format!("{public_url}{}", endpoint.label());
    let server = &state.resource_server;
    let metadata = server
        .resources()
        .at("/mcp")
        .map(|resource| server.metadata(resource));
    let metadata_url = format!("{}/mcp", at(Endpoint::ResourceMetadata));
    let (name, scopes_supported) = metadata
        .map(|metadata| (metadata.resource_name, metadata.scopes_supported))
        .unwrap_or_default();
    let issuers: Vec<String> = server.issuers().map(str::to_owned).collect();
    Landing {
        name,
        version: env!("CARGO_PKG_VERSION"),
        protocol: "Model Context Protocol",
        endpoints: Endpoints {
            mcp: at(Endpoint::Mcp),
            sse: at(Endpoint::LegacySse),
            health: at(Endpoint::Health),
            ready: at(Endpoint::Ready),
            openapi: at(Endpoint::OpenapiJson),
            protected_resource_metadata: metadata_url.clone(),
        },
        oauth: Oauth {
            resource: at(Endpoint::Mcp),
            authorization_servers: issuers.clone(),
            scopes_supported,
            protected_resource_metadata: metadata_url,
        },
        revisions: mcp::revisions(),
        issuers,
    }
}
