//! What holds for all inputs.

use proptest::prelude::*;

use super::{Bench, PUBLIC_URL};
use crate::issuer::TestIssuer;

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime")
}

/// A ready server and a token that it accepts.
fn scene(runtime: &tokio::runtime::Runtime) -> (TestIssuer, Bench, String) {
    runtime.block_on(async {
        let issuer = TestIssuer::start().await;
        let bench = Bench::start(&issuer).await;
        let token = issuer.token().audience(PUBLIC_URL).mint();
        assert_eq!(bench.reason(&token).await, "ok");
        (issuer, bench, token)
    })
}

#[test]
fn no_principal_without_a_valid_signature_however_a_token_is_bent() {
    let runtime = runtime();
    let (_issuer, bench, token) = scene(&runtime);
    let check = |bent: &str| runtime.block_on(bench.check(bent)).is_ok();
    let bends = (0..token.len(), any::<u8>(), 0..4_u8);
    let mut runner = proptest::test_runner::TestRunner::default();
    let law = runner.run(&bends, |(at, byte, how)| {
        let mut bytes = token.clone().into_bytes();
        match how {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            2 => drop(bytes.remove(at)),
            _ => bytes.truncate(at),
        }
        if let Ok(bent) = String::from_utf8(bytes) {
            prop_assert_eq!(check(&bent), bent == token, "{}", bent);
        }
        Ok(())
    });
    law.expect("the law holds");
}

#[test]
fn no_text_at_all_becomes_a_principal_or_a_panic() {
    let runtime = runtime();
    let (_issuer, bench, _) = scene(&runtime);
    let texts = prop_oneof![
        ".{0,200}",
        "[A-Za-z0-9_-]{0,80}(\\.[A-Za-z0-9_-]{0,80}){0,4}"
    ];
    let mut runner = proptest::test_runner::TestRunner::default();
    let law = runner.run(&texts, |text| {
        prop_assert!(runtime.block_on(bench.check(&text)).is_err());
        Ok(())
    });
    law.expect("the law holds");
}

#[test]
fn neither_errors_nor_metrics_contain_the_token() {
    let runtime = runtime();
    let (issuer, bench, token) = scene(&runtime);
    for bad in [
        issuer.token().audience("https://other.test").mint(),
        issuer.token().expires_in(-100).mint(),
        format!("{token}x"),
        "secret-opaque-token".to_owned(),
    ] {
        let error = runtime.block_on(bench.check(&bad)).expect_err("refused");
        for text in [
            error.to_string(),
            format!("{error:?}"),
            bench.metrics.encode(),
        ] {
            assert!(!text.contains(&bad) && !text.contains("secret"), "{text}");
        }
    }
}
