//! The `dev-idp` program: an identity provider for the demo and for trying things out. Never for anything else.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line prints"
)]

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use dev_idp::{Config, Server, StartError};

/// A throw-away identity provider on loopback, with new users' passwords and new keys at every start. Development only.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Address to listen on; anything but loopback is refused.
    #[arg(long, env = "DEV_IDP_LISTEN", default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, 9000)))]
    listen: SocketAddr,
    /// How long an access token is valid, in seconds.
    #[arg(long, env = "DEV_IDP_ACCESS_TOKEN_SECONDS", default_value_t = 300)]
    access_token_seconds: u64,
    /// The resource assumed where a client names none (RFC 8707); without it such a client is refused.
    #[arg(long, env = "DEV_IDP_DEFAULT_RESOURCE")]
    default_resource: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("dev-idp: {fault}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), StartError> {
    let config = Config {
        listen: arguments.listen,
        access_token_lifetime: Duration::from_secs(arguments.access_token_seconds),
        default_resource: arguments.default_resource,
        ..Config::default()
    };
    let server = Server::start(config).await?;
    println!("dev-idp: DEVELOPMENT ONLY, with throw-away users and keys");
    println!("dev-idp: issuer {}", server.issuer());
    for user in server.users() {
        println!(
            "dev-idp: log in as {} with {} (group {})",
            user.name,
            user.password,
            user.groups.join(", ")
        );
    }
    tokio::select! {
        _ = server.serve() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    Ok(())
}
