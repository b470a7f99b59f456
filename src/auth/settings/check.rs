//! From what was written to what it means: every mistake that must stop the start, all at once.

use url::Url;

use super::{IssuerSettings, ScopeSettings, Settings, SettingsError};
use crate::auth::Scope;
use crate::auth::algorithm::Algorithm;
use crate::outbound::is_loopback_host;

/// The issuer of Google's ID tokens, which has no access tokens that others could verify.
const GOOGLE: &str = "https://accounts.google.com";

impl Settings {
    /// Everything in these settings that must stop the start. Empty if they may be used.
    #[must_use]
    pub fn mistakes(&self) -> Vec<SettingsError> {
        let mut mistakes = Vec::new();
        mistakes.extend(public_url(&self.public_url).err());
        if self.issuer.is_empty() {
            mistakes.push(mistake(
                "issuer",
                None,
                "no issuer is configured",
                "expected at least one [[issuer]], or KC_ISSUER; without one nobody could log in",
            ));
        }
        let public_is_loopback = Url::parse(&self.public_url)
            .is_ok_and(|url| url.host_str().is_some_and(is_loopback_host));
        for (index, issuer) in self.issuer.iter().enumerate() {
            let key = format!("issuer[{index}]");
            self.check_issuer(issuer, &key, public_is_loopback, &mut mistakes);
            let name = |issuer: &IssuerSettings| issuer.token_issuer().to_owned();
            if self
                .issuer
                .iter()
                .take(index)
                .any(|other| name(other) == name(issuer))
            {
                mistakes.push(mistake(
                    format!("{key}.issuer"),
                    Some(&name(issuer)),
                    "two issuers write the same `iss`",
                    "expected each issuer once",
                ));
            }
        }
        let asked = self
            .issuer
            .iter()
            .filter(|issuer| issuer.introspection.enabled);
        if asked.count() > 1 {
            mistakes.push(mistake(
                "issuer",
                None,
                "more than one issuer is asked about opaque tokens",
                "expected `introspection.enabled` for one issuer at most: which of them an opaque token belongs to cannot \
                 be known, and showing it to the others would betray it",
            ));
        }
        scopes(&self.scopes, &mut mistakes);
        audiences("audiences", &self.audiences, &mut mistakes);
        mistakes
    }

    fn check_issuer(
        &self,
        issuer: &IssuerSettings,
        key: &str,
        public_is_loopback: bool,
        mistakes: &mut Vec<SettingsError>,
    ) {
        let identifier = format!("{key}.issuer");
        if issuer.issuer.trim_end_matches('/') == GOOGLE {
            mistakes.push(mistake(
                identifier.as_str(),
                Some(&issuer.issuer),
                "Google's access tokens are opaque: nobody but Google can check them",
                "expected an identity provider that lets people log in with Google and issues its own tokens, such as \
                 Keycloak",
            ));
        }
        mistakes.extend(address(&identifier, &issuer.issuer, public_is_loopback, false).err());
        let addresses = [
            ("discovery_url", &issuer.discovery_url),
            ("jwks_url", &issuer.jwks_url),
        ];
        for (name, written) in addresses {
            if let Some(written) = written {
                let checked = address(&format!("{key}.{name}"), written, public_is_loopback, true);
                mistakes.extend(checked.err());
            }
        }
        if issuer.token_issuer.as_deref() == Some("") {
            mistakes.push(mistake(
                format!("{key}.token_issuer"),
                Some(""),
                "it is empty",
                "expected what the provider writes into `iss`, or no entry",
            ));
        }
        if issuer.introspection.enabled {
            introspection(issuer, key, mistakes);
            let url = issuer.introspection.url.iter();
            let checked = url.map(|url| {
                address(
                    &format!("{key}.introspection.url"),
                    url,
                    public_is_loopback,
                    true,
                )
            });
            mistakes.extend(checked.filter_map(Result::err));
        }
        algorithms(issuer, key, mistakes);
        audiences(&format!("{key}.audiences"), &issuer.audiences, mistakes);
        ranges(issuer, key, mistakes);
    }
}

impl IssuerSettings {
    /// What is expected in `iss`.
    #[must_use]
    pub fn token_issuer(&self) -> &str {
        self.token_issuer.as_deref().unwrap_or(&self.issuer)
    }
}

fn mistake(
    key: impl Into<String>,
    found: Option<&str>,
    message: &str,
    advice: impl Into<String>,
) -> SettingsError {
    SettingsError {
        key: key.into(),
        found: found.map(str::to_owned),
        message: message.to_owned(),
        advice: advice.into(),
    }
}

/// An origin, written canonically: the identifiers that clients and tokens compare byte for byte follow from it.
fn public_url(written: &str) -> Result<(), SettingsError> {
    let wrong =
        |message: &str, advice: &str| Err(mistake("public_url", Some(written), message, advice));
    let example = "expected an origin such as https://mcp.example.com";
    if written.is_empty() {
        return wrong(
            "it is missing",
            "set it (or MCP_SERVER_URL) to an origin such as https://mcp.example.com",
        );
    }
    let Ok(url) = Url::parse(written) else {
        return wrong("it is not a URL", example);
    };
    let Some(host) = url.host_str() else {
        return wrong("it names no host", example);
    };
    // The origin in the canonical writing: lower case, default port left out, punycode.
    let canonical = url.origin().ascii_serialization();
    let advice = format!("{example}; write {canonical:?}");
    match url.scheme() {
        "https" => {}
        "http" if is_loopback_host(host) => {}
        "http" => return wrong("plain http is for loopback only", "expected https"),
        _ => return wrong("its scheme is neither https nor http", example),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("it contains user info", &advice);
    }
    if url.query().is_some() {
        return wrong("it has a query", &advice);
    }
    if url.fragment().is_some() {
        return wrong("it has a fragment", &advice);
    }
    if url.path() != "/" {
        return wrong(
            "it has a path; the MCP endpoint is at /mcp below it",
            &advice,
        );
    }
    if written.ends_with('/') {
        return wrong("it ends in a slash", &advice);
    }
    if written != canonical {
        return wrong("it is not written canonically", &advice);
    }
    Ok(())
}

/// An issuer identifier (RFC 8414 §2: no query, no fragment) or another address of an issuer.
fn address(
    key: &str,
    written: &str,
    public_is_loopback: bool,
    query_allowed: bool,
) -> Result<(), SettingsError> {
    let wrong = |message: &str, advice: &str| Err(mistake(key, Some(written), message, advice));
    let example = "expected a URL such as https://id.example.com/realms/mcp";
    let Ok(url) = Url::parse(written) else {
        return wrong("it is not a URL", example);
    };
    let Some(host) = url.host_str() else {
        return wrong("it names no host", example);
    };
    match url.scheme() {
        "https" => {}
        "http" if is_loopback_host(host) && public_is_loopback => {}
        "http" if is_loopback_host(host) => {
            return wrong(
                "a plain http issuer on loopback serves a public address; is this a demo's setting?",
                "expected https, as public_url is not on loopback",
            );
        }
        "http" => return wrong("plain http is for loopback only", "expected https"),
        _ => return wrong("its scheme is not https", example),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("it contains user info", example);
    }
    if url.fragment().is_some() || (url.query().is_some() && !query_allowed) {
        return wrong("it has a query or a fragment", example);
    }
    Ok(())
}

fn introspection(issuer: &IssuerSettings, key: &str, mistakes: &mut Vec<SettingsError>) {
    let settings = &issuer.introspection;
    if settings.client_id.is_empty() {
        mistakes.push(mistake(
            format!("{key}.introspection.client_id"),
            None,
            "it is missing",
            "expected the client id with which this server asks the issuer about tokens",
        ));
    }
    if let Err(problem) = settings.read_secret() {
        mistakes.push(mistake(
            format!("{key}.introspection.client_secret_file"),
            Some(&settings.client_secret_file.display().to_string()),
            &problem,
            "expected a file with the secret of that client",
        ));
    }
    if settings.cache_seconds > 30 {
        mistakes.push(mistake(
            format!("{key}.introspection.cache_seconds"),
            Some(&settings.cache_seconds.to_string()),
            "it is out of range",
            "expected 0 to 30 seconds",
        ));
    }
}

fn algorithms(issuer: &IssuerSettings, key: &str, mistakes: &mut Vec<SettingsError>) {
    let expected =
        "expected some of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA";
    if issuer.algorithms.is_empty() {
        let key = format!("{key}.algorithms");
        mistakes.push(mistake(key, None, "no algorithm is allowed", expected));
    }
    for (index, name) in issuer.algorithms.iter().enumerate() {
        if Algorithm::parse(name).is_some() {
            continue;
        }
        let folded = name.to_ascii_uppercase();
        let message = if folded == "NONE" {
            "`none` would accept unsigned tokens"
        } else if folded.starts_with("HS") {
            "it is symmetric: whoever can check a token could also make one"
        } else {
            "it is not a known algorithm"
        };
        mistakes.push(mistake(
            format!("{key}.algorithms[{index}]"),
            Some(name),
            message,
            expected,
        ));
    }
}

fn ranges(issuer: &IssuerSettings, key: &str, mistakes: &mut Vec<SettingsError>) {
    let table = [
        ("leeway_seconds", issuer.leeway_seconds, 0, 60),
        (
            "max_token_lifetime_seconds",
            issuer.max_token_lifetime_seconds,
            60,
            31_536_000,
        ),
        ("key_ttl_seconds", issuer.key_ttl_seconds, 60, 3600),
        ("stale_keys_seconds", issuer.stale_keys_seconds, 0, 604_800),
    ];
    for (name, found, least, most) in table {
        if !(least..=most).contains(&found) {
            mistakes.push(mistake(
                format!("{key}.{name}"),
                Some(&found.to_string()),
                "it is out of range",
                format!("expected {least} to {most} seconds"),
            ));
        }
    }
}

fn scopes(scopes: &ScopeSettings, mistakes: &mut Vec<SettingsError>) {
    let named = [
        ("scopes.read", &scopes.read),
        ("scopes.write", &scopes.write),
    ];
    let advertised = scopes
        .advertised
        .iter()
        .map(|scope| ("scopes.advertised", scope));
    for (key, scope) in named.into_iter().chain(advertised) {
        if Scope::parse(scope).is_none() {
            mistakes.push(mistake(
                key,
                Some(scope),
                "it is not a scope token (RFC 6749 §3.3)",
                "expected printable ASCII without spaces, quotes and backslashes",
            ));
        }
    }
}

fn audiences(key: &str, audiences: &[String], mistakes: &mut Vec<SettingsError>) {
    for (index, audience) in audiences.iter().enumerate() {
        if audience.trim() != audience || audience.is_empty() {
            mistakes.push(mistake(
                format!("{key}[{index}]"),
                Some(audience),
                "it is empty or has spaces around it",
                "expected an audience exactly as the issuer writes it into `aud`",
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(
        public_url: &str,
        change: impl FnOnce(&mut IssuerSettings),
    ) -> Vec<(String, String)> {
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
        let issuer =
            |public: &str, url: &str| mistakes(public, |issuer| issuer.issuer = url.into());
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
}
