//! Answers of all kinds, and one token kept for many.

use std::cell::Cell;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::advance;

use super::answer::{issued, refused};
use super::*;

fn read(body: &str, issued_token_type: Option<&str>) -> Result<(String, u64), &'static str> {
    let issued = issued(body.as_bytes(), issued_token_type)?;
    let header = issued.header.to_str().expect("text").to_owned();
    Ok((header, issued.lives.as_secs()))
}

#[test]
fn a_token_is_taken_only_if_it_is_a_bearer_token_of_the_type_asked_for() {
    let good = |seconds| Ok(("Bearer a.b-c_d~e+f/g==".to_owned(), seconds));
    let token = r#""access_token":"a.b-c_d~e+f/g==""#;
    let exchanged = format!(r#""issued_token_type":"{ACCESS_TOKEN}""#);
    for (rest, expected) in [
        (r#""token_type":"Bearer","expires_in":300"#, good(300)),
        (
            r#""token_type":"bEARER","expires_in":"300","x":{}"#,
            good(300),
        ),
        (r#""token_type":"Bearer""#, good(60)),
        (
            r#""token_type":"Bearer","expires_in":99999999999"#,
            good(86_400),
        ),
        (
            r#""token_type":"DPoP""#,
            Err("its token_type is not Bearer"),
        ),
        (r#""token_type":"N_A""#, Err("its token_type is not Bearer")),
        (
            r#""expires_in":300"#,
            Err("it is no JSON object with access_token and token_type"),
        ),
    ] {
        assert_eq!(
            read(&format!("{{{token},{rest}}}"), None),
            expected,
            "{rest}"
        );
    }
    for expires_in in ["0", "-1", "1.5", "\"soon\"", "null2", "1e3", "{}", "true"] {
        let body = format!(r#"{{{token},"token_type":"Bearer","expires_in":{expires_in}}}"#);
        assert!(read(&body, None).is_err(), "{expires_in}");
    }
    let bearer = r#""token_type":"Bearer","expires_in":300"#;
    let body = format!("{{{token},{bearer},{exchanged}}}");
    assert_eq!(read(&body, Some(ACCESS_TOKEN)), good(300));
    assert!(read(&body, Some(JWT)).is_err());
    assert!(read(&format!("{{{token},{bearer}}}"), Some(ACCESS_TOKEN)).is_err());
}

#[test]
fn a_token_that_could_break_a_header_is_none() {
    for token in [
        "",
        "a b",
        "a\\r\\nX-Evil: 1",
        "a\\u0000",
        "\\u00e9",
        "a,b",
        "a;b",
    ] {
        let body = format!(r#"{{"access_token":"{token}","token_type":"Bearer"}}"#);
        assert!(read(&body, None).is_err(), "{token}");
    }
    let long = "x".repeat(16 * 1024 + 1);
    let body = format!(r#"{{"access_token":"{long}","token_type":"Bearer"}}"#);
    assert!(read(&body, None).is_err());
    for body in [
        "",
        "null",
        "[]",
        "{",
        "<html>",
        r#"{"access_token":1,"token_type":"Bearer"}"#,
    ] {
        assert!(read(body, None).is_err(), "{body}");
    }
    let twice = r#"{"access_token":"a","access_token":"b","token_type":"Bearer"}"#;
    assert!(read(twice, None).is_err());
}

#[test]
fn a_token_does_not_show_itself() {
    let body = r#"{"access_token":"s3cret","token_type":"Bearer"}"#;
    let issued = issued(body.as_bytes(), None).expect("a token");
    assert!(!format!("{issued:?}").contains("s3cret"));
}

#[test]
fn refusals_are_named_and_never_repeat_a_secret() {
    let told = |status, body: &str| match refused(status, body.as_bytes(), &["s3cret"]) {
        TokenEndpointError::Refused(refusal) => (refusal.code, refusal.description),
        other => panic!("{other}"),
    };
    for code in [
        "invalid_client",
        "invalid_target",
        "access_denied",
        "invalid_scope",
    ] {
        let body = format!(r#"{{"error":"{code}","error_description":"because"}}"#);
        let (found, words) = told(400, &body);
        assert_eq!((found.as_str(), words.as_str()), (code, "because"));
    }
    assert_eq!(
        told(401, r#"{"error":"odd"}"#),
        (Code::Other, String::new())
    );
    let hidden = "(left out: it repeats a secret)";
    for words in ["no s3cret here", "token eyJhbGciOiJSUzI1NiJ9 is bad"] {
        let body = format!(r#"{{"error":"invalid_request","error_description":"{words}"}}"#);
        assert_eq!(told(400, &body).1, hidden);
    }
    let body = format!(
        r#"{{"error":"x","error_description":"a\nb{}"}}"#,
        "w".repeat(500)
    );
    let (_, words) = told(400, &body);
    assert!(words.starts_with("a bw") && words.len() == 200, "{words}");
    for (status, body) in [
        (500, r#"{"error":"invalid_grant"}"#),
        (400, "<html>"),
        (404, ""),
        (204, ""),
        (429, r#"{"error":"slow_down"}"#),
    ] {
        let error = refused(status, body.as_bytes(), &[]);
        assert_eq!(error, OutboundError::Status(status).into());
    }
}

fn token(number: usize, seconds: u64) -> Issued {
    Issued {
        header: HeaderValue::try_from(format!("Bearer {number}")).expect("a value"),
        lives: Duration::from_secs(seconds),
    }
}

/// Asks a place for its token; a new one has the number of times that was asked.
async fn get(kept: &Kept<&'static str>, asked: &Cell<usize>, refused: Option<usize>) -> usize {
    let refused = refused.map(|number| token(number, 1).header);
    let header = kept.get(refused.as_ref(), async || {
        asked.set(asked.get() + 1);
        tokio::time::sleep(Duration::from_millis(10)).await;
        Ok(token(asked.get(), 300))
    });
    let header = header.await.expect("a token");
    let number = header.to_str().expect("text").trim_start_matches("Bearer ");
    number.parse().expect("a number")
}

#[tokio::test(start_paused = true)]
async fn one_asks_and_the_others_wait_until_shortly_before_the_token_expires() {
    let (kept, asked) = (Kept::default(), Cell::new(0));
    let all = join_all((0..50).map(|_| get(&kept, &asked, None))).await;
    assert_eq!((all, asked.get()), (vec![1; 50], 1));
    advance(Duration::from_secs(269)).await;
    assert_eq!(get(&kept, &asked, None).await, 1);
    assert!(kept.is_worth_keeping());
    advance(Duration::from_secs(1)).await;
    assert!(!kept.is_worth_keeping());
    assert_eq!(get(&kept, &asked, None).await, 2);
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_may_give_up_and_the_next_one_asks() {
    let (kept, asked) = (Kept::default(), Cell::new(0));
    let impatient = tokio::time::timeout(Duration::from_millis(1), get(&kept, &asked, None));
    assert!(impatient.await.is_err());
    assert_eq!(get(&kept, &asked, None).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_replaced_once_and_not_again_for_a_while() {
    let (kept, asked) = (Kept::default(), Cell::new(0));
    assert_eq!(get(&kept, &asked, None).await, 1);
    let both = join_all([get(&kept, &asked, Some(1)), get(&kept, &asked, Some(1))]).await;
    assert_eq!((both, asked.get()), (vec![2, 2], 2));
    // It comes back itself: there is no other one now.
    assert_eq!(get(&kept, &asked, Some(2)).await, 2);
    advance(BETWEEN).await;
    assert_eq!(get(&kept, &asked, Some(2)).await, 3);
}

const BETWEEN: Duration = Duration::from_secs(10);

#[tokio::test(start_paused = true)]
async fn after_a_failure_nobody_asks_for_a_time_that_doubles() {
    let (kept, asked) = (Kept::default(), Cell::new(0));
    let fail = || {
        kept.get(None, async || {
            asked.set(asked.get() + 1);
            Err("no")
        })
    };
    for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
        let before = asked.get();
        assert_eq!(fail().await, Err("no"));
        assert_eq!(asked.get(), before + 1);
        advance(Duration::from_millis(pause * 1000 - 1)).await;
        assert_eq!(fail().await, Err("no"));
        assert_eq!(asked.get(), before + 1, "{pause}");
        advance(Duration::from_millis(1)).await;
    }
    let good = get(&kept, &asked, None).await;
    assert_eq!(good, 9);
}
