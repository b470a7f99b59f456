//! `tools/call`: from a permit to a tool's result.

use serde_json::value::RawValue;

use super::error::Error;
use super::reply;
use crate::policy::Permit;
use crate::tools::{ToolOutcome, Tools};

/// How a call ended, as far as logs and metrics care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With a result.
    Well,
    /// With a tool error, which is a result that says so.
    Badly,
}

/// Calls the tool that `permit` allows and writes the members of its result.
pub(crate) fn run(
    tools: &Tools,
    permit: &Permit<'_>,
    arguments: Option<&RawValue>,
    out: &mut Vec<u8>,
) -> Result<Ended, Error> {
    let name = permit.tool().ok_or(Error::UnknownTool)?;
    match tools.call(name, arguments) {
        None => Err(Error::UnknownTool),
        Some(ToolOutcome::Structured(object)) => {
            structured(out, &object);
            Ok(Ended::Well)
        }
        Some(ToolOutcome::Failed(sentence)) => {
            failed(out, &sentence);
            Ok(Ended::Badly)
        }
    }
}

/// The same object twice: as the text that older clients read, and as `structuredContent`.
fn structured(out: &mut Vec<u8>, object: &RawValue) {
    let object = object.get();
    out.reserve(object.len() * 2 + object.len() / 4 + 512);
    out.extend_from_slice(br#""content":[{"type":"text","text":"#);
    reply::string(out, object);
    out.extend_from_slice(br#"}],"structuredContent":"#);
    out.extend_from_slice(object.as_bytes());
    out.extend_from_slice(br#","isError":false"#);
}

/// A sentence that a model can act on.
pub(crate) fn failed(out: &mut Vec<u8>, sentence: &str) {
    out.extend_from_slice(br#""content":[{"type":"text","text":"#);
    reply::string(out, sentence);
    out.extend_from_slice(br#"}],"isError":true"#);
}
