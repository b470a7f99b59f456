//! How a client becomes known at the provider.

use serde_json::json;

use super::issuer::remove;
use crate::broken_proxy::{What, at};
use crate::row::{Ask, At, Break, Row, WALK};

const REGISTER: Ask = Ask::Walk(&["--register"]);

const fn row(fault: &'static str, breaks: &'static [Break], ask: Ask, first: &'static str) -> Row {
    Row {
        fault,
        place: "provider",
        at: At::DevIdp,
        breaks,
        ask,
        first,
    }
}

pub(crate) const ROWS: &[Row] = &[
    row(
        "a client cannot register, and metadata documents are not taken",
        &[Break::Issuer(at(
            "GET",
            "/.well-known/",
            What::Edit(|document| remove(document, "registration_endpoint")),
        ))],
        WALK,
        "registration-path",
    ),
    row(
        "metadata documents are taken, and not from public clients (`none` is missing)",
        &[Break::Issuer(at(
            "GET",
            "/.well-known/",
            What::Edit(|document| {
                remove(document, "registration_endpoint");
                document["client_id_metadata_document_supported"] = json!(true);
                document["token_endpoint_auth_methods_supported"] = json!(["client_secret_basic"]);
            }),
        ))],
        Ask::Walk(&["--as", "claude-code"]),
        "registration-path",
    ),
    row(
        "registration wants an initial access token",
        &[Break::Issuer(at(
            "POST",
            "/register",
            What::Answer(
                401,
                &[
                    ("content-type", "application/json"),
                    ("www-authenticate", "Bearer"),
                ],
                "{\"error\":\"invalid_token\",\"error_description\":\"initial access token required\"}",
            ),
        ))],
        REGISTER,
        "registration-works",
    ),
    row(
        "registration is refused: the redirect address is not allowed",
        &[Break::Issuer(at(
            "POST",
            "/register",
            What::Answer(
                400,
                &[("content-type", "application/json")],
                "{\"error\":\"invalid_redirect_uri\",\"error_description\":\"host not allowed\"}",
            ),
        ))],
        REGISTER,
        "registration-works",
    ),
    row(
        "registration is advertised and 404",
        &[Break::Issuer(at(
            "POST",
            "/register",
            What::Answer(404, &[], "not found"),
        ))],
        REGISTER,
        "registration-works",
    ),
    row(
        "the authorization endpoint does not take the redirect address",
        &[Break::Issuer(at(
            "GET",
            "/authorize",
            What::Answer(
                400,
                &[("content-type", "text/html")],
                "<html><body><h1>Error</h1><p>Invalid parameter: redirect_uri</p></body></html>",
            ),
        ))],
        REGISTER,
        "redirect-accepted",
    ),
];
