//! What is known of an issuer before its first token, taken apart for the profiles to look at.

/// What is known of an issuer before its first token.
#[derive(Clone, Copy, Debug)]
pub(in crate::auth) struct Evidence<'a> {
    /// The host of the issuer identifier, without a port.
    pub host: &'a str,
    /// Its path, from the first slash on; empty if there is none.
    pub path: &'a str,
    /// The token endpoint of its metadata, once known.
    pub token_endpoint: Option<&'a str>,
}

impl<'a> Evidence<'a> {
    /// Takes an issuer identifier apart. What is no URL has no host and no path, and is recognised by no profile.
    pub(in crate::auth) fn new(issuer: &'a str, token_endpoint: Option<&'a str>) -> Self {
        let address = issuer.split(['?', '#']).next().unwrap_or_default();
        let rest = address.split_once("://").map_or("", |(_, rest)| rest);
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        Self {
            host: authority.split(':').next().unwrap_or_default(),
            path,
            token_endpoint,
        }
    }

    /// True if the host lies below this domain.
    pub(super) fn is_below(&self, domain: &str) -> bool {
        self.host
            .strip_suffix(domain)
            .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
    }

    /// True if the token endpoint ends like this.
    pub(super) fn has_token_endpoint(&self, end: &str) -> bool {
        self.token_endpoint.is_some_and(|url| url.ends_with(end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_taken_apart_and_what_is_no_url_has_no_parts() {
        for (issuer, host, path) in [
            ("https://id.test", "id.test", ""),
            ("https://id.test/", "id.test", "/"),
            ("https://id.test:8443/a/b", "id.test", "/a/b"),
            ("https://id.test/a?next=/b#c", "id.test", "/a"),
            ("id.test/a", "", ""),
            ("", "", ""),
        ] {
            let evidence = Evidence::new(issuer, None);
            assert_eq!((evidence.host, evidence.path), (host, path), "{issuer}");
        }
    }

    #[test]
    fn a_host_is_below_a_domain_only_at_a_dot() {
        let below = |issuer, domain| Evidence::new(issuer, None).is_below(domain);
        assert!(below("https://a.okta.com", "okta.com"));
        assert!(!below("https://okta.com", "okta.com"));
        assert!(!below("https://.okta.com", "okta.com"));
        assert!(!below("https://evilokta.com", "okta.com"));
        assert!(!below("https://a.okta.com.evil.test", "okta.com"));
    }
}
