//! What a row is: one fault in a healthy set-up, who is asked about it, and what must be named first. Data.

use std::future::Future;
use std::pin::Pin;

use crate::broken_proxy::Fault;
use crate::setups::Site;
use crate::setups::usher::Settings;
use crate::tls::Certificate;

/// Something that takes its time, in a set-up.
pub(crate) type Done<'s, T> = Pin<Box<dyn Future<Output = anyhow::Result<T>> + 's>>;

/// One fault.
pub(crate) struct Row {
    /// What is wrong, as the table says it. Empty: nothing, and the doctor must find nothing.
    pub(crate) fault: &'static str,
    /// Where.
    #[expect(dead_code, reason = "for whoever reads the row")]
    pub(crate) place: &'static str,
    /// Which provider issues the tickets.
    pub(crate) at: At,
    /// How it comes about.
    pub(crate) breaks: &'static [Break],
    /// Who is asked.
    pub(crate) ask: Ask,
    /// The id of the check that must be named first. Empty: none may fail or warn.
    pub(crate) first: &'static str,
}

/// Which provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    DevIdp,
    Keycloak,
    OidcProvider,
}

impl At {
    /// Its name in the table.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::DevIdp => "dev-idp",
            Self::Keycloak => "Keycloak",
            Self::OidcProvider => "oidc-provider",
        }
    }
}

/// One thing that is broken. They happen in order, and are put back in the end.
#[derive(Clone, Copy)]
pub(crate) enum Break {
    /// The proxy in front of Usher.
    Front(Fault),
    /// The proxy in front of the provider.
    Issuer(Fault),
    /// Nobody listens behind the proxy in front of Usher.
    NobodyBehind,
    /// A real nginx in front of Usher, with these lines in its `server`.
    Nginx(&'static str),
    /// TLS in front of Usher.
    Tls(Certificate),
    /// Usher's configuration.
    Settings(Settings),
    /// Usher's configuration, which is too broken for it to run.
    Written(Settings),
    /// oidc-provider's configuration: see `oidc-provider.mjs`.
    OidcProvider(&'static str),
    /// Anything else, and how it is put back.
    Do(
        for<'s> fn(&'s mut Site) -> Done<'s, ()>,
        for<'s> fn(&'s mut Site) -> Done<'s, ()>,
    ),
}

/// Which command is run.
#[derive(Clone, Copy)]
pub(crate) enum Ask {
    /// `usher doctor URL`, with more arguments.
    Walk(&'static [&'static str]),
    /// `usher doctor` with another address; `{front}` is the authority of the front, `{closed}` one where nobody listens.
    WalkTo(&'static str),
    /// `usher doctor URL --login`, with more arguments, and somebody at a browser.
    LogIn(Person, &'static [&'static str]),
    /// The same, as a client that was registered before.
    LogInAs(&'static str),
    /// `usher doctor URL --patience TIME`, with a token.
    Patience(&'static str),
    /// `usher doctor`, with more variables in its environment.
    Inside(&'static [(&'static str, &'static str)]),
    /// `usher doctor --recent`.
    Recent,
    /// `usher token explain`, with this token.
    Explain(for<'s> fn(&'s Site) -> Done<'s, String>),
}

/// Who sits at the browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Person {
    /// alice, who agrees.
    Agrees,
    /// alice, who does not.
    Denies,
}

impl Ask {
    /// The command as the table says it.
    pub(crate) fn title(self) -> String {
        match self {
            Self::Walk(arguments) => {
                let more = arguments.iter().map(|argument| format!(" {argument}"));
                format!("doctor URL{}", more.collect::<String>())
            }
            Self::WalkTo(_) => "doctor URL".to_owned(),
            Self::LogIn(_, more) => format!("doctor URL --login --register {}", more.join(" "))
                .trim_end()
                .to_owned(),
            Self::LogInAs(client) => format!("doctor URL --login --client-id {client}"),
            Self::Patience(time) => format!("doctor URL --patience {time}"),
            Self::Inside(_) => "doctor".to_owned(),
            Self::Recent => "doctor --recent".to_owned(),
            Self::Explain(_) => "token explain".to_owned(),
        }
    }
}

impl Row {
    /// True if it needs nothing but this repository.
    pub(crate) fn is_quick(&self) -> bool {
        self.at == At::DevIdp && !self.needs_nginx()
    }

    pub(crate) fn needs_nginx(&self) -> bool {
        let mut breaks = self.breaks.iter();
        breaks.any(|one| matches!(one, Break::Nginx(_)))
    }

    /// The row's name in lists.
    pub(crate) fn name(&self) -> String {
        let fault = if self.fault.is_empty() {
            "nothing"
        } else {
            self.fault
        };
        format!(
            "{}: {fault} ({}) [{}]",
            self.at.title(),
            self.ask.title(),
            self.first
        )
    }
}

/// A plain walk, as a client on this machine.
pub(crate) const WALK: Ask = Ask::Walk(&[]);
