//! One connection: its timers and its orderly end.
//!
//! hyper has a timer for HTTP/1 headers, but runs it between requests too: a kept-alive connection would be cut off
//! after ten seconds. So the timers are here, one per connection, over what the socket and the requests report:
//! a head that has begun must be complete within the header timeout (also the first one, which hyper-util waits for
//! without any limit); a connection without requests and streams is closed after the idle timeout.
//!
//! Behind the first request of an HTTP/2 connection only the idle timeout counts: its frames cannot be told from
//! pings here. A half-sent next head behind a pipelined HTTP/1 request counts as idle as well.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::time::Instant;

/// The timers of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// From the first byte of a head, or the start of the connection, to the end of that head.
    pub header: Duration,
    /// From the last request's end to the connection's.
    pub idle: Duration,
}

/// How long a connection that was asked to end may still flush.
const LINGER: Duration = Duration::from_secs(5);

/// What socket, requests and timers of one connection know of each other. Times are milliseconds since its start.
#[derive(Debug)]
pub struct Activity {
    start: Instant,
    in_flight: AtomicUsize,
    idle_since: AtomicU64,
    /// When the first byte of the head arrived that is on its way, plus one; 0 if none is.
    head_since: AtomicU64,
    greeted: AtomicBool,
    http2: AtomicBool,
}

/// A request that is worked on, or whose response still flows.
#[derive(Debug)]
pub struct InFlight(Arc<Activity>);

impl Activity {
    /// A connection that has just begun.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            in_flight: AtomicUsize::new(0),
            idle_since: AtomicU64::new(0),
            head_since: AtomicU64::new(1),
            greeted: AtomicBool::new(false),
            http2: AtomicBool::new(false),
        })
    }

    /// A head is complete: its request begins.
    #[must_use]
    pub fn request(self: &Arc<Self>, http2: bool) -> InFlight {
        self.http2.store(http2, Ordering::Relaxed);
        self.greeted.store(true, Ordering::Relaxed);
        self.head_since.store(0, Ordering::Relaxed);
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }

    /// Bytes arrived.
    fn bytes_read(&self) {
        let idle = self.in_flight.load(Ordering::Relaxed) == 0;
        if idle
            && !self.http2.load(Ordering::Relaxed)
            && self.head_since.load(Ordering::Relaxed) == 0
        {
            self.head_since.store(self.now() + 1, Ordering::Relaxed);
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// When this connection must end unless something happens, and whether it may then still flush.
    fn due(&self, timeouts: Timeouts) -> (Instant, bool) {
        let head_since = self.head_since.load(Ordering::Relaxed);
        if head_since > 0 {
            let since = Duration::from_millis(head_since - 1);
            return (self.start + since + timeouts.header, false);
        }
        if self.in_flight.load(Ordering::Relaxed) > 0 {
            return (Instant::now() + timeouts.idle, true);
        }
        let since = Duration::from_millis(self.idle_since.load(Ordering::Relaxed));
        (self.start + since + timeouts.idle, true)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.idle_since.store(self.0.now(), Ordering::Relaxed);
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection that can be asked to end after the requests in flight.
pub trait Graceful: Future {
    /// GOAWAY, or `Connection: close` on the next response.
    fn end_gracefully(self: Pin<&mut Self>);
}

enum Event<T> {
    Ended(T),
    Stop,
    Due,
}

/// Drives `connection` until it ends, a timer ends it, or `stop` asks it to end.
pub async fn drive<C: Graceful>(
    connection: C,
    activity: &Activity,
    timeouts: Timeouts,
    stop: impl Future<Output = ()>,
) {
    let mut connection = pin!(connection);
    let mut stop = pin!(stop);
    let mut alarm = pin!(tokio::time::sleep_until(activity.due(timeouts).0));
    let mut stopping = false;
    loop {
        let event = std::future::poll_fn(|cx| {
            if let Poll::Ready(output) = connection.as_mut().poll(cx) {
                return Poll::Ready(Event::Ended(output));
            }
            if !stopping && stop.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Event::Stop);
            }
            // Later dues are noticed when the alarm goes off; resetting it on every poll would cost every request.
            let (due, _) = activity.due(timeouts);
            if due < alarm.deadline() {
                alarm.as_mut().reset(due);
            }
            alarm.as_mut().poll(cx).map(|()| Event::Due)
        });
        match event.await {
            Event::Ended(_) => return,
            Event::Stop => {
                stopping = true;
                connection.as_mut().end_gracefully();
            }
            Event::Due => {
                let (due, may_flush) = activity.due(timeouts);
                if due > Instant::now() {
                    alarm.as_mut().reset(due);
                } else if may_flush {
                    connection.as_mut().end_gracefully();
                    drop(tokio::time::timeout(LINGER, connection).await);
                    return;
                } else {
                    return;
                }
            }
        }
    }
}

/// The socket, reporting to the connection's timers.
#[derive(Debug)]
pub struct Watched<I> {
    inner: I,
    activity: Arc<Activity>,
}

impl<I> Watched<I> {
    /// `inner`, reporting to `activity`.
    pub fn new(inner: I, activity: Arc<Activity>) -> Self {
        Self { inner, activity }
    }
}

impl<I: Read + Unpin> Read for Watched<I> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let read = ready!(Pin::new(&mut this.inner).poll_read(cx, buf));
        this.activity.bytes_read();
        Poll::Ready(read)
    }
}

impl<I: Write + Unpin> Write for Watched<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }
}

/// A response body that keeps its request in flight until it has flowed.
#[derive(Debug)]
pub struct Flowing {
    body: Body,
    _in_flight: InFlight,
}

impl Flowing {
    /// `body`, as part of the request behind `in_flight`.
    #[must_use]
    pub fn new(body: Body, in_flight: InFlight) -> Self {
        Self {
            body,
            _in_flight: in_flight,
        }
    }
}

impl HttpBody for Flowing {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
