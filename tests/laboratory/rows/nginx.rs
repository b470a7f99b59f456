//! Faults of proxies, made by the configuration of a real one.

use crate::row::{Ask, At, Break, Done, Person, Row, WALK};
use crate::setups::Site;
use crate::setups::usher::Settings;

const fn row(fault: &'static str, breaks: &'static [Break], ask: Ask, first: &'static str) -> Row {
    Row {
        fault,
        place: "nginx",
        at: At::DevIdp,
        breaks,
        ask,
        first,
    }
}

/// With a token, as otherwise there is no stream.
const PATIENCE: Ask = Ask::Patience("30s");

/// Somebody asked before, so that the cache has something.
fn fill_the_cache(site: &mut Site) -> Done<'_, ()> {
    Box::pin(async move {
        for path in ["", "/mcp"] {
            let url = format!(
                "{}/.well-known/oauth-protected-resource{path}",
                site.front.url()
            );
            crate::http_client().get(url).send().await?.bytes().await?;
        }
        Ok(())
    })
}

fn nothing(_site: &mut Site) -> Done<'_, ()> {
    Box::pin(async { Ok(()) })
}

pub(crate) const ROWS: &[Row] = &[
    row("", &[Break::Nginx("proxy_buffering off;")], WALK, ""),
    row("", &[Break::Nginx("")], Ask::LogIn(Person::Agrees, &[]), ""),
    row(
        "`proxy_hide_header` takes the challenge away",
        &[Break::Nginx("proxy_hide_header WWW-Authenticate;")],
        WALK,
        "challenge-header",
    ),
    row(
        "`auth_basic` in front",
        &[Break::Nginx(
            "auth_basic staging; auth_basic_user_file {folder}/nobody;",
        )],
        WALK,
        "challenge-header",
    ),
    row(
        "`error_page 401` shows a login page with 200",
        &[Break::Nginx(
            "proxy_intercept_errors on; error_page 401 =200 /login;\n\
             location = /login { default_type text/html; return 200 '<html><title>Sign in</title><form><input type=\"password\"></form></html>'; }\n\
             location / { proxy_pass {behind}; }",
        )],
        WALK,
        "bot-filter-absent",
    ),
    row(
        "http is sent to https, also a POST",
        &[Break::Nginx("return 301 https://$host$request_uri;")],
        WALK,
        "address-no-redirect",
    ),
    row(
        "`location /.well-known/` is served from a folder",
        &[Break::Nginx(
            "location /.well-known/ { root {folder}; }\nlocation / { proxy_pass {behind}; }",
        )],
        WALK,
        "metadata-found",
    ),
    row(
        "a single-page application answers for every unknown path",
        &[Break::Nginx(
            "location /.well-known/ { default_type text/html; return 200 '<!DOCTYPE html><div id=root></div>'; }\n\
             location / { proxy_pass {behind}; }",
        )],
        WALK,
        "metadata-valid",
    ),
    row(
        "`proxy_cache` keeps metadata that have changed since",
        &[
            Break::Nginx(
                "location /.well-known/ { proxy_pass {behind}; proxy_cache kept; proxy_cache_valid any 1h;\n\
                 proxy_ignore_headers Cache-Control Expires Vary; add_header X-Cache $upstream_cache_status; }\n\
                 location / { proxy_pass {behind}; }",
            ),
            Break::Do(fill_the_cache, nothing),
            Break::Settings(Settings {
                more: "[scopes]\nread = \"docs.read\"\nwrite = \"docs.write\"",
                ..Settings::HEALTHY
            }),
        ],
        WALK,
        "metadata-fresh",
    ),
    row(
        "preflights want a login",
        &[Break::Nginx(
            "if ($request_method = OPTIONS) { return 401; }",
        )],
        WALK,
        "cors-preflight",
    ),
    row(
        "`add_header` writes Access-Control-Allow-Origin a second time",
        &[Break::Nginx(
            "location /.well-known/ { proxy_pass {behind}; add_header Access-Control-Allow-Origin https://app.example.com; }\n\
             location / { proxy_pass {behind}; }",
        )],
        WALK,
        "cors-metadata",
    ),
    row(
        "`client_max_body_size 4k`",
        &[Break::Nginx("client_max_body_size 4k;")],
        WALK,
        "request-size-passes",
    ),
    row(
        "`large_client_header_buffers 2 1k`",
        &[Break::Nginx(
            "client_header_buffer_size 1k; large_client_header_buffers 2 1k;",
        )],
        WALK,
        "header-size-passes",
    ),
    row(
        "`proxy_read_timeout 3s` cuts quiet streams",
        &[Break::Nginx("proxy_read_timeout 3s;")],
        PATIENCE,
        "stream-stays-open",
    ),
];
