//! An MCP server that answers with the very bytes that a test gives it, and remembers what it was sent.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

/// How long anything may take that a test waits for, on a busy machine as well.
const PATIENCE: Duration = Duration::from_secs(30);

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
    /// The JSON-RPC method, or the HTTP method of a request without a message.
    pub(crate) method: String,
}

#[derive(Debug)]
struct Shared {
    speaks: Speaks,
    /// It is not ready for the next request.
    is_starting: bool,
    /// It takes the old handshake as well.
    is_old_too: bool,
    requests: Vec<Recorded>,
    /// The member after the id in the answer to a call.
    answer: String,
    /// It has a prompt and a resource as well, which are answered like calls.
    has_more: bool,
    /// The same for the next calls, before that one.
    in_turn: VecDeque<String>,
    /// True: answers to calls are streams of events.
    streams: bool,
    tools: String,
    /// What it says to models.
    instructions: Option<String>,
    capabilities: String,
    /// The member after the id in the answers to other methods.
    answers: Vec<(String, String)>,
    /// Where it says what nobody asked for, with the session that each belongs to.
    listeners: Vec<Listener>,
    /// Answers `GET` with this status instead.
    no_stream: Option<u16>,
    /// How often all sessions were forgotten, and how many were opened.
    sessions: usize,
    opened: usize,
    /// How many characters more their ids have than they need.
    padding: usize,
    /// How it answers in a session that it does not know. Else with 404.
    unknown_session: Option<(u16, &'static str, String)>,
    /// Answers every call with these bytes as they are, and this status and type.
    instead: Option<(u16, &'static str, String)>,
    hangs: bool,
    admits: Option<Admits>,
    redirects: Option<(u16, String)>,
    by_hand: Option<mpsc::UnboundedSender<OpenAnswer>>,
    /// Takes streams up again that the test has closed.
    resumed: Option<mpsc::UnboundedSender<(String, OpenAnswer)>>,
    lists_later: bool,
    /// Told of each request, and of each stream that somebody opened or closed.
    changes: watch::Sender<()>,
    /// Resources that it does not tell of.
    refuses: Vec<String>,
    /// Subscriptions are not acknowledged.
    is_silent: bool,
    /// Those to single resources: their id, what they are to, and where it is told.
    subscriptions: Vec<(String, Vec<String>, mpsc::UnboundedSender<String>)>,
}

impl Shared {
    fn unknown_session(&self, id: &Value) -> Response {
        let Some((status, kind, body)) = &self.unknown_session else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let status = StatusCode::from_u16(*status).expect("a status");
        let body = body.replace("$ID", &id.to_string());
        (status, [("content-type", *kind)], body).into_response()
    }
}
/// A session, and where to say something in it.
type Listener = (String, mpsc::UnboundedSender<String>);

/// What a request's headers must be like; else it is answered 401.
struct Admits(Box<dyn Fn(&HeaderMap) -> bool + Send>);

impl std::fmt::Debug for Admits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Admits")
    }
}

/// A call whose answer the test writes, event by event.
#[derive(Debug)]
pub(crate) struct OpenAnswer {
    /// The id of the request.
    pub(crate) id: Value,
    events: mpsc::UnboundedSender<String>,
}

impl OpenAnswer {
    /// Sends one event; `$ID` is the request's id.
    pub(crate) fn say(&self, json: &str) {
        let json = json.replace("$ID", &self.id.to_string());
        // Nobody may read it any more.
        drop(self.events.send(format!("data: {json}\n\n")));
    }

    /// Sends these bytes as they are.
    pub(crate) fn write(&self, text: &str) {
        drop(self.events.send(text.to_owned()));
    }

    /// Returns once the reader has closed the stream.
    pub(crate) async fn closed(&self) {
        self.events.closed().await;
    }

    /// True once the reader has closed the stream.
    pub(crate) fn is_closed(&self) -> bool {
        self.events.is_closed()
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
            has_more: false,
            in_turn: VecDeque::new(),
            streams: false,
            tools: r#"[{"name":"echo","inputSchema":{"type":"object"}}]"#.to_owned(),
            capabilities: r#"{"tools":{}}"#.to_owned(),
            answers: Vec::new(),
            listeners: Vec::new(),
            no_stream: None,
            sessions: 1,
            opened: 0,
            unknown_session: None,
            instead: None,
            instructions: None,
            is_starting: false,
            is_old_too: false,
            padding: 0,
            hangs: false,
            admits: None,
            redirects: None,
            by_hand: None,
            resumed: None,
            lists_later: false,
            changes: watch::Sender::new(()),
            refuses: Vec::new(),
            is_silent: false,
            subscriptions: Vec::new(),
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

    /// It has the prompt `ask` and the resource `test://one` as well, which are answered like calls.
    pub(crate) fn has_more(&self) {
        self.shared().has_more = true;
    }

    /// The same for the next calls, one after the other.
    pub(crate) fn answer_in_turn(&self, members: &[&str]) {
        let members = members.iter().map(|member| (*member).to_owned());
        self.shared().in_turn.extend(members);
    }

    /// Answers to calls come as JSON, or as streams of events.
    pub(crate) fn stream(&self, streams: bool) {
        self.shared().streams = streams;
    }

    pub(crate) fn tools(&self, tools: &str) {
        self.shared().tools = tools.to_owned();
    }

    /// What it says in the handshake that it has.
    pub(crate) fn capabilities(&self, capabilities: &str) {
        self.shared().capabilities = capabilities.to_owned();
    }

    /// What the answer to `method` holds besides version and id, from now on.
    pub(crate) fn answer_to(&self, method: &str, member: &str) {
        let answers = &mut self.shared().answers;
        answers.retain(|(known, _)| known != method);
        answers.push((method.to_owned(), member.to_owned()));
    }

    /// Says something on every stream on which it may say what nobody asked for.
    pub(crate) fn say(&self, json: &str) {
        self.say_in("", json);
    }

    /// The same on the stream of this session alone.
    pub(crate) fn say_in(&self, session: &str, json: &str) {
        let event = format!("data: {json}\n\n");
        self.shared().listeners.retain(|(of, listener)| {
            let is_it = session.is_empty() || of == session;
            !is_it || listener.send(event.clone()).is_ok()
        });
    }

    /// It has the resources `test://one` to `test://four`, and tells of them.
    pub(crate) fn has_resources(&self) {
        self.capabilities(r#"{"tools":{},"resources":{"subscribe":true}}"#);
        let resources = ["one", "two", "three", "four"]
            .map(|name| format!(r#"{{"uri":"test://{name}","name":"{name}"}}"#));
        let resources = resources.join(",");
        let lists = format!(r#""result":{{"resources":[{resources}]}}"#);
        self.answer_to("resources/list", &lists);
        self.answer_to(
            "resources/templates/list",
            r#""result":{"resourceTemplates":[]}"#,
        );
        for method in ["resources/subscribe", "resources/unsubscribe"] {
            self.answer_to(method, r#""result":{}"#);
        }
    }

    /// It tells nobody of this resource.
    pub(crate) fn refuse(&self, uri: &str) {
        self.shared().refuses.push(uri.to_owned());
    }

    /// The ids of its sessions have so many characters more than they need.
    pub(crate) fn pad_sessions(&self, padding: usize) {
        self.shared().padding = padding;
    }

    /// It says nothing to who wants to subscribe.
    pub(crate) fn fall_silent(&self) {
        self.shared().is_silent = true;
    }

    /// The resources of each subscription that is open, if it is modern.
    pub(crate) fn subscriptions(&self) -> Vec<Vec<String>> {
        let shared = self.shared();
        let open = shared.subscriptions.iter();
        let open = open.filter(|(_, _, told)| !told.is_closed());
        open.map(|(_, uris, _)| uris.clone()).collect()
    }

    /// A resource was updated: tells those who subscribed to it or, if it is legacy, all who listen.
    pub(crate) fn update(&self, uri: &str) {
        let update = |meta: &str| {
            format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{{ "x":1.50,"uri" : "{uri}"{meta}}}}}"#
            )
        };
        if self.shared().speaks == Speaks::Legacy {
            return self.say(&update(""));
        }
        for (id, uris, told) in &self.shared().subscriptions {
            if uris.iter().any(|known| known == uri) {
                let meta = format!(
                    r#","_meta" : {{"y":1e2,"io.modelcontextprotocol/subscriptionId": {id}}}"#
                );
                drop(told.send(format!("data: {}\n\n", update(&meta))));
            }
        }
    }

    /// Ends the open subscriptions in order.
    pub(crate) fn end_subscriptions(&self) {
        for (id, _, told) in self.shared().subscriptions.drain(..) {
            let end = format!(
                r#"{{"jsonrpc":"2.0","id":{id},"result":{{"resultType":"complete","_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}}}}}}"#
            );
            drop(told.send(format!("data: {end}\n\n")));
        }
        self.shared().listeners.clear();
    }

    /// Has no stream for what nobody asked for: answers with this status.
    pub(crate) fn has_no_stream(&self, status: u16) {
        self.shared().no_stream = Some(status);
    }

    /// Ends all of those streams.
    pub(crate) fn hang_up(&self) {
        self.shared().listeners.clear();
        self.shared().subscriptions.clear();
    }

    /// Waits for something that it was sent, or that it says to; whatever changes that is looked at.
    pub(crate) async fn until<T>(
        &self,
        what: &str,
        mut wanted: impl FnMut(&Self) -> Option<T>,
    ) -> T {
        let mut changes = self.shared().changes.subscribe();
        let looked = async {
            loop {
                if let Some(found) = wanted(self) {
                    return found;
                }
                changes.changed().await.expect("it is kept here");
            }
        };
        let found = tokio::time::timeout(PATIENCE, looked).await;
        found.unwrap_or_else(|_late| {
            let methods = self.requests().into_iter().map(|sent| sent.method);
            unreachable!("{what}, after {:?}", methods.collect::<Vec<_>>())
        })
    }

    /// Returns once nobody, or somebody, hears what is said in this session.
    pub(crate) async fn until_heard_in(&self, session: &str, is_heard: bool) {
        let look = |upstream: &Self| {
            let is_it = |(of, listener): &Listener| of == session && !listener.is_closed();
            let heard = upstream.shared().listeners.iter().any(is_it);
            (heard == is_heard).then_some(())
        };
        self.until(&format!("{session} is heard: {is_heard}"), look)
            .await;
    }

    /// Returns once somebody listens.
    pub(crate) async fn until_heard(&self) {
        let look = |upstream: &Self| (!upstream.shared().listeners.is_empty()).then_some(());
        self.until("somebody listens", look).await;
    }

    /// Answers calls with exactly this.
    pub(crate) fn answer_instead(&self, status: u16, kind: &'static str, body: &str) {
        self.shared().instead = Some((status, kind, body.to_owned()));
    }

    /// Answers the next request as a proxy does whose server is only just starting.
    pub(crate) fn is_starting(&self) {
        self.shared().is_starting = true;
    }

    /// Takes both handshakes, if it is a modern one.
    pub(crate) fn is_old_too(&self) {
        self.shared().is_old_too = true;
    }

    /// Says this to models, in every handshake.
    pub(crate) fn instructions(&self, text: &str) {
        self.shared().instructions = Some(text.to_owned());
    }

    /// Lets nobody else in.
    pub(crate) fn admit(&self, admits: impl Fn(&HeaderMap) -> bool + Send + 'static) {
        self.shared().admits = Some(Admits(Box::new(admits)));
    }

    /// Sends calls elsewhere.
    pub(crate) fn redirect(&self, status: u16, to: &str) {
        self.shared().redirects = Some((status, to.to_owned()));
    }

    /// Every call from now on is for the test to answer.
    pub(crate) fn by_hand(&self) -> mpsc::UnboundedReceiver<OpenAnswer> {
        let (sender, calls) = mpsc::unbounded_channel();
        self.shared().by_hand = Some(sender);
        calls
    }

    /// Streams are taken up again from now on: the id of the last event that the client has, and the rest for the test to
    /// write.
    pub(crate) fn resumes(&self) -> mpsc::UnboundedReceiver<(String, OpenAnswer)> {
        let (sender, resumed) = mpsc::unbounded_channel();
        self.shared().resumed = Some(sender);
        resumed
    }

    /// Returns once a message with this method has come; the last one.
    pub(crate) async fn until_sent(&self, method: &str) -> Recorded {
        let look = |upstream: &Self| {
            let requests = upstream.requests().into_iter();
            requests.filter(|sent| sent.method == method).last()
        };
        self.until(&format!("{method} is sent"), look).await
    }

    /// Answers `tools/list` with a stream that it closes at once, after an event with the id `list`.
    pub(crate) fn list_by_hand(&self) {
        self.shared().lists_later = true;
    }

    /// Never answers a call.
    pub(crate) fn hang(&self) {
        self.shared().hangs = true;
    }

    /// Answers calls again.
    pub(crate) fn recover(&self) {
        self.shared().hangs = false;
    }

    /// Knows no session any more.
    pub(crate) fn forget_sessions(&self) {
        self.shared().sessions += 1;
    }

    /// What it says in a session that it does not know, with this status and type; `$ID` is the request's id.
    pub(crate) fn says_of_unknown_sessions(&self, status: u16, kind: &'static str, body: &str) {
        self.shared().unknown_session = Some((status, kind, body.to_owned()));
    }

    /// Everything that was sent so far.
    pub(crate) fn requests(&self) -> Vec<Recorded> {
        self.shared().requests.clone()
    }

    /// The answers that came to requests of its own, as they were written.
    pub(crate) fn answers(&self) -> Vec<String> {
        let answers = self.requests().into_iter();
        let answers = answers.filter(|sent| sent.method.is_empty());
        answers.map(|sent| sent.body).collect()
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
    (http_method, uri): (Method, Uri),
    headers: HeaderMap,
    body: String,
) -> Response {
    let Envelope { id, mut method } = serde_json::from_str(&body).unwrap_or_default();
    if http_method != Method::POST {
        method = http_method.to_string();
    }
    let (answered, hangs) = {
        let mut shared = shared.lock().expect("no panic before");
        shared.requests.push(Recorded {
            uri: uri.to_string(),
            headers: headers.clone(),
            method: method.clone(),
            body,
        });
        shared.changes.send_replace(());
        if std::mem::take(&mut shared.is_starting) {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
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
        if matches!(method.as_str(), "GET" | "subscriptions/listen") {
            let session = headers.get("mcp-session-id");
            let session = session
                .map_or("", |id| id.to_str().expect("text"))
                .to_owned();
            let current = format!("session-{}-", shared.sessions);
            if let (Some(status), "GET") = (shared.no_stream, method.as_str()) {
                let status = StatusCode::from_u16(status).expect("a status");
                return status.into_response();
            }
            if shared.speaks == Speaks::Legacy && !session.starts_with(&current) {
                return shared.unknown_session(&id);
            }
            let (listener, said) = mpsc::unbounded_channel();
            if method == "subscriptions/listen" {
                shared.subscribed(&id, &listener);
            }
            match (headers.get("last-event-id"), &shared.resumed) {
                (Some(last_id), Some(resumed)) => {
                    let last_id = last_id.to_str().expect("text").to_owned();
                    let (id, events) = (Value::Null, listener);
                    drop(resumed.send((last_id, OpenAnswer { id, events })));
                }
                _ => shared.listeners.push((session, listener)),
            }
            shared.changes.send_replace(());
            return stream_of(said, shared.changes.clone());
        }
        if method == "resources/subscribe" && shared.speaks == Speaks::Legacy {
            let sent = shared.requests.last().map(|sent| sent.body.as_str());
            let is_it = |refused: &String| sent.is_some_and(|sent| sent.contains(refused));
            if shared.refuses.iter().any(is_it) {
                let error = r#""error":{"code":-32602,"message":"not that one"}"#;
                let body = format!(r#"{{"jsonrpc":"2.0","id":{id},{error}}}"#);
                return ([("content-type", "application/json")], body).into_response();
            }
        }
        let next = match method.as_str() {
            "tools/call" | "prompts/get" | "resources/read" => shared.in_turn.pop_front(),
            _ => None,
        };
        let usual = next.map(|next| std::mem::replace(&mut shared.answer, next));
        let answered = respond(&mut shared, &headers, &method, &id);
        if let Some(usual) = usual {
            shared.answer = usual;
        }
        (answered, hangs)
    };
    if hangs {
        std::future::pending::<()>().await;
    }
    answered
}

impl Shared {
    /// Somebody subscribes with the request that came last.
    fn subscribed(&mut self, id: &Value, told: &mpsc::UnboundedSender<String>) {
        let body = self.requests.last().map(|sent| sent.body.clone());
        let body: Value = serde_json::from_str(&body.unwrap_or_default()).expect("JSON");
        let mut filter = body
            .pointer("/params/notifications")
            .cloned()
            .unwrap_or_default();
        if let Some(uris) = filter
            .get_mut("resourceSubscriptions")
            .and_then(Value::as_array_mut)
        {
            let is_told = |uri: &Value| !self.refuses.iter().any(|refused| uri == refused);
            uris.retain(is_told);
            let uris = uris.iter().filter_map(Value::as_str).map(str::to_owned);
            let told = (id.to_string(), uris.collect(), told.clone());
            self.subscriptions.push(told);
        }
        let acknowledged = json!({ "jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged", "params": {
            "_meta": { "io.modelcontextprotocol/subscriptionId": id }, "notifications": filter,
        } });
        if !self.is_silent {
            drop(told.send(format!("data: {acknowledged}\n\n")));
        }
    }
}

/// What is said on a stream, until its reader is gone, of which the others are told.
struct Heard {
    said: mpsc::UnboundedReceiver<String>,
    changes: watch::Sender<()>,
}

impl Drop for Heard {
    fn drop(&mut self) {
        self.said.close();
        self.changes.send_replace(());
    }
}

fn stream_of(said: mpsc::UnboundedReceiver<String>, changes: watch::Sender<()>) -> Response {
    let heard = Heard { said, changes };
    let said = futures_util::stream::unfold(heard, async |mut heard| {
        let event: String = heard.said.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(event), heard))
    });
    let body = axum::body::Body::from_stream(said);
    ([("content-type", "text/event-stream")], body).into_response()
}

/// What it says that it has.
#[expect(
    clippy::indexing_slicing,
    reason = "a member that is not there is made"
)]
fn capabilities(shared: &Shared) -> Value {
    let mut capabilities: Value = serde_json::from_str(&shared.capabilities).expect("JSON");
    capabilities["logging"] = json!({});
    if shared.has_more {
        capabilities["prompts"] = json!({});
        capabilities["resources"] = json!({});
    }
    capabilities
}

#[expect(clippy::too_many_lines, reason = "one arm per method")]
fn respond(shared: &mut Shared, headers: &HeaderMap, method: &str, id: &Value) -> Response {
    let whole = |member: &str| format!(r#"{{"jsonrpc":"2.0","id":{id},{member}}}"#);
    let json = |body: String| ([("content-type", "application/json")], body).into_response();
    let session = format!("session-{}-", shared.sessions);
    let capabilities = capabilities(shared);
    let is_handshake = match (shared.speaks, method) {
        (speaks, "initialize") if speaks == Speaks::Legacy || shared.is_old_too => {
            let result = json!({
                "protocolVersion": "2025-11-25",
                "capabilities": capabilities,
                "serverInfo": { "name": "raw", "version": "1" },
                "instructions": shared.instructions,
            });
            shared.opened += 1;
            let session = format!("{session}{}{}", shared.opened, "x".repeat(shared.padding));
            let head = [
                ("content-type", "application/json"),
                ("mcp-session-id", &*session),
            ];
            return (head, whole(&format!(r#""result":{result}"#))).into_response();
        }
        (Speaks::Modern, "server/discover") => {
            let result = json!({
                "supportedVersions": ["2026-07-28"],
                "capabilities": capabilities,
                "resultType": "complete",
                "instructions": shared.instructions,
            });
            return json(whole(&format!(r#""result":{result}"#)));
        }
        (Speaks::Legacy, "server/discover") => return StatusCode::BAD_REQUEST.into_response(),
        (Speaks::Modern, "initialize") => return StatusCode::NOT_FOUND.into_response(),
        (Speaks::Legacy, _) => headers
            .get("mcp-session-id")
            .and_then(|sent| sent.to_str().ok())
            .is_some_and(|sent| sent.starts_with(&session)),
        (Speaks::Modern, _) => true,
    };
    if !is_handshake {
        return shared.unknown_session(id);
    }
    let known = shared.answers.iter().find(|(known, _)| known == method);
    if let Some((_, member)) = known {
        return json(whole(member));
    }
    match method {
        "tools/list" if shared.lists_later => {
            let closed = "id: list\nretry: 1\ndata: \n\n";
            ([("content-type", "text/event-stream")], closed).into_response()
        }
        "tools/list" => json(whole(&format!(r#""result":{{"tools":{}}}"#, shared.tools))),
        "tools/call" if shared.by_hand.is_some() => {
            let (events, said) = mpsc::unbounded_channel();
            let id = id.clone();
            let open = OpenAnswer { id, events };
            let sent = shared.by_hand.as_ref().map(|calls| calls.send(open));
            assert!(matches!(sent, Some(Ok(()))), "a test that answers");
            stream_of(said, shared.changes.clone())
        }
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
        "prompts/list" if shared.has_more => {
            json(whole(r#""result":{"prompts":[{"name":"ask"}]}"#))
        }
        "resources/list" if shared.has_more => json(whole(
            r#""result":{"resources":[{"uri":"test://one","name":"one"}]}"#,
        )),
        "resources/templates/list" if shared.has_more => {
            json(whole(r#""result":{"resourceTemplates":[]}"#))
        }
        "prompts/get" | "resources/read" if shared.has_more => json(whole(&shared.answer)),
        "logging/setLevel" => json(whole(r#""result":{}"#)),
        // A notification, or an answer to a request of its own.
        method if id.is_null() || method.is_empty() => StatusCode::ACCEPTED.into_response(),
        _ => json(whole(
            r#""error":{"code":-32601,"message":"method not found"}"#,
        )),
    }
}
