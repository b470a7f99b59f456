//! `/`: how this server stands, at one glance, and where to read on.

use serde::Serialize;

use super::Sheet;
use super::health::Health;
use crate::http::State;
use crate::http::health::readiness;
use crate::http::page::{Href, Html, code, duration, el, facts, heading, list};

/// What `/` tells.
#[derive(Debug, Serialize)]
pub(super) struct Overview {
    version: &'static str,
    public_url: String,
    uptime_seconds: u64,
    ready: bool,
    /// Why it is not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// What is not as it should be, in sentences.
    troubles: Vec<String>,
    documents: usize,
    upstreams: usize,
    tools: usize,
    open_streams: usize,
    /// Refusals since the start, requests without a token not counted.
    refusals: u64,
    /// Calls that are counted, over all clients and operations.
    calls: u64,
    /// The other pages, and what else answers here.
    pages: Vec<&'static str>,
}

impl Overview {
    pub(super) fn now(state: &State) -> Self {
        let readiness = readiness(state);
        let (rows, forgotten) = state.recent_calls().rows();
        let offered = state.protocol.offered();
        let others = ["/healthz", "/readyz", "/metrics"];
        Self {
            version: env!("CARGO_PKG_VERSION"),
            public_url: state.public_url().to_owned(),
            uptime_seconds: state.uptime().as_secs(),
            ready: readiness.reason().is_none(),
            reason: readiness.reason(),
            troubles: Health::now(state).troubles(),
            documents: state.knowledge.health().documents(),
            upstreams: state.upstreams.iter().count(),
            tools: offered
                .entries
                .iter()
                .filter(|entry| entry.kind == "tool")
                .count(),
            open_streams: state.protocol.open_streams(),
            refusals: state.audit.snapshot().recorded,
            calls: rows.iter().map(|row| row.calls).sum::<u64>() + forgotten,
            pages: Sheet::ALL
                .into_iter()
                .map(Sheet::path)
                .chain(others)
                .collect(),
        }
    }
}

pub(super) fn draw(overview: &Overview) -> Html {
    let cards = [
        ("/calls", "Calls", overview.calls.to_string()),
        ("/refusals", "Refusals", overview.refusals.to_string()),
        ("/streams", "Streams", overview.open_streams.to_string()),
        ("/tools", "Tools", overview.tools.to_string()),
        ("/health", "Upstreams", overview.upstreams.to_string()),
        ("/health", "Documents", overview.documents.to_string()),
    ];
    let card = |(path, name, figure): (&'static str, &'static str, String)| {
        let link = Href::here(path).map_or_else(|| el("a"), |href| el("a").href(&href));
        let name = el("h2").with(link.with(name));
        let figure = el("p").class("figure").with(figure);
        Html::from(el("section").class("card").with(name).with(figure))
    };
    let cards = el("div").class("cards").all(cards.map(card));
    let troubles = if overview.troubles.is_empty() {
        el("p").with("Everything is as it should be.").into()
    } else {
        list("ul", overview.troubles.iter().map(String::as_str))
    };
    let about = facts([
        ("Public address", code(&overview.public_url)),
        ("Version", overview.version.into()),
        ("Running for", duration(overview.uptime_seconds).into()),
    ]);
    let link = |path: &'static str| {
        let link = Href::here(path).map_or_else(|| el("a"), |href| el("a").href(&href));
        Html::from(link.with(path)).with(" ")
    };
    let others: Html = ["/metrics", "/healthz?deep=1", "/readyz"]
        .into_iter()
        .map(link)
        .collect();
    Html::from(cards)
        .with(heading(2, "troubles", "What wants to be looked at"))
        .with(troubles)
        .with(heading(2, "about", "This server"))
        .with(about)
        .with(el("p").class("quiet").with("For programs: ").with(others))
}
