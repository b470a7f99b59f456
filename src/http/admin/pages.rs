//! The pages of the admin listener: each is data first, which programs get as JSON, and drawn from it for people.
//!
//! They only tell: there is no form on them, and nothing that changes anything. A browser cannot send the listener's secret,
//! so people reach them through loopback (`ssh -L`, docs/reference/admin.md).

mod calls;
mod health;
mod overview;
mod refusals;
mod streams;
mod tools;

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;

use crate::http::answer::json;
use crate::http::landing::Reading;
use crate::http::page::{Html, Page, el, heading};
use crate::http::{State, accept, health as probes};

/// One of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sheet {
    Calls,
    Health,
    Overview,
    Refusals,
    Streams,
    Tools,
}

impl Sheet {
    /// In the order of the navigation.
    const ALL: [Self; 6] = [
        Self::Overview,
        Self::Refusals,
        Self::Health,
        Self::Tools,
        Self::Streams,
        Self::Calls,
    ];

    /// The page at this path.
    pub(super) fn at(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sheet| sheet.path() == path)
    }

    fn path(self) -> &'static str {
        match self {
            Self::Calls => "/calls",
            Self::Health => "/health",
            Self::Overview => "/",
            Self::Refusals => "/refusals",
            Self::Streams => "/streams",
            Self::Tools => "/tools",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Calls => "Calls",
            Self::Health => "Health",
            Self::Overview => "Overview",
            Self::Refusals => "Refusals",
            Self::Streams => "Streams",
            Self::Tools => "Tools",
        }
    }

    /// What stands below its title.
    fn lead(self) -> &'static str {
        match self {
            Self::Calls => "Who calls what, how often and when last, since this process started.",
            Self::Health => {
                "Issuers and their keys, the search index, and the servers behind this one."
            }
            Self::Overview => "How this server stands, at one glance.",
            Self::Refusals => "Whom this server turned away of late, why, and what mends it.",
            Self::Streams => "Response streams that are open now.",
            Self::Tools => {
                "What clients can use here, what each thing takes, and which rule says so."
            }
        }
    }

    /// The page as the client would rather have it.
    pub(super) fn answer(self, state: &State, headers: &HeaderMap) -> Response {
        let html = accept::prefers_html(headers);
        match self {
            Self::Refusals => {
                let draw = |snapshot: &_| refusals::draw(snapshot, state.remedies);
                self.written(state, html, &state.audit.snapshot(), draw)
            }
            Self::Calls => self.written(state, html, &calls::Calls::now(state), calls::draw),
            Self::Health => self.written(state, html, &health::Health::now(state), health::draw),
            Self::Overview => {
                self.written(state, html, &overview::Overview::now(state), overview::draw)
            }
            Self::Streams => {
                self.written(state, html, &streams::Streams::now(state), streams::draw)
            }
            Self::Tools => self.written(state, html, &tools::Tools::now(state), tools::draw),
        }
    }

    fn written<D: Serialize>(
        self,
        state: &State,
        html: bool,
        data: &D,
        draw: impl FnOnce(&D) -> Html,
    ) -> Response {
        if html {
            self.page(state, draw(data)).into_response()
        } else {
            json(StatusCode::OK, data)
        }
    }

    fn page(self, state: &State, content: Html) -> Page {
        let reading = Reading::of(&probes::readiness(state));
        let sibling = |sheet: Self| (sheet.path(), sheet.title(), sheet == self);
        let lead = el("p").class("quiet").with(self.lead());
        let version = env!("CARGO_PKG_VERSION");
        Page {
            title: format!("{} · Usher, for operations", self.title()),
            name: "Usher, for operations".to_owned(),
            status: Some((reading.tone, reading.words.to_owned())),
            siblings: Self::ALL.into_iter().map(sibling).collect(),
            main: heading(1, "top", self.title()).with(lead).with(content),
            footer: footer(version, state.public_url()),
        }
    }
}

fn footer(version: &str, public_url: &str) -> Html {
    let words =
        format!("Usher {version} for {public_url}. These pages only tell; they change nothing.");
    let how = "The same as JSON: ask without Accept: text/html.";
    Html::from(el("p").with(words)).with(el("p").with(how))
}

/// How long ago.
fn age(now_millis: i64, then_millis: i64) -> String {
    crate::http::page::ago((now_millis - then_millis) / 1_000)
}

/// A client, as its tickets name it.
fn client(id: Option<&str>, issuer: &str) -> Html {
    let id = crate::http::page::code(id.unwrap_or("no client id"));
    id.with(el("div").class("quiet").with(issuer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_has_a_path_of_its_own() {
        for sheet in Sheet::ALL {
            assert_eq!(Sheet::at(sheet.path()), Some(sheet));
            assert!(!sheet.title().is_empty() && sheet.lead().ends_with('.'));
        }
        assert_eq!(Sheet::at("/metrics"), None);
    }
}
