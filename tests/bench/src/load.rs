//! A light load generator: raw sockets, requests that are bytes already, and no more of HTTP than finding a response's end.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// What is sent.
pub(crate) enum Requests {
    /// The same bytes every time.
    Same(Vec<u8>),
    /// Each of these once, in this order.
    Each(Vec<Vec<u8>>),
}

impl Requests {
    /// The request in this place; nothing after the last.
    pub(crate) fn nth(&self, index: usize) -> Option<&[u8]> {
        match self {
            Self::Same(request) => Some(request),
            Self::Each(requests) => requests.get(index).map(Vec::as_slice),
        }
    }
}

/// What came back.
#[derive(Default)]
pub(crate) struct Outcome {
    /// One entry per request, unordered.
    pub(crate) latencies: Vec<Duration>,
    /// How often each status was seen.
    pub(crate) statuses: BTreeMap<u16, usize>,
}

impl Outcome {
    /// One more answer.
    pub(crate) fn count(&mut self, status: u16, latency: Duration) {
        self.latencies.push(latency);
        *self.statuses.entry(status).or_default() += 1;
    }

    /// Another load's answers as well.
    pub(crate) fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        for (status, seen) in other.statuses {
            *self.statuses.entry(status).or_default() += seen;
        }
    }

    /// An error unless every answer was a 200.
    pub(crate) fn all_ok(self) -> Result<Self> {
        if self.statuses.keys().any(|status| *status != 200) {
            bail!(
                "expected only 200, found {:?}: the figures would mean nothing",
                self.statuses
            );
        }
        Ok(self)
    }

    /// The latency that `share` of the requests stayed within.
    pub(crate) fn percentile(&self, share: f64) -> Duration {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        crate::stats::percentile(&sorted, share).unwrap_or_default()
    }
}

/// Keep-alive connections to one server.
pub(crate) struct Connections(Vec<Connection>);

impl Connections {
    /// Opens `count` connections.
    pub(crate) async fn open(address: SocketAddr, count: usize) -> Result<Self> {
        let mut connections = Vec::with_capacity(count);
        for _ in 0..count {
            connections.push(Connection::open(address).await?);
        }
        Ok(Self(connections))
    }

    /// Sends `count` requests, one at a time on each connection, as fast as the answers come.
    pub(crate) async fn run(&mut self, requests: &Arc<Requests>, count: usize) -> Result<Outcome> {
        let next = Arc::new(AtomicUsize::new(0));
        let mut workers = JoinSet::new();
        for mut connection in self.0.drain(..) {
            let (requests, next) = (Arc::clone(requests), Arc::clone(&next));
            workers.spawn(async move {
                let mut own = Outcome::default();
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let request = (index < count).then(|| requests.nth(index)).flatten();
                    let Some(request) = request else {
                        return Ok::<_, anyhow::Error>((connection, own));
                    };
                    let begun = Instant::now();
                    let status = connection.exchange(request).await?.status;
                    own.count(status, begun.elapsed());
                }
            });
        }
        let mut total = Outcome::default();
        while let Some(worker) = workers.join_next().await {
            let (connection, outcome) = worker??;
            self.0.push(connection);
            total.add(outcome);
        }
        Ok(total)
    }
}

/// One response, as far as it is looked at.
pub(crate) struct Response<'a> {
    /// The status code.
    pub(crate) status: u16,
    head: &'a [u8],
    /// The body as it was on the wire, still chunked if it was chunked.
    pub(crate) body: &'a [u8],
}

impl Response<'_> {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(self.head, name)
    }

    /// All of it, for an error message.
    pub(crate) fn text(&self) -> String {
        let head = String::from_utf8_lossy(self.head);
        format!("{head}{}", String::from_utf8_lossy(self.body))
    }
}

/// One keep-alive connection.
pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)
            .await
            .with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            received: Vec::with_capacity(64 * 1024),
        })
    }

    /// Sends one request and reads its whole response.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<Response<'_>> {
        let head_end = self.begin(request).await?;
        let head = self.received.get(..head_end).unwrap_or_default();
        let length = match header(head, "content-length") {
            Some(length) => Some(length.parse::<usize>().context("content-length")?),
            None if header(head, "transfer-encoding").is_some() => None,
            None => Some(0),
        };
        loop {
            let body = self.received.get(head_end..).unwrap_or_default();
            match length {
                Some(length) if body.len() >= length => break,
                None if body.ends_with(b"0\r\n\r\n") => break,
                Some(_) | None => self.fill().await?,
            }
        }
        let (head, body) = self.received.split_at(head_end);
        Ok(Response {
            status: status(head)?,
            head,
            body,
        })
    }

    /// Sends one request and reads the head of its response, and as much of a stream as came with it.
    pub(crate) async fn begin(&mut self, request: &[u8]) -> Result<usize> {
        self.received.clear();
        self.stream.write_all(request).await?;
        loop {
            if let Some(at) = memchr::memmem::find(&self.received, b"\r\n\r\n") {
                return Ok(at + 4);
            }
            self.fill().await?;
        }
    }

    /// The status of the response that was begun.
    pub(crate) fn status(&self) -> Result<u16> {
        status(&self.received)
    }

    /// What was received since, for an error message.
    pub(crate) fn received(&self) -> String {
        String::from_utf8_lossy(&self.received).into_owned()
    }

    async fn fill(&mut self) -> Result<()> {
        if self.stream.read_buf(&mut self.received).await? == 0 {
            bail!(
                "the server closed the connection in the middle of a response: {:?}",
                String::from_utf8_lossy(&self.received)
            );
        }
        Ok(())
    }
}

fn status(head: &[u8]) -> Result<u16> {
    let code = head.get(9..12).context("a status line")?;
    Ok(std::str::from_utf8(code)?.parse()?)
}

fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    let head = std::str::from_utf8(head).ok()?;
    head.split("\r\n").skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
