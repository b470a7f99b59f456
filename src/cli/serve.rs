//! `usher serve`: the composition root. Everything is built here and nowhere else.

mod announce;

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;

use crate::audit::Audit;
use crate::auth::{ProfileName, ResourceServer};
use crate::clock::Clock;
use crate::config::{self, Config, KeyPath, Secret};
use crate::doctor::checks::token;
use crate::http::admin::{Remedies, Remedy};
use crate::http::{self, AccessLog};
use crate::knowledge::Knowledge;
use crate::lifecycle::{HangUps, Lifecycle};
use crate::mcp::Protocol;
use crate::outbound::Outbound;
use crate::rate_limit::RateLimits;
use crate::telemetry::{Log, Metrics, subscriber};
use crate::tools::Tools;
use crate::upstream::{Credentials, Guard, Upstreams};
use crate::{auth, knowledge, mcp, upstream};

/// What `usher serve` takes.
#[derive(clap::Args, Debug)]
pub struct Options {}

impl Options {
    /// Reads the configuration, binds, serves, says so in one line once it is ready, and goes on until a signal ends it.
    pub fn run(self, file: Option<&Path>) -> anyhow::Result<ExitCode> {
        let config = config::load(&super::sources(file)?)?;
        let log = Log::stderr();
        subscriber::install(&config.log, &log)?;
        for warning in &config.warnings {
            tracing::warn!("{warning}");
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        let outcome = runtime.block_on(serve(config, log.clone()));
        log.flush();
        outcome.map(|()| ExitCode::SUCCESS)
    }
}

async fn serve(config: Config, log: Log) -> anyhow::Result<()> {
    let listeners = Listeners::bind(&config).await?;
    let line = listeners.in_one_line(&config.auth.public_url)?;
    let drain_delay = Duration::from_secs(config.http.drain_delay_seconds);
    let surroundings = Surroundings {
        lifecycle: Lifecycle::new(),
        clock: Clock::system(),
        log,
    };
    // Before anything is said: whoever reads it may send a signal at once.
    let stopping = surroundings.lifecycle.stop_on_signals(drain_delay)?;
    let hang_ups = HangUps::listen()?;
    let server = Server::build(config, surroundings)?;
    tracing::info!(
        listen = %listeners.public.local_addr()?,
        admin = %listeners.admin.local_addr()?,
        "listening; ready once keys and index are there"
    );
    let upstreams = server.upstreams.clone();
    let looking = async {
        hang_ups
            .each(|| {
                tracing::info!("SIGHUP: each upstream is asked again what it has");
                upstreams.look_again();
            })
            .await;
        std::future::pending().await
    };
    let state = server.state.clone();
    let announced = async {
        announce::until_ready(|| state.waits_for()).await;
        super::say(&format!("{line}\n"));
        std::future::pending().await
    };
    let stopping = async {
        stopping.await;
        std::future::pending().await
    };
    tokio::select! {
        served = server.run(listeners) => served,
        served = announced => served,
        served = stopping => served,
        served = looking => served,
    }
}

/// The bound sockets. A test binds port 0 and hands them over; the rest is the same code.
#[derive(Debug)]
pub struct Listeners {
    /// For clients.
    pub public: TcpListener,
    /// For operations.
    pub admin: TcpListener,
}

impl Listeners {
    /// Binds what the configuration names.
    pub async fn bind(config: &Config) -> anyhow::Result<Self> {
        Ok(Self {
            public: bind(config.listen, "listen").await?,
            admin: bind(config.admin_listen, "admin_listen").await?,
        })
    }

    /// What `usher serve` prints once it is ready. It listens before: `/readyz` tells the difference.
    fn in_one_line(&self, public_url: &str) -> std::io::Result<String> {
        Ok(format!(
            "usher {} serves {public_url} on {}, admin on {}",
            env!("CARGO_PKG_VERSION"),
            self.public.local_addr()?,
            self.admin.local_addr()?,
        ))
    }
}

async fn bind(address: SocketAddr, key: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        let variable = KeyPath::root().key(key).variable();
        format!("cannot listen on {address}; choose another address with {variable} or `{key}`")
    })
}

/// What a server is given besides its configuration. A test keeps clones and moves the clock, stops it, reads its log.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Stop signals and background tasks.
    pub lifecycle: Lifecycle,
    /// The wall clock.
    pub clock: Clock,
    /// Where access lines go.
    pub log: Log,
}

/// A whole server, built and not yet serving.
pub struct Server {
    state: http::State,
    upstreams: Upstreams,
    admin_secret: Option<Secret>,
}

impl Server {
    /// Builds every part from its settings. Waits for nothing outside of this process. Needs a tokio runtime.
    pub fn build(config: Config, surroundings: Surroundings) -> anyhow::Result<Self> {
        let Surroundings {
            lifecycle,
            clock,
            log,
        } = surroundings;
        // Closed on doubt: without the lock that was asked for, nothing starts.
        let lock = Guard::open(&config.catalogue_lock, &config.state_dir)?;
        let metrics = Metrics::default();
        let parts = knowledge::Parts {
            public_url: config.auth.public_url.clone(),
            state_dir: config.state_dir.clone(),
            lifecycle: lifecycle.clone(),
            metrics: metrics.clone(),
            clock: clock.clone(),
        };
        let knowledge = Knowledge::open(&config.knowledge, &parts)?;
        let outbound = Outbound::new(config.outbound.clone())?;
        let parts = auth::Parts {
            outbound: outbound.clone(),
            clock: clock.clone(),
            lifecycle: lifecycle.clone(),
            metrics: metrics.clone(),
            state_dir: config.state_dir,
        };
        let scope_prefix = config.auth.scope_prefix();
        let resource_server = ResourceServer::start(config.auth, parts)?;
        let endpoints = super::token_endpoints(&resource_server);
        let parts = upstream::Parts {
            outbound: Outbound::for_upstreams(config.outbound)?,
            credentials: Credentials::new(outbound, endpoints),
            lifecycle: lifecycle.clone(),
            metrics: metrics.clone(),
            lock,
        };
        let upstreams = Upstreams::start(config.upstreams, &parts);
        let rate_limits = RateLimits::new(&config.rate_limit);
        let parts = mcp::Parts {
            tools: Tools::new(knowledge.clone()),
            upstreams: upstreams.clone(),
            policy: config.policy,
            scope_prefix,
            rate_limits: rate_limits.clone(),
            lifecycle: lifecycle.clone(),
            metrics: metrics.clone(),
            clock: clock.clone(),
        };
        let protocol = Protocol::new(config.mcp, parts)?;
        let audit = Audit::new(config.audit, clock.clone());
        audit.watch(&lifecycle);
        let state = http::State::new(http::Parts {
            settings: config.http,
            landing: config.landing,
            remedies: Remedies::new(remedy),
            resource_server,
            protocol,
            knowledge,
            upstreams: upstreams.clone(),
            rate_limits,
            audit,
            metrics,
            access_log: AccessLog::new(log, &config.log),
            lifecycle,
            clock,
        });
        Ok(Self {
            state,
            upstreams,
            admin_secret: config.admin_secret,
        })
    }

    /// Serves until a stop is asked for and everything has ended.
    pub async fn run(self, listeners: Listeners) -> anyhow::Result<()> {
        let Listeners { public, admin } = listeners;
        let listeners = http::Listeners { public, admin };
        let secret = self.admin_secret.as_ref().map(Secret::expose);
        http::serve(listeners, secret, self.state).await?;
        Ok(())
    }
}

/// What mends a refusal, in the words of the provider, as the registry of checks has it.
fn remedy(reason: &str, profile: Option<&str>) -> Option<Remedy> {
    let check = token::for_reason(reason)?;
    let provider = ProfileName::known().find(|known| Some(known.as_str()) == profile);
    Some(Remedy {
        check: check.id,
        fix: provider.map_or(check.fix, |provider| check.fix_at(provider)),
    })
}
