//! The protected resource metadata.

use serde_json::json;

use crate::broken_proxy::{What, at};
use crate::row::{At, Break, Row, WALK};
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
        ask: WALK,
        first,
    }
}

const fn proxy(fault: &'static str, breaks: &'static [Break], first: &'static str) -> Row {
    row(fault, "proxy", breaks, first)
}

/// At the metadata, in both places.
const fn metadata(what: What) -> Break {
    Break::Front(at("GET", "/.well-known/oauth-protected-resource", what))
}

pub(crate) const ROWS: &[Row] = &[
    proxy(
        "the metadata are 404 at the path",
        &[Break::Front(at(
            "GET",
            "/.well-known/oauth-protected-resource/mcp",
            What::Answer(404, &[], "not found"),
        ))],
        "metadata-found",
    ),
    proxy(
        "everything below /.well-known is 404",
        &[Break::Front(at(
            "GET",
            "/.well-known/",
            What::Answer(404, &[], "not found"),
        ))],
        "metadata-found",
    ),
    proxy(
        "the metadata want a login themselves",
        &[metadata(What::Answer(
            401,
            &[("www-authenticate", "Bearer")],
            "",
        ))],
        "metadata-found",
    ),
    proxy(
        "the metadata are an HTML page",
        &[metadata(What::Answer(
            200,
            &[("content-type", "text/html")],
            "<!DOCTYPE html><html><div id=\"root\"></div></html>",
        ))],
        "metadata-valid",
    ),
    proxy(
        "the metadata name no authorization server",
        &[metadata(What::Edit(|document| {
            document["authorization_servers"] = json!([]);
        }))],
        "metadata-issuer",
    ),
    proxy(
        "`resource` has a slash more",
        &[metadata(What::Edit(|document| {
            let resource = document["resource"].as_str().unwrap_or_default();
            document["resource"] = json!(format!("{resource}/"));
        }))],
        "metadata-resource",
    ),
    proxy(
        "`resource` has another host: the one inside",
        &[metadata(What::Edit(|document| {
            document["resource"] = json!("http://localhost:8080/mcp");
        }))],
        "metadata-resource",
    ),
    proxy(
        "`resource` has another scheme",
        &[metadata(What::Edit(|document| {
            let resource = document["resource"].as_str().unwrap_or_default();
            document["resource"] = json!(resource.replace("http://", "https://"));
        }))],
        "metadata-resource",
    ),
    row(
        "`public_url` is not the address that people type",
        "Usher",
        &[Break::Settings(Settings {
            public_url: "http://127.0.0.1:{port}",
            more: "[http]\nallowed_hosts = [\"{front}\"]",
            ..Settings::HEALTHY
        })],
        "metadata-resource",
    ),
    proxy(
        "the metadata come from a cache that is a day old",
        &[metadata(What::Set("age", "86400"))],
        "metadata-fresh",
    ),
];
