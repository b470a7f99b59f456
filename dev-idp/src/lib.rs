//! A throw-away identity provider for Usher's demo and tests. **Development only.**
//!
//! It is an OAuth 2.1 authorization server as MCP clients expect one, in one process, on loopback, all in memory, with
//! new keys at every start: discovery (RFC 8414, OpenID Connect), registration and taking it back (RFC 7591, RFC 7592), the authorization code flow
//! with PKCE S256 (RFC 7636), resource indicators (RFC 8707), `iss` in the authorization response (RFC 9207), JWT
//! access tokens (RFC 9068), rotating refresh tokens with reuse detection (RFC 9700), revocation (RFC 7009). Of OpenID
//! Connect it does only what a test needs that wants an ID token to be refused.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), dev_idp::StartError> {
//! let server = dev_idp::Server::start(dev_idp::Config::on_any_port()).await?;
//! assert_eq!(server.issuer(), format!("http://{}", server.address()));
//! # Ok(()) }
//! ```
//!
//! The library is what tests start in process; `main.rs` is the program; `bin/usher-demo` walks a client through it.

mod authorization;
mod bounded;
pub mod browser;
mod client_authentication;
mod clients;
mod config;
mod discovery;
mod error;
mod grants;
mod interaction;
mod keys;
mod pages;
mod parameters;
mod provider;
mod redirect_uri;
mod registration;
mod revocation;
mod scope;
mod secrets;
mod server;
mod sessions;
mod token;
mod token_claims;

pub use config::{Config, User};
pub use server::{Server, StartError};
