//! What the server says of itself: `server/discover` (modern) and `initialize` (legacy).

use super::catalog::Catalog;
use super::era::{MODERN_REVISIONS, Revision};
use super::reply;

/// Only what is true of every request: tools, prompts and resources, which may be none. With upstreams these can change,
/// and clients are told.
const CAPABILITIES: [&str; 2] = [
    r#"{"tools":{},"prompts":{},"resources":{}"#,
    r#"{"tools":{"listChanged":true},"prompts":{"listChanged":true},"resources":{"listChanged":true}"#,
];

/// What there is to say to a client.
#[derive(Clone, Copy)]
pub(crate) struct Told<'a> {
    pub(crate) catalog: &'a Catalog,
    /// For its model.
    pub(crate) instructions: &'a str,
    /// It can subscribe to resources where an upstream takes that.
    pub(crate) may_subscribe: bool,
}

/// The members of a `DiscoverResult`.
pub(crate) fn write_discover(out: &mut Vec<u8>, told: Told<'_>) {
    out.extend_from_slice(br#""supportedVersions":"#);
    out.extend_from_slice(serde_json::json!(MODERN_REVISIONS).to_string().as_bytes());
    write_capabilities(out, told);
}

/// The members of an `InitializeResult`.
pub(crate) fn write_initialize(out: &mut Vec<u8>, revision: Revision, told: Told<'_>) {
    out.extend_from_slice(br#""protocolVersion":"#);
    reply::string(out, revision.as_str());
    out.extend_from_slice(br#","serverInfo":"#);
    out.extend_from_slice(reply::SERVER_INFO.as_bytes());
    write_capabilities(out, told);
}

fn write_capabilities(out: &mut Vec<u8>, told: Told<'_>) {
    let Told {
        catalog,
        instructions,
        may_subscribe,
    } = told;
    out.extend_from_slice(br#","capabilities":"#);
    let [fixed, changing] = CAPABILITIES;
    let capabilities = if catalog.can_change() {
        changing
    } else {
        fixed
    };
    out.extend_from_slice(capabilities.as_bytes());
    if may_subscribe && catalog.subscribes() {
        // The last one is that of resources, which has a member already.
        out.pop();
        out.extend_from_slice(br#","subscribe":true}"#);
    }
    if catalog.completes() {
        out.extend_from_slice(br#","completions":{}"#);
    }
    if catalog.logs() {
        out.extend_from_slice(br#","logging":{}"#);
    }
    out.push(b'}');
    if !instructions.is_empty() {
        out.extend_from_slice(br#","instructions":"#);
        reply::string(out, instructions);
    }
}
