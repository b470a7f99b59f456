//! What proxies on the way do not let through: large requests, large headers. And the clock.

use http::{HeaderName, HeaderValue, Method};

use super::heard::in_words;
use super::{INITIALIZE, Walk, json_rpc_headers};
use crate::doctor::checks::address::{CLOCK_AGREES, HEADER_SIZE_PASSES, REQUEST_SIZE_PASSES};
use crate::doctor::defaults::LEEWAY_SECONDS;
use crate::doctor::{Check, Finding};
use crate::outbound::{Heard, ProbeError};

/// A little less than Usher takes (`http.max_body_bytes`, 1 MiB).
const BODY_BYTES: usize = 1024 * 1024 - 1024;
/// As large as tokens with many groups become. Most proxies take 8 KiB, unless they are told otherwise.
const HEADER_BYTES: usize = 7 * 1024;
/// The most that servers are used to forgive the times of tokens.
const CLOCK_SECONDS: i64 = 60;

/// All three.
pub(super) async fn check(walk: &Walk, first: &Heard) -> Vec<Finding> {
    if first.status != 401 {
        let skip =
            |check| Finding::skipped(check, "only a server that asks for a token is sent this");
        let mut findings: Vec<_> = [&REQUEST_SIZE_PASSES, &HEADER_SIZE_PASSES].map(skip).into();
        findings.push(clock(walk, first));
        return findings;
    }
    let (body, header) = tokio::join!(large_body(walk), large_header(walk));
    vec![
        judge(&REQUEST_SIZE_PASSES, body, "a body of 1 MiB"),
        judge(&HEADER_SIZE_PASSES, header, "a header of 7 KiB"),
        clock(walk, first),
    ]
}

async fn large_body(walk: &Walk) -> Result<Heard, ProbeError> {
    let mut body = INITIALIZE.as_bytes().to_vec();
    // White space before the last brace: the same document.
    let last = body.pop();
    body.resize(BODY_BYTES - 1, b' ');
    body.extend(last);
    walk.ask(&Method::POST, walk.url(), &json_rpc_headers(), &body)
        .await
}

async fn large_header(walk: &Walk) -> Result<Heard, ProbeError> {
    let mut headers = json_rpc_headers();
    let filler = HeaderValue::from_str(&"x".repeat(HEADER_BYTES));
    if let Ok(filler) = filler {
        headers.insert(HeaderName::from_static("x-usher-doctor"), filler);
    }
    walk.ask(&Method::POST, walk.url(), &headers, INITIALIZE.as_bytes())
        .await
}

fn judge(check: &'static Check, heard: Result<Heard, ProbeError>, what: &str) -> Finding {
    let expected = format!("the same 401 as to a small request, to {what}");
    match heard {
        Ok(heard) if heard.status == 401 => Finding::ok(check, format!("{what} passes")),
        Ok(heard) if heard.status == 429 => {
            Finding::skipped(check, format!("{}: too many requests", heard.status))
        }
        // The server answers before it has read everything; some proxies then take it for one that broke down.
        Ok(heard) if heard.status == 502 => Finding::skipped(
            check,
            format!("{what} is answered 502: the proxy gave up while it was sending"),
        ),
        Ok(heard) if matches!(heard.status, 400 | 413 | 414 | 431 | 494) => {
            Finding::failure(check, format!("{what} is answered {}", in_words(&heard)))
                .expected(expected)
        }
        Ok(heard) => {
            let found = format!("{what} is answered {}", in_words(&heard));
            Finding::warning(check, found).expected(expected)
        }
        Err(error) => Finding::warning(check, format!("{what}: {error}")).expected(expected),
    }
}

/// Compares the `Date` of an answer with the clock here. It is written when the answer begins.
fn clock(walk: &Walk, first: &Heard) -> Finding {
    let date = first
        .header("date")
        .and_then(|date| httpdate::parse_http_date(date).ok());
    let since_epoch = date.and_then(|date| date.duration_since(std::time::UNIX_EPOCH).ok());
    let Some(there) = since_epoch.and_then(|since| i64::try_from(since.as_secs()).ok()) else {
        return Finding::skipped(&CLOCK_AGREES, "the answer has no Date");
    };
    let off = there - walk.clock.unix_seconds();
    let direction = if off > 0 { "ahead of" } else { "behind" };
    let found = format!(
        "the server's clock is {} s {direction} the one here",
        off.abs()
    );
    let expected = "two clocks that agree; tokens have times";
    if off.abs() > CLOCK_SECONDS {
        Finding::failure(&CLOCK_AGREES, found).expected(expected)
    } else if off.abs() > LEEWAY_SECONDS {
        Finding::warning(&CLOCK_AGREES, found).expected(expected)
    } else {
        let most = LEEWAY_SECONDS;
        Finding::ok(&CLOCK_AGREES, format!("within {most} s of the one here"))
    }
}
