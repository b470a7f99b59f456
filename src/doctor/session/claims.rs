//! What a token says, against what this server needs of it: from outside, so nothing is verified and only the server's own
//! answer counts. `usher token explain` on the server's side knows more.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::auth::algorithm::Algorithm;
use crate::doctor::checks::token::{
    TOKEN_ALGORITHM, TOKEN_AUDIENCE, TOKEN_CLOCK, TOKEN_EXPIRY, TOKEN_IS_JWT, TOKEN_ISSUER,
    TOKEN_LIFETIME, TOKEN_SCOPE, TOKEN_TYPE,
};
use crate::doctor::defaults::{LEEWAY_SECONDS, LONGEST_LIFE_SECONDS};
use crate::doctor::walk::issuer::{Asked, Provider};
use crate::doctor::{Check, Finding, Verdict};

/// Longer values are cut.
const MOST_SHOWN: usize = 200;

struct Paper<'p> {
    header: Value,
    claims: Value,
    asked: &'p Asked,
    provider: &'p Provider,
    now: i64,
}

/// Claim by claim. What the server has accepted is not called wrong: then it knows more than can be seen from here.
pub(super) fn judge(
    token: &str,
    (asked, provider): (&Asked, &Provider),
    now: i64,
    is_accepted: bool,
) -> Vec<Finding> {
    let findings = match parse(token) {
        Err(found) => vec![
            Finding::failure(&TOKEN_IS_JWT, found)
                .expected("a signed JWT")
                .fix(sentence(provider.profile.opaque_hint())),
        ],
        Ok((header, claims)) => Paper {
            header,
            claims,
            asked,
            provider,
            now,
        }
        .findings(),
    };
    let good = |finding: &Finding| !is_accepted || finding.verdict == Verdict::Ok;
    findings.into_iter().filter(good).collect()
}

fn parse(token: &str) -> Result<(Value, Value), &'static str> {
    let parts: Vec<_> = token.split('.').collect();
    let [header, claims, _signature] = parts.as_slice() else {
        return Err(match parts.len() {
            5 => "an encrypted token (five parts)",
            _ => "an opaque token",
        });
    };
    let object = |part: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
        let value: Value = serde_json::from_slice(&bytes).ok()?;
        value.is_object().then_some(value)
    };
    object(header)
        .zip(object(claims))
        .ok_or("three parts, which are no JSON objects")
}

impl Paper<'_> {
    fn findings(&self) -> Vec<Finding> {
        let mut findings = vec![Finding::ok(&TOKEN_IS_JWT, "a signed JWT")];
        findings.push(self.kind());
        findings.push(self.algorithm());
        findings.push(self.issuer());
        findings.push(self.audience());
        findings.extend(self.times());
        findings.push(self.scope());
        findings
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name).and_then(Value::as_str)
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.claims.get(name).and_then(Value::as_i64)
    }

    fn failure(&self, check: &'static Check, found: String) -> Finding {
        let found = found.chars().take(MOST_SHOWN).collect::<String>();
        Finding::failure(check, found).fix(check.fix_at(self.provider.profile))
    }

    /// What every provider's ID tokens have and no access token has.
    fn kind(&self) -> Finding {
        let is_id_token = self.claims.get("at_hash").is_some()
            || self.text("typ") == Some("ID")
            || self.text("token_use") == Some("id");
        if is_id_token {
            return self
                .failure(&TOKEN_TYPE, "an ID token".to_owned())
                .expected("an access token");
        }
        let typ = self
            .header
            .get("typ")
            .and_then(Value::as_str)
            .unwrap_or("none");
        Finding::ok(&TOKEN_TYPE, format!("typ {typ}"))
    }

    fn algorithm(&self) -> Finding {
        let name = self
            .header
            .get("alg")
            .and_then(Value::as_str)
            .unwrap_or("none");
        match Algorithm::parse(name) {
            Some(Algorithm::Rs256) => Finding::ok(&TOKEN_ALGORITHM, name),
            Some(_) => self
                .failure(&TOKEN_ALGORITHM, name.to_owned())
                .expected("RS256, which is all that Usher accepts unless `algorithms` says more"),
            None => self
                .failure(&TOKEN_ALGORITHM, name.to_owned())
                .expected("an asymmetric algorithm, such as RS256"),
        }
    }

    fn issuer(&self) -> Finding {
        let found = self.text("iss").unwrap_or("no iss");
        // AD FS says in its metadata that its tokens name another.
        let said = self.provider.document.text("access_token_issuer");
        let expected = said.unwrap_or(&self.asked.issuer);
        if found == expected {
            return Finding::ok(&TOKEN_ISSUER, found);
        }
        self.failure(&TOKEN_ISSUER, found.to_owned())
            .expected(format!("{expected}, byte for byte"))
    }

    fn audience(&self) -> Finding {
        let audiences: Vec<_> = match self.claims.get("aud") {
            Some(Value::String(one)) => vec![one.as_str()],
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
            Some(_) | None => Vec::new(),
        };
        let found = match audiences.is_empty() {
            true => "no aud".to_owned(),
            false => audiences.join(", "),
        };
        let resource = &self.asked.resource;
        // The origin with and without a slash, and both endpoints, are one resource.
        let one = |name: &str| {
            let bare = name.trim_end_matches('/');
            bare.strip_suffix("/mcp")
                .or_else(|| bare.strip_suffix("/sse"))
                .unwrap_or(bare)
                .to_owned()
        };
        if audiences
            .iter()
            .any(|audience| one(audience) == one(resource))
        {
            return Finding::ok(&TOKEN_AUDIENCE, found);
        }
        let hint = self.provider.profile.audience_hint();
        self.failure(&TOKEN_AUDIENCE, found)
            .expected(resource.as_str())
            .fix(sentence(hint))
    }

    fn times(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        findings.push(match self.number("exp") {
            Some(exp) if exp.saturating_add(LEEWAY_SECONDS) > self.now => Finding::ok(
                &TOKEN_EXPIRY,
                format!("{} s left", exp.saturating_sub(self.now)),
            ),
            Some(exp) => self
                .failure(
                    &TOKEN_EXPIRY,
                    format!("it ended {} s ago", self.now.saturating_sub(exp)),
                )
                .expected("a token that is still good"),
            None => self
                .failure(&TOKEN_EXPIRY, "no exp".to_owned())
                .expected("exp"),
        });
        let begins = self.number("nbf").max(self.number("iat"));
        let ahead = begins.map_or(0, |begins| begins.saturating_sub(self.now));
        findings.push(match ahead > LEEWAY_SECONDS {
            false => Finding::ok(&TOKEN_CLOCK, "valid already"),
            true => self
                .failure(&TOKEN_CLOCK, format!("it begins {ahead} s from now"))
                .expected("clocks that agree"),
        });
        if let (Some(exp), Some(iat)) = (self.number("exp"), self.number("iat"))
            && exp.saturating_sub(iat) > LONGEST_LIFE_SECONDS
        {
            let life = exp.saturating_sub(iat);
            findings.push(
                self.failure(&TOKEN_LIFETIME, format!("{life} s"))
                    .expected(format!("at most {LONGEST_LIFE_SECONDS} s, unless `max_token_lifetime_seconds` says more")),
            );
        }
        findings
    }

    fn scope(&self) -> Finding {
        let granted: Vec<_> = ["scope", "scp"]
            .into_iter()
            .filter_map(|name| self.claims.get(name))
            .flat_map(|claim| match claim {
                Value::String(text) => text.split(' ').collect(),
                Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
                _ => Vec::new(),
            })
            .filter(|scope| !scope.is_empty())
            .collect();
        let found = match granted.is_empty() {
            true => "no scope".to_owned(),
            false => granted.join(" "),
        };
        // Some are asked for by a longer name than tokens carry (`scope_prefix`).
        let is_granted = |asked: &String| {
            granted
                .iter()
                .any(|scope| asked == scope || asked.ends_with(&format!("/{scope}")))
        };
        if self.asked.scopes.is_empty() || self.asked.scopes.iter().any(is_granted) {
            return Finding::ok(&TOKEN_SCOPE, found);
        }
        self.failure(&TOKEN_SCOPE, found)
            .expected(format!("one of {}", self.asked.scopes.join(" ")))
    }
}

/// A hint as a sentence.
fn sentence(hint: &str) -> String {
    let mut characters = hint.chars();
    let first = characters
        .next()
        .map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), characters.as_str())
}

#[cfg(test)]
mod tests;
