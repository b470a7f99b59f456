//! The development identity provider's tickets at a real server: what the demo shows, and what it does not.

use ::dev_idp::Server;
use serde_json::{Value, json};

use crate::gateway::{Reply, TestGateway};

const CLIENT_ID: &str = "client-of-the-test";

/// A server that trusts a development identity provider and nobody else.
async fn gateway(idp: &Server) -> TestGateway {
    let issuer = usher::auth::settings::IssuerSettings::named(idp.issuer());
    TestGateway::builder()
        .settings(|settings| settings.issuer = vec![issuer])
        .start()
        .await
}

async fn tools_list(gateway: &TestGateway, access_token: &str) -> Reply {
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    gateway.call(access_token, message).await
}

async fn idp() -> Server {
    Server::start(::dev_idp::Config::on_any_port())
        .await
        .expect("an identity provider")
}

fn access_token(idp: &Server, resource: &str) -> String {
    idp.access_token("alice", CLIENT_ID, resource, "mcp:read")
        .expect("alice")
}

#[tokio::test]
async fn an_access_token_for_this_resource_opens_the_door() {
    let idp = idp().await;
    let gateway = gateway(&idp).await;
    for resource in ["", "/mcp"].map(|path| format!("{}{path}", gateway.public_url)) {
        let reply = tools_list(&gateway, &access_token(&idp, &resource)).await;
        assert_eq!(reply.status, 200, "{resource}: {}", reply.text());
    }
}

#[tokio::test]
async fn every_other_token_of_the_same_issuer_is_refused() {
    let idp = idp().await;
    let gateway = gateway(&idp).await;
    let own = format!("{}/mcp", gateway.public_url);
    let good = access_token(&idp, &own);
    let resigned = |typ: &str, change: &dyn Fn(&mut Value)| {
        let mut claims = claims(&good);
        change(&mut claims);
        idp.sign(typ, &claims)
    };
    for (case, token) in [
        (
            "for another resource",
            access_token(&idp, "https://other.example/mcp"),
        ),
        (
            "for another path",
            access_token(&idp, &format!("{own}/other")),
        ),
        (
            "an ID token",
            idp.id_token("alice", CLIENT_ID, &good).expect("alice"),
        ),
        ("typ JWT", resigned("JWT", &|_| {})),
        (
            "expired",
            resigned("at+jwt", &|claims| claims["exp"] = json!(1_700_000_000)),
        ),
        (
            "no audience",
            resigned("at+jwt", &|claims| drop(claims["aud"].take())),
        ),
        (
            "another issuer's name",
            resigned("at+jwt", &|claims| {
                claims["iss"] = json!("http://127.0.0.1:1")
            }),
        ),
    ] {
        let reply = tools_list(&gateway, &token).await;
        assert_eq!(reply.status, 401, "{case}: {}", reply.text());
        let challenge = reply.header("www-authenticate").unwrap_or_default();
        assert!(
            challenge.contains("error=\"invalid_token\""),
            "{case}: {challenge}"
        );
    }
    assert_eq!(
        tools_list(&gateway, &resigned("at+jwt", &|_| {}))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn tokens_of_the_old_and_the_new_key_are_accepted_after_a_rotation() {
    let idp = idp().await;
    let gateway = gateway(&idp).await;
    let own = format!("{}/mcp", gateway.public_url);
    let before = access_token(&idp, &own);
    idp.rotate_keys();
    let after = access_token(&idp, &own);
    for (case, token) in [("old", before), ("new", after)] {
        let reply = tools_list(&gateway, &token).await;
        assert_eq!(reply.status, 200, "{case}: {}", reply.text());
    }
}

fn claims(token: &str) -> Value {
    use base64::Engine as _;
    let part = token.split('.').nth(1).expect("three parts");
    let decoded = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part);
    serde_json::from_slice(&decoded.expect("base64url")).expect("claims")
}
