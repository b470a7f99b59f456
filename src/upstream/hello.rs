//! What an upstream says of itself when hands are shaken: `server/discover` (modern) and `initialize` (legacy).
//!
//! It is shown to operators and decides what is asked for next. Nothing here is trusted.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::UpstreamError;
use super::message::{self, Reply};

/// The longest text for models, in bytes, that is passed on.
const LONGEST_INSTRUCTIONS: usize = 32 * 1024;

/// What a server said of itself.
#[derive(Clone, Debug)]
pub struct Hello {
    /// The revision that is spoken with it.
    pub revision: &'static str,
    /// Which program it is, if it says so.
    pub server: Option<Server>,
    /// The value of `capabilities`, as it came.
    pub capabilities: Box<RawValue>,
    /// What it would have clients tell their model about it.
    pub instructions: Option<Box<str>>,
}

/// An MCP `Implementation`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Server {
    /// Its name.
    pub name: String,
    /// Its version.
    #[serde(default)]
    pub version: String,
}

#[derive(Deserialize)]
struct Discovered<'a> {
    #[serde(borrow, rename = "supportedVersions")]
    supported_versions: Vec<Cow<'a, str>>,
    #[serde(borrow, default)]
    capabilities: Option<&'a RawValue>,
    #[serde(borrow, default)]
    instructions: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "_meta")]
    meta: Option<Meta<'a>>,
}

#[derive(Deserialize)]
struct Meta<'a> {
    #[serde(borrow, default, rename = "io.modelcontextprotocol/serverInfo")]
    server: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Initialized<'a> {
    #[serde(borrow, rename = "protocolVersion")]
    protocol_version: Cow<'a, str>,
    #[serde(borrow, default)]
    capabilities: Option<&'a RawValue>,
    #[serde(borrow, default)]
    instructions: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "serverInfo")]
    server: Option<&'a RawValue>,
}

impl Hello {
    /// Reads the answer to `server/discover`; an error unless it speaks the modern revision that is spoken here.
    pub(super) fn discovered(reply: &Reply) -> Result<Self, UpstreamError> {
        let found: Discovered<'_> = message::parse(reply)?;
        let known = |version: &Cow<'_, str>| version == message::MODERN;
        if !found.supported_versions.iter().any(known) {
            return Err(UpstreamError::Invalid);
        }
        let server = found.meta.and_then(|meta| meta.server);
        let said = (found.capabilities, found.instructions);
        Ok(Self::new(message::MODERN, server, said))
    }

    /// Reads the answer to `initialize`; an error unless it settles on a revision that is known here.
    pub(super) fn initialized(reply: &Reply) -> Result<Self, UpstreamError> {
        let found: Initialized<'_> = message::parse(reply)?;
        let mut known = message::LEGACY.into_iter();
        let revision = known.find(|known| *known == found.protocol_version);
        let revision = revision.ok_or(UpstreamError::Invalid)?;
        let said = (found.capabilities, found.instructions);
        Ok(Self::new(revision, found.server, said))
    }

    fn new(
        revision: &'static str,
        server: Option<&RawValue>,
        (capabilities, instructions): (Option<&RawValue>, Option<&RawValue>),
    ) -> Self {
        // What is none, or too long, is no reason to refuse the server.
        let instructions: Option<Box<str>> =
            instructions.and_then(|json| serde_json::from_str(json.get()).ok());
        Self {
            revision,
            // A name that is none is no reason to refuse the server.
            server: server.and_then(|json| serde_json::from_str(json.get()).ok()),
            capabilities: capabilities.unwrap_or(RawValue::NULL).to_owned(),
            instructions: instructions.filter(|text| text.len() <= LONGEST_INSTRUCTIONS),
        }
    }

    /// The names of its capabilities, sorted.
    #[must_use]
    pub fn capability_names(&self) -> Vec<String> {
        let members: BTreeMap<String, &RawValue> =
            serde_json::from_str(self.capabilities.get()).unwrap_or_default();
        members.into_keys().collect()
    }

    /// True if it declares this capability.
    #[must_use]
    pub fn declares(&self, capability: &str) -> bool {
        self.capability_names()
            .iter()
            .any(|name| name == capability)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn result(json: &str) -> Reply {
        Reply::Result(Bytes::copy_from_slice(json.as_bytes()))
    }

    #[test]
    fn reads_what_servers_of_both_eras_say_of_themselves() {
        let modern = r#"{"supportedVersions":["2027-01-01","2026-07-28"],"capabilities":{"tools":{"listChanged":true},"prompts":{}},"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"n","version":"1","x":1}}}"#;
        let hello = Hello::discovered(&result(modern)).expect("a server");
        assert_eq!(hello.revision, "2026-07-28");
        assert_eq!(hello.capability_names(), ["prompts", "tools"]);
        assert!(hello.declares("tools") && !hello.declares("resources"));
        let server = hello.server.expect("a name");
        assert_eq!((&*server.name, &*server.version), ("n", "1"));
        assert_eq!(hello.instructions, None);

        let legacy = r#"{"protocolVersion":"2025-03-26","serverInfo":7,"instructions":7}"#;
        let hello = Hello::initialized(&result(legacy)).expect("a server");
        assert_eq!(
            (hello.revision, hello.server.as_ref()),
            ("2025-03-26", None)
        );
        assert_eq!(hello.capability_names(), [""; 0]);
        assert_eq!(hello.instructions, None);
    }

    #[test]
    fn a_text_for_models_is_kept_unless_it_is_too_long() {
        let of_length = |length| {
            let json = format!(
                r#"{{"protocolVersion":"2025-11-25","instructions":"{}"}}"#,
                "x".repeat(length)
            );
            let hello = Hello::initialized(&result(&json)).expect("a server");
            hello.instructions.map(|text| text.len())
        };
        assert_eq!(of_length(LONGEST_INSTRUCTIONS), Some(LONGEST_INSTRUCTIONS));
        assert_eq!(of_length(LONGEST_INSTRUCTIONS + 1), None);
    }

    #[test]
    fn refuses_revisions_that_it_does_not_know() {
        for json in [
            r#"{"supportedVersions":["2025-11-25"]}"#,
            r#"{"supportedVersions":[]}"#,
            "{}",
        ] {
            let refused = Hello::discovered(&result(json)).map(drop);
            assert_eq!(refused, Err(UpstreamError::Invalid), "{json}");
        }
        for json in [r#"{"protocolVersion":"2026-07-28"}"#, "{}"] {
            let refused = Hello::initialized(&result(json)).map(drop);
            assert_eq!(refused, Err(UpstreamError::Invalid), "{json}");
        }
    }
}
