//! What a development identity provider is started with.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::secrets;

/// Settings with their defaults; every field may be changed before [`crate::Server::start`].
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen. Anything but loopback is refused.
    pub listen: SocketAddr,
    /// The issuer identifier, where a proxy stands in front of this server and its clients call that. Default: `http://`
    /// and the address that it listens on.
    pub issuer: Option<String>,
    /// How long an access token is valid. Default: 5 minutes.
    pub access_token_lifetime: Duration,
    /// How long a refresh token is valid, from its last rotation. Default: 8 hours.
    pub refresh_token_lifetime: Duration,
    /// How long a retired key stays published. Default: 1 hour, longer than any access token lives.
    pub key_overlap: Duration,
    /// The resource assumed where a client names none, as clients of MCP 2025-03-26 do (RFC 8707 §2 allows a predefined
    /// default). Default: none, and such a request is answered with `invalid_target`.
    pub default_resource: Option<String>,
    /// The scopes for resources, beside `openid` and `offline_access`. The first is granted where a client asks for
    /// none. Default: `mcp:read` and `mcp:write`.
    pub scopes: Vec<String>,
    /// Who can log in. Default: alice (finance) and bob (engineering), with passwords made anew at every start.
    pub users: Vec<User>,
}

impl Config {
    /// The defaults, on a free loopback port: what tests want.
    #[must_use]
    pub fn on_any_port() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            ..Self::default()
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9000)),
            issuer: None,
            access_token_lifetime: Duration::from_secs(5 * 60),
            refresh_token_lifetime: Duration::from_secs(8 * 60 * 60),
            key_overlap: Duration::from_secs(60 * 60),
            default_resource: None,
            scopes: vec!["mcp:read".to_owned(), "mcp:write".to_owned()],
            users: vec![
                User::new("alice", "finance"),
                User::new("bob", "engineering"),
            ],
        }
    }
}

/// Somebody who can log in. The password is shown on the login page: these are no real accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name to log in with, and the `sub` of the tokens.
    pub name: String,
    /// The `groups` of the tokens.
    pub groups: Vec<String>,
    /// A throw-away password.
    pub password: String,
}

impl User {
    /// A user in one group, with a new random password.
    #[must_use]
    pub fn new(name: &str, group: &str) -> Self {
        Self {
            name: name.to_owned(),
            groups: vec![group.to_owned()],
            password: format!("{name}-{}", secrets::short()),
        }
    }
}
