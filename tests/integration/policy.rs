//! Rules in the configuration: what each caller sees, what a call outside of it is told, and what the log says.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use usher::config::Settings;
use usher::mcp::settings::DeniedCall;
use usher::policy::RuleSettings;

use super::gateway::{Reply, TestGateway};
use super::protocol::{modern, post};

fn call(tool: &str) -> Value {
    let params = json!({ "name": tool, "arguments": { "query": "cupcakes", "id": "x" } });
    json!({ "jsonrpc": "2.0", "id": "c1", "method": "tools/call", "params": params })
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

/// `fetch` takes both scopes.
fn fetch_writes() -> RuleSettings {
    RuleSettings {
        name: Some("fetch writes".into()),
        tools: texts(&["fetch"]),
        scopes: texts(&["mcp:read", "mcp:write"]),
        ..RuleSettings::default()
    }
}

/// `search` is for finance, by one client, at the head office.
fn search_is_for_finance() -> RuleSettings {
    RuleSettings {
        tools: texts(&["sea*"]),
        groups: texts(&["finance"]),
        client_ids: texts(&["chatgpt"]),
        claims: texts(&["address.site=head office"]),
        ..RuleSettings::default()
    }
}

async fn gateway(rules: Vec<RuleSettings>) -> TestGateway {
    let change = move |settings: &mut Settings| settings.rule = rules;
    TestGateway::builder().settings(change).start().await
}

async fn tools(gateway: &TestGateway, token: &str) -> Vec<(String, Value)> {
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    let listed = gateway.call(token, list).await.json();
    let tools = listed.pointer("/result/tools").and_then(Value::as_array);
    let of = |tool: &Value| {
        let at = |path| tool.pointer(path).cloned().unwrap_or_default();
        assert_eq!(at("/securitySchemes"), at("/_meta/securitySchemes"));
        let name = at("/name").as_str().expect("a name").to_owned();
        (name, at("/securitySchemes/0/scopes"))
    };
    tools.expect("tools").iter().map(of).collect()
}

#[tokio::test]
async fn a_rule_hides_a_tool_until_a_step_up_to_the_scopes_that_the_refusal_names() {
    let gateway = gateway(vec![fetch_writes()]).await;
    let reader = gateway.token().mint();
    let search = ("search".to_owned(), json!(["mcp:read"]));
    assert_eq!(
        tools(&gateway, &reader).await,
        std::slice::from_ref(&search)
    );

    let refused = gateway.call(&reader, call("fetch")).await;
    assert_eq!(refused.status, 403);
    let challenge = refused.header("www-authenticate").expect("a challenge");
    assert!(challenge.contains("error=\"insufficient_scope\""));
    assert!(
        challenge.contains("scope=\"mcp:read mcp:write\""),
        "{challenge}"
    );
    let told = &refused.json()["result"]["_meta"]["mcp/www_authenticate"];
    assert_eq!(told, &json!([challenge]));
    assert_eq!(gateway.call(&reader, call("search")).await.status, 200);

    let stepped = gateway.token().scope("mcp:read mcp:write").mint();
    let fetch = ("fetch".to_owned(), json!(["mcp:read", "mcp:write"]));
    assert_eq!(tools(&gateway, &stepped).await, [search, fetch]);
    assert_eq!(gateway.call(&stepped, call("fetch")).await.status, 200);
    let log = gateway.access_log();
    let line = log.lines().find(|line| line.contains("insufficient_scope"));
    let line: Value = serde_json::from_str(line.expect("a refusal")).expect("JSON");
    assert_eq!(line["rule"], "fetch writes");
    assert_eq!(line["operation"], "tools/call fetch");
}

#[tokio::test]
async fn documents_take_what_fetch_takes() {
    let gateway = gateway(vec![fetch_writes()]).await;
    let path = "/documents/0123456789abcdef0123456789abcdef";
    for (scope, status) in [("mcp:read", 403), ("mcp:read mcp:write", 404)] {
        let token = gateway.token().scope(scope).mint();
        let reply = Reply::of(gateway.request("GET", path).bearer_auth(token)).await;
        assert_eq!(reply.status, status, "{scope}");
    }
}

#[tokio::test]
async fn where_no_scope_helps_the_refusal_is_plain_and_the_log_names_what_is_missing() {
    let gateway = gateway(vec![search_is_for_finance()]).await;
    let finance = || gateway.token().claim("groups", json!(["all", "finance"]));
    let chatgpt = || finance().claim("client_id", json!("chatgpt"));
    let at = |site: &str| json!({ "site": site });
    for (token, reason) in [
        (gateway.token(), Some("group_required")),
        (finance(), Some("client_id_required")),
        (chatgpt(), Some("claim_required")),
        (
            chatgpt().claim("address", at("branch")),
            Some("claim_required"),
        ),
        (chatgpt().claim("address", at("head office")), None),
    ] {
        let token = token.mint();
        let called = gateway.call(&token, call("search")).await;
        let names: Vec<_> = tools(&gateway, &token).await;
        let names: Vec<_> = names.iter().map(|(name, _)| name.as_str()).collect();
        match reason {
            None => {
                assert_eq!((called.status, &names[..]), (200, &["search", "fetch"][..]));
                assert_eq!(called.json()["result"]["isError"], false);
            }
            Some(reason) => {
                assert_eq!(
                    (called.status, &names[..]),
                    (403, &["fetch"][..]),
                    "{reason}"
                );
                assert_eq!(called.header("www-authenticate"), None);
                let answer = called.json();
                assert_eq!(
                    (&answer["id"], &answer["result"]["isError"]),
                    (&json!("c1"), &json!(true))
                );
                // No challenge: it would send a person back to a login that changes nothing.
                let request_id = called.header("x-request-id");
                let meta = json!({ "usher/request_id": request_id });
                assert_eq!(answer["result"]["_meta"], meta);
                let log = gateway.access_log();
                let line = log.lines().rfind(|line| line.contains("tools/call"));
                let line: Value = serde_json::from_str(line.expect("a line")).expect("JSON");
                assert_eq!(
                    (&line["reason"], &line["rule"]),
                    (&json!(reason), &json!("rule[0]"))
                );
            }
        }
    }
}

#[tokio::test]
async fn a_plain_refusal_is_the_same_in_the_modern_era_and_a_tool_error_where_configured() {
    let off = RuleSettings {
        tools: texts(&["*"]),
        deny: true,
        ..RuleSettings::default()
    };
    for (denied_call, status) in [(DeniedCall::Http, 403), (DeniedCall::ToolError, 200)] {
        let off = off.clone();
        let change = move |settings: &mut Settings| {
            settings.rule = vec![off];
            settings.mcp.denied_call = denied_call;
        };
        let gateway = TestGateway::builder().settings(change).start().await;
        let token = gateway.token().scope("mcp:read mcp:write").mint();
        assert_eq!(tools(&gateway, &token).await, []);
        let (headers, body) = modern("tools/call", json!({ "name": "search", "arguments": {} }));
        for (headers, body) in [(&headers[..], body), (&[], call("fetch"))] {
            let refused = post(&gateway, "/mcp", &token, headers, &body).await;
            assert_eq!(refused.status, status);
            assert_eq!(refused.header("www-authenticate"), None);
            assert_eq!(refused.json()["result"]["isError"], true);
        }
        assert!(gateway.access_log().contains("denied_by_rule"));
    }
}

#[tokio::test]
async fn what_clients_are_told_to_ask_for_follows_from_the_rules() {
    let docs = |tools: &[&str]| RuleSettings {
        tools: texts(tools),
        scopes: texts(&["docs"]),
        ..RuleSettings::default()
    };
    for (rules, scopes) in [
        (vec![], json!(["mcp:read"])),
        (vec![fetch_writes()], json!(["mcp:read"])),
        (vec![docs(&["*"])], json!(["docs"])),
        (vec![docs(&["search"]), fetch_writes()], json!(["docs"])),
    ] {
        let gateway = gateway(rules).await;
        let path = "/.well-known/oauth-protected-resource/mcp";
        let metadata = Reply::of(gateway.request("GET", path)).await.json();
        assert_eq!(metadata["scopes_supported"], scopes);
        let refused = Reply::of(gateway.request("GET", "/mcp")).await;
        let challenge = refused.header("www-authenticate").expect("a challenge");
        let asked = scopes[0].as_str().expect("a scope");
        assert!(
            challenge.contains(&format!("scope=\"{asked}\"")),
            "{challenge}"
        );
        // Whoever asks for just that may use something, and only what says so.
        let token = gateway.token().scope(asked).mint();
        let listed = tools(&gateway, &token).await;
        assert!(!listed.is_empty());
        assert!(
            listed.iter().all(|(_, needed)| *needed == scopes),
            "{listed:?}"
        );
    }
}

fn usher(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_usher"));
    command.args(arguments).env_clear().env("HOME", folder);
    command.current_dir(folder).stdin(Stdio::null());
    command.output().expect("a program that runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

#[test]
fn explanations_name_what_is_wrong_with_the_claims_and_the_rules() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("a file");
    };
    let top = "public_url = \"https://mcp.example.com\"\n[[issuer]]\nissuer = \"https://sso.example.com\"\n";
    let rule = "[[rule]]\ntools = [\"fecth\"]\nclaims = [\"iss=https://sso.example.com\"]\n";
    write("usher.toml", &format!("{top}{rule}"));
    let explain = |claims: &str, tool: &str| {
        write("claims.json", claims);
        let arguments = ["policy", "explain", "--claims", "claims.json", tool];
        usher(folder.path(), &arguments)
    };
    for (claims, expected) in [
        ("", "expected a JSON object"),
        ("[]", "expected a JSON object"),
        ("{\"sub\":\"a\",\"sub\":\"b\"}", "expected a JSON object"),
        (
            "{\"iss\":\"https://other.test\"}",
            "the token's issuer is not configured",
        ),
    ] {
        let refused = explain(claims, "fetch");
        assert_eq!(refused.status.code(), Some(1), "{claims}");
        assert!(
            text(&refused.stderr).contains(expected),
            "{}",
            text(&refused.stderr)
        );
        assert_eq!(text(&refused.stdout), "");
    }
    let explained = explain("{\"scope\":\"mcp:write\"}", "fecth");
    let warning = "warning: rule[0].tools: no tool matches `fecth`";
    assert!(text(&explained.stderr).contains(warning));
    let printed = text(&explained.stdout);
    assert!(
        printed.contains("fecth  allowed by write_scope, rule[0]"),
        "{printed}"
    );
    assert!(printed.contains("There is no such tool here"), "{printed}");

    write(
        "usher.toml",
        &format!("{top}[[rule]]\ntools = [\"[\"]\ndeny = true\nscops = []\n"),
    );
    let refused = explain("{}", "fetch");
    assert_eq!(refused.status.code(), Some(78));
    assert!(
        text(&refused.stderr).contains("scops"),
        "{}",
        text(&refused.stderr)
    );
    write(
        "usher.toml",
        &format!("{top}[[rule]]\ntools = [\"[\"]\ndeny = true\n"),
    );
    let refused = explain("{}", "fetch");
    assert_eq!(refused.status.code(), Some(78));
    let told = text(&refused.stderr);
    assert!(
        told.contains("rule[0].tools") && told.contains("is no pattern"),
        "{told}"
    );
}
