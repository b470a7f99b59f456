//! What a token claims, and whether that is acceptable. Our own strict types; no clock is read here, `now` is given.

mod kept;

use std::sync::OnceLock;

use super::principal::CallerKeys;
use super::profiles::{Mark, Profile};
use super::strict_json::{Object, Value};
use super::unverified::UnverifiedHeader;
use super::{Scope, Scopes, TokenError};
use kept::kept;

/// The most entries `aud` may have.
const MAX_AUDIENCES: usize = 32;

/// The most groups that are taken over; a token within 16 KiB can hold no more than a few thousand. More are refused.
const MAX_GROUPS: usize = 4096;

/// What a verified token says of its bearer.
#[derive(Debug)]
pub(in crate::auth) struct Claims {
    pub issuer: String,
    pub subject: String,
    pub client_id: Option<String>,
    pub scopes: Scopes,
    pub groups: Vec<String>,
    pub audiences: Vec<String>,
    pub expires_at: i64,
    pub not_before: Option<i64>,
    /// What else the policy asks for, by name.
    pub kept: Vec<(String, Vec<String>)>,
    /// What the policy found once.
    pub found: OnceLock<(u64, [u64; 4])>,
    /// Short names of the subject and the client, once somebody asked.
    pub keys: OnceLock<CallerKeys>,
}

/// What claims that somebody wrote down would say: as far as the policy looks at it, and nothing is checked.
#[derive(Debug)]
pub(super) struct Paper {
    pub subject: Option<String>,
    pub client_id: Option<String>,
    pub scopes: Scopes,
    pub groups: Vec<String>,
    pub kept: Vec<(String, Vec<String>)>,
}

/// The times of a token, Unix seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub expires_at: i64,
    pub not_before: Option<i64>,
    issued_at: Option<i64>,
}

/// How an issuer's claims are to be read and judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules<'r> {
    pub profile: &'r Profile,
    /// Replaces the profile's header types if not empty.
    pub token_types: &'r [String],
    /// True if the operator named the profile, so that its own audience rule holds.
    pub is_configured: bool,
    /// Replaces the profile's groups claim.
    pub groups_claim: Option<&'r str>,
    /// Replaces the profile's scope claims.
    pub scope_claim: Option<&'r str>,
    /// If not empty, the client ids accepted.
    pub client_ids: &'r [String],
    /// The claims that are kept because the policy asks for them.
    pub kept_claims: &'r [String],
    pub leeway_seconds: i64,
    pub max_lifetime_seconds: i64,
}

/// `iss`: a JSON string, or nothing (hardening rows 3 and 4).
pub(super) fn issuer<'c>(claims: &'c Object<'_>) -> Result<&'c str, TokenError> {
    string(claims, "iss")
}

/// Checks everything about a token but its key and its audience, and takes over what matters.
pub(super) fn check(
    header: &UnverifiedHeader,
    claims: &Object<'_>,
    rules: &Rules<'_>,
    now: i64,
) -> Result<Claims, TokenError> {
    check_possession(claims)?;
    check_type(header, claims, rules)?;
    take_over(claims, issuer(claims)?, rules, now)
}

/// A token that is bound to a key or a certificate is no bearer token: whoever stole it must not get in with it. No proof
/// is taken here, so it is refused whatever it is bound by: `jkt` (RFC 9449 §7.2 on downgraded use), `x5t#S256` (RFC 8705
/// §3) or another member of `cnf` (RFC 7800 §3.1).
pub(super) fn check_possession(claims: &Object<'_>) -> Result<(), TokenError> {
    match claims.get("cnf") {
        None => Ok(()),
        Some(_) => Err(TokenError::SenderConstrained),
    }
}

/// Times, client and groups are checked; the rest is taken over.
fn take_over(
    claims: &Object<'_>,
    issuer: &str,
    rules: &Rules<'_>,
    now: i64,
) -> Result<Claims, TokenError> {
    let times = Times::parse(claims)?;
    times.check(now, rules)?;
    let client_id = accepted_client(claims, rules)?;
    let groups = groups(claims, rules)?;
    Ok(Claims {
        issuer: issuer.to_owned(),
        subject: string(claims, "sub")?.to_owned(),
        client_id: client_id.map(str::to_owned),
        scopes: scopes(claims, rules)?,
        groups,
        audiences: audiences(claims, rules)?,
        expires_at: times.expires_at,
        not_before: times.not_before,
        kept: kept(claims, issuer, rules.kept_claims),
        found: OnceLock::new(),
        keys: OnceLock::new(),
    })
}

/// Takes over what the policy looks at, from claims that nobody verified.
pub(super) fn on_paper(
    claims: &Object<'_>,
    issuer: &str,
    rules: &Rules<'_>,
) -> Result<Paper, TokenError> {
    let subject = claims.get("sub").and_then(Value::as_str);
    Ok(Paper {
        subject: subject.map(str::to_owned),
        client_id: client_id(claims, rules.profile)?.map(str::to_owned),
        scopes: scopes(claims, rules)?,
        groups: groups(claims, rules)?,
        kept: kept(claims, issuer, rules.kept_claims),
    })
}

/// Checks everything about an answer to a question about a token (RFC 7662 §2.2) but its audience, and takes over what
/// matters. What a token would have to say, the answer has to say; `iss` may be missing, as the issuer itself answered.
pub(super) fn check_answer(
    answer: &Object<'_>,
    issuer: &str,
    rules: &Rules<'_>,
    now: i64,
) -> Result<Claims, TokenError> {
    check_possession(answer)?;
    if ID_TOKEN_MARKS.iter().any(|mark| mark.holds(answer)) {
        return Err(TokenError::IdToken);
    }
    // A refresh token, or one bound to a key by its name alone (RFC 9449 §6.2).
    for name in ["token_type", "typ"] {
        let is_bearer = |kind: &str| kind.eq_ignore_ascii_case("Bearer");
        if answer
            .get(name)
            .is_some_and(|kind| !kind.as_str().is_some_and(is_bearer))
        {
            return Err(TokenError::WrongType);
        }
    }
    if answer
        .get("iss")
        .is_some_and(|named| named.as_str() != Some(issuer))
    {
        return Err(TokenError::WrongIssuer);
    }
    take_over(answer, issuer, rules, now)
}

/// True if a token with these audiences is meant for a resource that accepts those (RFC 8707, RFC 9068 §4): byte for
/// byte, no normalisation.
pub(super) fn is_audience(audiences: &[String], accepted: [&[String]; 2]) -> bool {
    let known = |audience| accepted.iter().any(|list| list.contains(audience));
    audiences.iter().any(known)
}

/// The header's `typ` by profile, the marks of its access tokens, and never an ID token (hardening row 9).
pub(super) fn check_type(
    header: &UnverifiedHeader,
    claims: &Object<'_>,
    rules: &Rules<'_>,
) -> Result<(), TokenError> {
    let holds = |mark: &Mark| mark.holds(claims);
    if ID_TOKEN_MARKS.iter().any(holds) || rules.profile.id_token_marks.iter().any(holds) {
        return Err(TokenError::IdToken);
    }
    // Media types are compared without case (RFC 7515 §4.1.9).
    let is_allowed = match (header.token_type.as_deref(), rules.token_types) {
        (None, written) => written.is_empty() && rules.profile.without_type,
        (Some(found), []) => {
            let mut types = rules.profile.token_types.iter();
            types.any(|known| known.eq_ignore_ascii_case(found))
        }
        (Some(found), written) => written
            .iter()
            .any(|known| known.eq_ignore_ascii_case(found)),
    };
    if !is_allowed || !rules.profile.access_token_marks.iter().all(holds) {
        return Err(TokenError::WrongType);
    }
    Ok(())
}

/// What only ID tokens have, whoever wrote them. Not `nonce`: some providers copy it into access tokens.
const ID_TOKEN_MARKS: &[Mark] = &[
    Mark::Is("typ", "ID"),
    Mark::Is("token_use", "id"),
    Mark::Has("at_hash"),
];

impl Mark {
    fn holds(self, claims: &Object<'_>) -> bool {
        match self {
            Self::Has(name) => claims.get(name).is_some(),
            Self::HasOneOf(names) => names.iter().any(|name| claims.get(name).is_some()),
            Self::Is(name, expected) => claims.get(name).and_then(Value::as_str) == Some(expected),
        }
    }
}

impl Times {
    fn parse(claims: &Object<'_>) -> Result<Self, TokenError> {
        Ok(Self {
            expires_at: time(claims, "exp")?.ok_or(TokenError::MissingClaim("exp"))?,
            not_before: time(claims, "nbf")?,
            issued_at: time(claims, "iat")?,
        })
    }

    fn check(self, now: i64, rules: &Rules<'_>) -> Result<(), TokenError> {
        check_validity(self.expires_at, self.not_before, now, rules.leeway_seconds)?;
        check_issued(self.issued_at, now, rules)?;
        check_lifetime(self.expires_at, self.issued_at, now, rules)
    }
}

/// A time, if it is there.
pub(super) fn time(claims: &Object<'_>, name: &'static str) -> Result<Option<i64>, TokenError> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::Number(seconds)) => Ok(Some(whole_seconds(*seconds))),
        Some(_) => Err(TokenError::BadClaim(name)),
    }
}

/// `iat` must not lie in the future.
pub(super) fn check_issued(
    issued_at: Option<i64>,
    now: i64,
    rules: &Rules<'_>,
) -> Result<(), TokenError> {
    let latest = now.saturating_add(rules.leeway_seconds);
    match issued_at.filter(|issued| *issued > latest) {
        Some(issued) => Err(TokenError::IssuedInFuture {
            seconds: issued.saturating_sub(now),
        }),
        None => Ok(()),
    }
}

/// RFC 9068 §2.2 requires `iat`, yet not every issuer writes it; without it the life counts from now.
pub(super) fn check_lifetime(
    expires_at: i64,
    issued_at: Option<i64>,
    now: i64,
    rules: &Rules<'_>,
) -> Result<(), TokenError> {
    let born = issued_at.unwrap_or(now);
    if expires_at.saturating_sub(born) > rules.max_lifetime_seconds {
        return Err(TokenError::LifetimeTooLong);
    }
    Ok(())
}

/// `exp` and `nbf` against the wall clock, on every request, cached token or not (RFC 7519 §4.1.4, §4.1.5).
pub(super) fn check_validity(
    expires_at: i64,
    not_before: Option<i64>,
    now: i64,
    leeway_seconds: i64,
) -> Result<(), TokenError> {
    if expires_at.saturating_add(leeway_seconds) <= now {
        return Err(TokenError::Expired);
    }
    let latest = now.saturating_add(leeway_seconds);
    if let Some(start) = not_before.filter(|start| *start > latest) {
        let seconds = start.saturating_sub(now);
        return Err(TokenError::NotYetValid { seconds });
    }
    Ok(())
}

/// A `NumericDate` may have a fraction (RFC 7519 §2); it saturates at the ends of `i64`, where it expires or lives too long.
#[expect(clippy::cast_possible_truncation, reason = "saturating, as said above")]
fn whole_seconds(seconds: f64) -> i64 {
    seconds.floor() as i64
}

pub(super) fn string<'c>(
    claims: &'c Object<'_>,
    name: &'static str,
) -> Result<&'c str, TokenError> {
    let value = claims.get(name).ok_or(TokenError::MissingClaim(name))?;
    let text = value.as_str().filter(|text| !text.is_empty());
    text.ok_or(TokenError::BadClaim(name))
}

/// `aud` (RFC 9068 §2.2), or what the provider has in its place where the operator named the profile.
pub(super) fn audiences(claims: &Object<'_>, rules: &Rules<'_>) -> Result<Vec<String>, TokenError> {
    let names = if rules.is_configured {
        rules.profile.audience_claims
    } else {
        &["aud"]
    };
    let value = names.iter().find_map(|name| claims.get(name));
    let value = value.ok_or(TokenError::MissingClaim("aud"))?;
    let audiences = value.strings().ok_or(TokenError::BadClaim("aud"))?;
    if audiences.is_empty() || audiences.len() > MAX_AUDIENCES {
        return Err(TokenError::BadClaim("aud"));
    }
    Ok(audiences.into_iter().map(str::to_owned).collect())
}

/// The client id, if the settings accept it.
pub(super) fn accepted_client<'c>(
    claims: &'c Object<'_>,
    rules: &Rules<'_>,
) -> Result<Option<&'c str>, TokenError> {
    let client_id = client_id(claims, rules.profile)?;
    let accepted = |id: &&str| rules.client_ids.iter().any(|known| known == id);
    if !rules.client_ids.is_empty() && client_id.filter(accepted).is_none() {
        return Err(TokenError::WrongClient);
    }
    Ok(client_id)
}

fn client_id<'c>(claims: &'c Object<'_>, profile: &Profile) -> Result<Option<&'c str>, TokenError> {
    let mut found = profile
        .client_id_claims
        .iter()
        .filter_map(|name| claims.get(name));
    let Some(value) = found.next() else {
        return Ok(None);
    };
    let text = value.as_str().filter(|id| !id.is_empty());
    text.map(Some).ok_or(TokenError::BadClaim("client_id"))
}

/// The first of the profile's scope claims that is there (RFC 9068 §2.2.3, RFC 8693 §4.2); a string or an array of
/// strings. What is no scope token grants nothing.
pub(super) fn scopes(claims: &Object<'_>, rules: &Rules<'_>) -> Result<Scopes, TokenError> {
    let value = match rules.scope_claim {
        Some(name) => claims.get(name),
        None => rules
            .profile
            .scope_claims
            .iter()
            .find_map(|name| claims.get(name)),
    };
    let Some(value) = value else {
        return Ok(Scopes::default());
    };
    if let Value::String(list) = value {
        return Ok(list.split(' ').filter_map(Scope::parse).collect());
    }
    let tokens = value.strings().ok_or(TokenError::BadClaim("scope"))?;
    Ok(tokens.into_iter().filter_map(Scope::parse).collect())
}

/// The groups, all of them or a refusal: a rule that keeps a group out must not miss one that did not fit into the token.
/// Groups of an unexpected shape are no groups: a rule that needs one does not apply.
pub(super) fn groups(claims: &Object<'_>, rules: &Rules<'_>) -> Result<Vec<String>, TokenError> {
    let profile = rules.profile;
    let Some(name) = rules.groups_claim.or(profile.groups_claim) else {
        return Ok(Vec::new());
    };
    // "Aggregated and distributed claims": the claim is elsewhere (OpenID Connect Core §5.6.2).
    let elsewhere = matches!(claims.get("_claim_names"), Some(Value::Object(names)) if names.get(name).is_some());
    let flag = profile
        .overage_claim
        .filter(|_| profile.groups_claim == Some(name))
        .and_then(|flag| claims.get(flag));
    if elsewhere || flag.is_some_and(|value| *value != Value::Bool(false)) {
        return Err(TokenError::GroupOverage);
    }
    let found = match claims.get(name) {
        Some(Value::Object(members)) if profile.groups_are_members => members.names().collect(),
        Some(value) => value.strings().unwrap_or_default(),
        None => Vec::new(),
    };
    if found.len() > MAX_GROUPS {
        return Err(TokenError::GroupOverage);
    }
    Ok(found.into_iter().map(str::to_owned).collect())
}
