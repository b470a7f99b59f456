//! Request bodies: bounded in size and in time, read after authentication.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use axum::BoxError;
use axum::body::{Body, HttpBody};
use bytes::Bytes;
use futures_util::FutureExt;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::Settings;
use super::error::Refusal;

/// The whole body. It may have `max_body_bytes`, as declared and as counted, and must arrive in `body_timeout_seconds`.
/// See [`unless_too_many_wait`] for `place`.
pub async fn read<P>(
    body: Body,
    settings: &Settings,
    place: impl FnOnce() -> Option<P>,
) -> Result<Bytes, Refusal> {
    let deadline = Duration::from_secs(settings.body_timeout_seconds);
    let reading = read_within(body, settings.max_body_bytes, deadline);
    unless_too_many_wait(reading, place).await
}

/// What `reading` gives. If that is not there at once, a `place` is taken for as long as it is waited for.
///
/// Whoever sends slowly holds memory, and with a ticket one of the places for requests, all the while. So there are only so
/// many places for waiting: for each subject, and for all refused requests together.
pub async fn unless_too_many_wait<P>(
    reading: impl Future<Output = Result<Bytes, Refusal>>,
    place: impl FnOnce() -> Option<P>,
) -> Result<Bytes, Refusal> {
    let mut reading = pin!(reading);
    match poll_fn(|cx| Poll::Ready(reading.as_mut().poll(cx))).await {
        Poll::Ready(read) => read,
        Poll::Pending => {
            let _place = place().ok_or(Refusal::TooManyBodies)?;
            reading.await
        }
    }
}

/// The whole body of at most `limit` bytes, if it arrives by the `deadline`.
pub async fn read_within(body: Body, limit: usize, deadline: Duration) -> Result<Bytes, Refusal> {
    if body.size_hint().lower() > as_u64(limit) {
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
    // Boxed: the future of a body that is there would have to be as large.
    Box::pin(read_rest(first, body, deadline)).await
}

async fn read_rest(
    first: Option<Bytes>,
    body: Limited<Body>,
    deadline: Duration,
) -> Result<Bytes, Refusal> {
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

/// Takes a body that nobody wants to its end, so that its sender reads the answer and not a closed connection.
///
/// It may have `limit` bytes, and must arrive by the `deadline`. One of more than `kept` bytes is thrown away as it comes, and
/// is empty here.
pub async fn drain(
    body: Body,
    (kept, limit): (usize, usize),
    deadline: Duration,
) -> Result<Bytes, Refusal> {
    let size = body.size_hint();
    let is_small = size.upper().is_some_and(|most| most <= as_u64(kept));
    if is_small || size.lower() > as_u64(limit) {
        return read_within(body, kept, deadline).await;
    }
    let mut body = Limited::new(body, limit);
    let draining = async {
        let (mut beginning, mut length) = (Vec::new(), 0);
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|error| broken(&error))?.into_data() else {
                continue;
            };
            length += data.len();
            if length <= kept {
                beginning.extend_from_slice(&data);
            }
        }
        let whole = if length <= kept {
            beginning
        } else {
            Vec::new()
        };
        Ok(Bytes::from(whole))
    };
    let drained = tokio::time::timeout(deadline, draining).await;
    drained.map_err(|_elapsed| Refusal::BodyTimeout)?
}

fn as_u64(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
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
    use crate::shares::Shares;

    async fn check(body: Body, expected: Result<&'static [u8], Refusal>) {
        let settings = Settings {
            max_body_bytes: 8,
            ..Settings::default()
        };
        let shares = Shares::new(1);
        let found = read(body, &settings, || shares.take(&"alice")).await;
        assert_eq!(found, expected.map(Bytes::from_static));
        assert_eq!(shares.holders(), 0);
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

    #[tokio::test(start_paused = true)]
    async fn a_body_that_nobody_wants_is_read_to_its_end_and_kept_if_it_is_small() {
        let slow = stream::iter([Ok::<_, Infallible>("1234")]).chain(stream::pending());
        for (body, expected) in [
            (Body::empty(), Ok(&b""[..])),
            (Body::from("1234"), Ok(b"1234")),
            (Body::from("12345"), Ok(b"")),
            (chunks(&["12", "34"]), Ok(b"1234")),
            (chunks(&["1234", "5678"]), Ok(b"")),
            (Body::from("123456789"), Err(Refusal::BodyTooLarge)),
            (chunks(&["1234", "56789"]), Err(Refusal::BodyTooLarge)),
            (Body::from_stream(slow), Err(Refusal::BodyTimeout)),
        ] {
            let found = drain(body, (4, 8), Duration::from_secs(1)).await;
            assert_eq!(found.as_deref(), expected.as_deref());
        }
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

    #[tokio::test(start_paused = true)]
    async fn a_body_that_is_not_there_yet_takes_a_share_while_it_is_waited_for() {
        let settings = Settings::default();
        let shares = Shares::new(1);
        let share = || shares.take(&"alice");
        let after = |wait| {
            let later = stream::once(tokio::time::sleep(Duration::from_secs(wait)));
            Body::from_stream(later.map(|()| Ok::<_, Infallible>("1234")))
        };
        let (slow, second, at_once) = tokio::join!(
            read(after(2), &settings, share),
            read(after(1), &settings, share),
            read(Body::from("5678"), &settings, share),
        );
        assert_eq!(slow.as_deref(), Ok(&b"1234"[..]));
        assert_eq!(second, Err(Refusal::TooManyBodies));
        assert_eq!(at_once.as_deref(), Ok(&b"5678"[..]));
        assert_eq!(shares.holders(), 0);
        let again = read(after(1), &settings, share).await;
        assert_eq!(again.as_deref(), Ok(&b"1234"[..]));
    }
}
