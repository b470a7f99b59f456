//! Lines of a child's output, each of a bounded length.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Why there is no next line.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("a line has more than {0} bytes")]
    TooLong(usize),
}

/// How much is asked for at once.
const PIECE: usize = 16 * 1024;

/// Reads lines.
#[derive(Debug)]
pub(super) struct Lines<R> {
    reader: R,
    max_bytes: usize,
    unread: BytesMut,
    /// How far `unread` was searched for the end of a line.
    searched: usize,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(reader: R, max_bytes: usize) -> Self {
        Self {
            reader,
            max_bytes,
            unread: BytesMut::new(),
            searched: 0,
        }
    }

    /// The next line without its end; nothing at the end of the output. What is left of a line that is too long is
    /// taken for a line of its own, if the caller goes on.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, LineError> {
        loop {
            let rest = self.unread.get(self.searched..).unwrap_or_default();
            if let Some(at) = memchr::memchr(b'\n', rest) {
                let mut line = self.unread.split_to(self.searched + at + 1);
                line.truncate(line.len() - 1);
                self.searched = 0;
                if line.len() > self.max_bytes {
                    return Err(LineError::TooLong(self.max_bytes));
                }
                return Ok(Some(line.freeze()));
            }
            self.searched = self.unread.len();
            if self.searched > self.max_bytes {
                self.unread.clear();
                self.searched = 0;
                return Err(LineError::TooLong(self.max_bytes));
            }
            self.unread.reserve(PIECE);
            if self.reader.read_buf(&mut self.unread).await? == 0 {
                return Ok(None);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(output: &str) -> Vec<String> {
        let mut lines = Lines::new(output.as_bytes(), 8);
        let mut found = Vec::new();
        loop {
            match lines.next().await {
                Ok(Some(line)) => found.push(String::from_utf8_lossy(&line).into_owned()),
                Ok(None) => return found,
                Err(error) => found.push(error.to_string()),
            }
        }
    }

    #[tokio::test]
    async fn a_line_has_a_size_and_an_end() {
        assert_eq!(
            all("a\n\nb c\n12345678\n").await,
            ["a", "", "b c", "12345678"]
        );
        let long = "a line has more than 8 bytes";
        assert_eq!(all("123456789\nb\n").await, [long, "b"]);
        assert_eq!(all("123456789").await, [long]);
        assert_eq!(all("half").await, [""; 0]);
    }
}
