//! What the connection to an upstream wrote into the log: the causes of what is told.

use serde_json::Value;

use crate::telemetry::log::Captured;
use crate::telemetry::{Format, Log, Settings, subscriber};

/// The log of this process, kept to be read.
pub(in crate::cli) struct Seen {
    log: Log,
    captured: Captured,
}

impl Seen {
    /// Takes all events from now on. Once per process.
    pub(in crate::cli) fn install() -> anyhow::Result<Self> {
        let (log, captured) = Captured::log();
        let settings = Settings {
            format: Format::Json,
            level: "usher::upstream=debug".to_owned(),
            ..Settings::default()
        };
        subscriber::install(&settings, &log)?;
        Ok(Self { log, captured })
    }

    /// What was said about this upstream, in order, each once.
    pub(in crate::cli) fn of(&self, upstream: &str) -> Vec<String> {
        self.log.flush();
        let mut said = Vec::new();
        for line in self.captured.text().lines() {
            if let Some(line) = read(line, upstream)
                && !said.contains(&line)
            {
                said.push(line);
            }
        }
        said
    }
}

/// One event in words, if it is about this upstream.
fn read(line: &str, upstream: &str) -> Option<String> {
    let event: Value = serde_json::from_str(line).ok()?;
    let of = |place: &Value| place.get("upstream")?.as_str().map(|name| name == upstream);
    if !of(&event).or_else(|| of(event.get("span")?))? {
        return None;
    }
    let message = event.get("message")?.as_str()?;
    let mut words = message
        .strip_prefix("upstream: ")
        .unwrap_or(message)
        .to_owned();
    for detail in [
        "tool",
        "status",
        "error",
        "problem",
        "challenge",
        "advice",
        "stderr",
    ] {
        match event.get(detail) {
            Some(Value::String(text)) => words += &format!(": {text}"),
            Some(number @ Value::Number(_)) => words += &format!(": {number}"),
            _ => {}
        }
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_one_upstream_are_read_and_no_others() {
        let check = |line: &str, expected: Option<&str>| {
            assert_eq!(read(line, "a").as_deref(), expected, "{line}");
        };
        check(
            r#"{"message":"upstream: its command cannot be started","upstream":"a","error":"No such file"}"#,
            Some("its command cannot be started: No such file"),
        );
        check(
            r#"{"message":"upstream: an error status","status":502,"span":{"upstream":"a"}}"#,
            Some("an error status: 502"),
        );
        check(
            r#"{"message":"upstream: it","upstream":"b","span":{"upstream":"a"}}"#,
            None,
        );
        check(r#"{"message":"upstream: it"}"#, None);
        check("", None);
    }
}
