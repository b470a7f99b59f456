//! How each identity provider writes its tokens.
//!
//! Which `typ` it uses, what tells its access tokens from its ID tokens, where audience, client id, scopes and groups are
//! found, and what to change there when its tokens cannot be used.
//!
//! A profile is data plus pure functions, one file each under `profiles/`. It never relaxes a check: it says which exact
//! values one provider writes. Each value says where it was read, or that it is unverified. Whatever an operator wants
//! beyond that is written per issuer in the settings; an audience that is not in `aud` counts only where the operator
//! wrote the profile's name ([`Profile::audience_claims`]).

mod adfs;
mod auth0;
mod authelia;
mod authentik;
mod clerk;
mod cognito;
mod console;
mod descope;
pub(in crate::auth) mod differences;
mod entra_v1;
mod entra_v2;
mod evidence;
mod generic;
mod keycloak;
mod okta;
mod pingfederate;
mod pingone;
mod supabase;
mod workos;
mod zitadel;

use schemars::JsonSchema;
use serde::Deserialize;

pub(in crate::auth) use evidence::Evidence;

/// The name of a profile, as written in the settings.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum ProfileName {
    /// Active Directory Federation Services.
    Adfs,
    /// Auth0.
    Auth0,
    /// Authelia.
    Authelia,
    /// Authentik.
    Authentik,
    /// Clerk.
    Clerk,
    /// Amazon Cognito.
    Cognito,
    /// Descope.
    Descope,
    /// Microsoft Entra ID, tokens of version 1.0.
    EntraV1,
    /// Microsoft Entra ID, tokens of version 2.0.
    EntraV2,
    /// Any issuer that follows RFC 9068.
    Generic,
    /// Keycloak and the Red Hat build of it.
    Keycloak,
    /// Okta, a custom authorization server.
    Okta,
    /// `PingFederate`.
    Pingfederate,
    /// `PingOne`.
    Pingone,
    /// Supabase Auth.
    Supabase,
    /// `WorkOS` `AuthKit`.
    Workos,
    /// Zitadel.
    Zitadel,
}

/// Every profile but `generic`, in the order in which they are asked whether an issuer is theirs.
static KNOWN: [&Profile; 16] = [
    &keycloak::PROFILE,
    &entra_v2::PROFILE,
    &entra_v1::PROFILE,
    &okta::PROFILE,
    &auth0::PROFILE,
    &pingone::PROFILE,
    &pingfederate::PROFILE,
    &cognito::PROFILE,
    &zitadel::PROFILE,
    &authentik::PROFILE,
    &authelia::PROFILE,
    &adfs::PROFILE,
    &workos::PROFILE,
    &descope::PROFILE,
    &clerk::PROFILE,
    &supabase::PROFILE,
];

impl ProfileName {
    /// The name as written in the settings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Adfs => "adfs",
            Self::Auth0 => "auth0",
            Self::Authelia => "authelia",
            Self::Authentik => "authentik",
            Self::Clerk => "clerk",
            Self::Cognito => "cognito",
            Self::Descope => "descope",
            Self::EntraV1 => "entra-v1",
            Self::EntraV2 => "entra-v2",
            Self::Generic => "generic",
            Self::Keycloak => "keycloak",
            Self::Okta => "okta",
            Self::Pingfederate => "pingfederate",
            Self::Pingone => "pingone",
            Self::Supabase => "supabase",
            Self::Workos => "workos",
            Self::Zitadel => "zitadel",
        }
    }

    /// The name as people know it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Adfs => "AD FS",
            Self::Auth0 => "Auth0",
            Self::Authelia => "Authelia",
            Self::Authentik => "Authentik",
            Self::Clerk => "Clerk",
            Self::Cognito => "Amazon Cognito",
            Self::Descope => "Descope",
            Self::EntraV1 => "Microsoft Entra ID (version 1.0)",
            Self::EntraV2 => "Microsoft Entra ID",
            Self::Generic => "any provider",
            Self::Keycloak => "Keycloak",
            Self::Okta => "Okta",
            Self::Pingfederate => "PingFederate",
            Self::Pingone => "PingOne",
            Self::Supabase => "Supabase",
            Self::Workos => "WorkOS AuthKit",
            Self::Zitadel => "Zitadel",
        }
    }

    /// Every provider that is known by name.
    pub fn known() -> impl Iterator<Item = Self> {
        KNOWN.into_iter().map(|profile| profile.name)
    }

    /// The profile behind the name.
    #[must_use]
    pub(in crate::auth) fn profile(self) -> &'static Profile {
        KNOWN
            .into_iter()
            .find(|profile| profile.name == self)
            .unwrap_or(&generic::PROFILE)
    }
}

/// One provider's habits.
#[derive(Debug)]
pub(in crate::auth) struct Profile {
    /// Its name in settings and logs.
    pub name: ProfileName,
    /// The `typ` header values of its access tokens (RFC 9068 §2.1), compared without case (RFC 7515 §4.1.9).
    pub token_types: &'static [&'static str],
    /// True if it writes access tokens without a `typ` header. Then [`Self::access_token_marks`] must not be empty.
    pub without_type: bool,
    /// What every access token of it has and no ID token.
    pub access_token_marks: &'static [Mark],
    /// What only ID tokens of it have, besides the marks that hold for every provider.
    pub id_token_marks: &'static [Mark],
    /// Where the audience is: the first of these claims that the token has. Anything but `aud` counts only if the operator
    /// named the profile in the settings, and then has to be among the audiences accepted, like `aud`.
    pub audience_claims: &'static [&'static str],
    /// Where the client id is, in this order.
    pub client_id_claims: &'static [&'static str],
    /// Where the scopes are, in this order: a string or an array.
    pub scope_claims: &'static [&'static str],
    /// True if its scopes are asked for by a longer name than tokens carry (`scope_prefix` in the settings).
    pub wants_scope_prefix: bool,
    /// Where the groups are, if there is a usual place.
    pub groups_claim: Option<&'static str>,
    /// The groups are the member names of an object.
    pub groups_are_members: bool,
    /// A claim that says the groups did not fit, besides `_claim_names` (OpenID Connect Core §5.6.2).
    pub overage_claim: Option<&'static str>,
    /// Where its discovery document is.
    pub discovery: Discovery,
    /// True if an issuer looks like this provider.
    pub recognises: fn(&Evidence<'_>) -> bool,
    /// What to change if its tokens do not name this server in `aud`.
    pub audience_hint: &'static str,
    /// What to change at this provider if its tokens are opaque or encrypted.
    pub opaque_hint: &'static str,
    /// What to do at this provider if its metadata has no registration endpoint.
    pub registration_hint: &'static str,
}

/// What nearly all profiles share.
const COMMON: Profile = Profile {
    name: ProfileName::Generic,
    token_types: RFC_9068,
    without_type: false,
    access_token_marks: &[],
    id_token_marks: &[],
    audience_claims: &["aud"],
    client_id_claims: &["client_id", "azp"],
    scope_claims: &["scope", "scp"],
    wants_scope_prefix: false,
    groups_claim: Some("groups"),
    groups_are_members: false,
    overage_claim: None,
    discovery: Discovery::Any,
    recognises: |_| false,
    audience_hint: "make it write what is expected into aud, usually by registering this server there as an API or resource; \
                    or add what it writes to `audiences`, if no other server's tokens have that",
    opaque_hint: "make it issue signed JWT access tokens for this server",
    registration_hint: "register the client there by hand",
};

/// RFC 9068 §4: "The resource server MUST verify that the 'typ' header value is 'at+jwt' or 'application/at+jwt'".
const RFC_9068: &[&str] = &["at+jwt", "application/at+jwt"];

/// The same, and the `JWT` of providers that are older than RFC 9068.
const JWT_OR_RFC_9068: &[&str] = &["JWT", "at+jwt", "application/at+jwt"];

/// Something in the claims that tells one kind of token from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::auth) enum Mark {
    /// The claim is there.
    Has(&'static str),
    /// One of these claims is there.
    HasOneOf(&'static [&'static str]),
    /// The claim is exactly this string.
    Is(&'static str, &'static str),
}

/// Which form of the discovery address a provider is known to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::auth) enum Discovery {
    /// Not known to be one form only.
    Any,
    /// OpenID Connect Discovery §4: the well-known path appended to the issuer, and nothing else.
    Appended,
}

/// The profile that follows from what is known: the first that recognises the issuer, else `generic`.
pub(in crate::auth) fn detect(evidence: &Evidence<'_>) -> &'static Profile {
    KNOWN
        .into_iter()
        .find(|profile| (profile.recognises)(evidence))
        .unwrap_or(&generic::PROFILE)
}

#[cfg(test)]
mod tests;
