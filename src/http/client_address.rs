//! Who is calling: the peer, or what a trusted proxy says of it.
//!
//! `X-Forwarded-For` is read from right to left, for as long as the addresses are trusted proxies; the first that is
//! not is the client. Without trusted proxies the header means nothing.

use std::borrow::Cow;
use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// `X-Forwarded-For`.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// An address, or a network in CIDR notation (RFC 4632 §3.1).
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    address: IpAddr,
    prefix: u32,
}

/// What was written is no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an address or a network such as `10.0.0.0/8` or `::1`, found `{found}`")]
pub struct NetworkError {
    found: String,
}

impl TryFrom<String> for Network {
    type Error = NetworkError;

    fn try_from(found: String) -> Result<Self, NetworkError> {
        Self::parse(&found).ok_or(NetworkError { found })
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        format!("{}/{}", network.address, network.prefix)
    }
}

impl JsonSchema for Network {
    fn schema_name() -> Cow<'static, str> {
        "Network".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "An address or a network in CIDR notation.",
            "examples": ["10.0.0.0/8", "127.0.0.1", "::1"]
        })
    }
}

impl Network {
    /// Parses an address or a network; the bits behind the prefix do not matter.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok()?,
            Some(_) => return None,
            None => bits,
        };
        (prefix <= bits).then_some(Self { address, prefix })
    }

    /// True if `address` is in this network.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - self.prefix).unwrap_or(0);
                network.to_bits() & mask == address.to_bits() & mask
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - self.prefix).unwrap_or(0);
                network.to_bits() & mask == address.to_bits() & mask
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// True if `address` belongs to a trusted proxy.
#[must_use]
pub fn is_trusted(address: IpAddr, trusted: &[Network]) -> bool {
    trusted.iter().any(|network| network.contains(address))
}

/// The client's address, for limits and for the log.
#[must_use]
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let mut client = peer.to_canonical();
    if trusted.is_empty() {
        return client;
    }
    let values: Vec<_> = headers.get_all(FORWARDED_FOR).iter().collect();
    let hops = values
        .iter()
        .rev()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.rsplit(','));
    for hop in hops {
        if !is_trusted(client, trusted) {
            break;
        }
        // What is no address ends the walk: nothing further left can be believed.
        let Some(address) = parse_hop(hop.trim()) else {
            break;
        };
        client = address.to_canonical();
    }
    client
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1` or `[2001:db8::1]:4711`.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    hop.parse()
        .ok()
        .or_else(|| {
            hop.parse::<std::net::SocketAddr>()
                .ok()
                .map(|socket| socket.ip())
        })
        .or_else(|| hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(peer: &str, forwarded: &[&'static str], trusted: &[&str], expected: &str) {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        let trusted: Vec<_> = trusted
            .iter()
            .map(|text| Network::parse(text).unwrap())
            .collect();
        let found = client_address(peer.parse().unwrap(), &headers, &trusted);
        assert_eq!(
            found.to_string(),
            expected,
            "{peer} {forwarded:?} {trusted:?}"
        );
    }

    #[test]
    fn the_client_is_the_first_address_from_the_right_that_is_no_trusted_proxy() {
        check("192.0.2.1", &[], &[], "192.0.2.1");
        check("192.0.2.1", &["203.0.113.9"], &[], "192.0.2.1");
        check("192.0.2.1", &["203.0.113.9"], &["10.0.0.0/8"], "192.0.2.1");
        check("10.1.2.3", &["203.0.113.9"], &["10.0.0.0/8"], "203.0.113.9");
        check(
            "10.1.2.3",
            &["6.6.6.6, 203.0.113.9"],
            &["10.0.0.0/8"],
            "203.0.113.9",
        );
        check(
            "10.1.2.3",
            &["203.0.113.9, 10.9.9.9"],
            &["10.0.0.0/8"],
            "203.0.113.9",
        );
        check(
            "10.1.2.3",
            &["203.0.113.9", "10.9.9.9"],
            &["10.0.0.0/8"],
            "203.0.113.9",
        );
        check(
            "10.1.2.3",
            &["6.6.6.6, nonsense, 10.9.9.9"],
            &["10.0.0.0/8"],
            "10.9.9.9",
        );
        check(
            "::ffff:10.1.2.3",
            &["[2001:db8::1]:443"],
            &["10.0.0.0/8"],
            "2001:db8::1",
        );
        check("::1", &["203.0.113.9:4711"], &["::1"], "203.0.113.9");
    }

    #[test]
    fn a_network_is_an_address_or_a_prefix() {
        let contains = |network: &str, address: &str| {
            Network::parse(network)
                .unwrap()
                .contains(address.parse().unwrap())
        };
        assert!(contains("0.0.0.0/0", "192.0.2.1"));
        assert!(contains("192.0.2.0/24", "192.0.2.255"));
        assert!(!contains("192.0.2.0/24", "192.0.3.0"));
        assert!(contains("2001:db8::/32", "2001:db8:1::1"));
        assert!(!contains("2001:db8::/32", "192.0.2.1"));
        assert!(contains("127.0.0.1", "127.0.0.1"));
        for wrong in [
            "",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0/8",
            "::/129",
            "10.0.0.0/+8",
            "proxy",
        ] {
            assert_eq!(Network::parse(wrong), None, "{wrong}");
        }
    }
}
