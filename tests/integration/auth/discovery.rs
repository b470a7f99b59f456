//! Finding an issuer, and not being led elsewhere by one.

use serde_json::json;
use usher::auth::{IssuerSettings, KeyState};

use super::{Bench, PUBLIC_URL, until};
use crate::issuer::{Answer, Forms, TestIssuer};

#[tokio::test]
async fn finds_the_metadata_in_every_form_with_and_without_a_path() {
    for path in ["", "/tenant", "/a/b", "/slash/"] {
        for form in [
            Forms::OpenIdAppended,
            Forms::OAuthInserted,
            Forms::OpenIdInserted,
            Forms::OAuthAppended,
        ] {
            let issuer = TestIssuer::start_at(path).await;
            issuer.offer(form);
            let bench = Bench::start(&issuer).await;
            let token = issuer.token().audience(PUBLIC_URL).mint();
            assert_eq!(bench.reason(&token).await, "ok", "{path} {form:?}");
        }
    }
}

// row 35
#[tokio::test]
async fn a_document_that_names_another_issuer_is_refused() {
    let issuer = TestIssuer::start_at("/tenant").await;
    issuer.claim_issuer(&format!("{}/", issuer.issuer()));
    let bench = Bench::start_unready(vec![IssuerSettings::named(issuer.issuer())]);
    until(|| issuer.discovery_requests() >= 8).await;
    assert!(!bench.server.is_ready());
    assert_eq!(issuer.jwks_requests(), 0);
    assert_eq!(bench.server.authorization_server_metadata(), None);
    let token = issuer.token().audience(PUBLIC_URL).mint();
    assert_eq!(bench.reason(&token).await, "keys_unavailable");
}

// row 35
#[tokio::test]
async fn redirects_are_not_followed_and_plain_http_off_loopback_is_not_spoken() {
    let issuer = TestIssuer::start().await;
    let elsewhere = TestIssuer::start().await;
    issuer.answer_jwks(Answer::Redirect(elsewhere.jwks_url()));
    let bench = Bench::start_unready(vec![IssuerSettings::named(issuer.issuer())]);
    until(|| issuer.jwks_requests() >= 2).await;
    assert_eq!(elsewhere.jwks_requests(), 0);
    assert!(!bench.server.is_ready());

    for jwks_uri in [
        "http://id.test/jwks",
        "http://169.254.169.254/latest/meta-data/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[fe80::1]/jwks",
        "file:///etc/passwd",
        "https://user:secret@127.0.0.1/jwks",
    ] {
        let issuer = TestIssuer::start().await;
        issuer.set_metadata("jwks_uri", json!(jwks_uri));
        let bench = Bench::start_unready(vec![IssuerSettings::named(issuer.issuer())]);
        until(|| bench.metrics.encode().contains("outcome=\"unreachable\"")).await;
        assert!(!bench.server.is_ready(), "{jwks_uri}");
    }
}

#[tokio::test]
async fn addresses_and_the_name_in_tokens_can_be_set_apart_for_providers_that_differ() {
    let issuer = TestIssuer::start_at("/sts").await;
    let settings = IssuerSettings {
        discovery_url: Some(format!(
            "{}/.well-known/openid-configuration",
            issuer.issuer()
        )),
        token_issuer: Some("http://id.test/trust".into()),
        ..IssuerSettings::named(issuer.issuer())
    };
    let bench = Bench::start_unready(vec![settings]);
    bench.until_ready().await;
    let token = issuer.token().audience(PUBLIC_URL);
    let other = token.clone().claim("iss", json!("http://id.test/trust"));
    assert_eq!(bench.reason(&token.mint()).await, "wrong_issuer");
    assert_eq!(bench.reason(&other.mint()).await, "ok");
    assert_eq!(
        bench.server.issuers().collect::<Vec<_>>(),
        [issuer.issuer()]
    );

    // A configured key set address needs no metadata at all.
    for answer in [Answer::Status(500), Answer::Hang, Answer::Good] {
        let good = matches!(answer, Answer::Good);
        issuer.answer_discovery(answer);
        let settings = IssuerSettings {
            jwks_url: Some(issuer.jwks_url()),
            ..IssuerSettings::named(issuer.issuer())
        };
        let bench = Bench::start_unready(vec![settings]);
        bench.until_ready().await;
        assert_eq!(bench.reason(&token.mint()).await, "ok");
        // The mirror still gets its document, if there is one.
        until(|| bench.server.authorization_server_metadata().is_some() == good).await;
    }
}

#[tokio::test]
async fn an_issuer_that_starts_later_is_found_without_a_restart() {
    let issuer = TestIssuer::start().await;
    issuer.answer_discovery(Answer::Status(503));
    let bench = Bench::start_unready(vec![IssuerSettings::named(issuer.issuer())]);
    until(|| {
        bench
            .metrics
            .encode()
            .contains("outcome=\"discovery_failed\"")
    })
    .await;
    assert!(!bench.server.is_ready());
    assert_eq!(bench.server.status()[0].state, KeyState::Missing);
    issuer.answer_discovery(Answer::Good);
    bench.until_ready().await;
    assert_eq!(bench.server.status()[0].state, KeyState::Fresh);
    assert_eq!(bench.server.status()[0].keys, 1);
    let token = issuer.token().audience(PUBLIC_URL).mint();
    assert_eq!(bench.reason(&token).await, "ok");
}

#[tokio::test]
async fn the_mirror_is_the_last_validated_document_byte_for_byte_and_only_of_a_single_issuer() {
    let issuer = TestIssuer::start().await;
    issuer.set_metadata("x_unknown", json!({ "b": 1, "a": [1.0, 1e2] }));
    let bench = Bench::start(&issuer).await;
    let mirrored = bench
        .server
        .authorization_server_metadata()
        .expect("a document");
    let document: serde_json::Value = serde_json::from_slice(&mirrored).expect("JSON");
    assert_eq!(document["issuer"], issuer.issuer());
    assert_eq!(document["x_unknown"]["b"], 1);
    let asked = issuer.discovery_requests();
    drop(bench.server.authorization_server_metadata());
    assert_eq!(issuer.discovery_requests(), asked, "no fetch per request");

    let other = TestIssuer::start().await;
    let both = [&issuer, &other].map(|issuer| IssuerSettings::named(issuer.issuer()));
    let bench = Bench::start_unready(both.into());
    bench.until_ready().await;
    assert_eq!(bench.server.authorization_server_metadata(), None);
}

#[tokio::test]
async fn a_keycloak_behind_another_path_is_known_by_its_metadata() {
    let issuer = TestIssuer::start().await;
    let endpoint = format!("{}/protocol/openid-connect/token", issuer.issuer());
    issuer.set_metadata("token_endpoint", json!(endpoint));
    let bench = Bench::start(&issuer).await;
    assert_eq!(bench.server.status()[0].profile.as_str(), "keycloak");
    let token = issuer.token().keycloak().audience(PUBLIC_URL).mint();
    assert_eq!(bench.reason(&token).await, "ok");
}

// row 32
#[tokio::test]
async fn a_start_does_not_wait_for_an_issuer_that_hangs() {
    let issuer = TestIssuer::start().await;
    issuer.answer_discovery(Answer::Hang);
    let bench = Bench::start_unready(vec![IssuerSettings::named(issuer.issuer())]);
    let token = issuer.token().audience(PUBLIC_URL).mint();
    // Each request waits for the fetch under way for at most a second, and not until that gives up.
    assert_eq!(bench.reason(&token).await, "keys_unavailable");
    let text = bench.metrics.encode();
    assert!(!text.contains("outcome=\"unreachable\""), "{text}");
}
