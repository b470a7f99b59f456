//! Who else on this machine can read or change what this server rests on, and whether it can write where it must.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::Inside;
use crate::doctor::Finding;
use crate::doctor::checks::inside::{FILES_PRIVATE, STATE_WRITABLE};
use crate::sealing::random;

/// Every user of this machine may read it.
const READABLE: u32 = 0o004;
/// Every user of this machine may change it.
const WRITABLE: u32 = 0o002;

pub(super) fn findings(inside: &Inside) -> Vec<Finding> {
    let secrets = inside
        .secret_files
        .iter()
        .map(|path| (path, READABLE | WRITABLE));
    let others = inside.file.iter().chain([&inside.state_dir]);
    let looked_at = secrets.chain(others.map(|path| (path, WRITABLE)));
    let mut found: Vec<_> = looked_at
        .filter_map(|(path, forbidden)| open(path, forbidden))
        .collect();
    if found.is_empty() {
        let count = inside.secret_files.len();
        let what = format!("{count} secret files, the configuration and the state directory");
        found.push(Finding::ok(&FILES_PRIVATE, what));
    }
    found.push(writable(&inside.state_dir));
    found
}

fn open(path: &Path, forbidden: u32) -> Option<Finding> {
    let mode = fs::metadata(path).ok()?.permissions().mode();
    let shown = path.display();
    let subject = |finding: Finding| Some(finding.of(shown.to_string()));
    if mode & forbidden & WRITABLE != 0 {
        let found = format!(
            "every user of this machine can change it (mode {:03o})",
            mode & 0o777
        );
        let finding = Finding::failure(&FILES_PRIVATE, found);
        return subject(finding.fix(format!("chmod o-w {shown}")));
    }
    if mode & forbidden & READABLE != 0 {
        let found = format!(
            "every user of this machine can read the secret (mode {:03o})",
            mode & 0o777
        );
        let finding = Finding::warning(&FILES_PRIVATE, found);
        return subject(finding.fix(format!("chmod o-r {shown}")));
    }
    None
}

/// A file is made and taken away again. What is not there yet would be made below the nearest folder that is.
fn writable(state_dir: &Path) -> Finding {
    // Without a slash at its end, behind which a file would look like nothing.
    let state_dir = state_dir.components().as_path();
    let shown = state_dir.display().to_string();
    let mut folders = state_dir.ancestors();
    let nearest = folders.find(|folder| folder.exists());
    let folder = nearest.map_or_else(|| PathBuf::from("/"), Path::to_owned);
    let expected = "a directory that this user can write";
    if !folder.is_dir() {
        let found = format!("{} is no directory", folder.display());
        let finding = Finding::failure(&STATE_WRITABLE, found).of(shown);
        return finding.expected(expected);
    }
    let name = format!(".usher-doctor-{:016x}", u64::from_ne_bytes(random()));
    let probe = folder.join(name);
    match fs::File::create_new(&probe).and_then(|_file| fs::remove_file(&probe)) {
        Ok(()) if folder == state_dir => Finding::ok(&STATE_WRITABLE, shown),
        Ok(()) => Finding::ok(&STATE_WRITABLE, format!("{shown}, which is to be made")),
        Err(error) => {
            let found = format!("{}: {error}", folder.display());
            let finding = Finding::failure(&STATE_WRITABLE, found).of(shown);
            finding.expected(expected)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn what_others_can_change_is_a_failure_and_what_they_can_read_a_warning_where_it_is_secret() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        fs::write(&path, "x").expect("a file");
        for (mode, forbidden, expected) in [
            (0o600, READABLE | WRITABLE, None),
            (0o640, READABLE | WRITABLE, None),
            (0o644, READABLE | WRITABLE, Some(Verdict::Warning)),
            (0o644, WRITABLE, None),
            (0o666, WRITABLE, Some(Verdict::Failure)),
            (0o646, READABLE | WRITABLE, Some(Verdict::Failure)),
        ] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("chmod");
            let found = open(&path, forbidden).map(|finding| finding.verdict);
            assert_eq!(found, expected, "{mode:o}");
        }
        assert_eq!(open(&folder.path().join("absent"), WRITABLE), None);
    }

    #[test]
    fn a_state_directory_is_tried_and_nothing_stays_in_it() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(writable(folder.path()).verdict, Verdict::Ok);
        let later = folder.path().join("a/b");
        assert!(writable(&later).found.ends_with("which is to be made"));
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
        let file = folder.path().join("file");
        fs::write(&file, "").expect("a file");
        for below in ["", "state"] {
            let found = writable(&file.join(below));
            assert_eq!(found.verdict, Verdict::Failure, "{below}");
            assert!(found.found.ends_with("is no directory"), "{}", found.found);
        }
    }
}
