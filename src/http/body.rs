//! Request bodies: bounded in size and in time, read after authentication.

use std::time::Duration;

use axum::BoxError;
use axum::body::{Body, HttpBody};
use bytes::Bytes;
use futures_util::FutureExt;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::Settings;
use super::error::Refusal;

/// The whole body. It may have `max_body_bytes`, as declared and as counted, and must arrive in `body_timeout_seconds`.
pub async fn read(body: Body, settings: &Settings) -> Result<Bytes, Refusal> {
    let deadline = Duration::from_secs(settings.body_timeout_seconds);
    read_within(body, settings.max_body_bytes, deadline).await
}

/// The whole body of at most `limit` bytes, if it arrives by the `deadline`.
pub async fn read_within(body: Body, limit: usize, deadline: Duration) -> Result<Bytes, Refusal> {
    if body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
        return Err(Refusal::BodyTooLarge);
    }
    let mut body = Limited::new(body, limit);
    // Nearly every body is one piece that came along with the head: no timer, no copy.
    let first = match body.frame().now_or_never() {
        Some(Some(frame)) => frame.map_err(|error| broken(&error))?.into_data().ok(),
        Some(None) => return Ok(Bytes::new()),
        None => None,
    };
    if let Some(whole) = &first
        && body.is_end_stream()
    {
        return Ok(whole.clone());
    }
    let rest = tokio::time::timeout(deadline, body.collect()).await;
    let rest = rest
        .map_err(|_elapsed| Refusal::BodyTimeout)?
        .map_err(|error| broken(&error))?
        .to_bytes();
    Ok(match first {
        None => rest,
        Some(first) => [first, rest].concat().into(),
    })
}

fn broken(error: &BoxError) -> Refusal {
    if error.is::<LengthLimitError>() {
        Refusal::BodyTooLarge
    } else {
        Refusal::BodyBroken
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::{StreamExt, stream};

    use super::*;

    async fn check(body: Body, expected: Result<&'static [u8], Refusal>) {
        let settings = Settings {
            max_body_bytes: 8,
            ..Settings::default()
        };
        assert_eq!(
            read(body, &settings).await,
            expected.map(Bytes::from_static)
        );
    }

    fn chunks(chunks: &[&'static str]) -> Body {
        let chunks: Vec<_> = chunks
            .iter()
            .map(|chunk| Ok::<_, Infallible>(*chunk))
            .collect();
        Body::from_stream(stream::iter(chunks))
    }

    #[tokio::test]
    async fn a_body_up_to_the_limit_is_read_and_a_larger_one_refused() {
        check(Body::empty(), Ok(b"")).await;
        check(Body::from("12345678"), Ok(b"12345678")).await;
        check(Body::from("123456789"), Err(Refusal::BodyTooLarge)).await;
        check(chunks(&["1234", "5678"]), Ok(b"12345678")).await;
        check(chunks(&["1234", "56789"]), Err(Refusal::BodyTooLarge)).await;
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_refused() {
        let broken = stream::iter([Ok("1234"), Err(std::io::Error::other("reset"))]);
        check(Body::from_stream(broken), Err(Refusal::BodyBroken)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_arrive_in_time_is_refused() {
        let slow = stream::iter([Ok::<_, Infallible>("1234")]).chain(stream::pending());
        check(Body::from_stream(slow), Err(Refusal::BodyTimeout)).await;
    }
}
