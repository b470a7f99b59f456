//! Cold tokens: every request brings one that was never seen, so that every request verifies a signature.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::PublicKeyComponents;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::compare::{Side, alternate};
use crate::issuer::TestIssuer;
use crate::issuer_keys::TestKey;
use crate::load::{Connection, Connections, Requests};
use crate::process::bare;
use crate::report::Row;
use crate::subject::{Subject, small_collection};

pub(super) async fn measure(bench: &mut Bench) -> Result<()> {
    let issuer = TestIssuer::start().await;
    let collection = small_collection(bench)?;
    let subject = Subject::start(bench, &issuer, &collection).await?;
    let rounds = bench.rounds().shortened(4);
    // Minting takes ten times longer than checking, so it happens before anything is measured.
    let warm_up = load(&issuer, &subject, rounds.warm_up);
    let loads = (0..rounds.turns()).map(|_| load(&issuer, &subject, rounds.requests));
    let loads: Vec<_> = loads.collect();

    let mut first = Connection::open(subject.address).await?;
    let extra = load(&issuer, &subject, 1);
    let answer = first.exchange(extra.nth(0).unwrap_or_default()).await?;
    if answer.status != 200 {
        bail!("expected a result, found {}", answer.text());
    }
    let response = bench.file("cold.json", answer.body)?;
    let key = bench.file("key.der", &public_key()?)?;
    let (baseline, address) = bare(&response, Some(&key)).await?;
    let mut baseline = Side {
        process: &baseline,
        connections: Connections::open(address, bench.connections()).await?,
        load: None,
    };
    let mut own = Side {
        process: &subject.process,
        connections: Connections::open(subject.address, bench.connections()).await?,
        load: None,
    };
    baseline.warm_up(&warm_up, rounds.warm_up).await?;
    own.warm_up(&warm_up, rounds.warm_up).await?;
    let of_turn = |turn: usize| Arc::clone(loads.get(turn).unwrap_or(&warm_up));
    let comparison = alternate(&mut baseline, &mut own, rounds, of_turn).await?;
    bench.add(Row {
        name: "cold tokens, tools/list",
        value: comparison.ratio.median,
        unit: "×",
        bound: Some(1.35),
        spread: Some(comparison.ratio.median_within),
        detail: format!("{}, RS256 with 2048 bits in both", comparison.absolute()),
    });
    Ok(())
}

/// Requests that bring a new token each.
pub(super) fn load(issuer: &TestIssuer, subject: &Subject, requests: usize) -> Arc<Requests> {
    let target = subject.target();
    let token = issuer.token().audience(subject.audience());
    let token = token.scope("mcp:read mcp:write").expires_in(4 * 3600);
    let requests = (0..requests).map(|_| {
        let unique = URL_SAFE_NO_PAD.encode(unique::<16>());
        let token = token.clone().claim("jti", json!(unique)).mint();
        target.modern(&token, "tools/list", json!({}))
    });
    Arc::new(Requests::Each(requests.collect()))
}

/// Random bytes.
pub(super) fn unique<const LENGTH: usize>() -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    aws_lc_rs::rand::fill(&mut bytes).expect("invariant: the system has random numbers");
    bytes
}

/// The issuer's first key as DER.
fn public_key() -> Result<Vec<u8>> {
    let jwk = TestKey::new("key-1", "RS256", 0).jwk();
    let member = |name: &str| -> Result<Vec<u8>> {
        let text = jwk.get(name).and_then(Value::as_str).unwrap_or_default();
        Ok(URL_SAFE_NO_PAD.decode(text)?)
    };
    let key = PublicKeyComponents {
        n: member("n")?,
        e: member("e")?,
    };
    let der = key.as_der().ok();
    let der = der.with_context(|| format!("not an RSA key: {jwk}"))?;
    Ok(der.as_ref().to_vec())
}
