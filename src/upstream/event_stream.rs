//! Server-sent events as an upstream sends them: the data of each, whole, and where the stream can be taken up again.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http::HeaderValue;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
/// A longer id of an event is none: it has to go into a header.
const LONGEST_ID: usize = 4096;

/// An event is bigger than a message may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// Up to where a stream was read, and when the rest may be asked for (HTML, 9.2.6; SEP-1699).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// The id of its last event; nothing where the server gives out none, or none that a header can hold.
    pub(super) last_id: Option<HeaderValue>,
    /// How long to wait before, if the server said so.
    pub(super) retry: Option<Duration>,
}

/// However long a server wants to be left alone, its session's stream is opened again after this time.
const LONGEST_RETRY: Duration = Duration::from_secs(60);

impl Place {
    /// This pause before a stream that belongs to no request is opened again, or a longer one that the server wants.
    pub(super) fn pause_or(&self, pause: Duration) -> Duration {
        pause.max(self.retry.unwrap_or_default().min(LONGEST_RETRY))
    }
}

/// Takes the pieces of a stream, gives the data of its events.
#[derive(Debug)]
pub(super) struct Events {
    max_bytes: usize,
    unread: BytesMut,
    /// How far `unread` was searched for the end of a line.
    searched: usize,
    /// A line has come, so that no mark of the byte order can come any more.
    has_begun: bool,
    data: BytesMut,
    has_data: bool,
    /// What the event that is being read is called, and what the last whole one was.
    kind: BytesMut,
    last_kind: BytesMut,
    /// The id of the event that is being read, and what is known of those that were.
    id: Option<BytesMut>,
    place: Place,
}

impl Events {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            unread: BytesMut::new(),
            searched: 0,
            has_begun: false,
            data: BytesMut::new(),
            has_data: false,
            kind: BytesMut::new(),
            last_kind: BytesMut::new(),
            id: None,
            place: Place::default(),
        }
    }

    /// Up to where the stream was read.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// What comes next is another stream, which goes on where this one was. Half an event is nothing.
    pub(super) fn go_on(&mut self) {
        let place = std::mem::take(&mut self.place);
        *self = Self {
            place,
            ..Self::new(self.max_bytes)
        };
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
                if let Some(id) = self.id.take() {
                    self.place.last_id = header_of(&id);
                }
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
                self.read_place(&line);
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

    /// A field that says something of the stream, not of its data.
    fn read_place(&mut self, line: &[u8]) {
        if let Some(id) = line.strip_prefix(b"id:") {
            self.id = Some(BytesMut::from(id.strip_prefix(b" ").unwrap_or(id)));
        } else if let Some(retry) = line.strip_prefix(b"retry:") {
            let retry = retry.trim_ascii();
            if !retry.is_empty() && retry.iter().all(u8::is_ascii_digit) {
                let text = std::str::from_utf8(retry).unwrap_or_default();
                // More digits than that are a very long time.
                let milliseconds = text.parse().unwrap_or(u64::MAX);
                self.place.retry = Some(Duration::from_millis(milliseconds));
            }
        }
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
        // Some writers of UTF-8 put it first, and readers leave it out (HTML, 9.2.5).
        if !std::mem::replace(&mut self.has_begun, true) && line.starts_with(BYTE_ORDER_MARK) {
            line.advance(BYTE_ORDER_MARK.len());
        }
        Some(line)
    }
}

fn header_of(id: &[u8]) -> Option<HeaderValue> {
    let is_one = (1..=LONGEST_ID).contains(&id.len());
    // Not a piece of the buffer that the stream was read into.
    is_one.then(|| HeaderValue::from_bytes(id).ok()).flatten()
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
        let marked = format!("\u{feff}{stream}");
        assert_eq!(all(&[&marked]), expected);
        // Only at the very beginning.
        assert_eq!(all(&["\n\u{feff}data: x\n\n"]), Ok(vec![]));
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
    fn a_place_is_that_of_the_last_whole_event() {
        let check = |stream: &str, id: Option<&str>, retry_ms: Option<u64>| {
            let mut events = Events::new(64);
            events.push(stream.as_bytes());
            while events.next().expect("short").is_some() {}
            let found = events.place().clone();
            let expected = Place {
                last_id: id.map(|id| HeaderValue::from_str(id).expect("a value")),
                retry: retry_ms.map(Duration::from_millis),
            };
            assert_eq!(found, expected, "{stream:?}");
            events.go_on();
            assert_eq!(*events.place(), expected, "{stream:?}");
        };
        check("data: 1\n\n", None, None);
        check("id: a b\ndata: \n\n", Some("a b"), None);
        check("id:1\n\nid: 2\nretry: 50\n", Some("1"), Some(50));
        check("id: 1\ndata: 1\n\ndata: 2\n\n", Some("1"), None);
        check("id: 1\ndata: 1\n\nid:\n\n", None, None);
        check("id: 1\ndata: 1\n\nid: a\u{1}b\n\n", None, None);
        check("retry: soon\nretry:\nretry: -1\n\n", None, None);
        check("retry: 99999999999999999999\n\n", None, Some(u64::MAX));
        check(
            &format!("id: {}\n\n", "x".repeat(50)),
            Some(&"x".repeat(50)),
            None,
        );
    }

    #[test]
    fn a_server_is_left_alone_for_as_long_as_it_wants_within_bounds() {
        let place = |ms| Place {
            last_id: None,
            retry: Some(Duration::from_millis(ms)),
        };
        let usual = Duration::from_secs(1);
        assert_eq!(Place::default().pause_or(usual), usual);
        assert_eq!(place(10).pause_or(usual), usual);
        assert_eq!(place(2500).pause_or(usual), Duration::from_millis(2500));
        assert_eq!(place(u64::MAX).pause_or(usual), LONGEST_RETRY);
    }

    #[test]
    fn half_an_event_is_nothing_once_the_stream_goes_on_elsewhere() {
        let mut events = Events::new(64);
        events.push(b"id: 1\ndata: {}\n\nid: 2\nevent: x\ndata: half");
        assert!(events.next().expect("short").is_some());
        assert_eq!(events.next(), Ok(None));
        events.go_on();
        events.push(b"data: whole\n\n");
        assert_eq!(events.next(), Ok(Some(Bytes::from_static(b"whole"))));
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
