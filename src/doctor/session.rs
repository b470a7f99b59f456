//! With a token in hand: what the server says to it, and whether a client finds there what it came for.
//!
//! The token goes to the address that was typed and to nobody else ([`Probe::ask_as`]).

mod claims;
mod conversation;
mod tools;
mod work;

use crate::clients::KnownClient;
use crate::outbound::Probe;
use crate::secret_file::SecretText;

use super::checks::session::{
    FETCH_WORKS, REFRESH_WORKS, REVISIONS_SPOKEN, SEARCH_AND_FETCH_LISTED, SEARCH_WORKS,
    TOKEN_ACCEPTED, TOOL_SCHEMAS, TOOLS_LISTED,
};
use super::checks::token::{TOKEN_SCOPE, TOKEN_SENT};
use super::login::Tokens;
use super::walk::issuer::{Asked, Provider};
use super::{Check, Finding};
use conversation::{Conversation, Problem};

/// What is asked of a session.
pub struct Needed<'n> {
    /// As which clients.
    pub clients: &'n [KnownClient],
    /// What the authorization server was asked, if its metadata was found: what a token has to say follows from it.
    pub issuer: Option<(&'n Asked, &'n Provider)>,
    /// What to search for. Without it: words that nearly every document has one of.
    pub query: Option<&'n str>,
    /// What time it is, in Unix seconds.
    pub now: i64,
}

/// Everything that an access token makes possible.
pub async fn check(probe: &Probe, token: &SecretText, needed: &Needed<'_>) -> Vec<Finding> {
    let mut conversation = Conversation::new(probe, token);
    let findings = look(&mut conversation, token, needed).await;
    conversation.end().await;
    findings
}

async fn look(
    conversation: &mut Conversation<'_>,
    token: &SecretText,
    needed: &Needed<'_>,
) -> Vec<Finding> {
    let greeting = conversation.greet().await;
    let mut findings = Vec::new();
    let is_accepted = match refusal(&greeting) {
        None => {
            findings.push(Finding::ok(&TOKEN_ACCEPTED, "accepted"));
            true
        }
        Some(finding) => {
            findings.push(finding);
            false
        }
    };
    if let Some((asked, provider)) = needed.issuer {
        findings.extend(claims::judge(
            token.expose(),
            (asked, provider),
            needed.now,
            is_accepted,
        ));
    }
    if let Some(problem) = greeting.lacks_scope() {
        let finding = Finding::failure(&TOKEN_SCOPE, problem.to_string());
        findings
            .push(finding.expected("a scope that allows something here; the challenge names it"));
        findings.extend(skipped("the token allows nothing here"));
        return findings;
    }
    if !is_accepted {
        findings.extend(skipped("the token is not accepted"));
        return findings;
    }
    findings.extend(revisions(&greeting, needed.clients));
    if !greeting.speaks() {
        findings.extend(skipped("no revision is spoken"));
        return findings;
    }
    let listed = conversation
        .call("tools/list", serde_json::json!({}), None)
        .await;
    match listed {
        Err(problem) => {
            findings.push(could_not(&TOOLS_LISTED, problem).expected("a list of tools"));
            findings.extend(skipped("no tools are listed").into_iter().skip(1));
        }
        Ok(result) => {
            let tools = tools::Listed::of(&result);
            findings.extend(tools.judge(needed.clients));
            findings.extend(work::check(conversation, &tools, needed).await);
        }
    }
    findings
}

/// The refresh token, and whether what it buys is accepted as well.
pub async fn refresh(probe: &Probe, tokens: &mut Tokens, provider: &Provider) -> Finding {
    let fix = REFRESH_WORKS.fix_at(provider.profile);
    if !tokens.can_be_refreshed() {
        return Finding::warning(&REFRESH_WORKS, "the login gave no refresh token")
            .expected("a refresh token, so that people need not log in again whenever the access token ends")
            .fix(fix);
    }
    let token = match tokens.refreshed(probe, provider).await {
        Ok(token) => token,
        Err(problem) => {
            return Finding::failure(&REFRESH_WORKS, problem)
                .expected("a new access token for the refresh token")
                .fix(fix);
        }
    };
    let mut conversation = Conversation::new(probe, &token);
    let greeting = conversation.greet().await;
    conversation.end().await;
    match refusal(&greeting) {
        None => Finding::ok(
            &REFRESH_WORKS,
            "a new access token, which the server accepts",
        ),
        Some(refused) => Finding::failure(
            &REFRESH_WORKS,
            format!("the new access token is not accepted: {}", refused.found),
        )
        .expected("a new access token that is like the first")
        .fix(fix),
    }
}

/// What was not looked at, from the revisions on.
fn skipped(why: &str) -> Vec<Finding> {
    let checks: [&'static Check; 6] = [
        &REVISIONS_SPOKEN,
        &TOOLS_LISTED,
        &SEARCH_AND_FETCH_LISTED,
        &TOOL_SCHEMAS,
        &SEARCH_WORKS,
        &FETCH_WORKS,
    ];
    checks
        .into_iter()
        .map(|check| Finding::skipped(check, why))
        .collect()
}

/// A refusal of the token, if both greetings were refused or could not be answered.
fn refusal(greeting: &conversation::Greeting) -> Option<Finding> {
    let problem = greeting.refusal()?;
    let finding =
        Finding::failure(&TOKEN_ACCEPTED, problem.to_string()).expected("an answer other than 401");
    Some(match problem {
        Problem::TokenNotSeen => Finding::failure(&TOKEN_SENT, problem.to_string())
            .expected("a server that sees the Authorization header")
            .fix("Let every proxy on the way pass the header Authorization on"),
        Problem::Status { status: 503, .. } => finding.fix(
            "This server cannot check tokens at the moment: it has no keys of the issuer. Its log and /healthz?deep=1 say why; \
             `usher doctor` on that machine checks the issuer from there.",
        ),
        // What keeps answers from coming, the walk has named.
        Problem::Silence(error) => {
            Finding::skipped(&TOKEN_ACCEPTED, format!("there is no answer: {error}"))
        }
        Problem::Status { .. } | Problem::Rpc { .. } | Problem::Answer(_) => finding,
    })
}

fn revisions(greeting: &conversation::Greeting, clients: &[KnownClient]) -> Vec<Finding> {
    let spoken = greeting.revisions();
    if spoken.is_empty() {
        let found = greeting.problems();
        return vec![Finding::failure(&REVISIONS_SPOKEN, found).expected(
            "an answer to server/discover (2026-07-28) or to initialize (2025-11-25 and before)",
        )];
    }
    let all = spoken.join(", ");
    let lacks = |client: &&KnownClient| {
        let known = client.needs().revisions;
        !known
            .iter()
            .any(|revision| spoken.iter().any(|spoken| spoken == revision))
    };
    let without: Vec<_> = clients.iter().filter(lacks).collect();
    if without.is_empty() {
        return vec![Finding::ok(&REVISIONS_SPOKEN, all)];
    }
    let failure = |client: &&KnownClient| {
        Finding::failure(&REVISIONS_SPOKEN, all.clone())
            .expected(format!("one of {}", client.needs().revisions.join(", ")))
            .with_client(**client)
    };
    without.iter().map(failure).collect()
}

/// A check that came to nothing: a missing scope is the token's, everything else the server's.
fn could_not(check: &'static Check, problem: Problem) -> Finding {
    match &problem {
        Problem::Status { status: 403, .. } => Finding::failure(&TOKEN_SCOPE, problem.to_string())
            .expected("a scope that allows this; the challenge names it"),
        Problem::Status { .. }
        | Problem::TokenNotSeen
        | Problem::Rpc { .. }
        | Problem::Answer(_)
        | Problem::Silence(_) => Finding::failure(check, problem.to_string()),
    }
}
