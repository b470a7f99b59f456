//! From what was written to what it means. Each module checks its own settings; here its complaints get their keys, and
//! here are the checks that need more than one module.

mod keys;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::mistake::{Mistake, Problem};
use super::secret::{self, Secret};
use super::{KeyPath, Settings, Variables, Warning};
use crate::auth::{Scope, Scopes};
use crate::outbound::Outbound;
use crate::policy::{Kind, Policy, Target};
use crate::{audit, auth, http, knowledge, mcp, outbound, rate_limit, telemetry, upstream};

/// A configuration that may run.
#[derive(Clone, Debug)]
pub struct Config {
    /// For clients.
    pub listen: SocketAddr,
    /// For operations.
    pub admin_listen: SocketAddr,
    /// What callers of the admin listener must know.
    pub admin_secret: Option<Secret>,
    /// Where that stands.
    pub admin_secret_file: Option<PathBuf>,
    /// Last-good keys and the index.
    pub state_dir: PathBuf,
    /// The resource server.
    pub auth: auth::Settings,
    /// Who may do what.
    pub policy: Policy,
    /// The HTTP surface.
    pub http: http::Settings,
    /// The onboarding page.
    pub landing: http::landing::Settings,
    /// The protocol layer.
    pub mcp: mcp::Settings,
    /// What `search` and `fetch` answer from.
    pub knowledge: knowledge::Settings,
    /// The MCP servers behind this one.
    pub upstreams: Vec<upstream::Definition>,
    /// Which of their tools were approved.
    pub catalogue_lock: upstream::LockSettings,
    /// Rate limits.
    pub rate_limit: rate_limit::Settings,
    /// The record of refusals.
    pub audit: audit::Settings,
    /// The log.
    pub log: telemetry::Settings,
    /// Outgoing requests.
    pub outbound: outbound::Settings,
    /// All files that hold secrets.
    pub secret_files: Vec<PathBuf>,
    /// What does not stop the start and should be known.
    pub warnings: Vec<Warning>,
}

/// Checks what the settings mean. All mistakes come at once.
pub(super) fn check(mut settings: Settings, variables: &Variables) -> Result<Config, Vec<Mistake>> {
    let mut found = Found::default();
    settings.name_the_only_issuer();
    let admin_secret = found.admin_secret(&settings);
    found.modules(&settings);
    let policy = found.policy(&settings);
    let policy = match policy {
        Some(policy) if found.mistakes.is_empty() => policy,
        Some(_) | None => return Err(found.mistakes),
    };
    let upstreams = found.upstreams(&settings.upstream, variables);
    let (mut auth, knowledge) = (settings.auth(), settings.knowledge());
    if auth.scopes.advertised.is_empty() {
        let basic = policy.basic_scopes(&mcp::built_in_targets());
        auth.scopes.advertised = basic
            .iter()
            .map(|scope| scope.as_str().to_owned())
            .collect();
        found.warn_of_unseen_upstreams(&settings, (&policy, &basic));
    }
    let state_dir = state_dir(settings.state_dir.as_deref(), variables);
    found.catalogue_lock(&settings.catalogue_lock, &state_dir);
    Ok(Config {
        listen: settings.listen,
        admin_listen: settings.admin_listen,
        admin_secret,
        admin_secret_file: settings.admin_secret_file,
        state_dir,
        auth,
        policy,
        http: settings.http,
        landing: settings.landing,
        mcp: settings.mcp,
        knowledge,
        upstreams,
        catalogue_lock: settings.catalogue_lock,
        rate_limit: settings.rate_limit,
        audit: settings.audit,
        log: settings.log,
        outbound: settings.outbound,
        secret_files: found.secret_files,
        warnings: found.warnings,
    })
}

/// What was found so far.
#[derive(Default)]
struct Found {
    mistakes: Vec<Mistake>,
    secret_files: Vec<PathBuf>,
    warnings: Vec<Warning>,
}

impl Found {
    fn mistake(&mut self, path: KeyPath, message: impl ToString, advice: &str) {
        self.mistakes.push(Mistake {
            path,
            origin: None,
            problem: Problem::Meaning {
                found: None,
                message: message.to_string(),
                advice: advice.to_owned(),
            },
        });
    }

    /// Off loopback, operations are for those who know a secret.
    fn admin_secret(&mut self, settings: &Settings) -> Option<Secret> {
        let Some(path) = &settings.admin_secret_file else {
            if !settings.admin_listen.ip().is_loopback() {
                self.mistake(
                    KeyPath::root().key("admin_listen"),
                    "the admin listener can be reached from other machines and has no secret",
                    "name a file that holds one in `admin_secret_file`, or listen on a loopback address",
                );
            }
            return None;
        };
        self.secret_file(path);
        match Secret::read(path) {
            Ok(secret) => Some(secret),
            Err(problem) => {
                let advice = "write one with: (umask 077; openssl rand -base64 32 > FILE)";
                self.mistake(KeyPath::root().key("admin_secret_file"), problem, advice);
                None
            }
        }
    }

    fn secret_file(&mut self, path: &Path) {
        self.secret_files.push(path.to_owned());
        if secret::is_open_to_everybody(path) {
            self.warnings.push(Warning::OpenSecret(path.to_owned()));
        }
    }

    fn warn(&mut self, warning: String) {
        self.warnings.push(Warning::Other(warning));
    }

    /// What the modules say of their own settings.
    fn modules(&mut self, settings: &Settings) {
        for found in settings.auth().mistakes() {
            self.mistake(KeyPath::parse(&found.key), &found.message, &found.advice);
        }
        for warning in settings.auth().warnings() {
            self.warn(warning);
        }
        for issuer in &settings.issuer {
            if issuer.introspection.enabled {
                self.secret_file(&issuer.introspection.client_secret_file);
            }
        }
        for (key, error) in settings.knowledge().mistakes() {
            self.mistake(KeyPath::parse(&key), error, "");
        }
        for (key, error) in upstream::mistakes(&settings.upstream) {
            self.mistake(KeyPath::parse(&key), error, "");
        }
        self.credentials(settings);
        self.audiences(settings);
        for error in settings.http.mistakes() {
            self.mistake(keys::of_http(&error), error, "");
        }
        for error in settings.landing.mistakes() {
            self.mistake(KeyPath::parse(&error.key()), error, "");
        }
        if let Err(error) = Outbound::new(settings.outbound.clone()) {
            self.mistake(keys::of_outbound(&error), error, "");
        }
        self.knowledge(&settings.knowledge());
        let session_keys = [
            &settings.mcp.session_key_file,
            &settings.mcp.previous_session_key_file,
        ];
        for path in session_keys.into_iter().flatten() {
            self.secret_file(path);
        }
        if let Err(error) = settings.mcp.session_keys() {
            self.mistake(keys::of_mcp(&error, &settings.mcp), error, "");
        }
        let names: Vec<_> = settings
            .upstream
            .iter()
            .map(|upstream| upstream.name.as_str())
            .collect();
        if let Err(error) = settings.mcp.check_names(&names) {
            self.mistake(keys::of_mcp(&error, &settings.mcp), error, "");
        }
        for error in settings.audit.mistakes() {
            let advice = format!("expected at most {}", audit::MOST_REFUSALS);
            self.mistake(KeyPath::parse("audit.refusals"), error, &advice);
        }
        if let Err(error) = settings.log.check() {
            self.mistake(KeyPath::parse("log.level"), error, "");
        }
    }

    /// Each upstream's endpoint is a resource of its own: a token for one must not open another.
    fn audiences(&mut self, settings: &Settings) {
        let whole = settings.audiences.iter();
        let issuers = settings.issuer.iter();
        let whole = whole.chain(issuers.flat_map(|issuer| &issuer.audiences));
        let mut taken: Vec<&str> = whole.map(String::as_str).collect();
        for (at, upstream) in settings.upstream.iter().enumerate() {
            for audience in &upstream.audiences {
                let path = || KeyPath::parse(&format!("upstream[{at}].audiences"));
                let own = format!("{}/mcp/{}", settings.public_url, upstream.name);
                let is_ours = audience == &settings.public_url
                    || audience.starts_with(&format!("{}/", settings.public_url));
                if audience.trim() != audience || audience.is_empty() {
                    let message = format!("{audience:?} is empty or has spaces around it");
                    let advice = "expected an audience exactly as the issuer writes it into `aud`";
                    self.mistake(path(), message, advice);
                } else if taken.contains(&audience.as_str()) || (is_ours && *audience != own) {
                    let message = format!("{audience:?} names something else here as well");
                    let advice = "a token for one resource would open two: expected an audience of this upstream alone";
                    self.mistake(path(), message, advice);
                }
            }
            taken.extend(upstream.audiences.iter().map(String::as_str));
        }
    }

    /// Credentials that an issuer gives name one that is here.
    fn credentials(&mut self, settings: &Settings) {
        for (at, upstream) in settings.upstream.iter().enumerate() {
            let credential = &upstream.credential;
            if let Some(path) = &credential.secret_file {
                self.secret_file(path);
            }
            if !credential.asks_an_issuer() {
                continue;
            }
            let named = credential.issuer.as_deref();
            let is_here = |issuer: &auth::IssuerSettings| Some(issuer.issuer.as_str()) == named;
            if !settings.issuer.iter().any(is_here) {
                let path = KeyPath::parse(&format!("upstream[{at}].credential.issuer"));
                let message = match named {
                    None => "several issuers are configured, and this names none".to_owned(),
                    Some(named) => format!("{named:?} is none of the configured issuers"),
                };
                let advice = "write the `issuer` of one [[issuer]], byte for byte";
                self.mistake(path, message, advice);
            }
        }
    }

    /// No mistake: the command that writes the file reads this configuration.
    fn catalogue_lock(&mut self, settings: &upstream::LockSettings, state_dir: &Path) {
        let path = settings.path(state_dir);
        if settings.enabled && !path.exists() {
            self.warn(format!(
                "there is no catalogue lock {} yet, and the server does not start without it; write it with: usher upstream approve",
                path.display()
            ));
        }
    }

    /// Clients ask for what is advertised; nobody who logged in so sees a tool that takes more, and so nobody calls it and
    /// is sent to log in again.
    fn warn_of_unseen_upstreams(
        &mut self,
        settings: &Settings,
        (policy, advertised): (&Policy, &Scopes),
    ) {
        for upstream in &settings.upstream {
            let whose = (upstream.name.as_str(), upstream.names);
            // A tool that no pattern of a rule is about.
            let name = mcp::name_in_rules(whose, &settings.mcp.name_separator, "\u{fffd}");
            let tool = Target {
                kind: Kind::Tool,
                name: &name,
                upstream: Some(&upstream.name),
                only_reads: upstream.trust_annotations,
            };
            let taken = policy.scopes_of(&policy.requirements(&tool));
            if taken.iter().all(|scope| advertised.contains(scope)) {
                continue;
            }
            let all: Scopes = advertised.iter().chain(taken.iter()).cloned().collect();
            self.warn(format!(
                "clients are told to ask for {advertised} alone, and what the upstream {} has takes more: who logs in so does \
                 not see it; to have them ask for all, write: [scopes] advertised = {:?}",
                upstream.name,
                all.iter().map(Scope::as_str).collect::<Vec<_>>()
            ));
        }
    }

    /// Upstreams with the variables that they get from our environment.
    fn upstreams(
        &mut self,
        settings: &[upstream::UpstreamSettings],
        variables: &Variables,
    ) -> Vec<upstream::Definition> {
        let mut definitions = Vec::with_capacity(settings.len());
        for settings in settings {
            let mut given = Vec::new();
            for name in &settings.stdio.variables {
                match variables.text(name) {
                    Some(text) => given.push((name.clone(), text.to_owned())),
                    None if settings.stdio.command.is_some() => self.warn(format!(
                        "the upstream {} asks for the variable {name}, which is not set",
                        settings.name
                    )),
                    None => {}
                }
            }
            for (_name, path) in settings.stdio.secrets() {
                self.secret_file(path);
            }
            definitions.push(upstream::Definition {
                settings: settings.clone(),
                variables: given,
            });
        }
        definitions
    }

    /// The rules, once the scopes are known to be scopes.
    fn policy(&mut self, settings: &Settings) -> Option<Policy> {
        let scope = |text: &str| Scope::parse(text);
        let (read, write) = (scope(&settings.scopes.read), scope(&settings.scopes.write));
        match Policy::with_rules(read?, write?, &settings.rule) {
            Ok(policy) => {
                // What upstreams have is known once they are connected; then the server looks again.
                if settings.upstream.is_empty() {
                    let unmatched = policy.unmatched(&mcp::built_in_targets());
                    let unmatched = unmatched.into_iter().map(Warning::UnmatchedRule);
                    self.warnings.extend(unmatched);
                }
                Some(policy)
            }
            Err(mistakes) => {
                for (key, error) in mistakes {
                    self.mistake(KeyPath::parse(&key), error, "");
                }
                None
            }
        }
    }

    /// `knowledge` tells its first mistake only, so it is asked about one part after the other.
    fn knowledge(&mut self, settings: &knowledge::Settings) {
        let search = knowledge::Settings {
            search: settings.search.clone(),
            ..knowledge::Settings::default()
        };
        let one_each = settings
            .collections
            .iter()
            .map(|collection| knowledge::Settings {
                collections: vec![collection.clone()],
                ..knowledge::Settings::default()
            });
        let parts = std::iter::once(search).chain(one_each).enumerate();
        let errors: Vec<_> = parts
            .filter_map(|(place, part)| {
                let collection = place.checked_sub(1);
                part.check()
                    .err()
                    .map(|error| (keys::of_knowledge(&error, collection), error))
            })
            .collect();
        let twice = if errors.is_empty() {
            settings.check().err()
        } else {
            None
        };
        for (path, error) in errors {
            self.mistake(path, error, "");
        }
        if let Some(error) = twice {
            self.mistake(keys::of_repeated_name(&error, settings), error, "");
        }
        for collection in &settings.collections {
            if !collection.path.exists() {
                let path = collection.path.display();
                self.warn(format!(
                    "there is nothing at the collection's path {path} yet"
                ));
            }
        }
    }
}

/// The configured directory, else that of systemd, else that of the XDG base directory specification.
fn state_dir(configured: Option<&Path>, variables: &Variables) -> PathBuf {
    let absolute = |name| {
        variables
            .text(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    configured
        .map(Path::to_owned)
        .or_else(|| absolute("STATE_DIRECTORY"))
        .or_else(|| absolute("XDG_STATE_HOME").map(|state| state.join("usher")))
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state/usher")))
        .unwrap_or_else(|| PathBuf::from("/var/lib/usher"))
}
