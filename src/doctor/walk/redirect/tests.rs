//! From what was shown to findings.

use serde_json::json;

use super::*;
use crate::auth::ProfileName;
use crate::doctor::Verdict;
use crate::doctor::walk::issuer::Document;

fn asked(client_id: Option<&str>) -> Asked {
    Asked {
        issuer: "https://id.test".to_owned(),
        is_first: true,
        resource: "https://mcp.test/mcp".to_owned(),
        scopes: vec!["mcp:read".to_owned()],
        clients: KnownClient::ALL.to_vec(),
        named: false,
        client_id: client_id.map(str::to_owned),
        registers: None,
        now: 0,
    }
}

fn tried(client: KnownClient, shown: Shown, refusal: Option<Refusal>) -> Tried {
    Tried {
        client,
        redirect_uri: "https://client.test/cb".to_owned(),
        shown,
        refusal,
    }
}

fn verdicts(tried: &[Tried], client_id: Option<&str>) -> Vec<(&'static str, Verdict)> {
    let metadata = json!({ "authorization_endpoint": "https://id.test/authorize" });
    let provider = Provider {
        issuer: "https://id.test".to_owned(),
        profile: ProfileName::Keycloak,
        document: Document::parse(metadata.to_string().as_bytes()).expect("a document"),
    };
    let findings = judge(tried, &asked(client_id), &provider);
    findings
        .iter()
        .map(|finding| (finding.check.id, finding.verdict))
        .collect()
}

#[test]
fn what_is_refused_fails_the_check_that_is_about_it_and_no_other() {
    use Verdict::{Failure, Ok, Skipped};
    let refused = |refusal| {
        tried(
            KnownClient::Cursor,
            Shown::Refused(refusal, "no".into()),
            Some(refusal),
        )
    };
    let answers = ("authorization-answers", Ok);
    let resource = ("resource-parameter", Skipped);
    for (tried, expected) in [
        (
            tried(KnownClient::Cursor, Shown::Login, None),
            vec![
                answers,
                ("redirect-accepted", Ok),
                ("resource-parameter", Ok),
            ],
        ),
        (
            refused(Refusal::Redirect),
            vec![answers, ("redirect-accepted", Failure), resource],
        ),
        (
            refused(Refusal::Client),
            vec![answers, ("redirect-accepted", Failure), resource],
        ),
        (
            refused(Refusal::Resource),
            vec![
                answers,
                ("redirect-accepted", Skipped),
                ("resource-parameter", Failure),
            ],
        ),
        (
            refused(Refusal::Scope),
            vec![
                answers,
                ("redirect-accepted", Skipped),
                ("scopes-offered", Failure),
                resource,
            ],
        ),
        (
            refused(Refusal::Other),
            vec![("authorization-answers", Failure), resource],
        ),
        (
            tried(KnownClient::Cursor, Shown::Broken("502".into()), None),
            vec![("authorization-answers", Failure), resource],
        ),
    ] {
        let shown = format!("{:?}", tried.shown);
        assert_eq!(verdicts(&[tried], None), expected, "{shown}");
    }
}

#[test]
fn an_error_that_comes_back_to_the_client_means_that_its_address_is_taken() {
    let back = |error: &str| {
        let shown = Shown::SentBack {
            error: error.to_owned(),
            description: String::new(),
        };
        tried(KnownClient::Cursor, shown, of_error(error))
    };
    let scope = verdicts(&[back("invalid_scope")], None);
    assert!(
        scope.contains(&("redirect-accepted", Verdict::Ok)),
        "{scope:?}"
    );
    assert!(
        scope.contains(&("scopes-offered", Verdict::Failure)),
        "{scope:?}"
    );
    let target = verdicts(&[back("invalid_target")], None);
    assert!(
        target.contains(&("resource-parameter", Verdict::Failure)),
        "{target:?}"
    );
    let nobody = verdicts(&[back("login_required")], None);
    assert!(
        nobody
            .iter()
            .all(|(_, verdict)| *verdict != Verdict::Failure),
        "{nobody:?}"
    );
}

#[test]
fn a_client_id_that_was_typed_in_is_one_clients_and_the_others_need_not_fit() {
    let refused = |client| {
        tried(
            client,
            Shown::Refused(Refusal::Redirect, "no".into()),
            Some(Refusal::Redirect),
        )
    };
    let one = [
        tried(KnownClient::Claude, Shown::Login, None),
        refused(KnownClient::Cursor),
    ];
    let found = verdicts(&one, Some("c1"));
    assert!(
        found
            .iter()
            .all(|(_, verdict)| *verdict != Verdict::Failure),
        "{found:?}"
    );
    let nobody = [refused(KnownClient::Claude), refused(KnownClient::Cursor)];
    let found = verdicts(&nobody, Some("c1"));
    assert!(
        found.contains(&("redirect-accepted", Verdict::Failure)),
        "{found:?}"
    );
    // Registered each for itself, each has to be taken.
    let found = verdicts(&one, None);
    assert!(
        found.contains(&("redirect-accepted", Verdict::Failure)),
        "{found:?}"
    );
}
