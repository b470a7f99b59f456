//! A warm token: what the checks, the protocol and the tools cost on top of a bare handler.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::compare::{Side, alternate};
use crate::issuer::TestIssuer;
use crate::load::{Connection, Connections, Requests};
use crate::process::bare;
use crate::report::Row;
use crate::subject::{Subject, small_collection};

pub(super) async fn measure(bench: &mut Bench) -> Result<()> {
    let issuer = TestIssuer::start().await;
    let collection = small_collection(bench)?;
    let subject = Subject::start(bench, &issuer, &collection).await?;
    let token = token(&issuer, &subject);
    let target = subject.target();

    let list = target.modern(&token, "tools/list", json!({}));
    against_bare(bench, &subject, "warm token, tools/list", 1.6, list).await?;

    let session = session(&subject, &token).await?;
    let list = target.in_session(&token, &session, "tools/list", json!({}));
    let name = "warm token, tools/list in a session";
    against_bare(bench, &subject, name, 1.6, list).await?;

    let id = some_document(&subject, &token).await?;
    let arguments = json!({ "name": "fetch", "arguments": { "id": id } });
    let fetch = target.modern(&token, "tools/call", arguments);
    against_bare(bench, &subject, "warm token, fetch", 2.2, fetch).await
}

/// A token that stays valid for the whole run.
pub(super) fn token(issuer: &TestIssuer, subject: &Subject) -> String {
    let token = issuer.token().audience(subject.audience());
    token
        .scope("mcp:read mcp:write")
        .expires_in(4 * 3600)
        .mint()
}

/// Opens a session and gives its id.
pub(super) async fn session(subject: &Subject, token: &str) -> Result<String> {
    let mut connection = Connection::open(subject.address).await?;
    let response = connection
        .exchange(&subject.target().initialize(token))
        .await?;
    let session = response.header("mcp-session-id");
    let session = session.with_context(|| format!("no session: {}", response.text()))?;
    Ok(session.to_owned())
}

async fn some_document(subject: &Subject, token: &str) -> Result<String> {
    let arguments = json!({ "name": "search", "arguments": { "query": "lemon cupcake" } });
    let request = subject.target().modern(token, "tools/call", arguments);
    let mut connection = Connection::open(subject.address).await?;
    let response = connection.exchange(&request).await?;
    let answer: Value = serde_json::from_slice(response.body)?;
    let id = answer.pointer("/result/structuredContent/results/0/id");
    let id = id.and_then(Value::as_str);
    Ok(id
        .with_context(|| format!("search found nothing: {answer}"))?
        .to_owned())
}

/// Measures one request against a bare handler that answers with the same bytes.
async fn against_bare(
    bench: &mut Bench,
    subject: &Subject,
    name: &'static str,
    bound: f64,
    request: Vec<u8>,
) -> Result<()> {
    let mut first = Connection::open(subject.address).await?;
    let answer = first.exchange(&request).await?;
    let is_error = memchr::memmem::find(answer.body, b"\"error\"").is_some();
    if answer.status != 200 || is_error {
        bail!("{name}: expected a result, found {}", answer.text());
    }
    let bytes = answer.body.len();
    let response = bench.file("response.json", answer.body)?;
    let (baseline, address) = bare(&response, None).await?;
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
    let load = Arc::new(Requests::Same(request));
    let rounds = bench.rounds();
    baseline.warm_up(&load, rounds.warm_up).await?;
    own.warm_up(&load, rounds.warm_up).await?;
    let comparison = alternate(&mut baseline, &mut own, rounds, |_| Arc::clone(&load)).await?;
    bench.add(Row {
        name,
        value: comparison.ratio.median,
        unit: "×",
        bound: Some(bound),
        spread: Some(comparison.ratio.median_within),
        detail: format!("{}, {bytes} bytes of answer", comparison.absolute()),
    });
    Ok(())
}
