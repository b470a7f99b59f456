//! Liveness, readiness and what they tell.

use serde_json::json;
use tokio::net::TcpListener;

use usher::auth::IssuerSettings;
use usher::cli::serve::{Listeners, Server, Surroundings};
use usher::config::{self, Settings};

use crate::gateway::{Reply, TestGateway};

#[tokio::test]
async fn the_server_is_alive_before_it_is_ready_and_says_why() {
    let gateway = TestGateway::builder().settings(|settings| {
        // Nobody listens there.
        settings
            .issuer
            .iter_mut()
            .for_each(|issuer| issuer.jwks_url = Some("http://127.0.0.1:9/jwks".to_owned()));
    });
    let gateway = gateway.start_without_keys().await;
    assert_eq!(gateway.get("/healthz").await.status, 200);
    let ready = gateway.get("/readyz").await;
    assert_eq!(ready.status, 503);
    assert_eq!(
        ready.json(),
        json!({ "status": "not_ready", "reason": "keys_not_loaded" })
    );
    let deep = gateway.get("/healthz?deep=1").await;
    assert_eq!(
        (deep.status, &deep.json()["status"]),
        (200, &json!("degraded"))
    );
    assert_eq!(
        deep.json()["jwks"],
        json!({ "status": "missing", "keysFound": 0 })
    );
}

#[tokio::test]
async fn the_server_is_not_ready_while_there_is_no_index_to_answer_from_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let state_dir = folder.path().join("state");
    std::fs::write(&state_dir, "a file where a folder should be").unwrap();
    let blocked = state_dir.clone();
    let gateway =
        TestGateway::builder().settings(move |settings| settings.state_dir = Some(blocked));
    let gateway = gateway.start_without_keys().await;
    let reason = json!({ "status": "not_ready", "reason": "index_unwritable" });
    gateway
        .until("/readyz", |ready| ready.json() == reason)
        .await;
    assert_eq!(gateway.get("/readyz").await.status, 503);

    // With an index of nothing but what is there, however little that is, questions are answered.
    let nothing = TestGateway::builder().settings(|settings| settings.collection.clear());
    assert_eq!(nothing.start().await.get("/readyz").await.status, 200);
}

#[tokio::test]
async fn a_server_that_is_ready_answers_its_first_search() {
    let gateway = TestGateway::start().await;
    let search = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": "search", "arguments": { "query": "lemon cupcakes" } }
    });
    let found = gateway.call(&gateway.token().mint(), search).await.json();
    let results = &found["result"]["structuredContent"]["results"];
    assert_eq!(results[0]["title"], "Order 1001", "{found}");
}

#[tokio::test]
async fn deep_health_has_the_names_that_guides_know_and_ours() {
    let gateway = TestGateway::start().await;
    let shallow = gateway.get("/healthz").await.json();
    assert_eq!(shallow["status"], "ok");
    assert_eq!(shallow["service"], "usher");
    assert_eq!(shallow["version"], env!("CARGO_PKG_VERSION"));
    assert!(shallow["uptimeSeconds"].is_u64());
    assert!(shallow.get("jwks").is_none());

    let deep = gateway.get("/healthz?deep=1").await.json();
    assert_eq!(deep["jwks"]["status"], "ok");
    assert!(deep["jwks"]["keysFound"].as_u64().unwrap() >= 1);
    assert_eq!(deep["sse"]["activeConnections"], 0);
    assert_eq!(deep["issuers"][0]["issuer"], gateway.issuer.issuer());
    assert_eq!(deep["issuers"][0]["status"], "ok");
    assert!(deep["issuers"][0]["age_seconds"].is_u64());
    assert!(deep["index"]["collections"].is_u64());
    assert_eq!(deep["streams"]["open"], 0);
}

#[tokio::test]
async fn while_draining_the_server_is_alive_and_answers_and_is_not_ready() {
    let gateway = TestGateway::start().await;
    gateway.lifecycle.begin_drain();
    assert_eq!(gateway.get("/healthz").await.status, 200);
    let ready = gateway.get("/readyz").await;
    assert_eq!(
        (ready.status, &ready.json()["reason"]),
        (503, &json!("stopping"))
    );
    let token = gateway.token().mint();
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    assert_eq!(gateway.call(&token, ping).await.status, 200);
}

#[tokio::test]
async fn metrics_are_on_the_admin_listener_and_nowhere_else() {
    let gateway = TestGateway::start().await;
    assert_eq!(gateway.get("/metrics").await.status, 404);
    let admin = |path: &str| {
        let request = gateway
            .http_client
            .get(format!("{}{path}", gateway.admin_url));
        Reply::of(request)
    };
    let metrics = admin("/metrics").await;
    assert_eq!(metrics.status, 200);
    assert!(
        metrics
            .header("content-type")
            .unwrap()
            .starts_with("application/openmetrics-text")
    );
    let counted = "usher_http_requests_total{endpoint=\"other\",method=\"GET\",status=\"404\"} 1";
    assert!(metrics.text().contains(counted), "{}", metrics.text());
    assert!(
        metrics
            .text()
            .contains("usher_refusals_total{reason=\"not_found\"} 1")
    );
    assert_eq!(
        admin("/healthz?deep=1").await.json()["jwks"]["status"],
        "ok"
    );
    assert_eq!(admin("/mcp").await.status, 404);
    let posted = gateway
        .http_client
        .post(format!("{}/metrics", gateway.admin_url));
    assert_eq!(Reply::of(posted).await.status, 405);
}

#[tokio::test]
async fn a_page_that_rebinds_its_name_to_the_admin_listener_reads_nothing() {
    let gateway = TestGateway::start().await;
    let request = gateway
        .http_client
        .get(format!("{}/metrics", gateway.admin_url));
    let rebound = Reply::of(request.header("host", "evil.test")).await;
    assert_eq!(rebound.status, 403);
}

#[tokio::test]
async fn an_admin_secret_is_asked_for_where_there_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "correct horse battery staple\n").unwrap();
    let gateway =
        TestGateway::builder().settings(move |settings| settings.admin_secret_file = Some(file));
    let gateway = gateway.start().await;
    let url = format!("{}/metrics", gateway.admin_url);
    for (secret, status) in [
        (None, 401),
        (Some("correct horse"), 401),
        (Some("correct horse battery staple"), 200),
    ] {
        let mut request = gateway.http_client.get(&url);
        if let Some(secret) = secret {
            request = request.bearer_auth(secret);
        }
        assert_eq!(Reply::of(request).await.status, status, "{secret:?}");
    }
}

#[tokio::test]
async fn off_loopback_a_server_without_an_admin_secret_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        public_url: "http://127.0.0.1:8080".to_owned(),
        state_dir: Some(folder.path().to_owned()),
        issuer: vec![IssuerSettings::named("http://127.0.0.1:9")],
        ..Settings::default()
    };
    let config = config::check(settings).unwrap();
    // The configuration says loopback; the socket that was really bound decides.
    let listeners = Listeners {
        public: TcpListener::bind("127.0.0.1:0").await.unwrap(),
        admin: TcpListener::bind("0.0.0.0:0").await.unwrap(),
    };
    let server = Server::build(config, Surroundings::default()).unwrap();
    let refused = server.run(listeners).await.unwrap_err();
    assert!(
        refused.to_string().contains("admin_secret_file"),
        "{refused}"
    );
}
