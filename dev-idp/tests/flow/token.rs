//! `POST /token` and `POST /revoke`: what a code and a refresh token are worth, and for whom.

use serde_json::{Value, json};

use crate::client::{Answer, Client, REDIRECT_URI, RESOURCE, VERIFIER, answer, claims, text};

#[tokio::test]
async fn a_code_becomes_an_access_token_for_the_resource() {
    let mut client = Client::new().await;
    let code = client.code(&[("scope", Some("mcp:read mcp:write"))]).await;
    let (status, body) = client.redeem(&code, &[("resource", Some(RESOURCE))]).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(
        (text(&body, "token_type"), &body["expires_in"]),
        ("Bearer", &json!(300))
    );
    assert_eq!(text(&body, "scope"), "mcp:read mcp:write");
    assert_eq!(body.get("id_token"), None);

    let access_token = text(&body, "access_token");
    let header = jsonwebtoken::decode_header(access_token).unwrap();
    assert_eq!(header.typ.as_deref(), Some("at+jwt"));
    assert_eq!(header.kid, Some(client.server.key_id()));
    let claims = claims(access_token);
    assert_eq!(claims["iss"], client.server.issuer());
    assert_eq!(claims["aud"], RESOURCE);
    assert_eq!(claims["sub"], "alice");
    assert_eq!(claims["client_id"], *client.id);
    assert_eq!(claims["scope"], "mcp:read mcp:write");
    assert_eq!(claims["groups"], json!(["finance"]));
    assert_eq!(
        claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(),
        300
    );
    assert!(claims["jti"].is_string());
}

#[tokio::test]
async fn the_token_answer_is_never_stored() {
    let mut client = Client::new().await;
    let code = client.code(&[]).await;
    for (code, status) in [(code.as_str(), 200), ("unknown", 400)] {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", client.id.as_str()),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
            ("code", code),
        ];
        let response = client
            .http
            .post(client.address("/token"))
            .form(&form)
            .send()
            .await
            .unwrap();
        assert_eq!(
            (
                response.status().as_u16(),
                &response.headers()["cache-control"]
            ),
            (status, &"no-store".parse().unwrap())
        );
    }
}

#[tokio::test]
async fn a_code_is_refused_for_every_wrong_detail() {
    let mut client = Client::new().await;
    let (_, other) = client.register(&crate::client::metadata()).await;
    let other = text(&other, "client_id").to_owned();
    let wrong_verifier = VERIFIER.replace('d', "e");
    for (name, value, expected) in [
        ("code", Some("unknown"), (400, "invalid_grant")),
        ("code", None, (400, "invalid_request")),
        (
            "code_verifier",
            Some(wrong_verifier.as_str()),
            (400, "invalid_grant"),
        ),
        ("code_verifier", None, (400, "invalid_request")),
        (
            "redirect_uri",
            Some("http://127.0.0.1:4712/callback"),
            (400, "invalid_grant"),
        ),
        ("redirect_uri", None, (400, "invalid_request")),
        ("client_id", Some("unknown"), (401, "invalid_client")),
        ("client_id", Some(other.as_str()), (400, "invalid_grant")),
        ("client_id", None, (400, "invalid_request")),
        ("client_secret", Some("made up"), (401, "invalid_client")),
        (
            "grant_type",
            Some("password"),
            (400, "unsupported_grant_type"),
        ),
        ("grant_type", None, (400, "invalid_request")),
        (
            "resource",
            Some("http://127.0.0.1:8080/other"),
            (400, "invalid_target"),
        ),
        ("resource", Some("nonsense"), (400, "invalid_target")),
    ] {
        let code = client.code(&[]).await;
        let found = client.redeem(&code, &[(name, value)]).await;
        assert_refused(&found, expected, &format!("{name}={value:?}"));
    }
}

#[tokio::test]
async fn a_code_works_once_and_its_reuse_revokes_what_came_of_it() {
    let mut client = Client::new().await;
    let code = client.code(&[]).await;
    let (_, tokens) = client.redeem(&code, &[]).await;
    assert_refused(
        &client.redeem(&code, &[]).await,
        (400, "invalid_grant"),
        "the second time",
    );
    let refreshed = client.refresh(text(&tokens, "refresh_token"), &[]).await;
    assert_refused(&refreshed, (400, "invalid_grant"), "after the reuse");
}

#[tokio::test]
async fn a_failed_attempt_uses_the_code_up() {
    let mut client = Client::new().await;
    let code = client.code(&[]).await;
    client
        .redeem(&code, &[("code_verifier", Some("wrong"))])
        .await;
    assert_refused(
        &client.redeem(&code, &[]).await,
        (400, "invalid_grant"),
        "after a wrong verifier",
    );
}

#[tokio::test]
async fn several_resources_become_several_audiences_and_can_be_narrowed() {
    let mut client = Client::new().await;
    let second = "https://mcp.example.com";
    let both = [("resource", Some(RESOURCE)), ("resource", Some(second))];
    let code = client.code(&both).await;
    let (_, body) = client.redeem(&code, &[]).await;
    assert_eq!(
        claims(text(&body, "access_token"))["aud"],
        json!([RESOURCE, second])
    );

    let code = client.code(&both).await;
    let (_, body) = client.redeem(&code, &[("resource", Some(second))]).await;
    assert_eq!(claims(text(&body, "access_token"))["aud"], second);
    // The refresh token still stands for both.
    let (_, body) = client
        .refresh(text(&body, "refresh_token"), &[("resource", RESOURCE)])
        .await;
    assert_eq!(claims(text(&body, "access_token"))["aud"], RESOURCE);
}

#[tokio::test]
async fn a_refresh_token_rotates_and_its_reuse_revokes_the_family() {
    let mut client = Client::new().await;
    let code = client.code(&[]).await;
    let (_, first) = client.redeem(&code, &[]).await;
    let first = text(&first, "refresh_token");
    let (status, second) = client.refresh(first, &[]).await;
    assert_eq!(status, 200, "{second}");
    let second = text(&second, "refresh_token");
    assert_ne!(first, second);

    assert_refused(
        &client.refresh(first, &[]).await,
        (400, "invalid_grant"),
        "the first again",
    );
    assert_refused(
        &client.refresh(second, &[]).await,
        (400, "invalid_grant"),
        "its family",
    );
}

#[tokio::test]
async fn a_refresh_cannot_widen_and_asking_costs_nothing() {
    let mut client = Client::new().await;
    let code = client.code(&[("scope", Some("mcp:read mcp:write"))]).await;
    let (_, tokens) = client.redeem(&code, &[]).await;
    let refresh_token = text(&tokens, "refresh_token");
    for (more, expected) in [
        (("scope", "mcp:read openid"), "invalid_scope"),
        (
            ("resource", "http://127.0.0.1:8080/other"),
            "invalid_target",
        ),
    ] {
        let refused = client.refresh(refresh_token, &[more]).await;
        assert_refused(&refused, (400, expected), expected);
    }
    let (_, narrowed) = client
        .refresh(refresh_token, &[("scope", "mcp:read")])
        .await;
    assert_eq!(text(&narrowed, "scope"), "mcp:read");
    let (_, again) = client.refresh(text(&narrowed, "refresh_token"), &[]).await;
    assert_eq!(text(&again, "scope"), "mcp:read mcp:write");
}

#[tokio::test]
async fn a_refresh_token_is_worth_nothing_to_another_client() {
    let mut client = Client::new().await;
    let code = client.code(&[]).await;
    let (_, tokens) = client.redeem(&code, &[]).await;
    let (_, other) = client.register(&crate::client::metadata()).await;
    let own = std::mem::replace(&mut client.id, text(&other, "client_id").to_owned());
    let refused = client.refresh(text(&tokens, "refresh_token"), &[]).await;
    assert_refused(&refused, (400, "invalid_grant"), "another client");
    client.id = own;
    assert_eq!(
        client.refresh(text(&tokens, "refresh_token"), &[]).await.0,
        200
    );
}

#[tokio::test]
async fn without_the_grant_type_there_is_no_refresh_token() {
    let mut client = Client::new().await;
    let mut metadata = crate::client::metadata();
    metadata["grant_types"] = json!(["authorization_code"]);
    let (_, body) = client.register(&metadata).await;
    client.id = text(&body, "client_id").to_owned();
    let code = client
        .code(&[("scope", Some("mcp:read offline_access"))])
        .await;
    let (_, tokens) = client.redeem(&code, &[]).await;
    assert_eq!(tokens.get("refresh_token"), None);
    assert_refused(
        &client.refresh("any", &[]).await,
        (400, "unauthorized_client"),
        "refresh",
    );
}

#[tokio::test]
async fn openid_adds_an_id_token_for_the_client() {
    let mut client = Client::new().await;
    let code = client
        .code(&[("scope", Some("openid mcp:read")), ("nonce", Some("n-1"))])
        .await;
    let (_, tokens) = client.redeem(&code, &[]).await;
    let id_token = text(&tokens, "id_token");
    assert_eq!(
        jsonwebtoken::decode_header(id_token)
            .unwrap()
            .typ
            .as_deref(),
        Some("JWT")
    );
    let claims = claims(id_token);
    assert_eq!(
        (&claims["aud"], &claims["nonce"]),
        (&json!(client.id), &json!("n-1"))
    );
    assert!(claims["at_hash"].is_string());
}

#[tokio::test]
async fn a_confidential_client_proves_itself_as_it_registered() {
    let mut client = Client::new().await;
    for (method, with_basic) in [("client_secret_basic", true), ("client_secret_post", false)] {
        let mut metadata = crate::client::metadata();
        metadata["token_endpoint_auth_method"] = json!(method);
        let (_, registered) = client.register(&metadata).await;
        client.id = text(&registered, "client_id").to_owned();
        let secret = text(&registered, "client_secret").to_owned();

        for (basic, shown, expected) in [
            (with_basic, Some(secret.as_str()), 200),
            (with_basic, Some("wrong"), 401),
            (!with_basic, Some(secret.as_str()), 401),
            (false, None, 401),
        ] {
            let code = client.code(&[]).await;
            let (status, body) = redeem_with_secret(&client, &code, basic, shown).await;
            assert_eq!(status, expected, "{method} basic={basic} {shown:?}: {body}");
        }
    }
}

#[tokio::test]
async fn two_ways_to_authenticate_at_once_are_refused() {
    let client = Client::new().await;
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", "x"),
        ("client_id", "x"),
        ("client_secret", "x"),
    ];
    let request = client
        .http
        .post(client.address("/token"))
        .basic_auth("x", Some("x"))
        .form(&form);
    assert_refused(&answer(request).await, (400, "invalid_request"), "both");
    let bearer = client
        .http
        .post(client.address("/token"))
        .bearer_auth("x")
        .form(&[("grant_type", "refresh_token")]);
    assert_refused(&answer(bearer).await, (401, "invalid_client"), "bearer");
}

#[tokio::test]
async fn a_body_that_is_no_form_is_refused() {
    let client = Client::new().await;
    let request = client
        .http
        .post(client.address("/token"))
        .json(&json!({ "grant_type": "authorization_code" }));
    assert_refused(&answer(request).await, (400, "invalid_request"), "JSON");
}

#[tokio::test]
async fn a_revoked_refresh_token_is_refused() {
    let mut client = Client::new().await;
    let code = client.code(&[]).await;
    let (_, tokens) = client.redeem(&code, &[]).await;
    let refresh_token = text(&tokens, "refresh_token");
    let (_, other) = client.register(&crate::client::metadata()).await;
    let revoke = |client_id: &str, token: &str| {
        let form = [("client_id", client_id), ("token", token)]
            .map(|(name, value)| (name, value.to_owned()));
        answer(client.http.post(client.address("/revoke")).form(&form))
    };
    assert_eq!(
        revoke(text(&other, "client_id"), refresh_token).await.0,
        200
    );
    let (status, tokens) = client.refresh(refresh_token, &[]).await;
    assert_eq!(status, 200, "another client cannot revoke it: {tokens}");

    let refresh_token = text(&tokens, "refresh_token");
    assert_eq!(revoke(&client.id, "unknown").await.0, 200);
    assert_eq!(revoke(&client.id, refresh_token).await.0, 200);
    assert_refused(
        &client.refresh(refresh_token, &[]).await,
        (400, "invalid_grant"),
        "after revocation",
    );
    assert_refused(
        &revoke("unknown", "x").await,
        (401, "invalid_client"),
        "unknown client",
    );
}

async fn redeem_with_secret(
    client: &Client,
    code: &str,
    basic: bool,
    secret: Option<&str>,
) -> Answer {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", VERIFIER),
        ("code", code),
    ];
    let mut request = client.http.post(client.address("/token"));
    if basic {
        request = request.basic_auth(&client.id, secret);
    } else {
        form.push(("client_id", &client.id));
        form.extend(secret.map(|secret| ("client_secret", secret)));
    }
    answer(request.form(&form)).await
}

fn assert_refused(found: &(u16, Value), expected: (u16, &str), case: &str) {
    let (status, body) = found;
    assert_eq!((*status, text(body, "error")), expected, "{case}: {body}");
    assert!(body["error_description"].is_string(), "{case}");
}
