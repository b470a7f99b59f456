//! `POST /register` (RFC 7591): what is registered, and what is refused.

use serde_json::{Value, json};

use crate::client::{Client, REDIRECT_URI, answer, metadata};

#[tokio::test]
async fn a_public_client_gets_an_id_and_no_secret() {
    let client = Client::new().await;
    let (status, body) = client.register(&metadata()).await;
    assert_eq!(status, 201);
    assert!(body["client_id"].is_string() && body["client_id_issued_at"].is_u64());
    assert_eq!(body.get("client_secret"), None);
    assert_eq!(body["redirect_uris"], json!([REDIRECT_URI]));
    assert_eq!(body["token_endpoint_auth_method"], "none");
    assert_eq!(
        body["grant_types"],
        json!(["authorization_code", "refresh_token"])
    );
}

#[tokio::test]
async fn the_defaults_are_those_of_the_rfc() {
    let client = Client::new().await;
    let (status, body) = client
        .register(&json!({ "redirect_uris": [REDIRECT_URI], "unknown": 1 }))
        .await;
    assert_eq!(status, 201);
    assert_eq!(body["token_endpoint_auth_method"], "client_secret_basic");
    assert_eq!(body["grant_types"], json!(["authorization_code"]));
    assert_eq!(body["response_types"], json!(["code"]));
    assert!(body["client_secret"].is_string());
    assert_eq!(body["client_secret_expires_at"], 0);
}

#[tokio::test]
async fn grant_types_that_do_not_exist_here_are_left_out() {
    let client = Client::new().await;
    let grant_types = json!([
        "authorization_code",
        "urn:ietf:params:oauth:grant-type:jwt-bearer"
    ]);
    let (status, body) = client.register(&with("grant_types", grant_types)).await;
    assert_eq!(
        (status, &body["grant_types"]),
        (201, &json!(["authorization_code"]))
    );
}

#[tokio::test]
async fn bad_metadata_is_refused() {
    let client = Client::new().await;
    let many = vec![REDIRECT_URI; 33];
    for (metadata, expected) in [
        (with("redirect_uris", json!([])), "invalid_redirect_uri"),
        (with("redirect_uris", json!(many)), "invalid_redirect_uri"),
        (
            with("redirect_uris", json!(["http://example.com/cb"])),
            "invalid_redirect_uri",
        ),
        (
            with(
                "redirect_uris",
                json!([REDIRECT_URI, "https://a.example/#x"]),
            ),
            "invalid_redirect_uri",
        ),
        (
            with("redirect_uris", json!(["javascript:alert(1)"])),
            "invalid_redirect_uri",
        ),
        (
            with("redirect_uris", json!(REDIRECT_URI)),
            "invalid_client_metadata",
        ),
        (
            with("token_endpoint_auth_method", json!("private_key_jwt")),
            "invalid_client_metadata",
        ),
        (
            with("grant_types", json!(["implicit"])),
            "invalid_client_metadata",
        ),
        (
            with("grant_types", json!(["refresh_token"])),
            "invalid_client_metadata",
        ),
        (
            with("response_types", json!(["token"])),
            "invalid_client_metadata",
        ),
        (
            with("client_name", json!("x".repeat(101))),
            "invalid_client_metadata",
        ),
        (
            with("client_name", json!("a\nb")),
            "invalid_client_metadata",
        ),
        (json!([]), "invalid_client_metadata"),
        (json!("text"), "invalid_client_metadata"),
    ] {
        let (status, body) = client.register(&metadata).await;
        assert_eq!(
            (status, &body["error"]),
            (400, &json!(expected)),
            "{metadata}"
        );
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_or_too_large_is_refused() {
    let client = Client::new().await;
    let send = |body: String| answer(client.http.post(client.address("/register")).body(body));
    let (status, body) = send("{".to_owned()).await;
    assert_eq!(
        (status, &body["error"]),
        (400, &json!("invalid_client_metadata"))
    );
    let (status, _) = send(format!("{{\"client_name\":\"{}\"}}", "x".repeat(70_000))).await;
    assert_eq!(status, 413);
}

fn with(member: &str, value: Value) -> Value {
    let mut metadata = metadata();
    metadata[member] = value;
    metadata
}

#[tokio::test]
async fn a_registration_is_taken_back_by_whoever_made_it_and_by_nobody_else() {
    let client = Client::new().await;
    let (_, body) = client.register(&metadata()).await;
    let address = body["registration_client_uri"]
        .as_str()
        .expect("an address");
    let token = body["registration_access_token"].as_str().expect("a token");
    let http = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    for (shown, status) in [("another", 401), (token, 204), (token, 401)] {
        let answer = http.delete(address).bearer_auth(shown).send().await;
        assert_eq!(answer.expect("an answer").status(), status, "{shown}");
    }
}
