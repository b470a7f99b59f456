//! The process-wide receiver of `tracing` events: JSON or pretty lines into a [`Log`].

use std::io::{self, IsTerminal, Write};

use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use super::{Format, Log, Settings};

/// Why the log cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubscriberError {
    /// `[log] level` is neither a level nor a list of directives.
    #[error(
        "[log] level: expected a level (error, warn, info, debug, trace) or directives such as \
         `info,usher::auth=debug`, found `{found}`"
    )]
    Level {
        /// What was written.
        found: String,
    },
    /// Another subscriber is installed in this process.
    #[error("a log subscriber is already installed in this process")]
    Installed(#[from] TryInitError),
}

impl Settings {
    /// True if lines are written for people.
    #[must_use]
    pub fn is_pretty(&self) -> bool {
        match self.format {
            Format::Auto => io::stderr().is_terminal(),
            Format::Json => false,
            Format::Pretty => true,
        }
    }

    fn filter(&self) -> Result<EnvFilter, SubscriberError> {
        EnvFilter::try_new(&self.level).map_err(|_cause| SubscriberError::Level {
            found: self.level.clone(),
        })
    }

    /// Whether `level` can be understood.
    pub fn check(&self) -> Result<(), SubscriberError> {
        self.filter().map(drop)
    }
}

/// Sends all `tracing` events of this process to `log`. Once per process.
pub fn install(settings: &Settings, log: &Log) -> Result<(), SubscriberError> {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(settings.filter()?)
        .with_writer(Lines(log.clone()));
    if settings.is_pretty() {
        let ansi = io::stderr().is_terminal();
        builder.with_ansi(ansi).compact().finish().try_init()?;
    } else {
        builder.json().flatten_event(true).finish().try_init()?;
    }
    Ok(())
}

struct Lines(Log);

/// One event on its way into the log. The formatter writes the whole event at once.
struct Line {
    log: Log,
    at_once: bool,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line {
            log: self.0.clone(),
            at_once: false,
        }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Line {
        Line {
            log: self.0.clone(),
            at_once: *metadata.level() == Level::ERROR,
        }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.log.write_line(bytes);
        if self.at_once {
            self.log.flush();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::log::Captured;

    #[test]
    fn an_error_event_leaves_at_once_and_an_info_event_waits() {
        let (log, captured) = Captured::log();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_writer(Lines(log.clone()))
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::error!(issuer = "https://issuer.test", "discovery failed");
        });
        let line: serde_json::Value = serde_json::from_str(&captured.text()).unwrap();
        assert_eq!(line["level"], "ERROR");
        assert_eq!(line["issuer"], "https://issuer.test");
    }

    #[test]
    fn a_level_that_is_none_is_named() {
        let level = |level: &str| Settings {
            level: level.to_owned(),
            ..Settings::default()
        };
        assert!(level("info,usher::auth=debug").check().is_ok());
        let message = level("usher=loudly").check().unwrap_err().to_string();
        assert!(message.contains("found `usher=loudly`"), "{message}");
    }
}
