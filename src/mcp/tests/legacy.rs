//! Revisions 2024-11-05 to 2025-11-25, and what is the same in every revision.

use super::*;

fn initialize(version: &str) -> Value {
    json!({
        "protocolVersion": version,
        "capabilities": { "roots": {}, "elicitation": {} },
        "clientInfo": { "name": "t", "version": "1" },
    })
}

/// The session id that `initialize` hands out.
fn session(bench: &Bench, version: &str) -> String {
    let got = bench.legacy("initialize", initialize(version));
    let id = got.answer.session_id.expect("a session id");
    id.to_str().expect("visible ASCII").to_owned()
}

const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

#[test]
fn initialize_answers_the_version_asked_for_or_the_newest() {
    let bench = Bench::new(Settings::default());
    for (asked, answered) in [
        ("2024-11-05", "2024-11-05"),
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        (MODERN, "2025-11-25"),
        ("1900-01-01", "2025-11-25"),
    ] {
        let got = bench.legacy("initialize", initialize(asked));
        assert_eq!(got.status, StatusCode::OK);
        assert_eq!(
            got.json["result"],
            json!({
                "protocolVersion": answered,
                "serverInfo": server_info(),
                "capabilities": { "tools": {}, "prompts": {}, "resources": {} },
                "instructions": Settings::default().instructions,
            })
        );
        let id = got.answer.session_id.expect("a session id");
        assert!(id.as_bytes().iter().all(|b| (0x21..=0x7e).contains(b)));
        assert!(id.len() < 150, "ids travel on every request");
    }
}

#[test]
fn initialize_without_a_version_gets_no_session() {
    let bench = Bench::new(Settings::default());
    let got = bench.legacy("initialize", json!({ "capabilities": {} }));
    assert_eq!((got.status.as_u16(), code(&got)), (200, -32602));
    assert_eq!(got.answer.session_id, None);
}

#[test]
fn an_initialize_notification_gets_no_session() {
    let bench = Bench::new(Settings::default());
    let body =
        json!({ "jsonrpc": "2.0", "method": "initialize", "params": initialize("2025-11-25") });
    let got = bench.post(&[], &body.to_string());
    assert_eq!(got.status, StatusCode::ACCEPTED);
    assert_eq!(got.answer.session_id, None);
}

#[test]
fn a_session_lives_until_it_is_ended() {
    let bench = Bench::new(Settings::default());
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let id = session(&bench, version);
        let headers = [
            ("mcp-session-id", id.as_str()),
            ("mcp-protocol-version", version),
        ];
        assert_eq!(
            bench.post(&headers, INITIALIZED).status,
            StatusCode::ACCEPTED
        );
        assert_eq!(bench.post(&headers, LIST).status, StatusCode::OK);
        let ended = bench.protocol.delete(&bench.alice, &header_map(&headers));
        assert_eq!(ended.status, StatusCode::NO_CONTENT);

        let got = bench.post(&headers, LIST);
        assert_eq!(got.status, StatusCode::NOT_FOUND);
        assert_eq!(got.json["id"], 1);
        assert_eq!(got.answer.reason, Some("unknown_session"));
        assert_eq!(
            bench.post(&headers, INITIALIZED).status,
            StatusCode::NOT_FOUND
        );
        for answer in [
            bench.protocol.delete(&bench.alice, &header_map(&headers)),
            bench.protocol.get(&bench.alice, &header_map(&headers)),
        ] {
            assert_eq!(answer.status, StatusCode::NOT_FOUND);
        }
    }
}

#[test]
fn a_session_is_of_no_use_to_anybody_else() {
    let bench = Bench::new(Settings::default());
    let id = session(&bench, "2025-11-25");
    let headers = [("mcp-session-id", id.as_str())];
    let bob = principal("bob", &["mcp:read"]);
    let got = bench.post_as(&bob, &headers, LIST);
    assert_eq!(got.status, StatusCode::NOT_FOUND);
    assert_eq!(got.answer.reason, Some("foreign_session"));
    assert_eq!(
        bench.protocol.delete(&bob, &header_map(&headers)).status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        bench.post(&headers, LIST).status,
        StatusCode::OK,
        "alice's goes on"
    );
}

#[test]
fn a_session_expires() {
    let bench = Bench::new(Settings::default());
    let id = session(&bench, "2025-11-25");
    bench.clock.shift(86_399);
    assert_eq!(
        bench.post(&[("mcp-session-id", &id)], LIST).status,
        StatusCode::OK
    );
    bench.clock.shift(2);
    let got = bench.post(&[("mcp-session-id", &id)], LIST);
    assert_eq!(got.status, StatusCode::NOT_FOUND);
    // A client that has to begin anew may still carry the dead id.
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": initialize("2025-11-25") });
    let got = bench.post(&[("mcp-session-id", &id)], &body.to_string());
    assert_eq!(got.status, StatusCode::OK);
}

#[test]
fn a_request_without_a_session_is_served_by_itself() {
    let bench = Bench::new(Settings::default());
    for version in [
        None,
        Some("2024-11-05"),
        Some("2025-03-26"),
        Some("2025-06-18"),
        Some("2025-11-25"),
    ] {
        let headers: Vec<_> = version
            .map(|v| ("mcp-protocol-version", v))
            .into_iter()
            .collect();
        let got = bench.post(&headers, LIST);
        assert_eq!(got.status, StatusCode::OK, "{version:?}");
        let members: Vec<_> = got.json["result"]
            .as_object()
            .expect("an object")
            .keys()
            .collect();
        assert_eq!(members, ["tools"], "no modern members");
    }
    for version in ["2025-11-26", "1.0", "latest", ""] {
        let got = bench.post(&[("mcp-protocol-version", version)], LIST);
        assert_eq!(
            (got.status.as_u16(), code(&got)),
            (400, -32600),
            "{version}"
        );
    }
}

#[test]
fn legacy_answers_have_legacy_shapes() {
    let bench = Bench::new(Settings::default());
    for (method, result) in [
        ("ping", json!({})),
        ("prompts/list", json!({ "prompts": [] })),
        ("resources/list", json!({ "resources": [] })),
        (
            "resources/templates/list",
            json!({ "resourceTemplates": [] }),
        ),
    ] {
        let got = bench.legacy(method, json!({}));
        assert_eq!(
            (got.status, &got.json["result"]),
            (StatusCode::OK, &result),
            "{method}"
        );
    }
    for (method, params, error) in [
        ("resources/read", json!({ "uri": "test://none" }), -32002),
        ("prompts/get", json!({ "name": "none" }), -32602),
        ("tools/call", json!({ "name": "none" }), -32602),
        ("tools/list", json!({ "cursor": "x" }), -32602),
        ("logging/setLevel", json!({ "level": "debug" }), -32601),
        (
            "resources/subscribe",
            json!({ "uri": "test://none" }),
            -32601,
        ),
        ("completion/complete", json!({}), -32601),
        ("unknown/method", json!({}), -32601),
    ] {
        let got = bench.legacy(method, params);
        assert_eq!((got.status.as_u16(), code(&got)), (200, error), "{method}");
        assert_eq!(got.json["id"], 1);
    }
}

#[test]
fn posted_answers_are_accepted_and_go_nowhere() {
    let bench = Bench::new(Settings::default());
    for body in [
        r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"no"}}"#,
    ] {
        let got = bench.post(&[("mcp-protocol-version", "2025-11-25")], body);
        assert_eq!(got.status, StatusCode::ACCEPTED);
        assert_eq!(
            bench.post(&[("mcp-session-id", "gone")], body).status,
            StatusCode::NOT_FOUND
        );
    }
}

#[test]
fn batches_are_answered_in_the_one_revision_that_has_them() {
    let bench = Bench::new(Settings::default());
    let batch = r#"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"notifications/x"},
        {"jsonrpc":"2.0","id":"b","method":"unknown"},{"jsonrpc":"2.0","id":3,"result":{}}]"#;
    let expected = json!([
        { "jsonrpc": "2.0", "id": 1, "result": {} },
        { "jsonrpc": "2.0", "id": "b", "error": { "code": -32601, "message": "method not found" } },
    ]);
    let id = session(&bench, "2025-03-26");
    for headers in [
        vec![],
        vec![("mcp-protocol-version", "2025-03-26")],
        vec![("mcp-session-id", id.as_str())],
    ] {
        let got = bench.post(&headers, batch);
        assert_eq!(
            (got.status, &got.json),
            (StatusCode::OK, &expected),
            "{headers:?}"
        );
    }
    for version in ["2024-11-05", "2025-06-18", "2025-11-25"] {
        let id = session(&bench, version);
        for headers in [
            [("mcp-protocol-version", version)],
            [("mcp-session-id", id.as_str())],
        ] {
            let got = bench.post(&headers, batch);
            assert_eq!(
                (got.status.as_u16(), code(&got)),
                (400, -32600),
                "{headers:?}"
            );
        }
    }
}

#[test]
fn a_batch_of_notifications_and_answers_is_accepted() {
    let bench = Bench::new(Settings::default());
    for batch in [
        json!([{ "jsonrpc": "2.0", "method": "notifications/x" }]),
        json!([{ "jsonrpc": "2.0", "id": 1, "result": {} }, { "jsonrpc": "2.0", "id": 2, "result": {} }]),
    ] {
        let got = bench.post(&[], &batch.to_string());
        assert_eq!(got.status, StatusCode::ACCEPTED);
        assert!(matches!(got.answer.body, Body::Empty));
    }
}

#[test]
fn a_batch_must_not_initialize_be_modern_or_go_on_for_ever() {
    let bench = Bench::new(Settings::default());
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    let modern: Value =
        serde_json::from_str(&modern_request("tools/list", json!({})).1).expect("JSON");
    let begin = json!({ "jsonrpc": "2.0", "id": 2, "method": "initialize", "params": initialize("2025-03-26") });
    for batch in [
        json!([ping, begin]),
        json!([ping, modern]),
        json!(vec![ping.clone(); 51]),
    ] {
        let got = bench.post(&[], &batch.to_string());
        assert_eq!(got.status, StatusCode::BAD_REQUEST);
        assert_eq!(got.answer.session_id, None);
    }
    let got = bench.post(&[], &json!(vec![ping; 50]).to_string());
    assert_eq!(got.status, StatusCode::OK);
}

#[test]
fn a_token_without_a_scope_may_do_nothing() {
    let bench = Bench::new(Settings::default());
    let nobody = principal("alice", &["openid"]);
    let modern = modern_request("server/discover", json!({}));
    let headers: Vec<_> = modern.0.iter().map(|(n, v)| (*n, v.as_str())).collect();
    for (headers, body) in [
        (&headers[..], modern.1.as_str()),
        (&[], LIST),
        (&[], INITIALIZED),
        (&[], r#"{"jsonrpc":"2.0","id":1,"method":"unknown"}"#),
        (&[], r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#),
        (&[], r#"[{"jsonrpc":"2.0","method":"notifications/x"}]"#),
        (&[], r#"{"jsonrpc":"2.0","id":1,"result":{}}"#),
    ] {
        let got = bench.post_as(&nobody, headers, body);
        assert_eq!(got.status, StatusCode::FORBIDDEN, "{body}");
        assert!(got.answer.challenge.is_some(), "{body}");
        assert_eq!(got.answer.reason, Some("insufficient_scope"));
    }
    for answer in [
        bench.protocol.get(&nobody, &HeaderMap::new()),
        bench.protocol.open_old_transport(&nobody),
    ] {
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert!(answer.challenge.is_some());
    }
    for scope in ["mcp:read", "mcp:write"] {
        let somebody = principal("alice", &[scope]);
        assert_eq!(
            bench.post_as(&somebody, &[], LIST).status,
            StatusCode::OK,
            "{scope}"
        );
    }
}
