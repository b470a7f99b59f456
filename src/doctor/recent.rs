//! `usher doctor --recent`: what a running server saw of late, grouped, with what to change in the words of the provider.
//!
//! The record is read from the admin listener; its texts are strangers', and whoever shows them escapes them.

mod judged;

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, header};
use url::Url;

use super::checks::recent::ADMIN_REACHABLE;
use super::{Diagnosis, Finding};
use crate::audit::Snapshot;
use crate::outbound::{End, Heard, Probe, ProbeError, Question};

/// More than ten thousand rows have.
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// The server is on this machine or next to it.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the server behind `probe`, the address of its admin listener, saw of late. If it cannot be asked, the only finding
/// is a failure of `admin-reachable`.
pub async fn diagnosis(probe: &Probe, secret: Option<&str>) -> Diagnosis {
    let about = format!(
        "--recent, as {} tells",
        probe.typed().origin().ascii_serialization()
    );
    let mut diagnosis = Diagnosis::new(about);
    match read(probe, secret).await {
        Ok(snapshot) => {
            // One client's failure is no cause of another's.
            diagnosis.apart = true;
            let version = &snapshot.version;
            let told = format!("Usher {version} tells what it saw since {}", snapshot.since);
            diagnosis.findings = judged::findings(&snapshot);
            diagnosis.add(Finding::ok(&ADMIN_REACHABLE, told));
        }
        Err(finding) => diagnosis.add(*finding),
    }
    diagnosis
}

/// True if the server could not be asked, so that nothing is known of it.
#[must_use]
pub fn was_not_carried_out(diagnosis: &Diagnosis) -> bool {
    let first = diagnosis.first_cause();
    first.is_some_and(|finding| finding.check == &ADMIN_REACHABLE)
}

async fn read(probe: &Probe, secret: Option<&str>) -> Result<Snapshot, Box<Finding>> {
    let mut url: Url = probe.typed().clone();
    url.set_path("/refusals");
    url.set_query(None);
    let json = HeaderValue::from_static("application/json");
    let headers = HeaderMap::from_iter([(header::ACCEPT, json)]);
    let question = Question {
        method: &Method::GET,
        url: &url,
        headers: &headers,
        body: &[],
        max_bytes: MOST_BYTES,
        timeout: PATIENCE,
    };
    let heard = probe.ask_as(question, secret).await;
    let heard = heard.map_err(|error| unreached(&url, &error))?;
    snapshot(&heard, secret.is_some()).map_err(|finding| Box::new(finding.of(url.as_str())))
}

fn unreached(url: &Url, error: &ProbeError) -> Box<Finding> {
    let finding = Finding::failure(&ADMIN_REACHABLE, error.to_string()).of(url.as_str());
    Box::new(match error {
        ProbeError::TokenElsewhere(_) => finding
            .expected("https, or an address of this machine: the admin secret is not sent in clear")
            .fix(
                "run this on the machine of the server, or bring its admin port here: \
                 ssh -L 8081:127.0.0.1:8081 HOST, or kubectl port-forward POD 8081",
            ),
        _ => finding.expected("the admin listener of a running server"),
    })
}

/// What an answer says, or why it is none.
fn snapshot(heard: &Heard, with_secret: bool) -> Result<Snapshot, Finding> {
    let failure = |found: String| Finding::failure(&ADMIN_REACHABLE, found);
    let reason = reason(&heard.body);
    match (heard.status, reason.as_deref()) {
        (200, _) => {}
        (401, _) => {
            return Err(if with_secret {
                failure("the admin listener does not know this secret".to_owned()).fix(
                    "use the configuration that the server runs with (--config FILE), or name its secret with \
                     --admin-secret-file FILE; after a change of the file restart the server",
                )
            } else {
                failure("the admin listener wants a secret, and none is at hand".to_owned()).fix(
                    "use the configuration that the server runs with (--config FILE), or name its admin_secret_file \
                     with --admin-secret-file FILE",
                )
            }
            .expected("200 with the record"));
        }
        (403, Some("host_not_allowed")) => {
            let found = "an admin listener without a secret answers for loopback names only";
            let fix = "write the address as http://127.0.0.1:PORT, or give the server an admin_secret_file";
            return Err(failure(found.to_owned())
                .expected("200 with the record")
                .fix(fix));
        }
        (404, Some("not_found")) => {
            let found = "there is no record: an older Usher, or its listener for clients";
            let fix = "name the admin listener (admin_listen in the configuration, 8081 by default), or update the server";
            return Err(failure(found.to_owned())
                .expected("200 with the record")
                .fix(fix));
        }
        (status, _) => {
            let found =
                format!("an answer with status {status}, which no admin listener of Usher gives");
            return Err(failure(found).expected("200 with the record"));
        }
    }
    if heard.end != End::Complete {
        let found = failure("an answer that breaks off".to_owned());
        return Err(found.expected("the whole record"));
    }
    serde_json::from_slice(&heard.body).map_err(|error| {
        failure(format!("an answer that is not the record: {error}"))
            .expected("JSON as docs/reference/refusals.md has it")
            .fix("name the admin listener of Usher; if it is, use a doctor of the server's version")
    })
}

/// The code of a refusal, if the body is one of Usher's.
fn reason(body: &[u8]) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    body.get("error")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_the_record_is_told_apart() {
        let refusal = |code: &str| format!(r#"{{"error":"{code}"}}"#);
        for (status, body, with_secret, expected) in [
            (401, refusal("admin_secret"), false, "none is at hand"),
            (
                401,
                refusal("admin_secret"),
                true,
                "does not know this secret",
            ),
            (
                403,
                refusal("host_not_allowed"),
                false,
                "loopback names only",
            ),
            (404, refusal("not_found"), false, "there is no record"),
            (404, "<html>".to_owned(), false, "status 404"),
            (200, "<html>".to_owned(), false, "not the record"),
            (200, "{}".to_owned(), false, "not the record"),
            (502, String::new(), false, "status 502"),
        ] {
            let finding =
                snapshot(&Heard::for_test(status, &body), with_secret).expect_err("no record");
            assert!(finding.found.contains(expected), "{}", finding.found);
            assert_eq!(finding.check, &ADMIN_REACHABLE);
            assert!(!finding.fix.is_empty() && !finding.expected.is_empty());
        }
        let cut = Heard {
            end: End::Cut,
            ..Heard::for_test(200, "{")
        };
        let finding = snapshot(&cut, false).expect_err("half a record");
        assert!(finding.found.contains("breaks off"));
    }

    #[test]
    fn the_record_is_read() {
        let json = serde_json::to_string(&Snapshot::default()).expect("JSON");
        assert_eq!(
            snapshot(&Heard::for_test(200, &json), false),
            Ok(Snapshot::default())
        );
    }
}
