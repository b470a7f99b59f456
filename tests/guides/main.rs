//! Executes the guides: every block of commands in README.md, docs and keycloak/README.md, page by page, against the real
//! demo (`usher-demo`: Usher and the development identity provider), and compares what they print with what the page shows.
//! `tests/run-all guides` builds and runs it; `tests/support/guide.rs` says how a page is read.
//!
//! The guides say 127.0.0.1:8080, and other tests run beside this one: in the commands each address becomes a free port, and
//! in what they print it becomes the guide's address again. All else is as on the page.
#![expect(clippy::print_stdout, reason = "it prints what a person asked to see")]

mod demo;
#[path = "../support/guide.rs"]
mod guide;
mod places;
mod run;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use demo::Demo;
use guide::{Kind, blocks};
use places::Places;

/// What happened so far.
#[derive(Default)]
struct Report {
    executed: usize,
    failed: usize,
    untested: usize,
}

fn main() -> ExitCode {
    match execute() {
        Ok(report) => {
            println!(
                "\n{} blocks executed, {} untested (each with its reason)\nguides: {} passed, {} failed",
                report.executed,
                report.untested,
                report.executed - report.failed,
                report.failed
            );
            ExitCode::from(u8::from(report.failed > 0))
        }
        Err(error) => {
            println!("{error:#}\n\nguides: 0 passed, 1 failed");
            ExitCode::FAILURE
        }
    }
}

fn execute() -> anyhow::Result<Report> {
    run::check_tools()?;
    let demo = Demo::start()?;
    let mut report = Report::default();
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    for page in pages()? {
        let name = page.strip_prefix(root()).unwrap_or(&page);
        let name = name.display().to_string();
        if wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str())) {
            execute_page(&name, &page, &demo, &mut report).with_context(|| name.clone())?;
        }
    }
    demo.stop()?;
    Ok(report)
}

fn execute_page(name: &str, page: &Path, demo: &Demo, report: &mut Report) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(page)?;
    let blocks = blocks(&text).map_err(anyhow::Error::msg)?;
    let mut untested = 0;
    for block in &blocks {
        if let Kind::Untested(reason) = &block.kind {
            untested += 1;
            println!("untested  {name}:{}  {reason}", block.line);
        }
    }
    let outcome = run::page(&blocks, &mut Places::of(demo))?;
    let executed = outcome.executed;
    if executed + untested > 0 {
        let verdict = if outcome.failure.is_none() {
            "ok      "
        } else {
            "FAILED  "
        };
        println!("{verdict}  {name}  {executed} executed, {untested} untested");
    }
    if let Some((line, problem)) = &outcome.failure {
        println!("    {name}:{line}\n    {problem}");
        report.failed += 1;
    }
    report.executed += executed;
    report.untested += untested;
    Ok(())
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All of them, in a fixed order.
fn pages() -> anyhow::Result<Vec<PathBuf>> {
    let mut pages = vec![root().join("README.md"), root().join("keycloak/README.md")];
    for entry in walkdir::WalkDir::new(root().join("docs")).sort_by_file_name() {
        let path = entry?.into_path();
        if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
    Ok(pages)
}
