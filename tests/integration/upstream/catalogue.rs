//! Prompts, resources and completions of upstreams: listed, hidden, routed, and passed on byte for byte.

use serde_json::{Value, json};
use usher::config::Settings;
use usher::policy::RuleSettings;
use usher::upstream::{Names, UpstreamSettings};

use super::super::gateway::{Reply, TestGateway};
use super::super::raw_upstream::{RawUpstream, Recorded, Speaks};
use super::{ODD, ask_modern, over_http, token};

const ALL: &str = r#"{"tools":{},"prompts":{},"resources":{},"completions":{}}"#;

/// An upstream with one of each kind.
async fn upstream(speaks: Speaks) -> RawUpstream {
    let upstream = RawUpstream::start(speaks).await;
    upstream.capabilities(ALL);
    for (method, member) in [
        (
            "prompts/list",
            r#""result":{"prompts":[{"arguments":[ ],"name":"ask","x":1.50}]}"#,
        ),
        (
            "resources/list",
            r#""result":{"resources":[{"name":"One","uri":"file:///1"}]}"#,
        ),
        (
            "resources/templates/list",
            r#""result":{"resourceTemplates":[{"name":"Any","uriTemplate":"raw:{id}"}]}"#,
        ),
    ] {
        upstream.answer_to(method, member);
    }
    upstream
}

async fn start(
    upstreams: Vec<UpstreamSettings>,
    change: impl FnOnce(&mut Settings) + Send + 'static,
) -> TestGateway {
    let last = upstreams.last().map(|upstream| upstream.name.clone());
    let gateway = TestGateway::builder()
        .settings(|settings| {
            settings.upstream = upstreams;
            change(settings);
        })
        .start()
        .await;
    let probe = format!("{}__", last.expect("an upstream"));
    super::until_listed(&gateway, &probe).await;
    gateway
}

async fn post(gateway: &TestGateway, access_token: &str, body: String) -> Reply {
    let request = gateway
        .request("POST", "/mcp")
        .bearer_auth(access_token)
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .body(body);
    Reply::of(request).await
}

/// As a legacy client asks, with these very bytes.
async fn ask(gateway: &TestGateway, method: &str, params: &str) -> Reply {
    let body = format!(r#"{{"jsonrpc":"2.0","id":"mine","method":"{method}","params":{params}}}"#);
    post(gateway, &token(gateway), body).await
}

/// What is listed under `member`, by `key`, for this token.
async fn names(gateway: &TestGateway, access_token: &str, list: (&str, &str, &str)) -> Vec<String> {
    let (method, member, key) = list;
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method });
    let listed = post(gateway, access_token, body.to_string()).await.json();
    let items = listed["result"][member].as_array().expect("a list");
    items
        .iter()
        .map(|item| item[key].as_str().expect("a name").to_owned())
        .collect()
}

const TOOLS: (&str, &str, &str) = ("tools/list", "tools", "name");
const PROMPTS: (&str, &str, &str) = ("prompts/list", "prompts", "name");
const RESOURCES: (&str, &str, &str) = ("resources/list", "resources", "uri");
const TEMPLATES: (&str, &str, &str) = (
    "resources/templates/list",
    "resourceTemplates",
    "uriTemplate",
);

fn last(upstream: &RawUpstream, method: &str) -> Recorded {
    let sent = upstream.requests().into_iter();
    sent.filter(|sent| sent.method == method)
        .last()
        .expect("a request")
}

#[tokio::test]
async fn prompts_resources_and_completions_keep_their_bytes_between_all_eras() {
    for speaks in [Speaks::Legacy, Speaks::Modern] {
        let upstream = upstream(speaks).await;
        let gateway = start(vec![over_http("raw", &upstream.url)], |_| {}).await;
        for (method, params, sent, name, key) in [
            (
                "prompts/get",
                r#""x-new": 1.0,"arguments":{"a":"\u00e9"},"name":"raw__ask""#,
                r#""x-new":1.0,"arguments":{"a":"\u00e9"},"name":"ask""#,
                "raw__ask",
                Some("ask"),
            ),
            (
                "resources/read",
                r#""uri":"file:///1","x":[1,  2]"#,
                r#""uri":"file:///1","x":[1,  2]"#,
                "file:///1",
                Some("file:///1"),
            ),
            (
                "resources/read",
                r#""uri":"usher+raw:raw:77""#,
                r#""uri":"raw:77""#,
                "usher+raw:raw:77",
                Some("raw:77"),
            ),
            (
                "completion/complete",
                r#""argument":{"name":"a","value": "b"},"ref":{"name":"raw__ask", "type":"ref/prompt"}"#,
                r#""argument":{"name":"a","value": "b"},"ref":{"name":"ask","type":"ref/prompt"}"#,
                "",
                None,
            ),
            (
                "completion/complete",
                r#""ref":{"type":"ref/resource","uri":"raw:{id}"},"argument":{}"#,
                r#""ref":{"type":"ref/resource","uri":"raw:{id}"},"argument":{}"#,
                "",
                None,
            ),
        ] {
            upstream.answer_to(method, &format!(r#""result":{ODD}"#));
            let reply = ask(&gateway, method, &format!("{{{params}}}")).await;
            assert_eq!(reply.status, 200, "{method}");
            let whole = format!(r#"{{"jsonrpc":"2.0","id":"mine","result":{ODD}}}"#);
            assert_eq!(reply.text(), whole, "{method}");
            let seen = last(&upstream, method);
            let expected = format!(r#""params":{{{sent}"#);
            assert!(seen.body.contains(&expected), "{}", seen.body);
            if speaks == Speaks::Modern {
                let named = seen.headers.get("mcp-name");
                let named = named.map(|name| name.to_str().expect("text"));
                assert_eq!(named, key, "{method}");
            }
            let reply = ask_modern(&gateway, method, name, params).await;
            assert_eq!(reply.status, 200, "{method} {}", reply.text());
            assert!(
                reply
                    .text()
                    .contains(r#""b":123456789012345678901234567890"#)
            );
            if speaks == Speaks::Legacy {
                let text = reply.text();
                assert!(
                    text.contains(r#""resultType":"complete""#),
                    "{method} {text}"
                );
            }
            let error = r#"{"code":-32602,"message":"m","data":{"n":1.50}}"#;
            upstream.answer_to(method, &format!(r#""error":{error}"#));
            let reply = ask(&gateway, method, &format!("{{{params}}}")).await;
            assert!(
                reply.text().contains(r#""data":{"n":1.50}"#),
                "{}",
                reply.text()
            );
        }
    }
}

#[tokio::test]
async fn lists_show_all_kinds_under_names_of_their_upstreams() {
    let (a, b) = (
        upstream(Speaks::Legacy).await,
        upstream(Speaks::Modern).await,
    );
    let upstreams = vec![over_http("a", &a.url), over_http("b", &b.url)];
    let gateway = start(upstreams, |settings| {
        settings.mcp.name_separator = "__".to_owned();
    })
    .await;
    let token = token(&gateway);
    assert_eq!(
        names(&gateway, &token, TOOLS).await,
        ["search", "fetch", "a__echo", "b__echo"]
    );
    assert_eq!(names(&gateway, &token, PROMPTS).await, ["a__ask", "b__ask"]);
    assert_eq!(
        names(&gateway, &token, RESOURCES).await,
        ["file:///1", "usher+b:file:///1"]
    );
    assert_eq!(
        names(&gateway, &token, TEMPLATES).await,
        ["raw:{id}", "usher+b:raw:{id}"]
    );
    let listed = ask(&gateway, "prompts/list", "{}").await;
    assert_eq!(
        listed.text(),
        r#"{"jsonrpc":"2.0","id":"mine","result":{"prompts":[{"arguments":[ ],"name":"a__ask","x":1.50},{"arguments":[ ],"name":"b__ask","x":1.50}]}}"#
    );
    let listed = ask_modern(&gateway, "resources/list", "", "").await.json();
    assert_eq!(listed["result"]["cacheScope"], "private");
    assert_eq!(listed["result"]["resultType"], "complete");
    for upstream in [&a, &b] {
        upstream.answer_to("resources/read", r#""result":{"contents":[]}"#);
    }
    ask(&gateway, "resources/read", r#"{"uri":"usher+b:file:///1"}"#).await;
    assert!(
        last(&b, "resources/read")
            .body
            .contains(r#""uri":"file:///1""#)
    );
    let read = |sent: &Recorded| sent.method == "resources/read";
    assert!(!a.requests().iter().any(read));
    ask(&gateway, "resources/read", r#"{"uri":"file:///1"}"#).await;
    assert!(a.requests().iter().any(read));

    let said = ask_modern(&gateway, "server/discover", "", "").await.json();
    let changes = json!({ "listChanged": true });
    assert_eq!(
        said["result"]["capabilities"],
        json!({ "tools": changes, "prompts": changes, "resources": changes, "completions": {}, "logging": {} })
    );
}

#[tokio::test]
async fn verbatim_names_are_listed_as_they_are_and_give_way() {
    let (a, b) = (
        upstream(Speaks::Legacy).await,
        upstream(Speaks::Legacy).await,
    );
    a.tools(r#"[{"name":"search"},{"name":"echo"}]"#);
    let verbatim = |name: &str, url: &str| UpstreamSettings {
        names: Names::Verbatim,
        ..over_http(name, url)
    };
    let gateway = TestGateway::builder()
        .settings({
            let upstreams = vec![
                verbatim("a", &a.url),
                verbatim("b", &b.url),
                over_http("c", &b.url),
            ];
            move |settings| {
                settings.upstream = upstreams;
                settings.mcp.name_separator = "-".to_owned();
            }
        })
        .start()
        .await;
    super::until_listed(&gateway, "c-").await;
    super::until_listed(&gateway, "echo").await;
    let token = token(&gateway);
    let mut seen = Vec::new();
    for _ in 0..500 {
        seen = names(&gateway, &token, PROMPTS).await;
        if seen.len() == 2 {
            break;
        }
    }
    assert_eq!(seen, ["ask", "c-ask"]);
    assert_eq!(
        names(&gateway, &token, TOOLS).await,
        ["search", "fetch", "echo", "c-echo"]
    );
    super::call(&gateway, r#"{"name":"echo"}"#).await;
    assert!(last_or_none(&a, "tools/call"));
    assert!(!last_or_none(&b, "tools/call"));
}

fn last_or_none(upstream: &RawUpstream, method: &str) -> bool {
    upstream.requests().iter().any(|sent| sent.method == method)
}

#[tokio::test]
async fn rules_hide_each_kind_and_refuse_what_is_hidden() {
    let upstream = upstream(Speaks::Legacy).await;
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let staff = |rule: RuleSettings| RuleSettings {
        groups: texts(&["staff"]),
        ..rule
    };
    let rules = vec![
        staff(RuleSettings {
            prompts: texts(&["raw__*"]),
            ..RuleSettings::default()
        }),
        staff(RuleSettings {
            resources: texts(&["file:///*", "raw:{id}", "raw:*"]),
            ..RuleSettings::default()
        }),
    ];
    let upstreams = vec![over_http("raw", &upstream.url)];
    let gateway = start(upstreams, move |settings| settings.rule = rules).await;
    let minted = |scope: &str, groups: &[&str]| {
        let token = gateway.token().scope(scope);
        token.claim("groups", json!(groups)).mint()
    };
    let staff = minted("mcp:write", &["staff"]);
    let (reader, writer) = (minted("mcp:read", &["staff"]), minted("mcp:write", &[]));
    let requests = [
        (PROMPTS, "prompts/get", json!({ "name": "raw__ask" })),
        (RESOURCES, "resources/read", json!({ "uri": "file:///1" })),
        (TEMPLATES, "resources/read", json!({ "uri": "raw:1" })),
        (
            TEMPLATES,
            "completion/complete",
            json!({ "ref": { "type": "ref/resource", "uri": "raw:{id}" }, "argument": {} }),
        ),
        (
            PROMPTS,
            "completion/complete",
            json!({ "ref": { "type": "ref/prompt", "name": "raw__ask" }, "argument": {} }),
        ),
    ];
    for (list, method, params) in requests {
        upstream.answer_to(method, r#""result":{}"#);
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        for (token, listed, status, challenged) in [
            (&staff, 1, 200, false),
            (&reader, 0, 403, true),
            (&writer, 0, 403, false),
        ] {
            assert_eq!(names(&gateway, token, list).await.len(), listed, "{method}");
            let sent = upstream.requests().len();
            let reply = post(&gateway, token, body.to_string()).await;
            assert_eq!(reply.status, status, "{method} {}", reply.text());
            let challenge = reply.header("www-authenticate");
            assert_eq!(challenge.is_some(), challenged, "{method}");
            let is_sent = upstream.requests().len() > sent;
            assert_eq!(is_sent, status == 200, "{method}");
        }
    }
}

#[tokio::test]
async fn what_an_upstream_that_is_down_has_stays_listed_and_fails_with_an_error_to_try_again() {
    let upstream = upstream(Speaks::Modern).await;
    let gateway = start(vec![over_http("raw", &upstream.url)], |_| {}).await;
    upstream.admit(|_| false);
    let before = token(&gateway);
    for (list, method, params) in [
        (PROMPTS, "prompts/get", r#"{"name":"raw__ask"}"#),
        (RESOURCES, "resources/read", r#"{"uri":"file:///1"}"#),
    ] {
        upstream.answer_to(method, "");
        assert_eq!(names(&gateway, &before, list).await.len(), 1);
        let error = ask(&gateway, method, params).await.json()["error"].clone();
        assert!(error["code"].as_i64() > Some(0), "{error}");
        assert!(error["data"]["retriable"].is_boolean(), "{error}");
    }
}

#[tokio::test]
async fn what_there_is_not_is_said_to_be_unknown() {
    let upstream = upstream(Speaks::Legacy).await;
    let other = RawUpstream::start(Speaks::Legacy).await;
    other.capabilities(r#"{"tools":{},"resources":{}}"#);
    let upstreams = vec![over_http("raw", &upstream.url), over_http("b", &other.url)];
    let gateway = start(upstreams, |_| {}).await;
    for (method, params, code) in [
        ("prompts/get", r#"{"name":"ask"}"#, -32602),
        (
            "prompts/get",
            r#"{"name":"raw__ask","arguments":[]}"#,
            -32602,
        ),
        ("resources/read", r#"{"uri":"nobody:1"}"#, -32002),
        ("resources/read", r#"{"uri":"raw:../1"}"#, -32002),
        ("resources/read", "{}", -32602),
        (
            "completion/complete",
            r#"{"ref":{"type":"ref/prompt","name":"x"}}"#,
            -32602,
        ),
        ("completion/complete", r#"{"ref":"ref/prompt"}"#, -32602),
        ("resources/subscribe", r#"{"uri":"file:///1"}"#, -32601),
        ("prompts/list", r#"{"cursor":"x"}"#, -32602),
    ] {
        let reply = ask(&gateway, method, params).await;
        let found: Value = reply.json()["error"]["code"].clone();
        assert_eq!(found, code, "{method} {params}");
    }
}

#[test]
fn names_that_cannot_be_told_apart_stop_the_start_and_both_are_named() {
    let settings = |separator: &str, names: [&str; 2]| {
        let mut settings = Settings {
            public_url: "https://mcp.example.com".to_owned(),
            issuer: vec![usher::auth::settings::IssuerSettings::named(
                "https://sso.example.com",
            )],
            ..Settings::default()
        };
        settings.mcp.name_separator = separator.to_owned();
        let upstream = |name: &str| over_http(name, "https://up.example.com/mcp");
        settings.upstream = names.map(upstream).to_vec();
        usher::config::check(settings)
    };
    assert!(settings("__", ["a", "a-b"]).is_ok());
    for (separator, names, key) in [
        ("__", ["same", "same"], "upstream[1].name"),
        ("-", ["a", "a-b"], "mcp.name_separator"),
        ("", ["a", "b"], "mcp.name_separator"),
    ] {
        let refused = settings(separator, names).map(drop);
        let told = refused.expect_err("a mistake").to_string();
        assert!(told.contains(key), "{told}");
    }
    let told = settings("__", ["same", "same"])
        .map(drop)
        .expect_err("a mistake");
    assert!(told.to_string().contains("upstream[0]"), "{told}");
}

#[tokio::test]
async fn explanations_cover_upstreams_and_name_those_that_could_not_be_asked() {
    let upstream = upstream(Speaks::Modern).await;
    upstream.tools(r#"[{"name":"list","annotations":{"readOnlyHint":true}},{"name":"pay"}]"#);
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("a file");
    };
    let url = &upstream.url;
    write(
        "usher.toml",
        &format!(
            "public_url = \"https://mcp.example.com\"\n[[issuer]]\nissuer = \"https://sso.example.com\"\n\
             [[upstream]]\nname = \"billing\"\nhttp = \"{url}\"\ntrust_annotations = true\n\
             [[upstream]]\nname = \"down\"\nhttp = \"http://127.0.0.1:1/mcp\"\n\
             [[rule]]\nname = \"paying\"\ntools = [\"billing__pay\"]\ngroups = [\"finance\"]\n\
             [[rule]]\nname = \"off\"\nresources = [\"raw:*\", \"nothing:*\"]\ndeny = true\n"
        ),
    );
    write("bob.json", r#"{"sub":"bob","scope":"mcp:read"}"#);
    let explain = async |more: &[&str]| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_usher"));
        command.args(["policy", "explain", "--claims", "bob.json"]);
        command.args(more).env_clear().current_dir(folder.path());
        let done = command
            .kill_on_drop(true)
            .output()
            .await
            .expect("a program");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        assert!(done.status.success());
        (text(done.stdout), text(done.stderr))
    };
    let (all, told) = explain(&[]).await;
    for line in [
        "search                 allowed by read_scope",
        "billing__list          allowed by read_scope",
        "billing__pay           refused by paying: group_required;",
        "prompt billing__ask    allowed by read_scope",
        "resource file:///1     allowed by read_scope",
        "resource raw:{id}      refused by off: denied_by_rule;",
    ] {
        let squeezed: Vec<_> = line.split_whitespace().collect();
        let is_it = |found: &str| {
            found
                .split_whitespace()
                .collect::<Vec<_>>()
                .starts_with(&squeezed)
        };
        assert!(all.lines().any(is_it), "{line} is not in\n{all}");
    }
    assert!(
        told.contains("the upstream down could not be asked"),
        "{told}"
    );
    assert!(told.contains("no resource matches `nothing:*`"), "{told}");
    assert!(!told.contains("`raw:*`"), "{told}");

    let (one, _) = explain(&["billing__list"]).await;
    assert!(one.contains("yes  scope `mcp:read`"), "{one}");
    let (one, told) = explain(&["--offline", "billing__pay"]).await;
    assert!(one.contains("no   group `finance`"), "{one}");
    assert!(!told.contains("the upstream down could"), "{told}");
    // What it takes is more than clients ask for unless they are told to, and nobody asked for what billing lists.
    assert!(
        told.contains("what the upstream down has takes more")
            && !told.contains("upstream billing"),
        "{told}"
    );
    assert!(
        told.contains(r#"advertised = ["mcp:read", "mcp:write"]"#),
        "{told}"
    );
    for spelling in ["RAW:7", "raw:7#x", "raw:7?x"] {
        let (one, _) = explain(&[spelling]).await;
        assert!(one.contains("denied_by_rule"), "{one}");
    }
    let (one, _) = explain(&["raw:a/../b"]).await;
    assert!(one.contains("is not found, whoever asks"), "{one}");
    let (one, _) = explain(&["raw:7"]).await;
    assert!(one.contains("There is no such resource here"), "{one}");
    assert!(one.contains("denied_by_rule"), "{one}");
}
