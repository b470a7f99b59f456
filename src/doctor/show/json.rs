//! A diagnosis for programs. `docs/doctor.schema.json` describes it.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;

use super::harmless;
use crate::clients::KnownClient;
use crate::doctor::{Diagnosis, Finding, Place, Verdict};

/// What `usher doctor --json` prints. Words of other servers in it are cut at 300 characters, and characters that would
/// act on a terminal are written as escapes.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(title = "A diagnosis of usher doctor")]
struct Document {
    /// The version of Usher that looked.
    usher: &'static str,
    /// What was looked at: the address as it was typed, or the configuration.
    about: String,
    /// The worst verdict among the findings.
    verdict: Word,
    /// The check to mend first. Absent if none failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_cause: Option<&'static str>,
    /// What each client meets. Empty if no client was walked as.
    clients: Vec<Client>,
    /// Everything that was found, in the order in which a connection meets it.
    findings: Vec<Found>,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    /// As it should be.
    Ok,
    /// Not looked at; `found` says why.
    Skipped,
    /// It works, but somebody will stumble over it.
    Warning,
    /// Clients cannot connect, or cannot do what they came for.
    Failure,
}

/// One client, and what it meets.
#[derive(Debug, JsonSchema, Serialize)]
struct Client {
    /// Its name, as `--as` takes it.
    client: &'static str,
    /// The first check that keeps it from connecting. Absent if none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    meets: Option<&'static str>,
}

/// What one check found.
#[derive(Debug, JsonSchema, Serialize)]
struct Found {
    /// The stable name of the check.
    check: &'static str,
    /// What is true when it is ok.
    title: &'static str,
    /// Where the cause sits: client, proxy, provider or gateway.
    place: &'static str,
    /// How it ended.
    verdict: Word,
    /// What was looked at, where a check is done of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// The client that it concerns. Absent: all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<&'static str>,
    /// What would have been right. Absent if ok.
    #[serde(skip_serializing_if = "String::is_empty")]
    expected: String,
    /// What is there; for a skipped check, why it was skipped.
    found: String,
    /// What to change. Absent if ok or skipped.
    #[serde(skip_serializing_if = "String::is_empty")]
    fix: String,
    /// The page below `docs/` that has more.
    #[serde(skip_serializing_if = "str::is_empty")]
    page: &'static str,
    /// The failed check that explains this failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    caused_by: Option<&'static str>,
}

/// One object, on one line.
#[must_use]
pub fn json(diagnosis: &Diagnosis, clients: &[KnownClient]) -> String {
    let document = Document {
        usher: env!("CARGO_PKG_VERSION"),
        about: harmless(&diagnosis.about),
        verdict: word(diagnosis.verdict()),
        first_cause: diagnosis.first_cause().map(|finding| finding.check.id),
        clients: clients
            .iter()
            .map(|client| met(diagnosis, *client))
            .collect(),
        findings: diagnosis
            .findings
            .iter()
            .map(|finding| found(diagnosis, finding))
            .collect(),
    };
    let text = serde_json::to_string(&document);
    text.expect("invariant: strings and lists serialise") + "\n"
}

/// The JSON Schema (2020-12) of [`json`].
#[must_use]
pub fn json_schema() -> String {
    let schema = SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<Document>();
    let text = serde_json::to_string_pretty(&schema);
    text.expect("invariant: a schema serialises") + "\n"
}

fn met(diagnosis: &Diagnosis, client: KnownClient) -> Client {
    Client {
        client: client.name(),
        meets: diagnosis.met_by(client).map(|finding| finding.check.id),
    }
}

fn found(diagnosis: &Diagnosis, finding: &Finding) -> Found {
    let check = finding.check;
    let cause = diagnosis
        .cause_of(check)
        .filter(|_| finding.verdict == Verdict::Failure);
    Found {
        check: check.id,
        title: check.title,
        place: match check.place {
            Place::Client => "client",
            Place::Proxy => "proxy",
            Place::Provider => "provider",
            Place::Gateway => "gateway",
        },
        verdict: word(finding.verdict),
        subject: finding.subject.as_deref().map(harmless),
        client: finding.client.map(KnownClient::name),
        expected: harmless(&finding.expected),
        found: harmless(&finding.found),
        fix: harmless(&finding.fix),
        page: check.page,
        caused_by: cause.map(|cause| cause.check.id),
    }
}

fn word(verdict: Verdict) -> Word {
    match verdict {
        Verdict::Ok => Word::Ok,
        Verdict::Skipped => Word::Skipped,
        Verdict::Warning => Word::Warning,
        Verdict::Failure => Word::Failure,
    }
}
