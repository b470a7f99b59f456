//! Registering a client for real, and taking that back.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::join_all;
use http::{HeaderMap, HeaderValue, Method, header};
use url::Url;

use super::super::ask;
use super::{Clients, by_client};
use crate::auth::Scopes;
use crate::auth::registration::{
    AuthorizationServer, ClientMetadata, RegisteredClient, RegistrationError,
};
use crate::clients::KnownClient;
use crate::doctor::Finding;
use crate::doctor::checks::issuer::REGISTRATION_WORKS;
use crate::doctor::walk::issuer::Provider;
use crate::outbound::{Probe, Question, is_loopback_host};

/// The clients that were registered for a test and are still to be taken back. Cheap to clone: all are one.
///
/// Whoever gives a test up in the middle has them all here.
#[derive(Clone, Default)]
pub struct Registered(Arc<Mutex<Vec<Arc<Deletion>>>>);

/// What is needed to delete a client. It holds a secret, so it has no `Debug`.
struct Deletion {
    client: RegisteredClient,
    issuer: String,
    endpoint: Url,
    who: &'static str,
}

impl fmt::Debug for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Registered")
    }
}

impl Registered {
    fn all(&self) -> MutexGuard<'_, Vec<Arc<Deletion>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes all of them back; one finding for those that are left behind.
    pub async fn take_back(&self, probe: &Probe) -> Option<Finding> {
        let made = self.all().clone();
        self.delete(probe, made).await
    }

    /// Takes those back that are registered at one issuer.
    pub(in crate::doctor) async fn take_back_of(
        &self,
        probe: &Probe,
        issuer: &str,
    ) -> Option<Finding> {
        let mut made = self.all().clone();
        made.retain(|made| made.issuer == issuer);
        self.delete(probe, made).await
    }

    async fn delete(&self, probe: &Probe, made: Vec<Arc<Deletion>>) -> Option<Finding> {
        let deletions = made.iter().map(async |made| {
            let outcome = delete_one(probe, made).await;
            self.all().retain(|other| !Arc::ptr_eq(other, made));
            outcome.err()
        });
        let left = join_all(deletions).await;
        left_behind(&left.into_iter().flatten().collect::<Vec<_>>())
    }
}

/// Registers one client, as it would do itself, and notes that.
pub(in crate::doctor) async fn register_one(
    (probe, registered): (&Probe, &Registered),
    provider: &Provider,
    who: &'static str,
    redirect_uris: Vec<String>,
    scopes: &Scopes,
) -> Result<String, String> {
    let is_local =
        Url::parse(&provider.issuer).is_ok_and(|url| url.host_str().is_some_and(is_loopback_host));
    let server =
        AuthorizationServer::from_metadata(&provider.issuer, provider.document.value(), is_local);
    let client = ClientMetadata {
        name: format!("{who} (usher doctor)"),
        redirect_uris,
        scopes: scopes.clone(),
        is_confidential: false,
    };
    let words = |error: RegistrationError| error.to_string();
    let endpoint = server.endpoint().map_err(words)?;
    let body = server.request(&client);
    let answer = ask::post(probe, &endpoint, "application/json", &body).await;
    let heard = answer.map_err(|error| format!("{endpoint}: {error}"))?;
    let client = server
        .answer_to(&client, (heard.status, &heard.body))
        .map_err(words)?;
    let id = client.id.clone();
    registered.all().push(Arc::new(Deletion {
        client,
        issuer: provider.issuer.clone(),
        endpoint,
        who,
    }));
    Ok(id)
}

pub(super) async fn register(
    asking: (&Probe, &Registered),
    provider: &Provider,
    themselves: &[KnownClient],
    scopes: &Scopes,
    clients: &mut Clients,
) {
    let trials = themselves.iter().map(|client| async move {
        let addresses = client.redirect_uris().iter().map(|uri| (*uri).to_owned());
        let mut addresses: Vec<_> = addresses.collect();
        if addresses.is_empty() {
            addresses.push("http://127.0.0.1:6274/callback".to_owned());
        }
        (
            *client,
            register_one(asking, provider, client.title(), addresses, scopes).await,
        )
    });
    let fix = REGISTRATION_WORKS.fix_at(provider.profile);
    let mut findings = Vec::new();
    for (client, tried) in join_all(trials).await {
        let finding = match tried {
            Ok(id) => {
                clients.ids.push((client, id));
                Finding::ok(&REGISTRATION_WORKS, "registered")
            }
            Err(problem) => Finding::failure(&REGISTRATION_WORKS, problem)
                .expected("201 and a client id")
                .fix(fix),
        };
        findings.push(finding.with_client(client));
    }
    clients.findings.extend(by_client(findings));
}

/// A client that could not be taken back.
struct Left {
    id: String,
    who: &'static str,
    why: String,
}

/// One finding for all of them.
fn left_behind(left: &[Left]) -> Option<Finding> {
    let first = left.first()?;
    let named = left.iter();
    let named: Vec<_> = named
        .map(|left| format!("{} ({})", left.id, left.who))
        .collect();
    let ids = named.join(", ");
    let found = format!(
        "registered for this test and left there: {ids}; {}",
        first.why
    );
    Some(
        Finding::warning(&REGISTRATION_WORKS, found)
            .expected("registrations that can be taken back (RFC 7592)")
            .fix("Delete these clients at the provider by hand"),
    )
}

/// Deletes what was registered (RFC 7592 §2.3), or says what was left behind.
async fn delete_one(probe: &Probe, made: &Deletion) -> Result<(), Left> {
    let left = |why: &str| Left {
        id: made.client.id.clone(),
        who: made.who,
        why: why.to_owned(),
    };
    let address = made
        .client
        .registration_client_uri
        .as_deref()
        .and_then(|uri| Url::parse(uri).ok());
    let (Some(address), Some(token)) = (address, &made.client.registration_access_token) else {
        return Err(left("the server offers no way to delete it"));
    };
    // The token is that server's; nobody else gets it.
    if address.origin() != made.endpoint.origin() {
        return Err(left("its registration_client_uri is on another server"));
    }
    let Ok(mut bearer) = HeaderValue::try_from(format!("Bearer {}", token.expose())) else {
        return Err(left("its registration access token cannot be sent"));
    };
    bearer.set_sensitive(true);
    let headers: HeaderMap = [(header::AUTHORIZATION, bearer)].into_iter().collect();
    let question = Question {
        method: &Method::DELETE,
        url: &address,
        headers: &headers,
        body: &[],
        max_bytes: ask::MOST_BYTES,
        timeout: ask::PATIENCE,
    };
    match probe.ask(question).await {
        Ok(heard) if (200..300).contains(&heard.status) => Ok(()),
        Ok(heard) => Err(left(&format!(
            "deleting it was answered with {}",
            heard.status
        ))),
        Err(error) => Err(left(&error.to_string())),
    }
}
