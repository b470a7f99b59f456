//! What an operator writes about issuers, resources and scopes.

mod check;

use schemars::JsonSchema;
use serde::Deserialize;

use super::claims::Rules;
use super::introspection::IntrospectionSettings;
use super::profiles::{Profile, ProfileName};
use super::token_exchange::ExchangeSettings;

/// The settings of the resource server, as written.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The origin under which clients reach this server, as `https://mcp.example.com`: no path, query, fragment, user
    /// info or trailing slash. Plain `http` only on loopback. Required.
    pub public_url: String,
    /// Who may issue tickets. At least one.
    pub issuer: Vec<IssuerSettings>,
    /// The names of the scopes.
    pub scopes: ScopeSettings,
    /// Audiences that a token may carry besides the resource identifiers that follow from `public_url`. Default: none.
    /// They are added to every resource of this server but those of single upstreams.
    pub audiences: Vec<String>,
    /// The cache of tokens already verified.
    pub token_cache: TokenCacheSettings,
    /// A name for people, published as `resource_name` (RFC 9728 §2). Default: `Usher`.
    pub resource_name: Option<String>,
    /// An address with documentation for developers, published as `resource_documentation`. Default: none.
    pub resource_documentation: Option<String>,
    /// The claims that are kept because a rule asks for them. Not written here: they follow from the rules.
    #[serde(skip)]
    pub kept_claims: Vec<String>,
    /// The upstreams, each a resource of its own. Not written here: they are those configured.
    #[serde(skip)]
    pub upstreams: Vec<UpstreamResource>,
    /// For which upstreams callers' tokens are exchanged. Not written here: it follows from the upstreams.
    #[serde(skip)]
    pub exchanges: Vec<ExchangeSettings>,
}

/// An upstream as a resource of its own, at `/mcp/{name}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpstreamResource {
    /// Its name.
    pub name: String,
    /// Audiences that a token for it may carry besides its address.
    pub audiences: Vec<String>,
}

/// One issuer whose tokens are accepted.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct IssuerSettings {
    /// The issuer identifier, byte for byte as the provider writes it: a trailing slash matters. Required.
    pub issuer: String,
    /// How this provider writes its tokens. Default: found from the issuer's address and metadata, which never accepts an
    /// audience outside `aud`.
    pub profile: Option<ProfileName>,
    /// Where the discovery document is, if at none of the well-known places. Default: OpenID Connect and RFC 8414, in
    /// all path forms.
    pub discovery_url: Option<String>,
    /// Where the key set is. Default: the `jwks_uri` of the discovery document.
    pub jwks_url: Option<String>,
    /// What the provider writes into `iss`, if it differs from `issuer` (as AD FS does). Default: `issuer`.
    pub token_issuer: Option<String>,
    /// The signature algorithms accepted: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, `EdDSA`
    /// (which is `Ed25519` too). Default: RS256 only. Symmetric algorithms are refused.
    pub algorithms: Vec<String>,
    /// Audiences accepted in this issuer's tokens besides the resource's own. Default: none.
    pub audiences: Vec<String>,
    /// The client ids whose tokens are accepted. Default: none written, which accepts every client of this issuer.
    pub client_ids: Vec<String>,
    /// The `typ` header values accepted, instead of the profile's own. Default: the profile's.
    pub token_types: Vec<String>,
    /// The claim that holds the groups. Default: the profile's.
    pub groups_claim: Option<String>,
    /// The claim that holds the scopes, such as `permissions` or `roles`, instead of the profile's own. Default: the
    /// profile's.
    pub scope_claim: Option<String>,
    /// What clients have to put before each scope when they ask this issuer for it, where its tokens carry the short name:
    /// at Entra ID the application ID URI and a slash, as `api://11111111-2222-3333-4444-555555555555/`. It is written into
    /// the metadata and the challenges; tokens are checked for the short name. The same for all issuers. Default: none.
    pub scope_prefix: Option<String>,
    /// How far clocks may differ when `exp`, `nbf` and `iat` are checked, in seconds, at most 60. Default: 30.
    pub leeway_seconds: u32,
    /// The longest life (`exp` − `iat`) of a token that is accepted, in seconds. Default: 86400 (24 h).
    pub max_token_lifetime_seconds: u32,
    /// How long a fetched key set is fresh if the issuer does not say (`Cache-Control`), in seconds; what it says is
    /// clamped to 60–3600. Default: 300.
    pub key_ttl_seconds: u32,
    /// How long keys stay usable while the issuer cannot be reached, in seconds since the last successful fetch.
    /// Default: 14400 (4 h).
    pub stale_keys_seconds: u32,
    /// Takes an empty key set from the issuer at its word. Default: false, the last good set stays in use.
    pub accept_empty_key_set: bool,
    /// Accepts a token without `kid` if exactly one key fits its algorithm. Default: false.
    pub accept_missing_kid: bool,
    /// Key ids that are refused although the issuer publishes them. Default: none.
    pub blocked_kids: Vec<String>,
    /// Readiness waits for this issuer's keys. Default: true.
    pub required: bool,
    /// Asking this issuer about tokens (RFC 7662).
    pub introspection: IntrospectionSettings,
}

impl Default for IssuerSettings {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            profile: None,
            discovery_url: None,
            jwks_url: None,
            token_issuer: None,
            algorithms: vec!["RS256".into()],
            audiences: Vec::new(),
            client_ids: Vec::new(),
            token_types: Vec::new(),
            groups_claim: None,
            scope_claim: None,
            scope_prefix: None,
            leeway_seconds: 30,
            max_token_lifetime_seconds: 86_400,
            key_ttl_seconds: 300,
            stale_keys_seconds: 14_400,
            accept_empty_key_set: false,
            accept_missing_kid: false,
            blocked_kids: Vec::new(),
            required: true,
            introspection: IntrospectionSettings::default(),
        }
    }
}

impl IssuerSettings {
    /// How its claims are judged.
    pub(super) fn rules<'r>(
        &'r self,
        profile: &'r Profile,
        kept_claims: &'r [String],
    ) -> Rules<'r> {
        Rules {
            profile,
            token_types: &self.token_types,
            is_configured: self.profile.is_some(),
            groups_claim: self.groups_claim.as_deref(),
            scope_claim: self.scope_claim.as_deref(),
            client_ids: &self.client_ids,
            kept_claims,
            leeway_seconds: self.leeway_seconds.into(),
            max_lifetime_seconds: self.max_token_lifetime_seconds.into(),
        }
    }

    /// An issuer with the defaults.
    #[must_use]
    pub fn named(issuer: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            ..Self::default()
        }
    }
}

/// The names of the scopes.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ScopeSettings {
    /// The scope for reading tools. Default: `mcp:read`.
    pub read: String,
    /// The scope for all other tools. Default: `mcp:write`.
    pub write: String,
    /// The scopes published in the metadata (`scopes_supported`, RFC 9728 §2). Clients ask for all of them at their
    /// first login, so keep it to what basic use needs. Default: the reading scope alone; where rules leave nothing that
    /// it opens, the fewest scopes that open a tool.
    pub advertised: Vec<String>,
}

impl Default for ScopeSettings {
    fn default() -> Self {
        Self {
            read: "mcp:read".into(),
            write: "mcp:write".into(),
            advertised: Vec::new(),
        }
    }
}

impl ScopeSettings {
    /// What clients are told to ask for: "the minimal set of scopes necessary for basic functionality" (MCP
    /// authorization, scope selection), unless the operator advertises another.
    pub(super) fn to_ask_for(&self) -> impl Iterator<Item = &str> {
        let reading = self.advertised.is_empty().then_some(self.read.as_str());
        reading
            .into_iter()
            .chain(self.advertised.iter().map(String::as_str))
    }
}

/// The bounds of the cache of verified tokens.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TokenCacheSettings {
    /// How many verified tokens are kept at most; 0 switches the cache off. Default: 10000.
    pub max_entries: u64,
    /// How much memory they may take, in KiB. Default: 16384.
    pub max_kib: u64,
}

impl Default for TokenCacheSettings {
    fn default() -> Self {
        Self {
            max_entries: 10_000,
            max_kib: 16_384,
        }
    }
}

/// A security-relevant mistake in the settings: the program must not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {message}{}: {advice}", found.as_ref().map(|f| format!(" (found {f:?})")).unwrap_or_default())]
pub struct SettingsError {
    /// Which setting, as `issuer[0].algorithms`.
    pub key: String,
    /// As written.
    pub found: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What was expected, and what to do.
    pub advice: String,
}
