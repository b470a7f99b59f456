//! From where an address can be reached, as far as it says so itself: nobody is asked.

use std::net::IpAddr;

use crate::outbound::{AddressClass, is_loopback_host};

/// From where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// From this machine alone.
    Loopback,
    /// From one network.
    Private,
    /// From the internet, for all that the address says.
    Public,
}

/// Names that lead nowhere outside of a network (RFC 6761, RFC 6762, RFC 8375, and ICANN's `internal`).
const PRIVATE: [&str; 7] = [
    ".home.arpa",
    ".internal",
    ".intranet",
    ".invalid",
    ".lan",
    ".local",
    ".test",
];

impl Reach {
    /// Of this URL. One that is none leads nowhere.
    pub(super) fn of(url: &str) -> Self {
        let url = url::Url::parse(url).ok();
        match url.as_ref().and_then(url::Url::host) {
            None => Self::Private,
            Some(url::Host::Ipv4(address)) => Self::of_address(address.into()),
            Some(url::Host::Ipv6(address)) => Self::of_address(address.into()),
            Some(url::Host::Domain(name)) => Self::of_name(name.trim_end_matches('.')),
        }
    }

    fn of_name(name: &str) -> Self {
        if is_loopback_host(name) {
            Self::Loopback
        } else if !name.contains('.') || PRIVATE.iter().any(|end| name.ends_with(end)) {
            Self::Private
        } else {
            Self::Public
        }
    }

    fn of_address(address: IpAddr) -> Self {
        match AddressClass::of(address) {
            Some(AddressClass::Loopback) => Self::Loopback,
            Some(AddressClass::Public) => Self::Public,
            // Those that nobody contacts, link-local ones for instance, lead nowhere outside of a network either.
            Some(AddressClass::Private) | None => Self::Private,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_from_where_it_can_be_reached() {
        for (url, expected) in [
            ("http://127.0.0.1:8080/mcp", Reach::Loopback),
            ("http://localhost:8080/mcp", Reach::Loopback),
            ("https://mcp.localhost/mcp", Reach::Loopback),
            ("http://[::1]:8080/mcp", Reach::Loopback),
            ("https://10.1.2.3/mcp", Reach::Private),
            ("https://100.64.0.1/mcp", Reach::Private),
            ("https://[fd00::1]/mcp", Reach::Private),
            ("https://169.254.1.1/mcp", Reach::Private),
            ("https://[::ffff:10.1.2.3]/mcp", Reach::Private),
            ("https://mcp/mcp", Reach::Private),
            ("https://mcp.corp.internal/mcp", Reach::Private),
            ("https://mcp.local./mcp", Reach::Private),
            ("no address", Reach::Private),
            ("https://mcp.example.com/mcp", Reach::Public),
            ("https://100.128.0.1/mcp", Reach::Public),
            ("https://[2001:db8::1]/mcp", Reach::Public),
        ] {
            assert_eq!(Reach::of(url), expected, "{url}");
        }
    }
}
