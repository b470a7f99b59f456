//! This server from inside, without a client: what it is configured to be, what is on this machine, and who it depends on.
//!
//! [`here`] looks at this machine alone and is done at once; [`around`] asks issuers and its own address, side by side, each
//! with a deadline. What upstreams say is asked by whoever can connect to them, and judged by [`upstreams`].

mod address;
mod environment;
mod files;
mod index;
mod issuers;
mod rules;
pub mod upstreams;

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::auth;
use crate::doctor::{Diagnosis, Finding};
use crate::knowledge;
use crate::outbound::{self, Outbound};
use crate::policy::Policy;

pub use environment::findings as environment;

/// What is looked at: the parts of a configuration that may run.
#[derive(Clone, Debug)]
pub struct Inside {
    /// The configuration file, if there is one.
    pub file: Option<PathBuf>,
    /// What the configuration says of itself: nothing that stops the start.
    pub warnings: Vec<String>,
    /// Where clients are listened for.
    pub listen: SocketAddr,
    /// Where keys and the index are.
    pub state_dir: PathBuf,
    /// Files that hold secrets.
    pub secret_files: Vec<PathBuf>,
    /// True if a proxy in front is believed.
    pub trusts_a_proxy: bool,
    /// The resource server.
    pub auth: auth::Settings,
    /// Who may do what.
    pub policy: Policy,
    /// What is searched.
    pub knowledge: knowledge::Settings,
    /// How many upstreams there are.
    pub upstreams: usize,
    /// How this server reaches others.
    pub outbound: outbound::Settings,
    /// The names of all variables of the environment that hold something.
    pub variables: Vec<String>,
}

/// What can be seen on this machine, without asking anybody.
pub fn here(inside: &Inside, diagnosis: &mut Diagnosis) {
    use super::checks::inside as checks;
    let file = match &inside.file {
        Some(path) => path.display().to_string(),
        None => "the environment alone".to_owned(),
    };
    diagnosis.add(Finding::ok(&checks::CONFIGURATION_VALID, file));
    for warning in &inside.warnings {
        let told = Finding::warning(&checks::CONFIGURATION_VALID, warning.as_str());
        diagnosis.add(told.fix("change what it names, or leave it if it is meant"));
    }
    let found = address::matches(inside)
        .into_iter()
        .chain(environment::findings(&inside.variables))
        .chain(files::findings(inside))
        .chain(index::findings(inside))
        .chain([rules::reachable(inside)]);
    for finding in found {
        diagnosis.add(finding);
    }
}

/// What others say: the issuers, whatever listens at our address, and the public address.
pub async fn around(inside: &Inside, outbound: &Outbound) -> Vec<Finding> {
    let (issuers, mut found) = tokio::join!(
        issuers::findings(&inside.auth, outbound),
        address::answers(inside)
    );
    found.extend(issuers);
    found
}
