//! A second real issuer that is not Keycloak: npm's `oidc-provider`, recognised by no profile but `generic`.

mod issuers;
mod logins;
mod opaque_tokens;
mod other_refusals;

use std::path::Path;

use tokio::time::Instant;

use crate::report::{Report, rows};
use crate::usher::Usher;
use issuers::Issuers;
// The names of rows begin with these.
use opaque_tokens as oidc_provider_opaque_tokens;
use other_refusals as oidc_provider_refusals;

/// All rows, one after another: most of them wait for a browser.
pub(crate) async fn rows(report: &Report) {
    // One argument chooses all of them: they share the issuers.
    if !report.wants("oidc_provider") {
        return;
    }
    let started = Instant::now();
    let mut issuers = match Issuers::start().await {
        Ok(issuers) => issuers,
        Err(error) => return report.row(started, "oidc_provider starts", Err(error)),
    };
    logins::with_every_algorithm(report, &issuers).await;
    rows!(
        report,
        &issuers,
        oidc_provider_refusals::other_algorithms_than_rs256_are_refused_until_they_are_configured,
        oidc_provider_refusals::a_token_for_another_resource_is_refused,
        oidc_provider_refusals::ed25519_is_eddsa_by_another_name,
        oidc_provider_refusals::a_token_bound_to_a_key_is_refused,
        oidc_provider_opaque_tokens::is_refused_by_name_and_the_log_says_what_to_change,
    );
    rows!(
        report,
        &mut issuers,
        oidc_provider_opaque_tokens::is_accepted_where_the_issuer_is_asked_until_it_is_revoked_or_cannot_be_asked,
    );
}

/// A server that trusts one of the issuers, with more in that issuer's settings.
async fn usher(name: &str, issuer: &str, more: &str) -> anyhow::Result<Usher> {
    let name = format!("oidc-provider-{name}");
    let mut usher = Usher::configured(&name, &format!("[[issuer]]\n{more}"))?;
    usher.start(issuer).await?;
    usher.until("/readyz", 200).await?;
    Ok(usher)
}

/// A file that only its owner may read.
fn secret_file(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::File::options();
    options.write(true).create(true).truncate(true).mode(0o600);
    Ok(options.open(path)?.write_all(text.as_bytes())?)
}
