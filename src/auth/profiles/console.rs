//! What each provider calls its own fields, for people who look for them in its console.

use super::ProfileName;

impl ProfileName {
    /// The field of a client where its console asks for redirect addresses. OAuth's own word where it was not read there.
    #[must_use]
    pub fn redirect_field(self) -> &'static str {
        match self {
            Self::Auth0 => "Allowed Callback URLs",
            Self::Authelia => "redirect_uris",
            Self::Authentik => "Redirect URIs/Origins",
            Self::Cognito => "Allowed callback URLs",
            Self::Keycloak => "Valid redirect URIs",
            Self::Okta => "Sign-in redirect URIs",
            Self::Adfs
            | Self::Clerk
            | Self::Descope
            | Self::EntraV1
            | Self::EntraV2
            | Self::Generic
            | Self::Pingfederate
            | Self::Pingone
            | Self::Supabase
            | Self::Workos
            | Self::Zitadel => "Redirect URIs",
        }
    }
}
