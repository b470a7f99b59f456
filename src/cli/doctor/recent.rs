//! `usher doctor --recent`: where the admin listener is, and what it wants to know.

use std::path::{Path, PathBuf};

use url::Url;

use super::given;
use crate::cli::sources;
use crate::config;
use crate::doctor::{Diagnosis, recent};
use crate::outbound::{self, Probe, to_ask};
use crate::secret_file::SecretText;

/// What asks a running server what it saw of late.
#[derive(clap::Args, Debug)]
pub(super) struct RecentOptions {
    /// What a running server refused of late, and who fell silent; it is asked on its admin listener
    #[arg(long, conflicts_with = "url")]
    recent: bool,
    /// The admin listener to ask [default: `admin_listen` of the configuration, with its secret]
    #[arg(long, value_name = "URL", requires = "recent")]
    admin: Option<Url>,
    /// A file with the secret of the admin listener that `--admin` names
    #[arg(long, value_name = "FILE", requires = "admin")]
    admin_secret_file: Option<PathBuf>,
}

impl RecentOptions {
    /// True if it is asked for.
    pub(super) fn is_wanted(&self) -> bool {
        self.recent
    }

    /// Asks the server.
    pub(super) async fn diagnosis(
        &self,
        file: Option<&Path>,
        ca_files: &[PathBuf],
    ) -> anyhow::Result<Diagnosis> {
        let (url, secret, mut settings) = match &self.admin {
            // Nothing of this machine's configuration goes to an address that was typed.
            Some(url) => (url.clone(), self.secret()?, outbound::Settings::default()),
            None => {
                let config = config::load(&sources(file)?)?;
                let address = to_ask(config.admin_listen);
                let secret = config.admin_secret.as_ref();
                let secret = secret.map(|secret| SecretText::new(secret.expose()));
                let url = Url::parse(&format!("http://{address}/"))?;
                (url, secret, config.outbound)
            }
        };
        settings.ca_files.extend(ca_files.iter().cloned());
        let probe = Probe::new(url, &settings, true)?;
        let secret = secret.as_ref().map(SecretText::expose);
        Ok(recent::diagnosis(&probe, secret).await)
    }

    fn secret(&self) -> anyhow::Result<Option<SecretText>> {
        let path = self.admin_secret_file.as_deref();
        path.map(|path| given::read(path, "the secret of the admin listener"))
            .transpose()
    }
}
