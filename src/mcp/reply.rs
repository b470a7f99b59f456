//! Writes JSON-RPC answers straight into bytes: no JSON trees, and the request's id spliced in as it was written.

use super::envelope::Id;
use super::era::Era;
use super::error::Error;

/// Who answers, as an MCP `Implementation`.
pub(crate) const SERVER_INFO: &str = concat!(
    r#"{"name":"usher","title":"Usher","version":""#,
    env!("CARGO_PKG_VERSION"),
    r#""}"#
);

/// The end of every modern result: its type, and who answered.
const MODERN_TAIL: &str = concat!(
    r#","resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"usher","title":"Usher","version":""#,
    env!("CARGO_PKG_VERSION"),
    r#""}}"#
);

/// How long a client may take a list for fresh, and for whom: lists depend on the caller's scopes.
const CACHE_HINTS: &str = r#","ttlMs":300000,"cacheScope":"private""#;

/// Whether a result says how long it may be cached. Legacy results never do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caching {
    Hinted,
    Silent,
}

/// Begins `{"jsonrpc":"2.0","id":…,"result":{`.
pub(crate) fn open(out: &mut Vec<u8>, id: Id<'_>) {
    begin(out, id.as_json());
    out.push(b'{');
}

/// Begins `{"jsonrpc":"2.0","id":…,"result":`.
pub(crate) fn begin(out: &mut Vec<u8>, id: &str) {
    out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
    out.extend_from_slice(id.as_bytes());
    out.extend_from_slice(br#","result":"#);
}

/// Ends what [`open`] began. A modern result has at least one member of its own by now.
pub(crate) fn close(out: &mut Vec<u8>, era: Era, caching: Caching) {
    match era {
        Era::Legacy => {}
        Era::Modern => {
            if caching == Caching::Hinted {
                out.extend_from_slice(CACHE_HINTS.as_bytes());
            }
            out.extend_from_slice(MODERN_TAIL.as_bytes());
        }
    }
    out.extend_from_slice(b"}}");
}

/// A whole error answer. Without an id it answers something whose id could not be read; then the member is left out.
pub(crate) fn error(out: &mut Vec<u8>, id: Option<Id<'_>>, error: &Error, era: Era) {
    error_to(out, id.map(Id::as_json), error, era);
}

/// The same for an id that is at hand as JSON.
pub(crate) fn error_to(out: &mut Vec<u8>, id: Option<&str>, error: &Error, era: Era) {
    write_error(out, (id, error.data()), error, era);
}

/// The same for what the policy refuses: it carries the name under which the log speaks of the request.
pub(crate) fn refusal(
    out: &mut Vec<u8>,
    (id, request_id): (Id<'_>, &str),
    error: &Error,
    era: Era,
) {
    let data = serde_json::json!({ "requestId": request_id });
    write_error(out, (Some(id.as_json()), Some(data)), error, era);
}

fn write_error(
    out: &mut Vec<u8>,
    (id, data): (Option<&str>, Option<serde_json::Value>),
    error: &Error,
    era: Era,
) {
    out.extend_from_slice(br#"{"jsonrpc":"2.0","#);
    if let Some(id) = id {
        out.extend_from_slice(br#""id":"#);
        out.extend_from_slice(id.as_bytes());
        out.push(b',');
    }
    out.extend_from_slice(br#""error":{"code":"#);
    out.extend_from_slice(error.code(era).to_string().as_bytes());
    out.extend_from_slice(br#","message":"#);
    string(out, &error.to_string());
    if let Some(data) = data {
        out.extend_from_slice(br#","data":"#);
        out.extend_from_slice(data.to_string().as_bytes());
    }
    out.extend_from_slice(b"}}");
}

/// A JSON string.
pub(crate) fn string(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("invariant: a string is written to memory");
}
