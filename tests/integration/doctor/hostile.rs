//! Servers that mean harm: every walk ends, in time and within its size, with a verdict.

use usher::doctor::show::{self, Shown};

use super::{WELL_KNOWN, changed, complaints, first_cause, resource};
use crate::stranger::{Asked, Says};

fn is_document(asked: &Asked) -> bool {
    asked.path() == format!("{WELL_KNOWN}/mcp")
}

#[tokio::test]
async fn an_endless_body_is_cut_wherever_it_comes() {
    let head = b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\n\r\n".to_vec();
    let endless = Says::Endless(head, vec![b' '; 64 * 1024]);
    let says = endless.clone();
    let (diagnosis, _stranger) =
        changed(move |asked| is_document(asked).then(|| says.clone())).await;
    assert_eq!(first_cause(&diagnosis), "metadata-valid");
    let (diagnosis, _stranger) = changed(move |_| Some(endless.clone())).await;
    assert_eq!(first_cause(&diagnosis), "answer-is-mcp");
}

#[tokio::test]
async fn deep_and_huge_documents_are_refused_and_wrong_types_named() {
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    let huge = format!("{{\"resource\":\"{}\"}}", "x".repeat(200_000));
    let many = format!(
        "{{\"resource\":\"x\",\"authorization_servers\":[{}1]}}",
        "{},".repeat(5_000)
    );
    for (body, expected) in [
        (deep, "metadata-valid"),
        (huge, "metadata-valid"),
        (many, "metadata-resource"),
        (
            r#"{"resource":["a"],"authorization_servers":"b"}"#.to_owned(),
            "metadata-valid",
        ),
    ] {
        let says = Says::json(&body);
        let (diagnosis, _stranger) =
            changed(move |asked| is_document(asked).then(|| says.clone())).await;
        assert_eq!(first_cause(&diagnosis), expected);
    }
}

#[tokio::test]
async fn addresses_in_metadata_are_not_followed_into_other_surroundings() {
    for issuer in [
        "http://10.255.255.1/",
        "http://169.254.169.254/latest",
        "http://[fe80::1]/",
    ] {
        let (diagnosis, _stranger) = changed(move |asked| {
            let document = resource(issuer, &format!("{}/mcp", asked.origin));
            is_document(asked).then(|| Says::json(&document))
        })
        .await;
        let found = complaints(&diagnosis);
        let refused = |(_, found): &(_, String)| {
            found.contains("not followed") || found.contains("never contacted")
        };
        assert!(found.iter().any(refused), "{issuer}: {found:?}");
    }
    let (diagnosis, _stranger) = changed(|asked| {
        let metadata = "http://169.254.169.254/latest/meta-data";
        let challenge = format!("www-authenticate: Bearer resource_metadata=\"{metadata}\"\r\n");
        (asked.path() == "/mcp" && asked.method == "POST").then(|| super::challenged(&challenge))
    })
    .await;
    assert_eq!(first_cause(&diagnosis), "challenge-metadata-address");
    assert!(
        diagnosis
            .first_cause()
            .is_some_and(|found| found.found.contains("never contacted"))
    );
}

#[tokio::test]
async fn words_of_a_server_do_nothing_on_a_terminal() {
    let page = "<title>\u{1b}[2J\u{1b}]0;owned\u{7} \u{202e}gnp.exe</title>";
    let says = Says::answer(403, "content-type: text/html\r\n", page);
    let (diagnosis, _stranger) = changed(move |_| Some(says.clone())).await;
    assert_eq!(first_cause(&diagnosis), "bot-filter-absent");
    let shown = Shown {
        verbose: true,
        ..Shown::default()
    };
    let json = show::json::json(&diagnosis, &[]);
    for text in [show::text(&diagnosis, &shown), json] {
        let acts = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(acts), "{text:?}");
        assert!(text.contains("owned"), "{text}");
    }
}
