//! A real Keycloak, a real browser and the official clients against a real `usher serve`. `tests/e2e/install` fetches
//! what is needed; `tests/run-all e2e` does both.
//!
//! One Keycloak and one Usher serve all rows; a row that stops either starts it again. The logs and the screenshots of
//! login and consent are in `target/e2e`.
#![expect(clippy::print_stdout, reason = "it prints what a person asked to see")]
#![expect(
    clippy::indexing_slicing,
    reason = "a member that JSON does not have is null, and the row fails with the whole answer"
)]

mod clients;
#[expect(dead_code, reason = "shared with the integration tests")]
#[path = "../support/gateway.rs"]
mod gateway;
#[expect(dead_code, reason = "shared with the integration tests")]
#[path = "../support/issuer.rs"]
mod issuer;
#[expect(dead_code, reason = "shared with the integration tests")]
#[path = "../support/issuer_keys.rs"]
mod issuer_keys;
mod keycloak;
mod outages;
mod ports;
mod realm;
mod refusals;
mod registration;
mod usher;

use std::path::Path;
use std::process::ExitCode;

use keycloak::Keycloak;
use tokio::time::Instant;
use usher::Usher;

/// What the rows work with.
struct Scene {
    keycloak: Keycloak,
    usher: Usher,
}

/// What happened so far.
#[derive(Default)]
struct Report {
    passed: u32,
    failed: u32,
}

impl Report {
    /// Counts one row and says what became of it.
    fn row(&mut self, started: Instant, name: &str, outcome: anyhow::Result<()>) {
        let seconds = started.elapsed().as_secs_f32();
        match outcome {
            Ok(()) => {
                self.passed += 1;
                println!("ok      {seconds:5.1} s  {name}");
            }
            Err(error) => {
                self.failed += 1;
                println!("FAILED  {seconds:5.1} s  {name}\n    {error:#}");
            }
        }
    }
}

/// Runs one row after another; each gets the scene.
macro_rules! rows {
    ($report:ident, $scene:ident, $($row:path),* $(,)?) => {$(
        let started = Instant::now();
        let outcome = $row(&mut $scene).await;
        $report.row(started, &stringify!($row).replace([' ', '_'], " "), outcome);
    )*};
}

/// For requests of every kind: the address asked for and nobody in between.
fn http_client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(std::time::Duration::from_secs(30))
        .build()
        .expect("a client")
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(report) => {
            println!("\ne2e: {} passed, {} failed", report.passed, report.failed);
            ExitCode::from(u8::from(report.failed > 0))
        }
        Err(error) => {
            println!("{error:#}\n\ne2e: 0 passed, 1 failed");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<Report> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/e2e");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(folder.join("screenshots"))?;

    let usher = Usher::new()?;
    let started = Instant::now();
    let mut scene = Scene {
        keycloak: Keycloak::start(&usher.public_url()).await?,
        usher,
    };
    println!(
        "Keycloak is ready after {:.1} s",
        started.elapsed().as_secs_f32()
    );
    let issuer = scene.keycloak.issuer("mcp");
    scene.usher.start(&issuer).await?;
    scene.usher.until("/readyz", 200).await?;

    let mut report = Report::default();
    rows!(
        report,
        scene,
        realm::holds_all_registration_policies,
        realm::registers_the_clients_that_people_use_and_nobody_else,
        realm::gives_a_self_registered_service_account_nothing,
        realm::tells_a_self_registered_reader_that_writing_is_no_scope_of_its_own,
        realm::for_production_has_no_users_no_known_secret_and_no_scope_by_default,
        realm::exchanges_a_callers_token_for_an_upstreams,
        registration::registers_every_client_that_usher_knows_without_a_token,
        registration::registers_a_confidential_client_with_an_initial_access_token,
        registration::names_the_policy_that_refuses_and_where_to_change_it,
        refusals::accepts_a_genuine_access_token,
        refusals::refuses_a_token_without_audience,
        refusals::refuses_an_id_token,
        refusals::refuses_a_refresh_token,
        refusals::refuses_a_token_of_another_realm,
        refusals::refuses_a_token_for_another_resource,
        refusals::refuses_a_service_account_without_scope,
        refusals::accepts_a_token_after_logout_until_it_expires,
        refusals::refuses_a_disabled_user_after_expiry,
        clients::typescript_registers_itself_and_speaks_2025_11_25,
        clients::typescript_registers_itself_and_speaks_2026_07_28,
        clients::typescript_is_predefined_and_speaks_2025_11_25,
        clients::typescript_is_predefined_and_speaks_2026_07_28,
        clients::typescript_refreshes_after_expiry,
        clients::python_registers_itself_and_speaks_2025_11_25,
        clients::python_registers_itself_and_speaks_2026_07_28,
        clients::python_is_predefined_and_speaks_2025_11_25,
        clients::python_is_predefined_and_speaks_2026_07_28,
        outages::a_clock_that_is_90_seconds_off_is_named_in_the_log,
        outages::keys_rotate_under_load_and_no_valid_token_is_refused,
        outages::the_last_good_keys_serve_while_keycloak_is_away,
        outages::usher_starts_without_keycloak_and_becomes_ready_by_itself,
    );
    scene.usher.stop().await?;
    scene.keycloak.stop().await?;
    Ok(report)
}
