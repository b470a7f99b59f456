//! Asks an upstream for everything it has, page by page, and within bounds.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::link::{Link, Wire};
use super::lists::{self, Capabilities, Feature, Item, Lists};
use super::message::{self, Era, Reply, Request};
use super::{UpstreamError, UpstreamSettings};

/// More pages than this are no list but an attack.
const MOST_PAGES: usize = 100;
/// More items than this are cut off: who lists so many has to be searched, not listed.
const MOST_ITEMS: usize = 2_000;

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow, default)]
    prompts: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    resources: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default, rename = "resourceTemplates")]
    templates: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    tools: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default, rename = "nextCursor")]
    next_cursor: Option<&'a RawValue>,
}

impl<'a> Page<'a> {
    fn items(self, feature: Feature) -> Option<Vec<&'a RawValue>> {
        match feature {
            Feature::Prompts => self.prompts,
            Feature::Resources => self.resources,
            Feature::Templates => self.templates,
            Feature::Tools => self.tools,
        }
    }
}

/// The items of one kind as they come in.
struct Listed<'a> {
    upstream: &'a str,
    feature: Feature,
    items: Vec<Item>,
    names: HashSet<Box<str>>,
}

impl Listed<'_> {
    /// Takes one more. One that cannot be passed on is left out, with a line in the log.
    fn add(&mut self, raw: &RawValue) {
        let (upstream, what) = (self.upstream, self.feature.singular());
        match lists::item(self.feature, raw) {
            Some(item) if self.names.insert(item.name.clone()) => self.items.push(item),
            Some(Item { name, .. }) => {
                tracing::warn!(
                    upstream,
                    name,
                    "upstream: two {what}s of one name; the first one is taken"
                );
            }
            None => {
                tracing::warn!(
                    upstream,
                    "upstream: a {what} is left out: its description or its name is not as MCP has it"
                );
            }
        }
    }
}

impl Link {
    /// How it can be subscribed to single resources for one client. Over standard input and output all clients are one,
    /// and so they are at a server without sessions.
    fn subscriptions(&self, capabilities: Capabilities) -> Option<Era> {
        let has_streams = match (&self.wire, self.era) {
            (Wire::Http(http), Era::Legacy) => http.has_sessions(),
            (Wire::Http(_), Era::Modern) => true,
            (Wire::Stdio(_), _) => false,
        };
        (has_streams && capabilities.subscriptions).then_some(self.era)
    }

    /// Everything that the upstream has now, of what it said it has. A kind that it cannot list stays as in `known`,
    /// but for tools: an upstream that cannot list those is not in order.
    pub(super) async fn lists(
        &self,
        settings: &UpstreamSettings,
        known: &Lists,
    ) -> Result<Lists, UpstreamError> {
        let capabilities = Capabilities::of(&self.hello.capabilities);
        let mut lists = Lists {
            capabilities,
            subscriptions: self.subscriptions(capabilities),
            ..Lists::default()
        };
        for feature in Feature::ALL {
            if !lists.capabilities.has(feature) {
                continue;
            }
            *lists.items_mut(feature) = match self.list(feature, settings).await {
                Ok(items) => items.into(),
                Err(error @ (UpstreamError::Invalid | UpstreamError::Refused))
                    if feature != Feature::Tools =>
                {
                    tracing::warn!(
                        upstream = settings.name,
                        %error,
                        "upstream: its {}s cannot be listed; the last list holds",
                        feature.singular()
                    );
                    Arc::clone(known.items(feature))
                }
                Err(error) => return Err(error),
            };
        }
        Ok(lists)
    }

    /// All of one kind, in at most `start_timeout_seconds`.
    pub(super) async fn list(
        &self,
        feature: Feature,
        settings: &UpstreamSettings,
    ) -> Result<Vec<Item>, UpstreamError> {
        let timeout = Duration::from_secs(settings.start_timeout_seconds);
        let list = self.pages(feature, settings, timeout);
        let listed = tokio::time::timeout(timeout, list).await;
        listed.unwrap_or(Err(UpstreamError::TimedOut))
    }

    async fn pages(
        &self,
        feature: Feature,
        settings: &UpstreamSettings,
        timeout: Duration,
    ) -> Result<Vec<Item>, UpstreamError> {
        let upstream = settings.name.as_str();
        let mut listed = Listed {
            upstream,
            feature,
            items: Vec::new(),
            names: HashSet::new(),
        };
        let (mut members, mut bytes_left) = (Vec::new(), settings.max_message_bytes);
        for _page in 0..MOST_PAGES {
            let request = Request {
                method: feature.method(),
                members: &members,
                ..Request::default()
            };
            let reply = self.request(&request, HeaderMap::new(), timeout).await?;
            let json = match &reply {
                Reply::Result(json) => json,
                // A server that has none of these may not know the method, whatever it declared.
                Reply::Error(_) if message::is_unknown_method(&reply) => return Ok(listed.items),
                Reply::Error(_) => return Err(UpstreamError::Refused),
            };
            // One list is no bigger than one message may be, in however many pages it comes.
            bytes_left = bytes_left
                .checked_sub(json.len())
                .ok_or(UpstreamError::Invalid)?;
            let page: Page<'_> =
                serde_json::from_slice(json).map_err(|_not_as_specified| UpstreamError::Invalid)?;
            let next_cursor = page.next_cursor;
            for raw in page.items(feature).ok_or(UpstreamError::Invalid)? {
                if listed.items.len() == MOST_ITEMS {
                    tracing::warn!(
                        upstream,
                        "upstream: it has more than {MOST_ITEMS} {}s; the rest is left out",
                        feature.singular()
                    );
                    return Ok(listed.items);
                }
                listed.add(raw);
            }
            let Some(cursor) = next_cursor else {
                return Ok(listed.items);
            };
            members = [br#""cursor":"#, cursor.get().as_bytes()].concat();
        }
        tracing::warn!(
            upstream,
            "upstream: its list of {}s does not end",
            feature.singular()
        );
        Err(UpstreamError::Invalid)
    }
}
