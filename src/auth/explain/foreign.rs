//! Whose token it is: a configured issuer's, that issuer's under another name, or a stranger's.

use super::{Claim, Opened, Requirement, shown};
use crate::auth::algorithm::Algorithm;
use crate::auth::claims::Rules;
use crate::auth::issuer::{Issuer, from_address};
use crate::auth::profiles::Profile;
use crate::auth::settings::IssuerSettings;
use crate::auth::unverified::{Parts, UnverifiedHeader};
use crate::auth::{Inner, ProfileName, TokenError};

/// By whose rules a token is judged.
#[derive(Clone, Copy)]
pub(super) struct Whose<'i> {
    pub origin: Origin<'i>,
    pub profile: &'static Profile,
    /// What would be asked if it were configured, of a stranger.
    stranger: &'i IssuerSettings,
}

/// Where it comes from, as far as can be told.
#[derive(Clone, Copy)]
pub(super) enum Origin<'i> {
    /// Its `iss` is that of a configured issuer.
    Configured(&'i Issuer),
    /// Its `iss` is not, and a key of this one signed it.
    SignedBy(&'i Issuer),
    /// Its `iss` is nearly that of this one.
    Resembles(&'i Issuer),
    /// It has nothing of a configured issuer.
    Stranger,
}

impl<'i> Whose<'i> {
    /// How its claims are judged.
    pub(super) fn rules<'r>(&'r self, kept_claims: &'r [String]) -> Rules<'r> {
        match self.issuer() {
            Some(issuer) => issuer.rules(),
            None => self.stranger.rules(self.profile, kept_claims),
        }
    }

    /// The configured issuer that it comes from, under whatever name.
    pub(super) fn issuer(&self) -> Option<&'i Issuer> {
        match self.origin {
            Origin::Configured(issuer) | Origin::SignedBy(issuer) | Origin::Resembles(issuer) => {
                Some(issuer)
            }
            Origin::Stranger => None,
        }
    }

    /// The algorithms accepted.
    pub(super) fn algorithms(&self) -> &[Algorithm] {
        self.issuer()
            .map_or(&[Algorithm::Rs256], Issuer::algorithms)
    }
}

impl Inner {
    pub(super) fn whose<'i>(
        &'i self,
        stranger: &'i IssuerSettings,
        parts: &Parts<'_>,
        header: &UnverifiedHeader,
        named: &Result<&str, TokenError>,
    ) -> Whose<'i> {
        let name = *named.as_ref().unwrap_or(&"");
        let origin = self.origin(name, parts, header);
        let profile = match origin {
            Origin::Configured(issuer) | Origin::SignedBy(issuer) | Origin::Resembles(issuer) => {
                issuer.profile()
            }
            Origin::Stranger => from_address(stranger),
        };
        Whose {
            origin,
            profile,
            stranger,
        }
    }

    fn origin(&self, name: &str, parts: &Parts<'_>, header: &UnverifiedHeader) -> Origin<'_> {
        if let Ok((_, issuer)) = self.issuer(name) {
            return Origin::Configured(issuer);
        }
        let signed = |issuer: &&Issuer| is_signed_by(issuer, parts, header);
        if let Some(issuer) = self.issuers.iter().find(signed) {
            return Origin::SignedBy(issuer);
        }
        let resembles = |issuer: &&Issuer| resemble(issuer, name);
        if let Some(issuer) = self.issuers.iter().find(resembles) {
            return Origin::Resembles(issuer);
        }
        match self.issuers.as_slice() {
            // A token that does not say whose it is can only be meant as the only one's.
            [only] if name.is_empty() => Origin::Resembles(only),
            _ => Origin::Stranger,
        }
    }

    /// The first of all claims: everything else depends on it.
    pub(super) fn issuer_line(
        &self,
        opened: &Opened<'_>,
        named: Result<&str, TokenError>,
    ) -> Claim {
        let known: Vec<_> = self.issuers.iter().map(Issuer::token_issuer).collect();
        let required = format!("one of: {}", known.join(", "));
        let required = match known.as_slice() {
            [only] => (*only).to_owned(),
            _ => required,
        };
        let found = shown::claim(opened.claims, "iss");
        let judged = named.and_then(|name| self.issuer(name)).map(drop);
        let line = Claim::new(Requirement::Issuer, required, found, judged);
        let name = shown::claim(opened.claims, "iss").unwrap_or_default();
        line.fixed_by(|error| match error {
            TokenError::WrongIssuer => Some(how_to_agree(&opened.whose, &name, &known)),
            _ => None,
        })
    }
}

/// True if a key at hand of that issuer's signed it, whatever it says of itself.
pub(super) fn is_signed_by(issuer: &Issuer, parts: &Parts<'_>, header: &UnverifiedHeader) -> bool {
    let signer = || {
        let algorithm = issuer.allowed(&header.algorithm)?;
        let found = issuer
            .keys
            .at_hand(header.kid.as_deref(), algorithm)?
            .ok()?;
        let signed = parts.signed.as_bytes();
        let signer = found.signer(algorithm, signed, &parts.signature);
        signer.ok().map(drop)
    };
    signer().is_some()
}

/// The same but for a slash, the case, the host or the scheme: a container's name for it, or a proxy's.
fn resemble(issuer: &Issuer, name: &str) -> bool {
    let plain = |text: &str| text.trim_end_matches('/').to_lowercase();
    let path = |text: &str| {
        let rest = text.split_once("://")?.1;
        let (_, path) = rest.split_once('/')?;
        (!path.is_empty()).then(|| path.to_owned())
    };
    let same = |known: &str| {
        let (a, b) = (plain(known), plain(name));
        a == b || path(&a).is_some_and(|path_of_a| path(&b) == Some(path_of_a))
    };
    !name.is_empty()
        && [issuer.token_issuer(), issuer.identifier()]
            .into_iter()
            .any(same)
}

fn how_to_agree(whose: &Whose<'_>, name: &str, known: &[&str]) -> String {
    let only_slash =
        |issuer: &Issuer| issuer.token_issuer().trim_end_matches('/') == name.trim_end_matches('/');
    match whose.origin {
        Origin::SignedBy(issuer) | Origin::Resembles(issuer) if only_slash(issuer) => format!(
            "only the slash at the end differs: write `issuer = \"{name}\"`, if that is how the provider's metadata has it, else \
             `token_issuer = \"{name}\"`"
        ),
        Origin::SignedBy(issuer) => format!(
            "a key of {} signed it, so it is the same provider under another name (inside and outside of a container or proxy): \
             give the provider one public name that clients and this server both use, or write `token_issuer = \"{name}\"`",
            issuer.identifier()
        ),
        // Two tenants of one provider, or two stages of one server, differ in their hosts alone.
        Origin::Resembles(issuer) if issuer.keys.current().is_ok() => format!(
            "its address is like that of {}, but none of that one's keys signed it, so it is of another server or tenant: make \
             the client log in at {}; or, if tokens of {name} are to be accepted, add an [[issuer]] for it",
            issuer.identifier(),
            known.join(" or ")
        ),
        Origin::Configured(issuer) | Origin::Resembles(issuer) => format!(
            "it looks like {} under another name (inside and outside of a container or proxy): give the provider one public name \
             that clients and this server both use, or write `token_issuer = \"{name}\"`",
            issuer.identifier()
        ),
        Origin::Stranger => {
            let provider = match whose.profile.name {
                ProfileName::Generic => "It is of an issuer that is not configured".to_owned(),
                profile => format!("It looks like a token of {}'s", profile.title()),
            };
            format!(
                "{provider}: make the client log in at {}; or, if tokens of {name} are to be accepted, add an [[issuer]] for it",
                known.join(" or ")
            )
        }
    }
}
