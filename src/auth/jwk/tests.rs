use serde_json::{Value, json};

use super::*;

fn rsa_key(bits: usize, exponent: &[u8]) -> Value {
    let mut modulus = vec![0x55; bits.div_ceil(8)];
    let spare = modulus.len() * 8 - bits;
    modulus[0] = 0xff >> spare;
    // Leading zeros count for nothing.
    modulus.insert(0, 0);
    json!({
        "kty": "RSA",
        "kid": "a",
        "n": URL_SAFE_NO_PAD.encode(modulus),
        "e": URL_SAFE_NO_PAD.encode(exponent),
    })
}

fn skipped(jwk: &Value) -> Option<&'static str> {
    let wanted = Wanted {
        without_kid: false,
        blocked_kids: &["blocked".to_owned()],
    };
    let document = json!({ "keys": [jwk] }).to_string();
    let parsed = parse(document.as_bytes(), wanted).expect("a key set");
    assert_eq!(parsed.keys.len() + parsed.skipped.len(), 1);
    parsed.skipped.first().map(|skipped| skipped.reason)
}

// row 19
#[test]
fn an_rsa_key_has_2048_to_8192_bits_and_an_odd_exponent_above_one() {
    const F4: &[u8] = &[1, 0, 1];
    for (bits, exponent, part) in [
        (2048, F4, None),
        (8192, F4, None),
        (2048, &[3][..], None),
        (1024, F4, Some("less than 2048")),
        (2047, F4, Some("less than 2048")),
        (8193, F4, Some("more than 8192")),
        (2048, &[1], Some("exponent")),
        (2048, &[0], Some("exponent")),
        (2048, &[2], Some("exponent")),
        (2048, &[], Some("exponent")),
        (2048, &[1, 0, 0, 0, 1], Some("exponent")),
    ] {
        let reason = skipped(&rsa_key(bits, exponent));
        match part {
            None => assert_eq!(reason, None, "{bits} {exponent:?}"),
            Some(part) => assert!(
                reason.expect("skipped").contains(part),
                "{bits} {exponent:?}"
            ),
        }
    }
}

// row 38
#[test]
fn a_key_for_something_else_is_skipped_with_its_reason() {
    let change = |name: &str, value: Value| {
        let mut jwk = rsa_key(2048, &[3]);
        jwk[name] = value;
        jwk
    };
    for (jwk, part) in [
        (change("use", json!("enc")), "use"),
        (change("key_ops", json!(["encrypt"])), "key_ops"),
        (change("alg", json!("RSA-OAEP")), "signature algorithm"),
        (change("alg", json!("HS256")), "signature algorithm"),
        (change("alg", json!("ES256")), "does not fit"),
        (change("kid", json!("a\nb")), "printable"),
        (change("kid", json!("blocked")), "blocked"),
        (change("kid", Value::Null), "no kid"),
        (change("kty", json!("AKP")), "not supported"),
        (change("kty", json!("oct")), "symmetric"),
        (change("kty", json!(1)), "not a JWK"),
        (change("d", json!("AQAB")), "private"),
        (change("n", Value::Null), "missing"),
        (change("n", json!("****")), "base64url"),
    ] {
        let reason = skipped(&jwk).unwrap_or_else(|| panic!("{jwk} is skipped"));
        assert!(reason.contains(part), "{reason}");
    }
    assert_eq!(skipped(&change("use", json!("sig"))), None);
    assert_eq!(skipped(&change("key_ops", json!(["verify", "sign"]))), None);
    assert_eq!(skipped(&change("alg", json!("PS512"))), None);
    assert_eq!(skipped(&change("unknown", json!({ "a": [1] }))), None);
}

// row 34
#[test]
fn a_set_has_at_most_one_hundred_keys() {
    let wanted = Wanted {
        without_kid: false,
        blocked_kids: &[],
    };
    let set = |count: usize| json!({ "keys": vec![rsa_key(2048, &[3]); count] }).to_string();
    let count = |keys: usize| parse(set(keys).as_bytes(), wanted).map(|parsed| parsed.keys.len());
    assert_eq!(count(100).expect("a set"), 100);
    assert_eq!(
        count(101).expect_err("too many"),
        KeySetError::TooManyKeys(101)
    );
    for text in ["", "null", "[]", "{}", "{\"keys\":{}}", "{\"keys\":[]} x"] {
        let error = parse(text.as_bytes(), wanted).expect_err(text);
        assert_eq!(error, KeySetError::NotAKeySet);
    }
}

#[test]
fn a_skipped_key_is_told_once_and_again_when_it_comes_back() {
    let told = Told::default();
    let key = |kid: &str| Skipped {
        kid: Some(kid.to_owned()),
        reason: "its use is not sig",
    };
    assert_eq!(told.news(vec![key("a"), key("b")]), [key("a"), key("b")]);
    assert_eq!(told.news(vec![key("b"), key("a")]), []);
    assert_eq!(told.news(vec![key("b"), key("c")]), [key("c")]);
    assert_eq!(told.news(vec![key("a")]), [key("a")]);
}

#[test]
fn a_set_without_a_signing_key_says_what_it_holds_instead() {
    let words = |keys: Value| {
        let wanted = Wanted {
            without_kid: false,
            blocked_kids: &[],
        };
        let set = json!({ "keys": keys }).to_string();
        let parsed = parse(set.as_bytes(), wanted).expect("a key set");
        assert_eq!(parsed.keys.len(), 0);
        parsed.in_words()
    };
    let key =
        |kid: &str| json!({ "kty": "RSA", "use": "enc", "kid": kid, "n": "AQAB", "e": "AQAB" });
    assert_eq!(words(json!([])), "it is empty");
    assert_eq!(words(json!([key("a")])), "a: its use is not sig");
    let five = words(json!([key("a"), key("b"), key("c"), key("d"), key("e")]));
    assert!(five.ends_with("c: its use is not sig and 2 more"), "{five}");
    assert!(words(json!(["odd"])).starts_with("a key without kid: "));
}
