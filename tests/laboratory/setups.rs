//! Healthy set-ups: a provider, a proxy in front of it, Usher, and a proxy in front of that. Each row breaks one and puts
//! it back.

pub(crate) mod nginx;
pub(crate) mod oidc_provider;
pub(crate) mod usher;

use anyhow::{Context as _, bail};
use serde_json::json;

use crate::broken_proxy::Proxy;
use crate::keycloak::Keycloak;
use crate::row::At;
use crate::tls::{Authority, Certificate, Front};
use oidc_provider::OidcProvider;
use usher::{Settings, Usher};

/// The realm of the repository.
pub(crate) const REALM: &str = "mcp";

/// Who issues the tickets.
pub(crate) enum Provider {
    DevIdp(dev_idp::Server),
    Keycloak(Keycloak),
    OidcProvider(OidcProvider),
}

/// One set-up.
pub(crate) struct Site {
    /// What clients call.
    pub(crate) front: Proxy,
    /// What stands before the provider, under the provider's own name.
    pub(crate) back: Proxy,
    pub(crate) provider: Provider,
    pub(crate) usher: Usher,
    /// Signs the certificates of the rows with TLS.
    pub(crate) authority: Authority,
    /// TLS before the front, of rows that want it.
    pub(crate) tls: Option<Front>,
    /// nginx before Usher, of rows that want it.
    pub(crate) nginx: Option<nginx::Nginx>,
    /// What puts back what was changed through the provider's administration: method, path and body.
    pub(crate) changed: Vec<(String, String, Option<serde_json::Value>)>,
}

impl Site {
    /// Starts everything.
    pub(crate) async fn start(at: At, name: &str) -> anyhow::Result<Self> {
        let front = Proxy::start(true).await?;
        let back = Proxy::start(!matches!(at, At::DevIdp)).await?;
        let (provider, behind, issuer) = match at {
            At::DevIdp => {
                let config = dev_idp::Config {
                    issuer: Some(back.url()),
                    ..dev_idp::Config::on_any_port()
                };
                let server = dev_idp::Server::start(config).await?;
                let behind = format!("http://{}", server.address());
                (Provider::DevIdp(server), behind, back.url())
            }
            At::Keycloak => {
                let keycloak = Keycloak::start("laboratory", &front.url()).await?;
                let issuer = keycloak.issuer(REALM);
                let behind = issuer
                    .split("/realms")
                    .next()
                    .unwrap_or_default()
                    .to_owned();
                let issuer = format!("{}/realms/{REALM}", back.url());
                // For tokens without a browser.
                keycloak.add_client(REALM, "password", json!({})).await?;
                let patient = json!({ "bruteForceProtected": false });
                keycloak
                    .admin("PUT", &format!("/{REALM}"), Some(patient))
                    .await?;
                (Provider::Keycloak(keycloak), behind, issuer)
            }
            At::OidcProvider => {
                let provider = OidcProvider::start(&back.url()).await?;
                let behind = provider.url().to_owned();
                (Provider::OidcProvider(provider), behind, back.url())
            }
        };
        back.lead_to(&behind);
        let mut usher = Usher::new(name, &front.url(), &issuer)?;
        usher.ensure(Settings::HEALTHY).await?;
        front.lead_to(&usher.address());
        Ok(Self {
            front,
            back,
            provider,
            usher,
            authority: Authority::new(),
            tls: None,
            nginx: None,
            changed: Vec::new(),
        })
    }

    /// The address that people type.
    pub(crate) fn url(&self) -> String {
        format!("{}/mcp", self.usher.public_url())
    }

    /// TLS in front from now on, with this certificate. Usher is then known by that address.
    pub(crate) async fn with_tls(&mut self, shown: Certificate) -> anyhow::Result<()> {
        let front = self.authority.front(self.front.authority(), shown).await;
        self.authority.file(self.usher.folder());
        self.usher.call_it(&front.url());
        self.tls = Some(front);
        Ok(())
    }

    /// nginx between the front and Usher, with these lines in its `server`.
    pub(crate) async fn with_nginx(&mut self, lines: &str) -> anyhow::Result<()> {
        let nginx = nginx::Nginx::start(&self.usher.address(), lines).await?;
        self.front.lead_to(&nginx.url());
        self.nginx = Some(nginx);
        Ok(())
    }

    /// Healthy again, but for what the provider keeps: that is for whoever changed it.
    pub(crate) async fn heal(&mut self) -> anyhow::Result<()> {
        self.front.set(&[]);
        self.back.set(&[]);
        self.tls = None;
        self.nginx = None;
        self.front.lead_to(&self.usher.address());
        self.usher.call_it(&self.front.url());
        if let Provider::OidcProvider(provider) = &self.provider {
            provider.change("{}").await?;
        }
        self.usher.tidy_up()
    }

    pub(crate) fn dev_idp(&self) -> anyhow::Result<&dev_idp::Server> {
        match &self.provider {
            Provider::DevIdp(server) => Ok(server),
            Provider::Keycloak(_) | Provider::OidcProvider(_) => bail!("a row of dev-idp"),
        }
    }

    pub(crate) fn keycloak(&self) -> anyhow::Result<&Keycloak> {
        match &self.provider {
            Provider::Keycloak(keycloak) => Ok(keycloak),
            Provider::DevIdp(_) | Provider::OidcProvider(_) => bail!("a row of Keycloak"),
        }
    }

    pub(crate) fn oidc_provider(&self) -> anyhow::Result<&OidcProvider> {
        match &self.provider {
            Provider::OidcProvider(provider) => Ok(provider),
            Provider::DevIdp(_) | Provider::Keycloak(_) => bail!("a row of oidc-provider"),
        }
    }

    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.usher.stop().await.context("Usher")?;
        if let Provider::Keycloak(keycloak) = &mut self.provider {
            keycloak.stop().await?;
        }
        Ok(())
    }
}
