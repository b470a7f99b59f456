//! `subscriptions/listen` (2026-07-28): a request whose answer is a stream of the notifications it asks for; and what
//! legacy clients have in its place for single resources (`kept`).
//!
//! A client is told of changes of the lists that it asks for (`changes`), if there are upstreams: without these nothing
//! changes while the server runs. It is told of the resources that it names (`updates`), if it may read them and if their
//! upstream tells of them, in whichever way that has. What is not honoured is not acknowledged. A stream is ended with a
//! result.

mod kept;
mod updates;

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::asked::Asked;
use super::caller_credential::Credential;
use super::changes::{Telling, Wanted};
use super::envelope::Call;
use super::error::Error;
use super::forward::Turn;
use super::members::is_object;
use super::method::Method;
use super::session::caller_key;
use super::stream::{OpenStream, Source, event};
use super::{Answer, Operation, Protocol};
use crate::auth::Principal;
use crate::sealing;
use crate::upstream::{Caller, ClientSession, Listener, Upstream};

pub(super) use kept::check;
pub(crate) use updates::{Update, Updates};

/// Of the single resources that a subscription names so many are looked at; the others are not honoured.
const MOST_RESOURCES: usize = 200;

/// What a client asks to be told. All types are checked, also of what is not honoured.
#[derive(Deserialize)]
struct Filter<'a> {
    #[serde(default, rename = "toolsListChanged")]
    tools_list_changed: bool,
    #[serde(default, rename = "promptsListChanged")]
    prompts_list_changed: bool,
    #[serde(default, rename = "resourcesListChanged")]
    resources_list_changed: bool,
    #[serde(borrow, default, rename = "resourceSubscriptions")]
    resources: Vec<&'a RawValue>,
}

/// A resource that a client may be told of.
#[derive(Clone, Debug)]
struct Resource {
    /// Its address as the client wrote it: JSON.
    written: Box<str>,
    upstream: Arc<Upstream>,
    /// Its address there.
    own: Box<str>,
}

/// A subscription in the making.
struct Listening {
    protocol: Protocol,
    principal: Principal,
    /// The id of the request, as JSON: that of the subscription as well.
    id: Box<str>,
    wanted: Wanted,
    resources: Vec<Resource>,
    credential: Option<Credential>,
    place: OpenStream,
    started: Instant,
}

impl Protocol {
    /// Answers `subscriptions/listen`. Only single resources need to be waited for: what their upstreams acknowledge is
    /// acknowledged, and no more.
    pub(super) fn listen(&self, asked: &Asked<'_>) -> Turn {
        let started = Instant::now();
        let prepared = match self.authorize(asked) {
            Err(error) => Err(self.refuse(asked, &error)),
            Ok(_permit) => self
                .prepared(asked, started)
                .map_err(|error| Answer::refusal(Some(asked.id), &error, asked.era)),
        };
        match prepared {
            Err(refused) => Turn::Now(self.listened(refused, started)),
            Ok(listening) if listening.resources.is_empty() => {
                Turn::Now(listening.open(&[], Source::Quiet))
            }
            Ok(listening) => Turn::Soon(Box::pin(listening.subscribe())),
        }
    }

    fn prepared(&self, asked: &Asked<'_>, started: Instant) -> Result<Listening, Error> {
        let filter = filter(asked.call)?;
        Ok(Listening {
            wanted: Wanted {
                tools: filter.tools_list_changed,
                prompts: filter.prompts_list_changed,
                resources: filter.resources_list_changed,
            },
            resources: self.resources(asked, &filter)?,
            protocol: self.clone(),
            principal: asked.principal.clone(),
            id: asked.id.as_json().into(),
            credential: asked.credential.cloned(),
            // Before anything is asked of an upstream: who has too many asks for nothing.
            place: self.0.open_streams.open(asked.principal)?,
            started,
        })
    }

    /// Which resources of those that the caller names it may be told of. What it may not read is as what does not exist.
    fn resources(&self, asked: &Asked<'_>, filter: &Filter<'_>) -> Result<Vec<Resource>, Error> {
        let policy = &self.0.parts.policy;
        let mut resources: Vec<Resource> = Vec::new();
        for (at, written) in filter.resources.iter().enumerate() {
            let uri: Cow<'_, str> = serde_json::from_str(written.get()).map_err(wrong_type)?;
            // To look one up costs far more than to name it.
            if at >= MOST_RESOURCES {
                continue;
            }
            let found = asked.catalog.resource(&uri, policy);
            let Some((entry, home)) = found
                .as_deref()
                .and_then(|entry| Some((entry, entry.home.as_ref()?)))
            else {
                continue;
            };
            let requirements = asked.catalog.requirements(Some(entry));
            let read = crate::policy::Operation::Read(requirements);
            let is_told = policy.decide(asked.principal, read).is_ok()
                && home.upstream.lists().subscriptions.is_some();
            let is_known = |known: &Resource| *known.written == *written.get();
            if is_told && !resources.iter().any(is_known) {
                resources.push(Resource {
                    written: written.get().into(),
                    upstream: Arc::clone(&home.upstream),
                    own: home.name.clone(),
                });
            }
        }
        Ok(resources)
    }

    fn listened(&self, answer: Answer, started: Instant) -> Answer {
        let method = Method::Listen;
        let counts = &self.0.counts;
        counts.add((Some(method), None), answer.reason, started);
        Answer {
            operation: Some(Operation {
                method: method.as_str(),
                tool: None,
            }),
            ..answer
        }
    }
}

impl Listening {
    /// Asks the upstreams, all at once, and opens the stream when each has said what it tells of, or had its time.
    async fn subscribe(mut self) -> Answer {
        let (listener, asides) = Listener::new();
        let resources = std::mem::take(&mut self.resources);
        let mut upstreams: Vec<&Arc<Upstream>> = Vec::new();
        for resource in &resources {
            if !upstreams
                .iter()
                .any(|known| Arc::ptr_eq(known, &resource.upstream))
            {
                upstreams.push(&resource.upstream);
            }
        }
        let key = sealing::random::<12>();
        let caller = Caller {
            key: caller_key(&self.principal),
            credential: self.credential.as_ref().map(Credential::shared),
            session: Some(ClientSession {
                key,
                capabilities: "".into(),
                patience: std::time::Duration::ZERO,
                listener: Some(listener),
                is_brief: true,
            }),
            ..Caller::default()
        };
        let at = async |upstream: &Arc<Upstream>| {
            let its = resources
                .iter()
                .filter(|resource| Arc::ptr_eq(&resource.upstream, upstream));
            let uris: Vec<&str> = its.map(|resource| &*resource.own).collect();
            let honoured = upstream.subscribe(&caller, &uris).await;
            if let Err(error) = &honoured {
                tracing::debug!(
                    upstream = upstream.name(),
                    %error,
                    "mcp: a client cannot be told of its resources"
                );
            }
            honoured.unwrap_or_default()
        };
        let honoured = join_all(upstreams.iter().map(|upstream| at(upstream))).await;
        let honoured: Vec<_> = upstreams.into_iter().zip(honoured).collect();
        let is_honoured = |resource: &&Resource| {
            honoured.iter().any(|(upstream, uris)| {
                Arc::ptr_eq(upstream, &resource.upstream) && uris.contains(&resource.own)
            })
        };
        let told: Vec<Resource> = resources.iter().filter(is_honoured).cloned().collect();
        // Without any of them nobody is left to speak to.
        drop(caller);
        let source = match told.is_empty() {
            true => Source::Quiet,
            false => Source::Updates(Box::new(Updates::new(&self, &told, asides))),
        };
        self.open(&told, source)
    }

    /// The stream, with what is honoured in its first event.
    fn open(self, told: &[Resource], source: Source) -> Answer {
        let Self {
            protocol,
            principal,
            id,
            wanted,
            place,
            started,
            ..
        } = self;
        let changes = protocol.changes(&principal, wanted, Telling::Subscription(id.clone()));
        let honoured = changes.as_ref().map_or_else(Wanted::default, |_| wanted);
        let (first, last) = (acknowledged(&id, honoured, told), ended(&id));
        let stream = protocol.stream_in(place, &principal, (Some(first), source, Some(last)));
        protocol.listened(Answer::events(stream.telling(changes)), started)
    }
}

/// What `call` asks for.
fn filter<'a>(call: &Call<'a>) -> Result<Filter<'a>, Error> {
    let filter = call
        .params
        .get("notifications")
        .filter(|filter| is_object(filter))
        .ok_or(Error::InvalidParams("notifications is an object"))?;
    serde_json::from_str(filter.get()).map_err(wrong_type)
}

fn wrong_type(_error: serde_json::Error) -> Error {
    Error::InvalidParams("notifications has members of other types")
}

/// Must be the first message of the stream, and carry the subset that is honoured.
fn acknowledged(id: &str, honoured: Wanted, told: &[Resource]) -> Bytes {
    let lists = [
        (honoured.tools, r#""toolsListChanged":true"#),
        (honoured.prompts, r#""promptsListChanged":true"#),
        (honoured.resources, r#""resourcesListChanged":true"#),
    ];
    let lists = lists
        .into_iter()
        .filter(|(is_honoured, _)| *is_honoured)
        .map(|(_, member)| member.to_owned());
    let written: Vec<_> = told.iter().map(|resource| &*resource.written).collect();
    let resources =
        (!told.is_empty()).then(|| format!(r#""resourceSubscriptions":[{}]"#, written.join(",")));
    let filter = lists.chain(resources).collect::<Vec<_>>().join(",");
    let json = format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{{"_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}},"notifications":{{{filter}}}}}}}"#
    );
    event(None, json.as_bytes())
}

/// The result that tells the client that the server ended the subscription in order.
fn ended(id: &str) -> Bytes {
    let mut json = Vec::new();
    super::reply::begin(&mut json, id);
    json.extend_from_slice(
        format!(
            r#"{{"resultType":"complete","_meta":{{"io.modelcontextprotocol/subscriptionId":{id},"io.modelcontextprotocol/serverInfo":{}}}}}}}"#,
            super::reply::SERVER_INFO
        )
        .as_bytes(),
    );
    event(None, &json)
}
