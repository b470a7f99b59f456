//! The server: one function with every route, and a handle that tests start and stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{delete, get, post};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tower_http::cors::{Any, CorsLayer};

use crate::config::{Config, User};
use crate::grants::Grant;
use crate::provider::Provider;
use crate::token_claims::{self, seconds_since_epoch};
use crate::{discovery, interaction, pages, registration, revocation, scope, token};

const LARGEST_BODY: usize = 64 * 1024;

/// A running identity provider. It stops when the value is dropped.
pub struct Server {
    address: SocketAddr,
    provider: Arc<Provider>,
    tasks: JoinSet<io::Result<()>>,
}

/// Why it did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It has well-known users and no TLS: other machines must not reach it.
    #[error(
        "this identity provider is for development: it listens on loopback only, and {0} is not; use 127.0.0.1"
    )]
    NotLoopback(SocketAddr),
    /// Somebody else has the port, or it may not be used.
    #[error("cannot listen on {address}: {fault}; stop what is there, or choose another port")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        fault: io::Error,
    },
}

impl Server {
    /// Listens, makes a signing key and serves in the background.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        if !config.listen.ip().is_loopback() {
            return Err(StartError::NotLoopback(config.listen));
        }
        let failed = |fault| StartError::Listen {
            address: config.listen,
            fault,
        };
        let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let issuer = config.issuer.clone();
        let issuer = issuer.unwrap_or_else(|| format!("http://{address}"));
        let provider = Arc::new(Provider::new(config, issuer, address.port()));
        let mut tasks = JoinSet::new();
        tasks.spawn(axum::serve(listener, router(Arc::clone(&provider))).into_future());
        Ok(Self {
            address,
            provider,
            tasks,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The issuer identifier: `http://` and the address, or what the settings say.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.provider.issuer
    }

    /// Who can log in.
    #[must_use]
    pub fn users(&self) -> &[User] {
        &self.provider.config.users
    }

    /// The current signing key's id.
    #[must_use]
    pub fn key_id(&self) -> String {
        self.provider.keys.current_id()
    }

    /// Makes a new signing key current and gives its id; the one before stays published for the overlap.
    pub fn rotate_keys(&self) -> String {
        self.provider.keys.rotate()
    }

    /// An access token as the token endpoint issues it, without the flow; `None` for an unknown user.
    #[must_use]
    pub fn access_token(
        &self,
        user: &str,
        client_id: &str,
        resource: &str,
        scope: &str,
    ) -> Option<String> {
        let grant = self.grant(user, client_id, resource, scope)?;
        let lifetime = self.provider.config.access_token_lifetime;
        Some(self.sign(
            "at+jwt",
            &token_claims::access_token(self.issuer(), &grant, lifetime),
        ))
    }

    /// The ID token that comes with an access token where `openid` is asked for; `None` for an unknown user.
    #[must_use]
    pub fn id_token(&self, user: &str, client_id: &str, access_token: &str) -> Option<String> {
        let grant = self.grant(user, client_id, "", scope::OPENID)?;
        let lifetime = self.provider.config.access_token_lifetime;
        let claims = token_claims::id_token(self.issuer(), &grant, lifetime, access_token);
        Some(self.sign("JWT", &claims))
    }

    /// Signs any claims with the current key, under this `typ`: for tests of those who verify.
    #[must_use]
    pub fn sign(&self, typ: &str, claims: &Value) -> String {
        self.provider.keys.sign(typ, claims)
    }

    fn grant(&self, user: &str, client_id: &str, resource: &str, scope: &str) -> Option<Grant> {
        Some(Grant {
            client_id: client_id.to_owned(),
            user: self.provider.user(user)?,
            scope: scope.split(' ').map(str::to_owned).collect(),
            resources: vec![resource.to_owned()],
            nonce: None,
            authenticated_at: seconds_since_epoch(),
        })
    }

    /// Serves until the listener fails, which a loopback listener does not.
    pub async fn serve(mut self) -> io::Result<()> {
        match self.tasks.join_next().await {
            Some(ended) => ended.unwrap_or_else(|fault| Err(io::Error::other(fault))),
            None => Ok(()),
        }
    }
}

/// Every route and every layer.
fn router(provider: Arc<Provider>) -> Router {
    let pages = Router::new()
        .route("/", get(start_page))
        .route("/authorize", get(interaction::authorize))
        .route("/login", post(interaction::log_in))
        .route("/consent", post(interaction::consent))
        .route("/dev/rotate-keys", post(rotate_keys))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&provider),
            refuse_other_origins,
        ));
    // Clients that run in a browser call these themselves; none of them looks at a cookie.
    let endpoints = Router::new()
        .route(
            "/.well-known/oauth-authorization-server",
            get(discovery::metadata),
        )
        .route(
            "/.well-known/openid-configuration",
            get(discovery::metadata),
        )
        .route("/jwks", get(discovery::key_set))
        .route("/register", post(registration::register))
        .route("/register/{client_id}", delete(registration::take_back))
        .route("/token", post(token::token))
        .route("/revoke", post(revocation::revoke))
        .layer(cors());
    pages
        .merge(endpoints)
        .fallback(not_found)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&provider),
            refuse_other_hosts,
        ))
        .with_state(provider)
}

fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(Any)
        .expose_headers([header::WWW_AUTHENTICATE])
}

async fn start_page(State(provider): State<Arc<Provider>>) -> Response {
    let set = provider.keys.key_set();
    let keys = set
        .get("keys")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let ids: Vec<_> = keys
        .filter_map(|key| key.get("kid")?.as_str().map(str::to_owned))
        .collect();
    pages::start(&provider.issuer, &provider.config.users, &ids)
}

/// `POST /dev/rotate-keys`: no real provider has this.
async fn rotate_keys(State(provider): State<Arc<Provider>>) -> Response {
    let rotated = tokio::task::spawn_blocking(move || provider.keys.rotate()).await;
    match rotated {
        Ok(_) => Redirect::to("/").into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn not_found() -> Response {
    pages::refusal(
        StatusCode::NOT_FOUND,
        "Nothing here",
        "The development identity provider has no such page.",
    )
}

/// Another site's form gets nowhere, whatever it carries.
async fn refuse_other_origins(
    State(provider): State<Arc<Provider>>,
    request: Request,
    next: Next,
) -> Response {
    let own = |origin: &str| {
        origin
            .strip_prefix("http://")
            .is_some_and(|authority| is_own_authority(authority, provider.port))
    };
    let origin = request
        .headers()
        .get(header::ORIGIN)
        .map(|value| value.to_str().unwrap_or_default());
    if request.method() != Method::GET && !origin.is_none_or(own) {
        let explanation = "Another site sent this form.";
        return pages::refusal(StatusCode::FORBIDDEN, "Refused", explanation);
    }
    next.run(request).await
}

/// A page of the open web cannot reach a loopback server under its own name (DNS rebinding).
async fn refuse_other_hosts(
    State(provider): State<Arc<Provider>>,
    request: Request,
    next: Next,
) -> Response {
    if !has_own_host(request.headers(), provider.port) {
        let explanation = format!(
            "This server answers to 127.0.0.1:{} and localhost only.",
            provider.port
        );
        return pages::refusal(
            StatusCode::MISDIRECTED_REQUEST,
            "Wrong host name",
            &explanation,
        );
    }
    next.run(request).await
}

fn has_own_host(headers: &HeaderMap, port: u16) -> bool {
    let host = headers
        .get(header::HOST)
        .and_then(|value| value.to_str().ok());
    host.is_some_and(|authority| is_own_authority(authority, port))
}

fn is_own_authority(authority: &str, port: u16) -> bool {
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|host| {
        authority
            .strip_prefix(host)
            .is_some_and(|rest| rest == format!(":{port}"))
    })
}
