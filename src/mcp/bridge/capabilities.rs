//! What a modern upstream is told that the caller can do: exactly what can be passed on to that caller, and nothing else.
//!
//! Who asks is always Usher itself (`clientInfo`): it is the upstream's client, and names decide nothing (MCP 2026-07-28,
//! `_meta`).

use crate::mcp::era::{CAPABILITIES_KEY, Revision};
use crate::mcp::members::{Members, is_object, write_member};
use crate::mcp::session::Session;

/// What an upstream may ask of a client by `input_required` (MCP 2026-07-28, multi round-trip requests).
const CAN_BE_ASKED: [&str; 3] = ["elicitation", "sampling", "roots"];

/// Of a modern client: what it said itself, as it wrote it, as far as questions can be passed on. Extensions are between
/// neighbours, and Usher has none.
pub(in crate::mcp) fn of_modern(meta: &Members<'_>) -> Box<str> {
    let capabilities = meta.get(CAPABILITIES_KEY).and_then(Members::of);
    let capabilities = capabilities.unwrap_or_default();
    let passed_on = capabilities
        .iter()
        .filter(|(name, value)| CAN_BE_ASKED.contains(name) && is_object(value));
    let mut out = Vec::new();
    for (name, value) in passed_on {
        write_member(&mut out, name, |out| {
            out.extend_from_slice(value.get().as_bytes());
        });
    }
    object(out)
}

/// Of a legacy client: what it declared when its session began. Without a session nothing is known, and nobody could
/// tell whose answer comes back.
pub(in crate::mcp) fn of_session(session: Option<&Session>) -> Box<str> {
    let Some(session) = session else {
        return Box::default();
    };
    let mut modes = Vec::new();
    if can_show_forms(session) {
        write_member(&mut modes, "form", empty);
    }
    if can_open_urls(session) {
        write_member(&mut modes, "url", empty);
    }
    let mut out = Vec::new();
    if !modes.is_empty() {
        write_member(&mut out, "elicitation", |out| {
            out.push(b'{');
            out.extend_from_slice(&modes);
            out.push(b'}');
        });
    }
    if session.capabilities.has("sampling") {
        let mut kinds = Vec::new();
        // They came with 2025-11-25.
        let is_new = session.revision >= Revision::V2025_11_25;
        for kind in session.capabilities.of_sampling().filter(|_| is_new) {
            write_member(&mut kinds, kind, empty);
        }
        write_member(&mut out, "sampling", |out| {
            out.push(b'{');
            out.extend_from_slice(&kinds);
            out.push(b'}');
        });
    }
    if session.capabilities.has("roots") {
        write_member(&mut out, "roots", empty);
    }
    object(out)
}

/// Elicitation came with 2025-06-18.
pub(super) fn can_show_forms(session: &Session) -> bool {
    session.capabilities.has_forms() && session.revision >= Revision::V2025_06_18
}

/// Addresses came with 2025-11-25.
pub(super) fn can_open_urls(session: &Session) -> bool {
    session.capabilities.has_urls() && session.revision >= Revision::V2025_11_25
}

fn empty(out: &mut Vec<u8>) {
    out.extend_from_slice(b"{}");
}

/// The object with these members; nothing if there are none.
fn object(members: Vec<u8>) -> Box<str> {
    if members.is_empty() {
        return Box::default();
    }
    let json = [b"{".as_slice(), &members, b"}"].concat();
    String::from_utf8(json).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;
    use crate::mcp::session::ClientCapabilities;

    fn members(json: &str) -> Members<'_> {
        let raw: &RawValue = serde_json::from_str(json).expect("JSON");
        Members::of(raw).expect("an object")
    }

    #[test]
    fn a_modern_client_is_passed_on_as_far_as_it_can_be_asked() {
        let check = |capabilities: &str, expected: &str| {
            let meta = format!(r#"{{"{CAPABILITIES_KEY}":{capabilities},"x":1}}"#);
            assert_eq!(&*of_modern(&members(&meta)), expected, "{capabilities}");
        };
        check("{}", "");
        check(
            r#"{"sampling":{ "tools" : {}}, "elicitation":{"url":{}},"roots":{}}"#,
            r#"{"sampling":{ "tools" : {}},"elicitation":{"url":{}},"roots":{}}"#,
        );
        check(
            r#"{"extensions":{"io.modelcontextprotocol/tasks":{}},"experimental":{},"roots":{"x":1.50}}"#,
            r#"{"roots":{"x":1.50}}"#,
        );
        check(r#"{"elicitation":true,"roots":null}"#, "");
        check(r#"{"roots":{},"roots":{}}"#, "");
        check("7", "");
        assert_eq!(&*of_modern(&Members::default()), "");
    }

    #[test]
    fn a_legacy_client_is_passed_on_as_its_session_has_it() {
        let check = |revision: Revision, capabilities: &str, expected: &str| {
            let capabilities = ClientCapabilities::of(&members(capabilities));
            let session = Session::for_test(revision, capabilities);
            assert_eq!(&*of_session(Some(&session)), expected, "{revision:?}");
        };
        let all = r#"{"elicitation":{"form":{},"url":{}},"sampling":{"tools":{}},"roots":{"listChanged":true},"tasks":{}}"#;
        check(
            Revision::V2025_11_25,
            all,
            r#"{"elicitation":{"form":{},"url":{}},"sampling":{"tools":{}},"roots":{}}"#,
        );
        check(
            Revision::V2025_06_18,
            all,
            r#"{"elicitation":{"form":{}},"sampling":{},"roots":{}}"#,
        );
        check(Revision::V2025_03_26, all, r#"{"sampling":{},"roots":{}}"#);
        check(
            Revision::V2025_11_25,
            r#"{"elicitation":{}}"#,
            r#"{"elicitation":{"form":{}}}"#,
        );
        check(
            Revision::V2025_11_25,
            r#"{"elicitation":{"url":{}}}"#,
            r#"{"elicitation":{"url":{}}}"#,
        );
        check(Revision::V2025_06_18, r#"{"elicitation":{"url":{}}}"#, "");
        check(Revision::V2025_11_25, r#"{"tasks":{},"x":{}}"#, "");
        assert_eq!(&*of_session(None), "");
    }
}
