//! One operation of the description.

use axum::http::Method;
use serde_json::{Map, Value, json};

use crate::http::surface::{Access, Endpoint};

/// What `method` does at `path`, one of `endpoint`'s.
pub(super) fn describe(endpoint: Endpoint, method: &Method, path: &str) -> Value {
    let mut operation = Map::new();
    operation.insert("operationId".to_owned(), json!(operation_id(method, path)));
    operation.insert("summary".to_owned(), json!(summary(endpoint, method)));
    let guarded = endpoint.access() == Access::Guarded;
    let security = if guarded {
        json!([{ "bearer": [] }])
    } else {
        json!([])
    };
    operation.insert("security".to_owned(), security);
    if endpoint == Endpoint::Document {
        operation.insert("parameters".to_owned(), json!([path_parameter()]));
    }
    if path.contains("{upstream}") {
        operation.insert("parameters".to_owned(), json!([upstream_parameter()]));
    }
    if endpoint == Endpoint::Health {
        operation.insert("parameters".to_owned(), json!([deep_parameter()]));
    }
    if *method == Method::POST {
        let body = json!({
            "required": true,
            "content": { "application/json": { "schema": { "type": ["object", "array"] } } },
        });
        operation.insert("requestBody".to_owned(), body);
    }
    operation.insert("responses".to_owned(), responses(endpoint, method));
    Value::Object(operation)
}

/// `post_mcp`, `get_well_known_oauth_protected_resource_sse`.
fn operation_id(method: &Method, path: &str) -> String {
    let words = path
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let mut id = method.as_str().to_ascii_lowercase();
    for word in words {
        id.push('_');
        id.push_str(word);
    }
    id
}

fn summary(endpoint: Endpoint, method: &Method) -> &'static str {
    match endpoint {
        Endpoint::AuthorizationServerMetadata => {
            "The issuer's metadata, mirrored for clients that know no RFC 9728"
        }
        Endpoint::Document => "One document, as plain text or JSON",
        Endpoint::Health => "Liveness, and with deep=1 the state of everything behind it",
        Endpoint::Landing => {
            "What this server is, as JSON or as a page; a stream of the MCP endpoint if asked for one"
        }
        Endpoint::LegacyMessages => "A message of the HTTP+SSE transport of 2024-11-05",
        Endpoint::LegacySse => "The stream of the HTTP+SSE transport of 2024-11-05",
        Endpoint::McpUpstream => match *method {
            Method::GET => "A stream of one upstream's endpoint, for revisions before 2026-07-28",
            Method::DELETE => "Ends a session with one upstream's endpoint",
            _ => "MCP messages for one upstream alone, under its own names; a resource of its own",
        },
        Endpoint::Mcp | Endpoint::McpRoot => match *method {
            Method::GET => "A stream of the MCP endpoint, for revisions before 2026-07-28",
            Method::DELETE => "Ends a session, for revisions before 2026-07-28",
            _ => "MCP messages, of every revision",
        },
        Endpoint::OpenapiJson | Endpoint::OpenapiYaml => "This description",
        Endpoint::Ready => {
            "Readiness: 200 once keys are loaded and there is an index to answer from, until a stop is near"
        }
        Endpoint::ResourceMetadata => "Protected resource metadata (RFC 9728): who issues tickets",
    }
}

fn responses(endpoint: Endpoint, method: &Method) -> Value {
    let mut responses = Map::new();
    for (status, description, content) in answers(endpoint, method) {
        let mut response = json!({ "description": description });
        if *method != Method::HEAD && !content.is_null() {
            response = json!({ "description": description, "content": content });
        }
        responses.insert(status.to_owned(), response);
    }
    if endpoint.access() == Access::Guarded {
        for (status, description) in [
            ("400", "A malformed request"),
            (
                "401",
                "No token or a refused one; WWW-Authenticate says where to get one",
            ),
            (
                "403",
                "Too little scope, or a host or origin that may not call",
            ),
            (
                "429",
                "Too many requests; Retry-After says when the next one is welcome",
            ),
            (
                "503",
                "Tokens cannot be checked right now, or too much to do; Retry-After says when to try again",
            ),
        ] {
            let refusal = json!({ "description": description, "content": media("application/json", "Refusal") });
            responses.entry(status).or_insert(refusal);
        }
    }
    Value::Object(responses)
}

fn answers(endpoint: Endpoint, method: &Method) -> Vec<(&'static str, &'static str, Value)> {
    let any = |media_type: &str| json!({ media_type: {} });
    match endpoint {
        Endpoint::AuthorizationServerMetadata => vec![
            ("200", "The document", any("application/json")),
            (
                "404",
                "There are several issuers, or none has been reached yet",
                media("application/json", "Refusal"),
            ),
        ],
        Endpoint::Document => vec![
            (
                "200",
                "The document",
                json!({ "text/plain": {}, "application/json": {} }),
            ),
            (
                "404",
                "There is no such document",
                media("application/json", "Refusal"),
            ),
        ],
        Endpoint::Health => vec![("200", "Alive", media("application/json", "Health"))],
        Endpoint::Landing => {
            let schema = json!({ "$ref": "#/components/schemas/Landing" });
            let content = json!({ "application/json": { "schema": schema }, "text/html": {} });
            vec![("200", "What this server is", content)]
        }
        Endpoint::LegacySse => vec![("200", "Events", any("text/event-stream"))],
        Endpoint::LegacyMessages => {
            vec![("202", "Taken; the answer comes on the stream", Value::Null)]
        }
        Endpoint::Mcp | Endpoint::McpRoot | Endpoint::McpUpstream => match *method {
            Method::GET => vec![("200", "Events", any("text/event-stream"))],
            Method::DELETE => vec![("204", "The session has ended", Value::Null)],
            _ => vec![
                (
                    "200",
                    "The answer",
                    json!({ "application/json": {}, "text/event-stream": {} }),
                ),
                ("202", "A notification was taken", Value::Null),
            ],
        },
        Endpoint::OpenapiJson => vec![("200", "The description", any("application/json"))],
        Endpoint::OpenapiYaml => vec![("200", "The description", any("application/yaml"))],
        Endpoint::Ready => vec![
            ("200", "Ready", media("application/json", "Readiness")),
            ("503", "Not ready", media("application/json", "Readiness")),
        ],
        Endpoint::ResourceMetadata => {
            vec![(
                "200",
                "The document",
                media("application/json", "ProtectedResourceMetadata"),
            )]
        }
    }
}

fn media(media_type: &str, schema: &str) -> Value {
    json!({ media_type: { "schema": { "$ref": format!("#/components/schemas/{schema}") } } })
}

fn path_parameter() -> Value {
    json!({
        "name": "id",
        "in": "path",
        "required": true,
        "description": "The id that `search` gave",
        "schema": { "type": "string" },
    })
}

fn upstream_parameter() -> Value {
    json!({
        "name": "upstream",
        "in": "path",
        "required": true,
        "description": "The name of an upstream, as whoever runs this server gives it to you",
        "schema": { "type": "string", "pattern": "^[a-z0-9-]{1,32}$" },
    })
}

fn deep_parameter() -> Value {
    json!({
        "name": "deep",
        "in": "query",
        "required": false,
        "description": "1 for key sets, index and streams as well",
        "schema": { "type": "string", "enum": ["1"] },
    })
}
