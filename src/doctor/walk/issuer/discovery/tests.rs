//! What is found where, and what clients make of it.

use super::*;
use crate::doctor::Verdict;
use crate::outbound::TlsProblem;

const ISSUER: &str = "https://id.test/realms/mcp";

fn document(issuer: &str) -> Seen {
    let text = format!(
        r#"{{"issuer":"{issuer}","authorization_endpoint":"https://id.test/a","token_endpoint":"https://id.test/t",
            "jwks_uri":"https://id.test/k"}}"#
    );
    Seen::Document(Document::parse(text.as_bytes()).expect("a document"))
}

/// What stands at the places of `ISSUER`, in the clients' order.
fn places_with(seen: [Seen; 4]) -> Vec<Place> {
    let issuer = Url::parse(ISSUER).expect("an address");
    let places = places(&issuer).into_iter().zip(seen);
    let place = |((form, url), seen)| Place {
        form,
        url,
        seen,
        date: None,
    };
    places.map(place).collect()
}

fn verdicts(seen: [Seen; 4]) -> Vec<(&'static str, Verdict)> {
    let findings = judge(ISSUER, &places_with(seen));
    let verdicts = findings
        .iter()
        .map(|finding| (finding.check.id, finding.verdict));
    verdicts
        .filter(|(_, verdict)| *verdict != Verdict::Ok)
        .collect()
}

fn absent() -> Seen {
    Seen::Status(404)
}

#[test]
fn places_are_those_of_clients_in_their_order_and_the_servers_own() {
    let paths = |issuer: &str| -> Vec<String> {
        let url = Url::parse(issuer).expect("an address");
        places(&url)
            .into_iter()
            .map(|(_, url)| url.path().to_owned())
            .collect()
    };
    assert_eq!(
        paths(ISSUER),
        [
            "/.well-known/oauth-authorization-server/realms/mcp",
            "/.well-known/openid-configuration/realms/mcp",
            "/realms/mcp/.well-known/openid-configuration",
            "/realms/mcp/.well-known/oauth-authorization-server",
        ]
    );
    for issuer in [ISSUER, "https://id.test", "https://id.test/a/"] {
        let url = Url::parse(issuer).expect("an address");
        let mut ours: Vec<_> = places(&url).into_iter().map(|(_, url)| url).collect();
        let mut servers = crate::auth::published::metadata_places(&url);
        ours.sort();
        servers.sort();
        assert_eq!(ours, servers, "{issuer}");
    }
}

#[test]
fn metadata_in_any_standard_place_is_found_and_elsewhere_is_not() {
    assert_eq!(
        verdicts([document(ISSUER), absent(), absent(), absent()]),
        []
    );
    assert_eq!(
        verdicts([absent(), document(ISSUER), absent(), absent()]),
        []
    );
    assert_eq!(
        verdicts([absent(), absent(), document(ISSUER), absent()]),
        []
    );
    let failure = ("issuer-metadata-found", Verdict::Failure);
    assert_eq!(
        verdicts([absent(), absent(), absent(), document(ISSUER)]),
        [failure]
    );
    assert_eq!(
        verdicts([absent(), absent(), absent(), absent()]),
        [failure]
    );
    let redirect = || Seen::Redirect(302, "https://login.test/".to_owned());
    assert_eq!(
        verdicts([redirect(), absent(), absent(), absent()]),
        [failure]
    );
}

#[test]
fn a_page_in_the_place_of_metadata_is_told_from_nothing_at_all() {
    let page = || Seen::Other("an HTML page".to_owned());
    let failure = ("issuer-metadata-valid", Verdict::Failure);
    assert_eq!(verdicts([page(), page(), page(), page()]), [failure]);
    let empty = Seen::Document(Document::parse(b"{}").expect("a document"));
    assert_eq!(verdicts([empty, absent(), absent(), absent()]), [failure]);
}

#[test]
fn the_name_is_compared_byte_for_byte_and_a_slash_is_named() {
    for (found, part) in [
        ("https://id.test/realms/mcp/", "Only the slash"),
        ("http://id.test/realms/mcp", "X-Forwarded-Proto"),
        ("http://keycloak:8080/realms/mcp", "KC_HOSTNAME"),
    ] {
        let places = places_with([absent(), absent(), document(found), absent()]);
        let findings = judge(ISSUER, &places);
        let equal = findings
            .iter()
            .find(|finding| finding.check == &ISSUER_EQUAL)
            .expect("a finding");
        assert_eq!(equal.verdict, Verdict::Failure);
        assert!(equal.fix.contains(part), "{}", equal.fix);
        assert!(equal.found.contains(found), "{}", equal.found);
    }
}

#[test]
fn the_issuers_own_document_counts_and_anothers_before_it_is_told() {
    // Okta: the inserted form has the org authorization server's.
    let warning = ("issuer-equal", Verdict::Warning);
    assert_eq!(
        verdicts([
            document("https://id.test"),
            absent(),
            document(ISSUER),
            absent()
        ]),
        [warning]
    );
    assert_eq!(
        verdicts([
            document(ISSUER),
            absent(),
            document("https://id.test"),
            absent()
        ]),
        []
    );
}

#[test]
fn nobody_there_is_told_from_a_certificate_that_nobody_believes() {
    let all = |error: &ProbeError| [(); 4].map(|()| Seen::Nobody(error.clone()));
    assert_eq!(
        verdicts(all(&ProbeError::Refused)),
        [("issuer-reachable", Verdict::Failure)]
    );
    let tls = ProbeError::Tls(TlsProblem::SelfSigned);
    assert_eq!(verdicts(all(&tls)), [("issuer-tls", Verdict::Failure)]);
}
