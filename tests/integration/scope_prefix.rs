//! An issuer that is asked for a scope by a longer name than its tokens carry, as Entra ID is.

use serde_json::{Value, json};

use super::gateway::{Reply, TestGateway};
use super::protocol::searchable;

const ASKED_FOR: &str = "api://usher/mcp:read offline_access";

/// A server behind Entra ID, whose part the test's issuer plays.
async fn entra() -> TestGateway {
    let builder = TestGateway::builder().settings(|settings| {
        let issuer = settings.issuer.first_mut().expect("the test's issuer");
        issuer.scope_prefix = Some("api://usher/".into());
        issuer.audiences = vec!["6e74172b".into()];
        settings.scopes.advertised = vec!["mcp:read".into(), "offline_access".into()];
    });
    searchable(builder).await
}

fn token(gateway: &TestGateway, scp: Option<&str>) -> String {
    let token = gateway.token().audience("6e74172b").without("scope");
    match scp {
        Some(scp) => token.claim("scp", json!(scp)).mint(),
        None => token.mint(),
    }
}

fn search() -> Value {
    let params = json!({ "name": "search", "arguments": { "query": "cupcakes" } });
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params })
}

fn scope_of_the_challenge(reply: &Reply) -> Option<String> {
    let (_, rest) = reply.header("www-authenticate")?.split_once("scope=\"")?;
    Some(rest.split_once('"')?.0.to_owned())
}

#[tokio::test]
async fn clients_are_told_the_long_name_and_tokens_are_checked_for_the_short_one() {
    let gateway = entra().await;
    let denied = Some("api://usher/mcp:read");
    for (scp, status, challenge) in [
        (Some("mcp:read"), 200, None),
        (Some("mcp:read mcp:write"), 200, None),
        (Some("api://usher/mcp:read"), 403, denied),
        (Some("usher/mcp:read"), 403, denied),
        (Some("mcp:write"), 403, denied),
        (Some("offline_access"), 403, denied),
        (Some(""), 403, denied),
        (None, 403, denied),
    ] {
        let reply = gateway.call(&token(&gateway, scp), search()).await;
        assert_eq!(reply.status, status, "{scp:?}");
        assert_eq!(
            scope_of_the_challenge(&reply).as_deref(),
            challenge,
            "{scp:?}"
        );
    }
}

#[tokio::test]
async fn every_place_that_a_client_reads_says_the_same() {
    let gateway = entra().await;
    for path in ["", "/mcp", "/sse"] {
        let metadata = format!("/.well-known/oauth-protected-resource{path}");
        let metadata = gateway.get(&metadata).await.json();
        let expected: Vec<_> = ASKED_FOR.split(' ').collect();
        assert_eq!(metadata["scopes_supported"], json!(expected), "{path}");
    }
    let nobody = Reply::of(gateway.request("POST", "/mcp").json(&search())).await;
    assert_eq!(nobody.status, 401);
    assert_eq!(scope_of_the_challenge(&nobody).as_deref(), Some(ASKED_FOR));
    let expired = gateway.token().expires_in(-60).mint();
    let expired = gateway.call(&expired, search()).await;
    assert_eq!(expired.status, 401);
    assert_eq!(scope_of_the_challenge(&expired).as_deref(), Some(ASKED_FOR));

    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    let tools = gateway.call(&token(&gateway, Some("mcp:read")), list).await;
    for tool in tools.json()["result"]["tools"].as_array().expect("tools") {
        let schemes = json!([{ "type": "oauth2", "scopes": ["api://usher/mcp:read"] }]);
        assert_eq!(tool["securitySchemes"], schemes);
        assert_eq!(tool["_meta"]["securitySchemes"], schemes);
    }
}
