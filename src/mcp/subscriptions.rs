//! `subscriptions/listen` (2026-07-28): a request whose answer is a stream of the notifications it asks for.
//!
//! A client is told of changes of the lists that it asks for (`changes`), if there are upstreams: without these nothing
//! changes while the server runs. Subscriptions of single resources are not honoured. A stream is ended with a result.

use bytes::Bytes;
use serde::Deserialize;

use super::asked::Asked;
use super::catalog::Home;
use super::changes::{Telling, Wanted};
use super::envelope::{Call, Id};
use super::error::Error;
use super::members::is_object;
use super::method::Method;
use super::stream::{Source, event};
use super::{Answer, Protocol, reply};
use crate::upstream;

/// What a client asks to be told. All types are checked, also of what is not honoured.
#[derive(Deserialize)]
struct Filter {
    #[serde(default, rename = "toolsListChanged")]
    tools_list_changed: bool,
    #[serde(default, rename = "promptsListChanged")]
    prompts_list_changed: bool,
    #[serde(default, rename = "resourcesListChanged")]
    resources_list_changed: bool,
    #[serde(default, rename = "resourceSubscriptions")]
    _resource_subscriptions: Vec<String>,
}

/// Whether a legacy client can subscribe to what it names, or end that: in a session of its own, and at an upstream of
/// its own era. Other requests can.
pub(super) fn check(asked: &Asked<'_>, home: &Home) -> Result<(), Error> {
    if !matches!(asked.method, Some(Method::Subscribe | Method::Unsubscribe)) {
        return Ok(());
    }
    if asked.session.is_none() {
        return Err(Error::Invalid("a subscription belongs to a session"));
    }
    match home.upstream.lists().subscriptions {
        Some(upstream::Era::Legacy) => Ok(()),
        Some(upstream::Era::Modern) | None => Err(Error::InvalidParams(
            "the server of this resource takes no subscriptions of this revision",
        )),
    }
}

impl Protocol {
    pub(super) fn listen(&self, asked: &Asked<'_>) -> Answer {
        let opened = wanted(asked.call).and_then(|wanted| {
            let telling = Telling::Subscription(asked.id.as_json().into());
            let changes = self.changes(asked.principal, wanted, telling);
            let honoured = changes.as_ref().map_or_else(Wanted::default, |_| wanted);
            let (first, last) = (acknowledged(asked.id, honoured), ended(asked.id));
            let stream = self.stream(asked.principal, Some(first), Source::Quiet, Some(last))?;
            Ok(stream.telling(changes))
        });
        match opened {
            Ok(stream) => Answer::events(stream),
            Err(error) => Answer::refusal(Some(asked.id), &error, asked.era),
        }
    }
}

/// What `call` asks for.
fn wanted(call: &Call<'_>) -> Result<Wanted, Error> {
    let filter = call
        .params
        .get("notifications")
        .filter(|filter| is_object(filter))
        .ok_or(Error::InvalidParams("notifications is an object"))?;
    let filter: Filter = serde_json::from_str(filter.get())
        .map_err(|_wrong_type| Error::InvalidParams("notifications has members of other types"))?;
    Ok(Wanted {
        tools: filter.tools_list_changed,
        prompts: filter.prompts_list_changed,
        resources: filter.resources_list_changed,
    })
}

/// Must be the first message of the stream, and carry the subset that is honoured.
fn acknowledged(id: Id<'_>, honoured: Wanted) -> Bytes {
    let id = id.as_json();
    let filter = [
        (honoured.tools, r#""toolsListChanged":true"#),
        (honoured.prompts, r#""promptsListChanged":true"#),
        (honoured.resources, r#""resourcesListChanged":true"#),
    ];
    let filter = filter
        .into_iter()
        .filter_map(|(is_honoured, member)| is_honoured.then_some(member));
    let filter = filter.collect::<Vec<_>>().join(",");
    let json = format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{{"_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}},"notifications":{{{filter}}}}}}}"#
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
