use super::*;
use crate::auth::TokenError;
use crate::clients::KnownClient;
use crate::doctor::Verdict;

const AT: i64 = 1_792_540_800_000;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_unix_millis(AT + minute * 60_000)
}

fn excerpt(text: &str) -> Option<Excerpt> {
    Some(Excerpt::new(text, 200))
}

/// A refused token of ChatGPT's at Keycloak.
fn refusal(reason: &str, count: u64, client_id: &str) -> Refusal {
    Refusal {
        reason: reason.to_owned(),
        problem: Some("what is wrong".to_owned()),
        count,
        first_seen: at(0),
        last_seen: at(5),
        request_id: Excerpt::new(&format!("id-of-{client_id}"), 64),
        software: "chatgpt".to_owned(),
        software_title: "ChatGPT".to_owned(),
        resource: Some("https://mcp.example.com/mcp".to_owned()),
        expected: vec![
            "https://mcp.example.com".to_owned(),
            "https://mcp.example.com/mcp".to_owned(),
        ],
        token: Some(Token {
            issuer: excerpt("https://id.example.com/realms/x"),
            audiences: excerpt("account").into_iter().collect(),
            client_id: excerpt(client_id),
            profile: Some("keycloak".to_owned()),
            ..Token::default()
        }),
        ..Refusal::default()
    }
}

fn snapshot(refusals: Vec<Refusal>) -> Snapshot {
    Snapshot {
        capacity: 1000,
        silence_minutes: 10,
        refusals,
        ..Snapshot::default()
    }
}

fn client(software: Software, state: ClientState) -> Client {
    Client {
        software: software.name().to_owned(),
        title: software.title().to_owned(),
        state,
        state_since: at(0),
        challenges: 3,
        connections: 2,
        calls: 0,
        last_challenge: Some(at(0)),
        last_accepted: None,
        last_call: None,
    }
}

fn of<'f>(findings: &'f [Finding], id: &str) -> Vec<&'f Finding> {
    findings
        .iter()
        .filter(|finding| finding.check.id == id)
        .collect()
}

#[test]
fn refusals_that_say_the_same_are_one_finding_with_the_providers_words() {
    let findings = findings(&snapshot(vec![
        refusal("wrong_audience", 10, "a"),
        refusal("wrong_audience", 4, "b"),
    ]));
    let [finding] = of(&findings, "token-audience")[..] else {
        panic!("{findings:#?}");
    };
    assert_eq!(finding.verdict, Verdict::Failure);
    assert_eq!(finding.client, Some(KnownClient::ChatGpt));
    assert_eq!(
        finding.found,
        "14 from ChatGPT: audience is `account`; issuer `https://id.example.com/realms/x`; client id `a` and 1 other; nobody \
         checked the signature, so anybody may have written this; last seen 2026-10-21T00:05:00.000Z, request id id-of-a, id-of-b"
    );
    assert_eq!(finding.expected, "https://mcp.example.com/mcp");
    assert_eq!(finding.fix, finding.check.fix_at(ProfileName::Keycloak));
    assert_ne!(finding.fix, finding.check.fix);
}

#[test]
fn a_client_is_counted_once_however_many_rows_it_has() {
    let findings = findings(&snapshot(vec![
        refusal("bad_claim", 1, "a"),
        refusal("missing_claim", 1, "a"),
        refusal("bad_claim", 1, "b"),
    ]));
    let [finding] = of(&findings, "token-claims")[..] else {
        panic!("{findings:#?}");
    };
    assert!(
        finding.found.contains("client id `a` and 1 other;"),
        "{}",
        finding.found
    );
}

#[test]
fn a_token_without_an_audience_is_told_as_one_with_a_wrong_one_is() {
    let missing = |claim| {
        let error = TokenError::MissingClaim(claim);
        Refusal {
            problem: Some(error.to_string()),
            expected: Vec::new(),
            ..refusal(error.reason(), 1, "a")
        }
    };
    let findings = findings(&snapshot(vec![missing("aud"), missing("sub")]));
    let [finding] = of(&findings, "token-audience")[..] else {
        panic!("{findings:#?}");
    };
    assert_eq!(finding.expected, "https://mcp.example.com/mcp");
    assert_eq!(finding.fix, finding.check.fix_at(ProfileName::Keycloak));
    assert_eq!(of(&findings, "token-claims").len(), 1);
}

#[test]
fn another_client_issuer_or_thing_said_is_another_finding() {
    let base = || refusal("wrong_audience", 1, "a");
    let with_token = |change: fn(&mut Token)| {
        let mut refusal = base();
        change(refusal.token.as_mut().expect("a token"));
        refusal
    };
    let claude = Refusal {
        software: "claude".to_owned(),
        ..base()
    };
    let findings = findings(&snapshot(vec![
        base(),
        claude,
        with_token(|token| token.issuer = excerpt("https://other.test")),
        with_token(|token| token.audiences = Vec::new()),
    ]));
    assert_eq!(of(&findings, "token-audience").len(), 4);
}

#[test]
fn every_reason_says_what_was_there() {
    let mut token = refusal("", 1, "c");
    let inner = token.token.as_mut().expect("a token");
    inner.key_id = excerpt("k1");
    inner.algorithm = excerpt("none");
    inner.token_type = excerpt("JWT");
    inner.scope = excerpt("openid");
    token.sent = excerpt("evil.test");
    for (reason, id, expected, verdict) in [
        (
            "wrong_issuer",
            "token-issuer",
            "issuer is `https://id.example.com/realms/x`",
            Verdict::Failure,
        ),
        (
            "wrong_client",
            "token-client",
            "client id is `c`",
            Verdict::Failure,
        ),
        ("wrong_type", "token-type", "typ is `JWT`", Verdict::Failure),
        (
            "algorithm_not_allowed",
            "token-algorithm",
            "algorithm is `none`",
            Verdict::Failure,
        ),
        ("unknown_key", "token-key", "kid is `k1`", Verdict::Failure),
        (
            "missing_claim",
            "token-claims",
            "what is wrong",
            Verdict::Failure,
        ),
        ("expired", "token-expiry", "what is wrong", Verdict::Warning),
        (
            "insufficient_scope",
            "token-scope",
            "scope is `openid`",
            Verdict::Warning,
        ),
        (
            "host_not_allowed",
            "host-accepted",
            "Host is `evil.test`",
            Verdict::Warning,
        ),
        (
            "origin_not_allowed",
            "cors-preflight",
            "Origin is `evil.test`",
            Verdict::Warning,
        ),
        (
            "news_of_tomorrow",
            "recent-refusals",
            "what is wrong",
            Verdict::Failure,
        ),
    ] {
        let refusal = Refusal {
            reason: reason.to_owned(),
            ..token.clone()
        };
        let findings = findings(&snapshot(vec![refusal]));
        let [finding] = of(&findings, id)[..] else {
            panic!("{reason}: {findings:#?}");
        };
        assert_eq!(finding.verdict, verdict, "{reason}");
        let says = format!("1 from ChatGPT: {expected};");
        assert!(finding.found.starts_with(&says), "{}", finding.found);
        assert!(!finding.fix.is_empty(), "{reason}");
    }
}

#[test]
fn a_rule_is_named_with_what_it_refuses() {
    let refusal = Refusal {
        operation: excerpt("tools/call fetch"),
        rule: excerpt("fetch is for finance"),
        problem: None,
        ..refusal("group_required", 2, "c")
    };
    let findings = findings(&snapshot(vec![refusal]));
    let found = &of(&findings, "token-rules")[0].found;
    let says = "2 from ChatGPT: tools/call fetch is refused by the rule `fetch is for finance`;";
    assert!(found.starts_with(says), "{found}");
}

#[test]
fn what_was_accepted_since_is_a_warning_and_only_of_software_that_is_one_client() {
    let accepted = |software: Software| Client {
        last_accepted: Some(at(6)),
        ..client(software, ClientState::Fine)
    };
    for (software, verdict) in [
        (Software::ChatGpt, Verdict::Warning),
        (Software::Python, Verdict::Failure),
    ] {
        let refusal = Refusal {
            software: software.name().to_owned(),
            ..refusal("wrong_audience", 1, "c")
        };
        let snapshot = Snapshot {
            clients: vec![accepted(software)],
            ..snapshot(vec![refusal])
        };
        let findings = findings(&snapshot);
        let finding = of(&findings, "token-audience")[0];
        assert_eq!(finding.verdict, verdict);
        let is_told = finding.found.contains("accepted since");
        assert_eq!(is_told, verdict == Verdict::Warning);
    }
}

#[test]
fn the_rest_of_a_flood_is_a_warning_without_words_of_strangers() {
    let rest = Refusal {
        rest: true,
        token: None,
        ..refusal("wrong_issuer", 90_000, "c")
    };
    let findings = findings(&snapshot(vec![rest]));
    let finding = of(&findings, "token-issuer")[0];
    assert_eq!(finding.verdict, Verdict::Warning);
    assert!(
        finding
            .found
            .starts_with("90000 from ChatGPT: wrong_issuer, of so many kinds")
    );
}

#[test]
fn a_client_that_fell_silent_is_a_failure_and_anybody_else_a_warning() {
    use ClientState::{SilentAfterChallenge, SilentAfterToken};
    for (software, state, id, verdict) in [
        (
            Software::ChatGpt,
            SilentAfterChallenge,
            "silence-after-challenge",
            Verdict::Failure,
        ),
        (
            Software::Browser,
            SilentAfterChallenge,
            "silence-after-challenge",
            Verdict::Warning,
        ),
        (
            Software::Cursor,
            SilentAfterToken,
            "silence-after-token",
            Verdict::Failure,
        ),
        (
            Software::Cursor,
            ClientState::Connected,
            "silence-after-token",
            Verdict::Ok,
        ),
    ] {
        let snapshot = Snapshot {
            clients: vec![client(software, state)],
            ..snapshot(Vec::new())
        };
        let findings = findings(&snapshot);
        let [finding] = of(&findings, id)[..] else {
            panic!("{findings:#?}");
        };
        assert_eq!(finding.verdict, verdict, "{id}");
    }
}

#[test]
fn a_client_that_came_back_and_was_refused_is_not_called_silent_for_itself() {
    let snapshot = Snapshot {
        clients: vec![client(Software::ChatGpt, ClientState::SilentAfterChallenge)],
        ..snapshot(vec![refusal("wrong_audience", 1, "c")])
    };
    let findings = findings(&snapshot);
    let silence = of(&findings, "silence-after-challenge")[0];
    assert_eq!(silence.verdict, Verdict::Warning);
    assert!(silence.found.contains("was refused: see its refusals"));
    assert_eq!(findings[0].check.id, "token-audience");
}

#[test]
fn nothing_is_ok_and_switched_off_is_skipped() {
    let calm = findings(&snapshot(Vec::new()));
    assert!(calm.iter().all(|finding| finding.verdict == Verdict::Ok));
    assert_eq!(calm.len(), 3);
    let off = findings(&Snapshot::default());
    assert!(
        off.iter()
            .all(|finding| finding.verdict == Verdict::Skipped)
    );
}
