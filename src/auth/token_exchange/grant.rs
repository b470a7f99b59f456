//! How an exchange is asked for.

use super::super::ProfileName;
use super::ExchangeSettings;
use crate::token_endpoint::ACCESS_TOKEN;

/// The form of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grant {
    /// RFC 8693 §2.1.
    TokenExchange,
    /// Microsoft's "on behalf of": RFC 7523 with a member of its own.
    OnBehalfOf,
}

impl Grant {
    /// The form that this provider knows.
    pub(super) fn of(profile: ProfileName) -> Self {
        match profile {
            ProfileName::Adfs | ProfileName::EntraV1 | ProfileName::EntraV2 => Self::OnBehalfOf,
            ProfileName::Auth0
            | ProfileName::Authelia
            | ProfileName::Authentik
            | ProfileName::Clerk
            | ProfileName::Cognito
            | ProfileName::Descope
            | ProfileName::Generic
            | ProfileName::Keycloak
            | ProfileName::Okta
            | ProfileName::Pingfederate
            | ProfileName::Pingone
            | ProfileName::Supabase
            | ProfileName::Workos
            | ProfileName::Zitadel => Self::TokenExchange,
        }
    }

    /// The fields of the form, the caller's token among them.
    pub(super) fn fields<'a>(
        self,
        settings: &'a ExchangeSettings,
        (token, scope): (&'a str, Option<&'a str>),
    ) -> Vec<(&'static str, &'a str)> {
        let mut fields = match self {
            Self::TokenExchange => vec![
                (
                    "grant_type",
                    "urn:ietf:params:oauth:grant-type:token-exchange",
                ),
                ("subject_token", token),
                ("subject_token_type", ACCESS_TOKEN),
                (
                    "requested_token_type",
                    settings.requested_token_type.as_str(),
                ),
            ],
            Self::OnBehalfOf => vec![
                ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
                ("assertion", token),
                ("requested_token_use", "on_behalf_of"),
            ],
        };
        let optional = [
            ("audience", settings.audience.as_deref()),
            ("resource", settings.resource.as_deref()),
            ("scope", scope),
        ];
        fields.extend(
            optional
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        fields
    }

    /// What the answer has to say of its token.
    pub(super) fn issued_token_type(self, settings: &ExchangeSettings) -> Option<&str> {
        match self {
            Self::TokenExchange => Some(&settings.requested_token_type),
            Self::OnBehalfOf => None,
        }
    }
}
