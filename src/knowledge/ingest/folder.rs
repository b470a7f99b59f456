//! A folder of Markdown, HTML and text files.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::{Broken, Extracted, Format, ReadError, charset, html, markdown, stamp};
use crate::knowledge::collection::Collection;
use crate::knowledge::document::DocumentId;
use crate::knowledge::visit::{Found, Visit};

/// A page this much larger than the longest text is mostly something else, and its tree would fill the memory.
const MARKUP_FACTOR: u64 = 4;

/// One file that belongs to the collection.
struct Listed {
    path: PathBuf,
    /// The path inside the folder, with `/` between its parts.
    relative: String,
    stamp: u64,
    bytes: u64,
}

/// Reads every file of the folder that is new or has changed.
pub(super) fn read(collection: &Collection, visit: &mut Visit<'_>) -> Result<(), ReadError> {
    let files = list(collection, visit)?;
    visit.expect_bytes(files.iter().map(|file| file.bytes).sum());
    for file in &files {
        visit.check_stop()?;
        let id = DocumentId::of(&collection.name, &file.relative);
        if !visit.is_current(id, file.stamp) {
            match extract(collection, file) {
                Ok(extracted) => visit.put(found(id, file, extracted))?,
                Err(broken) => visit.leave_out(&file.relative, None, &broken),
            }
        }
        visit.advance(file.bytes);
    }
    Ok(())
}

fn list(collection: &Collection, visit: &mut Visit<'_>) -> Result<Vec<Listed>, ReadError> {
    let root = collection
        .path
        .canonicalize()
        .map_err(ReadError::Unavailable)?;
    fs::read_dir(&root).map_err(ReadError::Unavailable)?;
    let mut files = Vec::new();
    // Sorted, so that replicas number documents alike and equal scores fall alike.
    let entries = WalkDir::new(&root)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || !is_hidden(entry));
    for entry in entries {
        visit.check_stop()?;
        match entry {
            Ok(entry) => match take(collection, &root, &entry) {
                Ok(Some(file)) => files.push(file),
                Ok(None) => {}
                Err(broken) => visit.leave_out(&shown(&root, entry.path()), None, &broken),
            },
            Err(error) => {
                let place = error.path().map(|path| shown(&root, path));
                let kind = error.io_error().map(std::io::Error::kind);
                let kind = kind.unwrap_or(std::io::ErrorKind::Other);
                visit.leave_out(
                    &place.unwrap_or_default(),
                    None,
                    &Broken::Unreadable { kind },
                );
            }
        }
        if files.len() > collection.limits.documents {
            files.pop();
            let limit = collection.limits.documents;
            visit.leave_out("", None, &Broken::TooMany { limit });
            break;
        }
    }
    Ok(files)
}

fn take(collection: &Collection, root: &Path, entry: &DirEntry) -> Result<Option<Listed>, Broken> {
    let inside = entry.path().strip_prefix(root);
    let inside = inside.unwrap_or_else(|_elsewhere| entry.path());
    if entry.file_type().is_dir() || !collection.takes(inside) {
        return Ok(None);
    }
    // A link is followed to a file inside the folder, as Kubernetes mounts them, and to nothing else.
    let path = entry.path().canonicalize()?;
    if !path.starts_with(root) {
        return Err(Broken::LeadsOut);
    }
    let metadata = fs::metadata(&path)?;
    if !metadata.is_file() {
        return Ok(None);
    }
    let parts: Option<Vec<&str>> = inside.iter().map(|part| part.to_str()).collect();
    Ok(Some(Listed {
        relative: parts.ok_or(Broken::NotText)?.join("/"),
        stamp: stamp(collection, &metadata),
        bytes: metadata.len(),
        path,
    }))
}

fn is_hidden(entry: &DirEntry) -> bool {
    entry.file_name().as_encoded_bytes().starts_with(b".")
}

fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root)
        .unwrap_or(path)
        .to_string_lossy()
        .into_owned()
}

fn extract(collection: &Collection, file: &Listed) -> Result<Extracted, Broken> {
    let format = Format::of(Path::new(&file.relative)).unwrap_or(Format::Text);
    let limits = collection.limits;
    let most = match format {
        Format::Html => limits
            .file_bytes
            .min(limits.text_bytes as u64 * MARKUP_FACTOR),
        Format::Markdown | Format::Text => limits.file_bytes.min(limits.text_bytes as u64),
    };
    let mut bytes = Vec::new();
    File::open(&file.path)?
        .take(most + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(Broken::TooLarge { limit: most });
    }
    let source = charset::decode(bytes)?;
    let extracted = match format {
        // The renderer panics on some pages, and one page must not end the pass.
        Format::Html => std::panic::catch_unwind(|| html::extract(&source))
            .map_err(|_panic| Broken::Unrenderable)??,
        Format::Markdown => markdown::extract(&source),
        Format::Text => Extracted {
            text: source,
            ..Extracted::default()
        },
    };
    if extracted.text.len() > limits.text_bytes {
        return Err(Broken::TooLarge {
            limit: limits.text_bytes as u64,
        });
    }
    Ok(extracted)
}

fn found(id: DocumentId, file: &Listed, extracted: Extracted) -> Found<'_> {
    let name = Path::new(&file.relative).file_stem();
    let name = name.map(|name| name.to_string_lossy().replace(['-', '_'], " "));
    Found {
        id,
        source: &file.relative,
        title: extracted.title.or(name),
        text: extracted.text,
        searchable: extracted.searchable,
        url: None,
        metadata: [("path".to_owned(), file.relative.clone().into())]
            .into_iter()
            .collect(),
        stamp: file.stamp,
        line: None,
    }
}
