//! The authorization server: its metadata, its keys, and what it offers.

use std::time::Duration;

use serde_json::{Value, json};

use crate::broken_proxy::{What, always, at};
use crate::row::{Ask, At, Break, Row, WALK};
use crate::setups::usher::Settings;

const fn row(fault: &'static str, breaks: &'static [Break], first: &'static str) -> Row {
    Row {
        fault,
        place: "provider",
        at: At::DevIdp,
        breaks,
        ask: WALK,
        first,
    }
}

/// A change in all forms of the metadata.
const fn metadata(change: fn(&mut Value)) -> Break {
    Break::Issuer(at("GET", "/.well-known/", What::Edit(change)))
}

/// Another key set.
const fn keys(change: fn(&mut Value)) -> Break {
    Break::Issuer(at("GET", "/jwks", What::Edit(change)))
}

pub(super) fn remove(document: &mut Value, member: &str) {
    if let Some(members) = document.as_object_mut() {
        members.remove(member);
    }
}

pub(crate) const ROWS: &[Row] = &[
    Row {
        place: "Usher",
        ..row(
            "the metadata name the issuer by its name inside the container network",
            &[Break::Front(at(
                "GET",
                "/.well-known/oauth-protected-resource",
                What::Edit(|document| {
                    document["authorization_servers"] = json!(["http://keycloak:8080/realms/mcp"]);
                }),
            ))],
            "metadata-issuer",
        )
    },
    Row {
        place: "Usher",
        ..row(
            "`issuer` has a slash more than the provider writes",
            &[Break::Settings(Settings {
                issuer: "{issuer}/",
                ..Settings::HEALTHY
            })],
            "issuer-equal",
        )
    },
    row(
        "the provider does not answer",
        &[Break::Issuer(always(What::Silence))],
        "issuer-reachable",
    ),
    row(
        "the provider answers 503",
        &[Break::Issuer(always(What::Answer(503, &[], "maintenance")))],
        "issuer-reachable",
    ),
    row(
        "its metadata are 404 in all places",
        &[Break::Issuer(at(
            "GET",
            "/.well-known/",
            What::Answer(404, &[], "not found"),
        ))],
        "issuer-metadata-found",
    ),
    row(
        "its metadata are an HTML page",
        &[Break::Issuer(at(
            "GET",
            "/.well-known/",
            What::Answer(
                200,
                &[("content-type", "text/html")],
                "<!DOCTYPE html><title>Sign in</title>",
            ),
        ))],
        "issuer-metadata-valid",
    ),
    row(
        "its metadata name no token endpoint",
        &[metadata(|document| remove(document, "token_endpoint"))],
        "issuer-metadata-valid",
    ),
    row(
        "its metadata are of another issuer",
        &[metadata(|document| {
            document["issuer"] = json!("https://sso.example.com");
        })],
        "issuer-equal",
    ),
    row(
        "its token endpoint is http, off this machine",
        &[metadata(|document| {
            document["token_endpoint"] = json!("http://sso.example.com/token");
        })],
        "issuer-https",
    ),
    row(
        "PKCE is not advertised",
        &[metadata(|document| {
            remove(document, "code_challenge_methods_supported");
        })],
        "pkce-offered",
    ),
    row(
        "PKCE is advertised with `plain` alone",
        &[metadata(|document| {
            document["code_challenge_methods_supported"] = json!(["plain"]);
        })],
        "pkce-offered",
    ),
    row(
        "the code flow is not offered",
        &[metadata(|document| {
            document["response_types_supported"] = json!(["id_token"]);
            document["grant_types_supported"] = json!(["implicit"]);
        })],
        "code-flow-offered",
    ),
    row(
        "the scope is not among those that it offers",
        &[metadata(|document| {
            document["scopes_supported"] = json!(["openid", "offline_access", "docs:read"]);
        })],
        "scopes-offered",
    ),
    row(
        "no refresh tokens are offered",
        &[metadata(|document| {
            document["scopes_supported"] = json!(["openid", "mcp:read", "mcp:write"]);
            document["grant_types_supported"] = json!(["authorization_code"]);
        })],
        "offline-access",
    ),
    row(
        "the key set is 404",
        &[Break::Issuer(at(
            "GET",
            "/jwks",
            What::Answer(404, &[], "not found"),
        ))],
        "keys-reachable",
    ),
    row(
        "the key set is empty",
        &[keys(|document| document["keys"] = json!([]))],
        "keys-usable",
    ),
    row(
        "the key set takes four seconds",
        &[Break::Issuer(at(
            "GET",
            "/jwks",
            What::Delay(Duration::from_secs(4)),
        ))],
        "keys-in-time",
    ),
    row(
        "the key set has keys for encryption alone",
        &[keys(|document| {
            for key in document["keys"].as_array_mut().into_iter().flatten() {
                key["use"] = json!("enc");
                key["alg"] = json!("RSA-OAEP");
            }
        })],
        "keys-usable",
    ),
    row(
        "the key set has a key of 1024 bits alone",
        &[keys(|document| {
            document["keys"] = json!([{
                "kty": "RSA", "use": "sig", "alg": "RS256", "kid": "weak", "e": "AQAB",
                "n": "4f5wg5l2hKsTeNem_V41fGnJm6gOdrj8ym3rFkEU_wT8RDtnSgFEZOQpHEgQ7JL38xUfU0Y3g6aYw9QT0hJ7mCpz9Er5qLaMXJwZxzHzAahlfA0icqabvJOMvQtzD6uQv6wPEyZtDTWiQi9AXwBpHssPnpYGIn20ZZuNlX2Brk0",
            }]);
        })],
        "keys-usable",
    ),
    row(
        "it signs with ES256, and RS256 is accepted",
        &[
            metadata(|document| {
                document["id_token_signing_alg_values_supported"] = json!(["ES256"]);
            }),
            keys(|document| {
                document["keys"] = json!([{
                    "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "ec",
                    "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
                    "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
                }]);
            }),
        ],
        "algorithm-allowed",
    ),
    row(
        "it signs with HS256",
        &[metadata(|document| {
            document["id_token_signing_alg_values_supported"] = json!(["HS256"]);
        })],
        "algorithm-allowed",
    ),
    row(
        "its clock is 5 minutes ahead",
        &[Break::Issuer(always(What::ShiftDate(300)))],
        "issuer-clock",
    ),
    row(
        "its clock is 5 minutes behind",
        &[Break::Issuer(always(What::ShiftDate(-300)))],
        "issuer-clock",
    ),
    row(
        "a browser may not read its metadata",
        &[Break::Issuer(at(
            "GET",
            "/.well-known/",
            What::Strip("access-control-allow-origin"),
        ))],
        "issuer-cors",
    ),
    Row {
        ask: Ask::Walk(&["--register"]),
        ..row(
            "the authorization endpoint is 404",
            &[Break::Issuer(at(
                "GET",
                "/authorize",
                What::Answer(404, &[], "not found"),
            ))],
            "authorization-answers",
        )
    },
    Row {
        ask: Ask::Walk(&["--register"]),
        ..row(
            "the `resource` parameter is refused (AADSTS9010010)",
            &[Break::Issuer(at(
                "GET",
                "resource=",
                What::Answer(
                    400,
                    &[("content-type", "text/html")],
                    "<html><body>AADSTS9010010: The resource parameter provided in the request doesn't match with the requested scopes.</body></html>",
                ),
            ))],
            "resource-parameter",
        )
    },
];
