//! What a message consists of, each part as it was written.

use std::borrow::Cow;

use crate::upstream::json::Json;

/// The members of a message that mean anything, as they were written. One that is `null` is as good as not there.
#[derive(Default)]
pub(super) struct Envelope<'a> {
    pub(super) id: Option<&'a [u8]>,
    pub(super) method: Option<Cow<'a, str>>,
    pub(super) params: Option<&'a [u8]>,
    pub(super) result: Option<&'a [u8]>,
    pub(super) error: Option<&'a [u8]>,
}

impl<'a> Envelope<'a> {
    /// Nothing if `message` is no JSON-RPC object, or has one of these members twice.
    pub(super) fn of(message: &'a [u8]) -> Option<Self> {
        std::str::from_utf8(message).ok()?;
        let (mut envelope, mut seen) = (Self::default(), [false; 6]);
        let (mut jsonrpc, mut method) = (None, None);
        let [
            has_jsonrpc,
            has_id,
            has_method,
            has_params,
            has_result,
            has_error,
        ] = &mut seen;
        Json::new(message).members(|key, value| {
            let (place, seen) = match &*text(key)? {
                "jsonrpc" => (&mut jsonrpc, &mut *has_jsonrpc),
                "id" => (&mut envelope.id, &mut *has_id),
                "method" => (&mut method, &mut *has_method),
                "params" => (&mut envelope.params, &mut *has_params),
                "result" => (&mut envelope.result, &mut *has_result),
                "error" => (&mut envelope.error, &mut *has_error),
                _ => return Some(()),
            };
            *place = Some(value).filter(|value| value != b"null");
            (!std::mem::replace(seen, true)).then_some(())
        })?;
        if let Some(method) = method {
            envelope.method = Some(string(method)?);
        }
        (string(jsonrpc?)? == "2.0").then_some(envelope)
    }
}

/// What is written between these quotes, borrowed where it has no escapes.
fn text(quoted: &[u8]) -> Option<Cow<'_, str>> {
    if memchr::memchr(b'\\', quoted).is_none() {
        return std::str::from_utf8(quoted).ok().map(Cow::Borrowed);
    }
    let quoted = [b"\"", quoted, b"\""].concat();
    serde_json::from_slice(&quoted).ok().map(Cow::Owned)
}

/// The text of a string.
fn string(json: &[u8]) -> Option<Cow<'_, str>> {
    text(json.strip_prefix(b"\"")?.strip_suffix(b"\"")?)
}
