//! An MCP client of revision 2026-07-28 over HTTP: every request stands alone and names its revision.

use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use reqwest::header::{ACCEPT, CONTENT_TYPE, WWW_AUTHENTICATE};
use serde_json::{Value, json};

use crate::challenge::Challenge;
use crate::oauth_client::AccessToken;

const REVISION: &str = "2026-07-28";

/// A client of one MCP endpoint.
pub(crate) struct McpClient {
    http: reqwest::Client,
    url: String,
}

/// An answer before anybody judges it.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) challenge: Option<Challenge>,
    content_type: String,
    body: String,
}

impl McpClient {
    pub(crate) fn new(url: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(30))
            .build()?;
        Ok(Self {
            http,
            url: url.to_owned(),
        })
    }

    /// Sends one request, with or without a token.
    pub(crate) async fn send(
        &self,
        access_token: Option<&AccessToken>,
        method: &str,
        params: Value,
    ) -> anyhow::Result<Answer> {
        let mut params = params;
        let name = params
            .get("name")
            .and_then(Value::as_str)
            .map(str::to_owned);
        if let Some(members) = params.as_object_mut() {
            members.insert("_meta".to_owned(), request_meta());
        }
        let mut request = self
            .http
            .post(&self.url)
            .header(ACCEPT, "application/json, text/event-stream")
            .header("MCP-Protocol-Version", REVISION)
            .header("Mcp-Method", method)
            .json(&json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }));
        if let Some(name) = name {
            request = request.header("Mcp-Name", name);
        }
        if let Some(access_token) = access_token {
            request = request.bearer_auth(access_token.secret());
        }
        let response = request
            .send()
            .await
            .with_context(|| format!("{} does not answer", self.url))?;
        let header = |name| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        Ok(Answer {
            status: response.status().as_u16(),
            challenge: header(WWW_AUTHENTICATE)
                .as_deref()
                .and_then(Challenge::parse),
            content_type: header(CONTENT_TYPE).unwrap_or_default(),
            body: response.text().await?,
        })
    }

    /// Sends one request that must succeed, and gives its result.
    pub(crate) async fn call(
        &self,
        access_token: &AccessToken,
        method: &str,
        params: Value,
    ) -> anyhow::Result<Value> {
        self.send(Some(access_token), method, params)
            .await?
            .result()
            .with_context(|| method.to_owned())
    }

    /// Calls a tool that must succeed, and gives its structured content.
    pub(crate) async fn call_tool(
        &self,
        access_token: &AccessToken,
        name: &str,
        arguments: Value,
    ) -> anyhow::Result<Value> {
        let params = json!({ "name": name, "arguments": arguments });
        let mut result = self.call(access_token, "tools/call", params).await?;
        if result.get("isError").and_then(Value::as_bool) == Some(true) {
            bail!("the tool {name} failed: {result}");
        }
        result
            .get_mut("structuredContent")
            .map(Value::take)
            .ok_or_else(|| anyhow!("the result of {name} has no structuredContent: {result}"))
    }
}

impl Answer {
    fn result(self) -> anyhow::Result<Value> {
        if self.status != 200 {
            bail!(
                "expected 200, found {}: {}",
                self.status,
                shortened(&self.body)
            );
        }
        let mut message: Value = serde_json::from_str(self.message()).with_context(|| {
            format!(
                "expected a JSON-RPC message, found {}",
                shortened(&self.body)
            )
        })?;
        match message.get_mut("result") {
            Some(result) => Ok(result.take()),
            None => bail!("expected a result, found {}", shortened(&self.body)),
        }
    }

    /// The JSON body, or the data of the last event of a stream.
    fn message(&self) -> &str {
        if !self.content_type.starts_with("text/event-stream") {
            return &self.body;
        }
        let mut data = self
            .body
            .lines()
            .filter_map(|line| line.strip_prefix("data:"));
        data.next_back().unwrap_or_default()
    }
}

fn request_meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": REVISION,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": { "name": "usher-demo", "version": env!("CARGO_PKG_VERSION") },
    })
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(300).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
