//! Where names lead, and whether that may be contacted.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::OnceCell;

use super::super::address::is_own;
use super::{AddressClass, ProbeError};

/// How long a name may take to be looked up.
const PATIENCE: Duration = Duration::from_secs(10);

/// The typed name and where it leads; and the rule for all others.
#[derive(Debug)]
pub(super) struct Names {
    typed: String,
    /// The host of the settings' proxy: the operator's own word, of any class.
    proxy: Option<String>,
    allow_private: bool,
    /// Looked up once, so that a name cannot lead elsewhere once it was checked (DNS rebinding).
    located: OnceCell<Result<Vec<IpAddr>, ProbeError>>,
}

impl Names {
    pub(super) fn new(typed: &str, proxy: Option<String>, allow_private: bool) -> Self {
        Self {
            typed: bare(typed).to_owned(),
            proxy,
            allow_private,
            located: OnceCell::new(),
        }
    }

    pub(super) async fn locate(&self) -> Result<Vec<IpAddr>, ProbeError> {
        let located = self.located.get_or_init(|| look_up(&self.typed));
        located.await.clone()
    }

    /// The class of the typed name; the most public one, if it leads to several.
    pub(super) async fn class(&self) -> Result<AddressClass, ProbeError> {
        let addresses = self.locate().await?;
        let classes = addresses.into_iter().filter_map(AddressClass::of);
        // Whoever runs the name chose them all: a private address beside a public one must not open the way in.
        classes.max().ok_or_else(|| ProbeError::NameNotFound {
            host: self.typed.clone(),
            problem: "it has no address".to_owned(),
        })
    }

    /// True if nobody on a network sees what is sent to the typed name in clear. What it is called says nothing of that: a
    /// resolver may send a name under `localhost` elsewhere.
    pub(super) async fn lead_here(&self) -> bool {
        let addresses = self.locate().await.unwrap_or_default();
        let is_here = |address: &IpAddr| address.to_canonical().is_loopback() || is_own(*address);
        !addresses.is_empty() && addresses.iter().all(is_here)
    }

    /// May `address` be contacted for `host`?
    pub(super) async fn check(&self, host: &str, address: IpAddr) -> Result<(), ProbeError> {
        let host = bare(host);
        let Some(class) = AddressClass::of(address) else {
            return Err(ProbeError::NeverContacted {
                host: host.to_owned(),
                address,
            });
        };
        if self.allow_private || host.eq_ignore_ascii_case(&self.typed) {
            return Ok(());
        }
        let typed = self.class().await.unwrap_or(AddressClass::Public);
        if typed.may_lead_to(class) {
            return Ok(());
        }
        Err(ProbeError::OtherClass {
            host: host.to_owned(),
            address,
            class,
            typed,
        })
    }

    async fn resolve(&self, host: &str, by: Asks) -> Result<Vec<IpAddr>, ProbeError> {
        if by == Asks::PerhapsAProxy && self.proxy.as_deref() == Some(host) {
            return look_up_any(host).await;
        }
        if host.eq_ignore_ascii_case(&self.typed) {
            return self.locate().await;
        }
        let found = look_up(host).await?;
        for address in &found {
            self.check(host, *address).await?;
        }
        Ok(found)
    }
}

/// An address literal without its brackets.
fn bare(host: &str) -> &str {
    host.trim_matches(['[', ']'])
}

async fn look_up(host: &str) -> Result<Vec<IpAddr>, ProbeError> {
    let found = look_up_any(host).await?;
    match found
        .iter()
        .find(|address| AddressClass::of(**address).is_none())
    {
        None => Ok(found),
        Some(address) => Err(ProbeError::NeverContacted {
            host: host.to_owned(),
            address: *address,
        }),
    }
}

async fn look_up_any(host: &str) -> Result<Vec<IpAddr>, ProbeError> {
    let not_found = |problem: String| ProbeError::NameNotFound {
        host: host.to_owned(),
        problem,
    };
    let found = tokio::time::timeout(PATIENCE, tokio::net::lookup_host((host, 0))).await;
    let found = found.map_err(|_late| {
        let seconds = PATIENCE.as_secs();
        not_found(format!("no name server answers within {seconds} s"))
    })?;
    let found = found.map_err(|error| not_found(error.to_string()))?;
    let mut addresses: Vec<IpAddr> = Vec::new();
    for address in found.map(|found| found.ip()) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    match addresses.is_empty() {
        true => Err(not_found("it has no address".to_owned())),
        false => Ok(addresses),
    }
}

/// Which client asks where a name leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asks {
    /// One that goes to each address itself.
    Directly,
    /// One that goes through the proxy of the settings, if there is one: then it asks for that one's name.
    PerhapsAProxy,
}

/// [`Names`] as the HTTP client asks for it.
pub(super) struct ProbeResolver(pub(super) Arc<Names>, pub(super) Asks);

impl Resolve for ProbeResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (names, by) = (Arc::clone(&self.0), self.1);
        Box::pin(async move {
            let found = names.resolve(name.as_str(), by).await?;
            let addresses: Addrs =
                Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_leads_here_if_all_its_addresses_are_this_machines_whatever_it_is_called() {
        for (addresses, leads_here) in [
            (&["127.0.0.1", "::1"][..], true),
            (&["::ffff:127.0.0.1"], true),
            (&["203.0.113.7"], false),
            (&["127.0.0.1", "203.0.113.7"], false),
            (&[], false),
        ] {
            let addresses = addresses.iter().map(|address| address.parse());
            let addresses: Vec<IpAddr> = addresses.map(|a| a.expect("an address")).collect();
            let names = Names {
                located: OnceCell::new_with(Some(Ok(addresses.clone()))),
                ..Names::new("auth.localhost", None, false)
            };
            assert_eq!(names.lead_here().await, leads_here, "{addresses:?}");
        }
    }

    #[tokio::test]
    async fn the_name_of_the_proxy_opens_the_way_in_only_to_the_client_that_goes_through_it() {
        let names = Names::new("203.0.113.7", Some("localhost".to_owned()), false);
        let by_proxy = names.resolve("localhost", Asks::PerhapsAProxy).await;
        assert!(by_proxy.is_ok(), "{by_proxy:?}");
        let named_by_a_document = names.resolve("localhost", Asks::Directly).await;
        assert!(
            matches!(named_by_a_document, Err(ProbeError::OtherClass { .. })),
            "{named_by_a_document:?}"
        );
    }
}
