//! How many connections one address may hold.
//!
//! Only where trusted proxies are configured: everybody else comes around the proxy. Without them one address may well
//! be a proxy that nobody told us of, so nothing is counted.

use std::net::IpAddr;
use std::sync::Arc;

use super::Settings;
use super::client_address::{Network, is_trusted};
use crate::rate_limit::network_of;
use crate::shares::{Share, Shares};

/// The open connections per address.
#[derive(Clone, Debug)]
pub struct PerAddress {
    trusted: Arc<[Network]>,
    open: Shares,
}

/// One counted connection, or one that need not be counted.
#[derive(Debug)]
pub struct Counted {
    _share: Option<Share>,
}

impl PerAddress {
    /// Counts as `settings` say.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self {
            trusted: settings.trusted_proxies.clone().into(),
            open: Shares::new(settings.max_connections_per_address),
        }
    }

    /// A place for one more connection from `address`, if there is one.
    #[must_use]
    pub fn admit(&self, address: IpAddr) -> Option<Counted> {
        if self.trusted.is_empty() || is_trusted(address, &self.trusted) {
            return Some(Counted { _share: None });
        }
        let share = self.open.take(&network_of(address))?;
        Some(Counted {
            _share: Some(share),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(trusted: &[&str]) -> PerAddress {
        PerAddress::new(&Settings {
            trusted_proxies: trusted
                .iter()
                .map(|text| Network::parse(text).unwrap())
                .collect(),
            max_connections_per_address: 2,
            ..Settings::default()
        })
    }

    #[test]
    fn an_address_that_is_no_trusted_proxy_has_so_many_connections_and_gets_them_back() {
        let counts = counts(&["10.0.0.0/8"]);
        let address = IpAddr::from([192, 0, 2, 1]);
        let first = counts.admit(address).unwrap();
        let _second = counts.admit(address).unwrap();
        assert!(counts.admit(address).is_none());
        assert!(counts.admit(IpAddr::from([192, 0, 2, 2])).is_some());
        drop(first);
        assert!(counts.admit(address).is_some());
    }

    #[test]
    fn proxies_and_servers_without_proxies_are_not_limited() {
        for (counts, address) in [
            (counts(&["10.0.0.0/8"]), IpAddr::from([10, 0, 0, 1])),
            (counts(&[]), IpAddr::from([192, 0, 2, 1])),
        ] {
            let held: Vec<_> = (0..10).map(|_| counts.admit(address)).collect();
            assert!(held.iter().all(Option::is_some));
            assert_eq!(counts.open.holders(), 0);
        }
    }
}
