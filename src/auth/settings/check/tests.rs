//! Which settings stop the start, and which are warned of.

use super::*;
use crate::auth::ProfileName;

fn mistakes(public_url: &str, change: impl FnOnce(&mut IssuerSettings)) -> Vec<(String, String)> {
    let mut issuer = IssuerSettings::named("https://id.test/realms/mcp");
    change(&mut issuer);
    let settings = Settings {
        public_url: public_url.into(),
        issuer: vec![issuer],
        ..Settings::default()
    };
    let found = settings.mistakes().into_iter();
    found
        .map(|mistake| (mistake.key, mistake.message))
        .collect()
}

#[test]
fn a_public_url_is_an_origin_written_canonically_and_nothing_else() {
    for right in [
        "https://mcp.test",
        "https://mcp.test:8443",
        "http://127.0.0.1:8080",
        "http://localhost",
        "http://mcp.localhost:8080",
        "http://[::1]:8080",
    ] {
        assert_eq!(public_url(right), Ok(()), "{right}");
    }
    for (wrong, part) in [
        ("", "missing"),
        ("mcp.test", "not a URL"),
        ("ftp://mcp.test", "scheme"),
        ("http://mcp.test", "loopback only"),
        ("https://mcp.test/", "ends in a slash"),
        ("https://mcp.test/mcp", "path"),
        ("https://mcp.test?a=b", "query"),
        ("https://mcp.test#a", "fragment"),
        ("https://user@mcp.test", "user info"),
        ("https://user:secret@mcp.test", "user info"),
        ("https://MCP.test", "canonically"),
        ("https://mcp.test:443", "canonically"),
        ("https://bücher.test", "canonically"),
    ] {
        let message = public_url(wrong).expect_err(wrong).message;
        assert!(message.contains(part), "{wrong}: {message}");
    }
}

#[test]
fn an_issuer_is_https_unless_it_and_the_public_url_are_both_on_loopback() {
    let issuer = |public: &str, url: &str| mistakes(public, |issuer| issuer.issuer = url.into());
    assert_eq!(issuer("https://mcp.test", "https://id.test/"), []);
    assert_eq!(
        issuer("http://127.0.0.1:8080", "http://localhost:9000/realms/a"),
        []
    );
    assert_eq!(issuer("http://127.0.0.1:8080", "https://id.test"), []);
    for (public, url) in [
        ("https://mcp.test", "http://127.0.0.1:9000"),
        ("http://127.0.0.1:8080", "http://id.test"),
        ("https://mcp.test", "http://id.test"),
        ("https://mcp.test", "https://id.test?tenant=1"),
        ("https://mcp.test", "https://id.test#x"),
        ("https://mcp.test", "https://user@id.test"),
        ("https://mcp.test", "id.test"),
        ("https://mcp.test", ""),
    ] {
        assert_eq!(issuer(public, url).len(), 1, "{public} {url}");
    }
    let demo = Settings {
        public_url: "https://mcp.test".into(),
        issuer: vec![IssuerSettings::named("http://127.0.0.1:9000")],
        ..Settings::default()
    };
    let [mistake] = demo.mistakes().try_into().expect("one mistake");
    assert!(mistake.message.contains("a demo's setting"), "{mistake}");
    assert!(
        mistake
            .advice
            .contains("https address of your identity provider"),
        "{mistake}"
    );
    let jwks = mistakes("https://mcp.test", |issuer| {
        issuer.jwks_url = Some("http://id.test/jwks".into())
    });
    assert_eq!(
        jwks.first().map(|m| m.0.as_str()),
        Some("issuer[0].jwks_url")
    );
}

// row 2
#[test]
fn a_symmetric_or_unknown_algorithm_stops_the_start() {
    for (name, part) in [
        ("none", "unsigned"),
        ("NonE", "unsigned"),
        ("HS256", "symmetric"),
        ("hs512", "symmetric"),
        ("RS1", "not a known"),
        ("rs256", "not a known"),
    ] {
        let found = mistakes("https://mcp.test", |issuer| {
            issuer.algorithms = vec!["RS256".into(), name.into()]
        });
        let (key, message) = found.first().expect(name);
        assert_eq!(key, "issuer[0].algorithms[1]");
        assert!(message.contains(part), "{name}: {message}");
    }
    assert_eq!(
        mistakes("https://mcp.test", |issuer| issuer.algorithms.clear()).len(),
        1
    );
    let all = "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA";
    let all = all.split(' ').map(str::to_owned).collect();
    assert_eq!(
        mistakes("https://mcp.test", |issuer| issuer.algorithms = all),
        []
    );
}

#[test]
fn introspection_wants_a_client_its_secret_and_one_issuer_at_most() {
    use crate::auth::IntrospectionSettings;
    let secret = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(secret.path(), "secret\n").expect("a file");
    let good = IntrospectionSettings {
        enabled: true,
        client_id: "usher".into(),
        client_secret_file: secret.path().to_owned(),
        ..IntrospectionSettings::default()
    };
    let keys = |change: &dyn Fn(&mut IntrospectionSettings)| -> Vec<String> {
        let found = mistakes("https://mcp.test", |issuer| {
            issuer.introspection = good.clone();
            change(&mut issuer.introspection);
        });
        found.into_iter().map(|(key, _)| key).collect()
    };
    let none: [String; 0] = [];
    assert_eq!(keys(&|_| {}), none);
    let at = |name: &str| [format!("issuer[0].introspection.{name}")];
    assert_eq!(keys(&|s| s.client_id.clear()), at("client_id"));
    let missing = |s: &mut IntrospectionSettings| s.client_secret_file = "/no/such".into();
    assert_eq!(keys(&missing), at("client_secret_file"));
    assert_eq!(keys(&|s| s.cache_seconds = 31), at("cache_seconds"));
    let plain = |s: &mut IntrospectionSettings| s.url = Some("http://id.test/i".into());
    assert_eq!(keys(&plain), at("url"));
    let switched_off = |s: &mut IntrospectionSettings| {
        s.enabled = false;
        s.client_id.clear();
    };
    assert_eq!(keys(&switched_off), none);
    std::fs::write(secret.path(), "\n").expect("a file");
    assert_eq!(keys(&|_| {}), at("client_secret_file"));
    std::fs::write(secret.path(), "secret").expect("a file");

    let issuer = |name: &str| IssuerSettings {
        introspection: good.clone(),
        ..IssuerSettings::named(name)
    };
    let twice = Settings {
        public_url: "https://mcp.test".into(),
        issuer: vec![issuer("https://a.test"), issuer("https://b.test")],
        ..Settings::default()
    };
    let found: Vec<_> = twice.mistakes().into_iter().map(|m| m.message).collect();
    assert!(
        matches!(found.as_slice(), [one] if one.contains("opaque")),
        "{found:?}"
    );
}

#[test]
fn a_scope_prefix_ends_in_a_slash_and_is_the_same_for_all_issuers() {
    let key = |prefix: &str| {
        let found = mistakes("https://mcp.test", |issuer| {
            issuer.scope_prefix = Some(prefix.into())
        });
        found.first().map(|(key, _)| key.clone())
    };
    let wrong = Some("issuer[0].scope_prefix".to_owned());
    for prefix in ["api://usher/", "https://mcp.test/mcp/", "/"] {
        assert_eq!(key(prefix), None, "{prefix}");
    }
    for prefix in ["", "api://usher", "api://u sher/", "api://\"/", "mcp:"] {
        assert_eq!(key(prefix), wrong, "{prefix}");
    }
    let (none, one, other) = (None, Some("api://a/"), Some("api://b/"));
    for (prefixes, expected) in [
        ([none, none], 0),
        ([one, one], 0),
        ([one, other], 1),
        ([one, none], 1),
        ([none, one], 1),
    ] {
        let issuer = |(name, prefix): (&str, Option<&str>)| IssuerSettings {
            scope_prefix: prefix.map(str::to_owned),
            ..IssuerSettings::named(name)
        };
        let names = ["https://a.test", "https://b.test"];
        let settings = Settings {
            public_url: "https://mcp.test".into(),
            issuer: names.into_iter().zip(prefixes).map(issuer).collect(),
            ..Settings::default()
        };
        let found = settings.mistakes();
        assert_eq!(found.len(), expected, "{prefixes:?}: {found:?}");
    }
}

#[test]
fn entra_id_without_a_scope_prefix_is_warned_of() {
    let entra = "https://login.microsoftonline.com/1111/v2.0";
    let named = Some(ProfileName::EntraV1);
    for (issuer, profile, prefix, expected) in [
        (entra, None, None, 1),
        (entra, None, Some("https://mcp.test/mcp/"), 0),
        ("https://id.test", named, None, 1),
        ("https://id.test", None, None, 0),
        (entra, Some(ProfileName::Generic), None, 0),
    ] {
        let settings = Settings {
            public_url: "https://mcp.test".into(),
            issuer: vec![IssuerSettings {
                profile,
                scope_prefix: prefix.map(str::to_owned),
                ..IssuerSettings::named(issuer)
            }],
            ..Settings::default()
        };
        let warnings = settings.warnings();
        assert_eq!(
            warnings.len(),
            expected,
            "{issuer} {profile:?}: {warnings:?}"
        );
        for warning in warnings {
            assert!(warning.contains("\"https://mcp.test/mcp/\""), "{warning}");
        }
    }
}

#[test]
fn google_as_the_issuer_stops_the_start_as_its_tokens_cannot_be_checked() {
    for issuer in [
        "https://accounts.google.com",
        "https://accounts.google.com/",
    ] {
        let found = mistakes("https://mcp.test", |settings| {
            settings.issuer = issuer.into()
        });
        let (key, message) = found.first().expect("a mistake");
        assert_eq!(key, "issuer[0].issuer");
        assert!(message.contains("opaque"), "{message}");
    }
}

#[test]
fn every_mistake_is_told_at_once() {
    let settings = Settings {
        public_url: "https://mcp.test/mcp".into(),
        audiences: vec![String::new()],
        scopes: ScopeSettings {
            read: "mcp read".into(),
            ..ScopeSettings::default()
        },
        ..Settings::default()
    };
    let keys: Vec<_> = settings.mistakes().into_iter().map(|m| m.key).collect();
    assert_eq!(
        keys,
        ["public_url", "issuer", "scopes.read", "audiences[0]"]
    );
    let twice = Settings {
        public_url: "https://mcp.test".into(),
        issuer: vec![
            IssuerSettings::named("https://id.test"),
            IssuerSettings::named("https://id.test"),
        ],
        ..Settings::default()
    };
    assert_eq!(twice.mistakes().len(), 1);
    let far = mistakes("https://mcp.test", |issuer| issuer.leeway_seconds = 61);
    assert_eq!(
        far.first().map(|m| m.0.as_str()),
        Some("issuer[0].leeway_seconds")
    );
}
