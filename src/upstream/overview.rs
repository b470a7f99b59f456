//! How it stands with each upstream, by name: for whoever runs the server, and nobody else.

use std::sync::atomic::Ordering;

use url::Url;

use super::{Era, Upstream};
use crate::outbound::without_secrets;

/// One upstream at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    /// Its name in the configuration.
    pub name: String,
    /// `connected`, `connecting`, `down` or `idle`.
    pub state: &'static str,
    /// Its circuit breaker keeps calls back.
    pub breaker_is_open: bool,
    /// Where it is: an address without its query, or the program that is started.
    pub place: String,
    /// The revision that is spoken with it, and whether that is of the modern era.
    pub revision: Option<(&'static str, bool)>,
    /// Which program it says it is.
    pub software: Option<String>,
    /// Its tools that are listed.
    pub tools: usize,
    /// Its prompts.
    pub prompts: usize,
    /// Its resources and templates.
    pub resources: usize,
    /// Its tools that are kept back, each with how it is not as it was approved.
    pub quarantined: Vec<(String, String)>,
    /// Calls that began since the server started.
    pub calls: u64,
}

impl Upstream {
    /// How it stands with it now.
    #[must_use]
    pub fn overview(&self) -> Overview {
        let lists = self.lists();
        let link = self.link.load();
        let link = link.as_ref();
        let why = |name: &str| {
            let change = lists.changes.get(name);
            change.map_or_else(|| "not approved".to_owned(), ToString::to_string)
        };
        let quarantined = lists.quarantined.iter();
        Overview {
            name: self.name().to_owned(),
            state: self.standing.state().as_str(),
            breaker_is_open: self.breaker.is_open(),
            place: self.place(),
            revision: link.map(|link| (link.hello.revision, link.era == Era::Modern)),
            software: link.and_then(|link| {
                let server = link.hello.server.as_ref()?;
                Some(format!("{} {}", server.name, server.version))
            }),
            tools: lists.tools.len(),
            prompts: lists.prompts.len(),
            resources: lists.resources.len() + lists.templates.len(),
            quarantined: quarantined
                .map(|name| (String::from(&**name), why(name)))
                .collect(),
            calls: self.used.load(Ordering::Relaxed),
        }
    }

    /// Arguments and variables of a process may be secrets, and so may the query of an address.
    fn place(&self) -> String {
        let settings = &self.definition.settings;
        let address = settings.http.as_deref().or(settings.sse.as_deref());
        match address.map(Url::parse) {
            Some(Ok(url)) => without_secrets(&url),
            Some(Err(_)) => "an address".to_owned(),
            None => {
                let command = settings.stdio.command.clone();
                command.unwrap_or_else(|| "a process".to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::{Lists, UpstreamSettings};

    #[test]
    fn no_secret_of_an_address_is_in_it() {
        let settings = UpstreamSettings {
            name: "crm".into(),
            http: Some("https://ada:hunter2@crm.test/mcp?key=hunter3".into()),
            ..UpstreamSettings::default()
        };
        let lists = Lists {
            quarantined: [Box::from("odd")].into(),
            ..Lists::default()
        };
        let overview = Upstream::for_test(settings, lists).overview();
        assert_eq!(overview.place, "https://crm.test/mcp");
        assert_eq!((overview.state, overview.revision), ("connecting", None));
        let expected = ("odd".to_owned(), "not approved".to_owned());
        assert_eq!(overview.quarantined, [expected]);
    }
}
