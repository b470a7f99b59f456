//! What an upstream said, as messages to the client: its bytes stay, what is around them is ours.

use crate::mcp::reply;
use crate::upstream::Notification;

/// The message that passes a notification on.
pub(in crate::mcp) fn notification(notification: &Notification) -> Vec<u8> {
    let Notification { method, params } = notification;
    let mut out = Vec::with_capacity(method.len() + params.len() + 48);
    out.extend_from_slice(br#"{"jsonrpc":"2.0","method":"#);
    reply::string(&mut out, method);
    if !params.is_empty() {
        out.extend_from_slice(br#","params":"#);
        out.extend_from_slice(params);
    }
    out.push(b'}');
    out
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn notifications_are_spliced_as_they_are() {
        let check = |method: &str, params: &'static str, expected: &str| {
            let notification = Notification {
                method: method.into(),
                params: Bytes::from_static(params.as_bytes()),
            };
            let written = super::notification(&notification);
            assert_eq!(String::from_utf8(written).as_deref(), Ok(expected));
        };
        check(
            "notifications/progress",
            r#"{ "progress":1.50}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{ "progress":1.50}}"#,
        );
        check("a\"b", "", r#"{"jsonrpc":"2.0","method":"a\"b"}"#);
    }
}
