//! A response body in two pieces that are not copied together, with a length that is known.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

/// What is left to send.
#[derive(Debug)]
pub struct Spliced {
    beginning: Bytes,
    end: Bytes,
}

impl Spliced {
    /// A body of these pieces, in this order.
    pub fn new(beginning: Bytes, end: Bytes) -> Self {
        Self { beginning, end }
    }
}

impl Body for Spliced {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Self { beginning, end } = &mut *self;
        let piece = [beginning, end]
            .into_iter()
            .find(|piece| !piece.is_empty())
            .map(std::mem::take);
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.beginning.is_empty() && self.end.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact((self.beginning.len() + self.end.len()) as u64)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn both_pieces_are_sent_and_counted() {
        for (beginning, end) in [("a", "bc"), ("", "abc"), ("abc", ""), ("", "")] {
            let body = Spliced::new(beginning.into(), end.into());
            let whole = format!("{beginning}{end}");
            assert_eq!(body.size_hint().exact(), Some(whole.len() as u64));
            assert_eq!(body.is_end_stream(), whole.is_empty());
            let sent = body.collect().await.expect("infallible").to_bytes();
            assert_eq!(sent, whole);
        }
    }
}
