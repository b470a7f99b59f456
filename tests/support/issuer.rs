//! An identity provider for tests: a real HTTP server in this process, with keys made at run time.
//!
//! ```ignore
//! let issuer = TestIssuer::start().await;
//! let token = issuer.token().audience("https://mcp.test/mcp").scope("mcp:read").subject("alice").mint();
//! ```
//!
//! It can rotate keys, publish odd ones, hang, answer slowly, fail, lie about its name; and it counts its requests.
//! Include with `#[path = "../support/issuer.rs"] mod issuer;` and the same for `issuer_keys.rs` beside it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::{Body, Bytes};
use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::issuer_keys::{TestKey, base64url};

/// How one kind of document is answered.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// As it should be.
    Good,
    /// Never.
    Hang,
    /// As it should be, but only after a while.
    After(Duration),
    /// One byte per 100 ms.
    Drip,
    /// This status and an empty body.
    Status(u16),
    /// 200 with this body and content type.
    Body(String, &'static str),
    /// This status with this JSON.
    Refused(u16, String),
    /// 200 with the first half of the right document.
    Truncated,
    /// 200 with this many bytes of JSON white space and then the right document.
    Padded(usize),
    /// 302 to this address.
    Redirect(String),
    /// As it should be, with a `Content-Encoding` that nobody asked for.
    Encoded(&'static str),
}

/// Which discovery documents exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forms {
    /// OpenID Connect Discovery: the issuer with the well-known path appended.
    OpenIdAppended,
    /// RFC 8414 §3.1: the well-known path inserted between host and path.
    OAuthInserted,
    /// OpenID Connect's document in the inserted place.
    OpenIdInserted,
    /// RFC 8414's document in the appended place.
    OAuthAppended,
    /// All of them.
    All,
}

struct Shared {
    issuer: String,
    path: String,
    state: Mutex<Behaviour>,
    discovery_requests: AtomicUsize,
    jwks_requests: AtomicUsize,
    other_requests: AtomicUsize,
}

/// What came to the token endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TokenForm {
    /// The client id and the secret, from the header or the form.
    pub(crate) client: (String, String),
    /// All other fields.
    pub(crate) fields: Vec<(String, String)>,
}

impl TokenForm {
    /// A field's value, or nothing.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        let (_, value) = fields.find(|(known, _)| known == name)?;
        Some(value)
    }

    fn read(authorization: Option<&str>, body: &str) -> Self {
        let decoded = |text: &str| -> Vec<(String, String)> {
            let uri = format!("/?{text}").parse().expect("a form");
            let Query(pairs) = Query::try_from_uri(&uri).expect("a form");
            pairs
        };
        let (ours, fields): (Vec<_>, _) = decoded(body)
            .into_iter()
            .partition(|(name, _)| name == "client_id" || name == "client_secret");
        let basic = authorization.and_then(|value| value.strip_prefix("Basic "));
        let client = match basic {
            Some(basic) => {
                use base64::Engine as _;
                let bytes = base64::engine::general_purpose::STANDARD
                    .decode(basic)
                    .expect("base64");
                let text = String::from_utf8(bytes).expect("text");
                let (id, secret) = text.split_once(':').expect("a colon");
                let plain = |text: &str| decoded(text).pop().map(|(text, _)| text);
                (
                    plain(id).unwrap_or_default(),
                    plain(secret).unwrap_or_default(),
                )
            }
            None => {
                let value = |wanted: &str| {
                    let mut ours = ours.iter();
                    ours.find(|(name, _)| name == wanted)
                        .map(|(_, value)| value.clone())
                };
                (
                    value("client_id").unwrap_or_default(),
                    value("client_secret").unwrap_or_default(),
                )
            }
        };
        Self { client, fields }
    }
}

/// How the token endpoint answers.
type Tokens = Arc<dyn Fn(&TokenForm) -> Answer + Send + Sync>;

struct Behaviour {
    keys: Vec<TestKey>,
    odd_keys: Vec<Value>,
    discovery: Answer,
    jwks: Answer,
    forms: Forms,
    claimed_issuer: Option<String>,
    metadata: Map<String, Value>,
    etag: Option<String>,
    minted: usize,
    tokens: Option<Tokens>,
    token_forms: Vec<TokenForm>,
}

/// The running issuer. It stops when dropped.
pub(crate) struct TestIssuer {
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for TestIssuer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl TestIssuer {
    /// An issuer without a path, with one RS256 key `key-1`.
    pub(crate) async fn start() -> Self {
        Self::start_at("").await
    }

    /// An issuer whose identifier ends in `path`, as `/realms/mcp`.
    #[expect(clippy::disallowed_methods, reason = "tests have no Lifecycle")]
    pub(crate) async fn start_at(path: &str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            issuer: format!("http://{address}{path}"),
            path: path.to_owned(),
            state: Mutex::new(Behaviour {
                keys: vec![TestKey::new("key-1", "RS256", 0)],
                odd_keys: Vec::new(),
                discovery: Answer::Good,
                jwks: Answer::Good,
                forms: Forms::All,
                claimed_issuer: None,
                metadata: Map::new(),
                etag: None,
                minted: 0,
                tokens: None,
                token_forms: Vec::new(),
            }),
            discovery_requests: AtomicUsize::new(0),
            jwks_requests: AtomicUsize::new(0),
            other_requests: AtomicUsize::new(0),
        });
        let app = axum::Router::new()
            .fallback(respond)
            .with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move {
            drop(axum::serve(listener, app).await);
        });
        Self { shared, task }
    }

    /// The issuer identifier.
    pub(crate) fn issuer(&self) -> &str {
        &self.shared.issuer
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> String {
        let rest = self.shared.issuer.trim_start_matches("http://");
        rest.trim_end_matches(&self.shared.path).to_owned()
    }

    /// Where the key set is.
    pub(crate) fn jwks_url(&self) -> String {
        format!("http://{}/jwks", self.address())
    }

    /// A token with sensible claims, to be changed and minted.
    pub(crate) fn token(&self) -> TokenBuilder {
        let key = self.with(|state| state.keys.first().cloned().expect("a key"));
        TokenBuilder::new(self.issuer(), key)
    }

    /// Publishes a new RS256 key and signs with it from now on; older keys stay. Returns its `kid`.
    pub(crate) fn rotate(&self) -> String {
        self.with(|state| {
            state.minted += 1;
            let kid = format!("key-{}", state.minted + 1);
            state
                .keys
                .insert(0, TestKey::new(&kid, "RS256", state.minted));
            kid
        })
    }

    /// Publishes only these keys and signs with the first.
    pub(crate) fn set_keys(&self, keys: Vec<TestKey>) {
        self.with(|state| state.keys = keys);
    }

    /// No longer publishes this key.
    pub(crate) fn remove_key(&self, kid: &str) {
        self.with(|state| state.keys.retain(|key| key.kid.as_deref() != Some(kid)));
    }

    /// Publishes this JWK in front of the others.
    pub(crate) fn add_odd_key(&self, jwk: Value) {
        self.with(|state| state.odd_keys.push(jwk));
    }

    /// How discovery documents are answered.
    pub(crate) fn answer_discovery(&self, answer: Answer) {
        self.with(|state| state.discovery = answer);
    }

    /// How the key set is answered.
    pub(crate) fn answer_jwks(&self, answer: Answer) {
        self.with(|state| state.jwks = answer);
    }

    /// Which discovery documents exist.
    pub(crate) fn offer(&self, forms: Forms) {
        self.with(|state| state.forms = forms);
    }

    /// What the discovery documents say of the issuer's name, instead of the truth.
    pub(crate) fn claim_issuer(&self, issuer: &str) {
        self.with(|state| state.claimed_issuer = Some(issuer.to_owned()));
    }

    /// Adds or replaces a member of the discovery documents.
    pub(crate) fn set_metadata(&self, name: &str, value: Value) {
        self.with(|state| state.metadata.insert(name.to_owned(), value));
    }

    /// The `ETag` of the key set; a request that names it is answered 304.
    pub(crate) fn set_etag(&self, value: &str) {
        self.with(|state| state.etag = Some(value.to_owned()));
    }

    /// How the token endpoint answers; without this there is none.
    pub(crate) fn answer_tokens(
        &self,
        answer: impl Fn(&TokenForm) -> Answer + Send + Sync + 'static,
    ) {
        self.with(|state| state.tokens = Some(Arc::new(answer)));
    }

    /// Everything that came to the token endpoint.
    pub(crate) fn token_forms(&self) -> Vec<TokenForm> {
        self.with(|state| state.token_forms.clone())
    }

    /// How often any discovery document was asked for.
    pub(crate) fn discovery_requests(&self) -> usize {
        self.shared.discovery_requests.load(Ordering::SeqCst)
    }

    /// How often the key set was asked for.
    pub(crate) fn jwks_requests(&self) -> usize {
        self.shared.jwks_requests.load(Ordering::SeqCst)
    }

    /// How often anything else was asked for.
    pub(crate) fn other_requests(&self) -> usize {
        self.shared.other_requests.load(Ordering::SeqCst)
    }

    fn with<T>(&self, change: impl FnOnce(&mut Behaviour) -> T) -> T {
        change(&mut self.shared.state.lock().expect("no panic under the lock"))
    }
}

fn forms_of(path: &str) -> [(Forms, String); 4] {
    let path = path.trim_end_matches('/');
    [
        (
            Forms::OpenIdAppended,
            format!("{path}/.well-known/openid-configuration"),
        ),
        (
            Forms::OAuthInserted,
            format!("/.well-known/oauth-authorization-server{path}"),
        ),
        (
            Forms::OpenIdInserted,
            format!("/.well-known/openid-configuration{path}"),
        ),
        (
            Forms::OAuthAppended,
            format!("{path}/.well-known/oauth-authorization-server"),
        ),
    ]
}

fn discovery_document(shared: &Shared, state: &Behaviour) -> String {
    let base = &shared.issuer;
    let origin = base.trim_end_matches(&shared.path);
    let mut document = json!({
        "issuer": state.claimed_issuer.as_ref().unwrap_or(base),
        "authorization_endpoint": format!("{base}/authorize"),
        "token_endpoint": format!("{base}/token"),
        "registration_endpoint": format!("{base}/register"),
        "jwks_uri": format!("{origin}/jwks"),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "scopes_supported": ["mcp:read", "mcp:write"],
    });
    for (name, value) in &state.metadata {
        if let Value::Object(members) = &mut document {
            members.insert(name.clone(), value.clone());
        }
    }
    document.to_string()
}

fn key_set(state: &Behaviour) -> String {
    let mut keys = state.odd_keys.clone();
    keys.extend(state.keys.iter().map(TestKey::jwk));
    json!({ "keys": keys }).to_string()
}

async fn token(shared: &Shared, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.expect("a form");
    let authorization = parts.headers.get("authorization");
    let form = TokenForm::read(
        authorization.map(|value| value.to_str().expect("text")),
        std::str::from_utf8(&body).expect("text"),
    );
    let answer = {
        let mut state = shared.state.lock().expect("no panic under the lock");
        state.token_forms.push(form.clone());
        state.tokens.clone()
    };
    match answer.map(|answer| answer(&form)) {
        Some(answer) => play(answer, String::new()).await,
        None => play(Answer::Status(404), String::new()).await,
    }
}

async fn respond(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let is_token = request.uri().path() == format!("{}/token", shared.path);
    if is_token && request.method() == "POST" {
        return token(&shared, request).await;
    }
    let path = request.uri().path();
    let (answer, document, headers) = {
        let state = shared.state.lock().expect("no panic under the lock");
        if path == "/jwks" {
            shared.jwks_requests.fetch_add(1, Ordering::SeqCst);
            let asked = request.headers().get("if-none-match");
            if state.etag.is_some()
                && asked.map(|v| v.as_bytes()) == state.etag.as_ref().map(|e| e.as_bytes())
            {
                (Answer::Status(304), String::new(), Vec::new())
            } else {
                let mut headers = Vec::new();
                headers.extend(state.etag.clone().map(|v| ("etag", v)));
                (state.jwks.clone(), key_set(&state), headers)
            }
        } else if path.contains("/.well-known/") {
            shared.discovery_requests.fetch_add(1, Ordering::SeqCst);
            let exists = forms_of(&shared.path).iter().any(|(form, at)| {
                at == path && (state.forms == Forms::All || state.forms == *form)
            });
            if exists {
                let document = discovery_document(&shared, &state);
                (state.discovery.clone(), document, Vec::new())
            } else {
                (Answer::Status(404), String::new(), Vec::new())
            }
        } else {
            shared.other_requests.fetch_add(1, Ordering::SeqCst);
            (Answer::Status(404), String::new(), Vec::new())
        }
    };
    let mut response = play(answer, document).await;
    for (name, value) in headers {
        let value = value.parse().expect("a header value");
        response.headers_mut().insert(name, value);
    }
    response
}

async fn play(answer: Answer, document: String) -> Response {
    let json = |body: Body| {
        Response::builder()
            .header("content-type", "application/json")
            .body(body)
            .expect("a response")
    };
    match answer {
        Answer::Good => json(document.into()),
        Answer::Hang => std::future::pending().await,
        Answer::After(pause) => {
            tokio::time::sleep(pause).await;
            json(document.into())
        }
        Answer::Drip => {
            let bytes =
                futures_util::stream::unfold(document.into_bytes().into_iter(), |mut rest| async {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    let byte = rest.next()?;
                    Some((
                        Ok::<_, std::convert::Infallible>(Bytes::from(vec![byte])),
                        rest,
                    ))
                });
            json(Body::from_stream(bytes))
        }
        Answer::Status(status) => {
            let mut response = json(Body::empty());
            *response.status_mut() = status.try_into().expect("a status");
            response
        }
        Answer::Body(body, content_type) => Response::builder()
            .header("content-type", content_type)
            .body(body.into())
            .expect("a response"),
        Answer::Refused(status, body) => {
            let mut response = json(body.into());
            *response.status_mut() = status.try_into().expect("a status");
            response
        }
        Answer::Truncated => {
            let half = document.len() / 2;
            json(Body::from(
                document
                    .into_bytes()
                    .into_iter()
                    .take(half)
                    .collect::<Vec<_>>(),
            ))
        }
        Answer::Padded(bytes) => json(format!("{}{document}", " ".repeat(bytes)).into()),
        Answer::Redirect(to) => {
            let mut response = json(Body::empty());
            *response.status_mut() = StatusCode::FOUND;
            let to = to.parse().expect("a header value");
            response.headers_mut().insert("location", to);
            response
        }
        Answer::Encoded(encoding) => {
            let mut response = json(document.into());
            let encoding = encoding.parse().expect("a header value");
            response.headers_mut().insert("content-encoding", encoding);
            response
        }
    }
}

/// Seconds since the Unix epoch.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    i64::try_from(since.as_secs()).expect("before the end of time")
}

/// A token in the making: RFC 9068 shaped (`at+jwt`), valid for five minutes.
#[derive(Clone)]
pub(crate) struct TokenBuilder {
    key: TestKey,
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

impl TokenBuilder {
    /// A token of `issuer`, signed with `key`.
    pub(crate) fn new(issuer: &str, key: TestKey) -> Self {
        let header = json!({ "typ": "at+jwt", "alg": key.algorithm, "kid": key.kid });
        let claims = json!({
            "iss": issuer,
            "sub": "alice",
            "client_id": "test-client",
            "scope": "mcp:read",
            "iat": now(),
            "exp": now() + 300,
            "jti": base64url(aws_lc_rs::digest::digest(
                &aws_lc_rs::digest::SHA256,
                format!("{:?}", SystemTime::now()).as_bytes(),
            )),
        });
        let object = |value: Value| match value {
            Value::Object(map) => map,
            other => unreachable!("not an object: {other}"),
        };
        let mut header = object(header);
        if key.kid.is_none() {
            header.remove("kid");
        }
        Self {
            key,
            header,
            claims: object(claims),
        }
    }

    /// `aud`, one string.
    #[must_use]
    pub(crate) fn audience(self, audience: impl Into<String>) -> Self {
        self.claim("aud", json!(audience.into()))
    }

    /// `scope`, space-separated.
    #[must_use]
    pub(crate) fn scope(self, scope: &str) -> Self {
        self.claim("scope", json!(scope))
    }

    /// `sub`.
    #[must_use]
    pub(crate) fn subject(self, subject: &str) -> Self {
        self.claim("sub", json!(subject))
    }

    /// `client_id`.
    #[must_use]
    pub(crate) fn client_id(self, client_id: &str) -> Self {
        self.claim("client_id", json!(client_id))
    }

    /// `exp`, seconds from now; negative for the past.
    #[must_use]
    pub(crate) fn expires_in(self, seconds: i64) -> Self {
        self.claim("exp", json!(now() + seconds))
    }

    /// Sets one claim.
    #[must_use]
    pub(crate) fn claim(mut self, name: &str, value: Value) -> Self {
        self.claims.insert(name.to_owned(), value);
        self
    }

    /// Removes one claim.
    #[must_use]
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// Sets one header member.
    #[must_use]
    pub(crate) fn header(mut self, name: &str, value: Value) -> Self {
        self.header.insert(name.to_owned(), value);
        self
    }

    /// Removes one header member.
    #[must_use]
    pub(crate) fn without_header(mut self, name: &str) -> Self {
        self.header.remove(name);
        self
    }

    /// Signs with another key, and names it in the header.
    #[must_use]
    pub(crate) fn signed_by(mut self, key: TestKey) -> Self {
        self.header.insert("alg".into(), json!(key.algorithm));
        self.header.insert("kid".into(), json!(key.kid));
        self.key = key;
        self
    }

    /// The shape of a Keycloak access token: `JWT`, payload `typ`, `azp` instead of `client_id`.
    #[must_use]
    pub(crate) fn keycloak(self) -> Self {
        let client_id = self.claims.get("client_id").cloned();
        self.header("typ", json!("JWT"))
            .claim("typ", json!("Bearer"))
            .claim("azp", client_id.unwrap_or(Value::Null))
            .without("client_id")
    }

    /// The signed token.
    pub(crate) fn mint(&self) -> String {
        let header = Value::Object(self.header.clone()).to_string();
        let claims = Value::Object(self.claims.clone()).to_string();
        self.mint_raw(&header, &claims)
    }

    /// Signs these very bytes as header and claims.
    pub(crate) fn mint_raw(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", base64url(header), base64url(claims));
        let signature = self.key.sign(message.as_bytes());
        format!("{message}.{}", base64url(signature))
    }

    /// The claims as they are, to be written out by hand.
    pub(crate) fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// The header as it is.
    pub(crate) fn header_members(&self) -> &Map<String, Value> {
        &self.header
    }
}
