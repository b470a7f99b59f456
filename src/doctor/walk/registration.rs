//! How each client becomes known to the authorization server, and whether that will work.
//!
//! Nobody is registered unless that was asked for; and what was registered is deleted again where the server offers that
//! (RFC 7592).

mod trial;

use super::issuer::{Asked, Document, Provider};
use crate::auth::{ProfileName, Scopes};
use crate::clients::{ClientDocument, KnownClient, Registration};
use crate::doctor::Finding;
use crate::doctor::checks::issuer::{
    REGISTRATION_CLIENT_DOCUMENT, REGISTRATION_PATH, REGISTRATION_WORKS,
};
use crate::doctor::login::request::scopes_of_clients;
use crate::outbound::Probe;

pub(in crate::doctor) use trial::register_one;

pub use trial::Registered;

/// The way that one client will take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Path {
    /// Somebody has registered it.
    Predefined,
    /// The address of its document is its id; which one, if that is known.
    Document(Option<&'static ClientDocument>),
    /// It registers itself.
    Dynamic,
    /// There is none.
    Nothing,
}

/// The client ids with which the authorization endpoint can be asked, and what was found on the way.
pub(super) struct Clients {
    /// For each client that has one.
    pub ids: Vec<(KnownClient, String)>,
    pub findings: Vec<Finding>,
}

/// The first way that the client knows and the server offers.
pub(super) fn path(client: KnownClient, document: &Document, asked: &Asked) -> Path {
    if asked.client_id.is_some() {
        return Path::Predefined;
    }
    let needs = client.needs();
    let can = |way: &&Registration| match way {
        Registration::Predefined => false,
        Registration::ClientDocument => {
            document.takes_client_documents() && (!needs.wants_none_listed || lists_none(document))
        }
        Registration::Dynamic => document.address("registration_endpoint").is_some(),
    };
    match needs.registrations.iter().find(can) {
        None | Some(Registration::Predefined) => Path::Nothing,
        Some(Registration::Dynamic) => Path::Dynamic,
        Some(Registration::ClientDocument) => {
            // ChatGPT has one for issuers that return `iss`, and another for the rest.
            let fits = |known: &&ClientDocument| {
                let wanted = known.with_issuer_in_answer;
                wanted.is_none_or(|wanted| wanted == document.returns_issuer())
            };
            Path::Document(needs.documents.iter().find(fits))
        }
    }
}

fn lists_none(document: &Document) -> bool {
    document.lists("token_endpoint_auth_methods_supported", "none")
}

/// Every client's way, and with `--register` the proof of it.
pub(super) async fn check(probe: &Probe, asked: &Asked, provider: &Provider) -> Clients {
    let document = &provider.document;
    let paths = asked.clients.iter();
    let paths: Vec<_> = paths
        .map(|client| (*client, path(*client, document, asked)))
        .collect();
    let ways = paths
        .iter()
        .map(|(client, way)| judge_path(*client, *way, provider));
    let mut findings = by_client(ways.collect());
    let documents = paths
        .iter()
        .filter_map(|(client, way)| judge_document(*client, *way, provider));
    findings.extend(by_client(documents.collect()));

    let mut clients = Clients {
        ids: Vec::new(),
        findings,
    };
    if let Some(id) = &asked.client_id {
        clients.ids = asked
            .clients
            .iter()
            .map(|client| (*client, id.clone()))
            .collect();
        clients.findings.push(Finding::skipped(
            &REGISTRATION_WORKS,
            "a client id was given",
        ));
        return clients;
    }
    let themselves: Vec<_> = paths
        .iter()
        .filter(|(_, way)| *way == Path::Dynamic)
        .map(|(client, _)| *client)
        .collect();
    if themselves.is_empty() {
        let why = "no client that was asked about registers itself there";
        clients
            .findings
            .push(Finding::skipped(&REGISTRATION_WORKS, why));
    } else if let Some(registered) = &asked.registers {
        // As the official SDKs register: for what they will ask for.
        let scopes = scopes_of_clients(&asked.scopes, document).join(" ");
        let scopes = Scopes::parse(&scopes).unwrap_or_default();
        let asking = (probe, registered);
        trial::register(asking, provider, &themselves, &scopes, &mut clients).await;
    } else {
        let why = "a client is registered for real only with --register";
        clients
            .findings
            .push(Finding::skipped(&REGISTRATION_WORKS, why));
    }
    if asked.registers.is_some() {
        // The server then fetches the vendor's document, as it would for the client itself.
        let ids = paths.iter().filter_map(|(client, way)| match way {
            Path::Document(Some(document)) if !document.address.contains('{') => {
                Some((*client, document.address.to_owned()))
            }
            Path::Document(_) | Path::Predefined | Path::Dynamic | Path::Nothing => None,
        });
        clients.ids.extend(ids);
    }
    clients
}

fn judge_path(client: KnownClient, way: Path, provider: &Provider) -> Finding {
    let document = &provider.document;
    let finding = match way {
        Path::Predefined => Finding::ok(&REGISTRATION_PATH, "the client id that was given"),
        Path::Document(Some(known)) => Finding::ok(
            &REGISTRATION_PATH,
            format!("client ID metadata document {}", known.address),
        ),
        Path::Document(None) => {
            Finding::ok(&REGISTRATION_PATH, "client ID metadata document of its own")
        }
        Path::Dynamic => Finding::ok(&REGISTRATION_PATH, "dynamic registration"),
        Path::Nothing => no_path(client, provider),
    };
    let half = client.needs().wants_none_listed
        && document.takes_client_documents()
        && !lists_none(document);
    match (half, way) {
        (true, Path::Dynamic) => Finding::ok(
            &REGISTRATION_PATH,
            "dynamic registration: it takes its metadata document only where `none` is listed in \
             token_endpoint_auth_methods_supported",
        ),
        (_, _) => finding,
    }
    .with_client(client)
}

fn no_path(client: KnownClient, provider: &Provider) -> Finding {
    let document = &provider.document;
    let mut found = match document.takes_client_documents() {
        false => "neither a registration_endpoint nor client ID metadata documents".to_owned(),
        true if client.needs().wants_none_listed => {
            "client ID metadata documents, but no `none` in token_endpoint_auth_methods_supported, without which this client \
             does not use them; and no registration_endpoint"
                .to_owned()
        }
        true => "client ID metadata documents, which this client does not know; and no registration_endpoint".to_owned(),
    };
    let profile = provider.profile;
    let fix = format!(
        "Register the client there by hand and type its client id into the client: {}. Then run the doctor again with \
         --client-id.",
        profile.registration_hint()
    );
    // Providers that never register anybody work with clients made by hand: that is no mistake of anybody's.
    let finding = if registers_nobody(profile) {
        found.push_str(", as always with this provider: clients are made by hand");
        Finding::warning(&REGISTRATION_PATH, found)
    } else {
        Finding::failure(&REGISTRATION_PATH, found)
    };
    finding
        .expected("one way in which the client becomes known to the authorization server")
        .fix(fix)
}

/// docs/identity-providers.md, column "Clients register".
fn registers_nobody(profile: ProfileName) -> bool {
    match profile {
        ProfileName::Adfs
        | ProfileName::Authelia
        | ProfileName::Authentik
        | ProfileName::Cognito
        | ProfileName::EntraV1
        | ProfileName::EntraV2
        | ProfileName::Okta
        | ProfileName::Pingone
        | ProfileName::Zitadel => true,
        ProfileName::Auth0
        | ProfileName::Clerk
        | ProfileName::Descope
        | ProfileName::Generic
        | ProfileName::Keycloak
        | ProfileName::Pingfederate
        | ProfileName::Supabase
        | ProfileName::Workos => false,
    }
}

/// Nothing for clients that go another way.
fn judge_document(client: KnownClient, way: Path, provider: &Provider) -> Option<Finding> {
    let Path::Document(Some(known)) = way else {
        return None;
    };
    const NAME: &str = "token_endpoint_auth_methods_supported";
    let check = &REGISTRATION_CLIENT_DOCUMENT;
    let fix = check.fix_at(provider.profile);
    if provider.profile == ProfileName::Keycloak && client == KnownClient::ChatGpt {
        let found = "Keycloak advertises client ID metadata documents and refuses ChatGPT's";
        let finding = Finding::failure(check, found).fix(fix).with_client(client);
        return Some(finding.expected("a document that the server takes, or the feature off"));
    }
    let wanted = known.authentication;
    let finding = match provider.document.list(NAME) {
        Some(listed) if wanted.iter().any(|method| listed.contains(method)) => Finding::ok(
            check,
            format!("{} is read by the server at the login", known.address),
        ),
        Some(listed) => {
            let found = format!(
                "{NAME} is {}, and the document says {}",
                listed.join(", "),
                wanted.join(" or ")
            );
            let expected = format!("{} among them", wanted.join(" or "));
            Finding::failure(check, found).fix(fix).expected(expected)
        }
        // "If omitted, the default is client_secret_basic" (RFC 8414 §2), which no public client can do.
        None => {
            let found = format!(
                "no {NAME}, which means client_secret_basic alone, and the document says {}",
                wanted.join(" or ")
            );
            Finding::warning(check, found)
                .fix(fix)
                .expected(format!("{} listed", wanted.join(" or ")))
        }
    };
    Some(finding.with_client(client))
}

/// One finding for all where all have the same, else one each.
pub(super) fn by_client(findings: Vec<Finding>) -> Vec<Finding> {
    let Some(first) = findings.first() else {
        return findings;
    };
    let common = Finding {
        client: None,
        ..first.clone()
    };
    let is_common = |finding: &Finding| {
        Finding {
            client: None,
            ..finding.clone()
        } == common
    };
    if findings.len() > 1 && findings.iter().all(is_common) {
        return vec![common];
    }
    findings
}

#[cfg(test)]
mod tests;
