//! The first answer: is there a connection, does TLS hold, and who is it that answers?

use http::Method;

use super::address::without_secrets;
use super::bot_filter;
use super::heard::{in_words, is_html, json};
use super::www_authenticate::Challenges;
use super::{INITIALIZE, Walk, json_rpc_headers};
use crate::doctor::checks::address::{
    ADDRESS_ANSWERS, ADDRESS_CONNECTS, ADDRESS_NO_REDIRECT, ADDRESS_PUBLIC, ADDRESS_RESOLVES,
    ANSWER_IS_MCP, BOT_FILTER_ABSENT, HOST_ACCEPTED, TLS_HOST_NAME, TLS_IN_DATE, TLS_SPOKEN,
    TLS_TRUSTED,
};
use crate::doctor::{Check, Diagnosis, Finding};
use crate::outbound::{Heard, ProbeError, TlsProblem};

/// What TLS is checked for, in order.
const TLS: [&Check; 4] = [&TLS_SPOKEN, &TLS_TRUSTED, &TLS_IN_DATE, &TLS_HOST_NAME];

/// Says the first words of a client, without a token. Nothing if nobody answers, or not the server itself.
pub(super) async fn check(walk: &Walk, diagnosis: &mut Diagnosis) -> Option<Heard> {
    let headers = json_rpc_headers();
    let heard = walk
        .ask(&Method::POST, walk.url(), &headers, INITIALIZE.as_bytes())
        .await;
    match heard {
        Ok(heard) => {
            connected(walk, &heard, diagnosis);
            let (finding, goes_on) = who_answers(&heard);
            if finding.check != &ADDRESS_ANSWERS {
                let after = format!("after {} ms", heard.first_byte.as_millis());
                diagnosis.add(Finding::ok(&ADDRESS_ANSWERS, after));
            }
            if goes_on {
                for check in [&ADDRESS_NO_REDIRECT, &BOT_FILTER_ABSENT, &HOST_ACCEPTED] {
                    diagnosis.add(Finding::ok(check, in_words(&heard)));
                }
            }
            diagnosis.add(if finding.check == &ANSWER_IS_MCP && !goes_on {
                with_better_address(walk, finding).await
            } else {
                finding
            });
            goes_on.then_some(heard)
        }
        Err(error) => {
            if let ProbeError::Tls(problem) = &error {
                diagnosis.add(Finding::ok(&ADDRESS_CONNECTS, "connected"));
                tls_refused(problem, diagnosis);
            } else {
                diagnosis.add(not_connected(&error));
            }
            None
        }
    }
}

fn connected(walk: &Walk, heard: &Heard, diagnosis: &mut Diagnosis) {
    let to = heard
        .address
        .map_or_else(|| "connected".to_owned(), |to| to.to_string());
    diagnosis.add(Finding::ok(&ADDRESS_CONNECTS, to));
    for check in TLS {
        diagnosis.add(if walk.url().scheme() == "https" {
            Finding::ok(check, "as clients check it")
        } else {
            Finding::skipped(check, "plain http")
        });
    }
}

fn not_connected(error: &ProbeError) -> Finding {
    let check = match error {
        ProbeError::NameNotFound { .. } => &ADDRESS_RESOLVES,
        ProbeError::NeverContacted { .. } | ProbeError::OtherClass { .. } => &ADDRESS_PUBLIC,
        ProbeError::Refused
        | ProbeError::Unreachable(_)
        | ProbeError::ConnectTimeout(_)
        | ProbeError::Client(_)
        | ProbeError::NoAddress(_) => &ADDRESS_CONNECTS,
        ProbeError::Tls(_)
        | ProbeError::Timeout(_)
        | ProbeError::Broken(_)
        | ProbeError::NoHttp
        | ProbeError::TokenElsewhere(_)
        | ProbeError::TokenNotSendable => &ADDRESS_ANSWERS,
    };
    Finding::failure(check, error.to_string()).expected(match error {
        _ if check == &ADDRESS_CONNECTS => "a server that takes connections",
        ProbeError::NoHttp => "an answer in HTTP",
        _ => "an answer in time",
    })
}

/// The checks of TLS that this problem fails, and what is known of the others.
pub(super) fn tls_check(problem: &TlsProblem) -> (&'static Check, &'static str) {
    match problem {
        TlsProblem::NoTls | TlsProblem::Handshake(_) => (&TLS_SPOKEN, "TLS 1.2 or 1.3"),
        TlsProblem::SelfSigned
        | TlsProblem::Incomplete { .. }
        | TlsProblem::UnknownAuthority { .. }
        | TlsProblem::Revoked
        | TlsProblem::Unusable(_) => (
            &TLS_TRUSTED,
            "a certificate of a public authority, sent with its intermediates",
        ),
        TlsProblem::Expired { .. } | TlsProblem::NotYetValid { .. } => {
            (&TLS_IN_DATE, "a certificate that is valid today")
        }
        TlsProblem::WrongName { .. } => {
            (&TLS_HOST_NAME, "a certificate for the host that was typed")
        }
    }
}

fn tls_refused(problem: &TlsProblem, diagnosis: &mut Diagnosis) {
    let (check, expected) = tls_check(problem);
    for earlier in TLS.into_iter().take_while(|earlier| *earlier != check) {
        if earlier == &TLS_SPOKEN {
            diagnosis.add(Finding::ok(earlier, "a certificate came"));
        }
    }
    diagnosis.add(Finding::failure(check, problem.to_string()).expected(expected));
}

/// Who answers, and whether it is worth going on.
fn who_answers(heard: &Heard) -> (Finding, bool) {
    let words = in_words(heard);
    if let Some(signs) = bot_filter::signs(heard) {
        let finding = Finding::failure(&BOT_FILTER_ABSENT, signs);
        return (
            finding.expected("the server's own answer: 401 with a challenge"),
            false,
        );
    }
    if heard.status / 100 == 3 {
        let location = heard.header("location").unwrap_or("nowhere");
        let found = format!("{} to {}", heard.status, without_secrets(location));
        let finding = Finding::failure(&ADDRESS_NO_REDIRECT, found);
        return (
            finding
                .expected("an answer at this address: clients do not send tokens after redirects"),
            false,
        );
    }
    if let Some(found) = wrong_host(heard) {
        let finding = Finding::failure(&HOST_ACCEPTED, found);
        return (finding.expected("401 with a challenge"), false);
    }
    if matches!(heard.status, 502 | 504) || (heard.status == 503 && json(heard).is_none()) {
        let found = format!("{words}: a proxy answers, the server behind it does not");
        return (
            Finding::failure(&ADDRESS_ANSWERS, found).expected("an answer of the server"),
            false,
        );
    }
    let expected = "an MCP server: 401 with a challenge";
    // Whoever challenges is no stranger, whatever became of the status on the way.
    let challenges = heard.header("www-authenticate").is_some();
    let is_elsewhere = matches!(heard.status, 404 | 405 | 410 | 501) && !challenges;
    if is_elsewhere || (is_html(heard) && !challenges) {
        return (
            Finding::failure(&ANSWER_IS_MCP, words).expected(expected),
            false,
        );
    }
    if heard.status == 200 && !is_json_rpc(heard) && !challenges {
        let found = format!("{words}, which is no JSON-RPC");
        return (
            Finding::failure(&ANSWER_IS_MCP, found).expected(expected),
            false,
        );
    }
    (Finding::ok(&ANSWER_IS_MCP, words), true)
}

/// Most people who type the host alone want what is at `/mcp` there: if there is something, say so.
async fn with_better_address(walk: &Walk, finding: Finding) -> Finding {
    let mut url = walk.url().clone();
    url.set_path("/mcp");
    if url == *walk.url() {
        return finding;
    }
    let headers = json_rpc_headers();
    let heard = walk
        .ask(&Method::POST, &url, &headers, INITIALIZE.as_bytes())
        .await;
    match heard {
        Ok(heard) if heard.status == 401 && Challenges::of(&heard.headers).has_bearer() => {
            finding.fix(format!("Type {url}, where an MCP server answers"))
        }
        Ok(_) | Err(_) => finding,
    }
}

/// 421, and what servers say that check the host against DNS rebinding.
fn wrong_host(heard: &Heard) -> Option<String> {
    let text = heard.text().to_ascii_lowercase();
    let says_so = ["host_not_allowed", "host_header", "invalid host"]
        .iter()
        .any(|words| text.contains(words));
    let refused = matches!(heard.status, 400 | 403 | 421);
    (heard.status == 421 || (refused && says_so)).then(|| in_words(heard))
}

/// An answer to `initialize`, as one document or as the first event of a stream.
fn is_json_rpc(heard: &Heard) -> bool {
    if heard.media_type() == "text/event-stream" {
        return true;
    }
    let answer = json(heard);
    answer.is_some_and(|answer| {
        answer
            .get("jsonrpc")
            .is_some_and(|version| version == "2.0")
    })
}
