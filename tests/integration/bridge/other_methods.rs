//! What is not a tool crosses the eras in the same way: resources and prompts.

use serde_json::{Value, json};

use crate::gateway::{Reply, TestGateway};
use crate::raw_upstream::{RawUpstream, Recorded, Speaks};
use crate::upstream::{ask_modern, over_http, start, token};

async fn both(speaks: Speaks) -> (RawUpstream, TestGateway) {
    let upstream = RawUpstream::start(speaks).await;
    upstream.has_more();
    let gateway = start(vec![over_http("raw", &upstream.url)]).await;
    (upstream, gateway)
}

async fn legacy(gateway: &TestGateway, method: &str, params: Value) -> Reply {
    let message = json!({ "jsonrpc": "2.0", "id": "mine", "method": method, "params": params });
    gateway.call(&token(gateway), message).await
}

const ONE: &str = r#""uri":"test://one""#;

async fn read_both(gateway: &TestGateway) -> (Reply, Reply) {
    (
        ask_modern(gateway, "resources/read", "test://one", ONE).await,
        legacy(gateway, "resources/read", json!({ "uri": "test://one" })).await,
    )
}

fn last_of(upstream: &RawUpstream, method: &str) -> Recorded {
    let requests = upstream.requests();
    let mut of = requests.into_iter().filter(|sent| sent.method == method);
    of.next_back().expect("a request")
}

#[tokio::test]
async fn a_resource_says_how_long_it_is_good_for_to_modern_clients_only() {
    let (upstream, gateway) = both(Speaks::Legacy).await;
    upstream.answer(r#""result":{"contents":[ ]}"#);
    let (to_modern, to_legacy) = read_both(&gateway).await;
    assert_eq!(
        to_modern.text(),
        super::answer(
            r#""result":{"resultType":"complete","ttlMs":0,"cacheScope":"private","contents":[ ]}"#
        )
    );
    assert_eq!(
        to_legacy.text(),
        super::answer(r#""result":{"contents":[ ]}"#)
    );

    let (upstream, gateway) = both(Speaks::Modern).await;
    let result =
        r#""result":{"resultType":"complete","contents":[ ],"ttlMs":7,"cacheScope":"public"}"#;
    upstream.answer(result);
    let (to_modern, to_legacy) = read_both(&gateway).await;
    assert_eq!(to_modern.text(), super::answer(result));
    assert_eq!(
        to_legacy.text(),
        super::answer(r#""result":{"contents":[ ]}"#)
    );
    let sent = last_of(&upstream, "resources/read");
    assert_eq!(sent.headers["mcp-name"], "test://one");
}

#[tokio::test]
async fn a_resource_that_is_not_there_has_the_code_of_the_clients_era() {
    let error = |code: i64| {
        format!(r#""error":{{"code":{code},"message":"m","data":{{"uri":"test://one"}}}}"#)
    };
    for (speaks, code) in [(Speaks::Legacy, -32002), (Speaks::Modern, -32602)] {
        let (upstream, gateway) = both(speaks).await;
        upstream.answer(&error(code));
        let (to_modern, to_legacy) = read_both(&gateway).await;
        assert_eq!(to_modern.text(), super::answer(&error(-32602)));
        assert_eq!(to_legacy.text(), super::answer(&error(-32002)));
    }
}

#[tokio::test]
async fn prompts_and_resources_keep_a_sealed_state_as_well() {
    let (upstream, gateway) = both(Speaks::Modern).await;
    let prompt = r#""name":"raw__ask","arguments":{"a":"1"}"#;
    for (method, name, members) in [
        ("prompts/get", "raw__ask", prompt),
        ("resources/read", "test://one", ONE),
    ] {
        upstream.answer_in_turn(&[
            r#""result":{"resultType":"input_required","requestState":"theirs"}"#,
        ]);
        let asked = ask_modern(&gateway, method, name, members).await;
        let state = asked.json()["result"]["requestState"].clone();
        let state = state
            .as_str()
            .unwrap_or_else(|| panic!("{}", asked.text()))
            .to_owned();
        assert_ne!(state, "theirs");
        let continued = format!(r#"{members},"requestState":"{state}""#);
        let reply = ask_modern(&gateway, method, name, &continued).await;
        assert!(reply.json()["result"].is_object(), "{}", reply.text());
        let sent: Value = serde_json::from_str(&last_of(&upstream, method).body).expect("JSON");
        assert_eq!(sent["params"]["requestState"], "theirs");
        let other = match method {
            "prompts/get" => {
                format!(r#""name":"raw__ask","arguments":{{"a":"2"}},"requestState":"{state}""#)
            }
            _ => format!(r#""uri":"test://two","requestState":"{state}""#),
        };
        let name = if method == "prompts/get" {
            name
        } else {
            "test://two"
        };
        let refused = ask_modern(&gateway, method, name, &other).await;
        assert_eq!(
            refused.json()["error"]["code"],
            -32602,
            "{}",
            refused.text()
        );
    }
}

#[tokio::test]
async fn a_prompt_that_asks_is_no_prompt_to_a_client_that_cannot_be_asked() {
    let (upstream, gateway) = both(Speaks::Modern).await;
    upstream.answer(
        r#""result":{"resultType":"input_required","inputRequests":{"r":{"method":"roots/list"}}}"#,
    );
    let reply = legacy(&gateway, "prompts/get", json!({ "name": "raw__ask" })).await;
    let error = reply.json()["error"].clone();
    assert_eq!(error["code"], -32021, "{}", reply.text());
    assert_eq!(
        error["data"]["requiredCapabilities"],
        json!({ "roots": {} })
    );
}
