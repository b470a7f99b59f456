//! Login and consent: what the pages say, and who may send their forms.

use dev_idp::browser::{Arrival, Browser};
use serde_json::json;

use crate::client::{Client, REDIRECT_URI, RESOURCE, page, password_on};

#[tokio::test]
async fn the_consent_page_names_client_destination_resource_and_scopes() {
    let mut client = Client::new().await;
    let login = client
        .open(&[("scope", Some("mcp:read offline_access"))])
        .await;
    let consent = client.log_in(&login, "alice").await;
    let text = consent.text();
    for expected in [
        "Test client",
        "alice",
        "finance",
        "127.0.0.1:4711",
        RESOURCE,
        "mcp:read",
        "offline_access",
    ] {
        assert!(text.contains(expected), "{expected} is not in {text}");
    }
    assert!(!text.contains("mcp:write"), "{text}");
}

#[tokio::test]
async fn a_client_cannot_write_markup_into_the_page() {
    let mut client = Client::new().await;
    let name = "<script>alert(1)</script>\"'";
    let (_, body) = client
        .register(&json!({ "client_name": name, "redirect_uris": [REDIRECT_URI] }))
        .await;
    let id = body["client_id"].as_str().unwrap().to_owned();
    let login = client
        .open(&[
            ("client_id", Some(id.as_str())),
            ("state", Some("\"><script>")),
        ])
        .await;
    assert!(!login.markup.contains("<script"), "{}", login.markup);
    let consent = client.log_in(&login, "alice").await;
    assert!(!consent.markup.contains("<script"), "{}", consent.markup);
}

#[tokio::test]
async fn denying_tells_the_client() {
    let mut client = Client::new().await;
    let login = client.open(&[]).await;
    let consent = client.log_in(&login, "bob").await;
    let answer = client.decide(&consent, "deny").await;
    assert_eq!(answer["error"], "access_denied");
    assert_eq!(answer["state"], "s-1");
    assert_eq!(answer["iss"], client.server.issuer());
    assert!(!answer.contains_key("code"));
}

#[tokio::test]
async fn a_wrong_password_shows_the_login_page_again() {
    let mut client = Client::new().await;
    let login = client.open(&[]).await;
    let bobs = password_on(&login, "bob");
    for (user, password) in [
        ("alice", "wrong"),
        ("alice", ""),
        ("alice", &bobs),
        ("mallory", "x"),
        ("", ""),
    ] {
        let form = login.forms().remove(0);
        let typed = [("username", user), ("password", password)];
        let again = page(client.browser.submit(&login, &form, &typed).await.unwrap());
        assert_eq!(
            (again.status, again.heading().as_str()),
            (403, "Log in"),
            "{user}"
        );
        assert!(again.text().contains("do not belong together"), "{user}");
    }
}

#[tokio::test]
async fn a_login_lasts_and_consent_is_asked_for_every_time() {
    let mut client = Client::new().await;
    client.code(&[]).await;
    assert!(client.open(&[]).await.heading().starts_with("Allow"));
    assert_eq!(
        client.open(&[("prompt", Some("login"))]).await.heading(),
        "Log in"
    );
    let address = client.authorize_address(&[("prompt", Some("none"))]);
    let Arrival::Elsewhere(answer) = client.browser.open(&address).await.unwrap() else {
        panic!("prompt=none showed a page");
    };
    assert!(
        answer.as_str().contains("error=consent_required"),
        "{answer}"
    );
}

#[tokio::test]
async fn another_browser_cannot_send_this_browsers_form() {
    let mut client = Client::new().await;
    let login = client.open(&[]).await;
    let consent = client.log_in(&login, "alice").await;
    let form = consent.forms().remove(0);
    let mut other = Browser::new().unwrap();
    let decision = [("decision", "allow")];
    assert_eq!(
        page(other.submit(&consent, &form, &decision).await.unwrap()).status,
        403
    );

    // With a session of its own, and even logged in, it has another form token.
    client.browser = other;
    let login = client.open(&[]).await;
    client.log_in(&login, "bob").await;
    assert_eq!(
        page(
            client
                .browser
                .submit(&consent, &form, &decision)
                .await
                .unwrap()
        )
        .status,
        403
    );
}

#[tokio::test]
async fn a_form_without_login_token_or_decision_is_refused() {
    let mut client = Client::new().await;
    let login = client.open(&[]).await;
    let mut form = login.forms().remove(0);
    form.action = "/consent".to_owned();
    let refused = page(
        client
            .browser
            .submit(&login, &form, &[("decision", "allow")])
            .await
            .unwrap(),
    );
    assert_eq!(refused.status, 403, "nobody has logged in");

    let consent = client.log_in(&login, "alice").await;
    let form = consent.forms().remove(0);
    for (typed, status) in [
        ([("decision", "allow"), ("form_token", "")], 403),
        ([("decision", "allow"), ("form_token", "wrong")], 403),
        ([("decision", "maybe"), ("ignored", "")], 400),
        ([("decision", "allow"), ("request", "")], 400),
    ] {
        let refused = page(
            client
                .browser
                .submit(&consent, &form, &typed)
                .await
                .unwrap(),
        );
        assert_eq!(refused.status, status, "{typed:?}");
    }
}

#[tokio::test]
async fn another_site_cannot_send_a_form() {
    let client = Client::new().await;
    for path in ["/login", "/consent", "/dev/rotate-keys"] {
        for origin in ["https://evil.example", "null", "http://127.0.0.1:1"] {
            let request = client
                .http
                .post(client.address(path))
                .header("Origin", origin);
            assert_eq!(
                request.send().await.unwrap().status(),
                403,
                "{path} from {origin}"
            );
        }
    }
    let own = client
        .http
        .post(client.address("/dev/rotate-keys"))
        .header("Origin", client.server.issuer());
    assert_eq!(own.send().await.unwrap().status(), 303);
}

#[tokio::test]
async fn pages_carry_the_notice_and_protective_headers() {
    let client = Client::new().await;
    let authorize = client.authorize_address(&[]);
    for path in [
        "/",
        "/nowhere",
        "/authorize",
        authorize.strip_prefix(client.server.issuer()).unwrap(),
    ] {
        let response = client.http.get(client.address(path)).send().await.unwrap();
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert!(
            header("content-security-policy").contains("default-src 'none'"),
            "{path}"
        );
        assert_eq!(header("x-frame-options"), "DENY", "{path}");
        assert_eq!(header("cache-control"), "no-store", "{path}");
        assert!(
            !response
                .headers()
                .contains_key("access-control-allow-origin"),
            "{path}"
        );
        if let Some(cookie) = response.headers().get("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            assert!(
                cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"),
                "{cookie}"
            );
        }
        assert!(
            response.text().await.unwrap().contains("Development only."),
            "{path}"
        );
    }
}
