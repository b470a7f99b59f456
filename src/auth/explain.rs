//! Why a token is accepted or refused, claim by claim: everything that is asked of it, and not only what is wrong first.
//!
//! The verdict is that of [`ResourceServer::authenticate`]; each claim is judged by the very function that it uses, so
//! that an explanation cannot say anything else than the server does. What is said of a claim is the token's own word,
//! escaped and cut; where [`Explanation::verified`] is false, anybody may have written it.

mod claims;
mod foreign;
mod key;
mod shape;
mod shown;

use std::sync::Arc;
use std::time::Duration;

use super::issuer::Issuer;
use super::settings::IssuerSettings;
use super::strict_json::Object;
use super::unverified::{Parts, UnverifiedHeader};
use super::{
    AccessToken, Inner, ProfileName, Resource, ResourceServer, TokenError, UnverifiedClaims,
    opaque, unverified,
};
use foreign::{Origin, Whose};

/// How long the keys and the metadata of the issuers may take to come.
const PATIENCE: Duration = Duration::from_secs(2);

/// What one token was found to be.
#[derive(Debug)]
pub struct Explanation {
    /// The resource that it was looked at for.
    pub resource: String,
    /// Whose token it says to be, escaped.
    pub issuer: Option<String>,
    /// How tokens of that issuer are read.
    pub profile: ProfileName,
    /// True if a configured issuer signed it, or says that it is active: else every value is somebody's word.
    pub verified: bool,
    /// What the server answers to it.
    pub verdict: Result<(), TokenError>,
    /// Everything that is asked of it, in the order in which it is looked at.
    pub claims: Vec<Claim>,
    /// The names of the other claims that it has, escaped.
    pub others: Vec<String>,
    /// What it says of who its user is besides `sub`: name and value, escaped.
    pub person: Vec<(String, String)>,
    /// Its bearer as the policy would see it, if that much can be read.
    pub bearer: Option<UnverifiedClaims>,
}

/// One thing that is asked of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What it is.
    pub requirement: Requirement,
    /// What is accepted.
    pub required: String,
    /// What is there, escaped and cut; nothing if there is nothing.
    pub found: Option<String>,
    /// How that was judged.
    pub outcome: Outcome,
    /// The change that would make it pass, where more is known of it than what is said of every such refusal.
    pub fix: Option<String>,
}

/// How one thing was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is as it should be.
    Ok,
    /// It is not, and a token with this alone wrong is refused like this.
    Refused(TokenError),
    /// It could not be looked at, because of this.
    Skipped(String),
}

/// What is asked of a token, in the order in which it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Requirement {
    /// It is a signed JWT.
    Format,
    /// Its header demands nothing that is not understood.
    Header,
    /// Its claims are one JSON object.
    Json,
    /// Its issuer.
    Issuer,
    /// Its algorithm.
    Algorithm,
    /// It is bound to nothing.
    Possession,
    /// It is an access token.
    Type,
    /// When it ends.
    Expiry,
    /// When it begins.
    Start,
    /// When it was issued.
    IssuedAt,
    /// How long it lives.
    Lifetime,
    /// To whom it was issued.
    Client,
    /// The groups of its user.
    Groups,
    /// Its user.
    Subject,
    /// What it grants.
    Scopes,
    /// For whom it is.
    Audience,
    /// The key that it names.
    Key,
    /// Its signature.
    Signature,
    /// The issuer says that it counts.
    Active,
}

impl Requirement {
    /// Its short name: that of the claim, where it is one.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Header => "header",
            Self::Json => "claims",
            Self::Issuer => "iss",
            Self::Algorithm => "alg",
            Self::Possession => "cnf",
            Self::Type => "typ",
            Self::Expiry => "exp",
            Self::Start => "nbf",
            Self::IssuedAt => "iat",
            Self::Lifetime => "lifetime",
            Self::Client => "client",
            Self::Groups => "groups",
            Self::Subject => "sub",
            Self::Scopes => "scope",
            Self::Audience => "aud",
            Self::Key => "kid",
            Self::Signature => "signature",
            Self::Active => "active",
        }
    }

    /// True if its value says who somebody is.
    #[must_use]
    pub fn is_personal(self) -> bool {
        self == Self::Subject
    }
}

impl Claim {
    fn new(
        requirement: Requirement,
        required: impl Into<String>,
        found: Option<String>,
        judged: Result<(), TokenError>,
    ) -> Self {
        Self {
            requirement,
            required: required.into(),
            found,
            outcome: judged.map_or_else(Outcome::Refused, |()| Outcome::Ok),
            fix: None,
        }
    }

    fn skipped(
        requirement: Requirement,
        required: impl Into<String>,
        why: impl Into<String>,
    ) -> Self {
        Self {
            requirement,
            required: required.into(),
            found: None,
            outcome: Outcome::Skipped(why.into()),
            fix: None,
        }
    }

    /// With what to do about it, if it is refused.
    fn fixed_by(mut self, fix: impl FnOnce(&TokenError) -> Option<String>) -> Self {
        if let Outcome::Refused(error) = &self.outcome {
            self.fix = fix(error);
        }
        self
    }
}

impl Explanation {
    /// The claim to mend first: the one that the server's answer is about.
    #[must_use]
    pub fn first(&self) -> Option<&Claim> {
        let error = self.verdict.as_ref().err()?;
        let mut claims = self.claims.iter();
        claims.find(|claim| matches!(&claim.outcome, Outcome::Refused(known) if known == error))
    }

    /// True if the server could not tell, as it had nothing to check the token with.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        let waits = |error: &TokenError| error.retry_after_seconds().is_some();
        self.verdict.as_ref().is_err_and(waits)
    }

    fn of_nothing(resource: &Resource, verdict: Result<(), TokenError>) -> Self {
        Self {
            resource: resource.identifier().as_str().to_owned(),
            issuer: None,
            profile: ProfileName::Generic,
            verified: verdict.is_ok(),
            verdict,
            claims: Vec::new(),
            others: Vec::new(),
            person: Vec::new(),
            bearer: None,
        }
    }
}

impl ResourceServer {
    /// Everything that is asked of `access_token` at `resource`, and whether it is there. Waits a moment for the issuers if
    /// they have not been heard of yet.
    pub async fn explain(
        &self,
        access_token: &AccessToken,
        resource: &Arc<Resource>,
    ) -> Explanation {
        let fetches = self
            .0
            .issuers
            .iter()
            .map(|issuer| issuer.keys.first_fetch(PATIENCE));
        futures_util::future::join_all(fetches).await;
        let verdict = self.authenticate(access_token, resource).await.map(drop);
        self.0.explained(access_token, resource, verdict)
    }
}

/// A token that was taken apart, and whose it is.
struct Opened<'t> {
    parts: &'t Parts<'t>,
    header: &'t UnverifiedHeader,
    claims: &'t Object<'t>,
    whose: Whose<'t>,
    resource: &'t Resource,
    verdict: &'t Result<(), TokenError>,
    now: i64,
}

impl Inner {
    fn explained(
        &self,
        access_token: &AccessToken,
        resource: &Resource,
        verdict: Result<(), TokenError>,
    ) -> Explanation {
        let mut told = Explanation::of_nothing(resource, verdict);
        let text = access_token.expose();
        let parsed = Parts::parse(text);
        let shape = parsed.as_ref().err().cloned();
        let asks = self.issuers.iter().any(Issuer::is_asked);
        told.claims
            .extend(shape::format(text, shape.as_ref(), asks, &told.verdict));
        for claim in &mut told.claims {
            if claim.outcome != Outcome::Ok && claim.requirement == Requirement::Format {
                claim.fix = self.fix_of_format(text, shape.as_ref());
            }
        }
        let Some(parts) = parsed.ok().or_else(|| Parts::loosely(text)) else {
            return told;
        };
        let header = UnverifiedHeader::parse(&parts.header);
        told.claims.push(shape::header(&header));
        let header = header
            .ok()
            .or_else(|| UnverifiedHeader::loosely(&parts.header));
        let claims = unverified::object(&parts.claims);
        told.claims.push(shape::json(claims.as_ref().err()));
        if let (Some(header), Ok(claims)) = (header, claims) {
            self.judged(&mut told, &parts, (&header, &claims), resource);
        }
        told
    }

    fn judged(
        &self,
        told: &mut Explanation,
        parts: &Parts<'_>,
        (header, claims): (&UnverifiedHeader, &Object<'_>),
        resource: &Resource,
    ) {
        let named = super::claims::issuer(claims);
        // For a stranger's token: what would be asked of it if the stranger were configured.
        let stranger = IssuerSettings::named(*named.as_ref().unwrap_or(&""));
        let whose = self.whose(&stranger, parts, header, &named);
        told.profile = whose.profile.name;
        told.issuer = named.as_ref().ok().map(|name| shown::text(name));
        let opened = Opened {
            parts,
            header,
            claims,
            whose,
            resource,
            verdict: &told.verdict,
            now: self.clock.unix_seconds(),
        };
        let mut judged = vec![self.issuer_line(&opened, named)];
        judged.extend(opened.claims());
        judged.extend(opened.key());
        if let Origin::Configured(issuer) = opened.whose.origin
            && issuer.is_asked_about_jwts()
        {
            judged.push(shape::active(&told.verdict));
        }
        told.verified = opened.is_signed();
        told.others = claims::others(&opened);
        told.person = claims::person(claims);
        told.bearer = UnverifiedClaims::of(claims, &opened.whose.rules(&self.settings.kept_claims));
        told.claims.extend(judged);
    }

    fn fix_of_format(&self, text: &str, error: Option<&TokenError>) -> Option<String> {
        match error {
            Some(TokenError::NotAJws | TokenError::Encrypted) => {
                Some(opaque::hints(text, &self.issuers).join("; or "))
            }
            Some(_) | None => None,
        }
    }
}
