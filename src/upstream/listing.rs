//! Asks an upstream for everything it has, page by page, and within bounds.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::link::{Link, Wire};
use super::lists::{self, Capabilities, Feature, Item, Lists, Subscribing};
use super::message::{self, Era, Reply, Request};
use super::{UpstreamError, UpstreamSettings};

/// More pages than this are no list but an attack.
const MOST_PAGES: usize = 100;
/// More items than this are cut off: who lists so many has to be searched, not listed.
const MOST_ITEMS: usize = 2_000;

/// So many items are left out with a line each in the log; the rest is counted.
const MOST_NAMED: usize = 20;

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow, default)]
    prompts: Option<Items<'a>>,
    #[serde(borrow, default)]
    resources: Option<Items<'a>>,
    #[serde(borrow, default, rename = "resourceTemplates")]
    templates: Option<Items<'a>>,
    #[serde(borrow, default)]
    tools: Option<Items<'a>>,
    #[serde(borrow, default, rename = "nextCursor")]
    next_cursor: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "resultType")]
    result_type: Option<Cow<'a, str>>,
}

/// The items of one page, no more of them than a list may have and one: a page of millions of nothings takes no more room.
struct Items<'a>(Vec<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Items<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Array;
        impl<'de> Visitor<'de> for Array {
            type Value = Items<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Items<'de>, A::Error> {
                let mut items = Vec::new();
                while items.len() <= MOST_ITEMS {
                    let Some(item) = array.next_element()? else {
                        return Ok(Items(items));
                    };
                    items.push(item);
                }
                while array.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Items(items))
            }
        }
        deserializer.deserialize_seq(Array)
    }
}

impl<'a> Page<'a> {
    fn items(self, feature: Feature) -> Option<Vec<&'a RawValue>> {
        let Items(items) = match feature {
            Feature::Prompts => self.prompts,
            Feature::Resources => self.resources,
            Feature::Templates => self.templates,
            Feature::Tools => self.tools,
        }?;
        Some(items)
    }

    /// False for a modern result that is not the end of its request: nobody is there to be asked for a list.
    fn is_complete(&self, era: Era) -> bool {
        let kind = self.result_type.as_deref();
        era == Era::Legacy || kind.is_none_or(|kind| kind == "complete")
    }
}

/// The items of one kind as they come in.
struct Listed<'a> {
    upstream: &'a str,
    feature: Feature,
    found: Found,
    names: HashSet<Box<str>>,
    seen: usize,
}

/// The items of one kind.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) items: Vec<Item>,
    /// How many more there are, which cannot be passed on.
    pub(super) left_out: usize,
}

impl Listed<'_> {
    /// Takes one more. One that cannot be passed on is left out, with a line in the log.
    fn add(&mut self, raw: &RawValue) {
        self.seen += 1;
        match lists::item(self.feature, raw) {
            Ok(item) if self.names.insert(item.name.clone()) => self.found.items.push(item),
            left_out => self.leave_out(left_out),
        }
    }

    fn leave_out(&mut self, item: Result<Item, String>) {
        let (upstream, what) = (self.upstream, self.feature.singular());
        self.found.left_out += 1;
        if self.found.left_out > MOST_NAMED {
            return;
        }
        match item {
            Ok(Item { name, .. }) => tracing::warn!(
                upstream,
                name,
                "upstream: two {what}s of one name; the first one is taken"
            ),
            Err(reason) => {
                tracing::warn!(upstream, "upstream: a {what} is left out: {reason}");
            }
        }
    }

    /// All that could be taken.
    fn done(self) -> Found {
        let (upstream, what) = (self.upstream, self.feature.singular());
        if let Some(more) = self.found.left_out.checked_sub(MOST_NAMED + 1) {
            let more = more + 1;
            tracing::warn!(
                upstream,
                more,
                "upstream: more {what}s are left out for the same reasons"
            );
        }
        self.found
    }
}

impl Link {
    /// How clients are subscribed to single resources. A legacy server over HTTP without sessions has nowhere to tell them.
    fn subscriptions(&self, capabilities: Capabilities) -> Option<Subscribing> {
        let how = match (&self.wire, self.era) {
            (Wire::Http(http), Era::Legacy) => {
                http.has_sessions().then_some(Subscribing::InSessions)
            }
            (Wire::Http(_), Era::Modern) | (Wire::Stdio(_), _) => Some(Subscribing::Kept),
        };
        how.filter(|_how| capabilities.subscriptions)
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
            instructions: self.hello.instructions.clone(),
            subscriptions: self.subscriptions(capabilities),
            ..Lists::default()
        };
        for feature in Feature::ALL {
            if !lists.capabilities.has(feature) {
                continue;
            }
            *lists.items_mut(feature) = match self.list(feature, settings).await {
                Ok(Found { items, left_out }) => {
                    lists.left_out += left_out;
                    items.into()
                }
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
    ) -> Result<Found, UpstreamError> {
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
    ) -> Result<Found, UpstreamError> {
        let upstream = settings.name.as_str();
        let mut listed = Listed {
            upstream,
            feature,
            found: Found::default(),
            names: HashSet::new(),
            seen: 0,
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
                Reply::Error(_) if message::is_unknown_method(&reply) => return Ok(listed.done()),
                Reply::Error(_) => return Err(UpstreamError::Refused),
            };
            // One list is no bigger than one message may be, in however many pages it comes.
            bytes_left = bytes_left
                .checked_sub(json.len())
                .ok_or(UpstreamError::Invalid)?;
            let page: Page<'_> =
                serde_json::from_slice(json).map_err(|_not_as_specified| UpstreamError::Invalid)?;
            if !page.is_complete(self.era) {
                tracing::warn!(
                    upstream,
                    "upstream: it asks for input before it lists its {}s, which a list cannot",
                    feature.singular()
                );
                return Err(UpstreamError::Invalid);
            }
            let next_cursor = page.next_cursor;
            for raw in page.items(feature).ok_or(UpstreamError::Invalid)? {
                if listed.seen == MOST_ITEMS {
                    tracing::warn!(
                        upstream,
                        "upstream: it has more than {MOST_ITEMS} {}s; the rest is left out",
                        feature.singular()
                    );
                    return Ok(listed.done());
                }
                listed.add(raw);
            }
            let Some(cursor) = next_cursor else {
                return Ok(listed.done());
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
