//! An MCP server that answers with the very bytes that a test gives it, and remembers what it was sent.

use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// All that it reads of a message: the rest may be JSON that a tree has no place for.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Envelope {
    id: Value,
    method: String,
}

/// Which MCP it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaks {
    Legacy,
    Modern,
}

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) uri: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    pub(crate) method: String,
}

#[derive(Debug)]
struct Shared {
    speaks: Speaks,
    requests: Vec<Recorded>,
    /// The member after the id in the answer to a call.
    answer: String,
    /// True: answers to calls are streams of events.
    streams: bool,
    tools: String,
    sessions: usize,
    /// Answers every call with these bytes as they are, and this status and type.
    instead: Option<(u16, &'static str, String)>,
    hangs: bool,
    admits: Option<Admits>,
    redirects: Option<(u16, String)>,
}

/// What a request's headers must be like; else it is answered 401.
struct Admits(Box<dyn Fn(&HeaderMap) -> bool + Send>);

impl std::fmt::Debug for Admits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Admits")
    }
}

/// The running server; it ends with the test's runtime.
#[derive(Clone, Debug)]
pub(crate) struct RawUpstream {
    pub(crate) url: String,
    shared: Arc<Mutex<Shared>>,
}

impl RawUpstream {
    #[expect(
        clippy::disallowed_methods,
        reason = "it runs beside the server under test"
    )]
    pub(crate) async fn start(speaks: Speaks) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Mutex::new(Shared {
            speaks,
            requests: Vec::new(),
            answer: r#""result":{"content":[]}"#.to_owned(),
            streams: false,
            tools: r#"[{"name":"echo","inputSchema":{"type":"object"}}]"#.to_owned(),
            sessions: 1,
            instead: None,
            hangs: false,
            admits: None,
            redirects: None,
        }));
        let app = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&shared));
        drop(tokio::spawn(async move {
            axum::serve(listener, app).await.expect("a server");
        }));
        let url = format!("http://{address}/mcp");
        Self { url, shared }
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().expect("no panic before")
    }

    /// What the answer to a call holds besides version and id, such as `"result":{}`.
    pub(crate) fn answer(&self, member: &str) {
        self.shared().answer = member.to_owned();
    }

    /// Answers to calls come as JSON, or as streams of events.
    pub(crate) fn stream(&self, streams: bool) {
        self.shared().streams = streams;
    }

    pub(crate) fn tools(&self, tools: &str) {
        self.shared().tools = tools.to_owned();
    }

    /// Answers calls with exactly this.
    pub(crate) fn answer_instead(&self, status: u16, kind: &'static str, body: &str) {
        self.shared().instead = Some((status, kind, body.to_owned()));
    }

    /// Lets nobody else in.
    pub(crate) fn admit(&self, admits: impl Fn(&HeaderMap) -> bool + Send + 'static) {
        self.shared().admits = Some(Admits(Box::new(admits)));
    }

    /// Sends calls elsewhere.
    pub(crate) fn redirect(&self, status: u16, to: &str) {
        self.shared().redirects = Some((status, to.to_owned()));
    }

    /// Never answers a call.
    pub(crate) fn hang(&self) {
        self.shared().hangs = true;
    }

    /// Knows the session no more.
    pub(crate) fn forget_session(&self) {
        self.shared().sessions += 1;
    }

    /// Everything that was sent so far.
    pub(crate) fn requests(&self) -> Vec<Recorded> {
        self.shared().requests.clone()
    }

    /// The last call.
    pub(crate) fn last_call(&self) -> Recorded {
        let requests = self.requests();
        let calls = requests
            .into_iter()
            .filter(|sent| sent.method == "tools/call");
        calls.last().expect("a call")
    }
}

async fn answer(
    State(shared): State<Arc<Mutex<Shared>>>,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> Response {
    let Envelope { id, method } = serde_json::from_str(&body).unwrap_or_default();
    let (answered, hangs) = {
        let mut shared = shared.lock().expect("no panic before");
        shared.requests.push(Recorded {
            uri: uri.to_string(),
            headers: headers.clone(),
            body,
            method: method.clone(),
        });
        let hangs = shared.hangs && method == "tools/call";
        let admits = shared.admits.as_ref();
        if admits.is_some_and(|Admits(admits)| !admits(&headers)) {
            let challenge = "Bearer realm=\"the upstream's own\", error=\"invalid_token\"";
            return (StatusCode::UNAUTHORIZED, [("www-authenticate", challenge)]).into_response();
        }
        if let Some((status, to)) = &shared.redirects {
            let status = StatusCode::from_u16(*status).expect("a status");
            return (status, [("location", to.clone())]).into_response();
        }
        (respond(&shared, &headers, &method, &id), hangs)
    };
    if hangs {
        std::future::pending::<()>().await;
    }
    answered
}

fn respond(shared: &Shared, headers: &HeaderMap, method: &str, id: &Value) -> Response {
    let whole = |member: &str| format!(r#"{{"jsonrpc":"2.0","id":{id},{member}}}"#);
    let json = |body: String| ([("content-type", "application/json")], body).into_response();
    let session = format!("session-{}", shared.sessions);
    let is_handshake = match (shared.speaks, method) {
        (Speaks::Legacy, "initialize") => {
            let result = json!({
                "protocolVersion": "2025-11-25",
                "capabilities": { "tools": {} },
                "serverInfo": { "name": "raw", "version": "1" },
            });
            let head = [
                ("content-type", "application/json"),
                ("mcp-session-id", &*session),
            ];
            return (head, whole(&format!(r#""result":{result}"#))).into_response();
        }
        (Speaks::Modern, "server/discover") => {
            let result = json!({
                "supportedVersions": ["2026-07-28"],
                "capabilities": { "tools": {} },
                "resultType": "complete",
            });
            return json(whole(&format!(r#""result":{result}"#)));
        }
        (Speaks::Legacy, "server/discover") => return StatusCode::BAD_REQUEST.into_response(),
        (Speaks::Modern, "initialize") => return StatusCode::NOT_FOUND.into_response(),
        (Speaks::Legacy, _) => headers
            .get("mcp-session-id")
            .is_some_and(|sent| *sent == *session),
        (Speaks::Modern, _) => true,
    };
    if !is_handshake {
        return StatusCode::NOT_FOUND.into_response();
    }
    match method {
        "tools/list" => json(whole(&format!(r#""result":{{"tools":{}}}"#, shared.tools))),
        "tools/call" => match &shared.instead {
            Some((status, kind, body)) => {
                let status = StatusCode::from_u16(*status).expect("a status");
                let body = body.replace("$ID", &id.to_string());
                (status, [("content-type", *kind)], body).into_response()
            }
            None if shared.streams => {
                let note = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{}}"#;
                let data = whole(&shared.answer);
                let body = format!(": hi\n\nevent: message\ndata: {note}\n\ndata: {data}\n\n");
                ([("content-type", "text/event-stream")], body).into_response()
            }
            None => json(whole(&shared.answer)),
        },
        _ if id.is_null() => StatusCode::ACCEPTED.into_response(),
        _ => json(whole(
            r#""error":{"code":-32601,"message":"method not found"}"#,
        )),
    }
}
