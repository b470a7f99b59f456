//! One line per request: path (no query string), issuer, subject, client id, audience, operation, outcome, reason.
//!
//! `docs/reference/access-log.md` documents the line as a format. It is written by hand into one buffer: an event with
//! a dozen fields through the subscriber costs several times as much, on every request. A token never comes near this
//! file: what it is given are the names in a verified [`Principal`].

mod line;

use std::borrow::Cow;
use std::io::Write;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use self::line::{address, decimal, member, milliseconds, plain, text, timestamp};
use crate::auth::Principal;
use crate::mcp::Operation;
use crate::telemetry::{Log, Settings};

/// What a handler knows and the access log tells.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// JSON-RPC method, and the tool called.
    pub operation: Option<Operation>,
    /// The stable reason code of a refusal or error.
    pub reason: Option<&'static str>,
    /// The rule behind a refusal.
    pub rule: Option<Arc<str>>,
    /// What a refused client calls itself, for the record of refusals alone: the log has the request id.
    pub client_info: Option<String>,
}

/// Where access lines go. The default writes none.
#[derive(Clone, Debug, Default)]
pub struct AccessLog {
    log: Log,
    pretty: bool,
}

/// One request, answered.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// When the answer began, milliseconds since the Unix epoch.
    pub unix_millis: i64,
    /// The request's method.
    pub method: &'a str,
    /// The path, without the query string.
    pub path: &'a str,
    /// The response's status.
    pub status: u16,
    /// From the end of the request's headers to the response's.
    pub duration: Duration,
    /// The identifier that the client also sees.
    pub request_id: &'a str,
    /// The client's address.
    pub remote: IpAddr,
    /// Who asked, if that was verified.
    pub principal: Option<&'a Principal>,
    /// The handler's notes.
    pub notes: &'a Notes,
    /// True if the response is a stream that goes on after this line.
    pub streams: bool,
}

/// The most bytes of a field that others fill (method, path, subject, client id) that are written; more can only be an
/// attempt on the log. What was cut ends in `…`.
const MAX_FIELD: usize = 256;

impl AccessLog {
    /// Access lines into `log`, in the format of the other lines.
    #[must_use]
    pub fn new(log: Log, settings: &Settings) -> Self {
        let log = if settings.access { log } else { Log::default() };
        let pretty = settings.is_pretty();
        Self { log, pretty }
    }

    /// Writes one line.
    pub fn write(&self, entry: &Entry<'_>) {
        if !self.log.is_on() {
            return;
        }
        let mut line = Vec::with_capacity(512);
        // Writing into memory cannot fail.
        drop(if self.pretty {
            entry.pretty(&mut line)
        } else {
            entry.json(&mut line)
        });
        self.log.write_line(&line);
    }
}

impl Entry<'_> {
    /// `refused` and `failed` have a reason; so does an `ok` answer with a JSON-RPC error in it: it is `refused`.
    fn outcome(&self) -> &'static str {
        let reason = self.reason().is_some();
        match self.status {
            500.. => "failed",
            400.. => "refused",
            _ if reason => "refused",
            _ => "ok",
        }
    }

    fn json(&self, line: &mut Vec<u8>) -> std::io::Result<()> {
        line.extend_from_slice(b"{\"timestamp\":\"");
        timestamp(line, self.unix_millis);
        line.extend_from_slice(b"\",\"level\":\"INFO\",\"target\":\"access\"");
        text(line, member!("method"), &short(self.method))?;
        text(line, member!("path"), &short(self.path))?;
        line.extend_from_slice(b",\"status\":");
        decimal(line, u64::from(self.status), 3);
        line.extend_from_slice(b",\"duration_ms\":");
        milliseconds(line, self.duration);
        plain(line, member!("request_id"), self.request_id);
        line.extend_from_slice(b",\"remote\":\"");
        address(line, self.remote)?;
        line.push(b'"');
        if let Some(principal) = self.principal {
            text(line, member!("issuer"), principal.issuer())?;
            text(line, member!("subject"), &short(principal.subject()))?;
            if let Some(client_id) = principal.client_id() {
                text(line, member!("client_id"), &short(client_id))?;
            }
            text(
                line,
                member!("audience"),
                principal.resource().identifier().as_str(),
            )?;
        }
        if let Some(operation) = &self.notes.operation {
            match operation.tool {
                None => plain(line, member!("operation"), operation.method),
                Some(_) => text(line, member!("operation"), &operation.to_string())?,
            }
        }
        if self.streams {
            line.extend_from_slice(b",\"stream\":true");
        }
        plain(line, member!("outcome"), self.outcome());
        if let Some(reason) = self.reason() {
            plain(line, member!("reason"), reason);
        }
        if let Some(rule) = &self.notes.rule {
            text(line, member!("rule"), rule)?;
        }
        line.extend_from_slice(b"}\n");
        Ok(())
    }

    fn pretty(&self, line: &mut Vec<u8>) -> std::io::Result<()> {
        let Self {
            status, duration, ..
        } = self;
        // Debug escapes what could move the cursor.
        let (method, path) = (short(self.method), short(self.path));
        let path = path.escape_debug();
        timestamp(line, self.unix_millis);
        write!(line, " {method} {path} {status} {duration:.1?}")?;
        if let Some(principal) = self.principal {
            let subject = short(principal.subject());
            let client = short(principal.client_id().unwrap_or("-"));
            let (subject, client) = (subject.escape_debug(), client.escape_debug());
            write!(line, " {subject} via {client}")?;
        }
        if let Some(operation) = &self.notes.operation {
            write!(line, " {operation}")?;
        }
        if let Some(reason) = self.reason() {
            write!(line, " {}: {reason}", self.outcome())?;
        }
        if let Some(rule) = &self.notes.rule {
            write!(line, " ({})", rule.escape_debug())?;
        }
        writeln!(line, " [{} {}]", self.remote, self.request_id)
    }

    fn reason(&self) -> Option<&'static str> {
        self.notes.reason
    }
}

/// The field, or its beginning.
fn short(field: &str) -> Cow<'_, str> {
    if field.len() <= MAX_FIELD {
        return Cow::Borrowed(field);
    }
    let end = field.floor_char_boundary(MAX_FIELD);
    let beginning = field.get(..end).unwrap_or_default();
    Cow::Owned(format!("{beginning}…"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::log::Captured;

    fn entry<'a>(path: &'a str, notes: &'a Notes) -> Entry<'a> {
        Entry {
            unix_millis: 1_792_540_800_123,
            method: "POST",
            path,
            status: 200,
            duration: Duration::from_micros(1234),
            request_id: "0123",
            remote: IpAddr::from([192, 0, 2, 1]),
            principal: None,
            notes,
            streams: false,
        }
    }

    fn line(pretty: bool, entry: &Entry<'_>) -> String {
        let (log, captured) = Captured::log();
        AccessLog {
            log: log.clone(),
            pretty,
        }
        .write(entry);
        log.flush();
        captured.text()
    }

    #[test]
    fn a_line_is_one_json_object_with_the_documented_fields() {
        let notes = Notes {
            operation: Some(Operation {
                method: "tools/call",
                tool: Some("search".into()),
            }),
            reason: Some("insufficient_scope"),
            rule: Some("fetch writes".into()),
            ..Notes::default()
        };
        insta::assert_snapshot!(line(false, &entry("/mcp", &notes)), @r#"{"timestamp":"2026-10-21T00:00:00.123Z","level":"INFO","target":"access","method":"POST","path":"/mcp","status":200,"duration_ms":1.234,"request_id":"0123","remote":"192.0.2.1","operation":"tools/call search","outcome":"refused","reason":"insufficient_scope","rule":"fetch writes"}"#);
    }

    #[test]
    fn a_pretty_line_reads_alone() {
        let notes = Notes {
            reason: Some("group_required"),
            rule: Some("fin\nance".into()),
            ..Notes::default()
        };
        insta::assert_snapshot!(line(true, &entry("/mcp", &notes)), @r"2026-10-21T00:00:00.123Z POST /mcp 200 1.2ms refused: group_required (fin\nance) [192.0.2.1 0123]");
        insta::assert_snapshot!(line(true, &entry("/mcp", &Notes::default())), @"2026-10-21T00:00:00.123Z POST /mcp 200 1.2ms [192.0.2.1 0123]");
    }

    #[test]
    fn a_path_cannot_break_the_line_or_fill_the_log() {
        let path = format!("/\"\n\u{1b}[2J{}", "x".repeat(10_000));
        for pretty in [false, true] {
            let line = line(pretty, &entry(&path, &Notes::default()));
            assert_eq!(line.matches('\n').count(), 1);
            assert!(!line.contains('\u{1b}'));
            assert!(line.len() < 600);
        }
    }

    #[test]
    fn no_field_that_others_fill_can_fill_the_log() {
        let resources = crate::auth::Resources::new(&crate::auth::Settings::default());
        let resource = resources.at("/mcp").cloned().expect("a resource");
        let long = "\u{202e}é\u{1b}]0;".repeat(2_000);
        let principal = Principal::for_test(&long, &[], resource);
        let notes = Notes::default();
        // The boundary of what is written falls into a character.
        for path in [format!("/{}", "é".repeat(10_000)), "é".repeat(10_000)] {
            let entry = Entry {
                method: &"M".repeat(10_000),
                principal: Some(&principal),
                ..entry(&path, &notes)
            };
            for pretty in [false, true] {
                let line = line(pretty, &entry);
                assert!(line.len() < 3_000, "{}", line.len());
                assert_eq!(line.matches('\n').count(), 1);
                assert!(!line.contains('\u{1b}'));
            }
        }
    }

    #[test]
    fn the_outcome_follows_from_status_and_reason() {
        let none = Notes::default();
        let refused = Notes {
            reason: Some("unknown_tool"),
            ..Notes::default()
        };
        for (status, notes, expected) in [
            (200, &none, "ok"),
            (202, &none, "ok"),
            (200, &refused, "refused"),
            (401, &none, "refused"),
            (503, &none, "failed"),
        ] {
            let entry = Entry {
                status,
                ..entry("/mcp", notes)
            };
            assert_eq!(entry.outcome(), expected, "{status}");
        }
    }
}
