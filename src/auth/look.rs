//! One look at each configured issuer, with the code that the server fetches with: metadata, keys, differences.

use super::discovery::{DiscoveryError, Found, HttpSource};
use super::issuer::from_address;
use super::profiles::differences::Difference;
use super::signing_keys::{FetchError, Fetched, KeySource as _};
use super::{IssuerSettings, ProfileName, Settings};
use crate::auth::published::KeySet;
use crate::outbound::{Outbound, OutboundError};

/// What an issuer was found to be.
#[derive(Clone, Debug)]
pub struct IssuerLook {
    /// The issuer identifier.
    pub issuer: String,
    /// How its tokens are read.
    pub profile: ProfileName,
    /// Where its metadata was found, or why none is acceptable.
    pub metadata: Result<String, (IssuerProblem, String)>,
    /// How many of its keys are usable, and what was left out; or why there are none.
    pub keys: Result<(usize, String), (IssuerProblem, String)>,
    /// What its metadata has that the profile or the settings do not expect, with what to do.
    pub differences: Vec<(Differs, String)>,
}

/// What is wrong with an issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssuerProblem {
    /// Its certificate is not believed.
    Certificate,
    /// It has no key set that can be used.
    NoKeys,
    /// There is no metadata at any place.
    NoMetadata,
    /// What is there is no metadata.
    NotMetadata,
    /// The metadata names another issuer.
    OtherIssuer,
    /// It does not answer.
    Unreachable,
}

/// What differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Differs {
    /// The algorithms.
    Algorithms,
    /// PKCE is not advertised.
    Pkce,
    /// The profile, or something that stops nothing by itself.
    Profile,
    /// The scopes that clients are told to ask for.
    Scopes,
    /// The name in its tokens.
    TokenIssuer,
}

/// Looks at all issuers side by side. Every fetch has its own deadline.
pub async fn look(settings: &Settings, outbound: &Outbound) -> Vec<IssuerLook> {
    let looks = settings.issuer.iter().map(|issuer| {
        let source = HttpSource::new(issuer, outbound.clone(), Found::default())
            .asked_for(settings.asked_for());
        look_at(issuer, source)
    });
    futures_util::future::join_all(looks).await
}

async fn look_at(settings: &IssuerSettings, source: HttpSource) -> IssuerLook {
    let (found, fetched) = tokio::join!(source.search(), source.fetch(None));
    let understood = found
        .as_ref()
        .ok()
        .map(|metadata| source.understood(metadata));
    let (profile, differences) = match understood {
        Some((profile, _clients, differences)) => (profile, differences),
        None => (from_address(settings), Vec::new()),
    };
    let told = |difference: Difference| (differs(&difference), difference.to_string());
    IssuerLook {
        issuer: settings.issuer.clone(),
        profile: profile.name,
        metadata: match found {
            Ok(metadata) => Ok(metadata.found_at.to_string()),
            Err(error) => Err((problem(&error), error.to_string())),
        },
        keys: keys(fetched),
        differences: differences.into_iter().map(told).collect(),
    }
}

fn keys(fetched: Result<Fetched, FetchError>) -> Result<(usize, String), (IssuerProblem, String)> {
    match fetched {
        Ok(Fetched::Document { body, .. }) => {
            let keys = KeySet::read(&body).map_err(|words| (IssuerProblem::NoKeys, words))?;
            if keys.usable.is_empty() {
                let found = match keys.left_out.as_str() {
                    "" => "it is empty".to_owned(),
                    left_out => left_out.to_owned(),
                };
                return Err((IssuerProblem::NoKeys, format!("no usable key: {found}")));
            }
            Ok((keys.usable.len(), keys.left_out))
        }
        Ok(Fetched::NotModified { .. }) => Err((
            IssuerProblem::NoKeys,
            "it says that nothing changed, and nothing was there before".to_owned(),
        )),
        Err(error) => {
            let what = match &error {
                FetchError::Discovery(error) => problem(error),
                FetchError::Outbound { error, .. } => of_outbound(error),
                FetchError::KeySet(_) | FetchError::Empty { .. } => IssuerProblem::NoKeys,
            };
            Err((what, error.to_string()))
        }
    }
}

fn problem(error: &DiscoveryError) -> IssuerProblem {
    match error {
        DiscoveryError::WrongIssuer { .. } => IssuerProblem::OtherIssuer,
        DiscoveryError::Nowhere { .. } => IssuerProblem::NoMetadata,
        DiscoveryError::Invalid { .. } => IssuerProblem::NotMetadata,
        DiscoveryError::Outbound { error, .. } => of_outbound(error),
    }
}

fn of_outbound(error: &OutboundError) -> IssuerProblem {
    match error {
        OutboundError::Connection(cause) if cause.contains("peer certificate") => {
            IssuerProblem::Certificate
        }
        OutboundError::Broken(_)
        | OutboundError::Connection(_)
        | OutboundError::Timeout(_)
        | OutboundError::Redirect(_)
        | OutboundError::Status(_)
        | OutboundError::InsecureUrl(_)
        | OutboundError::ForbiddenAddress(_)
        | OutboundError::TooLarge(_)
        | OutboundError::Encoded(_)
        | OutboundError::Client(_) => IssuerProblem::Unreachable,
    }
}

fn differs(difference: &Difference) -> Differs {
    match difference {
        Difference::Algorithms { .. } => Differs::Algorithms,
        Difference::Pkce => Differs::Pkce,
        Difference::Scopes { .. } => Differs::Scopes,
        Difference::TokenIssuer { .. } => Differs::TokenIssuer,
        Difference::Introspection | Difference::OtherProvider { .. } | Difference::Place { .. } => {
            Differs::Profile
        }
    }
}
