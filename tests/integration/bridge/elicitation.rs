//! Questions of a modern upstream to a legacy client, on the call's own stream.

use serde_json::{Value, json};

use super::both;
use crate::gateway::{Reply, TestGateway};
use crate::raw_upstream::{RawUpstream, Speaks};
use crate::upstream::token;

const FORM: &str = r#"{"method":"elicitation/create","params":{"mode":"form","message":"m","requestedSchema":{"n":1.50}}}"#;
const ADDRESS: &str = r#"{"method":"elicitation/create","params":{"mode":"url","message":"m","url":"https://example.com"}}"#;
const DONE: &str = r#""result":{"resultType":"complete","content":[],"done":true}"#;
pub(super) const ALL: &str = r#"{"elicitation":{"form":{},"url":{}},"roots":{},"sampling":{}}"#;

fn asks(requests: &[(&str, &str)]) -> String {
    let requests: Vec<_> = requests
        .iter()
        .map(|(key, request)| format!(r#""{key}":{request}"#))
        .collect();
    let requests = requests.join(",");
    format!(
        r#""result":{{"resultType":"input_required","inputRequests":{{{requests}}},"requestState":"th\u0065irs"}}"#
    )
}

/// A legacy client that has shaken hands.
pub(super) struct Client<'a> {
    gateway: &'a TestGateway,
    token: String,
    session: String,
}

/// The stream of a call.
pub(super) struct Stream {
    response: reqwest::Response,
    read: String,
}

impl Stream {
    /// What this request is answered with.
    pub(super) async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.expect("an answer");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            response,
            read: String::new(),
        }
    }

    /// Returns once the stream has ended; what came last.
    pub(super) async fn end(mut self) -> String {
        let wait = async {
            while let Some(piece) = self.response.chunk().await.expect("a stream") {
                self.read
                    .push_str(std::str::from_utf8(&piece).expect("text"));
            }
        };
        let waited = tokio::time::timeout(std::time::Duration::from_secs(60), wait).await;
        assert!(waited.is_ok(), "it goes on after {:?}", self.read);
        let last = self.read.lines().rev();
        let mut last = last.filter_map(|line| line.strip_prefix("data: "));
        last.next().expect("a message").to_owned()
    }

    /// The next message on it.
    pub(super) async fn next(&mut self) -> Value {
        serde_json::from_str(&self.next_text().await).expect("JSON")
    }

    /// The same as it was written.
    pub(super) async fn next_text(&mut self) -> String {
        loop {
            if let Some((event, rest)) = self.read.split_once("\n\n") {
                let data = event.lines().find_map(|line| line.strip_prefix("data: "));
                let message = data.map(str::to_owned);
                self.read = rest.to_owned();
                match message {
                    Some(message) => return message,
                    None => continue,
                }
            }
            let piece = self
                .response
                .chunk()
                .await
                .expect("a stream")
                .expect("more of it");
            self.read
                .push_str(std::str::from_utf8(&piece).expect("text"));
        }
    }
}

impl<'a> Client<'a> {
    pub(super) async fn new(gateway: &'a TestGateway, revision: &str, capabilities: &str) -> Self {
        let token = token(gateway);
        let capabilities: Value = serde_json::from_str(capabilities).expect("JSON");
        let initialize = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": revision,
            "capabilities": capabilities,
            "clientInfo": { "name": "test", "version": "1" },
        } });
        let reply = gateway.call(&token, initialize).await;
        let session = reply
            .header("mcp-session-id")
            .expect("a session")
            .to_owned();
        Self {
            gateway,
            token,
            session,
        }
    }

    /// A message in its session, as it is written.
    pub(super) fn post(&self, body: String) -> reqwest::RequestBuilder {
        self.post_taking("application/json, text/event-stream", body)
    }

    fn post_taking(&self, accept: &str, body: String) -> reqwest::RequestBuilder {
        self.gateway
            .request("POST", "/mcp")
            .bearer_auth(&self.token)
            .header("content-type", "application/json")
            .header("accept", accept)
            .header("mcp-session-id", &self.session)
            .body(body)
    }

    fn call_request(&self) -> reqwest::RequestBuilder {
        self.call_taking("application/json, text/event-stream")
    }

    /// A call of a client that takes this for an answer.
    pub(super) fn call_taking(&self, accept: &str) -> reqwest::RequestBuilder {
        let call = json!({ "jsonrpc": "2.0", "id": "mine", "method": "tools/call", "params": {
            "name": "raw__echo", "arguments": { "a": 1 },
        } });
        self.post_taking(accept, call.to_string())
    }

    /// A call that is answered at once.
    pub(super) async fn call(&self) -> Reply {
        Reply::of(self.call_request()).await
    }

    /// A call that becomes a stream.
    pub(super) async fn stream(&self) -> Stream {
        Stream::of(self.call_request()).await
    }

    /// The stream of its session.
    pub(super) async fn listen(&self) -> Stream {
        let request = self
            .gateway
            .request("GET", "/mcp")
            .bearer_auth(&self.token)
            .header("accept", "text/event-stream")
            .header("mcp-session-id", &self.session);
        Stream::of(request).await
    }

    /// The answer to a request, which is one JSON object.
    pub(super) async fn ask(&self, method: &str, params: &str) -> Value {
        let body = format!(r#"{{"jsonrpc":"2.0","id":7,"method":"{method}","params":{params}}}"#);
        Reply::of(self.post(body)).await.json()
    }

    /// Answers a question.
    pub(super) async fn answer(&self, id: &Value, member: &str) -> Reply {
        let mut answer = json!({ "jsonrpc": "2.0", "id": id });
        let member: Value = serde_json::from_str(&format!("{{{member}}}")).expect("JSON");
        for (key, value) in member.as_object().expect("a member") {
            answer[key] = value.clone();
        }
        Reply::of(self.post(answer.to_string())).await
    }
}

fn last_params(upstream: &RawUpstream) -> Value {
    let sent: Value = serde_json::from_str(&upstream.last_call().body).expect("JSON");
    sent["params"].clone()
}

fn last_reason(gateway: &TestGateway) -> Value {
    let log = gateway.access_log();
    let last: Value = serde_json::from_str(log.lines().last().expect("a line")).expect("JSON");
    last["reason"].clone()
}

#[tokio::test]
async fn questions_are_requests_on_the_calls_stream_one_after_the_other() {
    let (upstream, gateway) = both(Speaks::Modern).await;
    let client = Client::new(&gateway, "2025-11-25", ALL).await;
    upstream.answer_in_turn(&[
        &asks(&[("b", FORM), ("a", ADDRESS)]),
        &asks(&[("c", FORM)]),
        DONE,
    ]);
    let mut stream = client.stream().await;
    assert_eq!(
        last_params(&upstream)["_meta"]["io.modelcontextprotocol/clientCapabilities"],
        serde_json::from_str::<Value>(ALL).expect("JSON")
    );

    let form = stream.next().await;
    assert_eq!(form["method"], "elicitation/create");
    assert_eq!(
        form["params"],
        json!({ "mode": "form", "message": "m", "requestedSchema": { "n": 1.5 } })
    );
    let accepted = r#""result":{"action":"accept","content":{"n":2.5}}"#;
    assert_eq!(client.answer(&form["id"], accepted).await.status, 202);

    let address = stream.next().await;
    assert_eq!(address["params"]["url"], "https://example.com");
    assert!(address["params"]["elicitationId"].is_string(), "{address}");
    assert_ne!(address["id"], form["id"]);
    let declined = r#""result":{"action":"decline"}"#;
    assert_eq!(client.answer(&address["id"], declined).await.status, 202);

    let again = stream.next().await;
    let params = last_params(&upstream);
    assert_eq!(params["requestState"], "theirs");
    assert_eq!(params["arguments"], json!({ "a": 1 }));
    assert_eq!(
        params["inputResponses"],
        json!({
            "b": { "action": "accept", "content": { "n": 2.5 } },
            "a": { "action": "decline" },
        })
    );
    let failed = r#""error":{"code":-1,"message":"no"}"#;
    assert_eq!(client.answer(&again["id"], failed).await.status, 202);
    let done = stream.next().await;
    assert_eq!(
        done,
        json!({ "jsonrpc": "2.0", "id": "mine", "result": { "content": [], "done": true } })
    );
    assert_eq!(
        last_params(&upstream)["inputResponses"],
        json!({ "c": { "action": "cancel" } })
    );
}

#[tokio::test]
async fn an_answer_of_somebody_else_or_to_nothing_is_accepted_and_changes_nothing() {
    let (upstream, gateway) = both(Speaks::Modern).await;
    let client = Client::new(&gateway, "2025-11-25", ALL).await;
    let other = Client::new(&gateway, "2025-11-25", ALL).await;
    upstream.answer_in_turn(&[&asks(&[("k", FORM)]), DONE]);
    let mut stream = client.stream().await;
    let question = stream.next().await;
    let cancelled = r#""result":{"action":"cancel"}"#;
    for (answerer, id, reason) in [
        (&other, &question["id"], "foreign_answer"),
        (&client, &json!("usher-none"), "unknown_answer"),
        (&client, &json!(1), "unknown_answer"),
    ] {
        assert_eq!(answerer.answer(id, cancelled).await.status, 202);
        assert_eq!(last_reason(&gateway), reason);
    }
    let accepted = r#""result":{"action":"accept"}"#;
    assert_eq!(client.answer(&question["id"], accepted).await.status, 202);
    assert_eq!(stream.next().await["result"]["done"], true);
    assert_eq!(
        last_params(&upstream)["inputResponses"]["k"]["action"],
        "accept"
    );
    assert_eq!(client.answer(&question["id"], accepted).await.status, 202);
    assert_eq!(last_reason(&gateway), "unknown_answer");
}

#[tokio::test]
async fn a_client_is_told_which_capability_it_lacks() {
    let (upstream, gateway) = both(Speaks::Modern).await;
    for (revision, capabilities, request, missing) in [
        ("2025-11-25", "{}", FORM, "elicitation (form)"),
        (
            "2025-11-25",
            r#"{"elicitation":{}}"#,
            ADDRESS,
            "elicitation (url)",
        ),
        ("2025-06-18", ALL, ADDRESS, "elicitation (url)"),
        ("2025-03-26", ALL, FORM, "elicitation (form)"),
        (
            "2025-11-25",
            r#"{"elicitation":{}}"#,
            r#"{"method":"roots/list"}"#,
            "roots",
        ),
        (
            "2025-11-25",
            r#"{"elicitation":{}}"#,
            r#"{"method":"sampling/createMessage","params":{}}"#,
            "sampling",
        ),
    ] {
        let client = Client::new(&gateway, revision, capabilities).await;
        upstream.answer_in_turn(&[&asks(&[("k", request)])]);
        let error = client.call().await.json()["error"].clone();
        assert_eq!(error["code"], -32021);
        let words = error["message"].as_str().expect("words");
        assert!(words.ends_with(missing), "{words}");
        assert_eq!(last_reason(&gateway), "missing_client_capability");
    }
    upstream.answer_in_turn(&[&asks(&[("k", FORM)])]);
    let without_session = super::call_legacy(&gateway).await;
    assert_eq!(without_session.json()["error"]["code"], -32021);
}

#[tokio::test]
async fn what_is_not_elicitation_is_asked_in_the_same_way() {
    let (upstream, gateway) = both(Speaks::Modern).await;
    let client = Client::new(&gateway, "2025-06-18", ALL).await;
    let sampling = r#"{"method":"sampling/createMessage","params":{"maxTokens":5}}"#;
    upstream.answer_in_turn(&[
        &asks(&[("r", r#"{"method":"roots/list"}"#), ("s", sampling)]),
        DONE,
    ]);
    let mut stream = client.stream().await;
    let question = stream.next().await;
    assert_eq!(question["method"], "roots/list");
    client
        .answer(&question["id"], r#""result":{"roots":[]}"#)
        .await;
    let question = stream.next().await;
    assert_eq!(question["method"], "sampling/createMessage");
    assert_eq!(question["params"], json!({ "maxTokens": 5 }));
    client
        .answer(&question["id"], r#""result":{"model":"x"}"#)
        .await;
    assert_eq!(stream.next().await["result"]["done"], true);
    assert_eq!(
        last_params(&upstream)["inputResponses"],
        json!({ "r": { "roots": [] }, "s": { "model": "x" } })
    );

    upstream.answer_in_turn(&[&asks(&[("s", sampling)])]);
    let mut stream = client.stream().await;
    let question = stream.next().await;
    client
        .answer(&question["id"], r#""error":{"code":-1,"message":"no"}"#)
        .await;
    let refused = stream.next().await;
    assert_eq!(refused["error"]["code"], -32600, "{refused}");
}

#[tokio::test]
async fn an_upstream_that_asks_for_ever_is_not_asked_any_more() {
    let (upstream, gateway) = both(Speaks::Modern).await;
    let client = Client::new(&gateway, "2025-11-25", ALL).await;
    upstream.answer(&asks(&[("k", FORM)]));
    let mut stream = client.stream().await;
    for _ in 0..8 {
        let question = stream.next().await;
        client
            .answer(&question["id"], r#""result":{"action":"decline"}"#)
            .await;
    }
    let ended = stream.next().await;
    assert_eq!(ended["error"]["code"], 502, "{ended}");
    let calls = upstream.requests();
    assert_eq!(
        calls
            .iter()
            .filter(|sent| sent.method == "tools/call")
            .count(),
        9
    );
}

#[tokio::test]
async fn a_question_that_nobody_answers_ends_the_call() {
    let upstream = RawUpstream::start(Speaks::Modern).await;
    let raw = crate::upstream::over_http("raw", &upstream.url);
    let gateway = TestGateway::builder()
        .settings(|settings| {
            settings.upstream = vec![raw];
            settings.mcp.question_timeout_seconds = 1;
        })
        .start()
        .await;
    crate::upstream::until_listed(&gateway, "raw__").await;
    let client = Client::new(&gateway, "2025-11-25", ALL).await;
    upstream.answer(&asks(&[("k", FORM)]));
    let mut stream = client.stream().await;
    let question = stream.next().await;
    let cancelled = stream.next().await;
    assert_eq!(cancelled["method"], "notifications/cancelled");
    assert_eq!(cancelled["params"]["requestId"], question["id"]);
    let ended = stream.next().await;
    assert_eq!(ended["error"]["code"], 504, "{ended}");
    let late = client
        .answer(&question["id"], r#""result":{"action":"accept"}"#)
        .await;
    assert_eq!(late.status, 202);
    assert_eq!(last_reason(&gateway), "unknown_answer");
}
