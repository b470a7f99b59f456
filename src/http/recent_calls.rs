//! Which client calls what, how often and when last: bounded counters in memory, for the admin page `/calls`.
//!
//! An accepted request costs one look-up in one of several maps. A map that is full forgets the row that was silent for
//! longest, and counts what it forgets. Rows hold names that were verified and registered, no arguments and no subjects.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use crate::auth::Principal;
use crate::mcp::Operation;
use crate::sealing::AsItIs;

/// Maps with a lock each, so that requests beside each other seldom meet.
const SHARDS: usize = 16;
/// Rows of each.
const ROWS: usize = 64;
/// The most bytes of a name that are kept.
const LONGEST: usize = 160;

/// The counters. Cheap to clone; the default counts nothing.
#[derive(Clone, Debug, Default)]
pub struct RecentCalls(Option<Arc<Counters>>);

#[derive(Debug)]
struct Counters {
    // Keys are hashes under a secret of this process: nobody can choose names that collide.
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
}

#[derive(Debug, Default)]
struct Shard {
    rows: HashMap<u64, Row, BuildHasherDefault<AsItIs>>,
    forgotten: u64,
}

/// What one client did of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Who issued its tickets.
    pub issuer: String,
    /// The OAuth client id, where its tokens name one.
    pub client_id: Option<String>,
    /// The method.
    pub method: &'static str,
    /// The tool, where one was called; the tools of an upstream are one row, `upstream__*`.
    pub tool: Option<String>,
    /// How often.
    pub calls: u64,
    /// How many of these were refused or failed.
    pub refused: u64,
    /// The last of them, milliseconds since the Unix epoch.
    pub last_unix_millis: i64,
}

impl RecentCalls {
    /// Counters, if `counts`.
    #[must_use]
    pub fn new(counts: bool) -> Self {
        let counters = || Counters {
            hasher: RandomState::new(),
            shards: Default::default(),
        };
        Self(counts.then(|| Arc::new(counters())))
    }

    /// True if calls are counted.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.0.is_some()
    }

    /// One request of `principal`'s was answered.
    pub fn record(&self, principal: &Principal, operation: &Operation, refused: bool, now: i64) {
        let Some(counters) = &self.0 else {
            return;
        };
        let tool = operation.tool.as_deref();
        let key = (principal.keys().client, operation.method, tool);
        let key = counters.hasher.hash_one(key);
        let shard = usize::try_from(key % SHARDS as u64).unwrap_or_default();
        let Some(shard) = counters.shards.get(shard) else {
            return;
        };
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(row) = shard.rows.get_mut(&key) {
            row.calls += 1;
            row.refused += u64::from(refused);
            row.last_unix_millis = now;
            return;
        }
        shard.make_room();
        let row = Row {
            issuer: beginning(principal.issuer()),
            client_id: principal.client_id().map(beginning),
            method: operation.method,
            tool: tool.map(beginning),
            calls: 1,
            refused: u64::from(refused),
            last_unix_millis: now,
        };
        shard.rows.insert(key, row);
    }

    /// All rows, last used first, and how many calls are in none any more.
    #[must_use]
    pub fn rows(&self) -> (Vec<Row>, u64) {
        let (mut rows, mut forgotten) = (Vec::new(), 0);
        for shard in self.0.iter().flat_map(|counters| &counters.shards) {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            rows.extend(shard.rows.values().cloned());
            forgotten += shard.forgotten;
        }
        rows.sort_by(|a, b| {
            let by_time = b.last_unix_millis.cmp(&a.last_unix_millis);
            by_time.then_with(|| {
                (&a.client_id, a.method, &a.tool).cmp(&(&b.client_id, b.method, &b.tool))
            })
        });
        (rows, forgotten)
    }
}

impl Shard {
    fn make_room(&mut self) {
        if self.rows.len() < ROWS {
            return;
        }
        let oldest = self.rows.iter().min_by_key(|(_, row)| row.last_unix_millis);
        if let Some(key) = oldest.map(|(key, _)| *key)
            && let Some(row) = self.rows.remove(&key)
        {
            self.forgotten += row.calls;
        }
    }
}

/// The name, or its beginning.
fn beginning(name: &str) -> String {
    let end = name.floor_char_boundary(LONGEST);
    match name.get(..end) {
        Some(cut) if end < name.len() => format!("{cut}…"),
        Some(_) | None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Resources, Settings};

    fn principal(subject: &str) -> Principal {
        let resources = Resources::new(&Settings::default());
        let resource = resources.at("/mcp").cloned().expect("a resource");
        Principal::for_test(subject, &[], resource)
    }

    fn call(tool: &str) -> Operation {
        Operation {
            method: "tools/call",
            tool: Some(tool.to_owned().into()),
        }
    }

    #[test]
    fn calls_of_one_client_and_tool_are_one_row_whoever_calls() {
        let calls = RecentCalls::new(true);
        calls.record(&principal("alice"), &call("search"), false, 10);
        calls.record(&principal("bob"), &call("search"), true, 20);
        calls.record(&principal("bob"), &call("fetch"), false, 15);
        let (rows, forgotten) = calls.rows();
        let found: Vec<_> = rows
            .iter()
            .map(|row| {
                (
                    row.tool.as_deref(),
                    row.calls,
                    row.refused,
                    row.last_unix_millis,
                )
            })
            .collect();
        assert_eq!(
            found,
            [(Some("search"), 2, 1, 20), (Some("fetch"), 1, 0, 15)]
        );
        assert_eq!(forgotten, 0);
        assert!(
            rows.iter()
                .all(|row| row.client_id.as_deref() == Some("client"))
        );
    }

    #[test]
    fn a_flood_of_names_is_bounded_and_what_is_forgotten_is_counted() {
        let calls = RecentCalls::new(true);
        let long = "é".repeat(1_000);
        for number in 0..5_000_i64 {
            calls.record(
                &principal("a"),
                &call(&format!("{number}{long}")),
                false,
                number,
            );
        }
        let (rows, forgotten) = calls.rows();
        assert!(rows.len() <= SHARDS * ROWS);
        assert_eq!(rows.len() as u64 + forgotten, 5_000);
        assert_eq!(rows[0].last_unix_millis, 4_999);
        let longest = rows
            .iter()
            .filter_map(|row| row.tool.as_ref().map(String::len))
            .max();
        assert!(longest <= Some(LONGEST + "…".len()));
    }

    #[test]
    fn switched_off_nothing_is_counted() {
        let calls = RecentCalls::new(false);
        calls.record(&principal("a"), &call("search"), false, 1);
        assert_eq!(calls.rows(), (Vec::new(), 0));
        assert!(!calls.counts());
    }
}
