//! `usher doctor` without an address: this server from inside. What is looked at is in [`crate::doctor::inside`].

use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;

use crate::cli::policy::catalogue::Catalogue;
use crate::cli::upstream::{advice, failure_of, seen::Seen, with_parts};
use crate::config::{self, Config, Mistakes, Sources, Variables, Warning};
use crate::doctor::checks::inside::{CATALOGUE_APPROVED, CONFIGURATION_VALID, UPSTREAM_ANSWERS};
use crate::doctor::inside::{Inside, around, here, upstreams};
use crate::doctor::{Diagnosis, Finding};
use crate::outbound::Outbound;
use crate::upstream::{CatalogueLock, Definition, Parts, Survey, survey};

/// How long an upstream may take, the start of its process included.
const PATIENCE: Duration = Duration::from_secs(10);

/// Everything that can be found without a client.
pub(super) fn diagnosis(file: Option<&Path>) -> anyhow::Result<Diagnosis> {
    let mut diagnosis = Diagnosis::new("this server, from inside");
    let loaded = crate::cli::sources(file)
        .and_then(|sources| config::load(&sources).map(|config| (sources, config)));
    match loaded {
        Ok((sources, config)) => look(&mut diagnosis, &sources, config)?,
        Err(mistakes) => {
            for finding in in_findings(&mistakes) {
                diagnosis.add(finding);
            }
            let names = Variables::of_process().names();
            for finding in crate::doctor::inside::environment(&names) {
                diagnosis.add(finding);
            }
        }
    }
    diagnosis.put_in_order();
    Ok(diagnosis)
}

fn look(diagnosis: &mut Diagnosis, sources: &Sources, config: Config) -> anyhow::Result<()> {
    let built_in = Catalogue::built_in();
    let unmatched = config.policy.unmatched(&built_in.targets());
    let inside = inside(sources, &config);
    here(&inside, diagnosis);
    let outbound = Outbound::new(config.outbound.clone())?;
    let seen = Seen::install()?;
    let asked = with_parts(&config, async |parts: &Parts| {
        let ask = async |definition: &Definition| {
            let mut told = |_step: &_| {};
            tokio::time::timeout(PATIENCE, survey(definition, parts, &mut told))
                .await
                .ok()
        };
        let surveys = join_all(config.upstreams.iter().map(ask));
        tokio::join!(around(&inside, &outbound), surveys)
    })?;
    let (found, surveys) = asked;
    let of_upstreams = judge(&config, surveys, &seen, unmatched);
    for finding in found.into_iter().chain(of_upstreams) {
        diagnosis.add(finding);
    }
    Ok(())
}

/// The upstreams, the lock, and the rules against what there is.
fn judge(
    config: &Config,
    surveys: Vec<Option<Survey>>,
    seen: &Seen,
    unmatched: Vec<String>,
) -> Vec<Finding> {
    if config.upstreams.is_empty() {
        let why = "no upstream is configured";
        let mut found = vec![
            Finding::skipped(&UPSTREAM_ANSWERS, why),
            Finding::skipped(&CATALOGUE_APPROVED, why),
        ];
        found.extend(upstreams::rules(unmatched, true));
        return found;
    }
    let lock = lock(config);
    let mut found = Vec::new();
    let mut catalogue = Catalogue::built_in();
    let mut was_all_asked = true;
    for (definition, survey) in config.upstreams.iter().zip(surveys) {
        let name = definition.settings.name.as_str();
        let failure = failure(definition, survey.as_ref(), seen);
        let offer = survey.and_then(|survey| survey.offer);
        match (failure, offer) {
            (None, Some(offer)) => {
                found.push(upstreams::answers(name, Ok(&offer)));
                let on_change = config.catalogue_lock.on_change;
                if let Some(Ok(lock)) = &lock {
                    found.push(upstreams::approved(name, &offer, lock, on_change));
                }
                catalogue.add(config, definition, offer);
            }
            (failure, offer) => {
                was_all_asked = false;
                let failure = failure.unwrap_or_else(|| late(definition));
                found.push(upstreams::answers(name, Err(failure)));
                if let Some(offer) = offer {
                    catalogue.add(config, definition, offer);
                }
            }
        }
    }
    found.push(match &lock {
        None => Finding::skipped(&CATALOGUE_APPROVED, "the catalogue lock is off"),
        Some(Err(problem)) => Finding::failure(&CATALOGUE_APPROVED, problem.as_str()),
        Some(Ok(_)) => return with_rules(found, config, &catalogue, was_all_asked),
    });
    with_rules(found, config, &catalogue, was_all_asked)
}

fn with_rules(
    mut found: Vec<Finding>,
    config: &Config,
    catalogue: &Catalogue,
    was_all_asked: bool,
) -> Vec<Finding> {
    let unmatched = config.policy.unmatched(&catalogue.targets());
    found.extend(upstreams::rules(unmatched, was_all_asked));
    found
}

/// The lock, if it counts.
fn lock(config: &Config) -> Option<Result<CatalogueLock, String>> {
    let path = config.catalogue_lock.path(&config.state_dir);
    let read = || CatalogueLock::read(&path).map_err(|error| error.to_string());
    config.catalogue_lock.enabled.then(read)
}

fn failure(
    definition: &Definition,
    survey: Option<&Survey>,
    seen: &Seen,
) -> Option<upstreams::Failure> {
    let failure = survey?.failure()?;
    let advice::Advice {
        expected,
        found,
        fix,
    } = failure_of(definition, failure, seen);
    Some(upstreams::Failure {
        expected,
        found,
        fix,
    })
}

fn late(definition: &Definition) -> upstreams::Failure {
    let name = &definition.settings.name;
    upstreams::Failure {
        expected: format!("an answer within {} s", PATIENCE.as_secs()),
        found: "no answer in time".to_owned(),
        fix: format!("look where it stops with `usher upstream probe {name}`"),
    }
}

fn inside(sources: &Sources, config: &Config) -> Inside {
    let warnings = config.warnings.iter().filter(|warning| match warning {
        // `files-private` and `rules-match` tell these.
        Warning::OpenSecret(_) | Warning::UnmatchedRule(_) => false,
        Warning::Other(_) => true,
    });
    let file = sources.file.as_ref().map(|(path, _)| path.clone());
    Inside {
        file,
        warnings: warnings.map(Warning::to_string).collect(),
        listen: config.listen,
        state_dir: config.state_dir.clone(),
        secret_files: config.secret_files.clone(),
        trusts_a_proxy: !config.http.trusted_proxies.is_empty(),
        auth: config.auth.clone(),
        policy: config.policy.clone(),
        knowledge: config.knowledge.clone(),
        upstreams: config.upstreams.len(),
        outbound: config.outbound.clone(),
        variables: sources.variables.names(),
    }
}

/// Each mistake as a finding: where, what was found, what was expected, what to do.
fn in_findings(mistakes: &Mistakes) -> Vec<Finding> {
    let told = |lines: String| {
        let mut finding = Finding::failure(&CONFIGURATION_VALID, "");
        let mut found = Vec::new();
        for (at, line) in lines.lines().enumerate() {
            let line = line.trim();
            match line.split_once(':') {
                _ if at == 0 => finding = finding.of(line),
                Some(("expected", words)) => finding = finding.expected(words.trim()),
                Some(("do", words)) => finding = finding.fix(words.trim()),
                Some(("found" | "problem", words)) => found.push(words.trim().to_owned()),
                _ => found.push(line.to_owned()),
            }
        }
        finding.found = found.join("; ");
        finding
    };
    mistakes.each().into_iter().map(told).collect()
}
