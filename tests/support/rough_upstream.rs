//! A modern MCP server over plain TCP that gives any of its answers byte by byte, head included: broken off, without end,
//! or not at all.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// What is written for an answer; `$ID` is the request's id.
#[derive(Clone, Debug)]
pub(crate) struct Rough {
    pub(crate) bytes: String,
    pub(crate) then: Then,
}

/// What follows.
#[derive(Clone, Debug)]
pub(crate) enum Then {
    /// The connection ends.
    Ends,
    /// Nothing, while the connection stays.
    Hangs,
    /// This, so many times, and then another answer.
    Repeats(String, usize, Box<Rough>),
    /// This, for as long as the connection stays.
    Pours(String),
}

#[derive(Default)]
struct Shared {
    /// By method; the others are answered as they should be.
    answers: Mutex<HashMap<&'static str, Rough>>,
    /// Of this method not even the body is read.
    deaf_for: Mutex<Option<&'static str>>,
    poured: AtomicU64,
}

/// The running server; it ends with the test's runtime.
#[derive(Clone)]
pub(crate) struct RoughUpstream {
    pub(crate) url: String,
    shared: Arc<Shared>,
}

impl RoughUpstream {
    #[expect(
        clippy::disallowed_methods,
        reason = "it runs beside the server under test"
    )]
    pub(crate) async fn start() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        // So that what is not read does not fit into buffers.
        socket.set_recv_buffer_size(16 * 1024).expect("a size");
        let loopback = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        socket.bind(loopback).expect("a free port");
        let listener = socket.listen(64).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::<Shared>::default();
        drop(tokio::spawn(accept(listener, Arc::clone(&shared))));
        let url = format!("http://{address}/mcp");
        Self { url, shared }
    }

    fn answers(&self) -> MutexGuard<'_, HashMap<&'static str, Rough>> {
        self.shared.answers.lock().expect("no panic before")
    }

    /// Answers `method` so from now on.
    pub(crate) fn answer(&self, method: &'static str, rough: Rough) {
        self.answers().insert(method, rough);
    }

    /// Reads no body of `method` from now on.
    pub(crate) fn does_not_read(&self, method: &'static str) {
        *self.shared.deaf_for.lock().expect("no panic before") = Some(method);
    }

    /// Answers everything as it should again.
    pub(crate) fn recover(&self) {
        self.answers().clear();
        *self.shared.deaf_for.lock().expect("no panic before") = None;
    }

    /// How many bytes were written over and over so far.
    pub(crate) fn poured(&self) -> u64 {
        self.shared.poured.load(Ordering::Relaxed)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "it runs beside the server under test"
)]
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        drop(tokio::spawn(async move {
            // A connection that the other side ends is one of the things that happen.
            let _ended = serve(stream, &shared).await;
        }));
    }
}

/// The head of a request, in small letters, and what came of its body.
async fn head(stream: &mut TcpStream) -> std::io::Result<(String, Vec<u8>)> {
    let mut read = Vec::new();
    loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            let body = read.split_off(end + 4);
            let head = String::from_utf8(read).expect("text");
            return Ok((head.to_ascii_lowercase(), body));
        }
        if stream.read_buf(&mut read).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> &'a str {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    let found = lines.find(|(key, _)| *key == name);
    found.map_or("", |(_, value)| value)
}

async fn serve(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    #[derive(Deserialize)]
    struct Envelope {
        #[serde(default)]
        id: Value,
    }
    loop {
        let (head, mut body) = head(&mut stream).await?;
        let method = header(&head, "mcp-method").to_owned();
        let deaf_for = *shared.deaf_for.lock().expect("no panic before");
        if deaf_for == Some(&*method) {
            std::future::pending::<()>().await;
        }
        let length: usize = header(&head, "content-length").parse().unwrap_or(0);
        while body.len() < length {
            if stream.read_buf(&mut body).await? == 0 {
                return Ok(());
            }
        }
        let id = serde_json::from_slice(&body).map_or(Value::Null, |Envelope { id }| id);
        let mut rough = shared.answer_to(&method);
        let mut is_last = false;
        while !is_last {
            let bytes = rough.bytes.replace("$ID", &id.to_string());
            stream.write_all(bytes.as_bytes()).await?;
            match rough.then {
                Then::Ends => return Ok(()),
                Then::Hangs => is_last = true,
                Then::Repeats(piece, times, next) => {
                    let piece = piece.replace("$ID", &id.to_string());
                    for _ in 0..times {
                        shared.pour(&mut stream, &piece).await?;
                    }
                    rough = *next;
                }
                Then::Pours(piece) => {
                    // Many at once: what takes long is not to be this side.
                    let piece = piece.replace("$ID", &id.to_string());
                    let many = piece.repeat(16 * 1024 / piece.len() + 1);
                    loop {
                        shared.pour(&mut stream, &many).await?;
                    }
                }
            }
        }
    }
}

impl Shared {
    fn answer_to(&self, method: &str) -> Rough {
        let answers = self.answers.lock().expect("no panic before");
        let rough = answers.get(method).cloned();
        rough.unwrap_or_else(|| good(method))
    }

    async fn pour(&self, stream: &mut TcpStream, piece: &str) -> std::io::Result<()> {
        stream.write_all(piece.as_bytes()).await?;
        let bytes = u64::try_from(piece.len()).expect("a size");
        self.poured.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }
}

/// The answer that `method` should have.
fn good(method: &str) -> Rough {
    let result = match method {
        "server/discover" => {
            r#""result":{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}"#
        }
        "tools/list" => {
            r#""result":{"resultType":"complete","tools":[{"name":"echo","inputSchema":{"type":"object"}}]}"#
        }
        "tools/call" => r#""result":{"resultType":"complete","content":[]}"#,
        _ => r#""error":{"code":-32601,"message":"method not found"}"#,
    };
    let body = format!(r#"{{"jsonrpc":"2.0","id":$ID,{result}}}"#);
    // In one chunk, because how long an id is comes out later.
    Rough {
        bytes: format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\ndata: {body}\n\n"
        ),
        then: Then::Ends,
    }
}
