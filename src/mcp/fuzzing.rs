//! Laws of the protocol layer's parsers that hold for any bytes; see [`crate::fuzzing`].
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a broken law panics, and a tree's index does not"
)]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::de::IgnoredAny;
use serde_json::Value;

use super::envelope::{self, Body, Call, Message};
use super::era::{self, Era};
use super::headers::{self, Headers};
use super::members::Members;

/// Envelope: what is accepted is JSON, and any other parser reads the same id, method and names in it.
pub fn envelope(data: &[u8]) {
    let Ok(body) = envelope::parse(data) else {
        return;
    };
    serde_json::from_slice::<IgnoredAny>(data).expect("an accepted body is JSON");
    let tree = serde_json::from_slice::<Value>(data).unwrap_or_default();
    match body {
        Body::One(message) => same(&message, &tree),
        Body::Batch(messages) => {
            for (at, message) in messages.iter().enumerate() {
                same(message, &tree[at]);
            }
        }
    }
}

fn same(message: &Message<'_>, tree: &Value) {
    let Message::Call(call) = message else {
        return;
    };
    if let Some(id) = call.id {
        let method = Value::from(call.method.as_ref());
        let again = format!(
            r#"{{"jsonrpc":"2.0","id":{},"method":{method}}}"#,
            id.as_json()
        );
        let Ok(Body::One(Message::Call(again))) = envelope::parse(again.as_bytes()) else {
            panic!("{again} is refused");
        };
        assert_eq!(
            (again.id, again.method.as_ref()),
            (call.id, call.method.as_ref())
        );
    }
    // A tree has no place for numbers beyond f64 and for half surrogates; then there is nothing to compare with.
    if !tree.is_null() {
        assert_eq!(tree["method"], call.method.as_ref());
        same_members(&call.params, &tree["params"]);
        same_members(&call.meta, &tree["params"]["_meta"]);
    }
}

fn same_members(members: &Members<'_>, tree: &Value) {
    for key in ["name", "uri", "protocolVersion", era::VERSION_KEY] {
        assert_eq!(members.text(key).as_deref(), tree[key].as_str(), "{key}");
    }
}

/// Headers: a message that passes is what its headers say it is.
pub fn headers(data: &[u8]) {
    let names = [
        "mcp-protocol-version",
        "mcp-method",
        "mcp-name",
        "mcp-session-id",
    ];
    // A byte 0xFF parts the header values from each other and from the body.
    let mut parts: Vec<_> = data.splitn(names.len() + 1, |byte| *byte == 0xFF).collect();
    let body = parts.pop().unwrap_or_default();
    let mut map = HeaderMap::new();
    for (name, value) in names.into_iter().zip(parts) {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            map.append(HeaderName::from_static(name), value);
        }
    }
    let text = |name: &str| {
        map.get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::trim)
    };
    let Ok(Body::One(Message::Call(call))) = envelope::parse(body) else {
        return;
    };
    let read = Headers::of(&map);
    if let (Ok(Era::Modern), Some(header), Some(body)) = (
        era::of_call(&call, &read),
        text("mcp-protocol-version"),
        call.meta.text(era::VERSION_KEY),
    ) {
        assert_eq!(header, body);
    }
    if headers::check(&call, &read).is_ok() {
        assert_eq!(text("mcp-method"), Some(call.method.as_ref()));
        if let Some(named) = named(&call) {
            let header = text("mcp-name").expect("a named message has Mcp-Name");
            let encoded = format!("=?base64?{}?=", STANDARD.encode(&named));
            assert!(
                header == named || header == encoded,
                "{header:?} for {named:?}"
            );
        }
    }
}

fn named(call: &Call<'_>) -> Option<String> {
    let key = match call.method.as_ref() {
        "tools/call" | "prompts/get" => "name",
        "resources/read" => "uri",
        _ => return None,
    };
    call.params.text(key).map(std::borrow::Cow::into_owned)
}
