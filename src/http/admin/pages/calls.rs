//! `/calls`: recent calls per client.

use serde::Serialize;

use super::{age, client};
use crate::http::State;
use crate::http::page::{Html, Table, code, el, many};
use crate::http::recent_calls::Row;

/// What `/calls` tells.
#[derive(Debug, Serialize)]
pub(super) struct Calls {
    /// False: `http.count_calls` is off, and there is nothing to tell.
    counted: bool,
    /// Milliseconds since the Unix epoch, by the server's clock.
    now_unix_millis: i64,
    /// Last used first.
    rows: Vec<Row>,
    /// Calls that are in no row any more: those that were silent for longest make way.
    forgotten: u64,
}

impl Calls {
    pub(super) fn now(state: &State) -> Self {
        let (rows, forgotten) = state.recent_calls().rows();
        Self {
            counted: state.recent_calls().counts(),
            now_unix_millis: state.clock.unix_millis(),
            rows,
            forgotten,
        }
    }
}

pub(super) fn draw(calls: &Calls) -> Html {
    let mut table = Table::new(
        "Calls per client",
        ["Client", "Operation", "Calls", "Refused", "Last"],
    );
    for row in &calls.rows {
        let operation = match &row.tool {
            Some(tool) => format!("{} {tool}", row.method),
            None => row.method.to_owned(),
        };
        table.row([
            client(row.client_id.as_deref(), &row.issuer),
            code(&operation),
            row.calls.to_string().into(),
            row.refused.to_string().into(),
            age(calls.now_unix_millis, row.last_unix_millis).into(),
        ]);
    }
    let table = table.or(if calls.counted {
        "Nobody has called yet."
    } else {
        "Calls are not counted: http.count_calls is off."
    });
    if calls.forgotten == 0 {
        return table;
    }
    let more = many(calls.forgotten, "call", "calls");
    let more = format!("{more} more, of clients or tools that were silent for longest.");
    table.with(el("p").class("quiet").with(more))
}
