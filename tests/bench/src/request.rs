//! Requests as bytes, the way clients of each revision write them.

use std::net::SocketAddr;

use serde_json::{Value, json};

/// The newest revision.
pub(crate) const MODERN: &str = "2026-07-28";
/// The newest revision with sessions.
pub(crate) const LEGACY: &str = "2025-11-25";

/// The server that requests are for.
#[derive(Clone, Copy)]
pub(crate) struct Target(pub(crate) SocketAddr);

impl Target {
    /// A GET without a token.
    pub(crate) fn get(self, path: &str) -> Vec<u8> {
        format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.0).into_bytes()
    }

    /// A request of the newest revision.
    pub(crate) fn modern(self, token: &str, method: &str, params: Value) -> Vec<u8> {
        let mut headers = vec![("mcp-protocol-version", MODERN), ("mcp-method", method)];
        let name = params.get("name").and_then(Value::as_str);
        let name = name.unwrap_or_default().to_owned();
        if !name.is_empty() {
            headers.push(("mcp-name", &name));
        }
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientInfo": { "name": "bench", "version": "1.0.0" },
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let mut params = params;
        if let Value::Object(members) = &mut params {
            members.insert("_meta".to_owned(), meta);
        }
        self.post(token, &headers, &call(method, params))
    }

    /// A request in a session of the last revision that has them.
    pub(crate) fn in_session(
        self,
        token: &str,
        session: &str,
        method: &str,
        params: Value,
    ) -> Vec<u8> {
        let headers = [
            ("mcp-protocol-version", LEGACY),
            ("mcp-session-id", session),
        ];
        self.post(token, &headers, &call(method, params))
    }

    /// The handshake that opens a session.
    pub(crate) fn initialize(self, token: &str) -> Vec<u8> {
        let params = json!({
            "protocolVersion": LEGACY,
            "capabilities": {},
            "clientInfo": { "name": "bench", "version": "1.0.0" },
        });
        self.post(token, &[], &call("initialize", params))
    }

    /// A session's stream for messages of the server.
    pub(crate) fn session_stream(self, token: &str, session: &str) -> Vec<u8> {
        format!(
            "GET /mcp HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\naccept: text/event-stream\r\n\
             mcp-protocol-version: {LEGACY}\r\nmcp-session-id: {session}\r\n\r\n",
            self.0
        )
        .into_bytes()
    }

    fn post(self, token: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
        let mut text = format!(
            "POST /mcp HTTP/1.1\r\nhost: {}\r\nuser-agent: bench/1.0.0\r\nauthorization: Bearer {token}\r\n\
             accept: application/json, text/event-stream\r\ncontent-type: application/json\r\n",
            self.0
        );
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        text += &format!("content-length: {}\r\n\r\n{body}", body.len());
        text.into_bytes()
    }
}

fn call(method: &str, params: Value) -> String {
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string()
}
