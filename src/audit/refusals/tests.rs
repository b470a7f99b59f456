use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// A token that says this of itself.
fn seen(issuer: &str, client_id: &str) -> Option<Box<Seen>> {
    Some(Box::new(Seen {
        issuer: Some(Excerpt::new(issuer, 256)),
        client_id: Some(Excerpt::new(client_id, 192)),
        ..Seen::default()
    }))
}

fn refused<'r>(reason: &'static str, issuer: &str, client_id: &str) -> Refused<'r> {
    Refused {
        seen: seen(issuer, client_id),
        ..Refused::new(reason, "0123")
    }
}

fn verified<'r>(reason: &'static str, client_id: &str) -> Refused<'r> {
    let mut refused = refused(reason, "https://issuer.test", client_id);
    if let Some(seen) = &mut refused.seen {
        seen.is_verified = true;
    }
    refused
}

fn client_id(refusal: &Refusal) -> Option<&str> {
    Some(refusal.token.as_ref()?.client_id.as_ref()?.as_str())
}

/// How often each client id was counted, the rest left out.
fn count(ledger: &Ledger, wanted: &str) -> Option<u64> {
    let (refusals, _) = ledger.refusals();
    let found = refusals.iter().find(|row| client_id(row) == Some(wanted));
    found.map(|row| row.count)
}

fn total(ledger: &Ledger) -> u64 {
    let (refusals, _) = ledger.refusals();
    refusals.iter().map(|row| row.count).sum()
}

/// Five clients that each come once, with different reasons, of which one is that of the flood.
const HONEST: [(&str, &str); 5] = [
    ("wrong_audience", "claude"),
    ("wrong_issuer", "chatgpt"),
    ("expired", "cursor"),
    ("bad_signature", "vscode"),
    ("wrong_audience", "inspector"),
];

fn honest(ledger: &Ledger, now: i64) {
    for (reason, client_id) in HONEST {
        ledger.record(refused(reason, "https://issuer.test", client_id), now);
    }
}

#[test]
fn what_comes_again_is_counted_in_its_row_and_its_last_request_is_named() {
    let ledger = Ledger::new(1000);
    for (at, id) in [(10, "first"), (20, "second"), (30, "third")] {
        let refused = Refused {
            request_id: id,
            user_agent: Some(b"openai-mcp/1.0.0"),
            problem: Some(TokenError::WrongAudience),
            ..refused("wrong_audience", "https://issuer.test", "c")
        };
        ledger.record(refused, at);
    }
    let (refusals, recorded) = ledger.refusals();
    let [row] = refusals.as_slice() else {
        panic!("{refusals:?}");
    };
    assert_eq!((row.count, recorded), (3, 3));
    assert_eq!(row.first_seen, Timestamp::from_unix_millis(10));
    assert_eq!(row.last_seen, Timestamp::from_unix_millis(30));
    assert_eq!(row.request_id.as_str(), "third");
    assert_eq!(row.software_title, "ChatGPT");
    let problem = row.problem.as_deref();
    assert_eq!(problem, Some("the token is for another audience"));
}

#[test]
fn a_token_that_lacks_one_claim_is_another_row_than_one_that_lacks_another() {
    let ledger = Ledger::new(1000);
    for problem in [
        TokenError::MissingClaim("aud"),
        TokenError::MissingClaim("sub"),
        TokenError::BadClaim("aud"),
        TokenError::MissingClaim("aud"),
        TokenError::NotYetValid { seconds: 90 },
        TokenError::NotYetValid { seconds: 91 },
    ] {
        let refused = Refused {
            problem: Some(problem.clone()),
            ..refused(problem.reason(), "https://issuer.test", "c")
        };
        ledger.record(refused, 0);
    }
    let (refusals, _) = ledger.refusals();
    let found = refusals
        .iter()
        .map(|row| (row.problem.as_deref(), row.count));
    let mut found: Vec<_> = found.collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            (Some("the token has no aud"), 2),
            (Some("the token has no sub"), 1),
            (Some("the token is valid in 91 s: do the clocks agree?"), 2),
            (
                Some("the token's aud has the wrong type or an impossible value"),
                1
            ),
        ]
    );
}

#[test]
fn another_reason_issuer_client_id_or_software_is_another_row() {
    let ledger = Ledger::new(1000);
    let user_agent = |user_agent| Refused {
        user_agent: Some(user_agent),
        ..refused("expired", "i", "c")
    };
    for refused in [
        refused("expired", "i", "c"),
        refused("wrong_audience", "i", "c"),
        refused("expired", "j", "c"),
        refused("expired", "i", "d"),
        user_agent(b"Claude-User"),
        user_agent(b"openai-mcp/1"),
        user_agent(b"openai-mcp/2"),
    ] {
        ledger.record(refused, 0);
    }
    assert_eq!(ledger.refusals().0.len(), 6);
}

#[test]
fn a_flood_of_invented_issuers_and_clients_pushes_nobody_out() {
    let ledger = Ledger::new(1000);
    honest(&ledger, 0);
    for at in 0..20_000_i64 {
        let (issuer, client) = (format!("https://{at}.test"), format!("client-{at}"));
        let reason = ["wrong_issuer", "wrong_audience"][usize::from(at % 2 == 0)];
        ledger.record(refused(reason, &issuer, &client), at / 20);
    }
    for (_, client) in HONEST {
        assert_eq!(count(&ledger, client), Some(1), "{client}");
    }
    assert!(ledger.len() <= 3 + 2 * ledger.share);
    // Nothing is lost of the number.
    assert_eq!(total(&ledger), 20_005);
}

#[test]
fn who_comes_back_during_a_flood_finds_a_place() {
    let ledger = Ledger::new(1000);
    let flood = AtomicU64::new(0);
    // Each of them comes twice, so that those who come once are not the only ones to make way.
    let flood = |now| {
        for _ in 0..200 {
            let client = format!("client-{}", flood.fetch_add(1, Ordering::Relaxed));
            for _ in 0..2 {
                ledger.record(refused("wrong_audience", "i", &client), now);
            }
        }
    };
    flood(0);
    for again in 0..20 {
        ledger.record(refused("wrong_audience", "i", "honest"), again);
        flood(again);
    }
    assert!(count(&ledger, "honest").is_some_and(|count| count > 10));
}

#[test]
fn a_flood_under_every_reason_takes_no_more_than_all_rows_and_leaves_the_small_reasons_alone() {
    const REASONS: [&str; 24] = [
        "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r",
        "s", "t", "u", "v", "w", "x",
    ];
    let ledger = Ledger::new(1000);
    honest(&ledger, 0);
    for at in 0..2_000 {
        for reason in REASONS {
            ledger.record(refused(reason, "i", &at.to_string()), 1);
        }
    }
    assert_eq!(ledger.len(), 1000);
    for (_, client) in HONEST {
        assert_eq!(count(&ledger, client), Some(1), "{client}");
    }
    assert_eq!(total(&ledger), 5 + 2_000 * 24);
}

#[test]
fn what_was_verified_is_stronger_than_any_number_of_what_was_not() {
    let ledger = Ledger::new(1000);
    for at in 0..1000 {
        for _ in 0..5 {
            ledger.record(refused("wrong_audience", "i", &at.to_string()), 0);
        }
    }
    ledger.record(verified("wrong_audience", "genuine"), 1);
    assert_eq!(count(&ledger, "genuine"), Some(1));
    for at in 0..10_000 {
        for _ in 0..5 {
            ledger.record(refused("wrong_audience", "i", &at.to_string()), 2 * HOUR);
        }
    }
    assert_eq!(count(&ledger, "genuine"), Some(1));
}

#[test]
fn an_hour_after_a_flood_its_places_are_free_for_newcomers() {
    let ledger = Ledger::new(1000);
    for at in 0..1000 {
        ledger.record(refused("wrong_audience", "i", &at.to_string()), 0);
    }
    ledger.record(refused("wrong_audience", "i", "early"), HOUR - MINUTE);
    assert_eq!(count(&ledger, "early"), None);
    ledger.record(refused("wrong_audience", "i", "late"), HOUR);
    assert_eq!(count(&ledger, "late"), Some(1));
}

#[test]
fn the_rest_tells_nothing_of_what_strangers_wrote() {
    let ledger = Ledger::new(16);
    for at in 0..100 {
        ledger.record(
            refused("wrong_issuer", "https://evil.test", &at.to_string()),
            at,
        );
    }
    let (refusals, _) = ledger.refusals();
    let rest: Vec<_> = refusals.iter().filter(|row| row.rest).collect();
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0].count, 92);
    assert_eq!(rest[0].token, None);
    assert_eq!(rest[0].last_seen, Timestamp::from_unix_millis(99));
}

#[test]
fn a_row_is_never_larger_than_documented() {
    let long = "é\u{1b}".repeat(20_000);
    let excerpt = |longest| Some(Excerpt::new(&long, longest));
    let bytes = long.as_bytes();
    let refused = Refused {
        reason: "wrong_audience",
        request_id: &long,
        user_agent: Some(bytes),
        seen: Some(Box::new(Seen::longest(&long))),
        problem: Some(TokenError::WrongAudience),
        resource: None,
        operation: Some(long.clone()),
        rule: Some(long.as_str().into()),
        scopes: Some(
            long.split('\u{1b}')
                .filter_map(crate::auth::Scope::parse)
                .collect(),
        ),
        sent: Some(bytes),
        client_info: Some(long.clone()),
    };
    let row = Row::new(refused, Software::Other, 0);
    let details = &*row.details;
    let texts = [
        &details.user_agent,
        &details.client_info,
        &details.sent,
        &details.operation,
        &details.rule,
        &details.scopes,
        &Some(row.request_id.clone()),
        &excerpt(0),
    ];
    let seen = details.seen.as_deref().expect("seen");
    let own: usize = texts
        .into_iter()
        .flatten()
        .map(|text| text.as_str().len())
        .sum();
    let shown = serde_json::to_string(&token(seen)).expect("JSON");
    let fixed = size_of::<Row>() + size_of::<Details>() + size_of::<Seen>() + 2 * 16;
    let id_and_map = 4 * size_of::<u64>();
    let all = own + shown.len() + fixed + id_and_map;
    assert!(all <= ROW_BYTES, "{all}");
    assert!(all > ROW_BYTES / 2, "{all}: not the longest");
}

#[test]
fn without_rows_nothing_is_kept() {
    let ledger = Ledger::new(0);
    honest(&ledger, 0);
    assert_eq!(ledger.refusals(), (Vec::new(), 0));
}

#[test]
fn many_threads_count_together() {
    let ledger = Ledger::new(1000);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let ledger = &ledger;
            scope.spawn(move || {
                for at in 0..2_000 {
                    ledger.record(refused("expired", "i", "shared"), at);
                    let client = format!("{thread}-{at}");
                    ledger.record(refused("wrong_issuer", "i", &client), at);
                    if at % 500 == 0 {
                        assert!(ledger.refusals().0.len() <= 1000);
                    }
                }
            });
        }
    });
    assert_eq!(count(&ledger, "shared"), Some(16_000));
    assert_eq!(total(&ledger), 32_000);
}
