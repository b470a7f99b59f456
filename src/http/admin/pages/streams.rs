//! `/streams`: response streams that are open now.

use serde::Serialize;

use super::{age, client};
use crate::auth::Excerpt;
use crate::http::State;
use crate::http::active_streams::Stream;
use crate::http::page::{Html, Table, code, el, many};

/// So many are drawn; JSON has all.
const MOST_DRAWN: usize = 200;

/// What `/streams` tells.
#[derive(Debug, Serialize)]
pub(super) struct Streams {
    /// Milliseconds since the Unix epoch, by the server's clock.
    now_unix_millis: i64,
    /// How many are open.
    open: usize,
    /// Oldest first.
    streams: Vec<Stream>,
}

impl Streams {
    pub(super) fn now(state: &State) -> Self {
        let streams = state.active_streams().list();
        Self {
            now_unix_millis: state.clock.unix_millis(),
            open: streams.len(),
            streams,
        }
    }
}

fn software(stream: &Stream) -> Html {
    let software = stream.software.as_ref();
    software.map_or("it does not say", Excerpt::as_str).into()
}

pub(super) fn draw(streams: &Streams) -> Html {
    let mut table = Table::new("Open streams", ["Client", "Software", "Endpoint", "Opened"]);
    for stream in streams.streams.iter().take(MOST_DRAWN) {
        table.row([
            client(stream.client_id.as_deref(), &stream.issuer),
            software(stream),
            code(stream.path),
            age(streams.now_unix_millis, stream.since_unix_millis).into(),
        ]);
    }
    let count = many(streams.open as u64, "stream is open", "streams are open");
    let says = "The software is what a client says of itself; nobody has verified it.";
    let html =
        Html::from(el("p").with(format!("{count}."))).with(table.or("No client listens just now."));
    let html = match streams.open.checked_sub(MOST_DRAWN) {
        None | Some(0) => html,
        Some(more) => html.with(
            el("p")
                .class("quiet")
                .with(format!("And {more} younger ones, in the JSON form.")),
        ),
    };
    html.with(el("p").class("quiet").with(says))
}
