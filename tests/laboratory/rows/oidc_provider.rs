//! npm's oidc-provider, configured as somebody configures it who does not know what MCP needs.

use crate::row::{Ask, At, Break, Done, Person, Row, WALK};
use crate::setups::Site;

const fn row(fault: &'static str, changes: &'static [Break], ask: Ask, first: &'static str) -> Row {
    Row {
        fault,
        place: "provider",
        at: At::OidcProvider,
        breaks: changes,
        ask,
        first,
    }
}

const REGISTER: Ask = Ask::Walk(&["--register", "--as", "inspector"]);
const LOG_IN: Ask = Ask::LogIn(Person::Agrees, &["--as", "inspector"]);

/// Of the client `service`, for this server.
fn token(site: &Site) -> Done<'_, String> {
    Box::pin(async move {
        let provider = site.oidc_provider()?;
        provider.token(site.usher.issuer(), &site.url()).await
    })
}

/// Of the client `service`, for another server.
fn of_another_resource(site: &Site) -> Done<'_, String> {
    Box::pin(async move {
        let provider = site.oidc_provider()?;
        let resource = "https://other.example.com/mcp";
        provider.token(site.usher.issuer(), resource).await
    })
}

pub(crate) const ROWS: &[Row] = &[
    row("", &[], REGISTER, ""),
    row("", &[], Ask::Explain(token), ""),
    row(
        "Cursor's redirect address has a scheme of its own, which it does not take",
        &[],
        Ask::Walk(&["--register", "--as", "cursor"]),
        "registration-works",
    ),
    row(
        "the redirect address of the client is another",
        &[],
        Ask::Walk(&["--as", "inspector", "--client-id", "predefined"]),
        "redirect-accepted",
    ),
    row(
        "the person does not agree",
        &[],
        Ask::LogIn(Person::Denies, &["--as", "inspector"]),
        "consent-granted",
    ),
    row(
        "dynamic registration is off",
        &[Break::OidcProvider("{\"registration\":false}")],
        WALK,
        "registration-path",
    ),
    row(
        "registration wants an initial access token",
        &[Break::OidcProvider("{\"token\":\"initial\"}")],
        REGISTER,
        "registration-works",
    ),
    row(
        "it does not know the scope",
        &[Break::OidcProvider(
            "{\"scopes\":[\"openid\",\"offline_access\",\"docs:read\"],\"granted\":\"docs:read\"}",
        )],
        WALK,
        "scopes-offered",
    ),
    row(
        "it signs with ES256, and RS256 is accepted",
        &[Break::OidcProvider("{\"alg\":\"ES256\"}")],
        WALK,
        "algorithm-allowed",
    ),
    row(
        "it knows no such resource: invalid_target",
        &[Break::OidcProvider("{\"resource\":\"refused\"}")],
        REGISTER,
        "resource-parameter",
    ),
    row(
        "resource indicators are off: the token is opaque",
        &[Break::OidcProvider("{\"resource\":\"off\"}")],
        LOG_IN,
        "token-is-jwt",
    ),
    row(
        "access tokens are opaque",
        &[Break::OidcProvider("{\"format\":\"opaque\"}")],
        LOG_IN,
        "token-is-jwt",
    ),
    row(
        "the audience is another",
        &[Break::OidcProvider(
            "{\"audience\":\"https://api.example.com\"}",
        )],
        LOG_IN,
        "token-audience",
    ),
    row(
        "no refresh tokens are given out",
        &[Break::OidcProvider("{\"refresh\":false}")],
        LOG_IN,
        "refresh-works",
    ),
    row(
        "access tokens are opaque",
        &[Break::OidcProvider("{\"format\":\"opaque\"}")],
        Ask::Explain(token),
        "token-is-jwt",
    ),
    row(
        "the token was asked for another resource",
        &[],
        Ask::Explain(of_another_resource),
        "token-audience",
    ),
    row(
        "it signs with ES256, and RS256 is accepted",
        &[Break::OidcProvider("{\"alg\":\"ES256\"}")],
        Ask::Explain(token),
        "token-algorithm",
    ),
];
