//! The pages of providers, as their users report them.

use super::*;

const BACK: &str = "http://127.0.0.1:33418/";

fn page(status: u16, body: &str) -> Shown {
    let answer = Answer {
        status,
        location: None,
        body,
        is_first: true,
    };
    read(answer, BACK).expect("it shows something")
}

#[test]
fn each_providers_refusal_is_read_for_what_it_is_about() {
    use Refusal::{Client, Other, Redirect, Resource, Scope};
    for (status, body, refusal) in [
        (
            400,
            "<p class=\"instruction\">Invalid parameter: redirect_uri</p>",
            Redirect,
        ),
        (400, "<p>Client not found.</p>", Client),
        (
            200,
            "\"strServiceExceptionMessage\":\"AADSTS50011: The redirect URI 'x' specified\"",
            Redirect,
        ),
        (
            200,
            "AADSTS9010010: The resource parameter provided",
            Resource,
        ),
        (
            200,
            "AADSTS500011: The resource principal named x was not found",
            Resource,
        ),
        (
            200,
            "AADSTS700016: Application with identifier 'x' was not found",
            Client,
        ),
        (200, "AADSTS650053: The application asked for scope", Scope),
        (403, "<title>Callback URL mismatch.</title>", Redirect),
        (
            400,
            "The 'redirect_uri' parameter must be a Login redirect URI in the client app settings",
            Redirect,
        ),
        (
            400,
            "{\"error\":\"invalid_request\",\"error_description\":\"The requested redirect_uri is missing in the client configuration.\"}",
            Redirect,
        ),
        (400, "<h1>Redirect URI Error</h1>", Redirect),
        (
            400,
            "invalid_redirect_uri: redirect_uri did not match any of the client's registered redirect_uris",
            Redirect,
        ),
        (
            400,
            "{\"error\":\"invalid_client\",\"error_description\":\"client is invalid\"}",
            Client,
        ),
        (400, "{\"error\":\"invalid_target\"}", Resource),
        (
            400,
            "<style>:root{--redirect_uri:1}</style><p>This client is not registered here.</p>",
            Client,
        ),
        (400, "We are sorry", Other),
        (403, "", Other),
    ] {
        match page(status, body) {
            Shown::Refused(found, _) => assert_eq!(found, refusal, "{body}"),
            other => panic!("{body}: {other:?}"),
        }
    }
}

#[test]
fn a_login_page_may_name_the_redirect_address_and_is_a_login_all_the_same() {
    let login = "<form action=\"/login?redirect_uri=http%3A%2F%2F127.0.0.1\"><input name=\"password\"></form>";
    assert_eq!(page(200, login), Shown::Login);
    // Further on, cookies and scripts are wanted that a probe does not have.
    let answer = Answer {
        status: 400,
        location: None,
        body: "no cookie",
        is_first: false,
    };
    assert_eq!(read(answer, BACK), Some(Shown::Login));
    assert!(matches!(page(404, ""), Shown::Broken(_)));
    assert!(matches!(page(502, "<html>"), Shown::Broken(_)));
}

#[test]
fn a_redirect_back_to_the_client_is_an_answer_and_one_elsewhere_has_to_be_followed() {
    let to = |location: &str| {
        let url = Url::parse(location).expect("an address");
        let answer = Answer {
            status: 302,
            location: Some(&url),
            body: "",
            is_first: true,
        };
        read(answer, BACK)
    };
    let sent_back =
        to("http://127.0.0.1:33418/?error=invalid_scope&error_description=no+such&state=s");
    let expected = Shown::SentBack {
        error: "invalid_scope".into(),
        description: "no such".into(),
    };
    assert_eq!(sent_back, Some(expected));
    assert_eq!(to("https://id.test/login"), None);
    let cognito = to("https://id.test/error?error=redirect_mismatch&client_id=c");
    assert_eq!(
        cognito,
        Some(Shown::Refused(Redirect, "redirect_mismatch".into()))
    );
}

#[test]
fn what_is_quoted_of_a_page_is_short_and_without_markup() {
    let body = format!(
        "<html>{}<p>Invalid parameter: <b>redirect_uri</b></p>{}",
        "x".repeat(5000),
        "y".repeat(5000)
    );
    let Shown::Refused(_, said) = page(400, &body) else {
        panic!("not refused");
    };
    assert!(
        said.contains("redirect_uri") && !said.contains('<'),
        "{said}"
    );
    assert!(said.chars().count() <= MOST_QUOTED + 4, "{said}");
    assert_eq!(
        plain(
            "<html><head><title>No</title><style>p{}</style></head><p>one <b>two</b><script>three</script> four"
        ),
        "one two four"
    );
}
