//! A file with one JSON object per line.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};

use serde_json::{Map, Value};

use super::{Broken, ReadError, stamp};
use crate::knowledge::collection::Collection;
use crate::knowledge::document::DocumentId;
use crate::knowledge::settings::Fields;
use crate::knowledge::visit::{Found, Visit};

/// Reads every record, unless the file is as it was. Which records changed is known by their hash.
pub(super) fn read(collection: &Collection, visit: &mut Visit<'_>) -> Result<(), ReadError> {
    let file = File::open(&collection.path).map_err(ReadError::Unavailable)?;
    let metadata = file.metadata().map_err(ReadError::Unavailable)?;
    if !metadata.is_file() {
        let kind = std::io::ErrorKind::InvalidInput;
        let error = std::io::Error::new(kind, "expected a file of JSON Lines");
        return Err(ReadError::Unavailable(error));
    }
    visit.expect_bytes(metadata.len());
    let stamp = stamp(collection, &metadata);
    if visit.is_file_current(stamp) {
        visit.advance(metadata.len());
        return Ok(());
    }
    let mut lines = Lines::new(BufReader::with_capacity(64 << 10, file), collection);
    while let Some((number, line)) = lines.next().map_err(ReadError::Unavailable)? {
        visit.check_stop()?;
        let bytes = lines.taken;
        match line.and_then(|line| parse(collection, &line)) {
            Ok(None) => {}
            Ok(Some(record)) => {
                if visit.documents() >= collection.limits.documents {
                    let limit = collection.limits.documents;
                    visit.leave_out("", Some(number), &Broken::TooMany { limit });
                    break;
                }
                visit.put(record.found(collection, number))?;
            }
            Err(broken) => visit.leave_out("", Some(number), &broken),
        }
        visit.advance(bytes);
    }
    visit.file_read(stamp);
    Ok(())
}

/// A record with its fields told apart.
struct Record {
    id: String,
    title: Option<String>,
    text: String,
    url: Option<String>,
    metadata: Map<String, Value>,
}

impl Record {
    fn found(&self, collection: &Collection, line: u64) -> Found<'_> {
        let mut metadata = self.metadata.clone();
        metadata
            .entry("record")
            .or_insert_with(|| self.id.as_str().into());
        Found {
            id: DocumentId::of(&collection.name, &self.id),
            source: &self.id,
            title: self.title.clone(),
            text: self.text.clone(),
            searchable: None,
            url: self.url.clone(),
            metadata,
            stamp: 0,
            line: Some(line),
        }
    }
}

/// The record on one line; nothing on an empty one.
fn parse(collection: &Collection, line: &[u8]) -> Result<Option<Record>, Broken> {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    let mut object: Map<String, Value> =
        serde_json::from_slice(line).map_err(|_not_json| Broken::NotAnObject)?;
    let Fields {
        id,
        title,
        text,
        url,
        metadata,
    } = &collection.fields;
    let record = Record {
        id: object
            .get(id)
            .and_then(own_id)
            .ok_or_else(|| Broken::NoId { field: id.clone() })?,
        title: string(&object, title),
        text: string(&object, text).unwrap_or_default(),
        url: string(&object, url),
        metadata: gather(&mut object, metadata),
    };
    Ok(Some(record))
}

fn own_id(value: &Value) -> Option<String> {
    match value {
        Value::String(id) if !id.is_empty() && id.len() <= 512 => Some(id.clone()),
        Value::Number(id) if id.is_u64() || id.is_i64() => Some(id.to_string()),
        Value::Array(_)
        | Value::Bool(_)
        | Value::Null
        | Value::Number(_)
        | Value::Object(_)
        | Value::String(_) => None,
    }
}

fn string(object: &Map<String, Value>, field: &str) -> Option<String> {
    let text = object.get(field)?.as_str()?;
    (!text.trim().is_empty()).then(|| text.to_owned())
}

/// The fields asked for; an object's members one by one.
fn gather(object: &mut Map<String, Value>, fields: &[String]) -> Map<String, Value> {
    let mut gathered = Map::new();
    for field in fields {
        match object.remove(field) {
            Some(Value::Object(members)) => gathered.extend(members),
            Some(Value::Null) | None => {}
            Some(value) => drop(gathered.insert(field.clone(), value)),
        }
    }
    gathered
}

/// A line's number and, unless it is too long, its bytes.
type Line = (u64, Result<Vec<u8>, Broken>);

/// Lines of bounded length, counted from 1.
struct Lines<R> {
    source: R,
    limit: u64,
    number: u64,
    taken: u64,
}

impl<R: BufRead> Lines<R> {
    fn new(source: R, collection: &Collection) -> Self {
        Self {
            source,
            limit: collection.limits.text_bytes as u64,
            number: 0,
            taken: 0,
        }
    }

    /// The next line without its end; one that is too long is passed over and refused.
    fn next(&mut self) -> std::io::Result<Option<Line>> {
        let mut line = Vec::new();
        // One byte more for the end of the line.
        let mut taken = (&mut self.source)
            .take(self.limit + 1)
            .read_until(b'\n', &mut line)?;
        if taken == 0 {
            return Ok(None);
        }
        self.number += 1;
        let too_long = line.len() as u64 > self.limit && line.last() != Some(&b'\n');
        if too_long {
            taken += self.source.skip_until(b'\n')?;
        }
        self.taken = taken as u64;
        let limit = self.limit;
        let line = if too_long {
            Err(Broken::TooLarge { limit })
        } else {
            Ok(line)
        };
        Ok(Some((self.number, line)))
    }
}
