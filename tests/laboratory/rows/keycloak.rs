//! A real Keycloak, misconfigured through its administration.

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::broken_proxy::{What, at};
use crate::keycloak::member;
use crate::row::{Ask, At, Break, Done, Person, Row, WALK};
use crate::setups::usher::Settings;
use crate::setups::{REALM, Site};

const fn row(fault: &'static str, breaks: &'static [Break], ask: Ask, first: &'static str) -> Row {
    Row {
        fault,
        place: "provider",
        at: At::Keycloak,
        breaks,
        ask,
        first,
    }
}

const REGISTER: Ask = Ask::Walk(&["--register"]);
const LOG_IN: Ask = Ask::LogIn(Person::Agrees, &[]);

/// Puts back everything that was changed, the last change first.
fn put_back(site: &mut Site) -> Done<'_, ()> {
    Box::pin(async move {
        while let Some((method, path, body)) = site.changed.pop() {
            site.keycloak()?.admin(&method, &path, body).await?;
        }
        Ok(())
    })
}

/// Changes what the administration has at a path of the realm.
async fn change(site: &mut Site, path: &str, change: fn(&mut Value)) -> anyhow::Result<()> {
    let path = format!("/{REALM}{path}");
    let keycloak = site.keycloak()?;
    let was = keycloak.admin("GET", &path, None).await?;
    let mut is = was.clone();
    change(&mut is);
    keycloak.admin("PUT", &path, Some(is)).await?;
    site.changed.push(("PUT".to_owned(), path, Some(was)));
    Ok(())
}

/// Of what the administration lists at a path, the member `id` of those that are wanted.
async fn ids(
    site: &Site,
    path: &str,
    wanted: impl Fn(&Value) -> bool,
) -> anyhow::Result<Vec<String>> {
    let path = format!("/{REALM}{path}");
    let found = site.keycloak()?.admin("GET", &path, None).await?;
    let found = found.as_array().into_iter().flatten();
    found
        .filter(|one| wanted(one))
        .map(|one| member(one, "id"))
        .collect()
}

/// Changes the mappers of `mcp:read` that this is true of.
async fn mappers(
    site: &mut Site,
    wanted: fn(&Value) -> bool,
    how: fn(&mut Value),
) -> anyhow::Result<()> {
    let scope = ids(site, "/client-scopes", |scope| scope["name"] == "mcp:read").await?;
    let scope = scope.first().context("the scope mcp:read")?;
    let models = format!("/client-scopes/{scope}/protocol-mappers/models");
    for mapper in ids(site, &models, wanted).await? {
        change(site, &format!("{models}/{mapper}"), how).await?;
    }
    Ok(())
}

fn adds_audience(mapper: &Value) -> bool {
    mapper["config"]["included.custom.audience"].is_string()
}

/// Changes a policy for anonymous registration.
async fn policy(site: &mut Site, provider_id: &str, how: fn(&mut Value)) -> anyhow::Result<()> {
    let all =
        "/components?type=org.keycloak.services.clientregistration.policy.ClientRegistrationPolicy";
    let wanted =
        |policy: &Value| policy["providerId"] == provider_id && policy["subType"] == "anonymous";
    for policy in ids(site, all, wanted).await? {
        change(site, &format!("/components/{policy}"), how).await?;
    }
    Ok(())
}

/// Changes a provider of keys.
async fn keys(site: &mut Site, provider_id: &str, how: fn(&mut Value)) -> anyhow::Result<()> {
    let all = "/components?type=org.keycloak.keys.KeyProvider";
    for keys in ids(site, all, |keys| keys["providerId"] == provider_id).await? {
        change(site, &format!("/components/{keys}"), how).await?;
    }
    Ok(())
}

/// A change through the administration, and back.
macro_rules! changed {
    (|$site:ident| $change:expr) => {{
        fn make($site: &mut Site) -> Done<'_, ()> {
            Box::pin(async move { $change.await })
        }
        Break::Do(make, put_back)
    }};
}

async fn alice_leaves_her_groups(site: &mut Site) -> anyhow::Result<()> {
    let users = ids(site, "/users?username=alice&exact=true", |_| true).await?;
    let alice = users.first().context("alice")?;
    for group in ids(site, &format!("/users/{alice}/groups"), |_| true).await? {
        let path = format!("/{REALM}/users/{alice}/groups/{group}");
        site.keycloak()?.admin("DELETE", &path, None).await?;
        site.changed.push(("PUT".to_owned(), path, None));
    }
    Ok(())
}

/// What the token endpoint gives alice at the issuer's public address.
async fn tokens(site: &Site, scope: &str) -> anyhow::Result<Value> {
    let form = [
        ("grant_type", "password"),
        ("client_id", "password"),
        ("username", "alice"),
        ("password", "alice"),
        ("scope", scope),
    ];
    let url = format!("{}/protocol/openid-connect/token", site.usher.issuer());
    let answer = crate::http_client().post(url).form(&form).send().await?;
    Ok(answer.json().await?)
}

/// One of alice's tokens.
macro_rules! token {
    ($name:literal, $scope:literal) => {{
        fn make(site: &Site) -> Done<'_, String> {
            Box::pin(async move { member(&tokens(site, $scope).await?, $name) })
        }
        Ask::Explain(make)
    }};
}

fn of_the_other_realm(site: &Site) -> Done<'_, String> {
    Box::pin(async move {
        let form = [
            ("grant_type", "password"),
            ("client_id", "admin-cli"),
            ("username", "admin"),
            ("password", "admin"),
        ];
        let tokens = site.keycloak()?.token_request("master", &form).await?;
        member(&tokens, "access_token")
    })
}

/// Keycloak names itself as it is called: here without the proxy in front of it.
fn from_inside(site: &Site) -> Done<'_, String> {
    Box::pin(async move {
        let keycloak = site.keycloak()?;
        let tokens = keycloak.log_in(REALM, "password", "alice", "openid mcp:read");
        Ok(tokens.await?.access)
    })
}

pub(crate) const ROWS: &[Row] = &[
    row("", &[], REGISTER, ""),
    row(
        "metadata documents are taken, and ChatGPT's is not (feature `cimd`)",
        &[Break::Issuer(at(
            "GET",
            "/.well-known/",
            What::Edit(|document| {
                document["client_id_metadata_document_supported"] = json!(true);
            }),
        ))],
        WALK,
        "registration-client-document",
    ),
    row("", &[], token!("access_token", "openid mcp:read"), ""),
    row(
        "the audience mapper is missing",
        &[changed!(|site| mappers(site, adds_audience, |mapper| {
            mapper["config"]["access.token.claim"] = json!("false");
        }))],
        LOG_IN,
        "token-audience",
    ),
    row(
        "the audience mapper has another address",
        &[changed!(|site| mappers(site, adds_audience, |mapper| {
            mapper["config"]["included.custom.audience"] = json!("https://mcp.example.com/mcp");
        }))],
        LOG_IN,
        "token-audience",
    ),
    row(
        "the person has not the role that the scope takes",
        &[changed!(|site| alice_leaves_her_groups(site))],
        LOG_IN,
        "token-scope",
    ),
    row(
        "the person does not agree",
        &[],
        Ask::LogIn(Person::Denies, &[]),
        "consent-granted",
    ),
    row("", &[], Ask::LogInAs("mcp-client"), ""),
    row(
        "the redirect address of the client is another",
        &[],
        Ask::Walk(&["--as", "inspector", "--client-id", "claude"]),
        "redirect-accepted",
    ),
    row(
        "groups are written with their path, and the rule has the name",
        &[
            changed!(|site| mappers(
                site,
                |mapper| mapper["protocolMapper"] == "oidc-group-membership-mapper",
                |mapper| mapper["config"]["full.path"] = json!("true")
            )),
            Break::Settings(Settings {
                more: "[[rule]]\ntools = [\"*\"]\ngroups = [\"finance\"]",
                ..Settings::HEALTHY
            }),
        ],
        LOG_IN,
        "tools-listed",
    ),
    row(
        "the policy Allowed Client Scopes does not allow the scope",
        &[changed!(|site| policy(
            site,
            "allowed-client-templates",
            |policy| {
                policy["config"]["allowed-client-scopes"] = json!(["openid"]);
                policy["config"]["allow-default-scopes"] = json!(["false"]);
            }
        ))],
        REGISTER,
        "registration-works",
    ),
    row(
        "the policy Trusted Hosts does not know the client's host",
        &[changed!(|site| policy(site, "trusted-hosts", |policy| {
            policy["config"]["trusted-hosts"] = json!(["intranet.example.com"]);
        }))],
        REGISTER,
        "registration-works",
    ),
    row(
        "the policy Max Clients Limit is reached",
        &[changed!(|site| policy(site, "max-clients", |policy| {
            policy["config"]["max-clients"] = json!(["1"]);
        }))],
        REGISTER,
        "registration-works",
    ),
    row(
        "the realm's Frontend URL is another",
        &[changed!(|site| change(site, "", |realm| {
            realm["attributes"]["frontendUrl"] = json!("http://127.0.0.1:9");
        }))],
        WALK,
        "issuer-equal",
    ),
    row(
        "the key for signing is disabled, the one for encryption is left",
        &[changed!(|site| keys(site, "rsa-generated", |keys| {
            keys["config"]["enabled"] = json!(["false"]);
        }))],
        WALK,
        "keys-usable",
    ),
    Row {
        place: "Usher",
        ..row(
            "`issuer` has a slash more than Keycloak writes",
            &[Break::Settings(Settings {
                issuer: "{issuer}/",
                ..Settings::HEALTHY
            })],
            WALK,
            "issuer-equal",
        )
    },
    Row {
        place: "Usher",
        ..row(
            "the realm is written with another name",
            &[Break::Settings(Settings {
                issuer: "{issuer}-2",
                ..Settings::HEALTHY
            })],
            WALK,
            "issuer-metadata-found",
        )
    },
    row(
        "the token was got by the provider's name inside the network",
        &[],
        Ask::Explain(from_inside),
        "token-issuer",
    ),
    row(
        "a token of another realm",
        &[],
        Ask::Explain(of_the_other_realm),
        "token-issuer",
    ),
    row(
        "the ID token was sent",
        &[],
        token!("id_token", "openid mcp:read"),
        "token-type",
    ),
    row(
        "the refresh token was sent",
        &[],
        token!("refresh_token", "openid mcp:read"),
        "token-algorithm",
    ),
    row(
        "the audience mapper is missing",
        &[changed!(|site| mappers(site, adds_audience, |mapper| {
            mapper["config"]["access.token.claim"] = json!("false");
        }))],
        token!("access_token", "openid mcp:read"),
        "token-audience",
    ),
    // Keycloak makes a key for it, which stays.
    row(
        "access tokens are signed with ES256, and RS256 is accepted",
        &[changed!(|site| change(site, "", |realm| {
            realm["defaultSignatureAlgorithm"] = json!("ES256");
        }))],
        LOG_IN,
        "token-algorithm",
    ),
    row(
        "the key was rotated away",
        &[Break::Do(remember_a_token_and_rotate, put_back)],
        Ask::Explain(remembered),
        "token-key",
    ),
];

/// Another key signs from now on, and the one of the token is not published any more.
fn remember_a_token_and_rotate(site: &mut Site) -> Done<'_, ()> {
    Box::pin(async move {
        let token = member(&tokens(site, "openid mcp:read").await?, "access_token")?;
        std::fs::write(site.usher.folder().join("token"), token)?;
        let newer = json!({
            "name": "newer", "providerId": "rsa-generated", "providerType": "org.keycloak.keys.KeyProvider",
            "config": { "priority": ["200"], "enabled": ["true"], "active": ["true"] },
        });
        let components = format!("/{REALM}/components");
        site.keycloak()?
            .admin("POST", &components, Some(newer))
            .await?;
        let all = "/components?type=org.keycloak.keys.KeyProvider";
        for newer in ids(site, all, |keys| keys["name"] == "newer").await? {
            let path = format!("{components}/{newer}");
            site.changed.push(("DELETE".to_owned(), path, None));
        }
        for old in ids(site, all, |keys| {
            keys["providerId"] == "rsa-generated" && keys["name"] != "newer"
        })
        .await?
        {
            change(site, &format!("/components/{old}"), |keys| {
                keys["config"]["enabled"] = json!(["false"]);
            })
            .await?;
        }
        site.usher.forget().await
    })
}

fn remembered(site: &Site) -> Done<'_, String> {
    Box::pin(async move { Ok(std::fs::read_to_string(site.usher.folder().join("token"))?) })
}
