//! From the record to findings: rows that say the same are one, with how often, of whom, and what to change.

use crate::audit::snapshot::{Client, Refusal, Snapshot, Token};
use crate::audit::{ClientState, Software};
use crate::auth::{Excerpt, ProfileName};
use crate::clock::Timestamp;
use crate::doctor::checks::recent::{
    RECENT_REFUSALS, SILENCE_AFTER_CHALLENGE, SILENCE_AFTER_TOKEN,
};
use crate::doctor::checks::token::{TOKEN_AUDIENCE, for_reason};
use crate::doctor::{Check, Finding};

/// How many request ids are named.
const MOST_IDS: usize = 3;

/// Rows that say the same.
struct Group<'s> {
    check: &'static Check,
    says: String,
    /// The last of them.
    last: &'s Refusal,
    count: u64,
    request_ids: Vec<&'s str>,
    client_ids: Vec<&'s str>,
}

/// One finding for each kind of refusal and client, and one for each client that fell silent.
pub(super) fn findings(snapshot: &Snapshot) -> Vec<Finding> {
    let groups = groups(&snapshot.refusals);
    let mut findings: Vec<_> = groups.iter().map(|group| group.finding(snapshot)).collect();
    // What keeps somebody out first, then what happened most.
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.verdict));
    if findings.is_empty() {
        let found = format!(
            "nobody was refused since {}; {} came without a token, as every connection begins",
            snapshot.since,
            many(snapshot.without_token, "request")
        );
        findings.push(if snapshot.capacity == 0 {
            Finding::skipped(
                &RECENT_REFUSALS,
                "the server keeps none: audit.refusals is 0",
            )
        } else {
            Finding::ok(&RECENT_REFUSALS, found)
        });
    }
    findings.extend(silences(snapshot));
    findings
}

/// The check that a row belongs to. A token without an audience lacks the very thing that one with another has wrong.
fn check_of(row: &Refusal) -> &'static Check {
    if row.is_about_the_audience() {
        return &TOKEN_AUDIENCE;
    }
    for_reason(&row.reason).unwrap_or(&RECENT_REFUSALS)
}

/// Those that happened most first.
fn groups(rows: &[Refusal]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for row in rows {
        let check = check_of(row);
        let says = says(row);
        let alike = |group: &&mut Group<'_>| {
            let issuer = |row: &Refusal| row.token.as_ref().and_then(|token| token.issuer.clone());
            group.check == check
                && group.says == says
                && group.last.software == row.software
                && issuer(group.last) == issuer(row)
        };
        let client_id = row
            .token
            .as_ref()
            .and_then(|token| token.client_id.as_ref());
        let client_id = client_id.map(Excerpt::as_str);
        // Rows come last seen first.
        match groups.iter_mut().find(alike) {
            Some(group) => {
                group.count += row.count;
                group.request_ids.push(row.request_id.as_str());
                let is_known = |id: &&str| group.client_ids.contains(id);
                group
                    .client_ids
                    .extend(client_id.filter(|id| !is_known(id)));
            }
            None => groups.push(Group {
                check,
                says,
                last: row,
                count: row.count,
                request_ids: vec![row.request_id.as_str()],
                client_ids: client_id.into_iter().collect(),
            }),
        }
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    groups
}

impl Group<'_> {
    fn finding(&self, snapshot: &Snapshot) -> Finding {
        let row = self.last;
        let since = accepted_since(row, snapshot);
        let mut finding = if since.is_some() || is_routine(row) {
            Finding::warning(self.check, self.found(since))
        } else {
            Finding::failure(self.check, self.found(since))
        };
        if let Some(profile) = row.token.as_ref().and_then(profile) {
            finding = finding.fix(self.check.fix_at(profile));
        }
        if let Some(client) = row.known_software().and_then(Software::client) {
            finding = finding.with_client(client);
        }
        finding.expected(expected(row))
    }

    fn found(&self, accepted_since: Option<Timestamp>) -> String {
        let row = self.last;
        let (count, who, says) = (self.count, &row.software_title, &self.says);
        let mut found = format!("{count} from {who}: {says}");
        let token = row.token.as_ref();
        if let Some(issuer) = token.and_then(|token| token.issuer.as_ref())
            && row.reason != "wrong_issuer"
        {
            found.push_str(&format!("; issuer `{issuer}`"));
        }
        match self.client_ids.as_slice() {
            [] => {}
            [one] => found.push_str(&format!("; client id `{one}`")),
            [first, more @ ..] => {
                let more = many(as_u64(more.len()), "other");
                found.push_str(&format!("; client id `{first}` and {more}"));
            }
        }
        if token.is_some_and(|token| !token.verified) {
            found.push_str("; nobody checked the signature, so anybody may have written this");
        }
        let ids: Vec<_> = self.request_ids.iter().take(MOST_IDS).copied().collect();
        let (last, ids) = (row.last_seen, ids.join(", "));
        found.push_str(&format!("; last seen {last}, request id {ids}"));
        if let Some(since) = accepted_since {
            found.push_str(&format!(
                "; its tokens were accepted since, at {since}: it may be mended"
            ));
        }
        found
    }
}

/// What a row says, in as few words as there are.
fn says(row: &Refusal) -> String {
    if row.rest {
        return format!(
            "{}, of so many kinds that they were not kept apart",
            row.reason
        );
    }
    let token = row.token.as_ref();
    let of_token = |name: &str, value: fn(&Token) -> Option<&Excerpt>| {
        let value = token.and_then(value)?;
        Some(format!("{name} is `{value}`"))
    };
    let specific = match row.reason.as_str() {
        "wrong_audience" => token.map(|token| match token.audiences.as_slice() {
            [] => "the token has no audience that can be read".to_owned(),
            audiences => {
                let quoted: Vec<_> = audiences.iter().map(|one| format!("`{one}`")).collect();
                format!("audience is {}", quoted.join(", "))
            }
        }),
        "wrong_issuer" => of_token("issuer", |token| token.issuer.as_ref()),
        "wrong_client" => of_token("client id", |token| token.client_id.as_ref()),
        "wrong_type" => of_token("typ", |token| token.token_type.as_ref()),
        "algorithm_not_allowed" => of_token("algorithm", |token| token.algorithm.as_ref()),
        "unknown_key" | "blocked_key" => of_token("kid", |token| token.key_id.as_ref()),
        "insufficient_scope" => of_token("scope", |token| token.scope.as_ref()),
        "host_not_allowed" => row.sent.as_ref().map(|sent| format!("Host is `{sent}`")),
        "origin_not_allowed" => row.sent.as_ref().map(|sent| format!("Origin is `{sent}`")),
        _ => row.rule.as_ref().map(|rule| {
            let operation = row.operation.as_ref().map_or("a request", Excerpt::as_str);
            format!("{operation} is refused by the rule `{rule}`")
        }),
    };
    let plain = || {
        row.problem
            .clone()
            .unwrap_or_else(|| row.reason.replace('_', " "))
    };
    specific.unwrap_or_else(plain)
}

fn expected(row: &Refusal) -> String {
    match (row.is_about_the_audience(), row.resource.as_deref()) {
        // The other names of this server are accepted as well; this is the one that clients ask for.
        (true, Some(resource)) => resource.to_owned(),
        (_, _) if !row.expected.is_empty() => row.expected.join(" "),
        _ => String::new(),
    }
}

/// What happens to every connection now and then, and what strangers cause: nothing to mend at once.
fn is_routine(row: &Refusal) -> bool {
    row.rest
        || row.reason.starts_with("rate_limited")
        || matches!(
            row.reason.as_str(),
            "expired"
                | "insufficient_scope"
                | "host_not_allowed"
                | "host_header"
                | "origin_not_allowed"
        )
}

/// When a token of the same kind of client was accepted after this refusal, if that is one client.
fn accepted_since(row: &Refusal, snapshot: &Snapshot) -> Option<Timestamp> {
    row.known_software()
        .filter(|software| software.is_client())?;
    let mut clients = snapshot.clients.iter();
    let client = clients.find(|client| client.software == row.software)?;
    client.last_accepted.filter(|at| *at > row.last_seen)
}

fn profile(token: &Token) -> Option<ProfileName> {
    let name = token.profile.as_ref()?;
    serde_json::from_value(serde_json::Value::String(name.clone())).ok()
}

fn silences(snapshot: &Snapshot) -> Vec<Finding> {
    let checks = [
        (ClientState::SilentAfterChallenge, &SILENCE_AFTER_CHALLENGE),
        (ClientState::SilentAfterToken, &SILENCE_AFTER_TOKEN),
    ];
    let mut findings = Vec::new();
    for (state, check) in checks {
        let silent = snapshot
            .clients
            .iter()
            .filter(|client| client.state == state);
        let before = findings.len();
        findings.extend(silent.map(|client| silence(check, client, snapshot)));
        if findings.len() > before {
            continue;
        }
        findings.push(if snapshot.silence_minutes == 0 {
            Finding::skipped(
                check,
                "the server does not watch: audit.silence_minutes is 0",
            )
        } else {
            Finding::ok(check, "nobody fell silent")
        });
    }
    findings
}

fn silence(check: &'static Check, client: &Client, snapshot: &Snapshot) -> Finding {
    let Client {
        title,
        state_since,
        challenges,
        connections,
        ..
    } = client;
    let mut found = if client.state == ClientState::SilentAfterChallenge {
        format!(
            "{title} was challenged at {state_since}, and no token of its was accepted since ({} in all)",
            many(*challenges, "challenge")
        )
    } else {
        format!(
            "a token of {title} was accepted at {state_since}, and it has asked for nothing since ({} in all)",
            many(*connections, "request")
        )
    };
    let is_refused = snapshot
        .refusals
        .iter()
        .any(|row| row.software == client.software && row.last_seen >= client.state_since);
    if is_refused {
        found.push_str("; it did come back, and was refused: see its refusals");
    }
    let software = Software::parse(&client.software);
    let is_client = software.is_some_and(Software::is_client);
    let finding = if is_client && !is_refused {
        Finding::failure(check, found)
    } else {
        Finding::warning(check, found)
    };
    match software.and_then(Software::client) {
        Some(client) => finding.with_client(client),
        None => finding,
    }
}

fn many(count: u64, what: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {what}{ending}")
}

fn as_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
