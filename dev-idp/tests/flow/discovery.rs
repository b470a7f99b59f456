//! Metadata, key set, rotation, and who may reach the server at all.

use std::net::SocketAddr;

use dev_idp::{Config, Server, StartError};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;

use crate::client::{Client, RESOURCE, answer};

#[tokio::test]
async fn metadata_names_the_exact_issuer_and_endpoints_that_exist() {
    let client = Client::new().await;
    let (_, metadata) = answer(
        client
            .http
            .get(client.address("/.well-known/oauth-authorization-server")),
    )
    .await;
    let (_, openid) = answer(
        client
            .http
            .get(client.address("/.well-known/openid-configuration")),
    )
    .await;
    assert_eq!(metadata, openid);
    assert_eq!(metadata["issuer"], client.server.issuer());
    assert_eq!(
        metadata["code_challenge_methods_supported"],
        serde_json::json!(["S256"])
    );
    assert_eq!(
        metadata["authorization_response_iss_parameter_supported"],
        true
    );
    for (name, address) in metadata.as_object().unwrap() {
        if name.ends_with("_endpoint") || name == "jwks_uri" {
            let status = client
                .http
                .get(address.as_str().unwrap())
                .send()
                .await
                .unwrap()
                .status();
            assert_ne!(status, 404, "{name}");
        }
    }
}

#[tokio::test]
async fn browser_clients_may_call_metadata_registration_and_token() {
    let client = Client::new().await;
    for path in [
        "/.well-known/oauth-authorization-server",
        "/jwks",
        "/register",
        "/token",
        "/revoke",
    ] {
        let request = client
            .http
            .request(reqwest::Method::OPTIONS, client.address(path))
            .header("Origin", "http://localhost:6274")
            .header("Access-Control-Request-Method", "POST")
            .header(
                "Access-Control-Request-Headers",
                "content-type,mcp-protocol-version",
            );
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(
            response.headers()["access-control-allow-origin"],
            "*",
            "{path}"
        );
        assert_eq!(
            response.headers()["access-control-allow-headers"],
            "*",
            "{path}"
        );
    }
}

#[tokio::test]
async fn tokens_of_the_old_and_the_new_key_verify_after_a_rotation() {
    let client = Client::new().await;
    let token = || {
        client
            .server
            .access_token("alice", "client", RESOURCE, "mcp:read")
            .unwrap()
    };
    let before = token();
    let rotated = client.server.rotate_keys();
    let after = token();
    let (_, set) = answer(client.http.get(client.address("/jwks"))).await;
    for (token, is_current) in [(before, false), (after, true)] {
        let claims = verified(&token, &set).unwrap();
        assert_eq!(claims["sub"], "alice");
        let kid = jsonwebtoken::decode_header(&token).unwrap().kid.unwrap();
        assert_eq!(kid == rotated, is_current);
    }
}

#[tokio::test]
async fn the_key_set_is_new_at_every_start() {
    let (first, second) = (Client::new().await, Client::new().await);
    assert_ne!(first.server.key_id(), second.server.key_id());
    let token = first
        .server
        .access_token("alice", "client", RESOURCE, "mcp:read")
        .unwrap();
    let (_, set) = answer(second.http.get(second.address("/jwks"))).await;
    assert_eq!(verified(&token, &set), None);
}

#[tokio::test]
async fn only_loopback_is_served() {
    for address in ["0.0.0.0:0", "192.0.2.1:0", "[::]:0"] {
        let listen: SocketAddr = address.parse().unwrap();
        let refused = Server::start(Config {
            listen,
            ..Config::default()
        })
        .await
        .err();
        assert!(
            matches!(refused, Some(StartError::NotLoopback(found)) if found == listen),
            "{address}"
        );
    }
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let client = Client::new().await;
    let listen = client.server.address();
    let refused = Server::start(Config {
        listen,
        ..Config::default()
    })
    .await
    .err()
    .unwrap();
    assert!(
        refused.to_string().contains(&listen.to_string()),
        "{refused}"
    );
}

#[tokio::test]
async fn a_name_of_the_open_web_does_not_reach_it() {
    let client = Client::new().await;
    let port = client.server.address().port();
    for (host, status) in [
        (format!("127.0.0.1:{port}"), 200),
        (format!("localhost:{port}"), 200),
        (format!("evil.example:{port}"), 421),
        ("127.0.0.1:1".to_owned(), 421),
        ("127.0.0.1.evil.example".to_owned(), 421),
    ] {
        let request = client
            .http
            .get(client.address("/jwks"))
            .header("Host", &host);
        assert_eq!(request.send().await.unwrap().status(), status, "{host}");
    }
}

/// The claims, if a key of the set verifies the token: with another library than the one that signed it.
fn verified(token: &str, set: &Value) -> Option<Value> {
    let kid = jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
    let key = set["keys"]
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["kid"] == *kid)?;
    let (n, e) = (key["n"].as_str().unwrap(), key["e"].as_str().unwrap());
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&[RESOURCE]);
    let key = DecodingKey::from_rsa_components(n, e).unwrap();
    Some(
        jsonwebtoken::decode::<Value>(token, &key, &validation)
            .unwrap()
            .claims,
    )
}
