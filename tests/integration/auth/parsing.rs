//! Tokens that two parsers would read differently, all of them signed by the issuer: none may be read in a way of its own.

use serde_json::{Value, json};

use super::{Bench, check, good};
use crate::issuer::{TestIssuer, now};

/// The claims of a good token as text, without the members `without`.
fn claims(issuer: &TestIssuer, without: &[&str]) -> String {
    let token = without
        .iter()
        .fold(good(issuer), |token, name| token.without(name));
    Value::Object(token.claims().clone()).to_string()
}

/// The same with `more` as its last members.
fn claims_and(issuer: &TestIssuer, without: &[&str], more: &str) -> String {
    let claims = claims(issuer, without);
    let open = claims.strip_suffix('}').expect("an object");
    format!("{open},{more}}}")
}

// row 16, row 17
#[tokio::test]
async fn claims_are_json_to_the_letter() {
    let issuer = TestIssuer::start().await;
    let bench = Bench::start(&issuer).await;
    let header = Value::Object(good(&issuer).header_members().clone()).to_string();
    let mint = |claims: String| good(&issuer).mint_raw(&header, &claims);
    let whole = claims(&issuer, &[]);
    let soon = now() + 60;
    let table = vec![
        ("as it is", mint(whole.clone()), "ok"),
        ("white space around", mint(format!(" \r\n\t{whole} ")), "ok"),
        (
            "a byte order mark",
            mint(format!("\u{feff}{whole}")),
            "bad_json",
        ),
        ("a NUL behind", mint(format!("{whole}\0")), "bad_json"),
        (
            "a second object",
            mint(format!("{whole}{whole}")),
            "bad_json",
        ),
        (
            "a trailing comma",
            mint(claims_and(&issuer, &[], "")),
            "bad_json",
        ),
        ("a comment", mint(format!("/**/{whole}")), "bad_json"),
        (
            "exp under an escaped name",
            mint(claims_and(
                &issuer,
                &["exp"],
                &format!("\"\\u0065xp\":{soon}"),
            )),
            "ok",
        ),
        (
            "exp under another case",
            mint(claims_and(&issuer, &["exp"], &format!("\"EXP\":{soon}"))),
            "missing_claim",
        ),
        (
            "exp twice, once escaped",
            mint(claims_and(&issuer, &[], &format!("\"\\u0065xp\":{soon}"))),
            "duplicate_member",
        ),
        (
            "sub a half surrogate",
            mint(claims_and(&issuer, &["sub"], "\"sub\":\"\\ud800\"")),
            "bad_json",
        ),
        (
            "sub with a raw line break",
            mint(claims_and(&issuer, &["sub"], "\"sub\":\"a\nb\"")),
            "bad_json",
        ),
        (
            "iss with a NUL",
            mint(claims_and(
                &issuer,
                &["iss"],
                &format!("\"iss\":\"{}\\u0000\"", issuer.issuer()),
            )),
            "wrong_issuer",
        ),
    ];
    check(&bench, table).await;
}

// row 14
#[tokio::test]
async fn times_are_numbers_as_json_has_them() {
    let issuer = TestIssuer::start().await;
    let bench = Bench::start(&issuer).await;
    let header = Value::Object(good(&issuer).header_members().clone()).to_string();
    let mint = |claims: String| good(&issuer).mint_raw(&header, &claims);
    let soon = now() + 60;
    let exp = |value: String| claims_and(&issuer, &["exp"], &format!("\"exp\":{value}"));
    let table = vec![
        ("exp 1.0", mint(exp(format!("{soon}.0"))), "ok"),
        ("exp with an exponent", mint(exp(format!("{soon}e0"))), "ok"),
        ("exp -0", mint(exp("-0".into())), "expired"),
        ("exp 1e308", mint(exp("1e308".into())), "lifetime_too_long"),
        ("exp -1e308", mint(exp("-1e308".into())), "expired"),
        ("exp 1e-400", mint(exp("1e-400".into())), "expired"),
        ("exp with a plus", mint(exp(format!("+{soon}"))), "bad_json"),
        (
            "exp with a leading zero",
            mint(exp(format!("0{soon}"))),
            "bad_json",
        ),
        (
            "exp in hexadecimal",
            mint(exp(format!("{soon:#x}"))),
            "bad_json",
        ),
        (
            "exp with a bare point",
            mint(exp(format!("{soon}."))),
            "bad_json",
        ),
        ("exp Infinity", mint(exp("Infinity".into())), "bad_json"),
        ("exp true", mint(exp("true".into())), "bad_claim"),
        ("exp in a list", mint(exp(format!("[{soon}]"))), "bad_claim"),
    ];
    check(&bench, table).await;
}

// row 1, row 2
#[tokio::test]
async fn the_algorithm_is_a_registered_name_to_the_letter() {
    let issuer = TestIssuer::start().await;
    let bench = Bench::start(&issuer).await;
    let set = |value: Value| good(&issuer).header("alg", value).mint();
    let mut table = Vec::new();
    for odd in [
        "rs256",
        " RS256",
        "RS256 ",
        "RS256\0",
        "RS256\n",
        "ＲＳ256",
        "RS-256",
        "",
        "none",
        "NonE",
        "HS256",
        "PS256",
        "RS512",
    ] {
        table.push(("another name", set(json!(odd)), "algorithm_not_allowed"));
    }
    for odd in [
        json!(["RS256"]),
        json!({ "RS256": 1 }),
        json!(256),
        json!(true),
    ] {
        table.push(("another type", set(odd), "bad_header"));
    }
    check(&bench, table).await;
}
