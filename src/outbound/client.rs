//! How a request leaves: which client or which connections may take it to its address, and what they trust.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::redirect::Policy;
use url::Url;

use super::address::{
    CheckedResolver, ForbiddenAddress, Names, check, is_loopback_host, without_secrets,
};
use super::error::innermost;
use super::exchange::milliseconds;
use super::pool::Pool;
use super::{OutboundError, Settings, SettingsError};

/// Who we say we are.
pub(super) const USER_AGENT: &str = concat!("usher/", env!("CARGO_PKG_VERSION"));

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
    /// Plain http to upstreams on loopback.
    near: Pool,
    /// And off it, where an operator allows that.
    anywhere: Pool,
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
                reqwest::Certificate::from_pem_bundle(&pem).map_err(|e| error(innermost(&e)))?;
            if found.is_empty() {
                return Err(error("it holds no certificate".into()));
            }
            certificates.extend(found);
        }
        if let Some(proxy) = &settings.proxy {
            reqwest::Proxy::all(proxy).map_err(|e| SettingsError::Proxy {
                found: proxy.clone(),
                problem: innermost(&e),
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

    /// The client for a document.
    pub(super) fn client(&self, url: &Url) -> Result<&reqwest::Client, OutboundError> {
        match self.0.names_for(url, PlainHttp::OnLoopback)? {
            Some(_loopback) => self.0.plain(),
            None => self.0.tls(),
        }
    }

    /// The client for an upstream that is reached over TLS, perhaps HTTP/2, perhaps by a proxy.
    pub(super) fn encrypted(&self, url: &Url) -> Result<&reqwest::Client, OutboundError> {
        match self.0.names_for(url, PlainHttp::OnLoopback)? {
            Some(_plain) => Err(OutboundError::InsecureUrl(without_secrets(url))),
            None => self.0.tls(),
        }
    }

    /// Where the name in `url` may lead, to which plain http is spoken.
    pub(super) fn plain_names(
        &self,
        url: &Url,
        plain_http: PlainHttp,
    ) -> Result<Names, OutboundError> {
        let names = self.0.names_for(url, plain_http)?;
        names.ok_or_else(|| OutboundError::InsecureUrl(without_secrets(url)))
    }

    /// The connections to such names.
    pub(super) fn pool(&self, names: Names) -> &Pool {
        match names {
            Names::OnLoopback => &self.0.near,
            Names::Anywhere => &self.0.anywhere,
        }
    }

    /// Closes connections that were kept for a next request for long enough. Those that a server has closed meanwhile
    /// are forgotten only here and when a request would use them.
    pub fn close_idle(&self) {
        self.0.near.close_idle();
        self.0.anywhere.close_idle();
    }

    /// What went wrong with a document.
    pub(super) fn broken(&self, error: &reqwest::Error) -> OutboundError {
        self.0.failure(error)
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
            OutboundError::Connection(cause) if !error.is_connect() => OutboundError::Broken(cause),
            failure => failure,
        }
    }
}

impl Inner {
    fn new(settings: Settings, idle_connections: usize) -> Self {
        let pool = |names| {
            let allow_private = settings.allow_private_addresses;
            let resolver = CheckedResolver {
                names,
                allow_private,
            };
            Pool::new(resolver, &settings, idle_connections)
        };
        Self {
            near: pool(Names::OnLoopback),
            anywhere: pool(Names::Anywhere),
            settings,
            certificates: Vec::new(),
            idle_connections,
            tls: OnceLock::new(),
            plain: OnceLock::new(),
        }
    }

    /// Where the name in `url` may lead if plain http is spoken to it; nothing for https.
    fn names_for(&self, url: &Url, plain_http: PlainHttp) -> Result<Option<Names>, OutboundError> {
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
            "https" => Ok(None),
            "http" if is_loopback_host(host) => Ok(Some(Names::OnLoopback)),
            "http" if plain_http == PlainHttp::Anywhere => Ok(Some(Names::Anywhere)),
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
                let proxy = reqwest::Proxy::all(proxy).map_err(|e| innermost(&e))?;
                builder = builder.proxy(proxy.no_proxy(no_proxy));
            }
            builder.build().map_err(|e| innermost(&e))
        });
        built.as_ref().map_err(|e| OutboundError::Client(e.clone()))
    }

    fn plain(&self) -> Result<&reqwest::Client, OutboundError> {
        let built = self.plain.get_or_init(|| {
            // It never speaks TLS, so it trusts nobody and loads no certificates.
            let builder = self.builder(Names::OnLoopback).tls_certs_only([]);
            builder.build().map_err(|e| innermost(&e))
        });
        built.as_ref().map_err(|e| OutboundError::Client(e.clone()))
    }

    fn builder(&self, names: Names) -> reqwest::ClientBuilder {
        reqwest::Client::builder()
            .user_agent(USER_AGENT)
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
        OutboundError::Connection(innermost(error))
    }
}

#[cfg(test)]
mod tests;
