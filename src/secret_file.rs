//! Secrets that stand in files: read again from time to time, so that one can be renewed without a restart.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use zeroize::Zeroizing;

/// How long what was read counts before the file is read again.
const REREAD_AFTER: Duration = Duration::from_secs(10);
/// More than any secret has.
const MOST_BYTES: u64 = 64 * 1024;

/// A secret: no `Debug`, no `Display`, no `Serialize`; its memory is overwritten when it is dropped.
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Keeps `text` secret.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The secret itself, to be sent to whom it is for.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// A file with a secret.
pub struct SecretFile {
    path: PathBuf,
    known: Mutex<Option<(Instant, Arc<SecretText>)>>,
}

impl SecretFile {
    /// The file at `path`, not read yet.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            known: Mutex::new(None),
        }
    }

    /// The secret, as it was at most ten seconds ago.
    pub async fn secret(&self) -> Result<Arc<SecretText>, String> {
        match self.known() {
            Some((at, text)) if at.elapsed() < REREAD_AFTER => Ok(text),
            Some(_) | None => self.read_again().await,
        }
    }

    /// The secret as it is now. What was read before counts on while the file cannot be read.
    pub async fn read_again(&self) -> Result<Arc<SecretText>, String> {
        let read = match tokio::fs::metadata(&self.path).await {
            Ok(file) if file.len() > MOST_BYTES => Err(too_large()),
            Ok(_) => tokio::fs::read_to_string(&self.path)
                .await
                .map_err(|cause| unreadable(&cause))
                .and_then(|text| trimmed(&text)),
            Err(cause) => Err(unreadable(&cause)),
        };
        let known = self.known();
        let text = match (read, known) {
            (Ok(text), _) => Arc::new(text),
            (Err(problem), Some((_, text))) => {
                let path = self.path.display();
                tracing::warn!(%path, problem, "a secret counts on as it was");
                text
            }
            (Err(problem), None) => return Err(problem),
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Some((Instant::now(), Arc::clone(&text)));
        Ok(text)
    }

    fn known(&self) -> Option<(Instant, Arc<SecretText>)> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }
}

/// Reads a secret once, before the start. The error says what is wrong with the file.
pub fn check(path: &Path) -> Result<SecretText, String> {
    match std::fs::metadata(path) {
        Ok(file) if file.len() > MOST_BYTES => return Err(too_large()),
        Ok(_) => {}
        Err(cause) => return Err(unreadable(&cause)),
    }
    let text = std::fs::read_to_string(path).map_err(|cause| unreadable(&cause))?;
    trimmed(&text)
}

fn unreadable(cause: &std::io::Error) -> String {
    format!("the secret file cannot be read: {cause}")
}

fn too_large() -> String {
    format!("the secret file has more than {MOST_BYTES} bytes")
}

/// Without the line break at its end, which editors add.
fn trimmed(text: &str) -> Result<SecretText, String> {
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        return Err("the secret file is empty".to_owned());
    }
    if secret.contains(['\r', '\n', '\0']) {
        return Err("the secret file has more than one line".to_owned());
    }
    Ok(SecretText::new(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, text: &str) {
        std::fs::write(path, text).expect("a file");
    }

    async fn text(file: &SecretFile) -> Result<String, String> {
        file.secret().await.map(|secret| secret.expose().to_owned())
    }

    #[tokio::test]
    async fn a_file_is_read_again_after_ten_seconds_and_what_was_read_outlives_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        let file = SecretFile::at(&path);
        assert!(text(&file).await.is_err());
        write(&path, "first\n");
        assert_eq!(text(&file).await.as_deref(), Ok("first"));
        write(&path, "second");
        assert_eq!(text(&file).await.as_deref(), Ok("first"));
        tokio::time::pause();
        tokio::time::advance(REREAD_AFTER).await;
        assert_eq!(text(&file).await.as_deref(), Ok("second"));
        std::fs::remove_file(&path).expect("a file");
        tokio::time::advance(REREAD_AFTER).await;
        assert_eq!(text(&file).await.as_deref(), Ok("second"));
        write(&path, "third");
        let third = file.read_again().await.map(|text| text.expose().to_owned());
        assert_eq!(third.as_deref(), Ok("third"));
    }

    #[test]
    fn a_file_holds_one_line_that_is_not_empty() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        for (content, is_good) in [
            ("s3cret", true),
            ("s3cret\r\n", true),
            ("  with spaces ", true),
            ("", false),
            ("\n", false),
            ("two\nlines", false),
        ] {
            write(&path, content);
            assert_eq!(check(&path).is_ok(), is_good, "{content:?}");
        }
        write(&path, &"x".repeat(65 * 1024));
        assert!(check(&path).is_err());
        assert!(check(folder.path()).is_err());
        assert!(check(&folder.path().join("missing")).is_err());
    }
}
