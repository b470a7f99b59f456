//! Variables that other tools' guides ask for, and that mean nothing here: what they meant there, and what to use instead.

use crate::doctor::Finding;
use crate::doctor::checks::inside::ENVIRONMENT_UNDERSTOOD;

/// A name, or the beginning of names where it ends in `*`; what it is elsewhere; what to do here.
type Leftover = (&'static str, &'static str, &'static str);

const NO_CLIENT: &str = "take it out: this server checks tokens and logs nobody in, so it is no client and needs no secret";
const KEYS: &str = "take it out: keys come from the issuer's metadata; where they do not, `jwks_url` of [[issuer]]";
const ISSUER: &str = "KC_ISSUER, or `issuer` in [[issuer]]";

/// The more special before the more general: the first that fits is told.
const LEFTOVERS: &[Leftover] = &[
    (
        "OAUTH_CLIENT_ID",
        "the client of a server that logs people in itself",
        NO_CLIENT,
    ),
    ("OAUTH_CLIENT_SECRET", "its secret", NO_CLIENT),
    (
        "OAUTH_REDIRECT_URI",
        "where people come back to after such a login",
        NO_CLIENT,
    ),
    ("OAUTH_ISSUER", "the identity provider", ISSUER),
    (
        "OAUTH_AUDIENCE",
        "the audience of tokens",
        "MCP_AUDIENCE, or `audiences`",
    ),
    (
        "OAUTH_SCOPES",
        "the scopes to ask for",
        "`scopes.read`, `scopes.write`, `scopes.advertised`",
    ),
    (
        "OIDC_CLIENT_ID",
        "the client of a server that logs people in itself",
        NO_CLIENT,
    ),
    ("OIDC_CLIENT_SECRET", "its secret", NO_CLIENT),
    ("OIDC_ISSUER*", "the identity provider", ISSUER),
    (
        "OIDC_DISCOVERY_URL",
        "where its metadata is",
        "`discovery_url` of [[issuer]]",
    ),
    (
        "OIDC_CONFIG_URL",
        "where its metadata is",
        "`discovery_url` of [[issuer]]",
    ),
    (
        "OIDC_AUDIENCE",
        "the audience of tokens",
        "MCP_AUDIENCE, or `audiences`",
    ),
    ("OIDC_*", "the login of another tool", ISSUER),
    (
        "JWT_SECRET*",
        "a shared secret that signs tokens",
        "take it out: tokens signed with a shared secret are refused, as whoever checks them could write them",
    ),
    ("JWT_ISSUER", "the identity provider", ISSUER),
    (
        "JWT_AUDIENCE",
        "the audience of tokens",
        "MCP_AUDIENCE, or `audiences`",
    ),
    (
        "JWT_ALGORITHM*",
        "how tokens are signed",
        "`algorithms` of [[issuer]]",
    ),
    (
        "JWT_PUBLIC_KEY*",
        "the key that tokens are checked with",
        KEYS,
    ),
    ("JWKS_URI", "where the keys of the issuer are", KEYS),
    ("JWKS_URL", "where the keys of the issuer are", KEYS),
    (
        "KEYCLOAK_ADMIN*",
        "the administrator of a Keycloak server",
        "leave it to the container of Keycloak: this server needs no access to its console",
    ),
    (
        "KC_BOOTSTRAP_ADMIN_*",
        "the administrator of a Keycloak server",
        "leave it to the container of Keycloak: this server needs no access to its console",
    ),
    ("KEYCLOAK_CLIENT_ID", "a client of Keycloak's", NO_CLIENT),
    ("KEYCLOAK_CLIENT_SECRET", "its secret", NO_CLIENT),
    (
        "KEYCLOAK_URL",
        "the address of Keycloak",
        "KC_ISSUER, with the realm: https://host/realms/REALM",
    ),
    (
        "KEYCLOAK_SERVER_URL",
        "the address of Keycloak",
        "KC_ISSUER, with the realm: https://host/realms/REALM",
    ),
    (
        "KEYCLOAK_REALM*",
        "the realm",
        "KC_ISSUER, with the realm: https://host/realms/REALM",
    ),
    (
        "KEYCLOAK_*",
        "Keycloak, in another tool",
        "KC_ISSUER, with the realm: https://host/realms/REALM",
    ),
    (
        "AUTH0_DOMAIN",
        "the tenant at Auth0",
        "KC_ISSUER=https://TENANT.auth0.com/ with the slash at the end",
    ),
    (
        "AUTH0_AUDIENCE",
        "the API at Auth0",
        "MCP_AUDIENCE, where it is not the address of this server",
    ),
    ("AUTH0_CLIENT_*", "a client at Auth0", NO_CLIENT),
    (
        "AZURE_TENANT_ID",
        "the tenant at Entra ID",
        "`issuer = \"https://login.microsoftonline.com/TENANT/v2.0\"` in [[issuer]]",
    ),
    (
        "AZURE_CLIENT_SECRET",
        "the secret of an app registration",
        NO_CLIENT,
    ),
    (
        "MCP_AUTH_*",
        "the login of another tool's MCP server",
        ISSUER,
    ),
    (
        "FASTMCP_SERVER_AUTH*",
        "which login FastMCP uses",
        "take it out: every request needs a token here, and [[issuer]] says whose",
    ),
    (
        "FASTMCP_*",
        "settings of FastMCP",
        "look for the same in docs/configuration.md",
    ),
    (
        "MCP_SERVER_AUTH_*",
        "the login of another tool's MCP server",
        ISSUER,
    ),
    (
        "MCP_RESOURCE*",
        "the address of the server",
        "MCP_SERVER_URL, or `public_url`",
    ),
    ("MCP_ISSUER*", "the identity provider", ISSUER),
    (
        "DANGEROUSLY_OMIT_AUTH",
        "no login at all, in the MCP Inspector's proxy",
        "take it out: nothing here switches the check of tokens off",
    ),
];

/// Of these variables those that are another tool's, each with what it meant there and what to use here.
fn leftovers(names: &[String]) -> Vec<(&str, &'static str, &'static str)> {
    let of = |name: &str| {
        let fits = |(pattern, _, _): &&Leftover| match pattern.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => name == *pattern,
        };
        LEFTOVERS.iter().find(fits)
    };
    let known = names.iter().filter_map(|name| {
        let (_, meant, here) = of(name)?;
        Some((name.as_str(), *meant, *here))
    });
    known.collect()
}

/// A finding for each variable of another tool's.
#[must_use]
pub fn findings(names: &[String]) -> Vec<Finding> {
    let found = leftovers(names);
    if found.is_empty() {
        return vec![Finding::ok(&ENVIRONMENT_UNDERSTOOD, "none")];
    }
    let told = |(name, meant, here): (&str, &str, &str)| {
        let finding = Finding::warning(
            &ENVIRONMENT_UNDERSTOOD,
            format!("{name} is set: elsewhere {meant}; here it does nothing"),
        );
        finding.of(name).fix(here)
    };
    found.into_iter().map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftovers_are_told_by_the_most_special_name_and_ours_are_not_among_them() {
        for (name, expected) in [
            ("OAUTH_CLIENT_SECRET", Some("its secret")),
            ("OIDC_ISSUER_URL", Some("the identity provider")),
            ("OIDC_SOMETHING", Some("the login of another tool")),
            ("KEYCLOAK_REALM_NAME", Some("the realm")),
            ("KEYCLOAK_X", Some("Keycloak, in another tool")),
            ("FASTMCP_LOG_LEVEL", Some("settings of FastMCP")),
            ("MCP_SERVER_URL", None),
            ("MCP_AUDIENCE", None),
            ("MCP_ALT_AUDIENCE", None),
            ("KC_ISSUER", None),
            ("CORS_ORIGINS", None),
            ("USHER_LISTEN", None),
            ("PATH", None),
        ] {
            let names = [name.to_owned()];
            let found = leftovers(&names).first().map(|(_, meant, _)| *meant);
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn no_name_stands_behind_one_that_covers_it() {
        for (at, (pattern, _, _)) in LEFTOVERS.iter().enumerate() {
            let before = LEFTOVERS.iter().take(at);
            let covered = before.filter_map(|(other, _, _)| other.strip_suffix('*'));
            for beginning in covered {
                assert!(
                    !pattern.starts_with(beginning),
                    "{pattern} behind {beginning}*"
                );
            }
        }
    }
}
