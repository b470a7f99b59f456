//! The claims, each judged by itself by the function that judges it for the server.

use super::{Claim, Opened, Requirement, shown};
use crate::auth::algorithm::Algorithm;
use crate::auth::claims::{self, Rules};
use crate::auth::profiles::{Mark, Profile};
use crate::auth::strict_json::Object;
use crate::auth::{TokenError, advice, check_audience, clocks};

/// Claims that say who somebody is, besides `sub`.
const PERSON: [&str; 6] = [
    "email",
    "name",
    "preferred_username",
    "upn",
    "unique_name",
    "username",
];

/// The claims that are judged, or are of no use to anybody who looks for a mistake.
const KNOWN: [&str; 8] = ["iss", "sub", "aud", "exp", "nbf", "iat", "cnf", "typ"];

impl Opened<'_> {
    /// Everything that the claims are asked for, in the order in which the server looks.
    pub(super) fn claims(&self) -> Vec<Claim> {
        let rules = self.whose.rules(&[]);
        let mut judged = vec![self.algorithm(), self.possession(), self.kind(&rules)];
        judged.extend(self.times(&rules));
        judged.extend([
            self.client(&rules),
            self.groups(&rules),
            self.subject(),
            self.scopes(&rules),
            self.audience(&rules),
        ]);
        let hint = |error: &TokenError| advice::hint(error, self.whose.profile).map(str::to_owned);
        let with_hint = |claim: Claim| match claim.fix {
            Some(_) => claim,
            None => claim.fixed_by(hint),
        };
        judged.into_iter().map(with_hint).collect()
    }

    fn algorithm(&self) -> Claim {
        let accepted = self.whose.algorithms();
        let named = self.header.algorithm.as_str();
        let known = Algorithm::parse(named);
        let judged = match known.filter(|algorithm| accepted.contains(algorithm)) {
            Some(_) => Ok(()),
            None => Err(TokenError::AlgorithmNotAllowed),
        };
        let names: Vec<_> = accepted.iter().map(|known| known.as_str()).collect();
        let (required, found) = (names.join(", "), Some(shown::text(named)));
        let line = Claim::new(Requirement::Algorithm, required.clone(), found, judged);
        line.fixed_by(|_| {
            Some(match known {
                Some(known) => format!(
                    "let the issuer sign with {required}, or add \"{}\" to `algorithms` of that issuer",
                    known.as_str()
                ),
                None => format!(
                    "let the issuer sign with {required}: what is signed with a shared secret, or not at all, can be written by anybody"
                ),
            })
        })
    }

    fn possession(&self) -> Claim {
        let judged = claims::check_possession(self.claims);
        let found = shown::claim(self.claims, "cnf");
        let required = "none: no proof of possession is checked here";
        Claim::new(Requirement::Possession, required, found, judged)
    }

    fn kind(&self, rules: &Rules<'_>) -> Claim {
        let judged = claims::check_type(self.header, self.claims, rules);
        let typ = self.header.token_type.as_deref();
        let mut found = typ.map_or_else(|| "no typ in the header".to_owned(), shown::text);
        for name in ["typ", "token_use"] {
            if let Some(value) = shown::claim(self.claims, name) {
                found += &format!(", claim {name} {value}");
            }
        }
        Claim::new(Requirement::Type, expected_type(rules), Some(found), judged)
    }

    fn times(&self, rules: &Rules<'_>) -> [Claim; 4] {
        let at = |name| claims::time(self.claims, name);
        let (expires, begins, issued) = (at("exp"), at("nbf"), at("iat"));
        let (now, leeway) = (self.now, rules.leeway_seconds);
        let found = |name: &str, time: &Result<Option<i64>, TokenError>| match time {
            Ok(Some(seconds)) => Some(in_words(*seconds, now)),
            Ok(None) | Err(_) => shown::claim(self.claims, name),
        };
        let differ = |error: &TokenError| match error {
            TokenError::NotYetValid { .. } | TokenError::IssuedInFuture { .. } => {
                Some(clocks::HINT.to_owned())
            }
            _ => None,
        };
        let line = |requirement: Requirement, required: &str, time, judged| {
            let found = found(requirement.name(), time);
            let line = Claim::new(
                requirement,
                format!("{required} ({leeway} s leeway)"),
                found,
                judged,
            );
            line.fixed_by(differ)
        };
        let ends = expires.clone().and_then(|time| {
            let time = time.ok_or(TokenError::MissingClaim("exp"))?;
            claims::check_validity(time, None, now, leeway)
        });
        let starts = begins
            .clone()
            .and_then(|time| claims::check_validity(i64::MAX, time, now, leeway));
        let was_issued = issued
            .clone()
            .and_then(|time| claims::check_issued(time, now, rules));
        [
            line(Requirement::Expiry, "in the future", &expires, ends),
            line(Requirement::Start, "none, or in the past", &begins, starts),
            line(
                Requirement::IssuedAt,
                "none, or in the past",
                &issued,
                was_issued,
            ),
            self.lifetime(expires, issued, rules),
        ]
    }

    fn lifetime(
        &self,
        expires: Result<Option<i64>, TokenError>,
        issued: Result<Option<i64>, TokenError>,
        rules: &Rules<'_>,
    ) -> Claim {
        let required = format!("at most {} s", rules.max_lifetime_seconds);
        let (Ok(Some(expires)), Ok(issued)) = (expires, issued) else {
            let why = "the times cannot be read";
            return Claim::skipped(Requirement::Lifetime, required, why);
        };
        let judged = claims::check_lifetime(expires, issued, self.now, rules);
        let seconds = expires.saturating_sub(issued.unwrap_or(self.now));
        let found = Some(format!("{seconds} s"));
        Claim::new(Requirement::Lifetime, required, found, judged)
    }

    fn client(&self, rules: &Rules<'_>) -> Claim {
        let judged = claims::accepted_client(self.claims, rules);
        let required = match rules.client_ids {
            [] => "any client of this issuer".to_owned(),
            ids => format!("one of: {}", ids.join(", ")),
        };
        let names = rules.profile.client_id_claims;
        let found = first_of(self.claims, names);
        Claim::new(Requirement::Client, required, found, judged.map(drop))
    }

    fn groups(&self, rules: &Rules<'_>) -> Claim {
        let name = rules.groups_claim.or(rules.profile.groups_claim);
        let judged = claims::groups(self.claims, rules);
        let required = match name {
            Some(name) => format!("all of them in {name}, if rules ask for groups"),
            None => "nothing: this provider has none, or `groups_claim` is to be set".to_owned(),
        };
        let found = name.and_then(|name| shown::claim(self.claims, name));
        Claim::new(Requirement::Groups, required, found, judged.map(drop))
    }

    fn subject(&self) -> Claim {
        let judged = claims::string(self.claims, "sub").map(drop);
        let found = shown::claim(self.claims, "sub");
        Claim::new(
            Requirement::Subject,
            "a text that is not empty",
            found,
            judged,
        )
    }

    fn scopes(&self, rules: &Rules<'_>) -> Claim {
        let judged = claims::scopes(self.claims, rules).map(drop);
        let names: Vec<&str> = match rules.scope_claim {
            Some(name) => vec![name],
            None => rules.profile.scope_claims.to_vec(),
        };
        let found = first_of(self.claims, &names);
        let required = format!("a text or a list in {}", names.join(" or "));
        Claim::new(Requirement::Scopes, required, found, judged)
    }

    fn audience(&self, rules: &Rules<'_>) -> Claim {
        let own = self
            .whose
            .issuer()
            .map_or(&[][..], |issuer| issuer.audiences());
        let own = match self.resource.upstream() {
            None => own,
            Some(_) => &[],
        };
        let judged = claims::audiences(self.claims, rules)
            .and_then(|audiences| check_audience(&audiences, own, self.resource));
        let names = if rules.is_configured {
            rules.profile.audience_claims
        } else {
            &["aud"]
        };
        let found = first_of(self.claims, names);
        let asked = self.resource.identifier().as_str();
        let accepted = self.resource.accepted_audiences().iter().chain(own);
        let others = accepted
            .filter(|name| *name != asked)
            .map(|name| shown::text(name));
        let required = format!("{asked} (or {})", shown::list(others));
        Claim::new(Requirement::Audience, required, found, judged)
    }
}

/// The names of the claims that nothing was said about.
pub(super) fn others(opened: &Opened<'_>) -> Vec<String> {
    let profile: &Profile = opened.whose.profile;
    let rules = opened.whose.rules(&[]);
    let said = |name: &&str| {
        KNOWN.contains(name)
            || PERSON.contains(name)
            || profile.client_id_claims.contains(name)
            || profile.scope_claims.contains(name)
            || rules.groups_claim.or(profile.groups_claim) == Some(*name)
    };
    let names = opened.claims.names().filter(|name| !said(name));
    names.take(64).map(shown::text).collect()
}

/// Who the user is, as far as the token says so besides `sub`.
pub(super) fn person(claims: &Object<'_>) -> Vec<(String, String)> {
    let said = PERSON
        .iter()
        .filter_map(|name| Some((*name, shown::claim(claims, name)?)));
    said.map(|(name, value)| (name.to_owned(), value)).collect()
}

fn first_of(claims: &Object<'_>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| {
        let value = shown::claim(claims, name)?;
        Some(if names.len() > 1 {
            format!("{value} (in {name})")
        } else {
            value
        })
    })
}

/// The header's `typ`, and what tells access tokens of this provider from its others.
fn expected_type(rules: &Rules<'_>) -> String {
    let types = match rules.token_types {
        [] => rules.profile.token_types.join(", "),
        written => written.join(", "),
    };
    let mut words = match (types.is_empty(), rules.profile.without_type) {
        (true, _) => "no typ in the header".to_owned(),
        (false, true) if rules.token_types.is_empty() => format!("{types}, or no typ"),
        (false, _) => types,
    };
    for mark in rules.profile.access_token_marks {
        words += &match mark {
            Mark::Has(name) => format!(", claim {name}"),
            Mark::HasOneOf(names) => format!(", claim {}", names.join(" or ")),
            Mark::Is(name, value) => format!(", claim {name} {value}"),
        };
    }
    words
}

/// A time, and how far it is from now.
fn in_words(seconds: i64, now: i64) -> String {
    let difference = seconds.saturating_sub(now);
    let far = difference.unsigned_abs();
    let far = match far {
        0..=119 => format!("{far} s"),
        120..=7199 => format!("{} min", far / 60),
        7200..=172_799 => format!("{} h", far / 3600),
        _ => format!("{} days", far / 86_400),
    };
    match difference {
        0 => format!("{seconds}, now"),
        1.. => format!("{seconds}, in {far}"),
        _ => format!("{seconds}, {far} ago"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_says_how_far_it_is_from_now() {
        for (seconds, expected) in [
            (1000, "1000, now"),
            (1090, "1090, in 90 s"),
            (400, "400, 10 min ago"),
            (-99_000, "-99000, 27 h ago"),
            (1000 + 10 * 86_400, "865000, in 10 days"),
        ] {
            assert_eq!(in_words(seconds, 1000), expected);
        }
        assert!(in_words(i64::MIN, i64::MAX).ends_with("days ago"));
    }
}
