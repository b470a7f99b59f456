//! Which upstream an address of a resource is for.
//!
//! An address that is listed is for whoever lists it. Otherwise: a wrapped address names its upstream; a template that it
//! fits names it, the first one in the order of the configuration; and where one upstream alone has resources, it is for
//! that one, because tools may name resources that no list has. Rules see the upstream's own address, as it is and in
//! every other [spelling].
//!
//! [spelling]: super::spelling

use std::sync::Arc;

use super::merge::{label, reading};
use super::spelling::{plain, spellings};
use super::uri_template::UriTemplate;
use super::{Catalog, Entry, Found, Home, List, names};
use crate::mcp::bridge::mirrors::Mirrors;
use crate::policy::{Kind, OtherNames, Policy};
use crate::upstream::Upstream;

/// What addresses are compared with, besides the lists.
#[derive(Debug, Default)]
pub(super) struct Routes {
    templates: Vec<(UriTemplate, Home)>,
    upstreams: Vec<Arc<Upstream>>,
    /// The only upstream with resources.
    only: Option<Arc<Upstream>>,
}

/// Where an address leads.
struct Way<'a> {
    upstream: &'a Arc<Upstream>,
    /// The address there.
    own: &'a str,
    /// What it is called there besides: without its escapes, and by the templates that it fits so or as it is written.
    aliases: Vec<String>,
    /// All else that it may be taken for, and the templates that fit that.
    spellings: Vec<String>,
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

    /// Where an address leads that is not listed.
    fn find<'a>(&'a self, uri: &'a str) -> Option<Way<'a>> {
        let wrapped = names::unwrapped(uri).and_then(|(name, own)| {
            let mut known = self.upstreams.iter();
            known
                .find(|upstream| upstream.name() == name)
                .map(|upstream| (upstream, own))
        });
        let own = wrapped.map_or(uri, |(_, own)| own);
        let (plain, mut spellings) = (plain(own)?, spellings(own)?);
        let of_it =
            |home: &Home| wrapped.is_none_or(|(upstream, _)| Arc::ptr_eq(upstream, &home.upstream));
        let others = |template: &UriTemplate| spellings.iter().any(|other| template.matches(other));
        let mut fitting = self.templates.iter().filter(|(_, home)| of_it(home));
        // As it is written comes first.
        let as_written = fitting.clone().find(|(template, _)| template.matches(own));
        let first = as_written.or_else(|| fitting.find(|(template, _)| others(template)));
        let upstream = match (first, wrapped, &self.only) {
            (Some((_, home)), _, _) => &home.upstream,
            (None, Some((upstream, _)), _) => upstream,
            (None, None, Some(only)) => only,
            (None, None, None) => return None,
        };
        let there = self.templates.iter();
        let there = there.filter(|(_, home)| Arc::ptr_eq(&home.upstream, upstream));
        let (mut aliases, mut further) = (Vec::new(), Vec::new());
        for (template, home) in there {
            if template.matches(own) || template.matches(&plain) {
                aliases.push(home.name.to_string());
            } else if others(template) {
                further.push(home.name.to_string());
            }
        }
        aliases.push(plain);
        spellings.append(&mut further);
        Some(Way {
            upstream,
            own,
            aliases,
            spellings,
        })
    }
}

impl Catalog {
    /// The resource at `uri`, listed or not, if there is somebody to ask for it.
    pub(crate) fn resource<'a>(&'a self, uri: &str, policy: &Policy) -> Option<Found<'a>> {
        if let Some(listed) = self.resources.get(uri) {
            return Some(Found::Listed(listed));
        }
        let Way {
            upstream,
            own,
            aliases,
            spellings,
        } = self.routes.find(uri)?;
        let aliases: Vec<_> = aliases.iter().map(String::as_str).collect();
        let others = OtherNames {
            aliases: &aliases,
            spellings: &spellings,
        };
        let entry = Entry {
            name: uri.to_owned().into(),
            label: label(upstream),
            home: Some(Home {
                upstream: Arc::clone(upstream),
                name: own.into(),
            }),
            mirrors: Mirrors::default(),
            json: Box::default(),
            requirements: reading(policy, upstream, Kind::Resource, (own, others)),
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
            (None, Some(way)) => Arc::ptr_eq(way.upstream, upstream) && way.own == own,
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
