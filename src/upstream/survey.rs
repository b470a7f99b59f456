//! One look at an upstream, step by step: which era it speaks, and what it offers. For the command line.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tracing::Instrument;

use super::link::{Handshake, Link};
use super::lists::{Capabilities, Feature, Item};
use super::message::Era;
use super::{Definition, Hello, Parts, UpstreamError, UpstreamSettings};

/// Something that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// A handshake: starting its process where it is one, and the first exchange.
    Handshake(Handshake),
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
    pub tools: Vec<Item>,
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

    /// True if its tools were listed, be it none.
    #[must_use]
    pub fn has_listed_tools(&self) -> bool {
        let is_it = |step: &Step| step.tried == Tried::Tools && step.outcome.is_ok();
        self.steps.iter().any(is_it)
    }

    /// The failure that counts: that of a list, or of the last handshake where none succeeded.
    #[must_use]
    pub fn failure(&self) -> Option<(Tried, UpstreamError)> {
        let mut failures = self
            .steps
            .iter()
            .filter_map(|step| step.outcome.err().map(|error| (step.tried, error)));
        let counts = |(tried, _): &(Tried, UpstreamError)| match tried {
            Tried::Handshake(_) => self.offer.is_none(),
            Tried::Tools | Tried::Prompts | Tried::Resources | Tried::Templates => true,
        };
        failures.rfind(counts)
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
    // So that what is logged on the way can be told from what is said about others.
    let span = tracing::info_span!("survey", upstream = definition.settings.name);
    let offer = looking.look(definition, parts).instrument(span).await;
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
        let nobody = Arc::new(Notify::new());
        let mut link = None;
        for handshake in Handshake::to_try(settings, None) {
            let opened = Link::open(*handshake, definition, &nobody, parts);
            link = self
                .step(Tried::Handshake(*handshake), opened, |_link| None)
                .await;
            if link.is_some() {
                break;
            }
        }
        let link = link?;
        let listed = |names: &Vec<_>| Some(names.len());
        let tools = link.list(Feature::Tools, settings);
        let tools = self.step(Tried::Tools, tools, |tools| Some(tools.items.len()));
        let tools = tools.await.unwrap_or_default().items;
        let mut lists: [Vec<String>; 3] = Default::default();
        let declared = Capabilities::of(&link.hello.capabilities);
        for (list, (tried, feature)) in lists.iter_mut().zip(LISTS) {
            if declared.has(feature) {
                let found = names(&link, feature, settings);
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

async fn names(
    link: &Link,
    feature: Feature,
    settings: &UpstreamSettings,
) -> Result<Vec<String>, UpstreamError> {
    let items = link.list(feature, settings).await?.items;
    Ok(items.into_iter().map(|item| item.name.into()).collect())
}

/// What is listed besides tools, where the capability is declared.
const LISTS: [(Tried, Feature); 3] = [
    (Tried::Prompts, Feature::Prompts),
    (Tried::Resources, Feature::Resources),
    (Tried::Templates, Feature::Templates),
];
