//! Notifications of a subscription: the id by which the client knows it goes in, or the upstream's comes out, by its place
//! in the bytes; everything else is as the upstream wrote it.

use super::result::{META, segment, write_kept, write_meta};
use super::scan::{Lost, member};

/// Which subscription a notification is of (MCP 2026-07-28, subscriptions).
const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

/// The parameters of a notification, with this id as that of the subscription.
pub(in crate::mcp) fn with_id(params: &[u8], id: &str) -> Result<Vec<u8>, Lost> {
    let Some(meta) = member(params, META)? else {
        let meta = format!(r#""{META}":{{"{SUBSCRIPTION}":{id}}}"#);
        return inserted(params, 0, &meta);
    };
    let start = meta.value_at.start;
    match member(meta.value, SUBSCRIPTION)? {
        Some(known) => {
            let (from, to) = (start + known.value_at.start, start + known.value_at.end);
            let around = (
                params.get(..from).ok_or(Lost)?,
                params.get(to..).ok_or(Lost)?,
            );
            Ok([around.0, id.as_bytes(), around.1].concat())
        }
        None => inserted(params, start, &format!(r#""{SUBSCRIPTION}":{id}"#)),
    }
}

/// The same with `first` as the first member of the object that begins at `at`, or soon after.
fn inserted(json: &[u8], at: usize, first: &str) -> Result<Vec<u8>, Lost> {
    let object = json.get(at..).ok_or(Lost)?;
    let brace = object.iter().position(|b| *b == b'{').ok_or(Lost)?;
    let (head, tail) = json.split_at_checked(at + brace + 1).ok_or(Lost)?;
    let is_empty = tail.trim_ascii_start().starts_with(b"}");
    let separator: &[u8] = if is_empty { b"" } else { b"," };
    Ok([head, first.as_bytes(), separator, tail].concat())
}

/// The parameters of a modern upstream's notification for a legacy client, without what that does not know.
pub(in crate::mcp) fn for_legacy(params: &[u8]) -> Result<Vec<u8>, Lost> {
    let mut out = Vec::with_capacity(params.len());
    write_kept(&mut out, params, |out, key, found| {
        if key == META {
            return write_meta(out, params, found);
        }
        out.extend_from_slice(segment(params, found)?);
        Ok(())
    })?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: Result<Vec<u8>, Lost>) -> Result<String, Lost> {
        bytes.map(|bytes| String::from_utf8(bytes).expect("text"))
    }

    #[test]
    fn the_clients_id_stands_where_the_upstreams_did_or_comes_first() {
        let check = |params: &str, expected: Result<&str, Lost>| {
            let found = text(with_id(params.as_bytes(), r#""mine""#));
            assert_eq!(found, expected.map(str::to_owned), "{params}");
        };
        check(
            r#"{ "uri":"a:b", "_meta" : {"x":1.50,"io.modelcontextprotocol/subscriptionId" : 7 } }"#,
            Ok(
                r#"{ "uri":"a:b", "_meta" : {"x":1.50,"io.modelcontextprotocol/subscriptionId" : "mine" } }"#,
            ),
        );
        check(
            r#"{"_meta":{"io.modelcontextprotocol\/subscriptionId":7}}"#,
            Ok(r#"{"_meta":{"io.modelcontextprotocol\/subscriptionId":"mine"}}"#),
        );
        check(
            r#"{"_meta": {"x":1e2}}"#,
            Ok(r#"{"_meta": {"io.modelcontextprotocol/subscriptionId":"mine","x":1e2}}"#),
        );
        check(
            r#"{"_meta":{ }}"#,
            Ok(r#"{"_meta":{"io.modelcontextprotocol/subscriptionId":"mine" }}"#),
        );
        check(
            r#" { "uri":"a:b"}"#,
            Ok(r#" {"_meta":{"io.modelcontextprotocol/subscriptionId":"mine"}, "uri":"a:b"}"#),
        );
        check(
            "{}",
            Ok(r#"{"_meta":{"io.modelcontextprotocol/subscriptionId":"mine"}}"#),
        );
        check(r#"{"_meta":null}"#, Err(Lost));
        check(r#"{"_meta":{},"_meta":{}}"#, Err(Lost));
        check("[]", Err(Lost));
    }

    #[test]
    fn a_legacy_client_reads_nothing_of_the_subscription() {
        let check = |params: &str, expected: &str| {
            assert_eq!(text(for_legacy(params.as_bytes())), Ok(expected.to_owned()));
        };
        check(
            r#"{"_meta":{"io.modelcontextprotocol/subscriptionId":7},"uri":"a:b", "x":1.50}"#,
            r#"{"uri":"a:b", "x":1.50}"#,
        );
        check(
            r#"{ "uri":"a:b","_meta":{"io.modelcontextprotocol/subscriptionId":7,"y":1}}"#,
            r#"{ "uri":"a:b","_meta":{"y":1}}"#,
        );
        check(r#"{ "uri" : "a:b"}"#, r#"{ "uri" : "a:b"}"#);
    }
}
