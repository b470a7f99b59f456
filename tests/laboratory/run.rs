//! One row: break, ask, compare, put back.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{ChildStderr, Command};

use crate::keycloak::member;
use crate::row::{Ask, Break, Person, Row};
use crate::setups::usher::Settings;
use crate::setups::{Provider, Site, nginx};
use crate::{person, ports, tools};

/// Longer than any answer takes.
const DEADLINE: Duration = Duration::from_secs(300);

/// A login of a client that registers itself.
const LOGIN: [&str; 3] = ["--login", "--register", "--no-browser"];

/// What became of a row.
pub(crate) enum Outcome {
    /// As it must be.
    AsExpected,
    /// Something else was named, or nothing; with all that was found.
    Otherwise(String),
    /// This machine has not what it needs.
    Skipped(&'static str),
}

/// What was named first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    /// The id of the check; empty if nothing failed or warned.
    pub(crate) id: String,
    /// `failure`, `warning` or `ok`.
    pub(crate) verdict: String,
}

/// Runs a row in a set-up, which is healthy before and after.
pub(crate) async fn run(site: &mut Site, row: &Row) -> anyhow::Result<Outcome> {
    if row.needs_nginx() && nginx::program().is_none() {
        return Ok(Outcome::Skipped("there is no nginx"));
    }
    let broken = injected(site, row).await;
    let answer = match broken {
        Ok(()) => ask(site, row).await,
        Err(error) => Err(error.context("the fault could not be made")),
    };
    let healed = put_back(site, row).await;
    let answer = answer?;
    healed.context("the fault could not be put back")?;
    judge(row, &answer)
}

async fn injected(site: &mut Site, row: &Row) -> anyhow::Result<()> {
    let (mut front, mut back) = (Vec::new(), Vec::new());
    let (mut settings, mut runs) = match row.ask {
        Ask::Inside(_) => (Settings::ALONE, true),
        // What it saw before is forgotten.
        Ask::Recent => {
            site.usher.stop().await?;
            site.usher.ensure(Settings::HEALTHY).await?;
            (Settings::HEALTHY, true)
        }
        _ => (Settings::HEALTHY, true),
    };
    for one in row.breaks {
        match one {
            Break::Front(fault) => front.push(*fault),
            Break::Issuer(fault) => back.push(*fault),
            Break::NobodyBehind => {
                let nobody = format!("http://127.0.0.1:{}", ports::free()?);
                site.front.lead_to(&nobody);
            }
            Break::Nginx(lines) => {
                // The cache of one is filled by what follows.
                site.usher.ensure(Settings::HEALTHY).await?;
                site.with_nginx(lines).await?;
            }
            Break::Tls(shown) => site.with_tls(*shown).await?,
            Break::Settings(others) => settings = *others,
            Break::Written(others) => (settings, runs) = (*others, false),
            Break::OidcProvider(changes) => site.oidc_provider()?.change(changes).await?,
            Break::Do(change, _) => change(site).await?,
        }
    }
    let down = row.first == "admin-reachable";
    match (runs, down) {
        (_, true) => drop(site.usher.write(settings)?),
        (true, false) => {
            site.usher.ensure(settings).await?;
            if settings.issuer == Settings::HEALTHY.issuer {
                site.usher.until_ready().await?;
            }
        }
        (false, false) => {
            site.usher.stop().await?;
            site.usher.write(settings)?;
        }
    }
    // What Usher has learned by now, it has learned while all was well.
    site.front.set(&front);
    site.back.set(&back);
    Ok(())
}

async fn put_back(site: &mut Site, row: &Row) -> anyhow::Result<()> {
    site.heal().await?;
    for one in row.breaks.iter().rev() {
        if let Break::Do(_, undo) = one {
            undo(site).await?;
        }
    }
    Ok(())
}

/// Runs the command and gives what it wrote as JSON.
async fn ask(site: &Site, row: &Row) -> anyhow::Result<Value> {
    match row.ask {
        Ask::Walk(more) => walk(site, &site.url(), more, None).await,
        Ask::WalkTo(address) => {
            let address = address
                .replace("{front}", &site.front.authority())
                .replace("{closed}", &format!("127.0.0.1:{}", ports::free()?));
            walk(site, &address, &[], None).await
        }
        Ask::LogIn(person, more) => {
            let more = [&LOGIN, more].concat();
            walk(site, &site.url(), &more, Some(person)).await
        }
        Ask::LogInAs(client) => {
            let more = ["--login", "--client-id", client, "--no-browser"];
            walk(site, &site.url(), &more, Some(Person::Agrees)).await
        }
        Ask::Patience(time) => {
            let token =
                site.dev_idp()?
                    .access_token("alice", "laboratory", &site.url(), "mcp:read");
            let file = site.usher.folder().join("access-token");
            std::fs::write(&file, token.context("alice")?)?;
            let file = file.display().to_string();
            let more = ["--patience", time, "--token-file", &file];
            walk(site, &site.url(), &more, None).await
        }
        Ask::Inside(variables) => {
            let mut command = usher(site);
            command.arg("--config").arg(site.usher.config());
            command
                .args(["doctor", "--json"])
                .envs(variables.iter().copied());
            answer(command, None, None).await
        }
        Ask::Recent => {
            let mut command = usher(site);
            command.arg("--config").arg(site.usher.config());
            command.args(["doctor", "--recent", "--json"]);
            answer(command, None, None).await
        }
        Ask::Explain(token) => {
            let token = token(site).await?;
            let mut command = usher(site);
            command.arg("--config").arg(site.usher.config());
            command.args(["token", "explain", "--json"]);
            answer(command, Some(token), None).await
        }
    }
}

async fn walk(
    site: &Site,
    address: &str,
    more: &[&str],
    person: Option<Person>,
) -> anyhow::Result<Value> {
    let mut command = usher(site);
    command.args(["doctor", address, "--json"]).args(more);
    if site.tls.is_some() {
        let authority = site.usher.folder().join("authority.pem");
        command.arg("--ca-file").arg(authority);
    }
    // Its own configuration lies elsewhere: who walks from outside has none.
    command.current_dir("/");
    answer(command, None, person.map(|person| (person, site))).await
}

/// The program, with an environment of its own.
fn usher(site: &Site) -> Command {
    let mut command = tools::program(Path::new(env!("CARGO_BIN_EXE_usher")));
    command
        .env_clear()
        .env("HOME", site.usher.folder())
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .current_dir(site.usher.folder())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

async fn answer(
    mut command: Command,
    input: Option<String>,
    person: Option<(Person, &Site)>,
) -> anyhow::Result<Value> {
    command.stdin(if input.is_some() {
        Stdio::piped()
    } else {
        Stdio::null()
    });
    let mut child = command.spawn()?;
    if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
        stdin.write_all(input.as_bytes()).await?;
    }
    let mut stdout = child.stdout.take().context("its standard output")?;
    let stderr = child.stderr.take().context("its standard error")?;
    let mut written = String::new();
    let finished = tokio::time::timeout(DEADLINE, async {
        let read = async { Ok(stdout.read_to_string(&mut written).await?) };
        tokio::try_join!(read, listen(stderr, person))
    });
    let (_, said) = finished
        .await
        .context("it takes more than five minutes")??;
    let status = child.wait().await?;
    ensure!(
        matches!(status.code(), Some(0..=2)),
        "it ended with {status}: {said}{written}"
    );
    let document: Value = serde_json::from_str(&written)
        .with_context(|| format!("expected JSON, found {written}{said}"))?;
    ensure!(
        !written.contains("\"eyJ") && !said.contains("eyJ"),
        "a token is in the answer: {written}{said}"
    );
    Ok(document)
}

/// What it says to people, who log in where it tells them to.
async fn listen(stderr: ChildStderr, person: Option<(Person, &Site)>) -> anyhow::Result<String> {
    let mut lines = BufReader::new(stderr).lines();
    let mut said = String::new();
    let mut logged_in = person.is_none();
    while let Some(line) = lines.next_line().await? {
        let address = line
            .split_whitespace()
            .find(|word| word.starts_with("http") && word.contains("response_type=code"));
        if let (Some(address), Some((person, site)), false) = (address, person, logged_in) {
            logged_in = true;
            person::logs_in(person, site, address)
                .await
                .with_context(|| format!("at {address}"))?;
        }
        said.push_str(&line);
        said.push('\n');
    }
    Ok(said)
}

/// The check of the first claim that keeps a token out; with none the first warning.
fn named_of_token(answer: &Value) -> anyhow::Result<Named> {
    let claims = answer["claims"].as_array().context("claims")?;
    let of = |verdict: &str| claims.iter().find(|claim| claim["verdict"] == verdict);
    let first = claims
        .iter()
        .find(|claim| claim["claim"] == answer["first"]);
    let first = first.or_else(|| of("failure"));
    let (claim, verdict) = match (first, of("warning")) {
        (Some(claim), _) => (claim, "failure"),
        (None, Some(claim)) => (claim, "warning"),
        (None, None) => {
            ensure!(answer["accepted"] == true, "refused, and nothing is named");
            return Ok(Named {
                verdict: "ok".to_owned(),
                ..Named::default()
            });
        }
    };
    Ok(Named {
        id: member(claim, "check")?,
        verdict: verdict.to_owned(),
    })
}

/// The first cause that the answer names; with no failure the first warning.
fn named(answer: &Value) -> anyhow::Result<Named> {
    if answer["claims"].is_array() {
        return named_of_token(answer);
    }
    let verdict = member(answer, "verdict")?;
    let of = |finding: &Value| member(finding, "check");
    let findings = answer["findings"].as_array().context("findings")?;
    let warning = findings
        .iter()
        .find(|finding| finding["verdict"] == "warning");
    let id = match (&answer["first_cause"], warning) {
        (Value::Null, None) => String::new(),
        (Value::Null, Some(warning)) => of(warning)?,
        (Value::String(id), _) => id.clone(),
        (cause, _) => of(cause)?,
    };
    if id.is_empty() {
        ensure!(
            verdict != "failure" && verdict != "warning",
            "{verdict}, and nothing is named"
        );
    }
    Ok(Named {
        verdict: if id.is_empty() {
            "ok".to_owned()
        } else {
            verdict
        },
        id,
    })
}

fn judge(row: &Row, answer: &Value) -> anyhow::Result<Outcome> {
    let named = named(answer).with_context(|| answer.to_string())?;
    if named.id == row.first {
        return Ok(Outcome::AsExpected);
    }
    let mut told = format!(
        "expected {}, named {} ({})",
        shown(row.first),
        shown(&named.id),
        named.verdict
    );
    let findings = answer["findings"]
        .as_array()
        .or(answer["claims"].as_array());
    for finding in findings.into_iter().flatten() {
        let (verdict, found) = (&finding["verdict"], &finding["found"]);
        let is_wanted = finding["check"] == row.first;
        if is_wanted || (verdict != "ok" && verdict != "skipped") {
            let client = finding["client"].as_str().unwrap_or_default();
            told += &format!("\n      {verdict} {} {client}: {found}", finding["check"]);
        }
    }
    Ok(Outcome::Otherwise(told))
}

fn shown(id: &str) -> &str {
    if id.is_empty() { "nothing" } else { id }
}

/// A report of a healthy set-up, for people to look at.
pub(crate) async fn report(site: &Site) -> anyhow::Result<()> {
    let name = match &site.provider {
        Provider::DevIdp(_) => "dev-idp",
        Provider::Keycloak(_) => "keycloak",
        Provider::OidcProvider(_) => "oidc-provider",
    };
    let file = tools::output(&format!("report-{name}"));
    let file = file.display().to_string();
    let mut more = LOGIN.to_vec();
    if matches!(site.provider, Provider::OidcProvider(_)) {
        more.extend(["--as", "inspector"]);
    }
    more.extend(["--report", file.as_str()]);
    let answer = walk(site, &site.url(), &more, Some(Person::Agrees)).await?;
    let path = tools::output(&format!("report-{name}.json"));
    std::fs::write(path, format!("{answer:#}"))?;
    let text = std::fs::read(&file).with_context(|| format!("no report in {file}"))?;
    if String::from_utf8_lossy(&text).contains("eyJ") {
        bail!("a token is in {file}");
    }
    Ok(())
}
