//! A server written with the official Rust SDK as upstream, over both transports and in both eras.

use std::borrow::Cow;
use std::sync::Arc;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData,
    ListToolsResult, PaginatedRequestParams, ProtocolVersion, ServerCapabilities, ServerConfig,
    Tool,
};
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{RoleServer, ServerHandler};
use serde_json::{Value, json};
use usher::upstream::{EraSetting, UpstreamSettings};

use super::{call, call_modern, over_http, start};

/// It says what it was told.
#[derive(Clone)]
pub(super) struct Echo {
    pub(super) versions: &'static [ProtocolVersion],
}

impl ServerHandler for Echo {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(self.versions)
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let schema = json!({ "type": "object" });
        let schema = schema.as_object().expect("an object").clone();
        let tool = Tool::new("echo", "Says what it was told.", Arc::new(schema));
        Ok(ListToolsResult::with_all_items(vec![tool]))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let said = Value::from(request.arguments.unwrap_or_default()).to_string();
        Ok(CallToolResult::success(vec![ContentBlock::text(said)]).into())
    }
}

pub(super) const LEGACY: &[ProtocolVersion] =
    &[ProtocolVersion::V_2025_06_18, ProtocolVersion::V_2025_11_25];
pub(super) const MODERN: &[ProtocolVersion] = &[ProtocolVersion::V_2026_07_28];

#[expect(
    clippy::disallowed_methods,
    reason = "it runs beside the server under test"
)]
async fn serve(
    versions: &'static [ProtocolVersion],
    json_response: bool,
    sessions: bool,
) -> String {
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(sessions)
        .with_json_response(json_response);
    let service: StreamableHttpService<Echo, LocalSessionManager> =
        StreamableHttpService::new(move || Ok(Echo { versions }), Arc::default(), config);
    let router = axum::Router::new().nest_service("/mcp", service);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let address = listener.local_addr().expect("an address");
    drop(tokio::spawn(async move {
        axum::serve(listener, router).await.expect("a server");
    }));
    format!("http://{address}/mcp")
}

pub(super) async fn answers_clients_of_both_eras(upstream: UpstreamSettings) {
    let case = format!("{upstream:?}");
    let gateway = start(vec![upstream]).await;
    let reply = call(&gateway, r#"{"name":"sdk__echo","arguments":{"a":1}}"#).await;
    assert_eq!(
        reply.json()["result"]["content"][0]["text"],
        r#"{"a":1}"#,
        "{case}"
    );
    let reply = call_modern(&gateway, "sdk__echo", r#""arguments":{"b":2}"#).await;
    let result = &reply.json()["result"];
    assert_eq!(result["content"][0]["text"], r#"{"b":2}"#, "{case}");
    assert_eq!(result["resultType"], "complete", "{case}");
}

#[tokio::test]
async fn over_http_every_way_it_can_be_set_up_is_found_out() {
    for (versions, era) in [(LEGACY, EraSetting::Legacy), (MODERN, EraSetting::Modern)] {
        for (json_response, sessions) in [(true, false), (false, true), (false, false)] {
            let url = serve(versions, json_response, sessions).await;
            answers_clients_of_both_eras(over_http("sdk", &url)).await;
            let told = UpstreamSettings {
                era,
                ..over_http("sdk", &url)
            };
            answers_clients_of_both_eras(told).await;
        }
    }
}
