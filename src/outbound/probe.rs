//! Questions to servers that nobody vouches for: `usher doctor` asks them, nothing else does.
//!
//! Other than [`super::Outbound`], which fetches what it needs or fails, a probe wants to know exactly what is there:
//! 1. Any status is an answer; redirects are reported and never followed; a body ends after as many bytes as are asked for.
//! 2. What keeps an answer from coming is told apart: the name, the connection, each mistake of a certificate, the time.
//! 3. A name that the typed server's documents hold is followed only within the [class](AddressClass) of the address that
//!    was typed, or to the public internet; link-local and metadata addresses never. What was checked is what is
//!    connected to.
//! 4. A token goes to the origin that was typed and nowhere else, and in clear to this machine only.

mod class;
mod names;
mod opened;
mod problem;
mod tls;

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use tokio::time::Instant;
use url::Url;

pub use class::AddressClass;
pub use opened::{End, Heard, Opened};
pub use problem::{ProbeError, TlsProblem};

use super::Settings;
use super::address::{is_loopback_host, without_secrets};
use super::settings::SettingsError;
use names::{Asks, Names, ProbeResolver};

/// How long connecting to a stranger may take, the handshake included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);

/// Asks strangers' servers on behalf of one address that somebody typed. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Probe(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    typed: Url,
    names: Arc<Names>,
    proxy: Option<reqwest::Proxy>,
    trusted: Vec<tls::Certificate>,
    // Reading the system's certificates takes longer than asking a server on this machine.
    tls: OnceLock<Result<reqwest::Client, String>>,
    plain: OnceLock<Result<reqwest::Client, String>>,
}

/// One question.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// How.
    pub method: &'a Method,
    /// Where to.
    pub url: &'a Url,
    /// All headers but those of HTTP itself.
    pub headers: &'a HeaderMap,
    /// What is sent along.
    pub body: &'a [u8],
    /// The most bytes of the answer's body that are read.
    pub max_bytes: usize,
    /// How long the whole exchange may take.
    pub timeout: Duration,
}

impl Probe {
    /// For the address `typed`. Reads the CA files of `settings`; contacts nobody. `allow_private`: names that documents
    /// hold may lead to any class of address.
    pub fn new(
        typed: Url,
        settings: &Settings,
        allow_private: bool,
    ) -> Result<Self, SettingsError> {
        let proxy = settings.proxy.as_deref().map(|proxy| {
            let no_proxy = reqwest::NoProxy::from_string("localhost,127.0.0.0/8,::1");
            let built = reqwest::Proxy::all(proxy).map(|built| built.no_proxy(no_proxy));
            built.map_err(|error| SettingsError::Proxy {
                found: proxy.to_owned(),
                problem: super::error::innermost(&error),
            })
        });
        let proxy_host = settings.proxy.as_deref().and_then(|proxy| {
            let url = Url::parse(proxy).ok()?;
            url.host_str().map(str::to_owned)
        });
        let names = Names::new(
            typed.host_str().unwrap_or_default(),
            proxy_host,
            allow_private,
        );
        Ok(Self(Arc::new(Inner {
            typed,
            names: Arc::new(names),
            proxy: proxy.transpose()?,
            trusted: tls::read(&settings.ca_files)?,
            tls: OnceLock::new(),
            plain: OnceLock::new(),
        })))
    }

    /// The address that was typed.
    #[must_use]
    pub fn typed(&self) -> &Url {
        &self.0.typed
    }

    /// True if a proxy of the settings resolves names and connects, so that neither can be looked at from here.
    #[must_use]
    pub fn goes_through_a_proxy(&self) -> bool {
        let is_loopback = self.0.typed.host_str().is_some_and(is_loopback_host);
        self.0.proxy.is_some() && self.0.typed.scheme() == "https" && !is_loopback
    }

    /// Where the typed name leads. Looked up once: what is found is what is connected to, whatever the name says later.
    pub async fn locate(&self) -> Result<Vec<IpAddr>, ProbeError> {
        self.0.names.locate().await
    }

    /// The class of the typed address: the most public one that its name leads to.
    pub async fn class(&self) -> Result<AddressClass, ProbeError> {
        self.0.names.class().await
    }

    /// Asks, and reads the answer to its end or to what is allowed of it.
    pub async fn ask(&self, question: Question<'_>) -> Result<Heard, ProbeError> {
        self.ask_as(question, None).await
    }

    /// The same with an access token (RFC 6750 §2.1), which only the typed origin gets.
    pub async fn ask_as(
        &self,
        question: Question<'_>,
        bearer: Option<&str>,
    ) -> Result<Heard, ProbeError> {
        let deadline = Instant::now() + question.timeout;
        let opened = self.open_as(question, bearer).await?;
        Ok(opened.heard(question.max_bytes, deadline).await)
    }

    /// Asks, and returns when the head of the answer is there: for streams.
    pub async fn open_as(
        &self,
        question: Question<'_>,
        bearer: Option<&str>,
    ) -> Result<Opened, ProbeError> {
        let Question {
            method,
            url,
            headers,
            body,
            max_bytes: _,
            timeout,
        } = question;
        self.check(url).await?;
        let client = self.client(url).await?;
        let mut request = reqwest::Request::new(method.clone(), url.clone());
        *request.headers_mut() = headers.clone();
        if let Some(bearer) = bearer {
            let value = Box::pin(self.authorization(url, bearer)).await?;
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
        if !body.is_empty() {
            *request.body_mut() = Some(Bytes::copy_from_slice(body).into());
        }
        let asked_at = Instant::now();
        match tokio::time::timeout(timeout, client.execute(request)).await {
            Ok(Ok(response)) => Ok(Opened::new(response, asked_at)),
            Ok(Err(error)) => {
                let problem = problem::of(&error, CONNECT_TIMEOUT);
                // Seldom, and bigger than the rest.
                Err(Box::pin(self.told_apart(problem, url)).await)
            }
            Err(_elapsed) => Err(ProbeError::Timeout(timeout)),
        }
    }

    /// The time for connecting counts for the handshake too: which of them took it?
    async fn told_apart(&self, error: ProbeError, url: &Url) -> ProbeError {
        let is_typed = url.origin() == self.0.typed.origin();
        let is_late = matches!(error, ProbeError::ConnectTimeout(_));
        if !is_late || !is_typed || url.scheme() != "https" || self.goes_through_a_proxy() {
            return error;
        }
        let addresses = self.locate().await.unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or_default();
        let Some(address) = addresses.first() else {
            return error;
        };
        let connecting = tokio::net::TcpStream::connect((*address, port));
        match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(Ok(_connected)) => {
                let found = "connected, and nothing came that belongs to a handshake".to_owned();
                TlsProblem::Handshake(found).into()
            }
            Ok(Err(_)) | Err(_) => error,
        }
    }

    /// What can be said of an address before anything is looked up.
    async fn check(&self, url: &Url) -> Result<(), ProbeError> {
        let no_address = || ProbeError::NoAddress(without_secrets(url));
        let host = url.host_str().ok_or_else(no_address)?;
        let is_web = matches!(url.scheme(), "http" | "https");
        if !is_web || !url.username().is_empty() || url.password().is_some() {
            return Err(no_address());
        }
        // An address literal never reaches the resolver.
        match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(address) => Box::pin(self.0.names.check(host, address)).await,
            Err(_is_a_name) => Ok(()),
        }
    }

    async fn authorization(&self, url: &Url, bearer: &str) -> Result<HeaderValue, ProbeError> {
        let is_typed = url.origin() == self.0.typed.origin();
        if !is_typed || (url.scheme() != "https" && !self.0.names.lead_here().await) {
            return Err(ProbeError::TokenElsewhere(without_secrets(url)));
        }
        let value = HeaderValue::try_from(format!("Bearer {bearer}"));
        let mut value = value.map_err(|_not_ascii| ProbeError::TokenNotSendable)?;
        value.set_sensitive(true);
        Ok(value)
    }

    async fn client(&self, url: &Url) -> Result<&reqwest::Client, ProbeError> {
        let built = if url.scheme() == "https" {
            if self.0.tls.get().is_none() {
                let this = self.clone();
                drop(tokio::task::spawn_blocking(move || drop(this.0.tls().clone())).await);
            }
            self.0.tls()
        } else {
            self.0.plain.get_or_init(|| {
                let builder = self.0.builder(Asks::Directly).tls_certs_only([]);
                builder.build().map_err(|e| super::error::innermost(&e))
            })
        };
        built.as_ref().map_err(|e| ProbeError::Client(e.clone()))
    }
}

impl Inner {
    fn tls(&self) -> &Result<reqwest::Client, String> {
        self.tls.get_or_init(|| {
            let mut builder = self.builder(Asks::PerhapsAProxy);
            if let Some(proxy) = &self.proxy {
                builder = builder.proxy(proxy.clone());
            }
            let config = tls::config(&self.trusted)?;
            let built = builder.tls_backend_preconfigured(config).build();
            built.map_err(|e| super::error::innermost(&e))
        })
    }

    fn builder(&self, by: Asks) -> reqwest::ClientBuilder {
        reqwest::Client::builder()
            .user_agent(concat!("usher-doctor/", env!("CARGO_PKG_VERSION")))
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(8)
            .dns_resolver(ProbeResolver(Arc::clone(&self.names), by))
    }
}
