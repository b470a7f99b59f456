//! What only a caller with a token sees of the way: whether events arrive when they are sent, and whether a quiet
//! stream is cut.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, header};
use tokio::time::Instant;

use super::Walk;
use crate::doctor::Finding;
use crate::doctor::checks::address::{STREAM_STAYS_OPEN, STREAM_UNBUFFERED};
use crate::outbound::{Opened, ProbeError, Question};
use crate::secret_file::SecretText;

/// The first event is sent at once; a second is for the way, another for a slow machine.
const AT_ONCE: Duration = Duration::from_secs(2);

/// What is said where there is no token.
pub(super) fn skipped() -> Vec<Finding> {
    let why = "streams need a token: --login or --token-file";
    let skip = |check| Finding::skipped(check, why);
    [&STREAM_UNBUFFERED, &STREAM_STAYS_OPEN].map(skip).into()
}

/// Opens a stream with this token, and watches it as long as the walk has patience.
pub async fn check(walk: &Walk, token: &SecretText) -> Vec<Finding> {
    let mut opened = match open(walk, token).await {
        Ok(opened) => opened,
        Err(ProbeError::Timeout(_)) => {
            let finding =
                Finding::failure(&STREAM_UNBUFFERED, "not even the head of the answer came");
            return vec![unbuffered(finding), after_that(&STREAM_STAYS_OPEN)];
        }
        Err(error) => {
            let skip = |check| Finding::skipped(check, error.to_string());
            return [&STREAM_UNBUFFERED, &STREAM_STAYS_OPEN].map(skip).into();
        }
    };
    let media_type = opened.headers().get(header::CONTENT_TYPE);
    let is_stream =
        media_type.is_some_and(|found| found.as_bytes().starts_with(b"text/event-stream"));
    if opened.status() != 200 || !is_stream {
        let found = format!("{} and no stream to a GET with the token", opened.status());
        let skip = |check| Finding::skipped(check, found.clone());
        return [&STREAM_UNBUFFERED, &STREAM_STAYS_OPEN].map(skip).into();
    }
    let asked = Instant::now();
    match opened.chunk(asked + AT_ONCE).await {
        Ok(Some(_)) => {
            let found = format!(
                "the first event came after {} ms",
                asked.elapsed().as_millis()
            );
            let stays = stays_open(walk, opened).await;
            vec![Finding::ok(&STREAM_UNBUFFERED, found), stays]
        }
        Ok(None) => {
            let finding = Finding::failure(
                &STREAM_UNBUFFERED,
                "the stream ended before its first event",
            );
            vec![unbuffered(finding), after_that(&STREAM_STAYS_OPEN)]
        }
        Err(ProbeError::Timeout(_)) => {
            let found = format!(
                "an open stream, and nothing on it within {} s",
                AT_ONCE.as_secs()
            );
            let finding = Finding::failure(&STREAM_UNBUFFERED, found);
            vec![unbuffered(finding), after_that(&STREAM_STAYS_OPEN)]
        }
        Err(error) => {
            let finding = Finding::failure(&STREAM_UNBUFFERED, error.to_string());
            vec![unbuffered(finding), after_that(&STREAM_STAYS_OPEN)]
        }
    }
}

fn unbuffered(finding: Finding) -> Finding {
    finding.expected("the first event at once")
}

fn after_that(check: &'static crate::doctor::Check) -> Finding {
    Finding::skipped(check, "no event arrives in the first place")
}

async fn open(walk: &Walk, token: &SecretText) -> Result<Opened, ProbeError> {
    let mut headers = HeaderMap::new();
    headers.insert(
        header::ACCEPT,
        HeaderValue::from_static("text/event-stream"),
    );
    let question = Question {
        method: &Method::GET,
        url: walk.url(),
        headers: &headers,
        body: b"",
        max_bytes: 0,
        timeout: AT_ONCE * 2,
    };
    walk.probe.open_as(question, Some(token.expose())).await
}

/// Watches until the patience is over, the stream ends, or the token does.
async fn stays_open(walk: &Walk, mut opened: Opened) -> Finding {
    let Some(patience) = walk.patience else {
        return Finding::skipped(&STREAM_STAYS_OPEN, "takes a while: --patience 90s");
    };
    walk.progress.says("a quiet stream");
    let began = Instant::now();
    let deadline = began + patience;
    let (mut last, mut quietest) = (began, Duration::ZERO);
    loop {
        let chunk = opened.chunk(deadline).await;
        quietest = quietest.max(last.elapsed());
        last = Instant::now();
        let seconds = began.elapsed().as_secs();
        let cut = |how: &str| {
            let found = format!("{how} after {seconds} s");
            let finding = Finding::failure(&STREAM_STAYS_OPEN, found);
            finding.expected(format!(
                "a stream that is open for {} s at least",
                patience.as_secs()
            ))
        };
        match chunk {
            Ok(Some(_)) => {}
            Ok(None) => return cut("the stream was ended"),
            Err(ProbeError::Timeout(_)) => {
                let quiet = quietest.as_secs();
                let found =
                    format!("open for {seconds} s, at most {quiet} s of them without a word");
                return Finding::ok(&STREAM_STAYS_OPEN, found);
            }
            Err(_broke_off) => return cut("the connection was cut"),
        }
    }
}
