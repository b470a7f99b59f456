//! Calls that go through Usher to an upstream: what forwarding, copying and bridging cost, and many callers' sessions.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::json;
use tokio::time::sleep;

use crate::bench::Bench;
use crate::compare::{Comparison, Side, alternate};
use crate::issuer::TestIssuer;
use crate::load::{Connection, Connections, Requests, Response};
use crate::process::{Process, bare, proxy, upstream};
use crate::report::Row;
use crate::request::Target;
use crate::rows::warm::{session, token};
use crate::subject::Subject;
use crate::upstream::Era;

pub(super) async fn measure(bench: &mut Bench) -> Result<()> {
    let issuer = TestIssuer::start().await;
    small_calls(bench, &issuer).await?;
    big_results(bench, &issuer).await?;
    merged_list(bench, &issuer).await?;
    callers(bench, &issuer).await
}

/// An upstream that is running.
struct Behind {
    name: String,
    _process: Process,
    address: SocketAddr,
}

async fn behind(name: &str, era: Era, result: &Path, tools: usize) -> Result<Behind> {
    let (process, address) = upstream(era, result, tools).await?;
    Ok(Behind {
        name: name.to_owned(),
        _process: process,
        address,
    })
}

/// Usher before these, when it lists the tools of all.
async fn in_front_of(bench: &Bench, issuer: &TestIssuer, all: &[Behind]) -> Result<Subject> {
    let mut config = String::new();
    for Behind { name, address, .. } in all {
        config += &format!(
            "[[upstream]]\nname = \"{name}\"\nhttp = \"http://{address}/mcp\"\nmax_concurrent_calls = 2000\n"
        );
    }
    let config = bench.file("upstreams.toml", config.as_bytes())?;
    let subject = Subject::start_configured(bench, issuer, &config).await?;
    let list = subject
        .target()
        .modern(&token(issuer, &subject), "tools/list", json!({}));
    let mut connection = Connection::open(subject.address).await?;
    for _ in 0..2_000 {
        let answer = connection.exchange(&list).await?;
        let has = |behind: &Behind| {
            let tool = format!("\"{}__tool-1\"", behind.name);
            memchr::memmem::find(answer.body, tool.as_bytes()).is_some()
        };
        if all.iter().all(has) {
            return Ok(subject);
        }
        sleep(Duration::from_millis(10)).await;
    }
    bail!("the upstreams are not listed; the log says why")
}

/// A result of so many bytes.
fn result_of(bytes: usize) -> Vec<u8> {
    let words = "lemon cupcakes for Ada, delivered on Friday. ".repeat(bytes / 45 + 1);
    let text: String = words.chars().take(bytes).collect();
    json!({ "resultType": "complete", "content": [{ "type": "text", "text": text }] })
        .to_string()
        .into_bytes()
}

fn call(name: &str) -> serde_json::Value {
    json!({ "name": format!("{name}__tool-1"), "arguments": { "number": "order-17" } })
}

/// Same era against an echo, and the other era against the same one.
async fn small_calls(bench: &mut Bench, issuer: &TestIssuer) -> Result<()> {
    let result = bench.file("small.json", &result_of(500))?;
    let all = [
        behind("legacy", Era::Legacy, &result, 1).await?,
        behind("modern", Era::Modern, &result, 1).await?,
    ];
    let subject = in_front_of(bench, issuer, &all).await?;
    let token = token(issuer, &subject);
    let session = session(&subject, &token).await?;
    let target = subject.target();
    let modern = |name| target.modern(&token, "tools/call", call(name));
    let legacy = |name| target.in_session(&token, &session, "tools/call", call(name));

    let answer = ask(subject.address, &modern("modern")).await?;
    let echo = bare(&bench.file("answer.json", &answer)?, None).await?;
    // How much of it is the second connection.
    let [_, behind] = &all;
    let (bare_proxy, address) = proxy(behind.address).await?;
    let request = modern("modern");
    let both = ((&echo.0, echo.1), (&bare_proxy, address));
    let found = compare(bench, both, (&request, &request)).await?;
    let name = "the same call through a bare proxy";
    add(bench, name, None, &found, answer.len());
    for (name, request) in [
        ("forwarded tools/call, 2026-07-28", modern("modern")),
        ("forwarded tools/call, 2025-11-25", legacy("legacy")),
    ] {
        let request = (&*request, &*request);
        let both = ((&echo.0, echo.1), subject.side());
        let found = compare(bench, both, request).await?;
        add(bench, name, Some(4.0), &found, answer.len());
    }
    for (name, same, bridged) in [
        (
            "bridged tools/call, 2026-07-28 to a legacy upstream, against the same era",
            modern("modern"),
            modern("legacy"),
        ),
        (
            "bridged tools/call, 2025-11-25 to a modern upstream, against the same era",
            legacy("legacy"),
            legacy("modern"),
        ),
    ] {
        let request = (&*same, &*bridged);
        let found = compare(bench, (subject.side(), subject.side()), request).await?;
        add(bench, name, Some(1.5), &found, answer.len());
    }
    Ok(())
}

/// A quarter of a megabyte against a proxy that looks at nothing.
async fn big_results(bench: &mut Bench, issuer: &TestIssuer) -> Result<()> {
    let result = bench.file("big.json", &result_of(250_000))?;
    let all = [behind("modern", Era::Modern, &result, 1).await?];
    let subject = in_front_of(bench, issuer, &all).await?;
    let token = token(issuer, &subject);
    let request = subject
        .target()
        .modern(&token, "tools/call", call("modern"));
    let bytes = ask(subject.address, &request).await?.len();
    let [only] = &all;
    let (bare_proxy, address) = proxy(only.address).await?;
    let both = ((&bare_proxy, address), subject.side());
    let found = compare(bench, both, (&request, &request)).await?;
    let name = "forwarded tools/call with a big result, against a bare proxy";
    add(bench, name, Some(1.6), &found, bytes);
    Ok(())
}

/// The list of 1,000 tools against a bare handler with the same answer.
async fn merged_list(bench: &mut Bench, issuer: &TestIssuer) -> Result<()> {
    let result = bench.file("small.json", &result_of(500))?;
    let mut all = Vec::new();
    for number in 1..=20 {
        all.push(behind(&format!("up-{number}"), Era::Modern, &result, 50).await?);
    }
    let subject = in_front_of(bench, issuer, &all).await?;
    let token = token(issuer, &subject);
    let request = subject.target().modern(&token, "tools/list", json!({}));
    let answer = ask(subject.address, &request).await?;
    let (echo, address) = bare(&bench.file("answer.json", &answer)?, None).await?;
    let both = ((&echo, address), subject.side());
    let found = compare(bench, both, (&request, &request)).await?;
    let name = "merged list of 1,000 tools from 20 upstreams";
    add(bench, name, Some(1.5), &found, answer.len());
    Ok(())
}

/// A thousand subjects who each have called a legacy upstream, which gave each of them a session.
async fn callers(bench: &mut Bench, issuer: &TestIssuer) -> Result<()> {
    const CALLERS: u32 = 1_000;
    let result = bench.file("small.json", &result_of(500))?;
    let all = [behind("legacy", Era::Legacy, &result, 1).await?];
    let [only] = &all;
    let subject = in_front_of(bench, issuer, &all).await?;
    let by = |user: u32| {
        let token = issuer.token().audience(subject.audience());
        let token = token.subject(&format!("caller-{user}"));
        let token = token.scope("mcp:read mcp:write").mint();
        let target = subject.target();
        target.modern(&token, "tools/call", call("legacy"))
    };
    let each = |from: u32, to: u32| Arc::new(Requests::Each((from..to).map(by).collect()));
    let mut connections = Connections::open(subject.address, bench.connections()).await?;
    // What the first requests allocate for good is not the callers' price.
    let first = Arc::new(Requests::Same(by(0)));
    connections.run(&first, 5_000).await?.all_ok()?;
    let (before, sessions_before) = (settled(&subject).await?, sessions(only.address).await?);
    let load = each(1, CALLERS + 1);
    connections.run(&load, CALLERS as usize).await?.all_ok()?;
    let (after, sessions) = (settled(&subject).await?, sessions(only.address).await?);
    if sessions - sessions_before < u64::from(CALLERS) {
        bail!("expected a session for each caller, found {sessions} of {sessions_before} before");
    }
    bench.add(Row {
        name: "1,000 callers with a session of a legacy upstream, each",
        value: (after - before) / f64::from(CALLERS),
        unit: "KB",
        bound: Some(12.0),
        spread: None,
        detail: format!("{sessions} sessions at the upstream; verified tokens are in it too"),
    });
    Ok(())
}

/// Resident memory in kilobytes, once the server has had a moment to give back what it no longer needs.
#[expect(clippy::cast_precision_loss, reason = "bytes to kilobytes")]
async fn settled(subject: &Subject) -> Result<f64> {
    sleep(Duration::from_secs(1)).await;
    Ok(subject.process.memory()?.resident as f64 / 1024.0)
}

async fn sessions(upstream: SocketAddr) -> Result<u64> {
    let answer = ask(upstream, &Target(upstream).get("/sessions")).await?;
    let count = std::str::from_utf8(&answer)?;
    count.parse().context("a count of sessions")
}

/// The body of one answer, which must be a result.
async fn ask(address: SocketAddr, request: &[u8]) -> Result<Vec<u8>> {
    let mut connection = Connection::open(address).await?;
    let answer: Response<'_> = connection.exchange(request).await?;
    let is_error = memchr::memmem::find(answer.body, b"\"error\"").is_some();
    if answer.status != 200 || is_error {
        bail!("expected a result, found {}", answer.text());
    }
    Ok(answer.body.to_vec())
}

/// One server of a comparison.
type Compared<'a> = (&'a Process, SocketAddr);

/// The first server with the first request, against the second one with the second.
async fn compare(
    bench: &Bench,
    (baseline, subject): (Compared<'_>, Compared<'_>),
    (first, second): (&[u8], &[u8]),
) -> Result<Comparison> {
    ask(subject.1, second).await?;
    let mut baseline = Side {
        process: baseline.0,
        connections: Connections::open(baseline.1, bench.connections()).await?,
        load: Some(Arc::new(Requests::Same(first.to_vec()))),
    };
    let load = Arc::new(Requests::Same(second.to_vec()));
    let mut own = Side {
        process: subject.0,
        connections: Connections::open(subject.1, bench.connections()).await?,
        load: None,
    };
    // An answer that comes from elsewhere takes longer, and a big one longer still.
    let rounds = bench.rounds().shortened(5);
    baseline.warm_up(&load, rounds.warm_up).await?;
    own.warm_up(&load, rounds.warm_up).await?;
    alternate(&mut baseline, &mut own, rounds, |_| Arc::clone(&load)).await
}

fn add(
    bench: &mut Bench,
    name: &'static str,
    bound: Option<f64>,
    found: &Comparison,
    bytes: usize,
) {
    bench.add(Row {
        name,
        value: found.ratio.median,
        unit: "×",
        bound,
        spread: Some(found.ratio.median_within),
        detail: format!("{}, {bytes} bytes of answer", found.absolute()),
    });
}
