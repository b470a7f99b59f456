//! Sockets in, answers out: hyper-util with the timers and limits that `axum::serve` leaves out.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response, Version};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::{Builder, Connection};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::connection::{Activity, Flowing, Graceful, Timeouts, Watched, drive};
use super::per_address::PerAddress;
use super::stack::Peers;
use super::{Settings, State};
use crate::lifecycle::Lifecycle;

/// How many headers hyper makes room for on the stack. Told any number, this one too, it allocates for every request.
const ON_THE_STACK: usize = 100;

/// What answers the requests of one listener.
pub trait Answer: Send + Sync + 'static {
    /// Answers one request that came in between `peers`.
    fn answer(
        &self,
        peers: Peers,
        request: Request<Body>,
    ) -> impl Future<Output = Response<Body>> + Send;
}

/// Runs tasks of HTTP/2 connections where a stop waits for them.
#[derive(Clone, Debug)]
struct Spawner(Lifecycle);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Spawner {
    fn execute(&self, task: F) {
        self.0.spawn_connection(task);
    }
}

/// What the connections of one listener share.
struct Server<A> {
    state: State,
    answer: A,
    builder: Builder<Spawner>,
    timeouts: Timeouts,
    slots: Arc<Semaphore>,
    per_address: PerAddress,
}

/// Accepts connections until a soft stop.
pub async fn accept<A: Answer>(listener: TcpListener, answer: A, state: State) {
    let settings = &state.settings;
    let server = Arc::new(Server {
        builder: builder(settings, &state.lifecycle),
        timeouts: Timeouts {
            header: Duration::from_secs(settings.header_timeout_seconds),
            idle: Duration::from_secs(settings.idle_timeout_seconds),
        },
        slots: Arc::new(Semaphore::new(settings.max_connections)),
        per_address: PerAddress::new(settings),
        answer,
        state: state.clone(),
    });
    let lifecycle = state.lifecycle.clone();
    tokio::select! {
        () = accept_loop(listener, server) => {}
        () = lifecycle.soft_stop() => {}
    }
}

async fn accept_loop<A: Answer>(listener: TcpListener, server: Arc<Server<A>>) {
    loop {
        // Taken before accepting, so that further connections wait in the listener's queue.
        let Ok(slot) = Arc::clone(&server.slots).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, remote)) => {
                let Some(counted) = server.per_address.admit(remote.ip()) else {
                    continue;
                };
                let server = Arc::clone(&server);
                let lifecycle = server.state.lifecycle.clone();
                lifecycle.spawn_connection(async move {
                    let _held = (slot, counted);
                    server.serve(stream, remote).await;
                });
            }
            Err(error) => {
                // Out of file descriptors, or the connection was gone before it was accepted: neither ends the server.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

impl<A: Answer> Server<A> {
    async fn serve(self: &Arc<Self>, stream: TcpStream, remote: SocketAddr) {
        let Ok(local) = stream.local_addr() else {
            return;
        };
        // Answers are small and written whole; waiting for more would only add latency.
        drop(stream.set_nodelay(true));
        let metrics = &self.state.metrics;
        metrics.connection_opened();
        let peers = Peers { remote, local };
        let activity = Activity::new();
        let service = service_fn(|request: Request<Incoming>| {
            let in_flight = activity.request(request.version() == Version::HTTP_2);
            let server = Arc::clone(self);
            async move {
                let response = server.answer.answer(peers, request.map(Body::new)).await;
                Ok::<_, Infallible>(response.map(|body| Flowing::new(body, in_flight)))
            }
        });
        let io = Watched::new(TokioIo::new(stream), Arc::clone(&activity));
        let connection = self.builder.serve_connection(io, service);
        let stop = self.state.lifecycle.soft_stop();
        drive(connection, &activity, self.timeouts, stop).await;
        metrics.connection_closed();
    }
}

impl<I, S, E, B> Graceful for Connection<'_, I, S, E>
where
    Self: Future,
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin + 'static,
    B: hyper::body::Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    E: hyper_util::server::conn::auto::HttpServerConnExec<S::Future, B>,
{
    fn end_gracefully(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

fn builder(settings: &Settings, lifecycle: &Lifecycle) -> Builder<Spawner> {
    let mut builder = Builder::new(Spawner(lifecycle.clone()));
    builder
        .http1()
        // `connection` has the timers: hyper's would be set anew for every request.
        .header_read_timeout(None)
        .max_buf_size(64 * 1024);
    if settings.max_headers != ON_THE_STACK {
        builder.http1().max_headers(settings.max_headers);
    }
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(60))
        .keep_alive_timeout(Duration::from_secs(20))
        .max_concurrent_streams(100)
        .initial_stream_window_size(64 * 1024)
        .initial_connection_window_size(1024 * 1024)
        .max_send_buf_size(64 * 1024)
        .max_header_list_size(settings.max_header_bytes)
        // CVE-2023-44487 (rapid reset) and its relatives.
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(256);
    builder
}
