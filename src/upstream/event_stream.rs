//! Server-sent events as an upstream sends them: the data of each, whole.

use bytes::{Bytes, BytesMut};

/// An event is bigger than a message may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// Takes the pieces of a stream, gives the data of its events.
#[derive(Debug)]
pub(super) struct Events {
    max_bytes: usize,
    unread: BytesMut,
    /// How far `unread` was searched for the end of a line.
    searched: usize,
    data: BytesMut,
    has_data: bool,
    /// What the event that is being read is called, and what the last whole one was.
    kind: BytesMut,
    last_kind: BytesMut,
}

impl Events {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            unread: BytesMut::new(),
            searched: 0,
            data: BytesMut::new(),
            has_data: false,
            kind: BytesMut::new(),
            last_kind: BytesMut::new(),
        }
    }

    /// The most bytes that one event may have.
    pub(super) fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// What the last event was called, as far as it was called anything.
    pub(super) fn last_kind(&self) -> &[u8] {
        &self.last_kind
    }

    /// Takes the next piece of the stream.
    pub(super) fn push(&mut self, piece: &[u8]) {
        self.unread.extend_from_slice(piece);
    }

    /// The data of the next event that is there whole. Data on several lines is joined by line breaks (HTML, 9.2.6).
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, TooLong> {
        while let Some(line) = self.line() {
            if line.is_empty() {
                let kind = self.kind.split();
                if std::mem::take(&mut self.has_data) {
                    self.last_kind = kind;
                    return Ok(Some(self.data.split().freeze()));
                }
                continue;
            }
            if let Some(kind) = line.strip_prefix(b"event:") {
                self.kind = BytesMut::from(kind.trim_ascii());
                continue;
            }
            let Some(value) = line.strip_prefix(b"data:") else {
                continue;
            };
            if std::mem::replace(&mut self.has_data, true) {
                self.data.extend_from_slice(b"\n");
            }
            self.data
                .extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
            if self.data.len() > self.max_bytes {
                return Err(TooLong);
            }
        }
        if self.unread.len() > self.max_bytes {
            return Err(TooLong);
        }
        Ok(None)
    }

    /// The next whole line, which ends with LF or CR LF; every server writes one of these.
    fn line(&mut self) -> Option<BytesMut> {
        let rest = self.unread.get(self.searched..).unwrap_or_default();
        let Some(at) = memchr::memchr(b'\n', rest) else {
            self.searched = self.unread.len();
            return None;
        };
        let mut line = self.unread.split_to(self.searched + at + 1);
        self.searched = 0;
        let end = line
            .strip_suffix(b"\r\n")
            .map_or(line.len() - 1, <[u8]>::len);
        line.truncate(end);
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(pieces: &[&str]) -> Result<Vec<String>, TooLong> {
        let mut events = Events::new(16);
        let mut found = Vec::new();
        for piece in pieces {
            events.push(piece.as_bytes());
            while let Some(data) = events.next()? {
                found.push(String::from_utf8(data.to_vec()).expect("text"));
            }
        }
        Ok(found)
    }

    #[test]
    fn gives_the_data_however_the_stream_is_cut() {
        let stream = ": hello\nevent: message\nid: 1\ndata: {\"a\":1}\n\nretry: 5\n\ndata:x\r\ndata: y\r\n\r\n";
        let expected = Ok(vec!["{\"a\":1}".to_owned(), "x\ny".to_owned()]);
        assert_eq!(all(&[stream]), expected);
        let bytes: Vec<_> = stream.chars().map(String::from).collect();
        let bytes: Vec<_> = bytes.iter().map(String::as_str).collect();
        assert_eq!(all(&bytes), expected);
        assert_eq!(all(&["data: half"]), Ok(vec![]));
    }

    #[test]
    fn an_event_is_called_what_it_says_and_the_next_one_is_not() {
        let mut events = Events::new(64);
        events.push(b"event: lost\n\nevent: endpoint\ndata: /m\n\ndata: {}\n\n");
        assert!(events.next().expect("short").is_some());
        assert_eq!(events.last_kind(), b"endpoint");
        assert!(events.next().expect("short").is_some());
        assert_eq!(events.last_kind(), b"");
    }

    #[test]
    fn an_event_has_a_size() {
        assert_eq!(all(&["data: 1234567890\n\n"]).map(|all| all.len()), Ok(1));
        assert_eq!(all(&["data: 12345678901234567\n\n"]), Err(TooLong));
        assert_eq!(all(&["data: 123456789\ndata: 123456789\n\n"]), Err(TooLong));
        assert_eq!(all(&["data: 1234", "5678901234567"]), Err(TooLong));
    }
}
