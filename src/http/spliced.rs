//! A response body in pieces that are not copied together, with a length that is known.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

/// What is left to send.
#[derive(Debug)]
pub struct Spliced([Bytes; 3]);

impl Spliced {
    /// A body of these pieces, in this order.
    pub fn new(pieces: [Bytes; 3]) -> Self {
        Self(pieces)
    }
}

impl Body for Spliced {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let mut left = self.0.iter_mut();
        let piece = left.find(|piece| !piece.is_empty()).map(std::mem::take);
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.iter().all(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.iter().map(|piece| piece.len() as u64).sum())
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn all_pieces_are_sent_and_counted() {
        for pieces in [
            ["a", "b", "c"],
            ["", "a", "bc"],
            ["ab", "", "c"],
            ["abc", "", ""],
            ["", "", ""],
        ] {
            let body = Spliced::new(pieces.map(Bytes::from));
            let whole = pieces.concat();
            assert_eq!(body.size_hint().exact(), Some(whole.len() as u64));
            assert_eq!(body.is_end_stream(), whole.is_empty());
            let sent = body.collect().await.expect("infallible").to_bytes();
            assert_eq!(sent, whole);
        }
    }
}
