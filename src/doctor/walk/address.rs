//! What was typed, and where its name leads.

use std::net::IpAddr;

use url::Url;

use super::Walk;
use crate::clients::KnownClient;
use crate::doctor::checks::address::{
    ADDRESS_HTTPS, ADDRESS_PORT, ADDRESS_PUBLIC, ADDRESS_RESOLVES, ADDRESS_VALID,
};
use crate::doctor::{Diagnosis, Finding};
use crate::outbound::{AddressClass, ProbeError};

/// What is said in place of an address that names a user, and perhaps a password.
const WITH_A_USER: &str = "an address with a user's name";

/// What was typed, up to what may be a secret: for messages.
#[must_use]
pub fn without_secrets(typed: &str) -> &str {
    let end = typed.find(['?', '#']).unwrap_or(typed.len());
    let shown = typed.get(..end).unwrap_or_default();
    // Who writes a name and a password before the host wants neither to be seen.
    if shown.contains('@') {
        WITH_A_USER
    } else {
        shown
    }
}

/// Reads an address as clients do, or says what is wrong with it.
pub fn read(typed: &str) -> Result<Url, Box<Finding>> {
    let failure = |found: String, fix: String| {
        let finding = Finding::failure(&ADDRESS_VALID, found);
        let example = "an address such as https://mcp.example.com/mcp";
        Err(Box::new(finding.expected(example).fix(fix)))
    };
    let fix = |what: &str| format!("Leave out {what}");
    let with_a_user = || failure(WITH_A_USER.to_owned(), fix("what stands before the @"));
    let shown = without_secrets(typed);
    let with_https = || {
        let (_scheme, rest) = shown.split_once("://").unwrap_or(("", shown));
        format!("Type https://{rest}")
    };
    let url = match Url::parse(typed) {
        Ok(url) => url,
        Err(_) if shown == WITH_A_USER => return with_a_user(),
        Err(cause) => return failure(format!("{shown:?}: {cause}"), with_https()),
    };
    if !matches!(url.scheme(), "http" | "https") {
        // `me:secret@mcp.example.com` reads as the scheme `me`, and `mcp.example.com:8080/mcp` as `mcp.example.com`.
        if shown == WITH_A_USER {
            return with_a_user();
        }
        let scheme = url.scheme();
        return failure(format!("{shown:?}: the scheme {scheme:?}"), with_https());
    }
    if url.host_str().is_none() {
        return failure(
            "an address without a host".to_owned(),
            "Name the host".to_owned(),
        );
    }
    if !url.username().is_empty() || url.password().is_some() {
        return with_a_user();
    }
    if url.fragment().is_some() {
        return failure(
            "an address with a #".to_owned(),
            fix("the # and what follows it"),
        );
    }
    if url.query().is_some() {
        return failure(
            "an address with a query".to_owned(),
            fix("the ? and what follows it"),
        );
    }
    Ok(url)
}

/// Everything before the first connection. False if there is no way on.
pub(super) async fn check(walk: &Walk, diagnosis: &mut Diagnosis) -> bool {
    diagnosis.add(Finding::ok(&ADDRESS_VALID, walk.url().as_str()));
    if walk.probe.goes_through_a_proxy() {
        let why = "the configured proxy looks names up";
        diagnosis.add(Finding::skipped(&ADDRESS_RESOLVES, why));
        diagnosis.add(Finding::skipped(&ADDRESS_PUBLIC, why));
        diagnosis.add(https(walk, None));
        return true;
    }
    let addresses = match walk.probe.locate().await {
        Ok(addresses) => addresses,
        Err(error) => {
            diagnosis.add(no_address(&error));
            return false;
        }
    };
    diagnosis.add(Finding::ok(&ADDRESS_RESOLVES, listed(&addresses)));
    let class = walk.probe.class().await.ok();
    diagnosis.add(https(walk, class));
    diagnosis
        .findings
        .extend(class.map_or_else(Vec::new, |class| public(walk, class)));
    true
}

fn no_address(error: &ProbeError) -> Finding {
    match error {
        ProbeError::NeverContacted { .. } | ProbeError::OtherClass { .. } => {
            Finding::failure(&ADDRESS_PUBLIC, error.to_string())
                .expected("an address that clients may call")
        }
        _ => Finding::failure(&ADDRESS_RESOLVES, error.to_string())
            .expected("an entry in DNS, or in the hosts file of this machine"),
    }
}

fn listed(addresses: &[IpAddr]) -> String {
    let shown: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
    shown.join(", ")
}

fn https(walk: &Walk, class: Option<AddressClass>) -> Finding {
    if walk.url().scheme() == "https" {
        Finding::ok(&ADDRESS_HTTPS, "https")
    } else if class == Some(AddressClass::Loopback) {
        Finding::ok(&ADDRESS_HTTPS, "http, on this machine")
    } else {
        Finding::failure(&ADDRESS_HTTPS, "http")
            .expected("https: tokens go over the network, and clients refuse to send them in clear")
    }
}

/// Whether those who call from the internet get there.
fn public(walk: &Walk, class: AddressClass) -> Vec<Finding> {
    if class == AddressClass::Public {
        let on_the_internet = Finding::ok(&ADDRESS_PUBLIC, "on the internet");
        return vec![on_the_internet, port(walk)];
    }
    let from_outside = |client: &&KnownClient| client.calls_from_the_internet();
    let clients: Vec<_> = walk.clients.iter().filter(from_outside).collect();
    if clients.is_empty() {
        return vec![Finding::ok(&ADDRESS_PUBLIC, class.words())];
    }
    let findings = clients.into_iter().map(|client| {
        let found = format!(
            "the address is {}, the client calls from the internet",
            class.words()
        );
        let finding = if walk.named {
            Finding::failure(&ADDRESS_PUBLIC, found).expected("an address on the internet")
        } else {
            Finding::skipped(&ADDRESS_PUBLIC, found)
        };
        finding.with_client(*client)
    });
    findings.collect()
}

/// Claude calls no other port than that of https.
fn port(walk: &Walk) -> Finding {
    let port = walk.url().port_or_known_default().unwrap_or_default();
    let found = format!("port {port}");
    if port == 443 || !walk.clients.contains(&KnownClient::Claude) {
        return Finding::ok(&ADDRESS_PORT, found);
    }
    let finding = if walk.named {
        Finding::failure(&ADDRESS_PORT, found)
    } else {
        Finding::warning(&ADDRESS_PORT, found)
    };
    finding
        .expected("port 443")
        .with_client(KnownClient::Claude)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_that_clients_take_is_read() {
        for typed in [
            "https://mcp.example.com/mcp",
            "https://mcp.example.com",
            "http://127.0.0.1:8080/mcp",
            "HTTPS://MCP.example.com:8443/a/b",
        ] {
            assert!(read(typed).is_ok(), "{typed}");
        }
        for (typed, fix) in [
            ("mcp.example.com/mcp", "Type https://mcp.example.com/mcp"),
            (
                "mcp.example.com:8080/mcp",
                "Type https://mcp.example.com:8080/mcp",
            ),
            ("", "Type https://"),
            ("ftp://mcp.example.com", "Type https://mcp.example.com"),
            (
                "secret:secret@mcp.example.com/mcp",
                "Leave out what stands before the @",
            ),
            ("https://secret@[mcp", "Leave out what stands before the @"),
            (
                "https://me:secret@mcp.example.com",
                "Leave out what stands before the @",
            ),
            (
                "https://mcp.example.com/mcp#x",
                "Leave out the # and what follows it",
            ),
            (
                "https://mcp.example.com/mcp?key=secret",
                "Leave out the ? and what follows it",
            ),
        ] {
            let finding = read(typed).expect_err(typed);
            assert_eq!(finding.check, &ADDRESS_VALID);
            assert_eq!(finding.fix, fix);
            assert!(!finding.found.contains("secret"), "{}", finding.found);
        }
    }
}
