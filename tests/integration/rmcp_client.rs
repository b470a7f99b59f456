//! The official Rust client against the whole server: nobody here wrote it, so it reads what we say, not what we meant.
#![expect(
    clippy::indexing_slicing,
    reason = "a missing member of a JSON value reads as null"
)]

use rmcp::model::{CallToolRequestParams, ClientConfig, ProtocolVersion, SubscriptionFilter};
use rmcp::service::{RunningService, SubscriptionEnd};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ClientLifecycleMode, ClientServiceExt, RoleClient};
use serde_json::json;

use super::gateway::TestGateway;
use super::protocol::searchable;

type Client = RunningService<RoleClient, ClientConfig>;

async fn connect(gateway: &TestGateway, lifecycle: ClientLifecycleMode) -> Client {
    let config = StreamableHttpClientTransportConfig::with_uri(format!("{}/mcp", gateway.url))
        .auth_header(gateway.token().mint());
    let http_client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let transport = StreamableHttpClientTransport::with_client(http_client, config);
    ClientConfig::default()
        .serve_with_lifecycle(transport, lifecycle)
        .await
        .expect("a connection")
}

fn discover() -> ClientLifecycleMode {
    ClientLifecycleMode::Discover {
        preferred_versions: vec![ProtocolVersion::V_2026_07_28],
    }
}

fn auto() -> ClientLifecycleMode {
    ClientLifecycleMode::Auto {
        preferred_versions: vec![ProtocolVersion::V_2026_07_28],
        legacy_version: Some(ProtocolVersion::V_2025_11_25),
    }
}

/// Everything that a client does with a server of tools.
async fn use_it(client: &Client) {
    let tools = client.list_all_tools().await.expect("tools");
    let names: Vec<_> = tools.iter().map(|tool| tool.name.as_ref()).collect();
    assert_eq!(names, ["search", "fetch"]);
    let annotations = tools[0].annotations.as_ref().expect("annotations");
    assert_eq!(annotations.read_only_hint, Some(true));

    let query = json!({ "query": "lemon" });
    let search = CallToolRequestParams::new("search")
        .with_arguments(query.as_object().expect("an object").clone());
    let found = client.call_tool(search).await.expect("an answer");
    assert_eq!(found.is_error, Some(false));
    let hits = found.structured_content.expect("structured content");
    assert_eq!(hits["results"][0]["title"], "Order 1001");

    let id = json!({ "id": hits["results"][0]["id"] });
    let fetch = CallToolRequestParams::new("fetch")
        .with_arguments(id.as_object().expect("an object").clone());
    let fetched = client.call_tool(fetch).await.expect("an answer");
    let document = fetched.structured_content.expect("structured content");
    assert!(document["text"].as_str().expect("text").contains("lemon"));

    let unknown = client
        .call_tool(CallToolRequestParams::new("nothing"))
        .await;
    assert!(unknown.is_err(), "{unknown:?}");
    assert!(client.list_all_prompts().await.expect("prompts").is_empty());
    assert!(
        client
            .list_all_resources()
            .await
            .expect("resources")
            .is_empty()
    );
    let templates = client
        .list_all_resource_templates()
        .await
        .expect("templates");
    assert!(templates.is_empty());
}

fn version(client: &Client) -> ProtocolVersion {
    client
        .peer_info()
        .expect("peer information")
        .protocol_version
        .clone()
}

#[tokio::test]
async fn a_legacy_client_initializes_and_uses_the_tools() {
    let gateway = searchable(TestGateway::builder()).await;
    let client = connect(&gateway, ClientLifecycleMode::Initialize).await;
    assert_eq!(version(&client), ProtocolVersion::V_2025_11_25);
    use_it(&client).await;
    client.cancel().await.expect("an end in order");
}

#[tokio::test]
async fn a_modern_client_discovers_and_uses_the_tools() {
    let gateway = searchable(TestGateway::builder()).await;
    let client = connect(&gateway, discover()).await;
    assert_eq!(version(&client), ProtocolVersion::V_2026_07_28);
    let server = client
        .peer_info()
        .expect("peer information")
        .server_info
        .clone();
    assert_eq!(server.expect("server information").name, "usher");
    use_it(&client).await;
    client.cancel().await.expect("an end in order");
}

#[tokio::test]
async fn a_client_of_both_eras_chooses_the_modern_one() {
    let gateway = searchable(TestGateway::builder()).await;
    let client = connect(&gateway, auto()).await;
    assert_eq!(version(&client), ProtocolVersion::V_2026_07_28);
    use_it(&client).await;
}

#[tokio::test]
async fn a_subscription_is_acknowledged_and_ended_when_the_server_stops() {
    let gateway = TestGateway::start().await;
    let client = connect(&gateway, discover()).await;
    let filter = SubscriptionFilter::builder().tools_list_changed().build();
    let mut subscription = client.listen(filter).await.expect("a subscription");
    assert_eq!(subscription.acknowledged(), &SubscriptionFilter::new());
    gateway.lifecycle.stop_softly();
    assert!(
        subscription
            .next()
            .await
            .expect("a stream without mistakes")
            .is_none()
    );
    let end = subscription.end();
    assert!(matches!(end, Some(SubscriptionEnd::Graceful(_))), "{end:?}");
}

#[tokio::test]
async fn a_session_that_has_expired_is_begun_anew() {
    let builder = TestGateway::builder().settings(|settings| settings.mcp.session_ttl_seconds = 60);
    let gateway = searchable(builder).await;
    let client = connect(&gateway, ClientLifecycleMode::Initialize).await;
    use_it(&client).await;
    gateway.clock.shift(61);
    use_it(&client).await;
    let log = gateway.access_log();
    assert!(log.contains("unknown_session"), "{log}");
}
