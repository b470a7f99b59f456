//! The one HTTP client, and two kinds of request that are made with it: fetching a small document, and sending a JSON
//! document.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::header::{ACCEPT, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use reqwest::redirect::Policy;
use url::Url;

use super::address::{
    CheckedResolver, ForbiddenAddress, Names, check, is_loopback_host, without_secrets,
};
use super::exchange::milliseconds;
use super::{Settings, SettingsError};

/// The longest deadline: the background refresh waits for it, and nothing else is fetched meanwhile.
const MOST_MILLISECONDS: u64 = 60_000;

/// Connections kept open to one identity provider: requests to it are rare.
const FEW_IDLE: usize = 1;
/// And to one upstream: calls come side by side, and each would wait for a handshake.
const MANY_IDLE: usize = 64;

/// Makes outgoing requests within fixed limits. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Outbound(Arc<Inner>);

impl Default for Outbound {
    fn default() -> Self {
        Self(Arc::new(Inner::new(Settings::default(), FEW_IDLE)))
    }
}

#[derive(Debug)]
struct Inner {
    settings: Settings,
    certificates: Vec<reqwest::Certificate>,
    /// How many connections to one host are kept open for the next request.
    idle_connections: usize,
    // Loading the system's certificates takes longer than the whole start may, and plain http on loopback needs none,
    // so each client is built when it is first needed.
    tls: OnceLock<Result<reqwest::Client, String>>,
    plain: OnceLock<Result<reqwest::Client, String>>,
    /// Plain http off loopback, for upstreams that an operator allows so.
    plain_anywhere: OnceLock<Result<reqwest::Client, String>>,
}

/// Where plain http may be spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlainHttp {
    /// On this machine.
    #[default]
    OnLoopback,
    /// Wherever an address is allowed at all: whoever is on the way reads and changes what is sent.
    Anywhere,
}

/// One document to fetch.
#[derive(Clone, Copy, Debug)]
pub struct Get<'a> {
    /// Its address.
    pub url: &'a Url,
    /// The media types asked for.
    pub accept: &'static str,
    /// The entity tag of the copy at hand.
    pub if_none_match: Option<&'a str>,
    /// The most bytes its body may have.
    pub max_bytes: usize,
}

/// A JSON document to send. It may hold a secret, so it has no `Debug`.
#[derive(Clone, Copy)]
pub struct JsonDocument<'a> {
    /// Where to.
    pub url: &'a Url,
    /// The document.
    pub body: &'a [u8],
    /// The access token to send it with, if any (RFC 6750 §2.1).
    pub bearer: Option<&'a str>,
    /// The most bytes that the answer may have.
    pub max_bytes: usize,
}

/// The answer to a document that was sent, whatever it says. It may hold a secret, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status, never a redirect's.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// 304: the copy at hand is still right.
    NotModified {
        /// The `Cache-Control` header.
        cache_control: Option<String>,
    },
    /// 200.
    Document {
        /// The body.
        body: Vec<u8>,
        /// The `ETag` header.
        etag: Option<String>,
        /// The `Cache-Control` header.
        cache_control: Option<String>,
    },
}

/// Why a document was not fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutboundError {
    /// Plain http, or another scheme, towards a host that is not loopback.
    #[error(
        "{0:?} is no address to fetch from: expected https, or http on loopback, without user info"
    )]
    InsecureUrl(String),
    /// The name leads to an address that is never contacted.
    #[error(
        "refused to contact {0}: a link-local, metadata or loopback address, or plain http off loopback"
    )]
    ForbiddenAddress(IpAddr),
    /// Nothing answered in time.
    #[error("no complete answer within {0} ms")]
    Timeout(u64),
    /// No connection, or it broke.
    #[error("no connection: {0}")]
    Connection(String),
    /// A status other than 200 and 304.
    #[error("answered with status {0}, expected 200")]
    Status(u16),
    /// A redirect, which is never followed.
    #[error(
        "answered with a redirect ({0}), which is never followed: expected 200 at this very address"
    )]
    Redirect(u16),
    /// The body is bigger than the caller allows.
    #[error("the body has more than {0} bytes")]
    TooLarge(usize),
    /// The body is compressed although that was not asked for.
    #[error("the body is encoded as {0:?}, which was not asked for")]
    Encoded(String),
    /// The client could not be built.
    #[error("the HTTP client cannot be built: {0}")]
    Client(String),
}

impl Outbound {
    /// A client with these limits. Reads the CA files; contacts nobody.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        Self::build(settings, FEW_IDLE)
    }

    /// The same for upstreams: with connections of its own, so that neither waits for the other, and more of them.
    pub fn for_upstreams(settings: Settings) -> Result<Self, SettingsError> {
        Self::build(settings, MANY_IDLE)
    }

    fn build(settings: Settings, idle_connections: usize) -> Result<Self, SettingsError> {
        let times = [
            ("connect_timeout_ms", settings.connect_timeout_ms),
            ("total_timeout_ms", settings.total_timeout_ms),
        ];
        for (key, found) in times {
            if !(1..=MOST_MILLISECONDS).contains(&found) {
                let most = MOST_MILLISECONDS;
                return Err(SettingsError::OutOfRange { key, found, most });
            }
        }
        let mut certificates = Vec::new();
        for path in &settings.ca_files {
            let error = |problem: String| SettingsError::CaFile {
                path: path.display().to_string(),
                problem,
            };
            let pem = std::fs::read(path).map_err(|e| error(e.to_string()))?;
            let found =
                reqwest::Certificate::from_pem_bundle(&pem).map_err(|e| error(chain(&e)))?;
            if found.is_empty() {
                return Err(error("it holds no certificate".into()));
            }
            certificates.extend(found);
        }
        if let Some(proxy) = &settings.proxy {
            reqwest::Proxy::all(proxy).map_err(|e| SettingsError::Proxy {
                found: proxy.clone(),
                problem: chain(&e),
            })?;
        }
        let inner = Inner {
            certificates,
            ..Inner::new(settings, idle_connections)
        };
        // A CA file that the TLS library cannot use must stop the start, not the first login.
        if !inner.certificates.is_empty() {
            inner
                .tls()
                .map_err(|e| SettingsError::Client(e.to_string()))?;
        }
        Ok(Self(Arc::new(inner)))
    }

    /// Fetches one document.
    pub async fn get(&self, get: Get<'_>) -> Result<Reply, OutboundError> {
        self.prepare(get.url).await;
        let client = self.0.client_for(get.url)?;
        let mut request = client.get(get.url.clone()).header(ACCEPT, get.accept);
        if let Some(etag) = get.if_none_match {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let response = request.send().await.map_err(|e| self.0.failure(&e))?;
        self.0.reply(response, get.max_bytes).await
    }
}

impl Outbound {
    /// Sends a JSON document and returns the answer, also where it refuses.
    pub async fn send(&self, document: JsonDocument<'_>) -> Result<Answer, OutboundError> {
        self.prepare(document.url).await;
        let client = self.0.client_for(document.url)?;
        let mut request = client
            .post(document.url.clone())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/json")
            .body(document.body.to_vec());
        if let Some(token) = document.bearer {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.map_err(|e| self.0.failure(&e))?;
        self.0.answer(response, document.max_bytes).await
    }
}

impl Outbound {
    /// Builds the TLS client off the request threads: reading the system's certificates takes tens of milliseconds.
    pub(super) async fn prepare(&self, url: &Url) {
        if url.scheme() == "https" && self.0.tls.get().is_none() {
            let this = self.clone();
            // How it went is read from `tls` afterwards.
            drop(tokio::task::spawn_blocking(move || drop(this.0.tls().map(|_| ()))).await);
        }
    }

    pub(super) fn client_for(
        &self,
        url: &Url,
        plain_http: PlainHttp,
    ) -> Result<&reqwest::Client, OutboundError> {
        self.0.client_with(url, plain_http)
    }

    pub(super) async fn send_request(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<reqwest::Response, OutboundError> {
        request.send().await.map_err(|e| self.0.failure(&e))
    }

    pub(super) async fn reply(
        &self,
        response: reqwest::Response,
        max_bytes: usize,
    ) -> Result<Reply, OutboundError> {
        self.0.reply(response, max_bytes).await
    }

    pub(super) async fn answer(
        &self,
        response: reqwest::Response,
        max_bytes: usize,
    ) -> Result<Answer, OutboundError> {
        self.0.answer(response, max_bytes).await
    }

    /// What went wrong with a request that had a deadline of its own.
    pub(super) fn failure(&self, error: &reqwest::Error, timeout: Duration) -> OutboundError {
        match self.0.failure(error) {
            // Nothing was sent, so it is no answer that did not come in time.
            OutboundError::Timeout(_) if error.is_connect() => OutboundError::Connection(format!(
                "not within {} ms",
                self.0.settings.connect_timeout_ms
            )),
            OutboundError::Timeout(_) => OutboundError::Timeout(milliseconds(timeout)),
            failure => failure,
        }
    }
}

impl Inner {
    fn new(settings: Settings, idle_connections: usize) -> Self {
        Self {
            settings,
            certificates: Vec::new(),
            idle_connections,
            tls: OnceLock::new(),
            plain: OnceLock::new(),
            plain_anywhere: OnceLock::new(),
        }
    }

    fn client_for(&self, url: &Url) -> Result<&reqwest::Client, OutboundError> {
        self.client_with(url, PlainHttp::OnLoopback)
    }

    fn client_with(
        &self,
        url: &Url,
        plain_http: PlainHttp,
    ) -> Result<&reqwest::Client, OutboundError> {
        let insecure = || OutboundError::InsecureUrl(without_secrets(url));
        let host = url.host_str().ok_or_else(insecure)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(insecure());
        }
        // An address literal never reaches the resolver, so it is checked here.
        if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
            check(host, address, self.settings.allow_private_addresses)
                .map_err(|ForbiddenAddress(found)| OutboundError::ForbiddenAddress(found))?;
        }
        match url.scheme() {
            "https" => self.tls(),
            "http" if is_loopback_host(host) => self.plain(Names::OnLoopback),
            "http" if plain_http == PlainHttp::Anywhere => self.plain(Names::Anywhere),
            _ => Err(insecure()),
        }
    }

    fn tls(&self) -> Result<&reqwest::Client, OutboundError> {
        let built = self.tls.get_or_init(|| {
            let mut builder = self
                .builder(Names::Anywhere)
                .tls_certs_merge(self.certificates.iter().cloned());
            if let Some(proxy) = &self.settings.proxy {
                let no_proxy = reqwest::NoProxy::from_string("localhost,127.0.0.0/8,::1");
                let proxy = reqwest::Proxy::all(proxy).map_err(|e| chain(&e))?;
                builder = builder.proxy(proxy.no_proxy(no_proxy));
            }
            builder.build().map_err(|e| chain(&e))
        });
        built.as_ref().map_err(|e| OutboundError::Client(e.clone()))
    }

    fn plain(&self, names: Names) -> Result<&reqwest::Client, OutboundError> {
        let client = match names {
            Names::OnLoopback => &self.plain,
            Names::Anywhere => &self.plain_anywhere,
        };
        let built = client.get_or_init(|| {
            // It never speaks TLS, so it trusts nobody and loads no certificates.
            let builder = self.builder(names).tls_certs_only([]);
            builder.build().map_err(|e| chain(&e))
        });
        built.as_ref().map_err(|e| OutboundError::Client(e.clone()))
    }

    fn builder(&self, names: Names) -> reqwest::ClientBuilder {
        reqwest::Client::builder()
            .user_agent(concat!("usher/", env!("CARGO_PKG_VERSION")))
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(Duration::from_millis(self.settings.connect_timeout_ms))
            .timeout(Duration::from_millis(self.settings.total_timeout_ms))
            .pool_max_idle_per_host(self.idle_connections)
            .pool_idle_timeout(Duration::from_secs(30))
            .dns_resolver(CheckedResolver {
                names,
                allow_private: self.settings.allow_private_addresses,
            })
    }

    async fn reply(
        &self,
        response: reqwest::Response,
        max_bytes: usize,
    ) -> Result<Reply, OutboundError> {
        let text = |name| {
            let value = response.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        let (etag, cache_control) = (text(ETAG), text(CACHE_CONTROL));
        match response.status().as_u16() {
            200 => {}
            304 => return Ok(Reply::NotModified { cache_control }),
            status if response.status().is_redirection() => {
                return Err(OutboundError::Redirect(status));
            }
            status => return Err(OutboundError::Status(status)),
        }
        Ok(Reply::Document {
            body: self.body(response, max_bytes).await?,
            etag,
            cache_control,
        })
    }

    async fn answer(
        &self,
        response: reqwest::Response,
        max_bytes: usize,
    ) -> Result<Answer, OutboundError> {
        let status = response.status();
        if status.is_redirection() {
            return Err(OutboundError::Redirect(status.as_u16()));
        }
        Ok(Answer {
            status: status.as_u16(),
            body: self.body(response, max_bytes).await?,
        })
    }

    async fn body(
        &self,
        mut response: reqwest::Response,
        max_bytes: usize,
    ) -> Result<Vec<u8>, OutboundError> {
        // We ask for no compression, so the bytes counted are the bytes decoded.
        let encoding = response.headers().get(CONTENT_ENCODING);
        if let Some(encoding) = encoding.filter(|encoding| *encoding != "identity") {
            let encoding = encoding.to_str().unwrap_or("?").to_owned();
            return Err(OutboundError::Encoded(encoding));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| self.failure(&e))? {
            if body.len() + chunk.len() > max_bytes {
                return Err(OutboundError::TooLarge(max_bytes));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn failure(&self, error: &reqwest::Error) -> OutboundError {
        let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(cause) = source {
            if let Some(ForbiddenAddress(address)) = cause.downcast_ref() {
                return OutboundError::ForbiddenAddress(*address);
            }
            source = cause.source();
        }
        if error.is_timeout() {
            return OutboundError::Timeout(self.settings.total_timeout_ms);
        }
        OutboundError::Connection(chain(error))
    }
}

/// The innermost cause, without the address (which may carry a query).
pub(super) fn chain(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// Answers every connection with these bytes and leaves it open.
    #[expect(clippy::disallowed_methods, reason = "tests have no Lifecycle")]
    async fn answering(bytes: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        drop(tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                // The request fits into one segment.
                let read = stream.read(&mut [0; 4096]).await.is_ok();
                if read && stream.write_all(bytes).await.is_ok() {
                    open.push(stream);
                }
            }
        }));
        address.to_string()
    }

    async fn get(outbound: &Outbound, url: &str) -> Result<Reply, OutboundError> {
        let url = Url::parse(url).expect("a URL");
        let get = Get {
            url: &url,
            accept: "application/json",
            if_none_match: None,
            max_bytes: 8,
        };
        outbound.get(get).await
    }

    // row 35
    #[tokio::test]
    async fn speaks_https_or_loopback_http_and_to_no_metadata_service() {
        let outbound = Outbound::default();
        for url in [
            "http://id.test/",
            "http://10.0.0.1/",
            "ftp://127.0.0.1/",
            "file:///etc/passwd",
            "http://user@127.0.0.1/",
            "https://user:secret@id.test/",
        ] {
            let error = get(&outbound, url).await.expect_err(url);
            assert!(
                matches!(error, OutboundError::InsecureUrl(_)),
                "{url}: {error}"
            );
            assert!(!error.to_string().contains("secret"));
        }
        for url in [
            "http://169.254.169.254/latest/meta-data/",
            "https://169.254.169.254/",
            "https://[fe80::1]/",
            "https://[::ffff:169.254.169.254]/",
            "https://0.0.0.0/",
            "https://100.100.100.200/",
        ] {
            let error = get(&outbound, url).await.expect_err(url);
            assert!(
                matches!(error, OutboundError::ForbiddenAddress(_)),
                "{url}: {error}"
            );
        }
    }

    #[test]
    fn plain_http_off_loopback_takes_a_word_and_reaches_no_metadata_service_either() {
        let outbound = Outbound::default();
        let check = |url: &str, plain_http, allowed: bool| {
            let url = Url::parse(url).expect("a URL");
            let found = outbound.client_for(&url, plain_http).is_ok();
            assert_eq!(found, allowed, "{url} {plain_http:?}");
        };
        use PlainHttp::{Anywhere, OnLoopback};
        for url in ["http://orders.default.svc:8080/mcp", "http://10.0.0.7/mcp"] {
            check(url, OnLoopback, false);
            check(url, Anywhere, true);
        }
        for url in [
            "http://169.254.169.254/",
            "http://[fe80::1]/",
            "http://0.0.0.0/",
            "http://user@orders.test/",
            "ftp://orders.test/",
        ] {
            check(url, Anywhere, false);
        }
        check("http://127.0.0.1/", OnLoopback, true);
    }

    // row 32, row 34
    #[tokio::test]
    async fn a_reply_has_a_deadline_and_a_size() {
        let quick = Outbound::new(Settings {
            total_timeout_ms: 100,
            ..Settings::default()
        });
        let quick = quick.expect("a client");
        let silent = answering(b"").await;
        assert_eq!(
            get(&quick, &format!("http://{silent}/")).await,
            Err(OutboundError::Timeout(100))
        );
        let half = answering(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n{}").await;
        assert_eq!(
            get(&quick, &format!("http://{half}/")).await,
            Err(OutboundError::Timeout(100))
        );

        let outbound = Outbound::default();
        for (answer, expected) in [
            (&b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n12345678"[..], Ok(8)),
            (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n123456789", Err(OutboundError::TooLarge(8))),
            (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n12345\r\n5\r\n12345\r\n", Err(OutboundError::TooLarge(8))),
            (b"HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n", Err(OutboundError::Redirect(302))),
            (b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", Err(OutboundError::Status(404))),
            (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 0\r\n\r\n", Err(OutboundError::Encoded("gzip".into()))),
        ] {
            let address = answering(answer).await;
            let reply = get(&outbound, &format!("http://{address}/")).await;
            let found = reply.map(|reply| match reply {
                Reply::Document { body, .. } => body.len(),
                Reply::NotModified { .. } => 0,
            });
            assert_eq!(found, expected);
        }
    }

    #[tokio::test]
    async fn a_document_that_is_sent_gets_any_answer_but_a_redirect_and_within_a_size() {
        let outbound = Outbound::default();
        for (answer, expected) in [
            (
                &b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}"[..],
                Ok((201, 2)),
            ),
            (
                b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno",
                Ok((403, 2)),
            ),
            (
                b"HTTP/1.1 307 Temporary Redirect\r\nlocation: /\r\ncontent-length: 0\r\n\r\n",
                Err(OutboundError::Redirect(307)),
            ),
            (
                b"HTTP/1.1 400 Bad Request\r\ncontent-length: 9\r\n\r\n123456789",
                Err(OutboundError::TooLarge(8)),
            ),
            (
                b"HTTP/1.1 201 Created\r\ncontent-encoding: gzip\r\ncontent-length: 0\r\n\r\n",
                Err(OutboundError::Encoded("gzip".into())),
            ),
        ] {
            let url = format!("http://{}/", answering(answer).await);
            let document = JsonDocument {
                url: &Url::parse(&url).expect("a URL"),
                body: b"{}",
                bearer: Some("token"),
                max_bytes: 8,
            };
            let found = outbound.send(document).await;
            assert_eq!(
                found.map(|answer| (answer.status, answer.body.len())),
                expected
            );
        }
    }

    #[tokio::test]
    async fn a_tls_client_is_built_when_first_needed_and_trusts_nobody_who_speaks_no_tls() {
        let outbound = Outbound::default();
        let plain = answering(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        let error = get(&outbound, &format!("https://{plain}/"))
            .await
            .expect_err("no TLS");
        assert!(matches!(error, OutboundError::Connection(_)), "{error:?}");
    }

    #[test]
    fn a_ca_file_that_is_missing_or_holds_no_certificate_stops_the_start() {
        let folder = tempfile::tempdir().expect("a folder");
        let empty = folder.path().join("empty.pem");
        std::fs::write(&empty, "").expect("a file");
        let broken = folder.path().join("broken.pem");
        let text = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        std::fs::write(&broken, text).expect("a file");
        for path in [folder.path().join("missing.pem"), empty, broken] {
            let settings = Settings {
                ca_files: vec![path.clone()],
                ..Settings::default()
            };
            assert!(Outbound::new(settings).is_err(), "{}", path.display());
        }
        let proxy = Settings {
            proxy: Some("not a proxy".into()),
            ..Settings::default()
        };
        assert!(matches!(
            Outbound::new(proxy),
            Err(SettingsError::Proxy { .. })
        ));
    }
}
