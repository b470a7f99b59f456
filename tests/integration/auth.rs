//! The resource server against a real issuer: discovery, keys, tokens.
#![expect(clippy::disallowed_methods, reason = "a test asks the issuer directly")]

use super::issuer::TestIssuer;

#[tokio::test]
async fn the_test_issuer_publishes_its_keys_and_counts_its_requests() {
    let issuer = TestIssuer::start_at("/realms/mcp").await;
    let url = format!("{}/.well-known/openid-configuration", issuer.issuer());
    let document: serde_json::Value = reqwest::get(url).await.unwrap().json().await.unwrap();
    assert_eq!(document["issuer"], issuer.issuer());
    let jwks: serde_json::Value = reqwest::get(document["jwks_uri"].as_str().unwrap())
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(jwks["keys"][0]["kid"], "key-1");
    assert_eq!(
        (issuer.discovery_requests(), issuer.jwks_requests()),
        (1, 1)
    );
    let token = issuer.token().audience("https://mcp.test").mint();
    assert_eq!(token.matches('.').count(), 2);
}
