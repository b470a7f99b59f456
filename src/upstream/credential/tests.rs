//! Which settings go together, and on whose behalf what is shown.

use std::path::PathBuf;

use super::*;
use crate::upstream::settings::mistakes;

fn secret() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("secret");
    std::fs::write(&path, "s3cret\n").expect("a file");
    (folder, path)
}

fn upstream(http: &str, credential: CredentialSettings) -> UpstreamSettings {
    UpstreamSettings {
        name: "orders".into(),
        http: Some(http.into()),
        credential,
        ..UpstreamSettings::default()
    }
}

/// The keys that are wrong, without what they all begin with.
fn wrong(upstream: UpstreamSettings) -> Vec<String> {
    let found = mistakes(&[upstream]).into_iter();
    found
        .map(|(key, _)| key.replacen("upstream[0].credential.", "", 1))
        .collect()
}

const HTTPS: &str = "https://orders.test/mcp";

/// One good setting of each kind.
fn good(path: PathBuf) -> [CredentialSettings; 4] {
    let none = CredentialSettings::default();
    let header = CredentialSettings {
        kind: CredentialKind::Header,
        secret_file: Some(path.clone()),
        ..none.clone()
    };
    let own = CredentialSettings {
        kind: CredentialKind::ClientCredentials,
        secret_file: Some(path.clone()),
        client_id: "usher".into(),
        ..none.clone()
    };
    let exchange = CredentialSettings {
        kind: CredentialKind::TokenExchange,
        audience: Some("orders".into()),
        ..own.clone()
    };
    [none, header, own, exchange]
}

#[test]
fn each_kind_takes_what_it_needs_and_nothing_that_means_nothing() {
    let (_folder, path) = secret();
    let [none, header, own, exchange] = good(path);
    let check = |settings: &CredentialSettings, expected: &[&str]| {
        assert_eq!(
            wrong(upstream(HTTPS, settings.clone())),
            expected,
            "{settings:?}"
        );
    };
    for good in [&none, &header, &own, &exchange] {
        check(good, &[]);
    }
    type Change = fn(&mut CredentialSettings);
    let table: [(&CredentialSettings, Change, &[&str]); 21] = [
        (&none, |c| c.client_id = "usher".into(), &["client_id"]),
        (&none, |c| c.prefix = "Bearer ".into(), &["prefix"]),
        (&header, |c| c.secret_file = None, &["secret_file"]),
        (
            &header,
            |c| c.secret_file = Some("/nowhere".into()),
            &["secret_file"],
        ),
        (&header, |c| c.prefix = "a\nb".into(), &["secret_file"]),
        (&header, |c| c.header = "X-Api-Key".into(), &[]),
        (&header, |c| c.header = "X Api Key".into(), &["header"]),
        (&header, |c| c.header = "Host".into(), &["header"]),
        (&header, |c| c.header = "Mcp-Session-Id".into(), &["header"]),
        (&header, |c| c.scopes = vec!["a".into()], &["scopes"]),
        (&own, |c| c.client_id = String::new(), &["client_id"]),
        (&own, |c| c.header = "X-Api-Key".into(), &["header"]),
        (&own, |c| c.scopes = vec!["a b".into()], &["scopes"]),
        (
            &own,
            |c| c.token_endpoint = Some("https://id.test/token".into()),
            &[],
        ),
        (
            &own,
            |c| c.token_endpoint = Some("http://id.test/token".into()),
            &["token_endpoint"],
        ),
        (
            &own,
            |c| c.own_requests = OwnRequests::None,
            &["own_requests"],
        ),
        (
            &own,
            |c| {
                c.token_endpoint = Some("https://id.test/token".into());
                c.issuer = Some("https://id.test".into());
            },
            &["token_endpoint"],
        ),
        (&exchange, |c| c.audience = None, &["audience"]),
        (
            &exchange,
            |c| {
                c.audience = None;
                c.scopes = vec!["orders".into()];
            },
            &[],
        ),
        // A caller's token goes to its own issuer, wherever somebody would like to have it.
        (
            &exchange,
            |c| c.token_endpoint = Some("https://id.test/token".into()),
            &["token_endpoint"],
        ),
        (&exchange, |c| c.own_requests = OwnRequests::None, &[]),
    ];
    for (from, change, expected) in table {
        let mut settings = from.clone();
        change(&mut settings);
        check(&settings, expected);
    }
}

#[test]
fn a_credential_travels_over_https_or_stays_on_this_machine() {
    let (_folder, path) = secret();
    let header = CredentialSettings {
        kind: CredentialKind::Header,
        secret_file: Some(path),
        ..CredentialSettings::default()
    };
    let plain = "http://orders.default.svc:8080/mcp";
    let allowing = |address: &str, credential: &CredentialSettings| UpstreamSettings {
        allow_plain_http: true,
        ..upstream(address, credential.clone())
    };
    let none = CredentialSettings::default();
    assert_eq!(wrong(upstream(plain, none.clone())), ["upstream[0].http"]);
    assert_eq!(wrong(allowing(plain, &none)), [""; 0]);
    assert_eq!(
        wrong(allowing("ftp://orders.test/", &none)),
        ["upstream[0].http"]
    );
    assert_eq!(wrong(allowing(plain, &header)), ["kind"]);
    for safe in [HTTPS, "http://127.0.0.1:1/mcp"] {
        assert_eq!(wrong(allowing(safe, &header)), [""; 0]);
    }
    let mut process = upstream(HTTPS, header);
    process.http = None;
    process.stdio.command = Some("true".into());
    assert_eq!(wrong(process), ["kind"]);
}

struct Fixed;

impl CallerCredential for Fixed {
    fn for_upstream<'a>(
        &'a self,
        upstream: &'a str,
        _refused: Option<&'a HeaderValue>,
    ) -> BoxFuture<'a, Result<HeaderValue, CredentialError>> {
        let value = HeaderValue::try_from(format!("Bearer alice at {upstream}"));
        Box::pin(async move { Ok(value.expect("a value")) })
    }
}

#[tokio::test]
async fn a_callers_request_never_carries_a_token_of_this_servers_own_in_place_of_his() {
    let settings = |own_requests| CredentialSettings {
        kind: CredentialKind::TokenExchange,
        own_requests,
        ..CredentialSettings::default()
    };
    let credentials = Credentials::new(Outbound::default(), TokenEndpoints::default());
    for (name, own_requests) in [
        ("a", OwnRequests::ClientCredentials),
        ("b", OwnRequests::None),
    ] {
        let upstream = UpstreamSettings {
            name: name.into(),
            ..upstream(HTTPS, settings(own_requests))
        };
        let credential = credentials.of(&upstream);
        let shown = |behalf| {
            let credential = Arc::clone(&credential);
            async move { credential.header(&behalf, None).await }
        };
        let alice = Behalf::Caller(Some(Arc::new(Fixed)));
        let (_, value) = shown(alice).await.expect("a value").expect("a header");
        assert_eq!(value, format!("Bearer alice at {name}"));
        assert_eq!(
            shown(Behalf::Caller(None)).await,
            Err(CredentialError::Misconfigured)
        );
        // No token endpoint is known here.
        let ours = match own_requests {
            OwnRequests::ClientCredentials => Err(CredentialError::Unavailable),
            OwnRequests::None => Ok(None),
        };
        assert_eq!(shown(Behalf::Ours).await, ours);
    }
}

#[tokio::test]
async fn nothing_that_is_shown_shows_itself() {
    let (_folder, path) = secret();
    let header = CredentialSettings {
        kind: CredentialKind::Header,
        secret_file: Some(path),
        ..CredentialSettings::default()
    };
    let credentials = Credentials::new(Outbound::default(), TokenEndpoints::default());
    let credential = credentials.of(&upstream(HTTPS, header));
    let shown = credential.header(&Behalf::Ours, None).await;
    let all = format!("{shown:?} {credential:?} {credentials:?}");
    assert!(
        all.contains("authorization") && !all.contains("s3cret"),
        "{all}"
    );
}
