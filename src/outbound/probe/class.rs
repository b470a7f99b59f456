//! Three surroundings: this machine, a private network, the internet. And what belongs to none.

use std::net::IpAddr;

use crate::outbound::address;

/// In which surroundings an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AddressClass {
    /// This machine.
    Loopback,
    /// A private network (RFC 1918, RFC 4193, RFC 6598).
    Private,
    /// The internet.
    Public,
}

impl AddressClass {
    /// The class of an address; nothing for those that are never contacted: link-local, metadata services, multicast.
    #[must_use]
    pub fn of(address: IpAddr) -> Option<Self> {
        let address = address::canonical(address);
        if address::is_never_contacted(address) {
            None
        } else if address.is_loopback() {
            Some(Self::Loopback)
        } else if address::is_private(address) {
            Some(Self::Private)
        } else {
            Some(Self::Public)
        }
    }

    /// May a document of a server in this class send us to one in `other`? Out to the internet always; into this machine
    /// or a private network only from there.
    #[must_use]
    pub fn may_lead_to(self, other: Self) -> bool {
        other == self || other == Self::Public
    }

    /// For messages.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Loopback => "on this machine",
            Self::Private => "in a private network",
            Self::Public => "on the internet",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_is_in_one_class_and_some_in_none() {
        use AddressClass::{Loopback, Private, Public};
        for (address, class) in [
            ("127.0.0.1", Some(Loopback)),
            ("127.8.0.1", Some(Loopback)),
            ("::1", Some(Loopback)),
            ("::ffff:127.0.0.1", Some(Loopback)),
            ("64:ff9b::127.0.0.1", Some(Loopback)),
            ("10.1.2.3", Some(Private)),
            ("172.31.0.1", Some(Private)),
            ("192.168.1.1", Some(Private)),
            ("100.64.0.1", Some(Private)),
            ("fd12::7", Some(Private)),
            ("64:ff9b::10.0.0.1", Some(Private)),
            ("203.0.113.7", Some(Public)),
            ("2606:4700::1", Some(Public)),
            ("169.254.169.254", None),
            ("::ffff:169.254.169.254", None),
            ("fe80::1", None),
            ("fd00:ec2::254", None),
            ("100.100.100.200", None),
            ("0.0.0.0", None),
            ("::", None),
            ("224.0.0.1", None),
            ("255.255.255.255", None),
        ] {
            let found = AddressClass::of(address.parse().expect("an address"));
            assert_eq!(found, class, "{address}");
        }
    }

    #[test]
    fn documents_lead_out_to_the_internet_but_never_in() {
        use AddressClass::{Loopback, Private, Public};
        for (from, to, may) in [
            (Public, Public, true),
            (Public, Private, false),
            (Public, Loopback, false),
            (Private, Public, true),
            (Private, Private, true),
            (Private, Loopback, false),
            (Loopback, Public, true),
            (Loopback, Private, false),
            (Loopback, Loopback, true),
        ] {
            assert_eq!(from.may_lead_to(to), may, "{from:?} to {to:?}");
        }
    }
}
