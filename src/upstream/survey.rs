//! One look at an upstream, step by step: which era it speaks, and what it offers. For the command line.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use ::http::HeaderMap;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::link::{Link, Tool};
use super::message::{self, Era, Request};
use super::{Definition, Hello, Parts, UpstreamError, eras};

/// More than this is no list but an attack on memory.
const MOST_PAGES: usize = 100;
const MOST_ITEMS: usize = 10_000;

/// Something that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// The handshake of an era: starting its process where it is one, and the first exchange.
    Handshake(Era),
    /// Listing its tools.
    Tools,
    /// Listing its prompts.
    Prompts,
    /// Listing its resources.
    Resources,
    /// Listing its resource templates.
    Templates,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What was tried.
    pub tried: Tried,
    /// How long it took.
    pub took: Duration,
    /// How many there are, where something was listed; or what went wrong.
    pub outcome: Result<Option<usize>, UpstreamError>,
}

/// What an upstream offers.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Which MCP it speaks.
    pub era: Era,
    /// What it says of itself.
    pub hello: Hello,
    /// Its tools.
    pub tools: Vec<Tool>,
    /// The names of its prompts.
    pub prompts: Vec<String>,
    /// The addresses of its resources.
    pub resources: Vec<String>,
    /// The templates of further addresses.
    pub templates: Vec<String>,
}

/// Everything about one look.
#[derive(Clone, Debug)]
pub struct Survey {
    /// What was tried, in order.
    pub steps: Vec<Step>,
    /// What it offers, as far as it could be listed; nothing if it could not be reached.
    pub offer: Option<Offer>,
}

impl Survey {
    /// True if it was reached and everything that it declares was listed.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.offer.is_some() && self.failure().is_none()
    }

    /// The failure that counts: that of a list, or of the last handshake where none succeeded.
    #[must_use]
    pub fn failure(&self) -> Option<(Tried, UpstreamError)> {
        let failures = self
            .steps
            .iter()
            .filter_map(|step| step.outcome.err().map(|error| (step.tried, error)));
        let counts = |(tried, _): &(Tried, UpstreamError)| match tried {
            Tried::Handshake(_) => self.offer.is_none(),
            Tried::Tools | Tried::Prompts | Tried::Resources | Tried::Templates => true,
        };
        failures.filter(counts).last()
    }
}

/// Connects to an upstream as a server would, lists what it has, and disconnects. `told` hears of each step at once.
pub async fn survey(
    definition: &Definition,
    parts: &Parts,
    told: &mut (dyn FnMut(&Step) + Send),
) -> Survey {
    let mut looking = Looking {
        steps: Vec::new(),
        told,
    };
    let offer = looking.look(definition, parts).await;
    let steps = looking.steps;
    Survey { steps, offer }
}

struct Looking<'a> {
    steps: Vec<Step>,
    told: &'a mut (dyn FnMut(&Step) + Send),
}

impl Looking<'_> {
    async fn step<T>(
        &mut self,
        tried: Tried,
        trial: impl Future<Output = Result<T, UpstreamError>>,
        count: impl FnOnce(&T) -> Option<usize>,
    ) -> Option<T> {
        let started = Instant::now();
        let outcome = trial.await;
        let step = Step {
            tried,
            took: started.elapsed(),
            outcome: outcome.as_ref().map(count).map_err(|error| *error),
        };
        (self.told)(&step);
        self.steps.push(step);
        outcome.ok()
    }

    async fn look(&mut self, definition: &Definition, parts: &Parts) -> Option<Offer> {
        let settings = &definition.settings;
        let timeout = Duration::from_secs(settings.start_timeout_seconds);
        let nobody = Arc::new(Notify::new());
        let mut link = None;
        for era in eras(settings.era, None) {
            let opened = Link::open(*era, definition, &nobody, parts);
            link = self
                .step(Tried::Handshake(*era), opened, |_link| None)
                .await;
            if link.is_some() {
                break;
            }
        }
        let link = link?;
        let listed = |names: &Vec<_>| Some(names.len());
        let tools = link.tools(&settings.name, timeout);
        let tools = self.step(Tried::Tools, tools, |tools| Some(tools.len()));
        let tools = tools.await.unwrap_or_default();
        let mut lists: [Vec<String>; 3] = Default::default();
        for (list, (tried, capability, method)) in lists.iter_mut().zip(LISTS) {
            if link.hello.declares(capability) {
                let found = names(&link, method, timeout);
                *list = self.step(tried, found, listed).await.unwrap_or_default();
            }
        }
        let [prompts, resources, templates] = lists;
        Some(Offer {
            era: link.era,
            hello: link.hello.clone(),
            tools,
            prompts,
            resources,
            templates,
        })
    }
}

/// What is listed besides tools, where the capability is declared.
const LISTS: [(Tried, &str, &str); 3] = [
    (Tried::Prompts, "prompts", "prompts/list"),
    (Tried::Resources, "resources", "resources/list"),
    (Tried::Templates, "resources", "resources/templates/list"),
];

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(
        borrow,
        alias = "prompts",
        alias = "resources",
        alias = "resourceTemplates"
    )]
    items: Vec<Item<'a>>,
    #[serde(borrow, default, rename = "nextCursor")]
    next_cursor: Option<&'a RawValue>,
}

/// A resource has a name as well; its address is what it is known by.
#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow, default)]
    name: Cow<'a, str>,
    #[serde(borrow, default, alias = "uriTemplate")]
    uri: Option<Cow<'a, str>>,
}

async fn names(
    link: &Link,
    method: &'static str,
    timeout: Duration,
) -> Result<Vec<String>, UpstreamError> {
    let (mut names, mut members) = (Vec::new(), Vec::new());
    for _page in 0..MOST_PAGES {
        let request = Request {
            method,
            members: &members,
            ..Request::default()
        };
        let reply = link.request(&request, HeaderMap::new(), timeout).await?;
        if message::is_unknown_method(&reply) {
            return Ok(names);
        }
        let page: Page<'_> = message::parse(&reply)?;
        let known_by = |item: Item<'_>| item.uri.unwrap_or(item.name).into_owned();
        names.extend(page.items.into_iter().map(known_by));
        if names.len() > MOST_ITEMS {
            return Err(UpstreamError::Invalid);
        }
        let Some(cursor) = page.next_cursor else {
            return Ok(names);
        };
        members = [br#""cursor":"#, cursor.get().as_bytes()].concat();
    }
    Err(UpstreamError::Invalid)
}
