//! Which addresses may be contacted: a name in a discovery document must not lead into the machine's own surroundings.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Url;

/// An address that is never contacted under the name given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} must not be contacted under this name")]
pub(super) struct ForbiddenAddress(pub IpAddr);

/// True for `localhost`, names under it, and loopback literals; `host` as in [`url::Url::host_str`].
pub(crate) fn is_loopback_host(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => {
            let name = bare.trim_end_matches('.').to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
    }
}

/// True for an address that this machine has itself, whatever network it is of: what is sent there does not leave the machine.
pub(super) fn is_own(address: IpAddr) -> bool {
    let anywhere: IpAddr = match address {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    // Nothing is sent by this. The system says from which of its addresses it would send: to itself, from the same one. A
    // second address of one network may not be known by that, and counts as another machine's.
    let from = UdpSocket::bind((anywhere, 0)).and_then(|socket| {
        socket.connect((address, 9))?;
        socket.local_addr()
    });
    from.is_ok_and(|from| from.ip() == address)
}

/// Where a server on this machine that listens at this address is asked: one that listens on every address, over loopback.
pub(crate) fn to_ask(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// An address for logs and messages. Its query may be a key.
pub(crate) fn without_secrets(url: &Url) -> String {
    let mut shown = url.clone();
    shown.set_query(None);
    shown.set_fragment(None);
    // Addresses that cannot have them fail to lose them.
    let _without = (shown.set_username(""), shown.set_password(None));
    shown.into()
}

/// The rule itself: may `address` be contacted for the name `host`?
pub(super) fn check(
    host: &str,
    address: IpAddr,
    allow_private: bool,
) -> Result<(), ForbiddenAddress> {
    let address = canonical(address);
    let forbidden = is_never_contacted(address) || (!allow_private && is_private(address));
    // A public name that resolves to loopback is how DNS rebinding reaches local services.
    if forbidden || (address.is_loopback() && !is_loopback_host(host)) {
        return Err(ForbiddenAddress(address));
    }
    Ok(())
}

/// The address that is contacted in the end: IPv4 addresses in the clothes of IPv6 are taken out of them.
pub(super) fn canonical(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => inner(v6).map_or(IpAddr::V6(v6), IpAddr::V4),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// RFC 1918, RFC 4193, RFC 6598; `address` as [`canonical`] gives it.
pub(super) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_private_v4(v4),
        IpAddr::V6(v6) => v6.is_unique_local() || is_site_local(v6),
    }
}

/// What came before unique local addresses (RFC 3879).
fn is_site_local(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.octets();
    first == 0xfe && second & 0xc0 == 0xc0
}

/// Link-local, metadata, unspecified and multicast; `address` as [`canonical`] gives it.
pub(super) fn is_never_contacted(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_never_contacted_v4(v4),
        IpAddr::V6(v6) => is_never_contacted_v6(v6),
    }
}

/// The IPv4 address that this one leads to by way of a translator or a tunnel: NAT64 (RFC 6052 §2.1, RFC 8215), 6to4
/// (RFC 3056), Teredo (RFC 4380 §4), and the old forms of translated (RFC 2765 §2.1) and compatible addresses (RFC 4291
/// §2.5.5.1).
fn inner(address: Ipv6Addr) -> Option<Ipv4Addr> {
    if address.is_loopback() || address.is_unspecified() {
        return None;
    }
    let found = match address.octets() {
        [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d]
        | [0, 0x64, 0xff, 0x9b, 0, 1, _, _, _, _, _, _, a, b, c, d]
        | [0x20, 0x02, a, b, c, d, ..]
        | [0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, a, b, c, d]
        | [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d] => [a, b, c, d],
        [0x20, 0x01, 0, 0, _, _, _, _, _, _, _, _, a, b, c, d] => [!a, !b, !c, !d],
        _ => return None,
    };
    Some(found.into())
}

/// RFC 1918, and RFC 6598: what a carrier or a cloud uses inside.
fn is_private_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    address.is_private() || (first == 100 && (64..128).contains(&second))
}

fn is_never_contacted_v4(address: Ipv4Addr) -> bool {
    // The metadata services of Alibaba, Azure (its agent's) and Oracle; most others are link-local.
    const METADATA: [Ipv4Addr; 3] = [
        Ipv4Addr::new(100, 100, 100, 200),
        Ipv4Addr::new(168, 63, 129, 16),
        Ipv4Addr::new(192, 0, 0, 192),
    ];
    address.is_link_local()
        // "This network" (RFC 1122 §3.2.1.3): 0.0.0.0 reaches loopback on most systems.
        || address.octets().starts_with(&[0])
        || address.is_multicast()
        || address.is_broadcast()
        || METADATA.contains(&address)
}

fn is_never_contacted_v6(address: Ipv6Addr) -> bool {
    // The metadata services of AWS, Google and Oracle.
    const METADATA: [Ipv6Addr; 3] = [
        Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
        Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
        Ipv6Addr::new(0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe),
    ];
    address.is_unicast_link_local()
        || address.is_unspecified()
        || address.is_multicast()
        || METADATA.contains(&address)
}

/// Where the names that are looked up may lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// Wherever [`check`] allows.
    Anywhere,
    /// To loopback only: for plain http. A resolver may well send a name under `localhost` elsewhere.
    OnLoopback,
}

impl Names {
    fn check(self, address: IpAddr) -> Result<(), ForbiddenAddress> {
        match self {
            Self::OnLoopback if !address.to_canonical().is_loopback() => {
                Err(ForbiddenAddress(address))
            }
            Self::Anywhere | Self::OnLoopback => Ok(()),
        }
    }
}

/// The system's resolver, whose answers are checked before anything connects.
#[derive(Clone, Copy, Debug)]
pub(super) struct CheckedResolver {
    pub names: Names,
    pub allow_private: bool,
}

impl CheckedResolver {
    /// Where `host` leads, as in [`Url::host_str`]; an error if one of its addresses must not be contacted.
    pub(super) async fn addresses(
        self,
        host: &str,
        port: u16,
    ) -> Result<Vec<SocketAddr>, Box<dyn Error + Send + Sync>> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let found: Vec<_> = tokio::net::lookup_host((bare, port)).await?.collect();
        for address in &found {
            check(host, address.ip(), self.allow_private)?;
            self.names.check(address.ip())?;
        }
        Ok(found)
    }
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = *self;
        Box::pin(async move {
            let found = resolver.addresses(name.as_str(), 0).await?;
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_what_may_be_a_key() {
        for (url, shown) in [
            ("https://up.test/mcp?key=secret#part", "https://up.test/mcp"),
            (
                "https://me:secret@up.test:8443/mcp",
                "https://up.test:8443/mcp",
            ),
            ("https://secret@up.test/", "https://up.test/"),
            ("data:text", "data:text"),
        ] {
            let url = Url::parse(url).expect("an address");
            assert_eq!(without_secrets(&url), shown);
        }
    }

    #[test]
    fn metadata_and_link_local_addresses_are_refused_and_loopback_only_by_its_own_names() {
        let table = [
            ("id.test", "203.0.113.7", true, true),
            ("id.test", "10.0.0.7", true, true),
            ("id.test", "10.0.0.7", false, false),
            ("id.test", "fd12::7", false, false),
            ("id.test", "fd12::7", true, true),
            ("id.test", "169.254.169.254", true, false),
            ("169.254.169.254", "169.254.169.254", true, false),
            ("id.test", "::ffff:169.254.169.254", true, false),
            ("id.test", "fe80::1", true, false),
            ("id.test", "fd00:ec2::254", true, false),
            ("id.test", "100.100.100.200", true, false),
            ("id.test", "0.0.0.0", true, false),
            ("id.test", "0.1.2.3", true, false),
            ("id.test", "64:ff9b::169.254.169.254", true, false),
            ("id.test", "64:ff9b::127.0.0.1", true, false),
            ("id.test", "64:ff9b::203.0.113.7", true, true),
            ("id.test", "64:ff9b:1::127.0.0.1", true, false),
            ("id.test", "64:ff9b:1::203.0.113.7", false, true),
            ("id.test", "2002:7f00:1::1", true, false),
            ("id.test", "2002:a9fe:a9fe::", true, false),
            ("id.test", "2002:a00:7::1", false, false),
            ("id.test", "2002:cb00:7107::1", false, true),
            ("id.test", "2001:0:1:2:3:4:80ff:fffe", true, false),
            ("id.test", "::ffff:0:127.0.0.1", true, false),
            ("id.test", "::ffff:0:169.254.169.254", true, false),
            ("id.test", "::127.0.0.1", true, false),
            ("id.test", "::169.254.169.254", true, false),
            ("id.test", "fec0::7", false, false),
            ("id.test", "168.63.129.16", true, false),
            ("id.test", "fd20:ce::254", true, false),
            ("id.test", "fd00:c1::a9fe:a9fe", true, false),
            ("id.test", "100.64.0.7", true, true),
            ("id.test", "100.64.0.7", false, false),
            ("id.test", "100.128.0.7", false, true),
            ("id.test", "224.0.0.1", true, false),
            ("id.test", "127.0.0.1", true, false),
            ("id.test", "::1", true, false),
            ("id.test", "::ffff:127.0.0.1", true, false),
            ("localhost", "127.0.0.1", true, true),
            ("auth.localhost", "::1", true, true),
            ("127.0.0.1", "127.0.0.1", true, true),
            ("[::1]", "::1", true, true),
            ("localhost.id.test", "127.0.0.1", true, false),
        ];
        for (host, address, allow_private, allowed) in table {
            let address = address.parse().expect("an address");
            let verdict = check(host, address, allow_private).is_ok();
            assert_eq!(
                verdict, allowed,
                "{host} -> {address}, private {allow_private}"
            );
        }
    }

    #[test]
    fn an_address_is_this_machines_own_if_it_is_what_the_system_would_send_from() {
        for (address, own) in [
            ("127.0.0.1", true),
            ("192.0.2.1", false),
            ("2001:db8::1", false),
            ("255.255.255.255", false),
            ("224.0.0.1", false),
            ("0.0.0.0", false),
        ] {
            let address = address.parse().expect("an address");
            assert_eq!(is_own(address), own, "{address}");
        }
    }

    #[test]
    fn a_server_on_every_address_is_asked_over_loopback() {
        let check = |listen: &str, expected: &str| {
            assert_eq!(to_ask(listen.parse().unwrap()).to_string(), expected);
        };
        check("0.0.0.0:8080", "127.0.0.1:8080");
        check("[::]:8080", "[::1]:8080");
        check("10.1.2.3:80", "10.1.2.3:80");
    }

    #[test]
    fn plain_http_ends_on_loopback_whatever_its_name_resolves_to() {
        for (address, on_loopback) in [
            ("127.0.0.1", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("10.0.0.7", false),
            ("203.0.113.7", false),
            ("fe80::1", false),
        ] {
            let address = address.parse().expect("an address");
            assert_eq!(
                Names::OnLoopback.check(address).is_ok(),
                on_loopback,
                "{address}"
            );
            assert_eq!(Names::Anywhere.check(address), Ok(()));
        }
    }
}
