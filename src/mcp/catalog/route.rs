//! Which upstream an address of a resource is for.
//!
//! An address that is listed is for whoever lists it. Otherwise: a wrapped address names its upstream; a template that it
//! fits names it, the first one in the order of the configuration; and where one upstream alone has resources, it is for
//! that one, because tools may name resources that no list has. Rules see the upstream's own address, as it is and with
//! its escapes undone, so that no other spelling gets around them.

use std::sync::Arc;

use percent_encoding::percent_decode_str;

use super::merge::{label, reading};
use super::uri_template::UriTemplate;
use super::{Catalog, Entry, Found, Home, List, names};
use crate::mcp::bridge::mirrors::Mirrors;
use crate::policy::{Kind, Policy};
use crate::upstream::Upstream;

/// Escapes of escapes that are undone; what is deeper is nobody's resource.
const MOST_ROUNDS: usize = 4;

/// What addresses are compared with, besides the lists.
#[derive(Debug, Default)]
pub(super) struct Routes {
    templates: Vec<(UriTemplate, Home)>,
    upstreams: Vec<Arc<Upstream>>,
    /// The only upstream with resources.
    only: Option<Arc<Upstream>>,
}

impl Routes {
    pub(super) fn new(templates: &List, upstreams: &[Arc<Upstream>]) -> Self {
        let has_resources = |upstream: &&Arc<Upstream>| upstream.lists().capabilities.resources;
        let mut with_resources = upstreams.iter().filter(has_resources);
        let only = match (with_resources.next(), with_resources.next()) {
            (Some(only), None) => Some(Arc::clone(only)),
            (Some(_) | None, _) => None,
        };
        let template = |entry: &Entry| {
            let home = entry.home.clone()?;
            Some((UriTemplate::parse(&home.name)?, home))
        };
        Self {
            templates: templates.entries.iter().filter_map(template).collect(),
            upstreams: upstreams.to_vec(),
            only,
        }
    }

    /// The upstream for an address that is not listed, its own address there, and the template that it fits.
    fn find<'a>(&'a self, uri: &'a str) -> Option<(&'a Arc<Upstream>, &'a str, Option<&'a str>)> {
        let wrapped = names::unwrapped(uri).and_then(|(name, own)| {
            let mut known = self.upstreams.iter();
            known
                .find(|upstream| upstream.name() == name)
                .map(|upstream| (upstream, own))
        });
        let own = wrapped.map_or(uri, |(_, own)| own);
        let of_it =
            |home: &Home| wrapped.is_none_or(|(upstream, _)| Arc::ptr_eq(upstream, &home.upstream));
        let mut fitting = self
            .templates
            .iter()
            .filter(|(template, home)| of_it(home) && template.matches(own));
        match (fitting.next(), wrapped, &self.only) {
            (Some((_, home)), _, _) => Some((&home.upstream, own, Some(&home.name))),
            (None, Some((upstream, _)), _) => Some((upstream, own, None)),
            (None, None, Some(only)) => Some((only, own, None)),
            (None, None, None) => None,
        }
    }
}

impl Catalog {
    /// The resource at `uri`, listed or not, if there is somebody to ask for it.
    pub(crate) fn resource<'a>(&'a self, uri: &str, policy: &Policy) -> Option<Found<'a>> {
        if let Some(listed) = self.resources.get(uri) {
            return Some(Found::Listed(listed));
        }
        let (upstream, own, template) = self.routes.find(uri)?;
        let plain = plain(own)?;
        let mut aliases = vec![plain.as_str()];
        aliases.extend(template);
        let entry = Entry {
            name: uri.to_owned().into(),
            label: label(upstream),
            home: Some(Home {
                upstream: Arc::clone(upstream),
                name: own.into(),
            }),
            mirrors: Mirrors::default(),
            json: Box::default(),
            requirements: reading(policy, upstream, Kind::Resource, (own, &aliases)),
        };
        Some(Found::Made(Box::new(entry)))
    }

    /// The address by which clients know the resource that is `own` at `upstream`.
    pub(crate) fn address_of(&self, upstream: &Arc<Upstream>, own: &str) -> String {
        let is_its = |uri: &str| match (self.resources.get(uri), self.routes.find(uri)) {
            (Some(entry), _) => entry
                .home
                .as_ref()
                .is_some_and(|home| Arc::ptr_eq(&home.upstream, upstream) && *home.name == *own),
            (None, Some((found, theirs, _))) => Arc::ptr_eq(found, upstream) && theirs == own,
            (None, None) => false,
        };
        if is_its(own) {
            own.to_owned()
        } else {
            names::wrapped(upstream.name(), own)
        }
    }

    /// The template that is listed as `template`, or else the resource at that address: whose variables are completed.
    pub(crate) fn template<'a>(&'a self, template: &str, policy: &Policy) -> Option<Found<'a>> {
        match self.templates.get(template) {
            Some(listed) => Some(Found::Listed(listed)),
            None => self.resource(template, policy),
        }
    }
}

/// The address with its escapes undone and its scheme and host in small letters: what a server may take it for. Nothing
/// if it leads somewhere else than it says, with `.` and `..` between slashes.
fn plain(uri: &str) -> Option<String> {
    let mut text = uri.to_owned();
    for round in 0.. {
        let decoded = percent_decode_str(&text).decode_utf8().ok()?;
        if *decoded == text {
            break;
        }
        if round == MOST_ROUNDS {
            return None;
        }
        text = decoded.into_owned();
    }
    let is_dots = |segment: &str| matches!(segment, "." | "..");
    let path = text.split(['?', '#']).next().unwrap_or_default();
    if text.chars().any(char::is_control) || path.split(['/', '\\']).any(is_dots) {
        return None;
    }
    let host_end = text.find("://").map_or(0, |at| {
        let after = at + 3;
        let host = text.get(after..).unwrap_or_default();
        after + host.find('/').unwrap_or(host.len())
    });
    let scheme_end = text.find(':').unwrap_or(0);
    let (head, tail) = text.split_at_checked(host_end.max(scheme_end))?;
    Some(format!("{}{tail}", head.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_seen_as_a_server_may_take_it() {
        let check = |uri: &str, expected: Option<&str>| {
            assert_eq!(plain(uri).as_deref(), expected, "{uri}");
        };
        check("file:///a/b", Some("file:///a/b"));
        check("FILE:///A/%62", Some("file:///A/b"));
        check(
            "https://Host.Test/A?q=../x",
            Some("https://host.test/A?q=../x"),
        );
        check("test:Thing", Some("test:Thing"));
        check("no scheme", Some("no scheme"));
        check("file:///a/%252e.txt", Some("file:///a/..txt"));
        for uri in [
            "file:///a/../b",
            "file:///a/%2e%2E/b",
            "file:///a/%252e%252e/b",
            "file:///a/./b",
            "file:///a/..",
            "file:///a/..%2fb",
            "file:///a\\..\\b",
            "file:///a/%0a",
            "file:///a/%ff",
            "file:///%25252525252e",
        ] {
            check(uri, None);
        }
    }
}
