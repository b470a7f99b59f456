//! `subscriptions/listen` (2026-07-28): a request whose answer is a stream of the notifications it asks for.
//!
//! Nothing that could be notified changes while the server runs, and no such capability is declared; so every stream is
//! acknowledged with nothing honoured, kept open, and ended with a result.

use bytes::Bytes;
use serde::Deserialize;

use super::asked::Asked;
use super::envelope::{Call, Id};
use super::error::Error;
use super::members::is_object;
use super::stream::{Source, event};
use super::{Answer, Protocol, reply};

/// What a client asks to be told. The types are checked even though nothing is honoured yet.
#[derive(Deserialize)]
struct Filter {
    #[serde(default, rename = "toolsListChanged")]
    _tools_list_changed: bool,
    #[serde(default, rename = "promptsListChanged")]
    _prompts_list_changed: bool,
    #[serde(default, rename = "resourcesListChanged")]
    _resources_list_changed: bool,
    #[serde(default, rename = "resourceSubscriptions")]
    _resource_subscriptions: Vec<String>,
}

impl Protocol {
    pub(super) fn listen(&self, asked: &Asked<'_>) -> Answer {
        let opened = listen(asked.call, asked.id).and_then(|(first, last)| {
            self.stream(asked.principal, Some(first), Source::Quiet, Some(last))
        });
        match opened {
            Ok(stream) => Answer::events(stream),
            Err(error) => Answer::refusal(Some(asked.id), &error, asked.era),
        }
    }
}

/// The first and the last event of the stream that answers `call`.
fn listen(call: &Call<'_>, id: Id<'_>) -> Result<(Bytes, Bytes), Error> {
    let filter = call
        .params
        .get("notifications")
        .filter(|filter| is_object(filter))
        .ok_or(Error::InvalidParams("notifications is an object"))?;
    serde_json::from_str::<Filter>(filter.get())
        .map_err(|_wrong_type| Error::InvalidParams("notifications has members of other types"))?;
    Ok((acknowledged(id), ended(id)))
}

/// Must be the first message of the stream, and carry the subset that is honoured.
fn acknowledged(id: Id<'_>) -> Bytes {
    let id = id.as_json();
    let json = format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{{"_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}},"notifications":{{}}}}}}"#
    );
    event(None, json.as_bytes())
}

/// The result that tells the client that the server ended the subscription in order.
fn ended(id: Id<'_>) -> Bytes {
    let mut json = Vec::new();
    reply::open(&mut json, id);
    let id = id.as_json();
    json.extend_from_slice(
        format!(
            r#""resultType":"complete","_meta":{{"io.modelcontextprotocol/subscriptionId":{id},"io.modelcontextprotocol/serverInfo":{}}}}}}}"#,
            reply::SERVER_INFO
        )
        .as_bytes(),
    );
    event(None, &json)
}
