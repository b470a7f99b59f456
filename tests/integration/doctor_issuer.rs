//! `usher doctor` at an authorization server: a healthy one with a whole login, and one that lies.

use std::future::{pending, ready};

use ::dev_idp::browser::{Arrival, Browser, Page};
use ::dev_idp::{Config, Server};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use url::Url;

use usher::clients::KnownClient;
use usher::clock::Clock;
use usher::doctor::login::{self, Ended, Wanted};
use usher::doctor::session::{self, Needed};
use usher::doctor::walk::{self, Asked, Progress, Provider, Registered, Walk, Walked};
use usher::doctor::{Diagnosis, Finding, Verdict};
use usher::outbound::{self, Probe};
use usher::secret_file::SecretText;

use crate::gateway::TestGateway;
use crate::issuer::{Answer, Forms, TestIssuer};
use crate::issuer_keys::TestKey;

async fn idp() -> Server {
    let started = Server::start(Config::on_any_port()).await;
    started.expect("an identity provider")
}

/// A server that trusts this issuer and nobody else.
async fn gateway_for(issuer: &str) -> TestGateway {
    let issuer = usher::auth::settings::IssuerSettings::named(issuer);
    let builder = TestGateway::builder().settings(|settings| settings.issuer = vec![issuer]);
    builder.start_without_keys().await
}

fn walk_to(gateway: &TestGateway) -> Walk {
    let typed = format!("{}/mcp", gateway.public_url);
    let url = Url::parse(&typed).expect("an address");
    Walk {
        probe: Probe::new(url, &outbound::Settings::default(), false).expect("a probe"),
        typed,
        clients: vec![KnownClient::Cursor, KnownClient::Inspector],
        named: true,
        registers: None,
        client_id: None,
        token: None,
        patience: None,
        answer_within: walk::PATIENCE,
        clock: Clock::system(),
        progress: Progress::default(),
    }
}

/// The same, and it registers a client.
fn registering_walk_to(gateway: &TestGateway) -> Walk {
    Walk {
        registers: Some(Registered::default()),
        ..walk_to(gateway)
    }
}

fn of_issuer(walked: &Walked) -> (&Asked, &Provider) {
    let (asked, provider) = walked.issuers.first().expect("an issuer");
    (asked, provider.as_ref().expect("its metadata"))
}

/// What is neither ok nor skipped, without what is told of clients left behind: dev-idp deletes none.
fn bad(findings: &[Finding]) -> Vec<(&'static str, Verdict)> {
    let is_bad = |finding: &&Finding| {
        matches!(finding.verdict, Verdict::Warning | Verdict::Failure)
            && !finding.found.contains("left there")
    };
    let bad = findings.iter().filter(is_bad);
    bad.map(|finding| (finding.check.id, finding.verdict))
        .collect()
}

fn verdict_of(findings: &[Finding], id: &str) -> Option<Verdict> {
    let of_it = findings.iter().filter(|finding| finding.check.id == id);
    of_it.map(|finding| finding.verdict).max()
}

fn wanted(client_id: Option<&str>) -> Wanted {
    Wanted {
        client_id: client_id.map(str::to_owned),
        client_secret: None,
        port: None,
        patience: std::time::Duration::from_secs(60),
    }
}

/// Logs in as alice with a browser that has no screen, and says `decision` on the consent page.
async fn log_in(walk: &Walk, walked: &Walked, decision: &str) -> Ended {
    let (asked, provider) = of_issuer(walked);
    let wanted = wanted(None);
    let (sender, address) = oneshot::channel();
    let sender = std::sync::Mutex::new(Some(sender));
    let show = move |url: &Url, _back: &str| {
        let sender = sender.lock().expect("no panic").take().expect("shown once");
        sender.send(url.clone()).expect("somebody waits");
    };
    let browser = async {
        let address = address.await.expect("an address");
        let answer = through_the_pages(&address, decision).await;
        let client = reqwest::Client::builder().no_proxy().build();
        let request = client.expect("a client").get(answer);
        let page = request.send().await.expect("the doctor listens");
        assert_eq!(page.status(), 200);
    };
    let (ended, ()) = tokio::join!(
        login::log_in(&walk.probe, (provider, asked), wanted, show, pending()),
        browser
    );
    ended
}

/// What the pages of dev-idp ask for; where the browser is sent in the end.
async fn through_the_pages(address: &Url, decision: &str) -> Url {
    let mut browser = Browser::new().expect("a browser");
    let login = browser.open(address.as_str()).await.expect("an answer");
    let login = page(login).expect("a login page");
    let rows = login.rows();
    let mut rows = rows.iter();
    let alice = rows.find(|row| row.first().is_some_and(|name| name == "alice"));
    let password = alice.and_then(|row| row.last()).expect("a password");
    let form = login.forms().into_iter().next().expect("a form");
    let fields = [("username", "alice"), ("password", password.as_str())];
    let consent = browser.submit(&login, &form, &fields).await;
    let consent = page(consent.expect("an answer")).expect("a consent page");
    let form = consent.forms().into_iter().next().expect("a form");
    let answer = browser
        .submit(&consent, &form, &[("decision", decision)])
        .await;
    let elsewhere = match answer.expect("an answer") {
        Arrival::Elsewhere(url) => Some(url),
        Arrival::Page(_) => None,
    };
    elsewhere.expect("the way back to the client")
}

fn page(arrival: Arrival) -> Option<Page> {
    match arrival {
        Arrival::Page(page) => Some(page),
        Arrival::Elsewhere(_) => None,
    }
}

fn needed<'n>(walk: &'n Walk, walked: &'n Walked, query: Option<&'n str>) -> Needed<'n> {
    Needed {
        clients: &[KnownClient::ChatGpt, KnownClient::Claude],
        issuer: Some(of_issuer(walked)),
        query,
        now: walk.clock.unix_seconds(),
    }
}

#[tokio::test]
async fn a_healthy_set_up_gives_no_failure_and_no_warning_from_the_address_to_the_refreshed_token()
{
    let idp = idp().await;
    let gateway = gateway_for(idp.issuer()).await;
    gateway.until_ready().await;
    let walk = registering_walk_to(&gateway);
    let walked = walk::walk(&walk).await;
    let findings = &walked.diagnosis.findings;
    assert_eq!(bad(findings), [], "{findings:#?}");
    for id in [
        "registration-works",
        "redirect-accepted",
        "authorization-answers",
        "resource-parameter",
    ] {
        let is_told = findings
            .iter()
            .any(|finding| finding.check.id == id && finding.verdict == Verdict::Ok);
        assert!(is_told, "{id}: {findings:#?}");
    }

    let mut ended = log_in(&walk, &walked, "allow").await;
    assert_eq!(bad(&ended.findings), [], "{:#?}", ended.findings);
    assert_eq!(
        verdict_of(&ended.findings, "response-issuer"),
        Some(Verdict::Ok)
    );
    let tokens = ended.tokens.as_mut().expect("tokens");
    let session = session::check(
        &walk.probe,
        tokens.access_token(),
        &needed(&walk, &walked, None),
    )
    .await;
    assert_eq!(bad(&session), [], "{session:#?}");
    for id in [
        "token-accepted",
        "token-audience",
        "token-issuer",
        "revisions-spoken",
        "tools-listed",
        "search-and-fetch-listed",
        "tool-schemas",
        "search-works",
        "fetch-works",
    ] {
        assert_eq!(
            verdict_of(&session, id),
            Some(Verdict::Ok),
            "{id}: {session:#?}"
        );
    }
    let refreshed = session::refresh(&walk.probe, tokens, of_issuer(&walked).1).await;
    assert_eq!(refreshed.verdict, Verdict::Ok, "{refreshed:?}");
    let secret = tokens.access_token().expose();
    let all = format!(
        "{:?}{:?}{session:?}{refreshed:?}",
        walked.diagnosis, ended.findings
    );
    assert!(!all.contains(secret), "a token is in a finding");

    let provider = of_issuer(&walked).1;
    assert_eq!(tokens.revoke(&walk.probe, provider).await, Ok(()));
    let again = session::refresh(&walk.probe, tokens, provider).await;
    assert!(again.found.contains("invalid_grant"), "{again:?}");
}

#[tokio::test]
async fn who_gives_up_is_told_what_was_awaited_and_leaves_no_client_behind() {
    let idp = idp().await;
    let gateway = gateway_for(idp.issuer()).await;
    let walk = registering_walk_to(&gateway);
    let walked = walk::walk(&walk).await;
    let (asked, provider) = of_issuer(&walked);
    let show = |_: &Url, back: &str| assert!(back.starts_with("http://127.0.0.1:"), "{back}");
    let of = (provider, asked);
    let ended = login::log_in(&walk.probe, of, wanted(None), show, ready(())).await;
    assert_eq!(
        bad(&ended.findings),
        [("login-completes", Verdict::Failure)]
    );
    let expected = &ended.findings[0].expected;
    assert!(expected.contains("/callback"), "{expected}");
    let left = ended.clean_up(&walk.probe).await;
    assert_eq!(left, None);
}

#[tokio::test]
async fn what_the_provider_refuses_at_once_is_told_before_a_browser_is_opened() {
    let idp = idp().await;
    let gateway = gateway_for(idp.issuer()).await;
    let walk = walk_to(&gateway);
    let walked = walk::walk(&walk).await;
    let (asked, provider) = of_issuer(&walked);
    let show = |_: &Url, _: &str| panic!("a browser is opened");
    let (of, wanted) = ((provider, asked), wanted(Some("nobody")));
    let ended = login::log_in(&walk.probe, of, wanted, show, pending()).await;
    let [refused] = ended.findings.as_slice() else {
        panic!("{:#?}", ended.findings);
    };
    // To the letter what a walk as that client finds, so that both are told as one.
    let as_nobody = Walk {
        client_id: Some("nobody".to_owned()),
        ..walk_to(&gateway)
    };
    let findings = walk::walk(&as_nobody).await.diagnosis.findings;
    let found = findings
        .iter()
        .find(|finding| finding.check.id == "redirect-accepted");
    assert_eq!(Some(refused), found);
    assert!(ended.tokens.is_none());
}

#[tokio::test]
async fn nobody_is_registered_without_being_asked_to() {
    let issuer = TestIssuer::start().await;
    let gateway = gateway_for(issuer.issuer()).await;
    let walk = walk_to(&gateway);
    let walked = walk::walk(&walk).await;
    let findings = &walked.diagnosis.findings;
    assert_eq!(
        verdict_of(findings, "registration-works"),
        Some(Verdict::Skipped)
    );
    assert_eq!(
        verdict_of(findings, "redirect-accepted"),
        Some(Verdict::Skipped)
    );
    let (asked, provider) = of_issuer(&walked);
    let wanted = Wanted {
        client_id: None,
        client_secret: None,
        port: None,
        patience: std::time::Duration::from_secs(1),
    };
    let show = |_: &Url, _: &str| panic!("no login");
    let of = (provider, asked);
    let ended = login::log_in(&walk.probe, of, wanted, show, pending()).await;
    assert_eq!(
        verdict_of(&ended.findings, "login-completes"),
        Some(Verdict::Skipped)
    );
    assert!(issuer.token_forms().is_empty());
}

#[tokio::test]
async fn a_person_who_says_no_is_told_from_a_provider_that_does() {
    let idp = idp().await;
    let gateway = gateway_for(idp.issuer()).await;
    let walk = registering_walk_to(&gateway);
    let walked = walk::walk(&walk).await;
    let ended = log_in(&walk, &walked, "deny").await;
    assert_eq!(
        bad(&ended.findings),
        [("consent-granted", Verdict::Failure)]
    );
    assert!(ended.tokens.is_none());
}

#[tokio::test]
async fn a_client_id_that_nobody_knows_is_named_as_that() {
    let idp = idp().await;
    let gateway = gateway_for(idp.issuer()).await;
    let walk = Walk {
        client_id: Some("nobody".to_owned()),
        ..walk_to(&gateway)
    };
    let walked = walk::walk(&walk).await;
    let cause = walked.diagnosis.first_cause().expect("a failure");
    assert_eq!(cause.check.id, "redirect-accepted", "{cause:?}");
    assert!(
        cause.found.contains("client id is not known"),
        "{}",
        cause.found
    );
}

#[tokio::test]
async fn a_refused_token_is_explained_by_its_claims() {
    let idp = idp().await;
    let gateway = gateway_for(idp.issuer()).await;
    gateway.until_ready().await;
    let walk = walk_to(&gateway);
    let walked = walk::walk(&walk).await;
    let resource = format!("{}/mcp", gateway.public_url);
    let elsewhere = idp
        .access_token("alice", "c1", "https://other.test/mcp", "mcp:read")
        .expect("alice");
    let good = idp
        .access_token("alice", "c1", &resource, "mcp:read")
        .expect("alice");
    let id_token = idp.id_token("alice", "c1", &good).expect("alice");
    let no_scope = idp
        .access_token("alice", "c1", &resource, "openid")
        .expect("alice");
    for (token, id) in [
        (elsewhere, "token-audience"),
        (id_token, "token-type"),
        ("opaque".to_owned(), "token-is-jwt"),
        (no_scope, "token-scope"),
    ] {
        let token = SecretText::new(token);
        let findings = session::check(&walk.probe, &token, &needed(&walk, &walked, None)).await;
        let mut diagnosis = Diagnosis::new("a token");
        diagnosis.findings = findings;
        diagnosis.put_in_order();
        let failures = bad(&diagnosis.findings);
        assert!(
            failures.contains(&(id, Verdict::Failure)),
            "{id}: {failures:?}"
        );
    }
}

#[tokio::test]
async fn a_search_that_finds_nothing_is_a_failure_of_its_own() {
    let idp = idp().await;
    let gateway = gateway_for(idp.issuer()).await;
    gateway.until_ready().await;
    let walk = walk_to(&gateway);
    let walked = walk::walk(&walk).await;
    let resource = format!("{}/mcp", gateway.public_url);
    let token = idp
        .access_token("alice", "c1", &resource, "mcp:read")
        .expect("alice");
    let needed = needed(&walk, &walked, Some("zzzzzz"));
    let findings = session::check(&walk.probe, &SecretText::new(token), &needed).await;
    assert_eq!(bad(&findings), [("search-works", Verdict::Failure)]);
    assert_eq!(verdict_of(&findings, "fetch-works"), Some(Verdict::Skipped));
}

/// One fault of an issuer, and the check that has to name it first.
type Fault = (&'static str, fn(&TestIssuer), &'static str);

/// RSA keys of a test are RS256 unless they say otherwise.
const FAULTS: [Fault; 15] = [
    (
        "no metadata",
        |issuer| issuer.answer_discovery(Answer::Status(404)),
        "issuer-metadata-found",
    ),
    (
        "a redirect",
        |issuer| issuer.answer_discovery(Answer::Redirect("https://login.test/".into())),
        "issuer-metadata-found",
    ),
    (
        "a bot filter",
        |issuer| issuer.answer_discovery(Answer::Status(403)),
        "issuer-metadata-found",
    ),
    (
        "only where nobody looks",
        |issuer| issuer.offer(Forms::OAuthAppended),
        "issuer-metadata-found",
    ),
    (
        "a page",
        |issuer| issuer.answer_discovery(Answer::Body("<html>".into(), "text/html")),
        "issuer-metadata-valid",
    ),
    (
        "half of it",
        |issuer| issuer.answer_discovery(Answer::Truncated),
        "issuer-metadata-valid",
    ),
    (
        "no endpoint",
        |issuer| issuer.set_metadata("token_endpoint", Value::Null),
        "issuer-metadata-valid",
    ),
    (
        "another name",
        |issuer| issuer.claim_issuer("http://keycloak:8080/realms/mcp"),
        "issuer-equal",
    ),
    (
        "plain http",
        |issuer| issuer.set_metadata("token_endpoint", json!("http://id.test/token")),
        "issuer-https",
    ),
    (
        "no PKCE",
        |issuer| issuer.set_metadata("code_challenge_methods_supported", Value::Null),
        "pkce-offered",
    ),
    (
        "no registration",
        |issuer| issuer.set_metadata("registration_endpoint", Value::Null),
        "registration-path",
    ),
    (
        "no key set",
        |issuer| issuer.answer_jwks(Answer::Status(404)),
        "keys-reachable",
    ),
    (
        "no keys",
        |issuer| issuer.set_keys(Vec::new()),
        "keys-usable",
    ),
    (
        "a page for keys",
        |issuer| issuer.answer_jwks(Answer::Body("<html>".into(), "text/html")),
        "keys-usable",
    ),
    (
        "no login",
        |issuer| {
            issuer.set_metadata(
                "authorization_endpoint",
                json!("http://127.0.0.1:1/authorize"),
            )
        },
        "authorization-answers",
    ),
];

#[tokio::test]
async fn the_first_cause_of_each_fault_of_an_issuer_is_named() {
    for (what, break_it, expected) in FAULTS {
        let issuer = TestIssuer::start_at("/realms/mcp").await;
        let gateway = gateway_for(issuer.issuer()).await;
        break_it(&issuer);
        let walked = walk::walk(&walk_to(&gateway)).await;
        let findings = &walked.diagnosis.findings;
        let about_issuer = |finding: &Finding| finding.subject.as_deref() == Some(issuer.issuer());
        let cause = walked.diagnosis.first_cause();
        assert_eq!(
            cause.map(|finding| finding.check.id),
            Some(expected),
            "{what}: {findings:#?}"
        );
        assert!(cause.is_some_and(about_issuer), "{what}");
        assert!(
            cause.is_some_and(|cause| !cause.fix.is_empty() && !cause.expected.is_empty()),
            "{what}"
        );
    }
}

#[tokio::test]
async fn another_algorithm_is_warned_of_with_the_setting_that_takes_it() {
    let issuer = TestIssuer::start().await;
    issuer.set_keys(vec![TestKey::new("e", "ES256", 0)]);
    let gateway = gateway_for(issuer.issuer()).await;
    let walked = walk::walk(&walk_to(&gateway)).await;
    let findings = &walked.diagnosis.findings;
    let finding = findings
        .iter()
        .find(|finding| finding.check.id == "algorithm-allowed")
        .expect("a finding");
    assert_eq!(finding.verdict, Verdict::Warning);
    assert!(
        finding.fix.contains("algorithms = [\"ES256\"]"),
        "{}",
        finding.fix
    );
}
