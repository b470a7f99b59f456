//! A connection to an upstream that has shaken hands: which era it speaks, and what it has.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::Notify;

use super::hello::Hello;
use super::http::HttpLink;
use super::message::{self, Era, Reply, Request};
use super::settings::endpoint;
use super::stdio::StdioLink;
use super::{Definition, Parts, UpstreamError};

/// More pages or tools than this are no list but an attack on memory.
const MOST_PAGES: usize = 100;
const MOST_TOOLS: usize = 2_000;

/// A tool as an upstream describes it.
#[derive(Clone, Debug)]
pub struct Tool {
    /// Its name there: printable, and safe in headers and logs.
    pub name: Box<str>,
    /// The whole object, as the upstream wrote it.
    pub json: Box<RawValue>,
    /// True if the upstream says that it only reads.
    pub only_reads: bool,
}

#[derive(Debug)]
enum Wire {
    Http(HttpLink),
    Stdio(StdioLink),
}

/// A connection that has shaken hands.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) era: Era,
    /// What the other side said of itself.
    pub(super) hello: Hello,
    wire: Wire,
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    tools: Vec<&'a RawValue>,
    #[serde(borrow, default, rename = "nextCursor")]
    next_cursor: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Described<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(default)]
    annotations: Option<Annotations>,
}

#[derive(Deserialize)]
struct Annotations {
    #[serde(default, rename = "readOnlyHint")]
    read_only: Option<bool>,
}

impl Wire {
    async fn discover(&self, timeout: Duration) -> Result<Hello, UpstreamError> {
        let request = Request {
            method: "server/discover",
            ..Request::default()
        };
        let extra = (Era::Modern, HeaderMap::new());
        Hello::discovered(&self.request(&request, extra, timeout).await?)
    }

    async fn initialize(&mut self, timeout: Duration) -> Result<Hello, UpstreamError> {
        let params = message::initialize();
        let request = Request {
            method: "initialize",
            members: params.as_bytes(),
            ..Request::default()
        };
        let reply = match self {
            Self::Http(http) => http.open(&request, timeout).await?,
            Self::Stdio(stdio) => stdio.request(&request, Era::Legacy).await?,
        };
        let hello = Hello::initialized(&reply)?;
        match self {
            Self::Http(http) => {
                http.negotiated(hello.revision);
                http.notify(message::INITIALIZED, timeout).await?;
            }
            Self::Stdio(stdio) => stdio.notify(message::INITIALIZED)?,
        }
        Ok(hello)
    }

    async fn request(
        &self,
        request: &Request<'_>,
        (era, headers): (Era, HeaderMap),
        timeout: Duration,
    ) -> Result<Reply, UpstreamError> {
        match self {
            Self::Http(http) => http.request(request, (era, headers), timeout).await,
            Self::Stdio(stdio) => stdio.request(request, era).await,
        }
    }
}

impl Link {
    /// Connects and shakes hands as `era` has it.
    pub(super) async fn open(
        era: Era,
        definition: &Definition,
        wake: &Arc<Notify>,
        parts: &Parts,
    ) -> Result<Self, UpstreamError> {
        let settings = &definition.settings;
        let wire = match settings.http.as_deref().and_then(endpoint) {
            Some(url) => {
                let outbound = parts.outbound.clone();
                Wire::Http(HttpLink::new(outbound, url, settings.max_message_bytes))
            }
            None => Wire::Stdio(StdioLink::start(definition, wake, &parts.lifecycle)?),
        };
        let timeout = Duration::from_secs(settings.start_timeout_seconds);
        Self::shake_hands(era, wire, timeout).await
    }

    /// Shakes hands over `wire`, in at most `timeout`.
    async fn shake_hands(
        era: Era,
        mut wire: Wire,
        timeout: Duration,
    ) -> Result<Self, UpstreamError> {
        let shake_hands = async {
            match era {
                Era::Modern => wire.discover(timeout).await,
                Era::Legacy => wire.initialize(timeout).await,
            }
        };
        let shaken = tokio::time::timeout(timeout, shake_hands).await;
        let hello = shaken.unwrap_or(Err(UpstreamError::TimedOut))?;
        Ok(Self { era, hello, wire })
    }

    /// True once it is of no use any more.
    pub(super) fn has_ended(&self) -> bool {
        match &self.wire {
            Wire::Http(_) => false,
            Wire::Stdio(stdio) => stdio.has_ended(),
        }
    }

    /// Sends a request and waits for its answer, at most as long as `timeout`.
    pub(super) async fn request(
        &self,
        request: &Request<'_>,
        headers: HeaderMap,
        timeout: Duration,
    ) -> Result<Reply, UpstreamError> {
        let answer = self.wire.request(request, (self.era, headers), timeout);
        tokio::time::timeout(timeout, answer)
            .await
            .unwrap_or(Err(UpstreamError::TimedOut))
    }

    /// All tools, page by page. One that cannot be passed on is left out, with a line in the log.
    pub(super) async fn tools(
        &self,
        upstream: &str,
        timeout: Duration,
    ) -> Result<Vec<Tool>, UpstreamError> {
        let (mut tools, mut names) = (Vec::new(), HashSet::new());
        let mut members = Vec::new();
        for _page in 0..MOST_PAGES {
            let request = Request {
                method: "tools/list",
                members: &members,
                ..Request::default()
            };
            let reply = self.request(&request, HeaderMap::new(), timeout).await?;
            if message::is_unknown_method(&reply) {
                return Ok(tools);
            }
            let page: Page<'_> = message::parse(&reply)?;
            for raw in page.tools {
                match described(raw) {
                    Some(tool) if names.insert(tool.name.clone()) => tools.push(tool),
                    Some(Tool { name, .. }) => {
                        tracing::warn!(
                            upstream,
                            tool = name,
                            "upstream: two tools of one name; the first one is taken"
                        );
                    }
                    None => {
                        tracing::warn!(
                            upstream,
                            "upstream: a tool is left out: its description or its name is not as MCP has it"
                        );
                    }
                }
                if tools.len() > MOST_TOOLS {
                    tracing::warn!(upstream, "upstream: it has more than {MOST_TOOLS} tools");
                    return Err(UpstreamError::Invalid);
                }
            }
            let Some(cursor) = page.next_cursor else {
                return Ok(tools);
            };
            members = [br#""cursor":"#, cursor.get().as_bytes()].concat();
        }
        Err(UpstreamError::Invalid)
    }
}

fn described(raw: &RawValue) -> Option<Tool> {
    let found: Described<'_> = serde_json::from_str(raw.get()).ok()?;
    is_tool_name(&found.name).then(|| Tool {
        name: found.name.as_ref().into(),
        json: raw.to_owned(),
        only_reads: found
            .annotations
            .is_some_and(|hints| hints.read_only == Some(true)),
    })
}

/// MCP 2025-11-25, tools: 1 to 128 letters, digits, underscores, hyphens and dots; slashes were allowed for a while.
fn is_tool_name(name: &str) -> bool {
    let is_good = |b: u8| b.is_ascii_alphanumeric() || b"_-./".contains(&b);
    (1..=128).contains(&name.len()) && name.bytes().all(is_good)
}
