//! What shows with somebody at a browser.

use serde_json::json;

use super::inside::{empty_folder, nothing};
use crate::broken_proxy::{Fault, What, at};
use crate::row::{Ask, At, Break, Person, Row};
use crate::setups::usher::Settings;

const fn row(
    fault: &'static str,
    place: &'static str,
    breaks: &'static [Break],
    first: &'static str,
) -> Row {
    Row {
        fault,
        place,
        at: At::DevIdp,
        breaks,
        ask: Ask::LogIn(Person::Agrees, &[]),
        first,
    }
}

/// An answer of the token endpoint to this grant.
const fn token(grant: &'static str, what: What) -> Break {
    Break::Issuer(Fault {
        body: grant,
        ..at("POST", "/token", what)
    })
}

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

pub(crate) const ROWS: &[Row] = &[
    Row {
        ask: Ask::LogIn(Person::Denies, &[]),
        ..row(
            "the person does not agree",
            "client",
            &[],
            "consent-granted",
        )
    },
    row(
        "the login ends with server_error",
        "provider",
        &[Break::Issuer(at(
            "POST",
            "/consent",
            What::Replace("code=", "error=server_error&was="),
        ))],
        "login-completes",
    ),
    row(
        "the answer to the login names another issuer (mix-up)",
        "provider",
        &[Break::Issuer(at(
            "POST",
            "/consent",
            What::Replace("iss=http", "iss=https%3A%2F%2Fevil.example&was=http"),
        ))],
        "response-issuer",
    ),
    row(
        "the answer to the login names no issuer, and the metadata promise one",
        "provider",
        &[Break::Issuer(at(
            "POST",
            "/consent",
            What::Replace("iss=http", "was=http"),
        ))],
        "response-issuer",
    ),
    row(
        "the code is refused: invalid_grant",
        "provider",
        &[token(
            "authorization_code",
            What::Answer(400, JSON, "{\"error\":\"invalid_grant\"}"),
        )],
        "token-issued",
    ),
    row(
        "the client is not known at the token endpoint: invalid_client",
        "provider",
        &[token(
            "authorization_code",
            What::Answer(401, JSON, "{\"error\":\"invalid_client\"}"),
        )],
        "token-issued",
    ),
    row(
        "the access token is opaque",
        "provider",
        &[token(
            "authorization_code",
            What::Edit(|answer| answer["access_token"] = json!("ya29.a0AfH6SMBx7fakefakefake")),
        )],
        "token-is-jwt",
    ),
    row(
        "the refresh is refused",
        "provider",
        &[token(
            "refresh_token",
            What::Answer(400, JSON, "{\"error\":\"invalid_grant\"}"),
        )],
        "refresh-works",
    ),
    row(
        "a proxy takes the Authorization header away",
        "proxy",
        &[Break::Front(at(
            "POST",
            "/mcp",
            What::SetRequest("authorization", ""),
        ))],
        "token-sent",
    ),
    row(
        "a rule hides `search` from everybody",
        "Usher",
        &[Break::Settings(Settings {
            more: "[[rule]]\ntools = [\"search\"]\ndeny = true",
            ..Settings::HEALTHY
        })],
        "search-and-fetch-listed",
    ),
    row(
        "the tools are for a group that the person is not in",
        "Usher",
        &[Break::Settings(Settings {
            more: "[[rule]]\ntools = [\"*\"]\ngroups = [\"board\"]",
            ..Settings::HEALTHY
        })],
        "tools-listed",
    ),
    row(
        "the index is empty",
        "Usher",
        &[
            Break::Do(empty_folder, nothing),
            Break::Settings(Settings {
                collection: "{folder}/empty",
                ..Settings::HEALTHY
            }),
        ],
        "search-works",
    ),
];
