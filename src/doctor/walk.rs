//! The walk from outside: what a client meets between an address that somebody typed and the first call, step by step.
//!
//! The first answer decides whether there is anything to look at; what does not build on each other is then asked side
//! by side. Nothing is believed: every answer is bounded in size and time, and names that documents hold are followed
//! within the class of the typed address only ([`crate::outbound::Probe`]).

pub mod address;
mod answer;
pub(in crate::doctor) mod ask;
mod bot_filter;
mod challenge;
mod cors;
mod heard;
pub mod issuer;
mod keys;
mod metadata;
mod proxy;
pub(in crate::doctor) mod redirect;
pub(in crate::doctor) mod registration;
pub mod stream;
mod www_authenticate;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use http::{HeaderMap, HeaderValue, Method, header};
use url::Url;

use super::{Check, Diagnosis, Finding};
use crate::clients::KnownClient;
use crate::clock::Clock;
use crate::outbound::{Heard, Probe, ProbeError, Question};
use crate::secret_file::SecretText;

pub use issuer::{Asked, Provider};
pub use registration::Registered;

/// As long as the least patient client waits for a document (`clients.md`: 10 s).
pub const PATIENCE: Duration = Duration::from_secs(10);
/// The most of any answer that is read.
pub const MOST_BYTES: usize = 64 * 1024;

/// One walk: whose steps, and how far.
#[derive(Clone)]
pub struct Walk {
    /// The address, to the letter as typed.
    pub typed: String,
    /// Asks on behalf of that address.
    pub probe: Probe,
    /// As which clients.
    pub clients: Vec<KnownClient>,
    /// True if they were named one by one, so that what only they need is needed.
    pub named: bool,
    /// Try a registration for real, and note here what is to be taken back.
    pub registers: Option<Registered>,
    /// A client id that is registered at the authorization server.
    pub client_id: Option<String>,
    /// An access token for what only a caller with one sees.
    pub token: Option<Arc<SecretText>>,
    /// How long to watch a quiet stream.
    pub patience: Option<Duration>,
    /// How long each answer may take: [`PATIENCE`], and less in tests.
    pub answer_within: Duration,
    /// The wall clock here.
    pub clock: Clock,
    /// Who is told what is being looked at.
    pub progress: Progress,
}

/// Hears what is being looked at, in a few words.
#[derive(Clone)]
pub struct Progress(Arc<dyn Fn(&str) + Send + Sync>);

/// A walk that has ended, with what a login goes on from.
#[derive(Clone, Debug)]
pub struct Walked {
    /// What was found.
    pub diagnosis: Diagnosis,
    /// What each authorization server that the metadata names was asked, in its order, and what it was found to be. Empty
    /// if there was no way to it.
    pub issuers: Vec<(Asked, Option<Provider>)>,
}

impl Progress {
    /// `tell` is called from any thread.
    pub fn new(tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// Says what is being looked at now.
    pub fn says(&self, what: &str) {
        (self.0)(what);
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new(|_| {})
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress")
    }
}

impl fmt::Debug for Walk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Walk")
            .field("typed", &self.typed)
            .finish_non_exhaustive()
    }
}

/// Walks.
pub async fn walk(walk: &Walk) -> Walked {
    let mut diagnosis = Diagnosis::new(walk.typed.clone());
    let mut issuers = Vec::new();
    walk.progress.says("the address");
    if address::check(walk, &mut diagnosis).await {
        walk.progress.says("the first answer");
        if let Some(first) = answer::check(walk, &mut diagnosis).await {
            issuers = further(walk, &first, &mut diagnosis).await;
        }
    }
    diagnosis.put_in_order();
    Walked { diagnosis, issuers }
}

/// All that one can ask for once something answers.
async fn further(
    walk: &Walk,
    first: &Heard,
    diagnosis: &mut Diagnosis,
) -> Vec<(Asked, Option<Provider>)> {
    walk.progress.says("metadata, browsers, sizes");
    let challenge = challenge::check(first, diagnosis);
    let (metadata, browsers, proxies) = tokio::join!(
        metadata::check(walk, &challenge),
        cors::check(walk),
        proxy::check(walk, first),
    );
    let (document, findings) = metadata;
    diagnosis.findings.extend(findings);
    diagnosis.findings.extend(browsers);
    diagnosis.findings.extend(proxies);
    let asked = document.map_or_else(Vec::new, |document| document.asked(walk, &challenge));
    walk.progress.says("the authorization server");
    let looks = asked.into_iter().map(async |asked| {
        let mut findings = Diagnosis::default();
        let provider = issuer::check(&walk.probe, &asked, &mut findings).await;
        (asked, provider, findings.findings)
    });
    let streams = async {
        match &walk.token {
            Some(token) => stream::check(walk, token).await,
            None => stream::skipped(),
        }
    };
    let (looks, streams) = tokio::join!(join_all(looks), streams);
    diagnosis.findings.extend(streams);
    let mut issuers = Vec::new();
    for (asked, provider, findings) in looks {
        diagnosis.findings.extend(findings);
        issuers.push((asked, provider));
    }
    issuers
}

/// The first words of a legacy client: they need no session and change nothing.
pub(in crate::doctor) const INITIALIZE: &str = concat!(
    r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"#,
    r#""clientInfo":{"name":"usher-doctor","version":""#,
    env!("CARGO_PKG_VERSION"),
    r#""}}}"#
);

impl Walk {
    /// Where it goes.
    #[must_use]
    pub fn url(&self) -> &Url {
        self.probe.typed()
    }

    /// A `GET` of a document.
    pub(in crate::doctor) async fn get(
        &self,
        url: &Url,
        headers: &[(http::HeaderName, &'static str)],
    ) -> Result<Heard, ProbeError> {
        let mut all = HeaderMap::new();
        all.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        for (name, value) in headers {
            all.insert(name.clone(), HeaderValue::from_static(value));
        }
        self.ask(&Method::GET, url, &all, b"").await
    }

    /// Any question, bounded as all are.
    pub(in crate::doctor) async fn ask(
        &self,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Heard, ProbeError> {
        let question = Question {
            method,
            url,
            headers,
            body,
            max_bytes: MOST_BYTES,
            timeout: self.answer_within,
        };
        self.probe.ask(question).await
    }
}

/// The headers of a client that sends JSON-RPC.
pub(in crate::doctor) fn json_rpc_headers() -> HeaderMap {
    let both = HeaderValue::from_static("application/json, text/event-stream");
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, both);
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers
}

/// The finding of a check that could not be made because no answer came.
fn unanswered(check: &'static Check, error: &ProbeError) -> Finding {
    Finding::failure(check, error.to_string()).expected("an answer")
}
