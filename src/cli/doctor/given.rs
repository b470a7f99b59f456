//! A secret that somebody hands over: in a file, or on standard input.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context as _, ensure};

use crate::secret_file::SecretText;

/// More than any secret has.
const MOST_BYTES: u64 = 64 * 1024;

/// The secret in the file at `path`, or on standard input if that is `-`. `what` says what is expected there.
pub(super) fn read(path: &Path, what: &str) -> anyhow::Result<SecretText> {
    let shown = path.display().to_string();
    let text = if path == Path::new("-") {
        beginning(std::io::stdin())
    } else {
        File::open(path).and_then(beginning)
    };
    let text = text.with_context(|| shown.clone())?;
    let secret = SecretText::new(text.expose().trim());
    let length = text.expose().len() as u64;
    ensure!(
        length <= MOST_BYTES,
        "{shown}: expected {what}, found more than {MOST_BYTES} bytes"
    );
    ensure!(
        !secret.expose().is_empty(),
        "{shown}: expected {what}, found nothing"
    );
    Ok(secret)
}

/// One byte more than is taken, so that what was cut is noticed.
fn beginning(source: impl Read) -> std::io::Result<SecretText> {
    let mut text = String::new();
    source.take(MOST_BYTES + 1).read_to_string(&mut text)?;
    Ok(SecretText::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_what_stands_in_the_file_and_no_part_of_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        let read_back = |text: &str| {
            std::fs::write(&path, text).expect("a file");
            let read = read(&path, "an access token");
            read.map(|secret| secret.expose().to_owned())
                .map_err(|error| error.to_string())
        };
        assert_eq!(read_back(" a.b.c\n").as_deref(), Ok("a.b.c"));
        let nothing = read_back(" \n").expect_err("nothing");
        assert!(nothing.ends_with("expected an access token, found nothing"));
        let long = read_back(&"x".repeat(64 * 1024 + 1)).expect_err("too much");
        assert!(long.ends_with("found more than 65536 bytes"), "{long}");
        assert!(read(&folder.path().join("absent"), "a token").is_err());
    }
}
