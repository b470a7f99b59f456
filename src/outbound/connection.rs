//! One HTTP/1.1 connection, whose work is done by whoever waits for its answer.
//!
//! Usually a connection has a task of its own. Then each request wakes that task, often on another thread, and each answer
//! wakes the one who asked: about as much work as the request itself. Here nobody but the one who asks is woken.

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// What goes over a connection.
pub(super) type Outgoing = Request<Full<Bytes>>;

/// More passes than this in one poll mean that there is always more to do, or that the task has had its share of the
/// thread: then others come first.
const MOST_PASSES: usize = 8;

/// An open connection. Dropping it closes it, and so cancels whatever runs on it.
pub(super) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    work: Work,
}

/// Why a request has no answer.
pub(super) enum Failed {
    /// The connection was closed before anything of it was sent, so another one may take it.
    Unsent(Box<Outgoing>),
    /// It may have been sent.
    Broken(hyper::Error),
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection(over: {})", self.work.connection.is_none())
    }
}

impl Connection {
    /// Speaks HTTP/1.1 over `stream`.
    pub(super) async fn over(stream: TcpStream) -> Result<Self, hyper::Error> {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        Ok(Self {
            sender,
            work: Work::of(connection),
        })
    }

    /// Sends a request, and returns when the head of the answer is there.
    pub(super) async fn send(
        &mut self,
        request: Box<Outgoing>,
    ) -> Result<Response<Incoming>, Failed> {
        let mut answer = pin!(self.sender.try_send_request(*request));
        let answer = poll_fn(|cx| self.work.poll(cx, |cx| answer.as_mut().poll(cx))).await;
        answer.map_err(|mut error| match error.take_message() {
            Some(request) => Failed::Unsent(Box::new(request)),
            None => Failed::Broken(error.into_error()),
        })
    }

    /// The next piece of an answer's body; nothing at its end.
    pub(super) async fn frame(
        &mut self,
        body: &mut Incoming,
    ) -> Option<Result<Frame<Bytes>, hyper::Error>> {
        poll_fn(|cx| self.work.poll(cx, |cx| Pin::new(&mut *body).poll_frame(cx))).await
    }

    /// True if another request may be sent over it: the last one was answered whole, and the other side keeps it open.
    pub(super) fn is_free(&mut self) -> bool {
        drop(self.work.relay.task.take());
        if self.work.relay.was_woken() || !self.sender.is_ready() {
            self.work.pass();
        }
        self.work.connection.is_some() && self.sender.is_ready()
    }
}

/// What a connection has to do: read, write, notice its end.
struct Work {
    /// Nothing once it has ended. Who waits hears of that because it is dropped.
    connection: Option<http1::Connection<TokioIo<TcpStream>, Full<Bytes>>>,
    relay: Arc<Relay>,
    /// That of the relay.
    waker: Waker,
}

impl Work {
    fn of(connection: http1::Connection<TokioIo<TcpStream>, Full<Bytes>>) -> Self {
        let relay = Arc::new(Relay::default());
        Self {
            connection: Some(connection),
            waker: Waker::from(Arc::clone(&relay)),
            relay,
        }
    }

    /// Polls `what`, and does what there is to do until it is ready or there is nothing to do any more.
    fn poll<T>(
        &mut self,
        cx: &Context<'_>,
        mut what: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let waker = self.waker.clone();
        for _ in 0..MOST_PASSES {
            self.relay.begin();
            if let Poll::Ready(found) = what(&mut Context::from_waker(&waker)) {
                return Poll::Ready(found);
            }
            self.step();
            if self.relay.rest(cx.waker()) {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Does what there is to do now; nobody waits for it.
    fn pass(&mut self) {
        self.relay.begin();
        self.step();
    }

    fn step(&mut self) {
        let mut cx = Context::from_waker(&self.waker);
        if let Some(connection) = &mut self.connection
            && let Poll::Ready(ended) = Pin::new(connection).poll(&mut cx)
        {
            if let Err(error) = ended {
                tracing::trace!(%error, "outbound: a connection ended");
            }
            self.connection = None;
            // Whoever waits is told by the end of the channel.
            self.relay.tell();
        }
    }
}

/// Wakes whoever waits for a connection now. While it is polled, what its own parts tell each other wakes nobody: it is
/// polled once more.
#[derive(Debug, Default)]
struct Relay {
    was_woken: AtomicBool,
    task: AtomicWaker,
}

impl Relay {
    fn begin(&self) {
        drop(self.task.take());
        self.was_woken.store(false, Ordering::Release);
    }

    /// Wakes `task` from now on. False if there was something to be woken for already.
    fn rest(&self, task: &Waker) -> bool {
        if self.was_woken() {
            return false;
        }
        self.task.register(task);
        !self.was_woken()
    }

    fn was_woken(&self) -> bool {
        self.was_woken.load(Ordering::Acquire)
    }

    fn tell(&self) {
        self.was_woken.store(true, Ordering::Release);
        self.task.wake();
    }
}

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        self.tell();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.tell();
    }
}
