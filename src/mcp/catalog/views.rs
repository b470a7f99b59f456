//! Which catalogue a caller sees: that of the whole server, or that of one upstream, as the token says.

use std::collections::HashMap;

use super::{Catalog, merged, of_none, of_one};
use crate::auth::Principal;
use crate::mcp::{Parts, Settings};

/// All catalogues of one moment.
#[derive(Debug)]
pub(crate) struct Catalogs {
    whole: Catalog,
    of_upstreams: HashMap<Box<str>, Catalog>,
    nothing: Catalog,
}

impl Catalogs {
    /// Of what there is now.
    pub(crate) fn now(parts: &Parts, settings: &Settings) -> Self {
        let upstreams = parts.upstreams.iter();
        let of_upstreams = upstreams.map(|upstream| {
            let catalog = of_one(parts, settings, upstream);
            (upstream.name().into(), catalog)
        });
        Self {
            whole: merged(parts, settings),
            of_upstreams: of_upstreams.collect(),
            nothing: of_none(parts, settings),
        }
    }

    /// That of the whole server.
    pub(crate) fn whole(&self) -> &Catalog {
        &self.whole
    }

    /// What a caller sees whose token is for this resource. Never more than that: nothing, if it is an upstream's that
    /// does not exist.
    pub(crate) fn of(&self, principal: &Principal) -> &Catalog {
        match principal.resource().upstream() {
            None => &self.whole,
            Some(name) => self.of_upstreams.get(name).unwrap_or(&self.nothing),
        }
    }
}
