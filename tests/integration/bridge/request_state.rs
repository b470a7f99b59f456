//! Multi round-trip requests from a modern upstream to a modern client: its state goes through sealed.

use serde_json::Value;

use super::{Modern, PLAIN, both, call_modern, call_modern_as};
use crate::gateway::TestGateway;
use crate::raw_upstream::Speaks;

const CAPABLE: Modern<'static> = Modern {
    members: r#","arguments":{"a": 1}"#,
    capabilities: r#"{"elicitation":{}}"#,
    headers: &[],
};
const ASKS: &str = r#""result":{"resultType":"input_required","inputRequests":{"k":{"method":"elicitation/create","params":{"message":"m","requestedSchema":{"n":1.50}}}},"requestState" : "th\u0065irs \/","x":1.50}"#;

/// The state that the client of this call gets to keep.
async fn state(gateway: &TestGateway) -> String {
    let asked = call_modern(gateway, CAPABLE).await;
    let state = asked.json()["result"]["requestState"].clone();
    state.as_str().expect("a state").to_owned()
}

fn continued(arguments: &str, state: &str) -> String {
    format!(
        r#","arguments":{arguments},"inputResponses":{{"k":{{"action":"accept","content":{{"n":1.50}}}},"extra": 7}},"requestState":"{state}""#
    )
}

async fn refused(gateway: &TestGateway, token: &str, members: &str) -> String {
    let modern = Modern { members, ..CAPABLE };
    let reply = call_modern_as(gateway, token, modern).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.json()["error"]["code"], -32602, "{}", reply.text());
    let log = gateway.access_log();
    let last: Value = serde_json::from_str(log.lines().last().expect("a line")).expect("JSON");
    last["reason"].as_str().expect("a reason").to_owned()
}

#[tokio::test]
async fn the_state_comes_back_to_the_upstream_byte_for_byte_with_the_answers() {
    let (upstream, gateway) = both(Speaks::Modern).await;
    upstream.answer_in_turn(&[ASKS]);
    let asked = call_modern(&gateway, CAPABLE).await;
    let text = asked.text();
    assert!(!text.contains("irs"), "{text}");
    let (before, after) = ASKS.split_once(r#""th\u0065irs \/""#).expect("the state");
    let own = text.split_once(before).expect("what was in front of it").1;
    assert!(own.ends_with(&format!("{after}}}")), "{text}");

    let sealed = asked.json()["result"]["requestState"]
        .as_str()
        .expect("a state")
        .to_owned();
    let members = continued("{\"a\":1 }", &sealed);
    let modern = Modern {
        members: &members,
        ..CAPABLE
    };
    let told = call_modern(&gateway, modern).await;
    assert_eq!(
        told.json()["result"]["content"],
        serde_json::json!([]),
        "{}",
        told.text()
    );
    let sent = upstream.last_call().body;
    let expected = continued("{\"a\":1 }", r"th\u0065irs \/");
    assert!(sent.contains(&expected), "{sent}");
}

#[tokio::test]
async fn a_state_alone_and_questions_alone_are_passed_on() {
    let (upstream, gateway) = both(Speaks::Modern).await;
    let questions =
        r#""result":{"resultType":"input_required","inputRequests":{"k":{"method":"roots/list"}}}"#;
    upstream.answer_in_turn(&[
        r#""result":{"requestState":"s","resultType":"input_required"}"#,
        questions,
    ]);
    let sealed = state(&gateway).await;
    assert_ne!(sealed, "s");
    let asked = call_modern(&gateway, CAPABLE).await;
    assert_eq!(asked.text(), super::answer(questions));
}

#[tokio::test]
async fn a_state_of_somebody_else_or_something_else_is_refused_by_name() {
    let (upstream, gateway) = both(Speaks::Modern).await;
    upstream.answer(ASKS);
    let sealed = state(&gateway).await;
    let calls = upstream.requests().len();
    let alice = super::token(&gateway);
    let bob = gateway
        .token()
        .subject("bob")
        .scope("mcp:read mcp:write")
        .mint();
    let good = continued(r#"{"a": 1}"#, &sealed);
    assert_eq!(
        refused(&gateway, &bob, &good).await,
        "foreign_request_state"
    );
    let other = continued(r#"{"a": 2}"#, &sealed);
    assert_eq!(
        refused(&gateway, &alice, &other).await,
        "other_request_state"
    );
    let other = if sealed.starts_with('A') { 'B' } else { 'A' };
    let bent = continued(
        r#"{"a": 1}"#,
        &format!(
            "{other}{}",
            sealed.strip_prefix(|_: char| true).expect("long")
        ),
    );
    assert_eq!(
        refused(&gateway, &alice, &bent).await,
        "altered_request_state"
    );
    let theirs = continued(r#"{"a": 1}"#, "theirs");
    assert_eq!(
        refused(&gateway, &alice, &theirs).await,
        "altered_request_state"
    );
    let alice = gateway
        .token()
        .scope("mcp:read mcp:write")
        .expires_in(3_600)
        .mint();
    gateway.clock.shift(901);
    assert_eq!(
        refused(&gateway, &alice, &good).await,
        "expired_request_state"
    );
    assert_eq!(upstream.requests().len(), calls, "nothing was sent");
}

#[tokio::test]
async fn a_state_that_is_no_string_or_too_long_is_no_answer() {
    let (upstream, gateway) = both(Speaks::Modern).await;
    let long = format!(
        r#""result":{{"resultType":"input_required","requestState":"{}"}}"#,
        "x".repeat(70_000)
    );
    upstream.answer_in_turn(&[
        r#""result":{"resultType":"input_required","requestState":7}"#,
        &long,
    ]);
    for _ in 0..2 {
        let told = call_modern(&gateway, PLAIN).await;
        assert_eq!(told.json()["error"]["code"], 502);
    }
}
