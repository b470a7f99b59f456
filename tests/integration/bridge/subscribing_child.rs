//! A server over standard input and output that tells of its resources, in either era: a child of the tests beside.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};

use serde_json::{Value, json};
use usher::upstream::UpstreamSettings;

use crate::upstream::stdio::child_of;

pub(super) fn child(name: &str, child: &str) -> UpstreamSettings {
    child_of("bridge::subscribing_child", (name, child))
}

#[test]
#[ignore = "a child of the tests beside"]
fn legacy() {
    serve("initialize");
}

#[test]
#[ignore = "a child of the tests beside"]
fn modern() {
    serve("server/discover");
}

fn say(message: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{message}")
        .and_then(|()| out.flush())
        .expect("a reader");
}

/// What is subscribed to: by the id of each subscription, or by nothing.
type Subscribed = BTreeMap<String, Vec<Value>>;

fn serve(handshake: &str) {
    let mut subscribed = Subscribed::new();
    for line in std::io::stdin().lock().lines() {
        let message: Value = serde_json::from_str(&line.expect("text")).expect("JSON");
        let (id, params) = (&message["id"], &message["params"]);
        let result = |result: Value| {
            say(&json!({ "jsonrpc": "2.0", "id": id, "result": result }).to_string());
        };
        let capabilities = json!({ "tools": {}, "resources": { "subscribe": true } });
        match message["method"].as_str() {
            Some("initialize") if handshake == "initialize" => result(json!({
                "protocolVersion": "2025-06-18", "capabilities": capabilities,
                "serverInfo": { "name": "child", "version": "1" },
            })),
            Some("server/discover") if handshake == "server/discover" => result(json!({
                "supportedVersions": ["2026-07-28"], "capabilities": capabilities,
                "resultType": "complete",
            })),
            Some("tools/list") => result(json!({ "tools": [
                { "name": "touch", "inputSchema": { "type": "object" } },
                { "name": "die", "inputSchema": { "type": "object" } },
            ] })),
            Some("resources/list") => result(json!({ "resources": [
                { "uri": "test://one", "name": "one" }, { "uri": "test://two", "name": "two" },
                { "uri": "test://refused", "name": "refused" },
            ] })),
            Some("resources/templates/list") => result(json!({ "resourceTemplates": [] })),
            Some("resources/subscribe") if params["uri"] != "test://refused" => {
                let all = subscribed.entry(String::new()).or_default();
                all.push(params["uri"].clone());
                result(json!({}));
            }
            Some("resources/unsubscribe") => {
                let all = subscribed.entry(String::new()).or_default();
                all.retain(|uri| *uri != params["uri"]);
                result(json!({}));
            }
            Some("subscriptions/listen") => {
                let mut filter = params["notifications"].clone();
                if let Some(uris) = filter["resourceSubscriptions"].as_array_mut() {
                    uris.retain(|uri| uri != "test://refused");
                    subscribed.insert(id.to_string(), uris.clone());
                } else if let Some(filter) = filter.as_object_mut() {
                    filter.remove("resourceSubscriptions");
                }
                say(&json!({ "jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged", "params": {
                    "_meta": { "io.modelcontextprotocol/subscriptionId": id }, "notifications": filter,
                } }).to_string());
            }
            Some("notifications/cancelled") => {
                subscribed.remove(&params["requestId"].to_string());
            }
            // Says that a resource was updated, and answers with all that is subscribed to.
            Some("tools/call") if params["name"] == "touch" => {
                let uri = params["arguments"]["uri"].as_str().unwrap_or_default();
                let is_told =
                    |known: &Value| known.as_str().is_some_and(|known| uri.starts_with(known));
                for (id, uris) in &subscribed {
                    let meta = match id.as_str() {
                        "" => String::new(),
                        id => format!(
                            r#","_meta" : {{"y":1e2,"io.modelcontextprotocol/subscriptionId": {id}}}"#
                        ),
                    };
                    if uris.iter().any(is_told) {
                        say(&format!(
                            r#"{{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{{ "x":1.50,"uri" : "{uri}"{meta}}}}}"#
                        ));
                    }
                }
                let mut all: Vec<_> = subscribed.values().flatten().collect();
                all.sort_by_key(|uri| uri.to_string());
                result(json!({ "content": [], "resultType": "complete", "subscribed": all }));
            }
            Some("tools/call") => return,
            Some(_) if !id.is_null() => say(&json!({ "jsonrpc": "2.0", "id": id, "error": {
                "code": -32601, "message": "method not found",
            } })
            .to_string()),
            _ => {}
        }
    }
}
