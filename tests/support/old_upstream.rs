//! An MCP server of 2024-11-05 over HTTP+SSE, which can also do what no server should.
#![expect(
    clippy::indexing_slicing,
    reason = "a missing member of a JSON value reads as null"
)]

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::StreamExt;
use futures_util::stream;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// What was sent to it, headers and body.
pub(crate) type Sent = (HeaderMap, Value);

struct Shared {
    /// The data of the first event.
    endpoint: String,
    /// The open stream; a new one takes its place.
    stream: Option<mpsc::UnboundedSender<String>>,
    /// Those on which nothing comes any more.
    muted: Vec<mpsc::UnboundedSender<String>>,
    streams: usize,
    sent: Vec<Sent>,
    /// Has the resource `test://one`, and tells of it.
    has_resources: bool,
}

/// The running server; it ends with the test's runtime.
#[derive(Clone)]
pub(crate) struct OldUpstream {
    /// The address of its stream.
    pub(crate) url: String,
    shared: Arc<Mutex<Shared>>,
}

impl OldUpstream {
    /// Names `endpoint` as the place for messages; its own is `/messages?session=1`.
    #[expect(
        clippy::disallowed_methods,
        reason = "it runs beside the server under test"
    )]
    pub(crate) async fn start(endpoint: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Mutex::new(Shared {
            endpoint: endpoint.to_owned(),
            stream: None,
            muted: Vec::new(),
            streams: 0,
            sent: Vec::new(),
            has_resources: false,
        }));
        let app = Router::new()
            .route("/sse", get(open))
            .route("/messages", post(take))
            .with_state(Arc::clone(&shared));
        drop(tokio::spawn(async move {
            axum::serve(listener, app).await.expect("a server");
        }));
        let url = format!("http://{address}/sse");
        Self { url, shared }
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().expect("no panic before")
    }

    /// Everything that was posted to it.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.shared().sent.clone()
    }

    /// How many streams were opened so far.
    pub(crate) fn streams(&self) -> usize {
        self.shared().streams
    }

    /// The stream that is open stays so, and nothing comes on it any more.
    pub(crate) fn mute(&self) {
        let mut shared = self.shared();
        let muted = shared.stream.take();
        shared.muted.extend(muted);
    }

    /// It has the resource `test://one`, and tells of it.
    pub(crate) fn has_resources(&self) {
        self.shared().has_resources = true;
    }

    /// Says this on the stream that is open.
    pub(crate) fn say(&self, json: &str) {
        if let Some(stream) = &self.shared().stream {
            drop(stream.send(format!("event: message\ndata: {json}\n\n")));
        }
    }

    /// Ends the stream that is open.
    pub(crate) fn end(&self) {
        self.shared().stream = None;
    }
}

async fn open(State(shared): State<Arc<Mutex<Shared>>>) -> Response {
    let (sender, receiver) = mpsc::unbounded_channel();
    let first = {
        let mut shared = shared.lock().expect("no panic before");
        shared.stream = Some(sender);
        shared.streams += 1;
        format!("event: endpoint\r\ndata: {}\r\n\r\n", shared.endpoint)
    };
    let events = stream::unfold(receiver, async |mut receiver| {
        Some((receiver.recv().await?, receiver))
    });
    let events = stream::once(async { first }).chain(events);
    let body = Body::from_stream(events.map(Ok::<_, Infallible>));
    ([("content-type", "text/event-stream; charset=utf-8")], body).into_response()
}

async fn take(
    State(shared): State<Arc<Mutex<Shared>>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let message: Value = serde_json::from_slice(&body).expect("JSON");
    if message["params"]["name"] == "silent" {
        // Not even the message is accepted.
        std::future::pending::<()>().await;
    }
    let mut shared = shared.lock().expect("no panic before");
    shared.sent.push((headers, message.clone()));
    let event = |json: String| format!(": hi\n\nevent: message\ndata: {json}\n\n");
    let result = |result: &str| {
        let id = &message["id"];
        event(format!(
            r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#
        ))
    };
    let has_resources = shared.has_resources;
    let answer = match message["method"].as_str() {
        Some("initialize") if has_resources => result(&json!({ "protocolVersion": "2024-11-05", "capabilities": { "tools": {}, "resources": { "subscribe": true } }, "serverInfo": { "name": "old", "version": "1" } }).to_string()),
        Some("resources/list") => result(r#"{"resources":[{"uri":"test://one","name":"one"}]}"#),
        Some("resources/templates/list") => result(r#"{"resourceTemplates":[]}"#),
        Some("resources/subscribe" | "resources/unsubscribe") => result("{}"),
        Some("initialize") => result(&json!({ "protocolVersion": "2024-11-05", "capabilities": { "tools": {} }, "serverInfo": { "name": "old", "version": "1" } }).to_string()),
        Some("tools/list") => {
            let tool = |name: &str| json!({ "name": name, "inputSchema": { "type": "object" } });
            let tools = [
                "echo", "hang", "refuse", "flood", "half", "twice", "progress", "requests", "silent", "stray",
                "comments", "empty",
            ]
            .map(tool);
            result(&json!({ "tools": tools }).to_string())
        }
        Some("tools/call") => match message["params"]["name"].as_str() {
            Some("hang") => return StatusCode::ACCEPTED,
            Some("refuse") => return StatusCode::PAYLOAD_TOO_LARGE,
            // Half an event, and never the rest.
            Some("half") => "data: {\"jsonrpc\":\"2.0\",".to_owned(),
            Some("twice") => result(r#"{"n":1},"result":{"n":2}"#),
            // What belongs to nobody, again and again, and then the answer.
            Some("comments") => ": nothing new\n".repeat(200_000) + &result("{}"),
            Some("empty") => "data:\n\n".repeat(200_000) + &result("{}"),
            Some("stray") => {
                let stray = event(r#"{"jsonrpc":"2.0","id":99999,"result":{}}"#.to_owned());
                stray.repeat(20_000) + &result("{}")
            }
            Some("requests") => {
                let ping = event(r#"{"jsonrpc":"2.0","id":"p","method":"ping"}"#.to_owned());
                ping.repeat(20_000) + &result("{}")
            }
            Some("progress") => {
                let params = json!({ "progressToken": message["id"], "progress": 1 });
                let progress = json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": params });
                event(progress.to_string()).repeat(20_000) + &result("{}")
            }
            Some("flood") => event(format!("\"{}\"", "x".repeat(5_000_000))),
            _ => {
                let junk = ["not JSON", "[]", r#"{"jsonrpc":"2.0","id":99999,"result":{}}"#];
                let junk: String = junk.map(|line| event(line.to_owned())).concat();
                junk + &result(r#"{ "n":1.50}"#)
            }
        },
        _ => return StatusCode::ACCEPTED,
    };
    if let Some(stream) = &shared.stream {
        drop(stream.send(answer));
    }
    StatusCode::ACCEPTED
}
