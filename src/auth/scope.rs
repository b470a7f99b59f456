//! Scope tokens and sets (RFC 6749 §3.3).

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// One scope token: printable ASCII without space, quote and backslash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(String);

impl Scope {
    /// Parses one scope token.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = |b: u8| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        (!text.is_empty() && text.bytes().all(allowed)).then(|| Self(text.to_owned()))
    }

    /// The token as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An ordered set of scopes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// Parses `scope-token *( SP scope-token )`; nothing if any part is no scope token. The empty string is the empty set.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::default());
        }
        text.split(' ')
            .map(Scope::parse)
            .collect::<Option<_>>()
            .map(Self)
    }

    /// True if `scope` is among them.
    #[must_use]
    pub fn contains(&self, scope: &Scope) -> bool {
        self.0.contains(scope)
    }

    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }
}

/// What clients put before a scope when they ask an issuer for it whose tokens then carry the short name.
///
/// As at Entra ID: `api://usher/mcp:read` is asked for, `mcp:read` is granted. Empty for all other issuers.
#[derive(Clone, Debug, Default)]
pub struct ScopePrefix(Arc<str>);

/// Scopes that belong to the issuer and not to a resource (OpenID Connect Core §5.4, §11).
const OF_THE_ISSUER: [&str; 6] = [
    "address",
    "email",
    "offline_access",
    "openid",
    "phone",
    "profile",
];

/// True for a scope that OpenID Connect defines.
pub(super) fn is_of_the_issuer(scope: &str) -> bool {
    OF_THE_ISSUER.contains(&scope)
}

impl ScopePrefix {
    /// The prefix as configured, or none.
    #[must_use]
    pub(super) fn new(prefix: Option<&str>) -> Self {
        Self(prefix.unwrap_or_default().into())
    }

    /// The scope as a client has to ask for it. What has the prefix already, or is no scope of a resource, stays as it is.
    #[must_use]
    pub fn to_ask_for(&self, scope: &Scope) -> Scope {
        if scope.0.starts_with(&*self.0) || is_of_the_issuer(&scope.0) {
            return scope.clone();
        }
        Scope(format!("{}{scope}", self.0))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope.as_str())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_printed_parses_to_the_same_set(
            tokens in proptest::collection::vec("[!#-\\[\\]-~]{1,12}", 0..6)
        ) {
            let scopes: Scopes = tokens.iter().filter_map(|token| Scope::parse(token)).collect();
            prop_assert_eq!(Scopes::parse(&scopes.to_string()), Some(scopes));
        }

        #[test]
        fn whatever_parses_has_only_scope_tokens(text in ".{0,40}") {
            if let Some(scopes) = Scopes::parse(&text) {
                prop_assert!(scopes.iter().all(|scope| Scope::parse(scope.as_str()).is_some()));
            }
        }
    }

    #[test]
    fn a_prefix_is_put_before_the_scopes_of_a_resource_and_only_once() {
        let uri = Some("api://usher/");
        for (prefix, scope, asked_for) in [
            (None, "mcp:read", "mcp:read"),
            (None, "openid", "openid"),
            (uri, "mcp:read", "api://usher/mcp:read"),
            (uri, "api://usher/mcp:read", "api://usher/mcp:read"),
            (
                uri,
                "api://other/mcp:read",
                "api://usher/api://other/mcp:read",
            ),
            (uri, "openid", "openid"),
            (uri, "offline_access", "offline_access"),
            (uri, "profile", "profile"),
            (uri, "email", "email"),
            (uri, "address", "address"),
            (uri, "phone", "phone"),
            (uri, "OpenID", "api://usher/OpenID"),
        ] {
            let scope = Scope::parse(scope).expect("a scope");
            let found = ScopePrefix::new(prefix).to_ask_for(&scope);
            assert_eq!(found.as_str(), asked_for);
        }
    }

    #[test]
    fn refuses_what_is_no_scope_token() {
        for text in ["", "a b", "a\"b", "a\\b", "a\tb", "ä", "a\u{7f}"] {
            assert_eq!(Scope::parse(text), None, "{text:?}");
        }
        assert_eq!(Scopes::parse("a  b"), None);
        assert_eq!(
            Scopes::parse("b a a").map(|s| s.to_string()),
            Some("a b".into())
        );
    }
}
