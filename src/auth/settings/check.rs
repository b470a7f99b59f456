//! From what was written to what it means: every mistake that must stop the start, all at once.

use url::Url;

use super::{IssuerSettings, ScopeSettings, Settings, SettingsError};
use crate::auth::algorithm::Algorithm;
use crate::auth::profiles::{Evidence, detect};
use crate::auth::{Scope, ScopePrefix};
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
        self.check_scope_prefixes(&mut mistakes);
        mistakes
    }

    /// What clients put before a scope when they ask for it.
    #[must_use]
    pub fn scope_prefix(&self) -> ScopePrefix {
        ScopePrefix::new(
            self.issuer
                .first()
                .and_then(|issuer| issuer.scope_prefix.as_deref()),
        )
    }

    /// What does not stop the start and should be known, in sentences.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for (index, issuer) in self.issuer.iter().enumerate() {
            let profile = match issuer.profile {
                Some(name) => name.profile(),
                None => detect(&Evidence::new(&issuer.issuer, None)),
            };
            if profile.wants_scope_prefix && issuer.scope_prefix.is_none() {
                warnings.push(format!(
                    "issuer[{index}].scope_prefix is not set, and {} grants no scope that is asked for by its short name: \
                     set it to the application ID URI and a slash, such as \"{}/mcp/\"",
                    profile.name.as_str(),
                    self.public_url
                ));
            }
        }
        warnings
    }

    /// The scopes that clients are told to ask for, in the form in which the issuer wants to be asked.
    pub(in crate::auth) fn asked_for(&self) -> Vec<String> {
        let prefix = self.scope_prefix();
        let scopes = self.scopes.to_ask_for().filter_map(Scope::parse);
        scopes
            .map(|scope| prefix.to_ask_for(&scope).to_string())
            .collect()
    }

    fn check_scope_prefixes(&self, mistakes: &mut Vec<SettingsError>) {
        let mut before = None;
        for (index, issuer) in self.issuer.iter().enumerate() {
            let key = || format!("issuer[{index}].scope_prefix");
            let prefix = issuer.scope_prefix.as_deref();
            if prefix.is_some_and(|prefix| Scope::parse(prefix).is_none() || !prefix.ends_with('/'))
            {
                mistakes.push(mistake(
                    key(),
                    prefix,
                    "it is not the beginning of a scope token, up to a slash",
                    "expected what the provider wants before a scope, such as api://usher/",
                ));
            }
            if *before.get_or_insert(prefix) != prefix {
                mistakes.push(mistake(
                    key(),
                    prefix,
                    "the issuers want to be asked for scopes in different forms, and clients are given one list",
                    "expected the same at every issuer, or an Usher of its own for each",
                ));
            }
        }
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
                "expected the https address of your identity provider; a demo's issuer goes with a public_url on loopback",
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
mod tests;
