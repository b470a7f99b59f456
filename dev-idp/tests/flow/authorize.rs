//! `GET /authorize`: each parameter that is wrong, and whether the client or only the user hears of it.

use dev_idp::Config;
use dev_idp::browser::Arrival;

use crate::client::{CHALLENGE, Client, REDIRECT_URI, page};

#[tokio::test]
async fn a_good_request_gets_the_login_page() {
    let mut client = Client::new().await;
    let login = client.open(&[]).await;
    assert_eq!((login.status, login.heading().as_str()), (200, "Log in"));
    assert!(login.text().contains("Development only."));
}

#[tokio::test]
async fn without_a_trusted_redirect_uri_only_the_user_hears_of_it() {
    let mut client = Client::new().await;
    for change in [
        ("client_id", None),
        ("client_id", Some("unknown")),
        ("redirect_uri", None),
        ("redirect_uri", Some("http://127.0.0.1:4711/other")),
        ("redirect_uri", Some("http://localhost:4711/callback")),
        ("redirect_uri", Some("https://evil.example/callback")),
        (
            "redirect_uri",
            Some("http://127.0.0.1:4711/callback#fragment"),
        ),
    ] {
        let refusal = client.open(&[change]).await;
        assert_eq!(refusal.status, 400, "{change:?}");
        assert_eq!(
            refusal.heading(),
            "This request cannot be answered",
            "{change:?}"
        );
    }
}

#[tokio::test]
async fn the_client_hears_of_everything_else() {
    let mut client = Client::new().await;
    let too_short = CHALLENGE.trim_end_matches('M');
    for (name, value, expected) in [
        ("response_type", None, "invalid_request"),
        ("response_type", Some("token"), "unsupported_response_type"),
        (
            "response_type",
            Some("code id_token"),
            "unsupported_response_type",
        ),
        ("response_mode", Some("fragment"), "invalid_request"),
        (
            "request_uri",
            Some("https://evil.example/request"),
            "invalid_request",
        ),
        ("code_challenge", None, "invalid_request"),
        ("code_challenge", Some(too_short), "invalid_request"),
        ("code_challenge_method", None, "invalid_request"),
        ("code_challenge_method", Some("plain"), "invalid_request"),
        ("resource", None, "invalid_target"),
        ("resource", Some("/mcp"), "invalid_target"),
        (
            "resource",
            Some("http://127.0.0.1:8080/mcp#part"),
            "invalid_target",
        ),
        ("resource", Some("urn:example:mcp"), "invalid_target"),
        ("scope", Some("mcp:read admin"), "invalid_scope"),
        ("prompt", Some("none"), "login_required"),
        ("prompt", Some("none login"), "invalid_request"),
    ] {
        let address = client.authorize_address(&[(name, value)]);
        let Arrival::Elsewhere(answer) = client.browser.open(&address).await.unwrap() else {
            panic!("{name}={value:?} was not refused");
        };
        assert!(answer.as_str().starts_with(REDIRECT_URI), "{answer}");
        let parameter = |name: &str| {
            answer
                .query_pairs()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value)
        };
        assert_eq!(
            parameter("error").as_deref(),
            Some(expected),
            "{name}={value:?}"
        );
        assert_eq!(
            parameter("state").as_deref(),
            Some("s-1"),
            "{name}={value:?}"
        );
        assert_eq!(
            parameter("iss").as_deref(),
            Some(client.server.issuer()),
            "{name}={value:?}"
        );
        assert_eq!(parameter("code"), None, "{name}={value:?}");
    }
}

#[tokio::test]
async fn a_repeated_parameter_is_refused() {
    let mut client = Client::new().await;
    for name in ["state", "scope", "code_challenge"] {
        let address = format!("{}&{name}=again", client.authorize_address(&[]));
        let Arrival::Elsewhere(answer) = client.browser.open(&address).await.unwrap() else {
            panic!("a second {name} was not refused");
        };
        assert!(
            answer.as_str().contains("error=invalid_request"),
            "{answer}"
        );
    }
    let address = format!(
        "{}&redirect_uri=https%3A%2F%2Fevil.example",
        client.authorize_address(&[])
    );
    assert_eq!(
        page(client.browser.open(&address).await.unwrap()).status,
        400
    );
}

#[tokio::test]
async fn a_loopback_client_may_come_from_any_port() {
    let mut client = Client::new().await;
    let login = client
        .open(&[("redirect_uri", Some("http://127.0.0.1:50001/callback"))])
        .await;
    assert_eq!(login.heading(), "Log in");
}

#[tokio::test]
async fn a_default_resource_serves_clients_that_name_none() {
    let default = "http://127.0.0.1:8080";
    let config = Config {
        default_resource: Some(default.to_owned()),
        ..Config::on_any_port()
    };
    let mut client = Client::with(config).await;
    let login = client.open(&[("resource", None)]).await;
    let consent = client.log_in(&login, "alice").await;
    assert!(consent.text().contains(default));
}
