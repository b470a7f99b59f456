//! `usher-demo`: starts the development identity provider and Usher, and walks a client through everything that happens
//! between "paste this URL" and the first document. Each step is a check: what does not hold ends the demo.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line prints"
)]

mod challenge;
mod mcp_client;
mod oauth_client;
mod report;
mod usher;
mod walkthrough;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Parser;
use dev_idp::{Config, Server};
use tokio::signal::unix::{SignalKind, signal};

use crate::oauth_client::OAuthClient;
use crate::report::Report;
use crate::usher::Usher;

/// A development identity provider, Usher, and a client that walks through. `make demo` builds and runs it.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Port of Usher, on 127.0.0.1; 0 takes a free one, here as below.
    #[arg(long, env = "USHER_PORT", default_value_t = 8080)]
    usher_port: u16,
    /// Port of Usher's admin listener.
    #[arg(long, env = "ADMIN_PORT", default_value_t = 8081)]
    admin_port: u16,
    /// Port of the development identity provider.
    #[arg(long, env = "IDP_PORT", default_value_t = 9000)]
    idp_port: u16,
    /// End after the walk-through.
    #[arg(long)]
    once: bool,
    /// Print an access token for a running demo, and nothing else. The value is who logs in, such as alice.
    #[arg(long, value_name = "USER")]
    token: Option<String>,
    /// Usher's configuration; addresses and issuer come from the ports.
    #[arg(long, default_value = "deploy/demo.toml")]
    config: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let ended = match &arguments.token {
        Some(user) => print_token(&arguments, user).await,
        None => run(arguments).await,
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("demo: {fault:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(mut arguments: Arguments) -> anyhow::Result<()> {
    // Before there is anything that could be left behind.
    let (mut interrupted, mut terminated) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    arguments.usher_port = usher::chosen_port(arguments.usher_port)?;
    arguments.admin_port = usher::chosen_port(arguments.admin_port)?;
    let report = Report::to_standard_output();
    let (idp, mut usher) = tokio::select! {
        walked = start_and_walk(&arguments, &report) => walked?,
        _ = interrupted.recv() => bail!("interrupted"),
        _ = terminated.recv() => bail!("interrupted"),
    };
    if arguments.once {
        report.line("demo: every step held.");
        return usher.stop().await;
    }
    by_hand(&report, &arguments, &idp);
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
        ended = usher.ended() => return Err(ended),
    }
    usher.stop().await
}

/// What is given up half-way takes both servers with it.
async fn start_and_walk(arguments: &Arguments, report: &Report) -> anyhow::Result<(Server, Usher)> {
    let mcp_url = mcp_url(arguments);
    let idp = Server::start(Config {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.idp_port)),
        default_resource: Some(mcp_url.clone()),
        ..Config::default()
    })
    .await
    .context("the identity provider did not start; IDP_PORT=… is its port")?;
    let usher = Usher::start(&usher::Settings {
        port: arguments.usher_port,
        admin_port: arguments.admin_port,
        issuer: idp.issuer().to_owned(),
        config: arguments.config.clone(),
    })
    .await?;
    report.started(idp.issuer(), &mcp_url, usher.log());
    walkthrough::run(report, &mcp_url, idp.issuer()).await?;
    Ok((idp, usher))
}

async fn print_token(arguments: &Arguments, user: &str) -> anyhow::Result<()> {
    let mut client = OAuthClient::new(&mcp_url(arguments))?;
    let token = client
        .log_in(user)
        .await
        .context("no token; is the demo running (make demo), on these ports?")?;
    println!("{}", token.secret());
    Ok(())
}

fn mcp_url(arguments: &Arguments) -> String {
    format!("http://127.0.0.1:{}/mcp", arguments.usher_port)
}

fn by_hand(report: &Report, arguments: &Arguments, idp: &Server) {
    let mcp_url = &mcp_url(arguments);
    let users: Vec<_> = idp
        .users()
        .iter()
        .map(|user| {
            format!(
                "{} with {} ({})",
                user.name,
                user.password,
                user.groups.join(", ")
            )
        })
        .collect();
    let health = format!(
        "curl -s 'http://127.0.0.1:{}/healthz?deep=1'",
        arguments.usher_port
    );
    let challenge = format!("curl -si -X POST {mcp_url}");
    let ports = match arguments.usher_port {
        8080 => String::new(),
        other => format!(" USHER_PORT={other}"),
    };
    let call = format!(
        "curl -s {mcp_url} -H \"Authorization: Bearer $(make -s demo-token{ports})\" -H 'Content-Type: application/json' \
         -H 'Accept: application/json, text/event-stream' -d '{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}}'"
    );
    report.heading("Connect a client by hand");
    report.entry("URL to paste", mcp_url);
    report.entry("Log in as", &users.join(", or "));
    report.entry(
        "Claude Code",
        &format!("claude mcp add --transport http usher {mcp_url}   (then /mcp)"),
    );
    report.entry(
        "VS Code",
        &format!("code --add-mcp '{{\"name\":\"usher\",\"type\":\"http\",\"url\":\"{mcp_url}\"}}'"),
    );
    report.entry(
        "Cursor",
        &format!("~/.cursor/mcp.json: {{\"mcpServers\":{{\"usher\":{{\"url\":\"{mcp_url}\"}}}}}}"),
    );
    report.entry("curl: refusal", &challenge);
    report.entry("curl: call", &call);
    report.entry("curl: health", &health);
    report.line("");
    report.line("ChatGPT and claude.ai call from their own servers and cannot reach 127.0.0.1.");
    report.line("Ctrl-C ends all of it.");
}
