//! From what was written to what it means. Each module checks its own settings; here are the checks that need two.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::mistake::{Mistake, Problem};
use super::{KeyPath, Settings, Variables};
use crate::{auth, http, mcp, outbound, telemetry};

/// A configuration that may run.
#[derive(Clone, Debug)]
pub struct Config {
    /// For clients.
    pub listen: SocketAddr,
    /// For operations.
    pub admin_listen: SocketAddr,
    /// Last-good keys and the index.
    pub state_dir: PathBuf,
    /// The resource server.
    pub auth: auth::Settings,
    /// The HTTP surface.
    pub http: http::Settings,
    /// The protocol layer.
    pub mcp: mcp::Settings,
    /// What `search` and `fetch` answer from.
    pub collections: Vec<super::Collection>,
    /// The log.
    pub log: telemetry::Settings,
    /// Outgoing requests.
    pub outbound: outbound::Settings,
    /// The scope that reading tools need.
    pub read_scope: auth::Scope,
    /// The scope that all other tools need.
    pub write_scope: auth::Scope,
}

/// Checks what the settings mean together.
pub(super) fn check(settings: Settings, variables: &Variables) -> Result<Config, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    if !settings.admin_listen.ip().is_loopback() && settings.admin_secret_file.is_none() {
        mistakes.push(meaning(
            "admin_listen",
            "the admin listener can be reached from other machines and has no secret",
            "name a file that holds one in `admin_secret_file`, or listen on a loopback address",
        ));
    }
    if settings.issuer.is_empty() {
        mistakes.push(meaning(
            "issuer",
            "no issuer is configured",
            "set KC_ISSUER or add [[issuer]]",
        ));
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    Ok(Config {
        listen: settings.listen,
        admin_listen: settings.admin_listen,
        state_dir: state_dir(settings.state_dir.clone(), variables),
        auth: settings.auth(),
        http: settings.http,
        mcp: settings.mcp,
        collections: settings.collection,
        log: settings.log,
        outbound: settings.outbound,
        read_scope: auth::Scope::parse("mcp:read").ok_or_else(Vec::new)?,
        write_scope: auth::Scope::parse("mcp:write").ok_or_else(Vec::new)?,
    })
}

fn meaning(path: &str, message: &str, advice: &str) -> Mistake {
    Mistake {
        path: KeyPath::parse(path),
        origin: None,
        problem: Problem::Meaning {
            found: None,
            message: message.to_owned(),
            advice: advice.to_owned(),
        },
    }
}

/// The configured directory, else that of the XDG base directory specification.
fn state_dir(configured: Option<PathBuf>, variables: &Variables) -> PathBuf {
    let absolute = |name| {
        variables
            .text(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    configured
        .or_else(|| absolute("STATE_DIRECTORY"))
        .or_else(|| absolute("XDG_STATE_HOME").map(|state| state.join("usher")))
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state/usher")))
        .unwrap_or_else(|| PathBuf::from("/var/lib/usher"))
}
