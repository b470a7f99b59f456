//! What the tools, prompts and resources of upstreams are called here.

use std::borrow::Cow;
use std::sync::Arc;

use crate::upstream::{Names, Upstream};

/// Begins the addresses of resources that are offered by more than one upstream: `usher+billing:file:///1.pdf`. What
/// follows the first colon is the upstream's own address, as it is.
const WRAPPED: &str = "usher+";

/// How tools and prompts are called.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Naming<'a> {
    /// As in the one catalogue of all upstreams: with this between the name of the upstream and its own name.
    Merged { separator: &'a str },
    /// As the upstream calls them: for a catalogue of its own.
    Own { separator: &'a str },
}

impl Naming<'_> {
    fn separator(&self) -> &str {
        let (Self::Merged { separator } | Self::Own { separator }) = self;
        separator
    }

    /// What rules call something of `upstream`, wherever it is listed: its name in the one catalogue.
    pub(super) fn in_rules<'n>(&self, upstream: &Upstream, own: &'n str) -> Cow<'n, str> {
        name_in_rules((upstream.name(), upstream.names()), self.separator(), own)
    }

    /// What it is listed as.
    pub(super) fn listed<'n>(&self, upstream: &Upstream, own: &'n str) -> Cow<'n, str> {
        match self {
            Self::Merged { .. } => self.in_rules(upstream, own),
            Self::Own { .. } => Cow::Borrowed(own),
        }
    }

    /// The upstream among `others` whose prefix `name` has, whoever offers it.
    pub(super) fn owner<'u>(
        &self,
        name: &str,
        mut others: impl Iterator<Item = &'u Arc<Upstream>>,
    ) -> Option<&'u Arc<Upstream>> {
        let separator = self.separator();
        others.find(|upstream| {
            upstream.names() == Names::Prefixed
                && name
                    .strip_prefix(upstream.name())
                    .is_some_and(|rest| rest.starts_with(separator))
        })
    }
}

/// What rules call a tool or a prompt of an upstream with this name and these names.
#[must_use]
pub fn name_in_rules<'n>(
    (upstream, names): (&str, Names),
    separator: &str,
    own: &'n str,
) -> Cow<'n, str> {
    match names {
        Names::Prefixed => Cow::Owned(format!("{upstream}{separator}{own}")),
        Names::Verbatim => Cow::Borrowed(own),
    }
}

/// The address of a resource that another upstream offers as well.
pub(super) fn wrapped(upstream: &str, uri: &str) -> String {
    format!("{WRAPPED}{upstream}:{uri}")
}

/// The upstream that a wrapped address names, and the address there.
pub(super) fn unwrapped(uri: &str) -> Option<(&str, &str)> {
    uri.strip_prefix(WRAPPED)?.split_once(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapped_address_is_unwrapped_as_it_was() {
        for uri in ["file:///a b", "test://{+x}", "usher+b:c:d", "", ":"] {
            let wrapped = wrapped("my-files", uri);
            assert_eq!(unwrapped(&wrapped), Some(("my-files", uri)));
        }
        for uri in ["usher:a", "file:///usher+a:b", "usher+a"] {
            assert_eq!(unwrapped(uri), None, "{uri}");
        }
    }
}
