//! Opening the browser of whoever runs the doctor: for https and loopback only, and without a shell.

use std::process::Stdio;

use url::Url;

use crate::outbound::is_loopback_host;

/// Why no browser was opened.
#[derive(Debug, thiserror::Error)]
pub enum BrowserError {
    /// Another scheme, or plain http to another machine.
    #[error("{0} is neither https nor on this machine")]
    Address(String),
    /// There is no program for it.
    #[error("no browser could be started ({program}): {error}")]
    Program {
        /// The one that was tried.
        program: &'static str,
        /// What the operating system says.
        error: std::io::Error,
    },
}

/// True for https, and for http on loopback. A document of a stranger's names the address: `file:`, `javascript:` and
/// whatever handlers a desktop has are none of its business.
#[must_use]
pub fn may_open(url: &Url) -> bool {
    let is_here = url.host_str().is_some_and(is_loopback_host);
    let without_user = url.username().is_empty() && url.password().is_none();
    match url.scheme() {
        "https" => without_user && url.host_str().is_some(),
        "http" => without_user && is_here,
        _ => false,
    }
}

/// Starts the desktop's browser and does not wait for it. The address is one argument, which no shell ever reads.
pub fn open(url: &Url) -> Result<(), BrowserError> {
    if !may_open(url) {
        let mut shown = url.clone();
        shown.set_query(None);
        return Err(BrowserError::Address(shown.to_string()));
    }
    let (program, arguments) = command(url);
    let started = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    started
        .map(drop)
        .map_err(|error| BrowserError::Program { program, error })
}

/// A parsed address begins with its scheme, so that no program takes it for an option.
fn command(url: &Url) -> (&'static str, Vec<String>) {
    let url = url.to_string();
    if cfg!(target_os = "macos") {
        ("open", vec![url])
    } else if cfg!(windows) {
        (
            "rundll32",
            vec!["url.dll,FileProtocolHandler".to_owned(), url],
        )
    } else {
        ("xdg-open", vec![url])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_opened_for_https_and_loopback_and_for_nothing_else() {
        for (url, may) in [
            ("https://id.test/authorize?a=b", true),
            ("http://127.0.0.1:9000/authorize", true),
            ("http://localhost:9000/authorize", true),
            ("http://id.test/authorize", false),
            ("http://127.0.0.1.id.test/", false),
            ("https://user@id.test/", false),
            ("file:///etc/passwd", false),
            ("javascript:alert(1)", false),
            ("data:text/html,x", false),
            ("vscode://x", false),
        ] {
            let url = Url::parse(url).expect("an address");
            assert_eq!(may_open(&url), may, "{url}");
            if !may {
                assert!(matches!(open(&url), Err(BrowserError::Address(_))), "{url}");
            }
        }
    }

    #[test]
    fn the_address_is_one_argument_that_a_shell_would_find_nothing_in() {
        let url = Url::parse("https://id.test/a?x=$(id)&y=`id`;z='|rm").expect("an address");
        let (_, arguments) = command(&url);
        let last = arguments.last().expect("an argument");
        assert_eq!(last, url.as_str());
        assert!(last.starts_with("https://"));
    }
}
