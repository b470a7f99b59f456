//! Usher checks tickets; it sells none.
//!
//! An OAuth 2.0 resource server that stands between MCP clients and an organisation's own knowledge and MCP servers.
//! `ARCHITECTURE.md` has the invariants and the walkthroughs. Modules are listed low to high: a module imports only
//! from those above it in this list (`tests/tidy.rs` holds the direction).

pub mod clients;
pub mod clock;
pub mod harmless;
pub mod lifecycle;
pub mod sealing;
pub mod secret_file;
pub mod shares;
pub mod telemetry;

pub mod outbound;

pub mod knowledge;
pub mod token_endpoint;

pub mod auth;
pub mod upstream;

pub mod policy;
pub mod rate_limit;
pub mod tools;

pub mod audit;

pub mod mcp;

pub mod http;

pub mod config;
pub mod doctor;

pub mod cli;

#[cfg(any(test, fuzzing))]
pub mod fuzzing;

#[cfg(test)]
#[path = "../tests/support/any_json.rs"]
mod any_json;
