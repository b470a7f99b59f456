//! Connections for plain http/1.1, kept open between requests: what upstreams on this machine, or inside a cluster, are
//! reached over.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::{HOST, USER_AGENT};
use http::{HeaderValue, Response, Uri};
use hyper::body::Incoming;
use tokio::net::TcpStream;
use tokio::time::Instant;
use url::{Position, Url};

use super::OutboundError;
use super::address::{CheckedResolver, ForbiddenAddress};
use super::client::USER_AGENT as US;
use super::connection::{Connection, Failed, Outgoing};
use super::error::innermost;
use super::settings::Settings;

/// For how long a connection is kept for the next request.
const MOST_IDLE: Duration = Duration::from_secs(30);

/// A connection that is silent for so long is asked whether its other end is still there; unanswered three times, it ends.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
const KEEP_ALIVE_TRIES: u32 = 3;
/// What was sent is acknowledged within so many milliseconds, or the connection ends.
#[cfg(target_os = "linux")]
const ACKNOWLEDGED_MILLISECONDS: u32 = 30_000;

/// Connections to wherever these names may lead.
#[derive(Debug)]
pub(super) struct Pool {
    resolver: CheckedResolver,
    connect_timeout: Duration,
    /// How many to one host are kept.
    most_idle: usize,
    lanes: Mutex<HashMap<Box<str>, Arc<Lane>>>,
}

/// The connections to one host and port that nobody uses now.
#[derive(Debug)]
pub(super) struct Lane {
    host: HeaderValue,
    most_idle: usize,
    /// The one that was used last comes last.
    idle: Mutex<Vec<Idle>>,
}

#[derive(Debug)]
struct Idle {
    connection: Box<Connection>,
    since: Instant,
}

/// What all requests to one address have in common.
#[derive(Debug)]
pub(super) struct Track {
    lane: Arc<Lane>,
    path: Uri,
}

/// An answer, and the connection that it comes over.
pub(super) struct Open {
    pub(super) answer: Response<Incoming>,
    pub(super) connection: Box<Connection>,
    pub(super) lane: Arc<Lane>,
}

impl Pool {
    pub(super) fn new(resolver: CheckedResolver, settings: &Settings, most_idle: usize) -> Self {
        Self {
            resolver,
            connect_timeout: Duration::from_millis(settings.connect_timeout_ms),
            most_idle,
            lanes: Mutex::default(),
        }
    }

    fn lanes(&self) -> MutexGuard<'_, HashMap<Box<str>, Arc<Lane>>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What all requests to `url` have in common.
    pub(super) fn track(&self, url: &Url) -> Result<Track, OutboundError> {
        let invalid = || OutboundError::InsecureUrl(super::without_secrets(url));
        let path = &url[Position::BeforePath..Position::AfterQuery];
        Ok(Track {
            lane: self.lane(url).ok_or_else(invalid)?,
            path: Uri::try_from(path).map_err(|_not_for_http| invalid())?,
        })
    }

    /// Sends a request to `url`, and returns when the head of the answer is there.
    pub(super) async fn send(
        &self,
        (url, track): (&Url, &Track),
        mut request: Box<Outgoing>,
    ) -> Result<Open, OutboundError> {
        *request.uri_mut() = track.path.clone();
        let lane = &track.lane;
        let headers = request.headers_mut();
        headers.insert(HOST, lane.host.clone());
        headers.insert(USER_AGENT, HeaderValue::from_static(US));
        loop {
            let kept = lane.take();
            let is_kept = kept.is_some();
            let mut connection = match kept {
                Some(connection) => connection,
                // Seldom, and bigger than all the rest.
                None => Box::pin(self.connect(url)).await?,
            };
            match connection.send(request).await {
                Ok(answer) => {
                    return Ok(Open {
                        answer,
                        connection,
                        lane: Arc::clone(lane),
                    });
                }
                // It was closed from the other side just now, and there may be another one.
                Err(Failed::Unsent(again)) if is_kept => request = again,
                Err(Failed::Unsent(_)) => {
                    return Err(OutboundError::Connection("closed at once".into()));
                }
                Err(Failed::Broken(error)) => {
                    return Err(OutboundError::Broken(innermost(&error)));
                }
            }
        }
    }

    fn lane(&self, url: &Url) -> Option<Arc<Lane>> {
        let authority = &url[Position::BeforeHost..Position::AfterPort];
        let mut lanes = self.lanes();
        if let Some(lane) = lanes.get(authority) {
            return Some(Arc::clone(lane));
        }
        let lane = Arc::new(Lane {
            host: HeaderValue::from_str(authority).ok()?,
            most_idle: self.most_idle,
            idle: Mutex::default(),
        });
        lanes.insert(authority.into(), Arc::clone(&lane));
        Some(lane)
    }

    /// Closes what nobody has used for a while.
    pub(super) fn close_idle(&self) {
        let now = Instant::now();
        self.lanes().retain(|_, lane| {
            let mut idle = lane.idle();
            idle.retain_mut(|kept| kept.is_fresh(now) && kept.connection.is_free());
            let is_used = Arc::strong_count(lane) > 1;
            is_used || !idle.is_empty()
        });
    }

    /// A new connection, in at most the time that connecting may take.
    async fn connect(&self, url: &Url) -> Result<Box<Connection>, OutboundError> {
        let connect = async {
            let stream = self.reach(url).await?;
            let connection = Connection::over(stream).await;
            let connection =
                connection.map_err(|error| OutboundError::Connection(innermost(&error)))?;
            Ok(Box::new(connection))
        };
        match tokio::time::timeout(self.connect_timeout, connect).await {
            Ok(connected) => connected,
            Err(_late) => Err(self.too_late()),
        }
    }

    fn too_late(&self) -> OutboundError {
        let milliseconds = self.connect_timeout.as_millis();
        OutboundError::Connection(format!("not within {milliseconds} ms"))
    }

    /// Tries one address after the other, and leaves each next one its share of the time.
    async fn reach(&self, url: &Url) -> Result<TcpStream, OutboundError> {
        let broken = |error: std::io::Error| OutboundError::Connection(error.to_string());
        let (host, port) = (
            url.host_str().unwrap_or_default(),
            url.port_or_known_default().unwrap_or(80),
        );
        let addresses = self.addresses(host, port).await?;
        let share = self.connect_timeout / u32::try_from(addresses.len().max(1)).unwrap_or(1);
        let mut failed = OutboundError::Connection("the name leads nowhere".into());
        for address in addresses {
            match tokio::time::timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    prepare(&stream).map_err(broken)?;
                    return Ok(stream);
                }
                Ok(Err(error)) => failed = broken(error),
                Err(_late) => failed = self.too_late(),
            }
        }
        Err(failed)
    }

    async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, OutboundError> {
        let found = self.resolver.addresses(host, port).await;
        found.map_err(|error| match error.downcast_ref() {
            Some(ForbiddenAddress(address)) => OutboundError::ForbiddenAddress(*address),
            None => OutboundError::Connection(error.to_string()),
        })
    }
}

/// Nothing waits to be sent together with more, and an end that nobody told of is noticed.
fn prepare(stream: &TcpStream) -> std::io::Result<()> {
    use rustix::net::sockopt;
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, KEEP_ALIVE)?;
    sockopt::set_tcp_keepintvl(stream, KEEP_ALIVE)?;
    sockopt::set_tcp_keepcnt(stream, KEEP_ALIVE_TRIES)?;
    #[cfg(target_os = "linux")]
    sockopt::set_tcp_user_timeout(stream, ACKNOWLEDGED_MILLISECONDS)?;
    Ok(())
}

impl Lane {
    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection that was kept, and is still open as far as is known.
    fn take(&self) -> Option<Box<Connection>> {
        let now = Instant::now();
        loop {
            let mut kept = self.idle().pop()?;
            if kept.is_fresh(now) && kept.connection.is_free() {
                return Some(kept.connection);
            }
        }
    }

    /// Keeps a connection for the next request, if it can take one.
    pub(super) fn keep(&self, mut connection: Box<Connection>) {
        if !connection.is_free() {
            return;
        }
        let since = Instant::now();
        let mut idle = self.idle();
        if idle.len() < self.most_idle {
            idle.push(Idle { connection, since });
        }
    }
}

impl Idle {
    fn is_fresh(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) < MOST_IDLE
    }
}
