//! A real Keycloak, a real browser and the official clients against a real `usher serve`. `tests/e2e/install` fetches
//! what is needed; `tests/run-all e2e` does both.
//!
//! Rows run in lanes beside each other, because most of them wait. The rows of the first lanes share one Keycloak and one
//! Usher that nobody stops; those of `outages` have a pair of their own, and stop it. The logs and the screenshots of login
//! and consent are in `target/e2e`. `cargo test --test e2e -- step_up` runs the rows with that in their names.
#![expect(clippy::print_stdout, reason = "it prints what a person asked to see")]
#![expect(
    clippy::indexing_slicing,
    reason = "a member that JSON does not have is null, and the row fails with the whole answer"
)]

mod clients;
#[path = "../support/eventually.rs"]
mod eventually;
#[expect(dead_code, reason = "shared with the integration tests")]
#[path = "../support/gateway.rs"]
mod gateway;
mod introspection;
#[expect(dead_code, reason = "shared with the integration tests")]
#[path = "../support/issuer.rs"]
mod issuer;
#[expect(dead_code, reason = "shared with the integration tests")]
#[path = "../support/issuer_keys.rs"]
mod issuer_keys;
#[path = "../support/keycloak.rs"]
mod keycloak;
mod load;
mod memory;
mod oidc_provider;
mod outages;
mod pages;
#[path = "../support/ports.rs"]
mod ports;
#[expect(dead_code, reason = "shared with the integration tests")]
#[path = "../support/upstream.rs"]
mod raw_upstream;
mod realm;
mod refusals;
mod registration;
mod report;
mod sdk;
mod step_up;
#[expect(dead_code, reason = "shared with the integration tests")]
#[path = "../support/tls.rs"]
mod tls;
#[path = "../support/tools.rs"]
mod tools;
mod upstream_credentials;
mod usher;

use std::process::ExitCode;

use keycloak::Keycloak;
use report::{Report, rows};
use serde_json::json;
use tokio::time::Instant;
use usher::Usher;

/// Where everything goes that they write, below `target`.
const OUTPUT: &str = "e2e";

/// What most rows work with.
struct Scene {
    keycloak: Keycloak,
    usher: Usher,
}

impl Scene {
    /// Starts both, with a client named `password` for tokens without a browser.
    async fn start(name: &str) -> anyhow::Result<Self> {
        let started = Instant::now();
        let mut usher = Usher::new(name)?;
        let keycloak = Keycloak::start(name, &usher.public_url()).await?;
        let seconds = started.elapsed().as_secs_f32();
        println!("Keycloak ({name}) is ready after {seconds:.1} s");
        keycloak.add_client("mcp", "password", json!({})).await?;
        // Several alices log in at the same moment here, which Keycloak takes for guessing.
        let patient = json!({ "bruteForceProtected": false });
        keycloak.admin("PUT", "/mcp", Some(patient)).await?;
        usher.start(&keycloak.issuer("mcp")).await?;
        usher.until("/readyz", 200).await?;
        Ok(Self { keycloak, usher })
    }

    async fn stop(&mut self) -> anyhow::Result<()> {
        self.usher.stop().await?;
        self.keycloak.stop().await
    }
}

/// For requests of every kind: the address asked for and nobody in between.
fn http_client() -> reqwest::Client {
    // A connection that was opened beside another one and never used is closed by Usher after ten seconds (the header
    // timeout); a client that kept it for longer could pick it in just that moment.
    reqwest::Client::builder()
        .pool_idle_timeout(std::time::Duration::from_secs(5))
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(std::time::Duration::from_secs(120))
        .build()
        .expect("a client")
}

#[tokio::main]
async fn main() -> ExitCode {
    match Box::pin(run()).await {
        Ok(report) => report.close(),
        Err(error) => {
            println!("{error:#}\n\ne2e: 0 passed, 1 failed");
            ExitCode::FAILURE
        }
    }
}

/// An empty folder for what the rows write, and a log for servers in this process.
fn prepare() -> anyhow::Result<()> {
    let folder = tools::output("");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(folder.join("screenshots"))?;
    tools::lay_out_scripts()?;
    // What servers in this process say.
    let log = std::fs::File::create(tools::output("in-process.log"))?;
    tracing_subscriber::fmt()
        .with_writer(log)
        .with_ansi(false)
        .init();
    Ok(())
}

async fn run() -> anyhow::Result<Report> {
    let started = Instant::now();
    prepare()?;
    let report = Report::new();
    // These need no Keycloak.
    match std::env::args().nth(1).as_deref() {
        Some("oidc_provider") => {
            oidc_provider::rows(&report).await;
            return Ok(report);
        }
        Some("pages") => {
            pages::rows(&report).await;
            return Ok(report);
        }
        Some(_) | None => {}
    }
    let (mut steady, mut shaky) = tokio::try_join!(Scene::start("steady"), Scene::start("shaky"))?;
    tokio::join!(
        async {
            rows!(
                report,
                &steady,
                realm::holds_all_registration_policies,
                realm::registers_the_clients_that_people_use_and_nobody_else,
                realm::gives_a_self_registered_service_account_nothing,
                realm::tells_a_self_registered_reader_that_writing_is_no_scope_of_its_own,
                realm::for_production_has_no_users_no_known_secret_and_no_scope_by_default,
                realm::exchanges_a_callers_token_for_an_upstreams,
                upstream_credentials::an_upstream_sees_the_caller_in_a_token_for_itself,
                upstream_credentials::an_upstream_sees_usher_in_a_token_of_its_own,
                upstream_credentials::a_wrong_secret_towards_an_upstream_is_named_with_what_to_do,
                refusals::accepts_a_genuine_access_token,
                refusals::refuses_a_token_without_audience,
                refusals::refuses_an_id_token,
                refusals::refuses_a_refresh_token,
                refusals::refuses_a_token_of_another_realm,
                refusals::refuses_a_token_for_another_resource,
                refusals::refuses_a_service_account_without_scope,
                introspection::refuses_after_logout_and_revocation_within_the_cache_time,
                introspection::a_wrong_secret_is_named_and_nobody_is_let_in_or_sent_to_log_in,
                step_up::the_predefined_typescript_client_steps_up,
                step_up::the_predefined_python_client_steps_up,
                step_up::a_client_that_usher_registered_logs_in_and_steps_up,
                step_up::a_client_that_registered_itself_is_answered_invalid_scope,
                outages::a_clock_that_is_90_seconds_off_is_named_in_the_log,
            );
        },
        async {
            rows!(
                report,
                &steady,
                refusals::accepts_a_token_after_logout_until_it_expires,
                refusals::refuses_a_disabled_user_after_expiry,
            );
        },
        clients::visits(&report, &steady),
        clients::visits_with_the_development_provider(&report),
        oidc_provider::rows(&report),
        pages::rows(&report),
        async {
            rows!(
                report,
                &mut shaky,
                registration::registers_every_client_that_usher_knows_without_a_token,
                registration::registers_a_confidential_client_with_an_initial_access_token,
                // It admits no other registration for a moment.
                registration::names_the_policy_that_refuses_and_where_to_change_it,
                outages::keys_rotate_under_load_and_no_valid_token_is_refused,
                outages::the_last_good_keys_serve_while_keycloak_is_away,
                outages::usher_starts_without_keycloak_and_becomes_ready_by_itself,
            );
        },
    );
    rows!(
        report,
        &steady,
        memory::usher_beside_keycloak_stays_under_40_mb
    );
    tokio::try_join!(steady.stop(), shaky.stop())?;
    println!("all of it took {:.0} s", started.elapsed().as_secs_f32());
    Ok(report)
}
