//! The official Rust client, and what it heard.

use std::sync::{Arc, Mutex};

use rmcp::model::{
    CallToolRequestParams, ClientConfig, ContentBlock, GetPromptRequestParams,
    ProgressNotificationParam, ProtocolVersion, ReadResourceRequestParams, ResourceContents,
};
use rmcp::service::{NotificationContext, RunningService};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ClientHandler, ClientLifecycleMode, ClientServiceExt, RoleClient};
use serde_json::{Value, json};

use super::eventually::eventually;
use super::usher::Usher;

/// Remembers the progress that was reported to it.
#[derive(Clone, Default)]
pub(crate) struct Listener(Arc<Mutex<Vec<f64>>>);

impl ClientHandler for Listener {
    fn get_info(&self) -> ClientConfig {
        ClientConfig::default()
    }

    async fn on_progress(
        &self,
        progress: ProgressNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) {
        self.0
            .lock()
            .expect("no panic before")
            .push(progress.progress);
    }
}

/// A connected client.
pub(crate) struct Client {
    pub(crate) rmcp: RunningService<RoleClient, Listener>,
    listener: Listener,
}

pub(crate) fn http() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client")
}

impl Client {
    /// Connects to `/mcp` with this revision, by the handshake of its era.
    pub(crate) async fn connect(usher: &Usher, revision: ProtocolVersion) -> Self {
        let lifecycle = if revision == ProtocolVersion::V_2026_07_28 {
            ClientLifecycleMode::Discover {
                preferred_versions: vec![revision],
            }
        } else {
            ClientLifecycleMode::Initialize
        };
        let config = StreamableHttpClientTransportConfig::with_uri(format!("{}/mcp", usher.url))
            .auth_header(usher.access_token());
        let transport = StreamableHttpClientTransport::with_client(http(), config);
        let listener = Listener::default();
        let rmcp = listener.clone().serve_with_lifecycle(transport, lifecycle);
        let rmcp = rmcp.await.unwrap_or_else(|error| {
            panic!("no connection: {error}\n{}", usher.log());
        });
        Self { rmcp, listener }
    }

    /// Returns once this tool is listed.
    pub(crate) async fn until_listed(&self, tool: &str) {
        let look = async || {
            let tools = self.rmcp.list_all_tools().await.expect("tools");
            tools.iter().any(|listed| listed.name == tool).then_some(())
        };
        eventually(&format!("{tool} is listed"), look).await;
    }

    /// Calls a tool; its result as JSON.
    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Value {
        self.listener.0.lock().expect("no panic before").clear();
        let arguments = arguments.as_object().expect("an object").clone();
        let call = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        let result = self.rmcp.call_tool(call).await;
        json!(result.unwrap_or_else(|error| panic!("{tool}: {error}")))
    }

    /// What progress was reported during the last call.
    pub(crate) fn progress(&self) -> Vec<f64> {
        self.listener.0.lock().expect("no panic before").clone()
    }

    /// The text of a resource.
    pub(crate) async fn read(&self, uri: &str) -> String {
        let result = self.rmcp.read_resource(ReadResourceRequestParams::new(uri));
        let result = result
            .await
            .unwrap_or_else(|error| panic!("{uri}: {error}"));
        match result.contents.into_iter().next() {
            Some(ResourceContents::TextResourceContents { text, .. }) => text,
            other => panic!("{uri}: {other:?}"),
        }
    }

    /// The text of the first message of a prompt.
    pub(crate) async fn prompt(&self, name: &str, arguments: Value) -> String {
        let arguments = arguments.as_object().expect("an object").clone();
        let get = GetPromptRequestParams::new(name).with_arguments(arguments);
        let result = self.rmcp.get_prompt(get).await;
        let result = result.unwrap_or_else(|error| panic!("{name}: {error}"));
        match result
            .messages
            .into_iter()
            .next()
            .map(|first| first.content)
        {
            Some(ContentBlock::Text(text)) => text.text,
            other => panic!("{name}: {other:?}"),
        }
    }

    pub(crate) async fn close(self) {
        self.rmcp.cancel().await.expect("an end in order");
    }
}
