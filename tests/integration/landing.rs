//! The onboarding page: what it tells, to whom, and what it never tells.

use serde_json::json;

use crate::gateway::{Reply, TestGateway, TestGatewayBuilder};

async fn page(gateway: &TestGateway) -> Reply {
    let request = gateway.request("GET", "/");
    Reply::of(request.header("accept", "text/html,*/*;q=0.8")).await
}

/// With public addresses, as a deployment for other people has them.
fn public() -> TestGatewayBuilder {
    TestGateway::builder().settings(|settings| {
        settings.public_url = "https://mcp.example.com".into();
        let issuer = settings.issuer.first_mut().expect("the issuer");
        issuer.issuer = "https://sso.example.com/realms/mcp".into();
    })
}

/// The part of the page about one client.
fn about<'p>(page: &'p str, client: &str) -> &'p str {
    let begin = format!("aria-labelledby=\"{client}\"");
    let section = page.split_once(&begin).expect("a section").1;
    section.split_once("</section>").expect("its end").0
}

#[tokio::test]
async fn people_get_the_page_and_programs_the_document() {
    let gateway = TestGateway::start().await;
    let html = page(&gateway).await;
    assert_eq!(html.status, 200);
    assert_eq!(
        html.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(html.header("vary"), Some("Accept"));
    let policy = html.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"));
    for wanted in [
        gateway.public_url.as_str(),
        "Only this machine reaches this address",
        "Ready",
        "1 key loaded",
        gateway.issuer.issuer(),
        "<code>mcp:read</code>",
        "id=\"chatgpt\"",
        "id=\"generic\"",
    ] {
        assert!(html.text().contains(wanted), "{wanted}");
    }
    let json = gateway.get("/").await;
    assert_eq!(json.header("content-type"), Some("application/json"));
    assert_eq!(
        json.json()["endpoints"]["mcp"],
        format!("{}/mcp", gateway.public_url)
    );
}

#[tokio::test]
async fn switched_off_everybody_gets_the_document() {
    let gateway = TestGateway::builder().settings(|settings| settings.landing.enabled = false);
    let gateway = gateway.start().await;
    let answer = page(&gateway).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn before_the_issuer_answers_the_page_says_so_and_names_no_reason() {
    let gateway = public().start_without_keys().await;
    let html = page(&gateway).await;
    for wanted in [
        "Waiting for the issuer’s keys",
        "no keys yet",
        "not yet",
        "Keycloak has not answered since this server started",
    ] {
        assert!(html.text().contains(wanted), "{wanted}");
    }
    assert!(!html.text().contains("Only this machine"));
}

#[tokio::test]
async fn a_client_registers_itself_where_the_issuer_lets_it_and_is_asked_about_where_not() {
    for (name, value, client, expected) in [
        (
            "registration_endpoint",
            json!("https://id.test/register"),
            "cursor",
            "registers itself",
        ),
        (
            "registration_endpoint",
            json!(null),
            "cursor",
            "does not take Cursor by itself",
        ),
        (
            "client_id_metadata_document_supported",
            json!(true),
            "chatgpt",
            "by the document that its vendor publishes",
        ),
        (
            "client_id_metadata_document_supported",
            json!(true),
            "claude",
            "does not take Claude by itself",
        ),
    ] {
        let issuer = crate::issuer::TestIssuer::start().await;
        // Claude registers itself as well, and wants `none` to be listed before it takes the other way.
        if client == "claude" {
            issuer.set_metadata("registration_endpoint", json!(null));
            issuer.set_metadata(
                "token_endpoint_auth_methods_supported",
                json!(["private_key_jwt"]),
            );
        }
        issuer.set_metadata(name, value);
        let gateway = TestGateway::builder().issuer(issuer).start().await;
        let html = page(&gateway).await;
        let section = about(html.text(), client);
        assert!(section.contains(expected), "{client}: {section}");
    }
}

#[tokio::test]
async fn a_predefined_client_id_stands_in_every_value_that_needs_it() {
    let gateway = TestGateway::builder().settings(|settings| {
        settings.resource_name = Some("Handbook <of> Example".into());
        settings.landing.guides = Some("https://git.example.com/usher/docs/".into());
        let ids = &mut settings.landing.client_ids;
        ids.chatgpt = Some("for-chatgpt".into());
        ids.vscode = Some("for-vscode".into());
        ids.claude_code = Some("it's".into());
    });
    let gateway = gateway.start().await;
    let html = page(&gateway).await;
    let text = html.text();
    assert!(about(text, "chatgpt").contains("<code>for-chatgpt</code>"));
    assert!(about(text, "chatgpt").contains("Open its advanced settings"));
    assert!(about(text, "vscode").contains("&quot;clientId&quot;: &quot;for-vscode&quot;"));
    assert!(about(text, "claude-code").contains("--client-id &#39;it&#39;\\&#39;&#39;s&#39;"));
    assert!(about(text, "cursor").contains("&quot;handbook-of-example&quot;"));
    assert!(text.contains("<h1 id=\"top\">Connect to Handbook &lt;of&gt; Example</h1>"));
    assert!(text.contains("href=\"https://git.example.com/usher/docs/clients/chatgpt.md\""));
    assert!(!text.contains("Handbook <of>"));
}

#[tokio::test]
async fn a_hosted_client_is_told_of_a_tunnel_where_it_cannot_come() {
    let gateway = TestGateway::start().await;
    let html = page(&gateway).await;
    assert!(about(html.text(), "chatgpt").contains("cannot reach this address"));
    assert!(about(html.text(), "chatgpt").contains("docs/openai-tunnel.md"));
    assert!(!about(html.text(), "vscode").contains("tunnel"));

    let gateway = public().start_without_keys().await;
    let html = page(&gateway).await;
    assert!(!about(html.text(), "chatgpt").contains("cannot reach"));
    assert!(about(html.text(), "chatgpt").contains("Valid redirect URIs"));
}

#[tokio::test]
async fn the_inspector_is_told_where_its_page_may_not_call() {
    let missing = "does not let that page in";
    let gateway = public().start_without_keys().await;
    assert!(about(page(&gateway).await.text(), "inspector").contains(missing));
    let gateway = public().settings(|settings| {
        let origin = usher::http::origin::Origin::parse("http://localhost:6274");
        settings.http.allowed_origins = vec![origin.expect("an origin")];
    });
    let gateway = gateway.start_without_keys().await;
    assert!(!about(page(&gateway).await.text(), "inspector").contains(missing));
}

#[tokio::test]
async fn headings_are_in_order_and_every_control_has_a_name() {
    let gateway = TestGateway::start().await;
    let html = page(&gateway).await;
    let mut last = 0;
    for part in html.text().split("<h").skip(1) {
        let Some(level) = part.chars().next().and_then(|c| c.to_digit(10)) else {
            continue;
        };
        assert!(level <= last + 1, "h{level} after h{last}");
        last = level;
    }
    assert_eq!(html.text().matches("<h1").count(), 1);
    for button in html.text().split("<button").skip(1) {
        assert!(button.contains("aria-label=\"Copy "), "{button}");
    }
    for link in html.text().split("<a ").skip(1) {
        let tag = link.split_once('>').expect("an end").0;
        assert!(tag.contains("href=\""), "{tag}");
    }
}

#[tokio::test]
async fn nothing_of_the_inside_is_on_the_page() {
    let gateway = TestGateway::builder().settings(|settings| {
        settings.upstream = vec![usher::upstream::UpstreamSettings {
            name: "payroll".into(),
            http: Some("http://127.0.0.1:9/mcp".into()),
            ..usher::upstream::UpstreamSettings::default()
        }];
        let collection = settings.collection.first_mut().expect("the collection");
        collection.name = "secret-orders".into();
    });
    let gateway = gateway.start().await;
    let html = page(&gateway).await;
    let admin = gateway.admin_url.trim_start_matches("http://");
    for inside in ["payroll", "secret-orders", admin, "kid", "orders.jsonl"] {
        assert!(!html.text().contains(inside), "{inside}");
    }
}
