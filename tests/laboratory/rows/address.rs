//! The way to the server.

use std::time::Duration;

use crate::broken_proxy::{What, always, at};
use crate::row::{Ask, At, Break, Row, WALK};
use crate::tls::{Certificate, Chain};

const GOOD: Certificate = Certificate {
    name: "localhost",
    expired: false,
    chain: Chain::Whole,
};

const fn row(
    fault: &'static str,
    place: &'static str,
    breaks: &'static [Break],
    ask: Ask,
    first: &'static str,
) -> Row {
    Row {
        fault,
        place,
        at: At::DevIdp,
        breaks,
        ask,
        first,
    }
}

const fn proxy(fault: &'static str, breaks: &'static [Break], first: &'static str) -> Row {
    row(fault, "proxy", breaks, WALK, first)
}

const HTML: &[(&str, &str)] = &[("content-type", "text/html; charset=utf-8")];

pub(crate) const ROWS: &[Row] = &[
    row(
        "what was typed is no web address",
        "client",
        &[],
        Ask::WalkTo("ftp://{front}/mcp"),
        "address-valid",
    ),
    row(
        "http instead of https, off this machine",
        "client",
        &[],
        Ask::WalkTo("http://203.0.113.9/mcp"),
        "address-https",
    ),
    row(
        "the name does not resolve",
        "network",
        &[],
        Ask::WalkTo("https://mcp.invalid/mcp"),
        "address-resolves",
    ),
    row(
        "nothing listens",
        "network",
        &[],
        Ask::WalkTo("http://{closed}/mcp"),
        "address-connects",
    ),
    row(
        "ChatGPT is to reach an address of this machine",
        "network",
        &[],
        Ask::Walk(&["--as", "chatgpt"]),
        "address-public",
    ),
    proxy(
        "the certificate has expired",
        &[Break::Tls(Certificate {
            expired: true,
            ..GOOD
        })],
        "tls-in-date",
    ),
    proxy(
        "the certificate is self-signed",
        &[Break::Tls(Certificate {
            chain: Chain::SelfSigned,
            ..GOOD
        })],
        "tls-trusted",
    ),
    proxy(
        "the intermediate certificate is not sent",
        &[Break::Tls(Certificate {
            chain: Chain::WithoutIntermediate,
            ..GOOD
        })],
        "tls-trusted",
    ),
    proxy(
        "the certificate is for another host",
        &[Break::Tls(Certificate {
            name: "other.example.com",
            ..GOOD
        })],
        "tls-host-name",
    ),
    proxy(
        "the connection opens and no answer ever comes",
        &[Break::Front(always(What::Silence))],
        "address-answers",
    ),
    proxy(
        "nobody is behind the proxy: 502",
        &[Break::NobodyBehind],
        "address-answers",
    ),
    proxy(
        "an answer without end",
        &[Break::Front(always(What::Endless))],
        "answer-is-mcp",
    ),
    proxy(
        "every address is sent elsewhere with 301, also a POST",
        &[Break::Front(always(What::Answer(
            301,
            &[("location", "https://www.example.com/mcp")],
            "",
        )))],
        "address-no-redirect",
    ),
    proxy(
        "a single sign-on proxy sends everybody to its login page",
        &[Break::Front(always(What::Answer(
            302,
            &[(
                "location",
                "https://login.example.com/oauth2/sign_in?rd=/mcp",
            )],
            "",
        )))],
        "bot-filter-absent",
    ),
    proxy(
        "a bot filter's 403 page (Cloudflare's challenge)",
        &[Break::Front(always(What::Answer(
            403,
            &[
                ("content-type", "text/html; charset=UTF-8"),
                ("cf-mitigated", "challenge"),
                ("server", "cloudflare"),
            ],
            "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body></body></html>",
        )))],
        "bot-filter-absent",
    ),
    proxy(
        "a firewall's 403 page without any name on it",
        &[Break::Front(always(What::Answer(
            403,
            HTML,
            "<html><head><title>403 Forbidden</title></head><body><h1>Request blocked</h1></body></html>",
        )))],
        "bot-filter-absent",
    ),
    proxy(
        "the bot filter stops POST alone",
        &[Break::Front(at(
            "POST",
            "",
            What::Answer(
                403,
                &[("content-type", "text/html"), ("cf-mitigated", "challenge")],
                "<!DOCTYPE html><html><title>Attention Required!</title></html>",
            ),
        ))],
        "bot-filter-absent",
    ),
    proxy(
        "the proxy sends a Host that Usher does not know: 403",
        &[Break::Front(always(What::SetRequest(
            "host",
            "usher.internal:8080",
        )))],
        "host-accepted",
    ),
    proxy(
        "the proxy does not know the host: 421",
        &[Break::Front(always(What::Answer(
            421,
            &[("content-type", "text/plain")],
            "Misdirected Request",
        )))],
        "host-accepted",
    ),
    proxy(
        "a web site answers, not an MCP server",
        &[Break::Front(always(What::Answer(
            200,
            HTML,
            "<!DOCTYPE html><html><title>Welcome</title><body>Our products</body></html>",
        )))],
        "answer-is-mcp",
    ),
    proxy(
        "a web server without such a page: 404 everywhere",
        &[Break::Front(always(What::Answer(
            404,
            HTML,
            "<html><title>404 Not Found</title></html>",
        )))],
        "answer-is-mcp",
    ),
    row(
        "the path is not the server's",
        "client",
        &[],
        Ask::WalkTo("http://{front}/mpc"),
        "answer-is-mcp",
    ),
    proxy(
        "escape sequences of terminals in an answer",
        &[Break::Front(always(What::Answer(
            404,
            &[("content-type", "text/plain")],
            "\u{1b}]0;owned\u{7}\u{1b}[2J\u{1b}[31mNothing here\u{9b}31m",
        )))],
        "answer-is-mcp",
    ),
    proxy(
        "bodies of more than 4 KiB are refused",
        &[Break::Front(always(What::Largest {
            headers: 1 << 20,
            body: 4 << 10,
        }))],
        "request-size-passes",
    ),
    proxy(
        "headers of more than 2 KiB are refused",
        &[Break::Front(always(What::Largest {
            headers: 2 << 10,
            body: 64 << 20,
        }))],
        "header-size-passes",
    ),
    proxy(
        "the clock is 5 minutes ahead",
        &[Break::Front(always(What::ShiftDate(300)))],
        "clock-agrees",
    ),
    proxy(
        "the clock is 5 minutes behind",
        &[Break::Front(always(What::ShiftDate(-300)))],
        "clock-agrees",
    ),
    row(
        "streams are collected until they end",
        "proxy",
        &[Break::Front(at("GET", "/mcp", What::Buffer))],
        Ask::Patience("5s"),
        "stream-unbuffered",
    ),
    row(
        "a stream on which nothing comes for 2 seconds is cut",
        "proxy",
        &[Break::Front(always(What::CutIdle(Duration::from_secs(2))))],
        Ask::Patience("30s"),
        "stream-stays-open",
    ),
];
