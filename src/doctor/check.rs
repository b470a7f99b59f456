//! What is known of one check, whatever it finds.

use crate::auth::ProfileName;
use crate::clients::KnownClient;

/// One thing that can keep a client from connecting. The constants of [`super::checks`] are all there are.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// The stable name, in lower case with hyphens: `token-audience`. It is never given another meaning.
    pub id: &'static str,
    /// What is true when it is ok: "The access token is for this server".
    pub title: &'static str,
    /// What is so when it fails: "It is not for this server".
    pub failing: &'static str,
    /// Where the cause sits.
    pub place: Place,
    /// What people see, in the very words of their client.
    pub symptoms: &'static [Symptom],
    /// Why it fails, for somebody who has never heard of it.
    pub cause: &'static str,
    /// What to change, at any provider.
    pub fix: &'static str,
    /// What to change at one provider, in the words of its own console.
    pub fixes: &'static [(ProfileName, &'static str)],
    /// The same where the provider's profile says it already, for every provider that has none in [`Self::fixes`].
    pub hint: Option<fn(ProfileName) -> &'static str>,
    /// The page below `docs/` that has more, with a heading's anchor where one fits.
    pub page: &'static str,
    /// Ids of checks whose failure explains a failure of this one, which is then folded under it.
    pub follows: &'static [&'static str],
}

/// Where a cause sits, which is also whom to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The MCP client, or what was typed into it.
    Client,
    /// The network, a proxy, a bot filter, a certificate.
    Proxy,
    /// The identity provider.
    Provider,
    /// This server: its configuration, its index, its upstreams.
    Gateway,
}

/// What somebody reads when it fails.
#[derive(Clone, Copy, Debug)]
pub struct Symptom {
    /// The client that says so; `None`: any of them, or the log.
    pub client: Option<KnownClient>,
    /// Its very words.
    pub text: &'static str,
}

impl Check {
    /// To build others from: `Check { id: …, ..Check::BLANK }`. A test holds that no registered check is left blank.
    pub(in crate::doctor) const BLANK: Self = Self {
        id: "",
        title: "",
        failing: "",
        place: Place::Gateway,
        symptoms: &[],
        cause: "",
        fix: "",
        fixes: &[],
        hint: None,
        page: "",
        follows: &[],
    };

    /// What to change, in the words of the provider at hand.
    #[must_use]
    pub fn fix_at(&self, provider: ProfileName) -> &'static str {
        self.own_fix_at(provider).unwrap_or(self.fix)
    }

    /// What to change there, if that is not what to change anywhere.
    #[must_use]
    pub fn own_fix_at(&self, provider: ProfileName) -> Option<&'static str> {
        let mut fixes = self.fixes.iter();
        let written = fixes.find(|(profile, _)| *profile == provider);
        let written = written.map(|(_, fix)| *fix);
        let hint = self.hint.filter(|_| provider != ProfileName::Generic);
        written.or_else(|| hint.map(|hint| hint(provider)))
    }
}

impl Symptom {
    /// What this client says.
    #[must_use]
    pub const fn of(client: KnownClient, text: &'static str) -> Self {
        Self {
            client: Some(client),
            text,
        }
    }

    /// What any client may say, the log, or whoever tells of it.
    #[must_use]
    pub const fn anywhere(text: &'static str) -> Self {
        Self { client: None, text }
    }
}

impl PartialEq for Check {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Check {}
