//! Wycheproof's JSON Web Signature vectors through the real path: pre-parse, key set, signature.
//!
//! They are not part of the repository. They are looked for in `../shared/vectors` beside it, or under `USHER_SHARED`.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::auth::TokenError;
use crate::auth::algorithm::Algorithm;
use crate::auth::signing_keys::KeySet;
use crate::auth::unverified::{Parts, UnverifiedHeader};

fn vectors(file: &str) -> Option<Value> {
    let shared = std::env::var_os("USHER_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared")),
        PathBuf::from,
    );
    let path = shared.join("vectors").join(file);
    match std::fs::read(&path) {
        Ok(bytes) => Some(serde_json::from_slice(&bytes).expect("vectors are JSON")),
        Err(_) => {
            println!(
                "NOT RUN: no vectors at {}; set USHER_SHARED",
                path.display()
            );
            None
        }
    }
}

/// All steps of a token's way that do not look at claims, with every algorithm allowed.
fn verify(token: &str, set: &KeySet) -> Result<(), TokenError> {
    let parts = Parts::parse(token)?;
    let header = UnverifiedHeader::parse(&parts.header)?;
    let algorithm = Algorithm::parse(&header.algorithm).ok_or(TokenError::AlgorithmNotAllowed)?;
    let kid = header.kid.ok_or(TokenError::MissingKid)?;
    let found = set.named(&kid, algorithm).ok_or(TokenError::UnknownKey)??;
    found.signer(algorithm, parts.signed.as_bytes(), &parts.signature)?;
    Ok(())
}

fn set_of(jwk: &Value) -> KeySet {
    KeySet::for_test(json!({ "keys": [jwk] }).to_string().as_bytes())
}

#[test]
fn all_verdicts_are_right_for_the_algorithms_allowed() {
    let Some(file) = vectors("json_web_signature_test.json") else {
        return;
    };
    let (mut accepted, mut refused, mut symmetric, mut mislabelled) = (0, 0, 0, 0);
    for group in file["testGroups"].as_array().expect("groups") {
        let jwk = group
            .get("public")
            .or_else(|| group.get("private"))
            .expect("a key");
        for test in group["tests"].as_array().expect("tests") {
            let what = format!("tcId {} {}", test["tcId"], test["comment"]);
            let token = test["jws"]
                .as_str()
                .map_or_else(|| test["jws"].to_string(), str::to_owned);
            let verdict = verify(&token, &set_of(jwk));
            if test["result"] != "valid" {
                assert!(verdict.is_err(), "{what} must be refused");
                refused += 1;
            } else if jwk["kty"] == "oct" {
                // A symmetric key verifies nothing here, its own signatures included.
                assert!(verdict.is_err(), "{what} is symmetric");
                symmetric += 1;
            } else if verdict.is_ok() {
                accepted += 1;
            } else {
                // Two of RFC 7520's keys are given an `alg` that their own signatures contradict (PS256 under a PS384
                // signature, and `ES521`, which does not exist). The key's `alg` binds; without it they verify.
                assert_ne!(jwk["alg"], header_algorithm(&token), "{what}: {verdict:?}");
                let mut unlabelled = jwk.clone();
                unlabelled.as_object_mut().expect("an object").remove("alg");
                assert_eq!(verify(&token, &set_of(&unlabelled)), Ok(()), "{what}");
                mislabelled += 1;
            }
        }
    }
    assert_eq!(
        (accepted, refused, symmetric, mislabelled),
        (32, 355, 10, 4)
    );
}

fn header_algorithm(token: &str) -> Value {
    let parts = Parts::parse(token).expect("three parts");
    let header = UnverifiedHeader::parse(&parts.header).expect("a header");
    json!(header.algorithm)
}

#[test]
fn keys_that_are_too_weak_or_meant_for_something_else_verify_nothing() {
    let Some(file) = vectors("json_web_key_test.json") else {
        return;
    };
    for group in file["testGroups"].as_array().expect("groups") {
        let Some(public) = group.get("public") else {
            continue;
        };
        let keys = public
            .get("keys")
            .cloned()
            .unwrap_or_else(|| json!([public]));
        let set = KeySet::for_test(json!({ "keys": keys }).to_string().as_bytes());
        for test in group["tests"].as_array().expect("tests") {
            // The key itself is well-formed and large enough; that its primes are ROCA's is not looked at.
            if test["comment"] == "rejectsKeyWithRocaVulnerability" {
                continue;
            }
            let token = test["jws"].as_str().expect("a token");
            let verdict = verify(token, &set);
            assert_eq!(
                verdict.is_ok(),
                test["result"] == "valid",
                "tcId {}: {verdict:?}",
                test["tcId"]
            );
        }
    }
}
