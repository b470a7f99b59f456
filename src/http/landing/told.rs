//! Everything that the onboarding page tells. All of it is public: addresses that clients are told anyway, and whether they
//! work.

use super::reach::Reach;
use super::settings::Settings;
use super::snippets::short_name;
use super::{Landing, Reading};
use crate::auth::{KeyState, Offers};
use crate::clients::INSPECTOR_ORIGIN;
use crate::http::State;
use crate::http::health::readiness;
use crate::http::page::{Href, Html, Tone, code, el};

/// What the page tells.
pub(super) struct Told<'t> {
    pub landing: &'t Landing,
    pub settings: &'t Settings,
    /// What the server is called in files and commands.
    pub short_name: String,
    pub reach: Reach,
    pub offers: Vec<Offers>,
    /// Documentation of this deployment, as its metadata names it (RFC 9728 §2).
    pub documentation: Option<String>,
    /// Pages of the MCP Inspector may call.
    pub takes_inspector: bool,
    /// Whether requests with good tokens would be served now.
    pub status: Reading,
}

impl<'t> Told<'t> {
    pub(super) fn new(landing: &'t Landing, state: &'t State) -> Self {
        let server = &state.resource_server;
        let metadata = server.resources().at("/mcp").map(|at| server.metadata(at));
        Self {
            landing,
            settings: &state.landing,
            short_name: short_name(&landing.name),
            reach: Reach::of(&landing.endpoints.mcp),
            offers: server.offers(),
            documentation: metadata.and_then(|metadata| metadata.resource_documentation),
            takes_inspector: state.allowed().allows(INSPECTOR_ORIGIN),
            status: Reading::of(&readiness(state)),
        }
    }

    /// The MCP endpoint.
    pub(super) fn address(&self) -> &str {
        &self.landing.endpoints.mcp
    }

    /// What to ask for.
    pub(super) fn scopes(&self) -> &[String] {
        &self.landing.oauth.scopes_supported
    }

    /// A page below `docs/`: a link where somebody said where they are, else its name.
    pub(super) fn guide(&self, page: &str) -> Html {
        let href = self.settings.guides.as_deref().and_then(|base| {
            let base = base.trim_end_matches('/');
            Href::web(&format!("{base}/{page}"))
        });
        match href {
            Some(href) => el("a").href(&href).with(format!("docs/{page}")).into(),
            None => code(&format!("docs/{page}")),
        }
    }
}

/// How the keys of an issuer are, for people.
pub(super) fn keys(offers: &Offers) -> (Tone, String) {
    let number = crate::http::page::many(offers.status.keys as u64, "key", "keys");
    match offers.status.state {
        KeyState::Fresh => (Tone::Good, format!("{number} loaded")),
        KeyState::Stale => (Tone::Wait, format!("{number} kept, the last fetch failed")),
        KeyState::Missing => (Tone::Bad, "no keys yet".to_owned()),
    }
}
