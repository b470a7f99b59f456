//! Callers' tokens in exchange: whose, how often, and what is said when there is none.

use futures_util::future::join_all;
use serde_json::{Value, json};
use usher::auth::settings::IssuerSettings;
use usher::clock::Clock;
use usher::upstream::{CredentialKind, CredentialSettings, OwnRequests, UpstreamSettings};

use super::super::super::gateway::TestGateway;
use super::super::super::issuer::{Answer, TestIssuer};
use super::super::super::raw_upstream::{RawUpstream, Speaks};
use super::super::until_listed;
use super::{
    Secrets, asking, authorizations, call_as, exchanges, issue, issuer, shown, start, token_of,
};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// Nobody's calls are asked for, so that what comes to the token endpoint is exchanges alone.
fn exchanging(url: &str, secrets: &Secrets) -> UpstreamSettings {
    let credential = CredentialSettings {
        own_requests: OwnRequests::None,
        ..asking(CredentialKind::TokenExchange, secrets)
    };
    shown("orders", url, credential)
}

#[tokio::test]
async fn each_caller_has_a_token_of_his_own_and_it_is_asked_for_once() {
    let secrets = Secrets::new();
    for speaks in [Speaks::Legacy, Speaks::Modern] {
        let upstream = RawUpstream::start(speaks).await;
        let gateway = start(issuer().await, vec![exchanging(&upstream.url, &secrets)]).await;
        let (alice, bob) = (token_of(&gateway, "alice"), token_of(&gateway, "bob"));
        for token in [&alice, &bob, &alice, &bob, &alice] {
            let reply = call_as(&gateway, token, "orders__echo").await;
            assert!(!reply.json()["result"].is_null(), "{}", reply.text());
        }
        let (a, b) = ("Bearer exchanged-alice-0", "Bearer exchanged-bob-1");
        assert_eq!(authorizations(&upstream), [a, b, a, b, a]);
        let forms = exchanges(&gateway);
        assert_eq!(forms.len(), 2);
        let form = forms.first().expect("an exchange");
        assert_eq!(
            form.client,
            ("usher & co".to_owned(), "s3cret+/=&".to_owned())
        );
        let expected = [
            ("grant_type", EXCHANGE),
            ("subject_token", &alice),
            ("subject_token_type", ACCESS_TOKEN),
            ("requested_token_type", ACCESS_TOKEN),
            ("audience", "orders"),
            ("scope", "orders:read orders:write"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(form.fields, expected);
    }
}

#[tokio::test]
async fn calls_side_by_side_wait_for_one_exchange() {
    let secrets = Secrets::new();
    let upstream = RawUpstream::start(Speaks::Modern).await;
    let issuer = TestIssuer::start().await;
    issuer.answer_tokens(|form| issue(form, 0));
    let gateway = start(issuer, vec![exchanging(&upstream.url, &secrets)]).await;
    let token = token_of(&gateway, "alice");
    let calls = (0..20).map(|_| call_as(&gateway, &token, "orders__echo"));
    for reply in join_all(calls).await {
        assert!(!reply.json()["result"].is_null(), "{}", reply.text());
    }
    assert_eq!(exchanges(&gateway).len(), 1);
}

#[tokio::test]
async fn an_exchanged_token_ends_with_the_callers_own() {
    let secrets = Secrets::new();
    let upstream = RawUpstream::start(Speaks::Modern).await;
    let clock = Clock::system();
    let settings = vec![exchanging(&upstream.url, &secrets)];
    let gateway = TestGateway::builder()
        .issuer(issuer().await)
        .clock(clock.clone())
        .settings(|all| all.upstream = settings)
        .start()
        .await;
    until_listed(&gateway, "orders__").await;
    let token = gateway.token().scope("mcp:write").expires_in(20).mint();
    // Past its end, and still within the leeway: nothing of it may be kept.
    clock.shift(25);
    for number in 1..=3 {
        let reply = call_as(&gateway, &token, "orders__echo").await;
        assert!(!reply.json()["result"].is_null(), "{}", reply.text());
        assert_eq!(exchanges(&gateway).len(), number);
    }
}

#[tokio::test]
async fn a_refused_token_is_exchanged_once_more_and_then_the_refusal_is_named() {
    let secrets = Secrets::new();
    let upstream = RawUpstream::start(Speaks::Modern).await;
    let gateway = start(issuer().await, vec![exchanging(&upstream.url, &secrets)]).await;
    let token = token_of(&gateway, "alice");
    call_as(&gateway, &token, "orders__echo").await;
    upstream.admit(|headers| {
        headers
            .get("authorization")
            .is_none_or(|value| value == "Bearer exchanged-alice-1")
    });
    let reply = call_as(&gateway, &token, "orders__echo").await;
    assert!(!reply.json()["result"].is_null(), "{}", reply.text());
    assert_eq!(exchanges(&gateway).len(), 2);

    upstream.admit(|headers| !headers.contains_key("authorization"));
    let bob = token_of(&gateway, "bob");
    let reply = call_as(&gateway, &bob, "orders__echo").await;
    let error = &reply.json()["error"];
    assert_eq!(error["code"], 502, "{}", reply.text());
    assert_eq!(error["data"], json!({ "retriable": false }));
    assert_eq!(exchanges(&gateway).len(), 4);
    // Its challenge is none of ours.
    assert_eq!(
        (reply.status, reply.header("www-authenticate")),
        (200, None)
    );
    assert!(!reply.text().contains("the upstream's own"));
    assert!(gateway.access_log().contains("upstream_credential_refused"));
    // The next call does not ask again at once.
    call_as(&gateway, &bob, "orders__echo").await;
    assert_eq!(exchanges(&gateway).len(), 4);
}

/// What a caller is told when the token endpoint answers so.
async fn told(answer: Answer) -> (Value, String, usize) {
    let secrets = Secrets::new();
    let upstream = RawUpstream::start(Speaks::Modern).await;
    let issuer = TestIssuer::start().await;
    issuer.answer_tokens(move |_form| answer.clone());
    let gateway = start(issuer, vec![exchanging(&upstream.url, &secrets)]).await;
    let token = token_of(&gateway, "alice");
    let reply = call_as(&gateway, &token, "orders__echo").await;
    assert_eq!(reply.status, 200);
    assert!(!reply.text().contains("secret words"), "{}", reply.text());
    assert_eq!(authorizations(&upstream), [""; 0]);
    // The refusal counts for a moment.
    call_as(&gateway, &token, "orders__echo").await;
    let log = gateway.access_log();
    let reasons = ["denied", "misconfigured", "unavailable"];
    let reasons = reasons.map(|reason| format!("upstream_credential_{reason}"));
    let mut named = reasons.into_iter().filter(|reason| log.contains(reason));
    let reason = named.next().unwrap_or_default();
    (
        reply.json()["error"].clone(),
        reason,
        exchanges(&gateway).len(),
    )
}

#[tokio::test]
async fn what_the_token_endpoint_refuses_is_named_to_the_caller_without_its_words() {
    let refused = |status, code: &str| {
        let body = json!({ "error": code, "error_description": "secret words" });
        Answer::Refused(status, body.to_string())
    };
    let good = |body: Value| Answer::Body(body.to_string(), "application/json");
    let token = json!({ "access_token": "t", "token_type": "Bearer", "expires_in": 60 });
    let mut other = token.clone();
    other["issued_token_type"] = json!("urn:ietf:params:oauth:token-type:refresh_token");
    let table = [
        (refused(403, "access_denied"), 403, "denied"),
        (refused(400, "invalid_grant"), 403, "denied"),
        (refused(400, "invalid_request"), 403, "denied"),
        (refused(400, "interaction_required"), 403, "denied"),
        (refused(400, "invalid_target"), 502, "misconfigured"),
        (refused(400, "invalid_scope"), 502, "misconfigured"),
        (refused(401, "invalid_client"), 502, "misconfigured"),
        (refused(400, "unsupported_grant_type"), 502, "misconfigured"),
        (Answer::Status(404), 502, "misconfigured"),
        (Answer::Status(500), 503, "unavailable"),
        (Answer::Status(503), 503, "unavailable"),
        (good(token), 502, "misconfigured"),
        (good(other), 502, "misconfigured"),
        (
            Answer::Body("<html>".into(), "text/html"),
            502,
            "misconfigured",
        ),
    ];
    let rows = table.map(|(answer, code, reason)| async move {
        let name = format!("{answer:?}");
        let (error, found, asked) = told(answer).await;
        assert_eq!(error["code"], code, "{name}: {error}");
        assert_eq!(error["data"]["retriable"], code == 503, "{name}: {error}");
        assert_eq!(found, format!("upstream_credential_{reason}"), "{name}");
        assert_eq!(asked, 1, "{name}");
    });
    join_all(rows).await;
}

#[tokio::test]
async fn the_token_of_another_issuers_caller_is_sent_to_nobody() {
    let secrets = Secrets::new();
    let upstream = RawUpstream::start(Speaks::Modern).await;
    let (ours, other) = (issuer().await, issuer().await);
    let mut settings = exchanging(&upstream.url, &secrets);
    settings.credential.issuer = Some(ours.issuer().to_owned());
    let named = IssuerSettings::named(other.issuer());
    let gateway = TestGateway::builder()
        .issuer(ours)
        .settings(|all| {
            all.upstream = vec![settings];
            all.issuer.push(named);
        })
        .start()
        .await;
    until_listed(&gateway, "orders__").await;
    let audience = format!("{}/mcp", gateway.public_url);
    let stranger = other.token().audience(audience).scope("mcp:write").mint();
    let reply = call_as(&gateway, &stranger, "orders__echo").await;
    assert_eq!(reply.json()["error"]["code"], 403, "{}", reply.text());
    assert_eq!(gateway.issuer.token_forms(), []);
    assert_eq!(other.token_forms(), []);
    assert_eq!(authorizations(&upstream), [""; 0]);
    // The other's callers have what is theirs.
    let reply = call_as(&gateway, &token_of(&gateway, "alice"), "orders__echo").await;
    assert!(!reply.json()["result"].is_null(), "{}", reply.text());
}
