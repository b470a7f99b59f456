//! A secret from a file, and tokens of this server's own.

use axum::http::HeaderMap;
use usher::outbound::ClientAuthentication;
use usher::upstream::{CredentialKind, CredentialSettings};

use super::super::super::raw_upstream::{RawUpstream, Speaks};
use super::{
    Secrets, asking, authorization, authorizations, call_as, issuer, shown, start, token_of,
};

#[tokio::test]
async fn a_secret_in_a_header_is_read_again_when_it_is_refused() {
    let secrets = Secrets::new();
    secrets.write("first");
    let upstream = RawUpstream::start(Speaks::Legacy).await;
    let credential = CredentialSettings {
        kind: CredentialKind::Header,
        header: "X-Api-Key".into(),
        prefix: "Key ".into(),
        secret_file: Some(secrets.path()),
        ..CredentialSettings::default()
    };
    let settings = vec![shown("orders", &upstream.url, credential)];
    let gateway = start(issuer().await, settings).await;
    let token = token_of(&gateway, "alice");
    call_as(&gateway, &token, "orders__echo").await;
    let keys = || {
        let calls = upstream.requests().into_iter();
        let calls = calls.filter(|sent| sent.method == "tools/call");
        let key = |headers: HeaderMap| headers["x-api-key"].to_str().unwrap().to_owned();
        calls.map(|sent| key(sent.headers)).collect::<Vec<_>>()
    };
    assert_eq!(keys(), ["Key first"]);
    // The handshake and the lists carry it as well.
    assert!(
        upstream
            .requests()
            .iter()
            .all(|sent| sent.headers.contains_key("x-api-key"))
    );

    secrets.write("second");
    upstream.admit(|headers| headers["x-api-key"] == "Key second");
    let reply = call_as(&gateway, &token, "orders__echo").await;
    assert!(!reply.json()["result"].is_null(), "{}", reply.text());
    assert_eq!(keys(), ["Key first", "Key first", "Key second"]);

    upstream.admit(|_headers| false);
    let reply = call_as(&gateway, &token, "orders__echo").await;
    assert_eq!(reply.json()["error"]["code"], 502, "{}", reply.text());
    assert_eq!(keys().len(), 4, "there is no other secret to try");
}

#[tokio::test]
async fn a_token_of_our_own_is_the_same_for_all_callers_and_for_the_lists() {
    for authentication in [
        ClientAuthentication::ClientSecretBasic,
        ClientAuthentication::ClientSecretPost,
    ] {
        let secrets = Secrets::new();
        let upstream = RawUpstream::start(Speaks::Modern).await;
        let credential = CredentialSettings {
            client_authentication: authentication,
            resource: Some("https://orders.test/mcp".into()),
            ..asking(CredentialKind::ClientCredentials, &secrets)
        };
        let settings = vec![shown("orders", &upstream.url, credential)];
        let gateway = start(issuer().await, settings).await;
        for subject in ["alice", "bob"] {
            let reply = call_as(&gateway, &token_of(&gateway, subject), "orders__echo").await;
            assert!(!reply.json()["result"].is_null(), "{}", reply.text());
        }
        let all = upstream.requests();
        assert!(
            all.iter()
                .all(|sent| authorization(&sent.headers) == "Bearer exchanged-own-0")
        );
        let forms = gateway.issuer.token_forms();
        let [form] = forms.as_slice() else {
            panic!("{forms:?}");
        };
        assert_eq!(
            form.client,
            ("usher & co".to_owned(), "s3cret+/=&".to_owned())
        );
        let expected = [
            ("grant_type", "client_credentials"),
            ("audience", "orders"),
            ("resource", "https://orders.test/mcp"),
            ("scope", "orders:read orders:write"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(form.fields, expected);
    }
}

#[tokio::test]
async fn a_refused_token_of_our_own_is_replaced_once() {
    let secrets = Secrets::new();
    let upstream = RawUpstream::start(Speaks::Modern).await;
    let credential = asking(CredentialKind::ClientCredentials, &secrets);
    let settings = vec![shown("orders", &upstream.url, credential)];
    let gateway = start(issuer().await, settings).await;
    let token = token_of(&gateway, "alice");
    upstream.admit(|headers| headers["authorization"] == "Bearer exchanged-own-1");
    let reply = call_as(&gateway, &token, "orders__echo").await;
    assert!(!reply.json()["result"].is_null(), "{}", reply.text());
    assert_eq!(
        authorizations(&upstream),
        ["Bearer exchanged-own-0", "Bearer exchanged-own-1"]
    );
}

#[tokio::test]
async fn an_upstream_that_shows_its_lists_to_everybody_is_shown_nothing_for_them() {
    let secrets = Secrets::new();
    let upstream = RawUpstream::start(Speaks::Modern).await;
    let credential = CredentialSettings {
        own_requests: usher::upstream::OwnRequests::None,
        ..asking(CredentialKind::TokenExchange, &secrets)
    };
    let settings = vec![shown("orders", &upstream.url, credential)];
    let gateway = start(issuer().await, settings).await;
    assert_eq!(gateway.issuer.token_forms(), []);
    call_as(&gateway, &token_of(&gateway, "alice"), "orders__echo").await;
    for sent in upstream.requests() {
        let expected = match sent.method.as_str() {
            "tools/call" => "Bearer exchanged-alice-0",
            _ => "",
        };
        assert_eq!(authorization(&sent.headers), expected, "{}", sent.method);
    }
}
