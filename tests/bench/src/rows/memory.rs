//! Memory: an idle server, idle sessions, open streams.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::json;
use tokio::time::sleep;

use crate::bench::Bench;
use crate::issuer::TestIssuer;
use crate::load::{Connection, Connections, Requests};
use crate::report::Row;
use crate::rows::warm::{session, token};
use crate::subject::{Subject, small_collection};

const MEGABYTE: f64 = 1024.0 * 1024.0;

pub(super) async fn measure(bench: &mut Bench) -> Result<()> {
    let issuer = TestIssuer::start().await;
    idle(bench, &issuer).await?;
    sessions(bench, &issuer).await?;
    streams(bench, &issuer).await
}

/// A server with the sample collections that nobody talks to.
async fn idle(bench: &mut Bench, issuer: &TestIssuer) -> Result<()> {
    let subject = Subject::start_demo(bench, issuer).await?;
    sleep(Duration::from_secs(3)).await;
    let memory = subject.process.memory()?;
    let documents = subject.metric("usher_documents").await?;
    if documents == 0.0 {
        bail!("expected the sample collections, found no documents");
    }
    bench.add(Row {
        name: "resident memory, idle",
        value: megabytes(memory.resident),
        unit: "MB",
        bound: Some(30.0),
        spread: None,
        detail: format!(
            "{:.1} MB of it heap and stacks, the rest program and index files; {documents} documents",
            megabytes(memory.anonymous)
        ),
    });
    Ok(())
}

/// Sessions that were opened and are not used.
async fn sessions(bench: &mut Bench, issuer: &TestIssuer) -> Result<()> {
    const SESSIONS: usize = 10_000;
    let collection = small_collection(bench)?;
    let subject = Subject::start(bench, issuer, &collection).await?;
    let token = token(issuer, &subject);
    let open = Arc::new(Requests::Same(subject.target().initialize(&token)));
    let mut connections = Connections::open(subject.address, bench.connections()).await?;
    // What the first requests allocate for good is not the sessions' price.
    connections.run(&open, 5_000).await?.all_ok()?;
    let before = settled(&subject).await?;
    connections.run(&open, SESSIONS).await?.all_ok()?;
    let after = settled(&subject).await?;
    bench.add(Row {
        name: "10,000 idle sessions",
        value: megabytes(after) - megabytes(before),
        unit: "MB",
        bound: Some(2.0),
        spread: None,
        detail: format!("resident {:.1} MB before", megabytes(before)),
    });
    Ok(())
}

/// Streams that are open and silent, in sessions and in the newest revision.
async fn streams(bench: &mut Bench, issuer: &TestIssuer) -> Result<()> {
    let collection = small_collection(bench)?;
    for (name, modern) in [
        ("1,000 open streams in sessions, each", false),
        ("1,000 open subscriptions, each", true),
    ] {
        const STREAMS: u32 = 1_000;
        let subject = Subject::start(bench, issuer, &collection).await?;
        let before = settled(&subject).await?;
        let mut open = Vec::new();
        for number in 0..STREAMS {
            open.push(stream(&subject, issuer, number / 10, modern).await?);
        }
        let after = settled(&subject).await?;
        bench.add(Row {
            name,
            value: (megabytes(after) - megabytes(before)) * 1024.0 / f64::from(STREAMS),
            unit: "KB",
            bound: Some(40.0),
            spread: None,
            detail: "100 subjects, one connection a stream".to_owned(),
        });
    }
    Ok(())
}

async fn stream(
    subject: &Subject,
    issuer: &TestIssuer,
    user: u32,
    modern: bool,
) -> Result<Connection> {
    let token = issuer.token().audience(subject.audience());
    let token = token.subject(&format!("user-{user}")).mint();
    let request = if modern {
        let params = json!({ "notifications": { "toolsListChanged": true } });
        let target = subject.target();
        target.modern(&token, "subscriptions/listen", params)
    } else {
        let session = session(subject, &token).await?;
        subject.target().session_stream(&token, &session)
    };
    let mut connection = Connection::open(subject.address).await?;
    connection.begin(&request).await?;
    if connection.status()? != 200 {
        bail!("expected a stream, found {}", connection.received());
    }
    Ok(connection)
}

/// Resident memory once the server has had a moment to give back what it no longer needs.
async fn settled(subject: &Subject) -> Result<u64> {
    sleep(Duration::from_secs(1)).await;
    Ok(subject.process.memory()?.resident)
}

#[expect(clippy::cast_precision_loss, reason = "bytes to megabytes")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / MEGABYTE
}
