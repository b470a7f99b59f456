//! A whole server in this process, on real sockets, with its own issuer and a small collection.
//!
//! ```ignore
//! let gateway = TestGateway::start().await;
//! let token = gateway.token().mint();
//! let reply = gateway.call(&token, json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" })).await;
//! assert_eq!(reply.status, 200);
//! ```
//!
//! It is the server of `usher serve`, built by the same code; only the sockets, the clock and the stop are handed in.
//! Include with `#[path = "../support/gateway.rs"] mod gateway;`, with `eventually.rs`, `issuer.rs` and
//! `issuer_keys.rs` beside it.

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use usher::cli::serve::{Listeners, Server, Surroundings};
use usher::clock::Clock;
use usher::config::{self, Settings};
use usher::knowledge::CollectionSettings;
use usher::lifecycle::Lifecycle;
use usher::telemetry::Log;
use usher::telemetry::log::Captured;

use super::eventually::eventually;
use super::issuer::{TestIssuer, TokenBuilder};

/// What the small collection holds: a JSON Lines file.
pub(crate) const RECORDS: &str = r#"{"id":"1001","title":"Order 1001","text":"Two dozen lemon cupcakes for Ada, delivered on Friday.","metadata":{"customer":"Ada"}}
{"id":"1002","title":"Order 1002","text":"One dozen red velvet cupcakes for Grace, picked up on Monday.","metadata":{"customer":"Grace"}}
{"id":"1003","title":"Order 1003","text":"Six vanilla cupcakes with sprinkles for Edsger.","metadata":{"customer":"Edsger"}}
"#;

/// One change to the settings.
type Change = Box<dyn FnOnce(&mut Settings) + Send>;

/// A server in the making.
pub(crate) struct TestGatewayBuilder {
    issuer: Option<TestIssuer>,
    changes: Vec<Change>,
    clock: Clock,
}

impl TestGatewayBuilder {
    /// Trusts this issuer instead of a new one.
    #[must_use]
    pub(crate) fn issuer(mut self, issuer: TestIssuer) -> Self {
        self.issuer = Some(issuer);
        self
    }

    /// Changes the settings before they are checked. Addresses, issuer and collection are already in them.
    #[must_use]
    pub(crate) fn settings(mut self, change: impl FnOnce(&mut Settings) + Send + 'static) -> Self {
        self.changes.push(Box::new(change));
        self
    }

    /// Uses this clock, so that a test moves it from the start.
    #[must_use]
    pub(crate) fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Binds, builds and serves; returns once connections are accepted. Keys may still be on their way.
    #[expect(
        clippy::disallowed_methods,
        reason = "the server under test runs beside the test"
    )]
    pub(crate) async fn start_without_keys(self) -> TestGateway {
        let issuer = match self.issuer {
            Some(issuer) => issuer,
            None => TestIssuer::start().await,
        };
        let folder = tempfile::tempdir().expect("a folder");
        let records = folder.path().join("orders.jsonl");
        std::fs::write(&records, RECORDS).expect("a file");

        let bind = async || TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let listeners = Listeners {
            public: bind().await,
            admin: bind().await,
        };
        let public = listeners.public.local_addr().expect("an address");
        let admin = listeners.admin.local_addr().expect("an address");

        let mut settings = Settings {
            public_url: format!("http://{public}"),
            listen: public,
            admin_listen: admin,
            state_dir: Some(folder.path().join("state")),
            issuer: vec![usher::auth::settings::IssuerSettings::named(
                issuer.issuer(),
            )],
            collection: vec![CollectionSettings::from_path(records)],
            ..Settings::default()
        };
        // On a slow machine an answer is late, and not a stream for that.
        settings.mcp.stream_after_seconds = 3_600;
        for change in self.changes {
            change(&mut settings);
        }
        let public_url = settings.public_url.clone();
        let config = config::check(settings)
            .map_err(|mistakes| mistakes.to_string())
            .expect("settings that may run");
        let lifecycle = Lifecycle::new();
        let (log, lines) = Captured::log();
        let surroundings = Surroundings {
            lifecycle: lifecycle.clone(),
            clock: self.clock.clone(),
            log: log.clone(),
        };
        let server = Server::build(config, surroundings).expect("a server");
        let running =
            tokio::spawn(async move { server.run(listeners).await.expect("a clean end") });
        TestGateway {
            public_url,
            url: format!("http://{public}"),
            admin_url: format!("http://{admin}"),
            issuer,
            clock: self.clock,
            lifecycle,
            log,
            lines,
            http_client: http_client(),
            running,
            _folder: folder,
        }
    }

    /// As [`Self::start_without_keys`], and returns once `/readyz` says so.
    pub(crate) async fn start(self) -> TestGateway {
        let gateway = self.start_without_keys().await;
        gateway.until_ready().await;
        gateway
    }
}

fn http_client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(std::time::Duration::from_secs(120))
        .build()
        .expect("a client")
}

/// The running server. It stops when dropped; [`TestGateway::stop`] waits for the end.
pub(crate) struct TestGateway {
    /// What clients are told.
    pub(crate) public_url: String,
    /// Where the server really listens, without a trailing slash.
    pub(crate) url: String,
    /// Where operations are, without a trailing slash.
    pub(crate) admin_url: String,
    /// Who issues the tickets.
    pub(crate) issuer: TestIssuer,
    /// The server's wall clock.
    pub(crate) clock: Clock,
    /// The server's stop.
    pub(crate) lifecycle: Lifecycle,
    /// For requests of every kind.
    pub(crate) http_client: reqwest::Client,
    log: Log,
    lines: Captured,
    running: tokio::task::JoinHandle<()>,
    _folder: TempDir,
}

impl Drop for TestGateway {
    fn drop(&mut self) {
        self.lifecycle.stop_now();
        self.running.abort();
    }
}

impl TestGateway {
    /// Everything may be changed before it starts.
    pub(crate) fn builder() -> TestGatewayBuilder {
        TestGatewayBuilder {
            issuer: None,
            changes: Vec::new(),
            clock: Clock::system(),
        }
    }

    /// A server with the defaults, ready.
    pub(crate) async fn start() -> Self {
        Self::builder().start().await
    }

    /// A token that this server accepts, for alice with `mcp:read`; to be changed and minted.
    pub(crate) fn token(&self) -> TokenBuilder {
        self.issuer
            .token()
            .audience(format!("{}/mcp", self.public_url))
    }

    /// A request to a path, to be completed and handed to [`Reply::of`].
    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = method.parse().expect("a method");
        self.http_client
            .request(method, format!("{}{path}", self.url))
    }

    /// Everything that the access log holds so far.
    pub(crate) fn access_log(&self) -> String {
        self.log.flush();
        self.lines.text()
    }

    /// `GET`, without a token.
    pub(crate) async fn get(&self, path: &str) -> Reply {
        Reply::of(self.request("GET", path)).await
    }

    /// One JSON-RPC message to `/mcp`, with the headers that every revision understands.
    pub(crate) async fn call(&self, access_token: &str, message: Value) -> Reply {
        let request = self
            .request("POST", "/mcp")
            .bearer_auth(access_token)
            .header("accept", "application/json, text/event-stream")
            .json(&message);
        Reply::of(request).await
    }

    /// These very bytes over a new connection; everything that comes back until the server closes it. End the request
    /// with `Connection: close`, or the answer comes when the server loses patience.
    pub(crate) async fn raw(&self, request: impl AsRef<[u8]>) -> Vec<u8> {
        let mut connection = self.connect().await;
        connection
            .write_all(request.as_ref())
            .await
            .expect("a connection that takes bytes");
        let mut answer = Vec::new();
        // A reset after the answer is an end too.
        drop(connection.read_to_end(&mut answer).await);
        answer
    }

    /// A new connection.
    pub(crate) async fn connect(&self) -> TcpStream {
        let address = self.url.trim_start_matches("http://");
        TcpStream::connect(address)
            .await
            .expect("a listening server")
    }

    /// Returns once `/readyz` answers 200.
    pub(crate) async fn until_ready(&self) {
        self.until("/readyz", |ready| ready.status == 200).await;
    }

    /// Asks this public page until the answer is as wanted.
    pub(crate) async fn until(&self, path: &str, is_wanted: impl Fn(&Reply) -> bool) {
        let look = async || {
            let reply = self.get(path).await;
            is_wanted(&reply).then_some(())
        };
        eventually(path, look).await;
    }

    /// Asks everything to finish and waits for it.
    pub(crate) async fn stop(mut self) {
        self.lifecycle.stop_softly();
        (&mut self.running)
            .await
            .expect("a server that ends without a panic");
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    /// The status code.
    pub(crate) status: u16,
    /// All headers.
    pub(crate) headers: reqwest::header::HeaderMap,
    /// The whole body.
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// Sends the request and reads the whole answer.
    pub(crate) async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.expect("an answer");
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.bytes().await.expect("a whole body").to_vec(),
        }
    }

    /// A header as text, or nothing.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&self.body)))
            .expect("JSON")
    }
}
