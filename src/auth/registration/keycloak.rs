//! Keycloak names the policy that refused only in the description of its error. Which policy, and where to change it.
//!
//! The texts were read in the answers of Keycloak 26.7.3, the places in its admin console; `tests/e2e/registration.rs` asks
//! again.

use url::Url;

use super::AuthorizationServer;
use super::refusal::{Asked, RegistrationError};

/// The admin console's realm, for a person to find.
pub(super) fn console(server: &AuthorizationServer) -> String {
    let realm = server.issuer.split_once("/realms/");
    let realm = realm.map_or("", |(_, realm)| realm.trim_end_matches('/'));
    format!("the admin console, realm {realm:?}")
}

/// `Policy 'NAME' rejected request to client-registration service. Details: TEXT`.
pub(super) fn policy(said: &str, asked: &Asked<'_>) -> Option<RegistrationError> {
    let (name, rest) = said.strip_prefix("Policy '")?.split_once('\'')?;
    let details = rest.split_once("Details: ").map_or("", |(_, text)| text);
    let tab = match asked.initial_access_token {
        None => "Anonymous access policies",
        Some(_) => "Authenticated access policies",
    };
    let place = format!(
        "{} > Clients > Client registration > {tab}",
        console(asked.server)
    );
    let what = match name {
        "Trusted Hosts" if details.contains("Host not trusted") => {
            "add this machine's address to the trusted hosts, or switch off `Host Sending Client Registration Request Must \
             Match`"
                .to_owned()
        }
        "Trusted Hosts" => format!("add {} to the trusted hosts", hosts(&asked.client.redirect_uris)),
        "Allowed Client Scopes" => format!(
            "add those of {:?} that are missing to the allowed client scopes (they have to exist in the realm), or ask for \
             others with --scope",
            asked.client.scopes.to_string()
        ),
        "Max Clients Limit" => "delete clients that nobody uses, or raise the limit".to_owned(),
        _ => "change it, or register another kind of client".to_owned(),
    };
    // Keycloak's own policies for registration with such a token have neither.
    let otherwise = match (asked.initial_access_token, name) {
        (None, "Trusted Hosts" | "Max Clients Limit") => {
            "; or use an initial access token, to which this policy does not apply"
        }
        (_, _) => "",
    };
    Some(RegistrationError::PolicyRefused {
        policy: name.to_owned(),
        details: details.to_owned(),
        advice: format!("in {place} > {name}, {what}{otherwise}"),
    })
}

/// The hosts of the redirect addresses, each once.
fn hosts(redirect_uris: &[String]) -> String {
    let mut hosts: Vec<String> = redirect_uris
        .iter()
        .filter_map(|address| Some(Url::parse(address).ok()?.host_str()?.to_owned()))
        .collect();
    hosts.sort_unstable();
    hosts.dedup();
    hosts.join(", ")
}
