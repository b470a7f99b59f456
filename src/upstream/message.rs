//! JSON-RPC towards upstreams: what is written, and what is read without being changed.
//!
//! A result or an error is a slice of the bytes that came: nothing is parsed and written again on its way.

mod notification;

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::UpstreamError;
use super::log_level::LogLevel;

pub use self::notification::Notification;
pub(super) use self::notification::{
    ACKNOWLEDGED, CANCELLED, ELICITATION_COMPLETE, LOG_MESSAGE, PROGRESS, UPDATED, is_list_changed,
};

/// The revision without a handshake that is spoken.
pub(super) const MODERN: &str = "2026-07-28";
/// The revisions with a handshake, newest first; the first one is asked for.
pub(super) const LEGACY: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];
/// Who asks, as an MCP `Implementation`.
const CLIENT_INFO: &str = concat!(
    r#"{"name":"usher","title":"Usher","version":""#,
    env!("CARGO_PKG_VERSION"),
    r#""}"#
);

/// Which MCP an upstream turned out to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Era {
    /// With an `initialize` handshake.
    Legacy,
    /// With metadata in every request.
    Modern,
}

/// One request to an upstream, but for its id and the protocol's own metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Request<'a> {
    pub(super) method: &'static str,
    /// What `Mcp-Name` says.
    pub(super) name: Option<&'a str>,
    /// The members of `params` without `_meta`, as JSON without the braces.
    pub(super) members: &'a [u8],
    /// The members of `params._meta` that are not the protocol's own, as JSON without the braces.
    pub(super) meta: &'a [u8],
    /// Asks to be told of progress. The token is the request's own id.
    pub(super) wants_progress: bool,
    /// What the caller can do, as a modern upstream is told: a JSON object. Empty: nothing.
    pub(super) capabilities: &'a str,
    /// From which level on a modern upstream is asked to send log messages.
    pub(super) log_level: Option<LogLevel>,
}

impl Request<'_> {
    /// True for the handshake, whose answer may name a session.
    pub(super) fn begins_session(&self) -> bool {
        self.method == INITIALIZE
    }

    /// The whole message, on one line: a break between tokens would end a line of the stdio transport.
    pub(super) fn write(&self, id: u64, era: Era) -> Bytes {
        let mut out = Vec::with_capacity(self.members.len() + self.meta.len() + 416);
        out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
        out.extend_from_slice(id.to_string().as_bytes());
        out.extend_from_slice(br#","method":""#);
        out.extend_from_slice(self.method.as_bytes());
        out.extend_from_slice(br#"","params":{"#);
        out.extend_from_slice(self.members);
        if era == Era::Modern || self.wants_progress || !self.meta.is_empty() {
            if !self.members.is_empty() {
                out.push(b',');
            }
            self.write_meta(&mut out, id, era);
        }
        out.extend_from_slice(b"}}");
        for byte in &mut out {
            // All are written, so that many are looked at in one go.
            *byte = match *byte {
                b'\n' | b'\r' => b' ',
                other => other,
            };
        }
        Bytes::from(out)
    }

    /// What the caller said of its own first, then ours with this upstream (MCP 2026-07-28, `_meta`; progress).
    fn write_meta(&self, out: &mut Vec<u8>, id: u64, era: Era) {
        out.extend_from_slice(br#""_meta":{"#);
        out.extend_from_slice(self.meta);
        let separate = |out: &mut Vec<u8>| match out.last() {
            Some(b'{') => {}
            _ => out.push(b','),
        };
        if self.wants_progress {
            separate(out);
            out.extend_from_slice(format!(r#""progressToken":{id}"#).as_bytes());
        }
        if era == Era::Modern {
            separate(out);
            let capabilities = match self.capabilities {
                "" => "{}",
                capabilities => capabilities,
            };
            for part in [
                r#""io.modelcontextprotocol/protocolVersion":""#,
                MODERN,
                r#"","io.modelcontextprotocol/clientInfo":"#,
                CLIENT_INFO,
                r#","io.modelcontextprotocol/clientCapabilities":"#,
                capabilities,
            ] {
                out.extend_from_slice(part.as_bytes());
            }
            if let Some(level) = self.log_level {
                out.extend_from_slice(br#","io.modelcontextprotocol/logLevel":""#);
                out.extend_from_slice(level.as_str().as_bytes());
                out.push(b'"');
            }
        }
        out.push(b'}');
    }
}

/// The members of `initialize`'s parameters. `capabilities` are what the upstream may ask of the client: a JSON object, or
/// empty for nothing.
pub(super) fn initialize(capabilities: &str) -> String {
    let newest = LEGACY[0];
    let capabilities = match capabilities {
        "" => "{}",
        capabilities => capabilities,
    };
    format!(
        r#""protocolVersion":"{newest}","capabilities":{capabilities},"clientInfo":{CLIENT_INFO}"#
    )
}

pub(super) const INITIALIZE: &str = "initialize";
pub(super) const INITIALIZED: &[u8] = br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

/// Tells an upstream that nobody waits for request `id` any more.
///
/// MCP 2025-11-25, cancellation; MCP 2026-07-28 has it on stdio alone.
pub(super) fn cancelled(id: u64) -> Bytes {
    Bytes::from(format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{id}}}}}"#
    ))
}

/// The answer to a request of the upstream's: a ping is answered, the rest was never offered.
pub(super) fn answer(method: &str, id: &str) -> Bytes {
    let rest = match method {
        "ping" => r#""result":{}"#,
        _ => r#""error":{"code":-32601,"message":"method not found"}"#,
    };
    Bytes::from(format!(r#"{{"jsonrpc":"2.0","id":{id},{rest}}}"#))
}

/// A client's answer to a request of the upstream's, as the client wrote it.
pub(super) fn answered(id: &str, reply: &Reply) -> Bytes {
    let (key, json) = match reply {
        Reply::Result(json) => ("result", json),
        Reply::Error(json) => ("error", json),
    };
    let mut out = Vec::with_capacity(json.len() + id.len() + 40);
    out.extend_from_slice(format!(r#"{{"jsonrpc":"2.0","id":{id},"{key}":"#).as_bytes());
    out.extend_from_slice(json);
    out.push(b'}');
    Bytes::from(out)
}

/// What an upstream answered: JSON, exactly as it wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The value of `result`, an object.
    Result(Bytes),
    /// The value of `error`, an object with a code and a message.
    Error(Bytes),
}

impl Reply {
    /// True if this JSON is an error as JSON-RPC has it.
    #[must_use]
    pub fn is_error(json: &str) -> bool {
        error_object(json.as_bytes()).is_some()
    }
}

/// What a result says; an error is a refusal.
pub(super) fn parse<'a, T: Deserialize<'a>>(reply: &'a Reply) -> Result<T, UpstreamError> {
    match reply {
        Reply::Result(json) => {
            serde_json::from_slice(json).map_err(|_not_as_specified| UpstreamError::Invalid)
        }
        Reply::Error(_) => Err(UpstreamError::Refused),
    }
}

/// True if the server does not know the method, as one that has nothing to list.
pub(super) fn is_unknown_method(reply: &Reply) -> bool {
    match reply {
        Reply::Error(error) => error_object(error).is_some_and(|error| error.code == -32601),
        Reply::Result(_) => false,
    }
}

/// One message of an upstream's.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    /// The answer to the request with this id, or that it is none.
    Reply(u64, Result<Reply, UpstreamError>),
    /// A notification.
    Notification(Notification),
    /// A request.
    Request(Question),
}

/// A request of an upstream's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What is asked for.
    pub method: Box<str>,
    /// Its id, as JSON.
    pub id: Box<str>,
    /// The value of `params`, an object, as the upstream wrote it; empty if there is none.
    pub params: Bytes,
}

impl Question {
    /// A copy, as [`Notification::copied`].
    pub(super) fn copied(&self) -> Self {
        Self {
            params: Bytes::copy_from_slice(&self.params),
            ..self.clone()
        }
    }
}

#[derive(Deserialize)]
pub(super) struct ErrorObject<'a> {
    pub(super) code: i64,
    #[serde(borrow, rename = "message")]
    _message: Cow<'a, str>,
}

/// The members of a message that mean anything, as they were written. One that is `null` is as good as not there, and none
/// is there twice.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    jsonrpc: Cow<'a, str>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

/// Reads one message; nothing if it is none. Members that decide anything are there once (see `mcp::members`); an answer
/// that has one of them twice, but its id once, is an answer that is none.
pub(super) fn read(message: &Bytes) -> Option<Incoming> {
    // An array would be read as the members of an object, in their order.
    if !message.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    match Envelope::of(message) {
        Some(envelope) => read_envelope(message, envelope),
        None => spoilt_reply(message),
    }
}

/// The answer that `message` would be, if it were one: whoever waits for it is told now, and not when time is up.
fn spoilt_reply(message: &[u8]) -> Option<Incoming> {
    #[derive(Deserialize)]
    struct Spoilt {
        id: u64,
        #[serde(default)]
        method: Option<IgnoredAny>,
    }
    match serde_json::from_slice(message).ok()? {
        Spoilt { id, method: None } => Some(Incoming::Reply(id, Err(UpstreamError::Invalid))),
        Spoilt { .. } => None,
    }
}

impl<'a> Envelope<'a> {
    /// Nothing if `message` is no JSON-RPC. All of it is text, also what nobody reads here.
    fn of(message: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(message).ok()?;
        let envelope: Self = serde_json::from_str(text).ok()?;
        (envelope.jsonrpc == "2.0").then_some(envelope)
    }
}

fn read_envelope(message: &Bytes, envelope: Envelope<'_>) -> Option<Incoming> {
    let [id, params, result, error] = [
        envelope.id,
        envelope.params,
        envelope.result,
        envelope.error,
    ]
    .map(|value| value.map(RawValue::get));
    let params = || match params {
        None => Some(Bytes::new()),
        Some(params) if params.starts_with('{') => Some(message.slice_ref(params.as_bytes())),
        Some(_) => None,
    };
    match (envelope.method, result, error, id) {
        (Some(method), None, None, None) => Some(Incoming::Notification(Notification {
            method: method.into(),
            params: params()?,
        })),
        (Some(method), None, None, Some(id)) if id.len() <= 256 => {
            Some(Incoming::Request(Question {
                method: method.into(),
                id: id.into(),
                params: params()?,
            }))
        }
        (None, result, error, Some(id)) => {
            let reply = match (result, error) {
                (Some(result), None) if result.starts_with('{') => {
                    Ok(Reply::Result(message.slice_ref(result.as_bytes())))
                }
                (None, Some(error)) if Reply::is_error(error) => {
                    Ok(Reply::Error(message.slice_ref(error.as_bytes())))
                }
                _ => Err(UpstreamError::Invalid),
            };
            Some(Incoming::Reply(id.parse().ok()?, reply))
        }
        _ => None,
    }
}

/// The error that `json` is, if it is one.
pub(super) fn error_object(json: &[u8]) -> Option<ErrorObject<'_>> {
    serde_json::from_slice(json).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::any_json::{json, space};

    fn incoming(json: &str) -> Option<Incoming> {
        read(&Bytes::copy_from_slice(json.as_bytes()))
    }

    fn result(json: &str) -> Option<Incoming> {
        let json = Bytes::copy_from_slice(json.as_bytes());
        Some(Incoming::Reply(7, Ok(Reply::Result(json))))
    }

    #[test]
    fn what_is_no_message_or_says_one_thing_twice_is_nothing() {
        for json in [
            "",
            "{",
            "[]",
            "[7]",
            r#" ["2.0",7,null,null,{},null]"#,
            "null",
            r#"{"jsonrpc":"1.0","id":7,"method":"ping"}"#,
            r#"{"jsonrpc":"2.0","result":{}}"#,
            r#"{"jsonrpc":"2.0","id":null,"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":"7","result":{}}"#,
            r#"{"jsonrpc":"2.0","id":7.0,"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":-7,"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":7,"id":8,"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":7,"i\u0064":7,"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":7,"method":"ping","result":{}}"#,
            r#"{"jsonrpc":"2.0","id":7,"method":"ping","method":"ping"}"#,
            "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"a\":\"\n\"}}",
            r#"{"jsonrpc":"2.0","id":7,"result":{"a":01}}"#,
            r#"{"jsonrpc":"2.0","id":7,"result":{"a":[1,]}}"#,
            r#"{"jsonrpc":"2.0","id":7,"result":{},"extra":"\x"}"#,
            r#"{"jsonrpc":"2.0","id":7,"result":{}}{}"#,
            r#"{"jsonrpc":"2.0","id":7,"result":{},}"#,
        ] {
            assert_eq!(incoming(json), None, "{json}");
        }
    }

    #[test]
    fn an_answer_that_is_none_still_answers() {
        for json in [
            r#"{"jsonrpc":"2.0","id":7}"#,
            r#"{"id":7,"result":{}}"#,
            r#"{"jsonrpc":"1.0","id":7,"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":7,"result":{},"result":{"a":1}}"#,
            r#"{"jsonrpc":"2.0","id":7,"result":{},"r\u0065sult":{"a":1}}"#,
            r#"{"jsonrpc":"2.0","id":7,"result":[]}"#,
            r#"{"jsonrpc":"2.0","id":7,"result":{},"error":{"code":1,"message":"m"}}"#,
            r#"{"jsonrpc":"2.0","id":7,"error":{"code":"1","message":"m"}}"#,
            r#"{"jsonrpc":"2.0","id":7,"error":{"code":1}}"#,
        ] {
            let expected = Incoming::Reply(7, Err(UpstreamError::Invalid));
            assert_eq!(incoming(json), Some(expected), "{json}");
        }
        for no_text in [
            &b"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"a\":\"\xff\"}}"[..],
            b"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{},\"extra\":\"\xff\"}",
        ] {
            let expected = Incoming::Reply(7, Err(UpstreamError::Invalid));
            assert_eq!(read(&Bytes::from_static(no_text)), Some(expected));
        }
    }

    #[test]
    fn a_result_may_be_as_deep_as_it_is_long() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        let whole = format!(r#"{{"jsonrpc":"2.0","id":7,"result":{deep}}}"#);
        assert_eq!(incoming(&whole), result(&deep));
        assert_eq!(incoming(whole.trim_end_matches('}')), None);
    }

    #[test]
    fn requests_get_the_metadata_of_the_era_and_keep_the_rest() {
        let request = Request {
            method: "tools/call",
            name: Some("echo"),
            members: b"\"name\":\"echo\",\n\"x\":1.50",
            meta: br#""traceparent":"00""#,
            ..Request::default()
        };
        let text = |bytes: Bytes| String::from_utf8(bytes.to_vec()).expect("text");
        assert_eq!(
            text(request.write(3, Era::Legacy)),
            r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"echo", "x":1.50,"_meta":{"traceparent":"00"}}}"#
        );
        let modern = text(request.write(3, Era::Modern));
        assert!(modern.contains(r#""_meta":{"traceparent":"00","io.modelcontextprotocol/protocolVersion":"2026-07-28","#), "{modern}");
        for era in [Era::Legacy, Era::Modern] {
            let bare = Request {
                method: "ping",
                ..Request::default()
            };
            let read = serde_json::from_slice::<serde_json::Value>(&bare.write(1, era));
            assert_eq!(read.expect("JSON")["method"], "ping");
        }
    }

    proptest! {
        #[test]
        fn a_result_is_passed_on_byte_for_byte(members in prop::collection::vec(("[a-z]{1,8}", json()), 0..5), space in space()) {
            let members: Vec<_> = members.iter().map(|(key, value)| format!("\"{key}\":{space}{value}")).collect();
            let object = format!("{{{}}}", members.join(","));
            let whole = format!("{{\"result\":{space}{object}{space},\"extra\":1,\"id\":7,\"jsonrpc\":\"2.0\"}}");
            prop_assert_eq!(incoming(&whole), result(&object));
        }
    }
}
