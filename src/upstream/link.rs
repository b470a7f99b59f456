//! A connection to an upstream that has shaken hands: which era it speaks, and what it has.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::Notify;

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
    wire: Wire,
}

#[derive(Deserialize)]
struct Discovered<'a> {
    #[serde(borrow, rename = "supportedVersions")]
    supported_versions: Vec<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Initialized<'a> {
    #[serde(borrow, rename = "protocolVersion")]
    protocol_version: Cow<'a, str>,
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

fn parse<'a, T: Deserialize<'a>>(reply: &'a Reply) -> Result<T, UpstreamError> {
    match reply {
        Reply::Result(json) => {
            serde_json::from_slice(json).map_err(|_not_as_specified| UpstreamError::Invalid)
        }
        Reply::Error(_) => Err(UpstreamError::Refused),
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
        let mut link = Self { era, wire };
        let shake_hands = async {
            match era {
                Era::Modern => link.discover(timeout).await,
                Era::Legacy => link.initialize(timeout).await,
            }
        };
        tokio::time::timeout(timeout, shake_hands)
            .await
            .unwrap_or(Err(UpstreamError::TimedOut))?;
        Ok(link)
    }

    async fn discover(&self, timeout: Duration) -> Result<(), UpstreamError> {
        let request = Request {
            method: "server/discover",
            ..Request::default()
        };
        let reply = self.request(&request, HeaderMap::new(), timeout).await?;
        let found: Discovered<'_> = parse(&reply)?;
        if found
            .supported_versions
            .iter()
            .any(|version| version == message::MODERN)
        {
            Ok(())
        } else {
            Err(UpstreamError::Invalid)
        }
    }

    async fn initialize(&mut self, timeout: Duration) -> Result<(), UpstreamError> {
        let params = message::initialize();
        let request = Request {
            method: "initialize",
            members: params.as_bytes(),
            ..Request::default()
        };
        let reply = match &mut self.wire {
            Wire::Http(http) => http.open(&request, timeout).await?,
            Wire::Stdio(stdio) => stdio.request(&request, Era::Legacy).await?,
        };
        let found: Initialized<'_> = parse(&reply)?;
        let mut known = message::LEGACY.into_iter();
        let revision = known.find(|known| *known == found.protocol_version);
        let revision = revision.ok_or(UpstreamError::Invalid)?;
        match &mut self.wire {
            Wire::Http(http) => {
                http.negotiated(revision);
                http.notify(message::INITIALIZED, timeout).await
            }
            Wire::Stdio(stdio) => stdio.notify(message::INITIALIZED),
        }
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
        let answer = async {
            match &self.wire {
                Wire::Http(http) => http.request(request, (self.era, headers), timeout).await,
                Wire::Stdio(stdio) => stdio.request(request, self.era).await,
            }
        };
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
            if has_no_tools(&reply) {
                return Ok(tools);
            }
            let page: Page<'_> = parse(&reply)?;
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

/// A server without tools does not know the method.
fn has_no_tools(reply: &Reply) -> bool {
    match reply {
        Reply::Error(error) => {
            message::error_object(error).is_some_and(|error| error.code == -32601)
        }
        Reply::Result(_) => false,
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
