//! Where the token comes from: standard input, a terminal that does not show it, or the clipboard.
#![expect(clippy::print_stderr, reason = "a command line prints")]

use std::io::{IsTerminal as _, Read as _, Stdin};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

use crate::auth::AccessToken;

/// More than any token has that a server takes.
const MOST_BYTES: u64 = 64 * 1024;
/// How long a clipboard may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The programs that print a clipboard, in the order in which they are tried.
const CLIPBOARDS: [(&str, &[&str]); 5] = [
    ("wl-paste", &["--no-newline"]),
    ("xclip", &["-selection", "clipboard", "-out"]),
    ("xsel", &["--clipboard", "--output"]),
    ("pbpaste", &[]),
    (
        "powershell.exe",
        &["-NoProfile", "-Command", "Get-Clipboard"],
    ),
];

/// The token, wherever it is.
pub(super) async fn read(from_clipboard: bool) -> anyhow::Result<AccessToken> {
    let bytes = if from_clipboard {
        clipboard().await?
    } else if std::io::stdin().is_terminal() {
        eprintln!("Paste the token and press Enter; it is not shown.");
        terminal().await?
    } else {
        let read = tokio::task::spawn_blocking(|| {
            let mut bytes = Vec::new();
            let read = std::io::stdin().take(MOST_BYTES).read_to_end(&mut bytes);
            read.map(|_| bytes)
        });
        read.await?.context("cannot read standard input")?
    };
    let text = String::from_utf8_lossy(&bytes);
    let token = bare(&text);
    ensure!(
        !token.is_empty(),
        "there is no token: expected one on standard input, as in `usher token explain < token.txt`, or --clipboard"
    );
    Ok(AccessToken::from_text(token))
}

/// Without what people copy with it: white space, `Authorization:` and `Bearer`.
fn bare(text: &str) -> &str {
    let mut token = text.trim();
    for (prefix, needs_space) in [("authorization:", false), ("bearer", true)] {
        let head = token.get(..prefix.len()).unwrap_or_default();
        let rest = token.get(prefix.len()..).unwrap_or_default();
        let ends = !needs_space || rest.is_empty() || rest.starts_with(char::is_whitespace);
        if head.eq_ignore_ascii_case(prefix) && ends {
            token = rest.trim();
        }
    }
    token
}

/// One line from a terminal, without showing it. A terminal in its usual mode takes 4,095 bytes of a line and no more, so
/// it is read as it is typed.
async fn terminal() -> anyhow::Result<Vec<u8>> {
    let quiet = Quiet::start(std::io::stdin())?;
    let line = tokio::task::spawn_blocking(|| {
        let mut line = Vec::new();
        for byte in std::io::stdin()
            .lock()
            .bytes()
            .take(MOST_BYTES.try_into().unwrap_or(usize::MAX))
        {
            match byte? {
                // End of line, and Ctrl-D.
                b'\n' | b'\r' | 4 => break,
                byte => line.push(byte),
            }
        }
        Ok::<_, std::io::Error>(line)
    });
    let line = tokio::select! {
        line = line => Some(line),
        _interrupted = tokio::signal::ctrl_c() => None,
    };
    drop(quiet);
    eprintln!();
    match line {
        Some(line) => Ok(line??),
        None => bail!("interrupted"),
    }
}

/// A terminal that shows nothing, until this is dropped.
struct Quiet {
    stdin: Stdin,
    before: Termios,
}

impl Quiet {
    fn start(stdin: Stdin) -> anyhow::Result<Self> {
        let before = tcgetattr(&stdin).context("cannot ask the terminal how it is set")?;
        let mut quiet = before.clone();
        quiet.local_modes -= LocalModes::ECHO | LocalModes::ICANON;
        tcsetattr(&stdin, OptionalActions::Flush, &quiet)
            .context("cannot keep the terminal from showing the token; use a file: `usher token explain < token.txt`")?;
        Ok(Self { stdin, before })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // Nobody is left to tell if the terminal went away.
        let _ = tcsetattr(&self.stdin, OptionalActions::Flush, &self.before);
    }
}

/// What the first program that is there prints. None is given to a shell.
async fn clipboard() -> anyhow::Result<Vec<u8>> {
    for (program, arguments) in CLIPBOARDS {
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let mut child = match child {
            Ok(child) => child,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error).with_context(|| format!("cannot run {program}")),
        };
        let read = async {
            let mut bytes = Vec::new();
            if let Some(stdout) = child.stdout.take() {
                stdout.take(MOST_BYTES).read_to_end(&mut bytes).await?;
            }
            Ok::<_, std::io::Error>((child.wait().await?, bytes))
        };
        let (status, bytes) = tokio::time::timeout(PATIENCE, read)
            .await
            .with_context(|| format!("{program} did not print the clipboard within 5 s"))??;
        ensure!(
            status.success(),
            "{program} could not print the clipboard ({status}): copy the token first, or give it on standard input"
        );
        return Ok(bytes);
    }
    let names: Vec<_> = CLIPBOARDS.iter().map(|(program, _)| *program).collect();
    bail!(
        "no program that reads a clipboard is in PATH ({}): install one, or give the token on standard input",
        names.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_copied_with_a_token_is_left_out() {
        for (text, expected) in [
            ("a.b.c", "a.b.c"),
            ("a.b.c\n", "a.b.c"),
            ("  Bearer a.b.c\r\n", "a.b.c"),
            ("bearer   a.b.c", "a.b.c"),
            ("Authorization: Bearer a.b.c", "a.b.c"),
            ("BEARER a b", "a b"),
            ("Bearera", "Bearera"),
            ("ü", "ü"),
            (" \n", ""),
            ("Bearer \n", ""),
        ] {
            assert_eq!(bare(text), expected, "{text:?}");
        }
    }
}
