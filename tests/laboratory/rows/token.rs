//! Tokens that are shown to `usher token explain`.

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::row::{Ask, At, Break, Done, Row};
use crate::setups::Site;
use crate::setups::usher::Settings;

const fn row(
    fault: &'static str,
    token: for<'s> fn(&'s Site) -> Done<'s, String>,
    first: &'static str,
) -> Row {
    Row {
        fault,
        place: "token",
        at: At::DevIdp,
        breaks: &[],
        ask: Ask::Explain(token),
        first,
    }
}

/// A token that opens the door.
fn good(site: &Site) -> anyhow::Result<String> {
    let idp = site.dev_idp()?;
    let token = idp.access_token("alice", "laboratory", &site.url(), "mcp:read");
    token.context("alice")
}

fn claims(token: &str) -> anyhow::Result<Value> {
    let part = token.split('.').nth(1).context("three parts")?;
    Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part)?)?)
}

/// The good one with other claims, signed with the right key.
fn with(site: &Site, typ: &str, change: fn(&mut Value)) -> anyhow::Result<String> {
    let mut claims = claims(&good(site)?)?;
    change(&mut claims);
    Ok(site.dev_idp()?.sign(typ, &claims))
}

/// The good one with another header, and a signature that is nothing.
fn headed(site: &Site, header: &Value) -> anyhow::Result<String> {
    let token = good(site)?;
    let payload = token.split('.').nth(1).context("three parts")?;
    let header = URL_SAFE_NO_PAD.encode(header.to_string());
    Ok(format!("{header}.{payload}.Zm9yZ2Vk"))
}

fn now(claims: &Value) -> u64 {
    claims["iat"].as_u64().unwrap_or_default()
}

/// A function that makes a token, from an expression of the set-up that gives a result.
macro_rules! token {
    (|$site:ident| $make:expr) => {{
        fn make($site: &Site) -> Done<'_, String> {
            Box::pin(async move { $make })
        }
        make
    }};
}

/// The good one, with other claims.
macro_rules! changed {
    (|$claims:ident| $change:expr) => {
        token!(|site| with(site, "at+jwt", |$claims| $change))
    };
}

pub(crate) const ROWS: &[Row] = &[
    row("", token!(|site| good(site)), ""),
    row(
        "it has expired",
        changed!(|claims| {
            let then = now(claims) - 3_600;
            claims["iat"] = json!(then);
            claims["exp"] = json!(then + 300);
        }),
        "token-expiry",
    ),
    row(
        "the issuer's clock is 5 minutes ahead",
        changed!(|claims| {
            let then = now(claims) + 300;
            claims["iat"] = json!(then);
            claims["nbf"] = json!(then);
            claims["exp"] = json!(then + 300);
        }),
        "token-clock",
    ),
    row(
        "it is for another resource",
        changed!(|claims| claims["aud"] = json!("account")),
        "token-audience",
    ),
    row(
        "it has no audience",
        changed!(|claims| drop(claims.as_object_mut().map(|claims| claims.remove("aud")))),
        "token-audience",
    ),
    row(
        "its audience is the client",
        changed!(|claims| claims["aud"] = claims["client_id"].clone()),
        "token-audience",
    ),
    row(
        "an ID token was sent",
        token!(|site| {
            let token = good(site)?;
            let id_token = site.dev_idp()?.id_token("alice", "laboratory", &token);
            id_token.context("alice")
        }),
        "token-type",
    ),
    row(
        "its `typ` is JWT",
        token!(|site| with(site, "JWT", |_| {})),
        "token-type",
    ),
    row(
        "an opaque token was sent",
        token!(|_site| Ok("ya29.a0AfH6SMBx7fakefakefake".to_owned())),
        "token-is-jwt",
    ),
    row(
        "an encrypted token was sent",
        token!(|_site| {
            let header = URL_SAFE_NO_PAD.encode("{\"alg\":\"dir\",\"enc\":\"A256GCM\"}");
            Ok(format!(
                "{header}..aaaaaaaaaaaaaaaa.YWJj.aaaaaaaaaaaaaaaaaaaaaa"
            ))
        }),
        "token-is-jwt",
    ),
    row(
        "it is of another issuer",
        changed!(|claims| claims["iss"] = json!("https://login.example.com/tenant/v2.0")),
        "token-issuer",
    ),
    row(
        "its issuer has a slash more",
        changed!(|claims| {
            let issuer = claims["iss"].as_str().unwrap_or_default();
            claims["iss"] = json!(format!("{issuer}/"));
        }),
        "token-issuer",
    ),
    row(
        "its issuer is the name inside the container network",
        changed!(|claims| claims["iss"] = json!("http://keycloak:8080/realms/mcp")),
        "token-issuer",
    ),
    row(
        "it is bound to a key (`cnf`)",
        changed!(|claims| claims["cnf"] =
            json!({ "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" })),
        "token-bearer",
    ),
    row(
        "the groups did not fit in (overage)",
        changed!(|claims| {
            drop(claims.as_object_mut().map(|claims| claims.remove("groups")));
            claims["_claim_names"] = json!({ "groups": "src1" });
        }),
        "token-groups",
    ),
    row(
        "no scope",
        changed!(|claims| drop(claims.as_object_mut().map(|claims| claims.remove("scope")))),
        "token-scope",
    ),
    row(
        "another scope",
        changed!(|claims| claims["scope"] = json!("openid profile email")),
        "token-scope",
    ),
    row(
        "it lives for a year",
        changed!(|claims| claims["exp"] = json!(now(claims) + 31_536_000)),
        "token-lifetime",
    ),
    row(
        "it has no subject",
        changed!(|claims| drop(claims.as_object_mut().map(|claims| claims.remove("sub")))),
        "token-claims",
    ),
    row(
        "it was changed after it was signed",
        token!(|site| {
            let token = good(site)?;
            let (signed, _) = token.rsplit_once('.').context("three parts")?;
            let other = with(site, "at+jwt", |claims| claims["jti"] = json!("other"))?;
            let (_, signature) = other.rsplit_once('.').context("three parts")?;
            Ok(format!("{signed}.{signature}"))
        }),
        "token-signature",
    ),
    row(
        "its algorithm is HS256",
        token!(|site| headed(
            site,
            &json!({ "alg": "HS256", "typ": "at+jwt", "kid": "1" })
        )),
        "token-algorithm",
    ),
    row(
        "its algorithm is `none`",
        token!(|site| headed(site, &json!({ "alg": "none", "typ": "at+jwt" }))),
        "token-algorithm",
    ),
    row(
        "its key is not published (any more)",
        token!(|site| {
            let token = good(site)?;
            let header = token.split('.').next().context("three parts")?;
            let mut header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header)?)?;
            header["kid"] = json!("of-last-year");
            headed(site, &header)
        }),
        "token-key",
    ),
    Row {
        place: "Usher",
        breaks: &[Break::Settings(Settings {
            of_issuer: "client_ids = [\"another\"]",
            ..Settings::HEALTHY
        })],
        ..row(
            "its client is not on the list",
            token!(|site| good(site)),
            "token-client",
        )
    },
    Row {
        place: "Usher",
        breaks: &[Break::Settings(Settings {
            more: "[[rule]]\ntools = [\"*\"]\ngroups = [\"board\"]",
            ..Settings::HEALTHY
        })],
        ..row(
            "its bearer is in no group that may",
            token!(|site| good(site)),
            "token-rules",
        )
    },
    Row {
        place: "provider",
        breaks: &[Break::Issuer(crate::broken_proxy::at(
            "GET",
            "/jwks",
            crate::broken_proxy::What::Answer(404, &[], "not found"),
        ))],
        ..row(
            "all is well with it while the key set is away, as the keys are kept",
            token!(|site| good(site)),
            "",
        )
    },
];
