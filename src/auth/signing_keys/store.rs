//! The last good key sets on disk, so that a restart while the issuer is down still serves.
//!
//! A copy is as powerful as the keys in it. It is written 0600 through a temporary file, and read only if it is a
//! regular file of our own user that nobody else can write or read, and bound to the issuer and key set address in use.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::auth::jwk;
use crate::sealing::{random, sha256};

/// How long a copy may take to be written before the refresh goes on without it.
const LONGEST_WRITE: Duration = Duration::from_secs(5);

/// A folder of copies.
#[derive(Clone, Debug)]
pub(in crate::auth) struct Store {
    folder: Arc<PathBuf>,
    is_written: bool,
}

/// One copy.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(in crate::auth) struct Copy {
    issuer: String,
    jwks_url: String,
    /// Unix seconds of the last successful fetch.
    pub(super) fetched_at: i64,
    /// The document as fetched.
    pub(super) key_set: String,
}

impl Store {
    /// Copies are kept in `keys` under the state directory.
    pub(in crate::auth) fn under(state_dir: &Path) -> Self {
        Self {
            folder: Arc::new(state_dir.join("keys")),
            is_written: true,
        }
    }

    /// The same copies, of which none is changed.
    pub(in crate::auth) fn read_only(mut self) -> Self {
        self.is_written = false;
        self
    }

    /// The copy for this issuer, if there is one that can be trusted.
    pub(super) fn load(&self, issuer: &str, jwks_url: Option<&str>) -> Option<Copy> {
        let path = self.path(issuer);
        let copy = match read_own(&path) {
            Ok(bytes) => serde_json::from_slice::<Copy>(&bytes).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => Err(error),
        };
        match copy {
            Ok(copy)
                if copy.issuer == issuer && jwks_url.is_none_or(|url| url == copy.jwks_url) =>
            {
                Some(copy)
            }
            Ok(_) => {
                tracing::warn!(
                    issuer,
                    "the stored keys belong to another issuer or address; left aside"
                );
                None
            }
            Err(error) => {
                tracing::warn!(issuer, path = %path.display(), %error, "the stored keys cannot be used");
                None
            }
        }
    }

    /// Writes a copy. A failure is logged and costs nothing but the copy.
    pub(super) async fn save(&self, issuer: &str, jwks_url: &str, body: Vec<u8>, fetched_at: i64) {
        let Ok(key_set) = String::from_utf8(body) else {
            return;
        };
        let copy = Copy {
            issuer: issuer.to_owned(),
            jwks_url: jwks_url.to_owned(),
            fetched_at,
            key_set,
        };
        let path = self.path(issuer);
        self.in_background(issuer, move || write_own(&path, &copy))
            .await;
    }

    /// The copy was confirmed by the issuer.
    pub(super) async fn touch(&self, issuer: &str, fetched_at: i64) {
        let path = self.path(issuer);
        let confirm = move || {
            let mut copy: Copy = serde_json::from_slice(&read_own(&path)?)?;
            copy.fetched_at = fetched_at;
            write_own(&path, &copy)
        };
        self.in_background(issuer, confirm).await;
    }

    async fn in_background(
        &self,
        issuer: &str,
        write: impl FnOnce() -> io::Result<()> + Send + 'static,
    ) {
        if !self.is_written {
            return;
        }
        // A disk that hangs must not hold up the next refresh.
        let written = tokio::time::timeout(LONGEST_WRITE, tokio::task::spawn_blocking(write));
        let error = match written.await {
            Ok(Ok(Ok(()))) => return,
            Ok(Ok(Err(error))) => error,
            Ok(Err(error)) => io::Error::other(error),
            Err(_elapsed) => io::Error::from(io::ErrorKind::TimedOut),
        };
        let folder = self.folder.display();
        tracing::warn!(issuer, %folder, %error, "the keys cannot be stored; a restart would need the issuer");
    }

    fn path(&self, issuer: &str) -> PathBuf {
        let name: String = sha256(issuer.as_bytes())
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        self.folder.join(format!("{name}.json"))
    }
}

/// Reads a file that only we can have written.
fn read_own(path: &Path) -> io::Result<Vec<u8>> {
    let refused = |what: &str| io::Error::new(io::ErrorKind::PermissionDenied, what);
    let named = fs::symlink_metadata(path)?;
    // Before it is opened: a named pipe would keep the start waiting for a writer.
    if !named.is_file() {
        return Err(refused("it is not a regular file"));
    }
    let file = fs::File::open(path)?;
    let opened = file.metadata()?;
    if (named.dev(), named.ino()) != (opened.dev(), opened.ino()) {
        return Err(refused("it is not a regular file"));
    }
    if opened.mode() & 0o077 != 0 {
        return Err(refused("others can access it: expected mode 0600"));
    }
    if opened.uid() != own_uid(path)? {
        return Err(refused("it belongs to another user"));
    }
    let mut bytes = Vec::new();
    let most = 2 * jwk::MAX_BYTES as u64;
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Our user id, as the file system sees it: that of a file made now, beside the one in question.
fn own_uid(beside: &Path) -> io::Result<u32> {
    let probe = temporary(beside);
    let uid = create_new(&probe)?.metadata().map(|made| made.uid());
    fs::remove_file(&probe)?;
    uid
}

fn write_own(path: &Path, copy: &Copy) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let temporary = temporary(path);
    let written = create_new(&temporary).and_then(|mut file| {
        file.write_all(&serde_json::to_vec(copy)?)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    });
    if written.is_err() {
        drop(fs::remove_file(&temporary));
    }
    written
}

fn create_new(path: &Path) -> io::Result<fs::File> {
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

fn temporary(path: &Path) -> PathBuf {
    path.with_extension(format!("{:016x}.tmp", u64::from_ne_bytes(random())))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const ISSUER: &str = "https://id.test";
    const URL: &str = "https://id.test/jwks";

    async fn stored(folder: &Path) -> Store {
        let store = Store::under(folder);
        store.save(ISSUER, URL, b"{\"keys\":[]}".to_vec(), 17).await;
        store
    }

    #[tokio::test]
    async fn a_copy_is_read_back_only_for_its_issuer_and_address() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = stored(folder.path()).await;
        assert_eq!(store.load(ISSUER, None).map(|c| c.fetched_at), Some(17));
        assert_eq!(
            store.load(ISSUER, Some(URL)).map(|c| c.key_set),
            Some("{\"keys\":[]}".into())
        );
        assert!(store.load(ISSUER, Some("https://id.test/other")).is_none());
        assert!(store.load("https://id.test/", None).is_none());
        fs::copy(store.path(ISSUER), store.path("https://other.test")).expect("a copy");
        assert!(store.load("https://other.test", None).is_none());
        store.touch(ISSUER, 18).await;
        assert_eq!(store.load(ISSUER, None).map(|c| c.fetched_at), Some(18));
    }

    #[tokio::test]
    async fn a_copy_is_private_and_one_that_others_can_touch_is_not_believed() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = stored(folder.path()).await;
        let path = store.path(ISSUER);
        assert_eq!(fs::metadata(&path).expect("a file").mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("chmod");
        assert!(store.load(ISSUER, None).is_none());
        let elsewhere = folder.path().join("elsewhere");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("chmod");
        fs::rename(&path, &elsewhere).expect("rename");
        std::os::unix::fs::symlink(&elsewhere, &path).expect("a link");
        assert!(store.load(ISSUER, None).is_none());
        fs::remove_file(&path).expect("remove");
        fs::rename(&elsewhere, &path).expect("rename");
        assert!(store.load(ISSUER, None).is_some());
        fs::write(&path, "{\"issuer\":").expect("write");
        assert!(store.load(ISSUER, None).is_none());
    }

    #[tokio::test]
    async fn a_named_pipe_in_the_place_of_a_copy_holds_up_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = stored(folder.path()).await;
        let path = store.path(ISSUER);
        fs::remove_file(&path).expect("remove");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.expect("mkfifo").success());
        assert!(store.load(ISSUER, None).is_none());
    }

    #[tokio::test]
    async fn writing_leaves_no_temporary_files_and_a_folder_that_cannot_be_made_is_survived() {
        let folder = tempfile::tempdir().expect("a folder");
        drop(stored(folder.path()).await);
        assert_eq!(
            fs::read_dir(folder.path().join("keys"))
                .expect("a folder")
                .count(),
            1
        );
        let file = folder.path().join("file");
        fs::write(&file, "").expect("write");
        let store = stored(&file).await;
        assert!(store.load(ISSUER, None).is_none());
    }
}
