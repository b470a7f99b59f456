//! What a server holds while upstreams pour: the memory of a real process, measured from outside.

use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::super::eventually::eventually;
use super::super::issuer::TestIssuer;
use super::super::raw_upstream::{RawUpstream, Speaks};
use super::super::rough_upstream::{Rough, RoughUpstream, Then};
use super::stdio::child;

const EVENTS: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
const JSON: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
const ANSWER: &str = "data: {\"jsonrpc\":\"2.0\",\"id\":$ID,\"result\":{\"content\":[]}}\n\n";

/// One message may have so much; a result of an upstream is 50 times as long, and a stream without end longer still.
const MOST: usize = 1024 * 1024;
const LONG: usize = 50 * MOST;
/// Of short pieces fewer bytes do: each would take more than it has, if it were kept.
const MOST_PIECES: usize = 300_000;
/// All of that may take its time: nothing here is an error because it is late.
const PATIENT: &str = "max_message_bytes = 1048576\ncall_timeout_seconds = 3600\nmax_call_seconds = 3600\nstart_timeout_seconds = 300\n";
/// How much more a server may hold at any time than before it all began: what a few messages need, several times over.
const BOUND: u64 = 40 * 1024;

/// A running `usher serve`, ended with the test.
struct Serving {
    child: Child,
    url: String,
    issuer: TestIssuer,
    http_client: reqwest::Client,
    _folder: tempfile::TempDir,
}

impl Serving {
    async fn start(upstreams: &str) -> Self {
        let (issuer, folder) = (
            TestIssuer::start().await,
            tempfile::tempdir().expect("a folder"),
        );
        let config = folder.path().join("usher.toml");
        std::fs::write(&config, upstreams).expect("a file");
        let mut child = Command::new(env!("CARGO_BIN_EXE_usher"))
            .arg("--config")
            .arg(&config)
            .arg("serve")
            .env_clear()
            // The audience of a token; where it listens is read from its first line.
            .env("MCP_SERVER_URL", "http://127.0.0.1:8080")
            .env("KC_ISSUER", issuer.issuer())
            .env("USHER_LISTEN", "127.0.0.1:0")
            .env("USHER_ADMIN_LISTEN", "127.0.0.1:0")
            .env("USHER_STATE_DIR", folder.path())
            .env("USHER_HTTP__REQUEST_TIMEOUT_SECONDS", "3600")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("a process");
        let output = child.stdout.take().expect("its output");
        let line = BufReader::new(output).lines().next_line().await;
        let line = line.expect("its output").expect("a line");
        let address = line
            .split(" on ")
            .nth(1)
            .and_then(|rest| rest.split(',').next());
        let url = format!("http://{}", address.expect("a line with the address"));
        let http_client = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");
        Self {
            child,
            url,
            issuer,
            http_client,
            _folder: folder,
        }
    }

    async fn post(&self, method: &str, params: Value) -> Value {
        let audience = "http://127.0.0.1:8080/mcp";
        let token = self
            .issuer
            .token()
            .audience(audience)
            .scope("mcp:write")
            .mint();
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let request = self
            .http_client
            .post(format!("{}/mcp", self.url))
            .header("host", "127.0.0.1:8080")
            .header("accept", "application/json, text/event-stream")
            .bearer_auth(token)
            .json(&message);
        let reply = request.send().await.expect("an answer");
        let text = reply.text().await.expect("text");
        let last = text.lines().rfind(|line| line.contains("jsonrpc"));
        let last = last.map(|line| line.trim_start_matches("data: "));
        serde_json::from_str(last.unwrap_or_default())
            .unwrap_or_else(|_no_json| json!({ "text": text }))
    }

    async fn call(&self, tool: &str) -> Value {
        let params = json!({ "name": tool, "arguments": {}, "_meta": { "progressToken": 1 } });
        self.post("tools/call", params).await
    }

    async fn until_called(&self, tool: &str) {
        let look = async || self.call(tool).await["result"].is_object().then_some(());
        eventually("its call is answered", look).await;
    }

    /// A stream on which a modern client is told of this resource. On a busy machine the upstream may acknowledge it too late
    /// for Usher (five seconds); then the client asks again.
    async fn subscribed(&self, uri: &str) -> reqwest::Response {
        eventually("the resource is honoured", async || {
            self.subscribe(uri).await
        })
        .await
    }

    async fn subscribe(&self, uri: &str) -> Option<reqwest::Response> {
        let token = self
            .issuer
            .token()
            .audience("http://127.0.0.1:8080/mcp")
            .scope("mcp:write")
            .mint();
        let revision = "2026-07-28";
        let message = json!({
            "jsonrpc": "2.0",
            "id": 1,
            "method": "subscriptions/listen",
            "params": {
                "notifications": { "resourceSubscriptions": [uri] },
                "_meta": {
                    "io.modelcontextprotocol/protocolVersion": revision,
                    "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
                    "io.modelcontextprotocol/clientCapabilities": {},
                },
            },
        });
        let request = self
            .http_client
            .post(format!("{}/mcp", self.url))
            .header("host", "127.0.0.1:8080")
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", revision)
            .header("mcp-method", "subscriptions/listen")
            .bearer_auth(token)
            .json(&message);
        let mut stream = request.send().await.expect("an answer");
        let first = stream.chunk().await.expect("a stream").expect("an event");
        let first = String::from_utf8(first.to_vec()).expect("text");
        first.contains(uri).then_some(stream)
    }

    /// The most that it has held so far, in KiB.
    fn peak(&self) -> u64 {
        let id = self.child.id().expect("a running process");
        let status =
            std::fs::read_to_string(Path::new("/proc").join(id.to_string()).join("status"));
        let status = status.expect("the status of a process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
        number
            .expect("a number of KiB")
            .trim()
            .parse()
            .expect("a number")
    }
}

#[tokio::test]
async fn upstreams_that_pour_over_http_fill_no_memory() {
    let upstream = RoughUpstream::start().await;
    let section = format!(
        "[[upstream]]\nname = \"raw\"\nhttp = {:?}\n{PATIENT}",
        upstream.url
    );
    let serving = Serving::start(&section).await;
    serving.until_called("raw__echo").await;
    let before = serving.peak();
    let repeats = |piece: &str, next: &str| {
        let next = Rough {
            bytes: next.to_owned(),
            then: Then::Ends,
        };
        let most = LONG.min(MOST_PIECES * piece.len());
        let piece = piece.repeat(16 * 1024 / piece.len());
        let times = most / piece.len();
        Then::Repeats(piece, times, Box::new(next))
    };
    let progress = r#"data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":$ID,"progress":1}}"#;
    let progress = format!("{progress}\n\n");
    let result = r#"{"jsonrpc":"2.0","id":$ID,"result":{"a":""#;
    let event = format!("{EVENTS}data: {result}");
    let long = "x".repeat(1024);
    let table = [
        (format!("{JSON}{result}"), repeats(&long, "\"}}"), 502),
        (event.clone(), repeats(&long, "\"}}\n\n"), 502),
        (
            format!("{EVENTS}{progress}data: {result}"),
            repeats(&long, "\"}}\n\n"),
            502,
        ),
        (EVENTS.to_owned(), repeats(&progress, ANSWER), 502),
        (EVENTS.to_owned(), repeats("data:\n\n", ANSWER), 502),
        // All of these are read to their end, and then answered.
        (
            EVENTS.to_owned(),
            repeats(&format!(": {long}\n"), ANSWER),
            0,
        ),
        (EVENTS.to_owned(), repeats(": nothing\n", ANSWER), 0),
        (EVENTS.to_owned(), repeats("\n", ANSWER), 0),
        (
            format!("{EVENTS}{progress}"),
            repeats("retry: 1\nevent: x\n\n", ANSWER),
            0,
        ),
    ];
    for (bytes, then, code) in table {
        let told = bytes.clone();
        upstream.answer("tools/call", Rough { bytes, then });
        let calls = (0..4).map(|_| serving.call("raw__echo"));
        for answer in futures_util::future::join_all(calls).await {
            match code {
                0 => assert!(answer["result"].is_object(), "{told} {answer}"),
                code => assert_eq!(answer["error"]["code"], code, "{told} {answer}"),
            }
        }
        let more = serving.peak() - before;
        assert!(more < BOUND, "{told}: {more} KiB more than {before}");
    }
    // Of the long comments alone, all four were read to their end.
    assert!(
        upstream.poured() > 4 * 1024 * BOUND,
        "{}",
        upstream.poured()
    );
}

#[tokio::test]
async fn a_subscription_costs_little_memory() {
    const MANY: u64 = 200;
    let upstream = RawUpstream::start(Speaks::Modern).await;
    upstream.has_resources();
    let section = format!("[[upstream]]\nname = \"raw\"\nhttp = {:?}\n", upstream.url);
    let serving = Serving::start(&section).await;
    serving.until_called("raw__echo").await;
    let mut open = Vec::new();
    for _ in 0..20 {
        open.push(serving.subscribed("test://one").await);
    }
    let before = serving.peak();
    for _ in 0..MANY {
        open.push(serving.subscribed("test://one").await);
    }
    let each = (serving.peak() - before) / MANY;
    // Without optimisation, and with the connections on both sides.
    assert!(each < 200, "{each} KiB");
}

#[tokio::test]
async fn children_that_pour_fill_no_memory() {
    let raw = child("raw", "raw").stdio;
    let section = format!(
        "[[upstream]]\nname = \"raw\"\n{PATIENT}stdio.command = {:?}\nstdio.arguments = {:?}\n",
        raw.command.expect("a command"),
        raw.arguments
    );
    let serving = Serving::start(&section).await;
    serving.until_called("raw__echo").await;
    let before = serving.peak();
    for (tool, code) in [
        ("pour-lines", 0),
        ("pour-junk", 0),
        ("pour-requests", 0),
        ("pour-answers", 0),
        ("pour-progress", 502),
        ("pour-errors", 0),
        ("pour-error", 0),
        ("pour-line", 502),
        ("long", 502),
    ] {
        let answer = serving.call(&format!("raw__{tool}")).await;
        match code {
            0 => assert!(answer["result"].is_object(), "{tool} {answer}"),
            code => assert_eq!(answer["error"]["code"], code, "{tool} {answer}"),
        }
        let more = serving.peak() - before;
        assert!(more < BOUND, "{tool}: {more} KiB more than {before}");
        serving.until_called("raw__echo").await;
    }
}
