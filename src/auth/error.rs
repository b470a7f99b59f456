//! Why a request or its token is refused. Each variant has a stable reason code for logs, metrics and the ledger.
//!
//! The client is told little ([`TokenError::description`]): enough for an honest client to act, nothing for an attacker.

/// Why no access token could be read from a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccessTokenError {
    /// The token is in the query string or in a form (RFC 6750 §2.2 and §2.3, both forbidden by MCP): 400.
    #[error("the access token was sent in the query or a form: expected the Authorization header")]
    Elsewhere,
    /// A `Bearer` credential that is not a `b64token` (RFC 6750 §2.1): 400.
    #[error("the Authorization header is malformed: expected `Bearer` and one token")]
    Malformed,
    /// No `Authorization` header, or one of another scheme: 401 without `error` (RFC 6750 §3.1).
    #[error("no access token was sent")]
    Missing,
    /// More than one `Authorization` header: 400.
    #[error("several Authorization headers were sent: expected one")]
    Repeated,
}

impl AccessTokenError {
    /// The stable reason code for logs and metrics.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Elsewhere => "token_elsewhere",
            Self::Malformed => "malformed_authorization",
            Self::Missing => "no_token",
            Self::Repeated => "repeated_authorization",
        }
    }
}

/// Why a token is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Longer than 16 KiB.
    #[error("the token is larger than 16 KiB")]
    TooLarge,
    /// Not three parts: an opaque token, or no token at all.
    #[error(
        "the token is not a signed JWT (it has not exactly two dots): an opaque token cannot be checked here"
    )]
    NotAJws,
    /// Five parts: an encrypted token.
    #[error("the token is encrypted (five parts): expected a signed JWT")]
    Encrypted,
    /// A part is not canonical base64url without padding.
    #[error("the token is not canonical base64url")]
    BadEncoding,
    /// Header or claims are not a JSON object.
    #[error("the token's header or claims are not a JSON object")]
    BadJson,
    /// A member occurs twice in header or claims.
    #[error("the token's header or claims contain a member twice")]
    DuplicateMember,
    /// Header or claims nest too deep.
    #[error("the token's header or claims nest deeper than 16 levels")]
    TooDeep,
    /// The header demands an extension (`crit`, `b64`), of which none is understood.
    #[error("the token's header demands an extension (crit or b64)")]
    CriticalHeader,
    /// The header says the payload is compressed.
    #[error("the token's header says it is compressed (zip)")]
    Compressed,
    /// The payload is another token.
    #[error("the token's header says it contains another token (cty)")]
    Nested,
    /// The header's `alg`, `typ` or another member has the wrong type.
    #[error("the token's header member {0} has the wrong type")]
    BadHeader(&'static str),
    /// `kid` is no string of at most 128 printable characters.
    #[error("the token's kid is not a string of 1 to 128 printable ASCII characters")]
    BadKid,
    /// There is no `kid`, or without one the key is ambiguous.
    #[error("the token has no kid, or more than one key fits it")]
    MissingKid,
    /// `alg` is not among the algorithms configured for this issuer, or not the key's own.
    #[error("the token's algorithm is not allowed for this issuer or key")]
    AlgorithmNotAllowed,
    /// `typ` (header, or payload where the provider writes one) is not that of an access token.
    #[error("the token's typ is not one of this provider's access tokens")]
    WrongType,
    /// It is an ID token.
    #[error("the token is an ID token: expected an access token")]
    IdToken,
    /// It is bound to a key or certificate (`cnf`), of which no proof is taken here (RFC 9449 §7.2, RFC 8705 §3).
    #[error(
        "the token is bound to a key or certificate (cnf): expected a plain bearer token, as no proof of possession is \
         checked here"
    )]
    SenderConstrained,
    /// The user is in more groups than the issuer writes into a token, so the token does not say which.
    #[error(
        "the token does not list the user's groups: there are too many, and the issuer names another place instead"
    )]
    GroupOverage,
    /// A required claim is missing.
    #[error("the token has no {0}")]
    MissingClaim(&'static str),
    /// A claim has the wrong type or an impossible value.
    #[error("the token's {0} has the wrong type or an impossible value")]
    BadClaim(&'static str),
    /// `iss` is none of the configured issuers.
    #[error("the token's issuer is not configured")]
    WrongIssuer,
    /// `aud` names another resource.
    #[error("the token is for another audience")]
    WrongAudience,
    /// The client id is not among those configured for this issuer.
    #[error("the token was issued to a client that is not accepted")]
    WrongClient,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` is in the future.
    #[error("the token is valid in {seconds} s: do the clocks agree?")]
    NotYetValid {
        /// How far, by the clock of this machine.
        seconds: i64,
    },
    /// `iat` is in the future.
    #[error("the token was issued {seconds} s in the future: do the clocks agree?")]
    IssuedInFuture {
        /// How far, by the clock of this machine.
        seconds: i64,
    },
    /// It lives longer than configured.
    #[error("the token's life is longer than max_token_lifetime_seconds")]
    LifetimeTooLong,
    /// The issuer does not publish the key.
    #[error("the token names a key that the issuer does not publish")]
    UnknownKey,
    /// The operator blocked the key.
    #[error("the token names a key that is blocked in the settings")]
    BlockedKey,
    /// The signature does not fit.
    #[error("the token's signature is wrong")]
    BadSignature,
    /// The issuer says that it is not active: expired, revoked, logged out, or not one of its own (RFC 7662 §2.2).
    #[error("the issuer says that the token is not active")]
    Inactive,
    /// The issuer cannot be asked about the token: 503 with Retry-After, never 401.
    #[error("the issuer cannot be asked about the token")]
    IntrospectionUnavailable {
        /// When it is worth asking again.
        retry_after_seconds: u32,
    },
    /// No usable keys are at hand: 503 with Retry-After, never 401.
    #[error("the issuer's keys are unavailable")]
    KeysUnavailable {
        /// When it is worth asking again.
        retry_after_seconds: u32,
    },
}

impl TokenError {
    /// The stable reason code for logs, metrics and the ledger.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::NotAJws => "not_a_jws",
            Self::Encrypted => "encrypted",
            Self::BadEncoding => "bad_encoding",
            Self::BadJson => "bad_json",
            Self::DuplicateMember => "duplicate_member",
            Self::TooDeep => "too_deep",
            Self::CriticalHeader => "critical_header",
            Self::Compressed => "compressed",
            Self::Nested => "nested",
            Self::BadHeader(_) => "bad_header",
            Self::BadKid => "bad_kid",
            Self::MissingKid => "missing_kid",
            Self::AlgorithmNotAllowed => "algorithm_not_allowed",
            Self::WrongType => "wrong_type",
            Self::IdToken => "id_token",
            Self::SenderConstrained => "sender_constrained",
            Self::GroupOverage => "group_overage",
            Self::MissingClaim(_) => "missing_claim",
            Self::BadClaim(_) => "bad_claim",
            Self::WrongIssuer => "wrong_issuer",
            Self::WrongAudience => "wrong_audience",
            Self::WrongClient => "wrong_client",
            Self::Expired => "expired",
            Self::NotYetValid { .. } => "not_yet_valid",
            Self::IssuedInFuture { .. } => "issued_in_future",
            Self::LifetimeTooLong => "lifetime_too_long",
            Self::UnknownKey => "unknown_key",
            Self::BlockedKey => "blocked_key",
            Self::BadSignature => "bad_signature",
            Self::Inactive => "inactive",
            Self::IntrospectionUnavailable { .. } => "introspection_unavailable",
            Self::KeysUnavailable { .. } => "keys_unavailable",
        }
    }

    /// The sentence for `error_description`: fixed, and the same for all that an attacker could probe.
    #[must_use]
    pub fn description(&self) -> &'static str {
        match self {
            Self::Expired => "The access token expired",
            Self::WrongAudience => "The access token is not meant for this resource",
            Self::KeysUnavailable { .. } | Self::IntrospectionUnavailable { .. } => {
                "The access token cannot be checked at the moment"
            }
            Self::TooLarge
            | Self::NotAJws
            | Self::Encrypted
            | Self::BadEncoding
            | Self::BadJson
            | Self::DuplicateMember
            | Self::TooDeep
            | Self::CriticalHeader
            | Self::Compressed
            | Self::Nested
            | Self::BadHeader(_)
            | Self::BadKid
            | Self::MissingKid
            | Self::AlgorithmNotAllowed
            | Self::WrongType
            | Self::IdToken
            | Self::SenderConstrained
            | Self::GroupOverage
            | Self::MissingClaim(_)
            | Self::BadClaim(_)
            | Self::WrongIssuer
            | Self::WrongClient
            | Self::NotYetValid { .. }
            | Self::IssuedInFuture { .. }
            | Self::LifetimeTooLong
            | Self::UnknownKey
            | Self::BlockedKey
            | Self::Inactive
            | Self::BadSignature => "The access token is invalid",
        }
    }

    /// Seconds for `Retry-After` if the answer is 503; `None` if it is 401.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u32> {
        if let Self::KeysUnavailable {
            retry_after_seconds,
        }
        | Self::IntrospectionUnavailable {
            retry_after_seconds,
        } = self
        {
            return Some(*retry_after_seconds);
        }
        None
    }
}
