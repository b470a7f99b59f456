//! Between the eras: what a call, its answer and the questions in between become when client and upstream speak
//! different revisions, and what is Usher's own to say when they speak the same.
//!
//! Everything here is bytes in, bytes out. What cannot be bridged ends in an error that says so; the table is in
//! `docs/upstreams.md`, each row with its test.

pub(super) mod asking;
pub(super) mod capabilities;
pub(super) mod carrying;
mod error;
pub(super) mod input;
pub(super) mod mirrors;
pub(super) mod outgoing;
pub(super) mod questions;
pub(super) mod request_state;
mod result;
mod scan;
pub(super) mod subscribed;

use self::error::Became;
use self::result::Kind;
use self::scan::Lost;
use super::era::Era;
use super::method::Method;
use crate::upstream::{self, Reply, UpstreamError};

/// An answer on its way from an upstream to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mcp) struct Crossing {
    /// What the upstream speaks.
    pub(in crate::mcp) from: upstream::Era,
    /// What the client speaks.
    pub(in crate::mcp) to: Era,
    /// What was asked for.
    pub(in crate::mcp) method: Method,
}

/// What was written of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mcp) enum Written {
    /// A result.
    Result,
    /// An error with this code.
    Error(i64),
    /// An error as a result that says it in words.
    ToolError,
    /// Nothing: the upstream asks for input, and this client has to be asked by a request.
    InputRequired,
}

impl Crossing {
    /// True if this result goes to the client as it is: its bytes are the value of `result`.
    pub(in crate::mcp) fn passes(self, result: &[u8]) -> bool {
        match (self.from, self.to) {
            (upstream::Era::Legacy, Era::Legacy) => true,
            (upstream::Era::Modern, Era::Modern) => !result::may_ask(result),
            (upstream::Era::Legacy, Era::Modern) | (upstream::Era::Modern, Era::Legacy) => false,
        }
    }

    /// Writes the message that answers the client's request `id`. The state of a result that asks a modern client for
    /// input goes through `seal`.
    pub(in crate::mcp) fn write(
        self,
        out: &mut Vec<u8>,
        id: &str,
        reply: &Reply,
        seal: impl FnOnce(&[u8]) -> Result<Vec<u8>, UpstreamError>,
    ) -> Result<Written, UpstreamError> {
        let start = out.len();
        let written = self.write_message(out, id, reply, seal);
        if !matches!(
            &written,
            Ok(Written::Result | Written::Error(_) | Written::ToolError)
        ) {
            out.truncate(start);
        }
        written
    }

    fn write_message(
        self,
        out: &mut Vec<u8>,
        id: &str,
        reply: &Reply,
        seal: impl FnOnce(&[u8]) -> Result<Vec<u8>, UpstreamError>,
    ) -> Result<Written, UpstreamError> {
        let (Reply::Result(json) | Reply::Error(json)) = reply;
        out.reserve(json.len() + id.len() + 96);
        out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
        out.extend_from_slice(id.as_bytes());
        let written = match reply {
            Reply::Result(json) => {
                out.extend_from_slice(br#","result":"#);
                self.write_result(out, json, seal)?
            }
            Reply::Error(json) => {
                let mut value = Vec::with_capacity(json.len() + 64);
                let (key, written) = match error::write(&mut value, json, self).map_err(invalid)? {
                    Became::Error(code) => (&br#","error":"#[..], Written::Error(code)),
                    Became::Ours => return Err(UpstreamError::Refused),
                    Became::ToolError => (&br#","result":"#[..], Written::ToolError),
                };
                out.extend_from_slice(key);
                out.extend_from_slice(&value);
                written
            }
        };
        out.push(b'}');
        Ok(written)
    }

    fn write_result(
        self,
        out: &mut Vec<u8>,
        json: &[u8],
        seal: impl FnOnce(&[u8]) -> Result<Vec<u8>, UpstreamError>,
    ) -> Result<Written, UpstreamError> {
        match (self.from, self.to) {
            (upstream::Era::Legacy, Era::Legacy) => out.extend_from_slice(json),
            (upstream::Era::Legacy, Era::Modern) => {
                result::write_for_modern(out, json, self.method.caching()).map_err(invalid)?;
            }
            (upstream::Era::Modern, Era::Legacy) => {
                let kind = result::write_for_legacy(out, json).map_err(invalid)?;
                if kind == Kind::InputRequired {
                    return Ok(Written::InputRequired);
                }
            }
            (upstream::Era::Modern, Era::Modern) => {
                if result::may_ask(json)
                    && result::kind(json).map_err(invalid)? == Kind::InputRequired
                {
                    result::write_sealed(out, json, seal)?;
                } else {
                    out.extend_from_slice(json);
                }
            }
        }
        Ok(Written::Result)
    }
}

fn invalid(_lost: Lost) -> UpstreamError {
    UpstreamError::Invalid
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn written(
        reply: Reply,
        (from, to): (upstream::Era, Era),
        method: Method,
    ) -> Result<(Written, String), UpstreamError> {
        let mut out = b"before".to_vec();
        let crossing = Crossing { from, to, method };
        let seal = |state: &[u8]| {
            Ok([b"\"sealed:", state.trim_ascii(), b"\""]
                .concat()
                .into_iter()
                .filter(|b| *b != b'"')
                .collect())
        };
        let found = crossing.write(&mut out, "\"id\"", &reply, seal);
        let out = String::from_utf8(out).expect("text");
        let out = out.strip_prefix("before").expect("what was there");
        Ok((found?, out.to_owned()))
    }

    fn result(json: &'static str) -> Reply {
        Reply::Result(Bytes::from_static(json.as_bytes()))
    }

    fn error(json: &'static str) -> Reply {
        Reply::Error(Bytes::from_static(json.as_bytes()))
    }

    const EVERY_WAY: [(upstream::Era, Era); 4] = [
        (upstream::Era::Legacy, Era::Legacy),
        (upstream::Era::Legacy, Era::Modern),
        (upstream::Era::Modern, Era::Legacy),
        (upstream::Era::Modern, Era::Modern),
    ];

    #[test]
    fn results_and_errors_of_the_same_era_are_spliced_as_they_are() {
        let odd =
            "{ \"x\" : 1.50 ,\n\"big\":123456789012345678901234567890, \"$anchor\":\"\\u00e9\"}";
        for way in EVERY_WAY {
            if way != (upstream::Era::Legacy, Era::Modern) {
                let expected = format!(r#"{{"jsonrpc":"2.0","id":"id","result":{odd}}}"#);
                assert_eq!(
                    written(result(odd), way, Method::CallTool),
                    Ok((Written::Result, expected))
                );
            }
            let odd = "{ \"code\" : 7 ,\n\"message\":\"m\",\"x\":1.50}";
            let expected = format!(r#"{{"jsonrpc":"2.0","id":"id","error":{odd}}}"#);
            assert_eq!(
                written(error(odd), way, Method::CallTool),
                Ok((Written::Error(7), expected))
            );
        }
    }

    #[test]
    fn what_may_be_cached_is_said_not_to_be() {
        let way = (upstream::Era::Legacy, Era::Modern);
        for (method, added) in [
            (Method::CallTool, r#""resultType":"complete""#),
            (Method::GetPrompt, r#""resultType":"complete""#),
            (
                Method::ReadResource,
                r#""resultType":"complete","ttlMs":0,"cacheScope":"private""#,
            ),
            (
                Method::ListResources,
                r#""resultType":"complete","ttlMs":0,"cacheScope":"private""#,
            ),
        ] {
            let expected = format!(r#"{{"jsonrpc":"2.0","id":"id","result":{{{added},"a":1}}}}"#);
            let found = written(result(r#"{"a":1}"#), way, method);
            assert_eq!(found, Ok((Written::Result, expected)), "{method:?}");
        }
    }

    #[test]
    fn a_result_that_asks_is_passed_on_with_its_state_sealed_or_not_at_all() {
        let asks = r#"{"a":1.50,"resultType":"input_required","requestState" : "st\\u0061te","inputRequests":{}}"#;
        let modern = (upstream::Era::Modern, Era::Modern);
        let expected = r#"{"jsonrpc":"2.0","id":"id","result":{"a":1.50,"resultType":"input_required","requestState" : sealed:st\\u0061te,"inputRequests":{}}}"#;
        assert_eq!(
            written(result(asks), modern, Method::CallTool),
            Ok((Written::Result, expected.to_owned()))
        );
        let legacy = (upstream::Era::Modern, Era::Legacy);
        assert_eq!(
            written(result(asks), legacy, Method::CallTool),
            Ok((Written::InputRequired, String::new()))
        );
        for bad in [
            r#"{"resultType":"input_required","requestState":7}"#,
            r#"{"resultType":"input_required","requestState":"a","requestState":"b"}"#,
            r#"{"resultType":"input_required","resultType":"complete"}"#,
        ] {
            assert_eq!(
                written(result(bad), modern, Method::CallTool),
                Err(UpstreamError::Invalid),
                "{bad}"
            );
        }
        let only_words =
            r#"{"content":"input_required","resultType":"complete","requestState":"mine"}"#;
        let expected = format!(r#"{{"jsonrpc":"2.0","id":"id","result":{only_words}}}"#);
        assert_eq!(
            written(result(only_words), modern, Method::CallTool),
            Ok((Written::Result, expected))
        );
    }

    #[test]
    fn nothing_is_left_of_an_answer_that_is_none() {
        let way = (upstream::Era::Modern, Era::Legacy);
        let refused = written(
            error(r#"{"code":-32022,"message":"m"}"#),
            way,
            Method::CallTool,
        );
        assert_eq!(refused, Err(UpstreamError::Refused));
        let unknown = written(result(r#"{"resultType":"task"}"#), way, Method::CallTool);
        assert_eq!(unknown, Err(UpstreamError::Invalid));
    }
}
