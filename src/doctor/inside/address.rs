//! Where this server listens, and whether that goes with the address that clients use.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::Value;
use tokio::net::TcpListener;
use url::Url;

use super::Inside;
use crate::doctor::Finding;
use crate::doctor::checks::inside::{
    CONFIGURATION_MATCHES_ADDRESS, PORT_FREE, PUBLIC_URL_REACHABLE,
};
use crate::outbound::{Probe, Question, is_loopback_host, to_ask};

/// How long an address may take to answer.
const PATIENCE: Duration = Duration::from_secs(4);
/// What `GET /` has is smaller.
const MOST_BYTES: usize = 64 * 1024;

/// The listening address against the public URL, as far as that can be told without asking.
pub(super) fn matches(inside: &Inside) -> Vec<Finding> {
    let check = &CONFIGURATION_MATCHES_ADDRESS;
    let public = inside.auth.public_url.as_str();
    let Ok(url) = Url::parse(public) else {
        return vec![Finding::skipped(check, "the public URL cannot be read")];
    };
    let listen = inside.listen;
    let expected_port = url.port_or_known_default().unwrap_or_default();
    let mut found = Vec::new();
    // Who believes a proxy has one, which forwards from one port to the other.
    if url.scheme() == "http" && expected_port != listen.port() && !inside.trusts_a_proxy {
        let told = Finding::warning(check, format!("listens on port {}", listen.port()));
        let told = told.expected(format!("port {expected_port}, as in {public}"));
        found.push(told.fix(
            "write the same port into `listen` and `public_url`, unless a container or proxy forwards one to the other; name \
             a proxy in `http.trusted_proxies`",
        ));
    }
    if is_loopback(&url) && !listen.ip().is_loopback() && !is_container() {
        let told = Finding::warning(
            check,
            format!("{public} is this machine alone, and {listen} answers other machines too"),
        );
        found.push(
            told.fix("listen on 127.0.0.1, or write the address that others use into `public_url`"),
        );
    }
    if url.scheme() == "https" && !listen.ip().is_loopback() && !inside.trusts_a_proxy {
        let told = Finding::warning(
            check,
            format!(
                "{public} needs a proxy that ends TLS, and none is named: all clients look like that proxy"
            ),
        );
        found.push(told.fix(
            "name the proxy's address in `http.trusted_proxies`, and let nobody but it reach this port",
        ));
    }
    if found.is_empty() {
        found.push(Finding::ok(
            check,
            format!("{public}, listening on {listen}"),
        ));
    }
    found
}

/// In a container everything listens on all addresses, and the engine says who gets in.
fn is_container() -> bool {
    [
        "/.dockerenv",
        "/run/.containerenv",
        "/var/run/secrets/kubernetes.io",
    ]
    .into_iter()
    .any(|mark| std::path::Path::new(mark).exists())
}

fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(is_loopback_host)
}

/// Who has our port, and whether the public address leads to the same server.
pub(super) async fn answers(inside: &Inside) -> Vec<Finding> {
    let skipped = |why: &str| Finding::skipped(&PUBLIC_URL_REACHABLE, why);
    let (port, own) = port(inside).await;
    let public = match own {
        Some(own) => public(inside, &own).await,
        None => skipped("this server does not run now"),
    };
    vec![port, public]
}

/// Whether the port is free, or what our own server says there.
async fn port(inside: &Inside) -> (Finding, Option<Value>) {
    let listen = inside.listen;
    let error = match TcpListener::bind(listen).await {
        Ok(_listener) => return (Finding::ok(&PORT_FREE, format!("{listen} is free")), None),
        Err(error) => error,
    };
    if error.kind() != std::io::ErrorKind::AddrInUse {
        let failure = Finding::failure(&PORT_FREE, format!("{listen}: {error}"));
        let fix = match error.kind() {
            std::io::ErrorKind::PermissionDenied => {
                "choose a port above 1023 and let a proxy forward to it, or give this program the right to bind low ports"
            }
            _ => "write an address of this machine into `listen`",
        };
        return (failure.fix(fix), None);
    }
    let url = format!("http://{}/", to_ask(listen));
    match landing(&url, inside, true).await {
        Ok(document) if is_ours(&document, &inside.auth.public_url) => {
            let found = format!("this server has {listen}");
            (Finding::ok(&PORT_FREE, found), Some(document))
        }
        Ok(_) | Err(_) => {
            let failure = Finding::failure(&PORT_FREE, format!("something else has {listen}"));
            let failure = failure.expected("nobody there, or this server with this configuration");
            (failure, None)
        }
    }
}

fn is_ours(document: &Value, public_url: &str) -> bool {
    let endpoint = document.pointer("/endpoints/mcp").and_then(Value::as_str);
    endpoint == Some(&format!("{public_url}/mcp"))
}

/// What the public address answers, against what this server says of itself.
async fn public(inside: &Inside, own: &Value) -> Finding {
    let check = &PUBLIC_URL_REACHABLE;
    let public = &inside.auth.public_url;
    match landing(&format!("{public}/"), inside, false).await {
        Ok(document) if document == *own => Finding::ok(check, format!("{public} leads here")),
        Ok(document) if is_ours(&document, public) => {
            let found = format!("{public} leads to another server with this public URL");
            Finding::warning(check, found).fix("see that all replicas run one version with one configuration")
        }
        Ok(_) => Finding::failure(check, format!("{public} leads to something else"))
            .expected("what this server answers at /"),
        Err(problem) if Url::parse(public).is_ok_and(|url| is_loopback(&url)) => {
            Finding::failure(check, problem)
                .expected(format!("the answer of this server at {public}/"))
        }
        // From inside of a network its own public name often leads nowhere.
        Err(problem) => Finding::warning(check, problem)
            .expected(format!("the answer of this server at {public}/"))
            .fix(format!(
                "run `usher doctor {public}/mcp` from outside of this network; if that fails too, see the proxy in front"
            )),
    }
}

async fn landing(address: &str, inside: &Inside, is_own: bool) -> Result<Value, String> {
    let url = Url::parse(address).map_err(|error| format!("{address}: {error}"))?;
    let mut settings = inside.outbound.clone();
    if is_own {
        settings.proxy = None;
    }
    let probe = Probe::new(url.clone(), &settings, true).map_err(|error| error.to_string())?;
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let question = Question {
        method: &Method::GET,
        url: &url,
        headers: &headers,
        body: &[],
        max_bytes: MOST_BYTES,
        timeout: PATIENCE,
    };
    let heard = probe
        .ask(question)
        .await
        .map_err(|error| error.to_string())?;
    serde_json::from_slice(&heard.body).map_err(|_not_json| {
        format!(
            "{address} answers {} and not what this server says",
            heard.status
        )
    })
}
