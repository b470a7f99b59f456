//! Clocks, browsers, and which clients look at which issuer.

use super::*;
use crate::doctor::Verdict;

#[test]
fn clocks_that_are_further_apart_than_tokens_forgive_fail() {
    let date = "Sat, 21 Nov 2026 12:00:00 GMT";
    let at = 1_795_262_400;
    for (now, verdict, words) in [
        (at, Verdict::Ok, "agrees"),
        (at + 4, Verdict::Ok, "agrees"),
        (at + 20, Verdict::Warning, "20 s behind"),
        (at - 300, Verdict::Failure, "300 s ahead of"),
        (at + 300, Verdict::Failure, "300 s behind"),
    ] {
        let finding = clock(Some(date), now);
        assert_eq!(finding.verdict, verdict, "{now}");
        assert!(finding.found.contains(words), "{}", finding.found);
    }
    assert_eq!(clock(None, at).verdict, Verdict::Skipped);
    assert_eq!(clock(Some("yesterday"), at).verdict, Verdict::Skipped);
}

#[test]
fn a_browser_reads_what_it_is_allowed_to() {
    for (allowed, verdict) in [
        (Some("*"), Verdict::Ok),
        (Some(INSPECTOR_ORIGIN), Verdict::Ok),
        (Some("https://app.test"), Verdict::Warning),
        (None, Verdict::Warning),
    ] {
        assert_eq!(judge_cors(allowed).verdict, verdict, "{allowed:?}");
    }
}

#[test]
fn claude_looks_at_the_first_issuer_and_at_no_other() {
    let asked = |is_first| Asked {
        issuer: "https://id.test".to_owned(),
        is_first,
        resource: String::new(),
        scopes: Vec::new(),
        clients: vec![KnownClient::Claude, KnownClient::Cursor],
        named: true,
        client_id: None,
        registers: None,
        now: 0,
    };
    assert_eq!(
        asked(true).of_its_clients().clients,
        [KnownClient::Claude, KnownClient::Cursor]
    );
    assert_eq!(asked(false).of_its_clients().clients, [KnownClient::Cursor]);
}

#[test]
fn what_an_endpoint_shows_takes_the_place_of_what_the_metadata_lets_expect() {
    use crate::doctor::checks::issuer::{REGISTRATION_CLIENT_DOCUMENT, REGISTRATION_PATH};
    let check = &REGISTRATION_CLIENT_DOCUMENT;
    let expected = vec![
        Finding::ok(&REGISTRATION_PATH, "a document"),
        Finding::ok(check, "expected").with_client(KnownClient::ChatGpt),
        Finding::ok(check, "expected").with_client(KnownClient::Claude),
    ];
    let left = |shown: Finding| -> Vec<_> {
        let shown = [shown];
        let left = unless_shown(expected.clone(), &shown);
        left.map(|finding| (finding.check.id, finding.client))
            .collect()
    };
    let path = (REGISTRATION_PATH.id, None);
    let shown = Finding::failure(check, "shown");
    assert_eq!(
        left(shown.clone().with_client(KnownClient::ChatGpt)),
        [path, (check.id, Some(KnownClient::Claude))]
    );
    assert_eq!(left(shown), [path]);
}
