//! `/refusals`: what was refused of late, grouped, with what mends it; and which kinds of clients fell silent.

use crate::audit::snapshot::{Client, Refusal, Token};
use crate::audit::{ClientState, Snapshot};
use crate::auth::{Excerpt, TokenError};
use crate::clock::Timestamp;
use crate::http::admin::remedies::Remedies;
use crate::http::page::{
    Html, Table, Tone, code, codes, el, facts, heading, many, note, prose, tag,
};

/// So many groups are drawn; JSON has all.
const MOST_DRAWN: usize = 100;

pub(super) fn draw(snapshot: &Snapshot, remedies: Remedies) -> Html {
    let recorded = many(snapshot.recorded, "refusal", "refusals");
    let since = age(snapshot, snapshot.since);
    let without = many(snapshot.without_token, "request", "requests");
    let counts = format!(
        "{recorded} since {since}. {without} without a token were answered with a challenge, which is how every connection begins."
    );
    let marks = "What a token or a client says of itself is marked ";
    let marks = Html::from(marks)
        .with(tag(Tone::Wait, "unverified"))
        .with(" where nothing proves it: anybody may have written it.");
    let groups = snapshot.refusals.iter().take(MOST_DRAWN);
    let groups: Html = groups
        .map(|refusal| group(snapshot, refusal, remedies))
        .collect();
    let groups = if groups.is_empty() {
        el("p").class("quiet").with("Nothing was refused.").into()
    } else {
        groups
    };
    let html = Html::from(el("p").with(counts))
        .with(el("p").class("quiet").with(marks))
        .with(clients(snapshot))
        .with(heading(2, "refused", "Refused"))
        .with(groups);
    match snapshot.refusals.len().checked_sub(MOST_DRAWN) {
        None | Some(0) => html,
        Some(more) => html.with(
            el("p")
                .class("quiet")
                .with(format!("And {more} older groups, in the JSON form.")),
        ),
    }
}

fn age(snapshot: &Snapshot, then: Timestamp) -> String {
    super::age(snapshot.taken_at.unix_millis(), then.unix_millis())
}

/// One kind of refusal of one client.
fn group(snapshot: &Snapshot, refusal: &Refusal, remedies: Remedies) -> Html {
    let count = format!("{} × {}", refusal.count, refusal.software_title);
    let title = el("h3").with(count);
    let last = el("span")
        .class("quiet")
        .with(age(snapshot, refusal.last_seen));
    let top = el("div").class("top").with(title).with(last);
    let problem = refusal.problem.as_deref().unwrap_or(if refusal.rest {
        "many that differ, too many to keep each"
    } else {
        "refused"
    });
    let what = el("p")
        .with(code(&refusal.reason))
        .with(format!(" {problem}"));
    let group = el("section").class("group").with(top).with(what);
    let profile = refusal
        .token
        .as_ref()
        .and_then(|token| token.profile.as_deref());
    // One without an audience is mended as one with a wrong one is.
    let reason = match refusal.is_about_the_audience() {
        true => TokenError::WrongAudience.reason(),
        false => &refusal.reason,
    };
    let group = match remedies.of(reason, profile) {
        Some(remedy) => {
            let explain = format!("usher doctor explain {}", remedy.check);
            let fix = Html::from(el("strong").with("To mend it: "));
            let more = Html::from(". More: ").with(code(&explain));
            group.with(note(fix.with(prose(remedy.fix)).with(more)))
        }
        None => group,
    };
    let group = group.with(facts(ours(refusal)));
    let group = match &refusal.token {
        Some(token) => group
            .with(said("Its token says", token.verified))
            .with(facts(of_token(token))),
        None => group,
    };
    let claimed = claimed(refusal);
    if claimed.is_empty() {
        return group.into();
    }
    group
        .with(said("The client says", false))
        .with(facts(claimed))
        .into()
}

/// Whose words follow, and whether they prove anything.
fn said(who: &str, verified: bool) -> Html {
    let mark = if verified {
        tag(Tone::Good, "verified")
    } else {
        unverified()
    };
    el("p").class("said").with(who).with(mark).into()
}

/// What this server knows of it.
fn ours(refusal: &Refusal) -> Vec<(&'static str, Html)> {
    let mut rows = Vec::new();
    if !refusal.expected.is_empty() {
        rows.push((
            "Expected",
            codes(refusal.expected.iter().map(String::as_str)),
        ));
    }
    let texts = [
        ("Asked for", refusal.operation.as_ref()),
        ("Rule", refusal.rule.as_ref()),
    ];
    for (name, text) in texts {
        rows.extend(text.map(|text| (name, code(text.as_str()))));
    }
    if let Some(resource) = &refusal.resource {
        rows.push(("Resource", code(resource)));
    }
    rows.push(("Last request id", code(refusal.request_id.as_str())));
    rows
}

/// What the client said of itself, in headers and messages.
fn claimed(refusal: &Refusal) -> Vec<(&'static str, Html)> {
    let texts = [
        ("Sent", refusal.sent.as_ref()),
        ("Name", refusal.client_info.as_ref()),
        ("User-Agent", refusal.user_agent.as_ref()),
    ];
    let said = texts.into_iter();
    said.filter_map(|(name, text)| Some((name, code(text?.as_str()))))
        .collect()
}

fn of_token(token: &Token) -> Vec<(&'static str, Html)> {
    let mut rows = Vec::new();
    if !token.audiences.is_empty() {
        rows.push((
            "Audience",
            codes(token.audiences.iter().map(Excerpt::as_str)),
        ));
    }
    for (name, text) in [
        ("Issuer", &token.issuer),
        ("Client id", &token.client_id),
        ("Scopes", &token.scope),
        ("Key id", &token.key_id),
        ("Algorithm", &token.algorithm),
        ("Type", &token.token_type),
    ] {
        rows.extend(text.as_ref().map(|text| (name, code(text.as_str()))));
    }
    rows
}

fn unverified() -> Html {
    tag(Tone::Wait, "unverified")
}

/// How each kind of client software gets on.
fn clients(snapshot: &Snapshot) -> Html {
    if snapshot.clients.is_empty() {
        return Html::default();
    }
    let heads = [
        "Software",
        "State",
        "Challenges",
        "Connections",
        "Calls",
        "Last call",
    ];
    let mut table = Table::new("Clients", heads);
    for client in &snapshot.clients {
        table.row(row(snapshot, client));
    }
    let words = "By the User-Agent, which anybody may send.";
    heading(2, "clients", "Clients")
        .with(table.or(""))
        .with(el("p").class("quiet").with(words))
}

fn row(snapshot: &Snapshot, client: &Client) -> [Html; 6] {
    let (tone, words) = match client.state {
        ClientState::Fine => (Tone::Good, "fine"),
        ClientState::Challenged => (Tone::Plain, "challenged, no token yet"),
        ClientState::Connected => (Tone::Plain, "connected, no call yet"),
        ClientState::SilentAfterChallenge => (Tone::Bad, "silent since its challenge"),
        ClientState::SilentAfterToken => (Tone::Bad, "silent since its token"),
    };
    let last = client
        .last_call
        .map_or_else(|| "never".to_owned(), |then| age(snapshot, then));
    [
        client.title.as_str().into(),
        tag(tone, words),
        client.challenges.to_string().into(),
        client.connections.to_string().into(),
        client.calls.to_string().into(),
        last.into(),
    ]
}
