//! From where an address can be reached, as far as it says so itself: nobody is asked.

use std::net::{IpAddr, Ipv4Addr};

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
            Some(url::Host::Ipv6(address)) => Self::of_address(address.to_canonical()),
            Some(url::Host::Domain(name)) => Self::of_name(name.trim_end_matches('.')),
        }
    }

    fn of_name(name: &str) -> Self {
        if name == "localhost" || name.ends_with(".localhost") {
            Self::Loopback
        } else if !name.contains('.') || PRIVATE.iter().any(|end| name.ends_with(end)) {
            Self::Private
        } else {
            Self::Public
        }
    }

    fn of_address(address: IpAddr) -> Self {
        let is_private = match address {
            // RFC 1918, RFC 3927 and RFC 6598.
            IpAddr::V4(v4) => {
                v4.is_private() || v4.is_link_local() || is_shared(v4) || v4.is_unspecified()
            }
            IpAddr::V6(v6) => {
                v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_unspecified()
            }
        };
        match (address.is_loopback(), is_private) {
            (true, _) => Self::Loopback,
            (false, true) => Self::Private,
            (false, false) => Self::Public,
        }
    }
}

fn is_shared(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    first == 100 && (64..128).contains(&second)
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
