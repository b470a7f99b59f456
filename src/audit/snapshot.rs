//! The record of refusals as it stands at one moment: what `/refusals` gives and `usher doctor --recent` reads.
//!
//! `docs/reference/refusals.md` documents it as a format; a newer server may add members, so a reader skips those that it
//! does not know. Every text of a stranger's is an [`Excerpt`], safe on a terminal; a page escapes it as any text.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::software::Software;
use crate::auth::{Excerpt, TokenError};
use crate::clock::Timestamp;

/// Everything that is kept, at one moment.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Snapshot {
    /// The version of the server.
    pub version: String,
    /// When this was written.
    pub taken_at: Timestamp,
    /// Since when refusals are counted: the start of the process.
    pub since: Timestamp,
    /// How many refusals with different reasons, issuers or clients are kept.
    pub capacity: u64,
    /// After how many minutes silence is noticed; 0: nobody watches.
    pub silence_minutes: u64,
    /// Requests without a token, which are answered with a challenge and only counted.
    pub without_token: u64,
    /// All refusals that were recorded, those that are not in `refusals` any more included.
    pub recorded: u64,
    /// What was refused, last seen first.
    pub refusals: Vec<Refusal>,
    /// How each kind of client software that was seen gets on.
    pub clients: Vec<Client>,
}

/// Refusals for the same reason, of the same client, with the same issuer.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Refusal {
    /// The stable reason code, as in the access log.
    pub reason: String,
    /// What was wrong, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// How many.
    pub count: u64,
    /// The first of them.
    pub first_seen: Timestamp,
    /// The last of them. What follows is of the last one.
    pub last_seen: Timestamp,
    /// The request id of the last one: in its answer, and in the access log.
    pub request_id: Excerpt,
    /// True if this stands for many that differ, of which there were too many to keep each: nothing follows then but the
    /// client software.
    #[serde(default, skip_serializing_if = "is_false")]
    pub rest: bool,
    /// The kind of client software, by its `User-Agent`, which anybody may send.
    pub software: String,
    /// The same for people.
    pub software_title: String,
    /// The `User-Agent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<Excerpt>,
    /// What an MCP client calls itself, `clientInfo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_info: Option<Excerpt>,
    /// The `Host` or `Origin` that is not ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Excerpt>,
    /// The resource that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// What would have been accepted: audiences, or scopes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expected: Vec<String>,
    /// The operation that was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Excerpt>,
    /// The rule that refused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Excerpt>,
    /// What the token said, if there was one that could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Token>,
}

/// What a token said of itself.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Token {
    /// True if its signature was checked, or the issuer was asked. If false, anybody may have written what follows.
    pub verified: bool,
    /// `iss`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Excerpt>,
    /// `aud`, at most four.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audiences: Vec<Excerpt>,
    /// The OAuth client id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<Excerpt>,
    /// The scopes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Excerpt>,
    /// `kid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<Excerpt>,
    /// `alg`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<Excerpt>,
    /// `typ` of the header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_type: Option<Excerpt>,
    /// The profile of the issuer, if it is a configured one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
}

/// How one kind of client software gets on.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Client {
    /// Its stable name.
    pub software: String,
    /// The same for people.
    pub title: String,
    /// What it does.
    pub state: ClientState,
    /// Since when.
    pub state_since: Timestamp,
    /// 401 answers with a challenge.
    pub challenges: u64,
    /// Accepted requests that only open or keep up a connection.
    pub connections: u64,
    /// Accepted requests that ask for something.
    pub calls: u64,
    /// When it was last challenged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_challenge: Option<Timestamp>,
    /// When a token of its was last accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_accepted: Option<Timestamp>,
    /// When it last asked for something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_call: Option<Timestamp>,
}

/// What a kind of client software does.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, PartialOrd, Ord, Serialize,
)]
#[serde(rename_all = "snake_case")]
pub enum ClientState {
    /// It calls, or has not been here for long.
    #[default]
    Fine,
    /// It was challenged, and no token of its was accepted yet.
    Challenged,
    /// It was challenged, and no token of its was accepted for too long.
    SilentAfterChallenge,
    /// A token of its was accepted, and it has not asked for anything yet.
    Connected,
    /// A token of its was accepted, and it has not asked for anything for too long.
    SilentAfterToken,
}

impl ClientState {
    /// True if something is probably wrong.
    #[must_use]
    pub fn is_silent(self) -> bool {
        match self {
            Self::SilentAfterChallenge | Self::SilentAfterToken => true,
            Self::Challenged | Self::Connected | Self::Fine => false,
        }
    }

    /// The word for logs, as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Challenged => "challenged",
            Self::Connected => "connected",
            Self::Fine => "fine",
            Self::SilentAfterChallenge => "silent_after_challenge",
            Self::SilentAfterToken => "silent_after_token",
        }
    }
}

impl Refusal {
    /// True if its token is for another audience, or for none.
    #[must_use]
    pub fn is_about_the_audience(&self) -> bool {
        let [other, none] = AUDIENCE;
        let has_none = self.reason == none.reason() && self.problem == Some(none.to_string());
        self.reason == other.reason() || has_none
    }

    /// The kind of client software, if this program knows it.
    #[must_use]
    pub fn known_software(&self) -> Option<Software> {
        Software::parse(&self.software)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// What is wrong with a token that is not for this server.
pub(super) const AUDIENCE: [TokenError; 2] =
    [TokenError::WrongAudience, TokenError::MissingClaim("aud")];

/// The schema of what `/refusals` gives, as text.
#[must_use]
pub fn json_schema() -> String {
    let schema = schemars::schema_for!(Snapshot);
    let mut text = serde_json::to_string_pretty(&schema).expect("invariant: a schema is JSON");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_in_the_reference_is_that_of_the_record() {
        let written = include_str!("../../docs/reference/refusals.schema.json");
        assert!(
            written == json_schema(),
            "docs/reference/refusals.schema.json should be:\n{}",
            json_schema()
        );
    }

    #[test]
    fn every_member_is_in_the_reference() {
        let page = include_str!("../../docs/reference/refusals.md");
        let schema: serde_json::Value = serde_json::from_str(&json_schema()).expect("JSON");
        let definitions = schema["$defs"].as_object().expect("definitions").values();
        let objects = definitions.chain([&schema]);
        let members = objects.filter_map(|object| object["properties"].as_object());
        for name in members.flat_map(|members| members.keys()) {
            let is_named =
                page.contains(&format!("`{name}`")) || page.contains(&format!("`token.{name}`"));
            assert!(is_named || name == "refusals", "{name}");
        }
    }

    #[test]
    fn what_a_newer_server_adds_is_skipped_and_what_is_absent_is_none() {
        let json = r#"{"version":"9.0.0","taken_at":"2026-10-21T00:00:00.123Z","since":"2026-10-21T00:00:00.000Z",
            "capacity":1,"silence_minutes":10,"without_token":0,"recorded":1,"news":[],"clients":[],
            "refusals":[{"reason":"r","count":1,"first_seen":"2026-10-21T00:00:00.123Z","last_seen":"2026-10-21T00:00:00.123Z",
            "request_id":"0","software":"news","software_title":"News","news":1}]}"#;
        let read: Snapshot = serde_json::from_str(json).expect("a snapshot");
        assert_eq!(read.refusals.len(), 1);
        assert_eq!(read.refusals[0].token, None);
        assert_eq!(read.refusals[0].known_software(), None);
        let again = serde_json::to_string(&read).expect("JSON");
        assert_eq!(
            serde_json::from_str::<Snapshot>(&again).expect("again"),
            read
        );
    }
}
