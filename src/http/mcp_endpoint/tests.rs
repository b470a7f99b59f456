use super::*;

fn headers(accept: &[&str]) -> HeaderMap {
    let value = |value: &&str| (ACCEPT, HeaderValue::try_from(*value).expect("a value"));
    accept.iter().map(value).collect()
}

#[test]
fn reads_accept_as_http_says() {
    let check = |accept: &[&str], json: bool, events: bool| {
        let headers = headers(accept);
        assert_eq!(accepts(&headers, "application/json"), json, "{accept:?}");
        assert_eq!(accepts(&headers, "text/event-stream"), events, "{accept:?}");
    };
    check(&[], true, true);
    check(&["*/*"], true, true);
    check(&["application/json, text/event-stream"], true, true);
    check(&["application/json", "text/event-stream"], true, true);
    check(&["Application/JSON;charset=utf-8"], true, false);
    check(&["text/*, application/json;q=0"], false, true);
    check(&["text/html,application/xhtml+xml"], false, false);
    check(&["text/event-stream;q=0.5"], false, true);
}
