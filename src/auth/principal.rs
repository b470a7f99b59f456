//! Who is asking, proven: a value that only [`super::ResourceServer::authenticate`] can make.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, LazyLock};

use super::claims::Claims;
use super::{Resource, Scopes};

/// What keys are hashed under: nobody outside can choose names whose keys collide.
static SECRET: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// Short names for maps in this process, worked out once per verified token.
#[derive(Clone, Copy, Debug)]
pub struct CallerKeys {
    /// Issuer and subject.
    pub subject: u64,
    /// Issuer and client id, if the token names one.
    pub client: u64,
}

/// A verified caller, for one resource. Cheap to clone; private fields, no public constructor.
#[derive(Clone, Debug)]
pub struct Principal {
    claims: Arc<Claims>,
    resource: Arc<Resource>,
}

impl Principal {
    pub(in crate::auth) fn new(claims: Arc<Claims>, resource: Arc<Resource>) -> Self {
        Self { claims, resource }
    }

    /// `iss`, byte for byte.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.claims.issuer
    }

    /// `sub`.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.claims.subject
    }

    /// The OAuth client id, where the token names one.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.claims.client_id.as_deref()
    }

    /// The scopes granted.
    #[must_use]
    pub fn scopes(&self) -> &Scopes {
        &self.claims.scopes
    }

    /// The groups the issuer put into the token.
    #[must_use]
    pub fn groups(&self) -> &[String] {
        &self.claims.groups
    }

    /// The claims that the policy asks for, those of them that the token has.
    #[must_use]
    pub fn kept_claims(&self) -> &[(String, Vec<String>)] {
        &self.claims.kept
    }

    /// What `find` gives, remembered with the verified token for whoever asks under the same `name` again: claims do not
    /// change, so what follows from them does not either.
    pub fn found_once(&self, name: u64, find: impl Fn() -> [u64; 4]) -> [u64; 4] {
        let (finder, found) = *self.claims.found.get_or_init(|| (name, find()));
        if finder == name { found } else { find() }
    }

    /// Who asks and with what, in two numbers.
    #[must_use]
    pub fn keys(&self) -> CallerKeys {
        *self.claims.keys.get_or_init(|| CallerKeys {
            subject: SECRET.hash_one((self.issuer(), self.subject())),
            client: SECRET.hash_one((self.issuer(), self.client_id())),
        })
    }

    /// `exp`, Unix seconds. A stream to this principal ends then.
    #[must_use]
    pub fn expires_at(&self) -> i64 {
        self.claims.expires_at
    }

    /// The resource this principal was verified for.
    #[must_use]
    pub fn resource(&self) -> &Arc<Resource> {
        &self.resource
    }

    /// A principal without a token behind it, for tests of the layers above.
    #[cfg(test)]
    pub(crate) fn for_test(subject: &str, scopes: &[&str], resource: Arc<Resource>) -> Self {
        let claims = Claims {
            issuer: "https://issuer.test".into(),
            subject: subject.into(),
            client_id: Some("client".into()),
            scopes: scopes
                .iter()
                .filter_map(|scope| super::Scope::parse(scope))
                .collect(),
            groups: Vec::new(),
            audiences: Vec::new(),
            expires_at: i64::MAX,
            not_before: None,
            kept: Vec::new(),
            found: std::sync::OnceLock::new(),
            keys: std::sync::OnceLock::new(),
        };
        Self {
            claims: Arc::new(claims),
            resource,
        }
    }

    /// The same caller with a token that expires at another time.
    #[cfg(test)]
    #[must_use]
    pub(crate) fn expiring_at(mut self, unix_seconds: i64) -> Self {
        Arc::get_mut(&mut self.claims)
            .expect("not shared yet")
            .expires_at = unix_seconds;
        self
    }
}
