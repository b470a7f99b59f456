//! JSON-RPC 2.0 messages, borrowed from the request's body: strict where a decision hangs on it, untouched elsewhere.
//!
//! A body is malformed (`-32700`) if it is not UTF-8, not JSON or nested too deeply, and invalid (`-32600`) if it is
//! JSON but no message. The id is kept as it was written, so that integers of any size come back byte for byte.

mod single_pass;

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::error::Error;
use super::members::{Members, text};

/// No MCP message needs more; `serde_json` skips raw values without a limit of its own.
const MAX_DEPTH: usize = 64;
/// A response stream keeps its request's id for as long as it is open.
const MAX_ID_BYTES: usize = 256;
/// JSON-RPC batches were part of MCP for one revision only; nobody sent long ones.
const MAX_BATCH: usize = 50;

/// A request id (a string or an integer, never null) exactly as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Id<'a>(&'a str);

impl<'a> Id<'a> {
    fn parse(raw: &'a RawValue) -> Option<Self> {
        let written = raw.get();
        let integer = || {
            let digits = written.strip_prefix('-').unwrap_or(written);
            !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
        };
        ((written.starts_with('"') || integer()) && written.len() <= MAX_ID_BYTES)
            .then_some(Self(written))
    }

    /// The text of an id that is a string.
    pub(crate) fn text(self) -> Option<Cow<'a, str>> {
        serde_json::from_str::<&'a RawValue>(self.0)
            .ok()
            .and_then(text)
    }

    /// The id as JSON.
    pub(crate) fn as_json(self) -> &'a str {
        self.0
    }
}

/// What a body holds.
#[derive(Debug)]
pub(crate) enum Body<'a> {
    /// One message.
    One(Message<'a>),
    /// A batch (2025-03-26), never empty.
    Batch(Vec<Message<'a>>),
}

/// One JSON-RPC message.
#[derive(Debug)]
pub(crate) enum Message<'a> {
    /// A request, or a notification if it has no id.
    Call(Call<'a>),
    /// The answer to a request of the server's.
    Response(Response<'a>),
}

/// The answer to a request of the server's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Response<'a> {
    /// The id of the request.
    pub(crate) id: Option<Id<'a>>,
    /// The result; nothing if the answer is an error.
    pub(crate) result: Option<&'a RawValue>,
    /// The error, if it is one.
    pub(crate) error: Option<&'a RawValue>,
}

/// A request or a notification.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    /// Only a request has one.
    pub(crate) id: Option<Id<'a>>,
    /// The method asked for.
    pub(crate) method: Cow<'a, str>,
    /// The members of `params` but for `_meta`; none if there are no params.
    pub(crate) params: Members<'a>,
    /// The members of `params._meta`; none if there is no `_meta`.
    pub(crate) meta: Members<'a>,
}

/// A body that is no message, and the id it can be answered with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused<'a> {
    pub(crate) error: Error,
    pub(crate) id: Option<Id<'a>>,
}

/// Reads a body.
pub(crate) fn parse(body: &[u8]) -> Result<Body<'_>, Refused<'_>> {
    let malformed = || Refused {
        error: Error::Malformed,
        id: None,
    };
    let body = std::str::from_utf8(body).map_err(|_not_utf8| malformed())?;
    if !is_shallow(body) {
        return Err(malformed());
    }
    if let Some(call) = single_pass::call(body) {
        return Ok(Body::One(Message::Call(call)));
    }
    level_by_level(body)
}

fn level_by_level(body: &str) -> Result<Body<'_>, Refused<'_>> {
    let malformed = || Refused {
        error: Error::Malformed,
        id: None,
    };
    if body.trim_ascii_start().starts_with('[') {
        return batch(body)
            .map(Body::Batch)
            .map_err(|error| Refused { error, id: None });
    }
    match serde_json::from_str::<Members<'_>>(body) {
        Ok(members) => message(&members).map(Body::One).map_err(|error| Refused {
            error,
            id: members.get("id").and_then(Id::parse),
        }),
        Err(refused) if is_syntax(&refused, body) => Err(malformed()),
        Err(_duplicate_or_no_object) => Err(Refused {
            error: Error::Invalid("a message is one object without duplicate members"),
            id: None,
        }),
    }
}

/// The call of a tool that `body` holds, for a refusal before anything else is looked at.
pub(crate) fn tool_call(body: &[u8]) -> Option<Call<'_>> {
    call(body).filter(|call| call.method == "tools/call")
}

/// The one call that `body` holds.
pub(crate) fn call(body: &[u8]) -> Option<Call<'_>> {
    match parse(body) {
        Ok(Body::One(Message::Call(call))) => Some(call),
        Ok(_) | Err(_) => None,
    }
}

fn batch(body: &str) -> Result<Vec<Message<'_>>, Error> {
    let members: Vec<&RawValue> = serde_json::from_str(body).map_err(|_syntax| Error::Malformed)?;
    if members.is_empty() {
        return Err(Error::Invalid("a batch has at least one message"));
    }
    if members.len() > MAX_BATCH {
        return Err(Error::Invalid("a batch has at most 50 messages"));
    }
    members
        .into_iter()
        .map(|raw| {
            let members = Members::of(raw).ok_or(Error::Invalid(
                "a message is one object without duplicate members",
            ))?;
            message(&members)
        })
        .collect()
}

fn message<'a>(members: &Members<'a>) -> Result<Message<'a>, Error> {
    if members.text("jsonrpc").as_deref() != Some("2.0") {
        return Err(Error::Invalid("jsonrpc is \"2.0\""));
    }
    let id = match members.get("id") {
        None => None,
        Some(raw) => Some(Id::parse(raw).ok_or(Error::Invalid(
            "an id is a string or an integer of at most 256 bytes",
        ))?),
    };
    let [method, result, error] = ["method", "result", "error"].map(|key| members.get(key));
    let method = match (method, result, error) {
        (Some(method), None, None) => method,
        (None, Some(_), None) | (None, None, Some(_)) => {
            return Ok(Message::Response(Response { id, result, error }));
        }
        // Two of them: one reader would take it for a call and the next one for an answer.
        _ => {
            return Err(Error::Invalid(
                "a message has a method, a result or an error",
            ));
        }
    };
    let method = text(method).ok_or(Error::Invalid("method is a string"))?;
    let mut params = match members.get("params") {
        None => Members::default(),
        Some(raw) => Members::of(raw).ok_or(Error::Invalid(
            "params is an object without duplicate members",
        ))?,
    };
    let meta = match params.take("_meta") {
        None => Members::default(),
        Some(raw) => Members::of(raw).ok_or(Error::Invalid(
            "_meta is an object without duplicate members",
        ))?,
    };
    Ok(Message::Call(Call {
        id,
        method,
        params,
        meta,
    }))
}

/// A duplicate key is found before the rest of the body is read, which may be no JSON at all.
fn is_syntax(error: &serde_json::Error, body: &str) -> bool {
    match error.classify() {
        Category::Syntax | Category::Eof | Category::Io => true,
        Category::Data => serde_json::from_str::<IgnoredAny>(body).is_err(),
    }
}

fn is_shallow(body: &str) -> bool {
    // Counted in bytes, piece by piece: so the compiler does many at a time.
    let opened = |piece: &[u8]| {
        let opens = |b: u8| (b == b'{') | (b == b'[');
        usize::from(piece.iter().fold(0_u8, |n, b| n + u8::from(opens(*b))))
    };
    if body.as_bytes().chunks(128).map(opened).sum::<usize>() <= MAX_DEPTH {
        return true;
    }
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for b in body.bytes() {
        match b {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return false;
                }
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    true
}

#[cfg(test)]
mod tests;
