//! Keycloak gives the tokens that upstreams are shown: one in exchange for a caller's, and one of Usher's own. The upstream
//! here checks them itself, by signature, issuer and audience, and answers whose they are.

use anyhow::{Context as _, ensure};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use usher::auth::{AccessToken, IssuerSettings, Parts, ResourceServer, Settings};
use usher::clock::Clock;
use usher::lifecycle::Lifecycle;
use usher::outbound::Outbound;
use usher::telemetry::Metrics;

use crate::Scene;
use crate::usher::Usher;

/// An MCP server of revision 2026-07-28 with one tool: `whoami`.
struct Orders {
    url: String,
    audience: String,
    lifecycle: Lifecycle,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for Orders {
    fn drop(&mut self) {
        self.serving.abort();
        self.lifecycle.stop_now();
    }
}

impl Orders {
    /// It takes tokens of that issuer for `audience`, and no others.
    async fn start(issuer: &str, audience: String) -> anyhow::Result<Self> {
        let lifecycle = Lifecycle::new();
        let settings = Settings {
            public_url: "http://127.0.0.1".into(),
            issuer: vec![IssuerSettings::named(issuer)],
            audiences: vec![audience.clone()],
            ..Settings::default()
        };
        let parts = Parts {
            outbound: Outbound::default(),
            clock: Clock::system(),
            lifecycle: lifecycle.clone(),
            metrics: Metrics::default(),
            state_dir: std::path::PathBuf::new(),
        };
        let server = ResourceServer::start(settings, parts)?;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/mcp", listener.local_addr()?);
        let app = axum::Router::new().fallback(answer).with_state(server);
        #[expect(clippy::disallowed_methods, reason = "it runs beside the row")]
        let serving = tokio::spawn(async move { drop(axum::serve(listener, app).await) });
        Ok(Self {
            url,
            audience,
            lifecycle,
            serving,
        })
    }
}

async fn answer(
    State(server): State<ResourceServer>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let resource = server.resources().at("/mcp").cloned().expect("a resource");
    let verified = match AccessToken::from_headers(&headers) {
        Ok(token) => server.authenticate(&token, &resource).await.ok(),
        Err(_none) => None,
    };
    let Some(principal) = verified else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let message: Value = serde_json::from_str(&body).unwrap_or_default();
    let result = match message["method"].as_str() {
        Some("server/discover") => {
            json!({ "supportedVersions": ["2026-07-28"], "capabilities": { "tools": {} } })
        }
        Some("tools/list") => json!({ "tools": [
            { "name": "whoami", "inputSchema": { "type": "object" }, "annotations": { "readOnlyHint": true } }
        ] }),
        Some("tools/call") => json!({
            "content": [],
            "structuredContent": { "subject": principal.subject(), "client": principal.client_id() },
            "resultType": "complete",
        }),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let reply = json!({ "jsonrpc": "2.0", "id": message["id"], "result": result });
    axum::Json(reply).into_response()
}

/// An Usher in front of `orders`, that the tokens for the usual one open.
async fn in_front(
    scene: &Scene,
    orders: &Orders,
    (name, kind, secret): (&str, &str, &str),
) -> anyhow::Result<Usher> {
    let file = crate::tools::output(&format!("secret-{name}"));
    std::fs::write(&file, secret)?;
    let audience = format!("{}/mcp", scene.usher.public_url());
    let url = &orders.url;
    let more = format!(
        "audiences = [{audience:?}]\n[[upstream]]\nname = \"orders\"\nhttp = {url:?}\ntrust_annotations = true\n\
         [upstream.credential]\nkind = {kind:?}\nclient_id = \"usher\"\nsecret_file = {file:?}\n\
         scopes = [\"upstream:orders\"]\n"
    );
    let mut usher = Usher::configured(name, &more)?;
    usher.start(&scene.keycloak.issuer("mcp")).await?;
    usher.until("/readyz", 200).await?;
    Ok(usher)
}

async fn until_log_says(usher: &Usher, words: &str) -> anyhow::Result<String> {
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        let log = usher.log();
        if let Some(line) = log.lines().find(|line| line.contains(words)) {
            return Ok(line.to_owned());
        }
        ensure!(
            tokio::time::Instant::now() < deadline,
            "no {words:?} in {log}"
        );
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

async fn orders(scene: &Scene) -> anyhow::Result<Orders> {
    let audience = format!("{}/upstreams/orders", scene.usher.public_url());
    Orders::start(&scene.keycloak.issuer("mcp"), audience).await
}

fn whose(answer: &crate::usher::Answer) -> Value {
    answer.body["result"]["structuredContent"].clone()
}

/// `sub` of a token.
fn subject(token: &str) -> anyhow::Result<String> {
    let claims = crate::realm::claims(token)?;
    Ok(claims["sub"].as_str().context("a subject")?.to_owned())
}

pub(crate) async fn an_upstream_sees_the_caller_in_a_token_for_itself(
    scene: &Scene,
) -> anyhow::Result<()> {
    let orders = orders(scene).await?;
    let how = ("exchanging", "token_exchange", "usher-demo-secret");
    let mut usher = in_front(scene, &orders, how).await?;
    // Listed with a token of the client's own: its service account.
    until_log_says(&usher, "what it has is listed").await?;
    for user in ["alice", "bob"] {
        let tokens = scene
            .keycloak
            .log_in("mcp", "password", user, "openid")
            .await?;
        for _ in 0..2 {
            let answer = usher.call(&tokens.access, Some("orders__whoami")).await?;
            let expected = json!({ "subject": subject(&tokens.access)?, "client": "usher" });
            ensure!(
                whose(&answer) == expected,
                "{answer:?}, expected {expected}"
            );
        }
        // The caller's own token does not open the upstream.
        let direct = crate::http_client()
            .post(&orders.url)
            .bearer_auth(&tokens.access);
        ensure!(direct.send().await?.status() == 401, "{}", orders.audience);
    }
    // Keycloak exchanges no token of a session that is over.
    let tokens = scene
        .keycloak
        .log_in("mcp", "password", "bob", "openid")
        .await?;
    let url = format!(
        "{}/protocol/openid-connect/logout",
        scene.keycloak.issuer("mcp")
    );
    let form = [
        ("client_id", "password"),
        ("refresh_token", &tokens.refresh),
    ];
    let answer = crate::http_client().post(url).form(&form).send().await?;
    ensure!(answer.status().is_success(), "{answer:?}");
    let answer = usher.call(&tokens.access, Some("orders__whoami")).await?;
    ensure!(answer.reason == "upstream_credential_denied", "{answer:?}");
    ensure!(answer.body["error"]["code"] == 403, "{answer:?}");
    let line = until_log_says(&usher, "token exchange: no token").await?;
    ensure!(line.contains("session at Keycloak may be over"), "{line}");
    ensure!(
        !usher.log().contains(&tokens.access),
        "the token is in the log"
    );
    usher.stop().await
}

pub(crate) async fn an_upstream_sees_usher_in_a_token_of_its_own(
    scene: &Scene,
) -> anyhow::Result<()> {
    let orders = orders(scene).await?;
    let how = ("own-token", "client_credentials", "usher-demo-secret");
    let mut usher = in_front(scene, &orders, how).await?;
    until_log_says(&usher, "what it has is listed").await?;
    let mut seen = Vec::new();
    for user in ["alice", "bob"] {
        let tokens = scene
            .keycloak
            .log_in("mcp", "password", user, "openid")
            .await?;
        let answer = usher.call(&tokens.access, Some("orders__whoami")).await?;
        let whose = whose(&answer);
        ensure!(whose["client"] == "usher", "{answer:?}");
        ensure!(
            whose["subject"] != subject(&tokens.access)?.as_str(),
            "{answer:?}"
        );
        seen.push(whose);
    }
    ensure!(seen.first() == seen.last(), "{seen:?}");
    usher.stop().await
}

/// What Keycloak refuses is in the log with what to do there; the secret is not.
pub(crate) async fn a_wrong_secret_towards_an_upstream_is_named_with_what_to_do(
    scene: &Scene,
) -> anyhow::Result<()> {
    let orders = orders(scene).await?;
    let how = ("wrong-credential", "client_credentials", "not-the-secret");
    let mut usher = in_front(scene, &orders, how).await?;
    let line = until_log_says(&usher, "upstream: no token of our own").await?;
    ensure!(line.contains("see the secret"), "{line}");
    ensure!(
        !usher.log().contains("not-the-secret"),
        "the secret is in the log"
    );
    usher.stop().await
}
