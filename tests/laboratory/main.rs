//! The fault laboratory: faults injected one at a time into healthy set-ups, each of which `usher doctor` must name first.
//!
//! Plain `cargo test` runs the rows that need nothing but this repository. `--all`, after `tests/laboratory/install`, runs
//! those with a real Keycloak, npm's `oidc-provider` and nginx too (`tests/run-all laboratory`); `--write` writes the table
//! of all rows into `docs/fault-laboratory.md`, and runs none. An argument without dashes chooses the rows with that in their names. Logs, and one
//! report of the doctor for each provider, are in `target/laboratory`.
#![expect(clippy::print_stdout, reason = "it prints what a person asked to see")]
#![expect(
    clippy::indexing_slicing,
    reason = "a member that JSON does not have is null, and the row fails with the whole answer"
)]

#[path = "../support/broken_proxy.rs"]
mod broken_proxy;
mod document;
#[expect(dead_code, reason = "shared with the end-to-end tests")]
#[path = "../support/keycloak.rs"]
mod keycloak;
mod person;
#[path = "../support/ports.rs"]
mod ports;
mod row;
mod rows;
mod run;
mod setups;
#[path = "../support/tls.rs"]
mod tls;
#[expect(dead_code, reason = "shared with the end-to-end tests")]
#[path = "../support/tools.rs"]
mod tools;

use std::cell::{Cell, RefCell};
use std::process::ExitCode;

use row::{At, Row};
use run::Outcome;
use setups::Site;
use tokio::time::Instant;

/// Where everything goes that is written, below `target`.
const OUTPUT: &str = "laboratory";

/// Rows with dev-idp run in so many set-ups beside each other.
const LANES: usize = 3;

/// As `tests/run-all` reads it: something was left out that this machine cannot do.
const EXIT_SKIPPED: u8 = 77;

/// What became of all rows.
#[derive(Default)]
struct Results {
    passed: Cell<usize>,
    failed: Cell<usize>,
    skipped: RefCell<Vec<String>>,
}

impl Results {
    fn add(&self, row: &Row, started: Instant, outcome: anyhow::Result<Outcome>) {
        let (seconds, name) = (started.elapsed().as_secs_f32(), row.name());
        match outcome {
            Ok(Outcome::AsExpected) => {
                println!("ok      {seconds:5.1} s  {name}");
                self.passed.set(self.passed.get() + 1);
            }
            Ok(Outcome::Otherwise(told)) => self.fail(&format!("{seconds:5.1} s  {name}"), &told),
            Ok(Outcome::Skipped(why)) => {
                println!("skipped {seconds:5.1} s  {name}: {why}");
                self.skipped.borrow_mut().push(why.to_owned());
            }
            Err(error) => self.fail(&format!("{seconds:5.1} s  {name}"), &format!("{error:#}")),
        }
    }

    fn fail(&self, name: &str, told: &str) {
        println!("FAILED  {name}\n    {told}");
        self.failed.set(self.failed.get() + 1);
    }
}

/// For requests of every kind: the address asked for and nobody in between.
fn http_client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(std::time::Duration::from_secs(60))
        .build()
        .expect("a client")
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let filter = arguments.iter().find(|argument| !argument.starts_with('-'));
    let all = has("--all");
    let chosen: Vec<&'static Row> = rows::all()
        .filter(|row| all || row.is_quick())
        .filter(|row| filter.is_none_or(|part| row.name().contains(part.as_str())))
        .collect();
    if has("--list") {
        for row in &chosen {
            println!("{}", row.name());
        }
        return ExitCode::SUCCESS;
    }
    if has("--write") {
        let written = document::is_fresh(&document::table(rows::all()), true);
        written.expect("docs/fault-laboratory.md is written");
        return ExitCode::SUCCESS;
    }
    let folder = tools::output("");
    // The logs of the run before.
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder).expect("a folder for logs");
    let results = Results::default();
    let started = Instant::now();
    Box::pin(everything(&chosen, &results, all && filter.is_none())).await;
    if filter.is_none() {
        document(&results);
    }
    println!("all of it took {:.0} s", started.elapsed().as_secs_f32());
    close(&results)
}

/// Each provider at once; dev-idp several times.
async fn everything(chosen: &[&'static Row], results: &Results, reports: bool) {
    let of = |at: At| -> Vec<&'static Row> {
        chosen.iter().filter(|row| row.at == at).copied().collect()
    };
    let (own, keycloak, oidc_provider) = (of(At::DevIdp), of(At::Keycloak), of(At::OidcProvider));
    let next = Cell::new(0);
    let lanes = (0..LANES.min(own.len())).map(|lane| {
        let (own, next) = (&own, &next);
        async move {
            let name = format!("dev-idp-{lane}");
            let take = || own.get(next.replace(next.get() + 1)).copied();
            lane_of(At::DevIdp, &name, take, results, reports && lane == 0).await;
        }
    });
    let other = async |at: At, rows: &[&'static Row]| {
        if !rows.is_empty() {
            let mut rows = rows.iter().copied();
            lane_of(at, at.title(), || rows.next(), results, reports).await;
        }
    };
    tokio::join!(
        futures_util::future::join_all(lanes),
        other(At::Keycloak, &keycloak),
        other(At::OidcProvider, &oidc_provider),
    );
}

/// One set-up, and rows in it until there are no more.
async fn lane_of(
    at: At,
    name: &str,
    mut next: impl FnMut() -> Option<&'static Row>,
    results: &Results,
    report: bool,
) {
    let mut site = match Site::start(at, name).await {
        Ok(site) => site,
        Err(error) => return results.fail(name, &format!("{error:#}")),
    };
    while let Some(row) = next() {
        let started = Instant::now();
        let outcome = Box::pin(run::run(&mut site, row)).await;
        results.add(row, started, outcome);
    }
    let closed = async {
        if report {
            site.usher.ensure(setups::usher::Settings::HEALTHY).await?;
            run::report(&site).await?;
        }
        site.stop().await
    };
    if let Err(error) = closed.await {
        results.fail(name, &format!("{error:#}"));
    }
}

/// Whether the table in the documentation is that of the rows.
fn document(results: &Results) {
    match document::is_fresh(&document::table(rows::all()), false) {
        Ok(true) => results.passed.set(results.passed.get() + 1),
        Ok(false) => results.fail(
            "docs/fault-laboratory.md",
            "has not the rows that there are: cargo test --test laboratory -- --write",
        ),
        Err(error) => results.fail("docs/fault-laboratory.md", &format!("{error:#}")),
    }
}

/// The closing lines, which `tests/run-all` reads.
fn close(results: &Results) -> ExitCode {
    let (passed, failed) = (results.passed.get(), results.failed.get());
    let skipped = results.skipped.borrow();
    if let Some(why) = skipped.first() {
        println!(
            "skipped: {} rows of the fault laboratory: {why}",
            skipped.len()
        );
    }
    println!(
        "\nlaboratory: {passed} passed, {failed} failed, {} skipped",
        skipped.len()
    );
    match (failed, skipped.len()) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::from(EXIT_SKIPPED),
        _ => ExitCode::FAILURE,
    }
}
