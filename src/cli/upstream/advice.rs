//! What was expected of an upstream, what was found, and what to do about it.

use super::describe;
use crate::upstream::{Definition, EraSetting, Tried, UpstreamError};

/// Three sentences about a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Advice {
    pub(in crate::cli) expected: String,
    pub(in crate::cli) found: String,
    pub(in crate::cli) fix: String,
}

/// Says what to do about a failure. `seen` is what the connection wrote into the log.
pub(super) fn of(
    definition: &Definition,
    (tried, error): (Tried, UpstreamError),
    seen: &[String],
) -> Advice {
    let seconds = definition.settings.start_timeout_seconds;
    let mut found = in_words(error).to_owned();
    // The last thing seen is the nearest cause.
    if let Some(cause) = seen.last() {
        found += &format!(" ({})", describe::harmless(cause));
    }
    Advice {
        expected: format!(
            "an answer to {} within {seconds} s from {}",
            describe::tried(tried),
            describe::way(definition)
        ),
        found,
        fix: fix(definition, error),
    }
}

fn in_words(error: UpstreamError) -> &'static str {
    match error {
        UpstreamError::BreakerOpen(_) => "it failed several times in a row",
        UpstreamError::Busy => "it says that it has too much to do",
        UpstreamError::Credential(_) => "there is no credential to send",
        UpstreamError::CredentialRefused => "it refuses the credential",
        UpstreamError::Interrupted => "it went away before it answered",
        UpstreamError::Invalid => "an answer that is not MCP",
        UpstreamError::Refused => "it refuses the request",
        UpstreamError::SessionGone => "it forgot the session that it had just opened",
        UpstreamError::TimedOut => "no answer in time",
        UpstreamError::Unavailable => "no connection",
    }
}

fn fix(definition: &Definition, error: UpstreamError) -> String {
    let settings = &definition.settings;
    let is_process = settings.stdio.command.is_some();
    match error {
        UpstreamError::BreakerOpen(_) | UpstreamError::Busy => "try again later, or ask its operator to raise its limits".into(),
        UpstreamError::Credential(_) | UpstreamError::CredentialRefused => {
            "see what was said about it, and `credential` in the configuration; a look like this one has no caller, so it shows what \
             `credential.own_requests` says"
                .into()
        }
        UpstreamError::Interrupted | UpstreamError::Unavailable if is_process => {
            "run the command by hand: its program must be in `PATH` or a whole path, its packages installed, and the variables \
             that it needs named in `stdio.variables` or `stdio.secret_files`"
                .into()
        }
        UpstreamError::Interrupted | UpstreamError::Unavailable => {
            "see that it runs and that this machine reaches it; if its certificate is of an authority of your own, name that in \
             `outbound.ca_files`"
                .into()
        }
        UpstreamError::Invalid => match is_process {
            true => "standard output must hold MCP messages alone; let the program log to standard error".into(),
            false => "see that the address is that of its MCP endpoint (often it ends in /mcp), with nothing in between that answers \
                      for it"
                .into(),
        },
        UpstreamError::Refused => {
            "see that it takes requests of this server: its credentials, its allowed hosts and addresses".into()
        }
        UpstreamError::SessionGone => {
            "see that all replicas behind its address know each other's sessions, or let the balancer keep one session on one replica"
                .into()
        }
        UpstreamError::TimedOut if settings.era == EraSetting::Auto => {
            "if it is an old server that never answers `server/discover`, set `era = \"legacy\"`; if it only starts slowly, raise \
             `start_timeout_seconds`"
                .into()
        }
        UpstreamError::TimedOut => "if it only starts slowly, raise `start_timeout_seconds`".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::{Handshake, UpstreamSettings};

    #[test]
    fn a_failure_is_told_with_its_cause_and_without_arguments() {
        let mut settings = UpstreamSettings {
            name: "files".to_owned(),
            ..UpstreamSettings::default()
        };
        settings.stdio.command = Some("npx".to_owned());
        settings.stdio.arguments = vec!["--token=secret".to_owned()];
        let definition = Definition {
            settings,
            variables: Vec::new(),
        };
        let failure = (
            Tried::Handshake(Handshake::Legacy),
            UpstreamError::Unavailable,
        );
        let seen = [
            "one".to_owned(),
            "its command cannot be started: \u{7}".to_owned(),
        ];
        let told = of(&definition, failure, &seen);
        assert_eq!(
            told.expected,
            "an answer to initialize (legacy) within 30 s from process npx"
        );
        assert_eq!(
            told.found,
            "no connection (its command cannot be started: \\u{7})"
        );
        assert!(
            told.fix.starts_with("run the command by hand"),
            "{}",
            told.fix
        );
    }
}
