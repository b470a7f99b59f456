//! `usher doctor URL` against servers that do one thing wrong: the first cause must be that one.

mod command;
mod hostile;
mod the_way;
mod what_it_says;

use std::time::Duration;

use http::StatusCode;
use url::Url;
use usher::clients::KnownClient;
use usher::clock::Clock;
use usher::doctor::walk::{self, Progress, Walk};
use usher::doctor::{Diagnosis, Verdict};
use usher::outbound::{Probe, Settings};

use crate::stranger::{Asked, Says, Stranger};

/// A walk to this address as every client, with the patience that a slow machine needs.
fn walk_to(typed: &str) -> Walk {
    walk_with(typed, &Settings::default())
}

fn walk_with(typed: &str, settings: &Settings) -> Walk {
    let url = walk::address::read(typed).expect("an address");
    Walk {
        typed: typed.to_owned(),
        probe: Probe::new(url, settings, false).expect("a probe"),
        clients: KnownClient::ALL.into(),
        named: false,
        registers: None,
        client_id: None,
        token: None,
        patience: None,
        answer_within: Duration::from_secs(60),
        clock: Clock::system(),
        progress: Progress::default(),
    }
}

async fn diagnosis_of(typed: &str) -> Diagnosis {
    walk::walk(&walk_to(typed)).await.diagnosis
}

/// The first cause, or `ok`.
fn first_cause(diagnosis: &Diagnosis) -> &str {
    diagnosis
        .first_cause()
        .map_or("ok", |finding| finding.check.id)
}

/// What the doctor finds at a healthy server that `changed` answers for where it wants to.
async fn changed(
    changed: impl Fn(&Asked) -> Option<Says> + Clone + Send + Sync + 'static,
) -> (Diagnosis, Stranger) {
    let stranger =
        Stranger::start(move |asked| changed(asked).unwrap_or_else(|| healthy(asked))).await;
    let diagnosis = diagnosis_of(&format!("{}/mcp", stranger.origin)).await;
    (diagnosis, stranger)
}

const EXPOSED: &str = "access-control-expose-headers: WWW-Authenticate, Mcp-Session-Id\r\n";
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// A server without mistakes, and the authorization server behind it.
fn healthy(asked: &Asked) -> Says {
    let origin = &asked.origin;
    match (asked.method.as_str(), asked.path()) {
        ("OPTIONS", _) => Says::answer(
            StatusCode::NO_CONTENT.as_u16(),
            "access-control-allow-origin: http://localhost:6274\r\n\
             access-control-allow-headers: Authorization, Content-Type, MCP-Protocol-Version, Mcp-Session-Id\r\n",
            "",
        ),
        (_, "/mcp") => challenged(&format!(
            "www-authenticate: Bearer scope=\"mcp:read\", resource_metadata=\"{origin}{WELL_KNOWN}/mcp\"\r\n"
        )),
        ("GET", path) if path == format!("{WELL_KNOWN}/mcp") => {
            Says::json(&resource(origin, &format!("{origin}/mcp")))
        }
        ("GET", WELL_KNOWN) => Says::json(&resource(origin, origin)),
        (
            "GET",
            "/.well-known/oauth-authorization-server" | "/.well-known/openid-configuration",
        ) => Says::json(&issuer(origin)),
        ("GET", "/keys") => Says::json(KEYS),
        ("GET", "/authorize") => {
            Says::answer(200, "content-type: text/html\r\n", "<title>Log in</title>")
        }
        _ => Says::answer(404, "content-type: application/json\r\n", "{}"),
    }
}

/// A 401 with these lines in its head.
fn challenged(lines: &str) -> Says {
    let origin = "access-control-allow-origin: http://localhost:6274\r\n";
    let head = format!("content-type: application/json\r\n{origin}{EXPOSED}{lines}");
    Says::answer(401, &head, "{}")
}

fn resource(origin: &str, resource: &str) -> String {
    format!(
        r#"{{"resource":"{resource}","authorization_servers":["{origin}"],"scopes_supported":["mcp:read"]}}"#
    )
}

fn issuer(origin: &str) -> String {
    format!(
        r#"{{"issuer":"{origin}","authorization_endpoint":"{origin}/authorize","token_endpoint":"{origin}/token",
        "registration_endpoint":"{origin}/register","jwks_uri":"{origin}/keys","response_types_supported":["code"],
        "grant_types_supported":["authorization_code","refresh_token"],"code_challenge_methods_supported":["S256"],
        "token_endpoint_auth_methods_supported":["none"],"scopes_supported":["mcp:read","offline_access"],
        "authorization_response_iss_parameter_supported":true}}"#
    )
}

const KEYS: &str = "{\"keys\":[{\"kty\":\"RSA\",\"use\":\"sig\",\"alg\":\"RS256\",\"kid\":\"1\",\"e\":\"AQAB\",\"n\":\"\
    vBP0afpG0IC8mxhaoH0UP-yz4f4tSAzFD_qkZAaKh3S2xDxs3nKJvwHjqtCtRhwsUH3D01NCa87S0Am6DYVrtS51QU\
    Iu7iqihe9AcYbNe7lv1-ZEYNk8d3eVaHitnYraYK_8RhUdRJ98afBTn4v-\
    xGsgxfb1G8BIJLioDShmzzt48Ih9uP2AR-\
    1rRFhtrLQKDin0md7Z18meg4xaWnsBUwUJmEjKilX1WoGziCsTfTX51or6Dh8_J9GlTY18MTcNa1M8SSnp-\
    ALKCEvFBGYVJmaksjlH4uQlwqjAF65G2BKvGNBh5yWCz1o0fZt9i04R8pnF9qUk0dwXFcFaApGp4Q\"}]}";

/// Every failure and warning, for messages.
fn complaints(diagnosis: &Diagnosis) -> Vec<(&'static str, String)> {
    let findings = diagnosis.findings.iter();
    let bad = findings.filter(|found| matches!(found.verdict, Verdict::Failure | Verdict::Warning));
    bad.map(|found| (found.check.id, found.found.clone()))
        .collect()
}

/// An address at which nothing listens any more.
async fn closed() -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    Url::parse(&format!("http://{address}/mcp")).expect("an address")
}
