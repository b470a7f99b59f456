//! What the server says of itself: `server/discover` (modern) and `initialize` (legacy).

use super::era::{MODERN_REVISIONS, Revision};
use super::reply;

/// Only what is true of every request: tools, and lists of prompts and resources (both empty as yet). Nothing changes
/// while the server runs, nothing is logged to clients, nothing completes arguments; so none of that is declared.
const CAPABILITIES: &str = r#"{"tools":{},"prompts":{},"resources":{}}"#;

/// The members of a `DiscoverResult`.
pub(crate) fn write_discover(out: &mut Vec<u8>, instructions: &str) {
    out.extend_from_slice(br#""supportedVersions":"#);
    out.extend_from_slice(serde_json::json!(MODERN_REVISIONS).to_string().as_bytes());
    write_capabilities(out, instructions);
}

/// The members of an `InitializeResult`.
pub(crate) fn write_initialize(out: &mut Vec<u8>, revision: Revision, instructions: &str) {
    out.extend_from_slice(br#""protocolVersion":"#);
    reply::string(out, revision.as_str());
    out.extend_from_slice(br#","serverInfo":"#);
    out.extend_from_slice(reply::SERVER_INFO.as_bytes());
    write_capabilities(out, instructions);
}

fn write_capabilities(out: &mut Vec<u8>, instructions: &str) {
    out.extend_from_slice(br#","capabilities":"#);
    out.extend_from_slice(CAPABILITIES.as_bytes());
    if !instructions.is_empty() {
        out.extend_from_slice(br#","instructions":"#);
        reply::string(out, instructions);
    }
}
