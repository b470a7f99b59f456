//! The challenge, the metadata, and what pages in browsers may read.

use super::{WELL_KNOWN, challenged, changed, complaints, first_cause, resource};
use crate::stranger::{Asked, Says};

fn is_document(asked: &Asked) -> bool {
    asked.method == "GET" && asked.path() == format!("{WELL_KNOWN}/mcp")
}

#[tokio::test]
async fn a_challenge_that_is_missing_or_wrong_is_the_first_cause() {
    let table: [(&'static str, &str); 5] = [
        ("", "challenge-header"),
        (
            "www-authenticate: Basic realm=\"x\"\r\n",
            "challenge-header",
        ),
        (
            "www-authenticate: Bearer resource_metadata=\"http://127.0.0.1:1/x\"\r\n",
            "challenge-metadata-address",
        ),
        (
            "www-authenticate: Bearer resource_metadata=\"/relative\"\r\n",
            "challenge-metadata-address",
        ),
        ("www-authenticate: Bearer scope=\"mcp:read\"\r\n", "ok"),
    ];
    for (lines, expected) in table {
        let (diagnosis, _stranger) = changed(move |asked| {
            (asked.path() == "/mcp" && asked.method == "POST").then(|| challenged(lines))
        })
        .await;
        assert_eq!(first_cause(&diagnosis), expected, "{lines}");
    }
    let open = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
    let (diagnosis, _stranger) = changed(move |asked| {
        (asked.path() == "/mcp" && asked.method == "POST").then(|| Says::json(open))
    })
    .await;
    assert_eq!(first_cause(&diagnosis), "challenge-status");
}

#[tokio::test]
async fn metadata_that_is_missing_or_wrong_is_the_first_cause() {
    type Body = fn(&Asked) -> Says;
    let table: [(Body, &str); 8] = [
        (
            |asked| Says::json(&resource(&asked.origin, &format!("{}/mcp/", asked.origin))),
            "metadata-resource",
        ),
        (
            |asked| Says::json(&resource(&asked.origin, "https://other.test/mcp")),
            "metadata-resource",
        ),
        (
            |_| {
                Says::answer(
                    200,
                    "content-type: text/html\r\naccess-control-allow-origin: *\r\n",
                    "<html>hi",
                )
            },
            "metadata-valid",
        ),
        (|_| Says::json("{"), "metadata-valid"),
        (|_| Says::json("[]"), "metadata-valid"),
        (|_| Says::json(r#"{"resource":7}"#), "metadata-valid"),
        (
            |asked| Says::json(&format!(r#"{{"resource":"{}/mcp"}}"#, asked.origin)),
            "metadata-issuer",
        ),
        (
            |asked| {
                Says::json(&format!(
                    r#"{{"resource":"{}/mcp","authorization_servers":["nothing"]}}"#,
                    asked.origin
                ))
            },
            "metadata-issuer",
        ),
    ];
    for (says, expected) in table {
        let (diagnosis, _stranger) =
            changed(move |asked| is_document(asked).then(|| says(asked))).await;
        assert_eq!(
            first_cause(&diagnosis),
            expected,
            "{:?}",
            complaints(&diagnosis)
        );
    }
    let (diagnosis, _stranger) = changed(|asked| {
        let is_any = asked.path().starts_with(WELL_KNOWN);
        is_any.then(|| Says::answer(404, "access-control-allow-origin: *\r\n", ""))
    })
    .await;
    assert_eq!(first_cause(&diagnosis), "metadata-found");
}

#[tokio::test]
async fn an_old_copy_is_told_from_a_wrong_document() {
    let (diagnosis, _stranger) = changed(|asked| {
        let is_cached = is_document(asked) && !asked.target.contains('?');
        is_cached.then(|| Says::json(&resource(&asked.origin, "https://old.test/mcp")))
    })
    .await;
    assert_eq!(first_cause(&diagnosis), "metadata-fresh");
    assert_eq!(
        diagnosis.following(&usher::doctor::checks::challenge::METADATA_FRESH),
        ["metadata-resource"]
    );
}

#[tokio::test]
async fn what_a_page_may_not_do_is_found_for_the_client_that_is_a_page() {
    let (diagnosis, _stranger) =
        changed(|asked| (asked.method == "OPTIONS").then(|| Says::answer(401, "", ""))).await;
    assert_eq!(first_cause(&diagnosis), "cors-preflight");
    let client = diagnosis.first_cause().and_then(|finding| finding.client);
    assert_eq!(client, Some(usher::clients::KnownClient::Inspector));
    let (diagnosis, _stranger) = changed(|asked| {
        let is_post = asked.method == "POST" && asked.path() == "/mcp";
        let metadata = format!("{}{WELL_KNOWN}/mcp", asked.origin);
        let challenge =
            format!("www-authenticate: Bearer scope=\"a\", resource_metadata=\"{metadata}\"\r\n");
        let origin = "access-control-allow-origin: *\r\n";
        is_post.then(|| Says::answer(401, &format!("{origin}{challenge}"), "{}"))
    })
    .await;
    assert_eq!(first_cause(&diagnosis), "cors-headers-exposed");
    let (diagnosis, _stranger) = changed(|asked| {
        let document = resource(&asked.origin, &format!("{}/mcp", asked.origin));
        is_document(asked)
            .then(|| Says::answer(200, "content-type: application/json\r\n", &document))
    })
    .await;
    assert_eq!(first_cause(&diagnosis), "cors-metadata");
}
