//! Secrets, which are read from files only.

use std::fmt;
use std::path::Path;

/// A secret: no `Display`, no `Serialize`, redacted `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// Shorter ones can be guessed over the network.
const LEAST_BYTES: usize = 16;

impl Secret {
    /// The secret in a file, without the line break at its end. The error says what is wrong with the file.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path)
            .map_err(|cause| format!("the secret file cannot be read: {cause}"))?;
        let secret = text.trim_end_matches(['\r', '\n']);
        if secret.len() < LEAST_BYTES {
            return Err(format!(
                "the secret file holds fewer than {LEAST_BYTES} bytes"
            ));
        }
        Ok(Self(secret.to_owned()))
    }

    /// The secret itself, to be compared in constant time.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// True if every user of this machine can read the file.
#[cfg(unix)]
pub(super) fn is_open_to_everybody(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o004 != 0)
}

/// True if every user of this machine can read the file. Not known on this system.
#[cfg(not(unix))]
pub(super) fn is_open_to_everybody(_path: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_itself() {
        assert_eq!(
            format!("{:?}", Secret("correct horse battery".to_owned())),
            "Secret(…)"
        );
    }

    #[test]
    fn a_line_break_is_not_part_of_the_secret_and_a_short_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let check = |text: &str, expected: Result<&str, &str>| {
            std::fs::write(&path, text).unwrap();
            let read = Secret::read(&path);
            assert_eq!(
                read.as_ref().map(Secret::expose).map_err(String::as_str),
                expected
            );
        };
        check("correct horse battery\r\n", Ok("correct horse battery"));
        check("  16 bytes with spaces ", Ok("  16 bytes with spaces "));
        check("short\n", Err("the secret file holds fewer than 16 bytes"));
        check("", Err("the secret file holds fewer than 16 bytes"));
    }
}
