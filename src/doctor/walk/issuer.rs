//! One authorization server, as a client looks at it before a login.

use http::{HeaderMap, Method};
use url::Url;

use crate::clients::KnownClient;
use crate::doctor::checks::issuer::{ISSUER_REACHABLE, ISSUER_TLS};
use crate::doctor::{Diagnosis, Finding};
use crate::outbound::{Probe, ProbeError, Question};

use super::{MOST_BYTES, PATIENCE};

/// What there is to find out about one authorization server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Its issuer, to the letter as the resource metadata names it.
    pub issuer: String,
    /// The resource that tokens are wanted for.
    pub resource: String,
    /// The scopes that clients will ask for.
    pub scopes: Vec<String>,
    /// As which clients.
    pub clients: Vec<KnownClient>,
    /// True if they were named one by one, so that what only they need is needed.
    pub named: bool,
    /// Try a registration for real.
    pub may_register: bool,
}

/// Everything that can be found out without a login.
pub async fn check(probe: &Probe, asked: &Asked, diagnosis: &mut Diagnosis) {
    let Ok(url) = Url::parse(&asked.issuer) else {
        return;
    };
    let question = Question {
        method: &Method::GET,
        url: &url,
        headers: &HeaderMap::new(),
        body: b"",
        max_bytes: MOST_BYTES,
        timeout: PATIENCE,
    };
    let finding = match probe.ask(question).await {
        Ok(heard) => Finding::ok(
            &ISSUER_REACHABLE,
            format!("{} after {} ms", heard.status, heard.first_byte.as_millis()),
        ),
        Err(ProbeError::Tls(problem)) => Finding::failure(&ISSUER_TLS, problem.to_string()),
        Err(error) => Finding::failure(&ISSUER_REACHABLE, error.to_string()),
    };
    diagnosis.add(finding.of(&asked.issuer));
}
