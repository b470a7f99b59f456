//! The state that all handlers share.

use std::sync::{Arc, Mutex, PoisonError};

use crate::bounded::BoundedMap;
use crate::clients::Client;
use crate::config::{Config, User};
use crate::grants::Grants;
use crate::keys::SigningKeys;
use crate::secrets;
use crate::sessions::Sessions;

const MOST_CLIENTS: usize = 1_000;

/// Everything this identity provider knows.
pub(crate) struct Provider {
    pub(crate) issuer: String,
    pub(crate) port: u16,
    pub(crate) config: Config,
    pub(crate) keys: SigningKeys,
    pub(crate) grants: Grants,
    pub(crate) sessions: Sessions,
    users: Vec<Arc<User>>,
    clients: Mutex<BoundedMap<Arc<Client>>>,
}

impl Provider {
    pub(crate) fn new(config: Config, issuer: String, port: u16) -> Self {
        Self {
            issuer,
            port,
            keys: SigningKeys::generate(config.key_overlap),
            grants: Grants::new(config.refresh_token_lifetime),
            sessions: Sessions::new(),
            users: config.users.iter().cloned().map(Arc::new).collect(),
            clients: Mutex::new(BoundedMap::new(MOST_CLIENTS)),
            config,
        }
    }

    pub(crate) fn client(&self, id: &str) -> Option<Arc<Client>> {
        let clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.get(id).map(Arc::clone)
    }

    pub(crate) fn add_client(&self, client: Arc<Client>) {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.insert(client.id.clone(), client);
    }

    pub(crate) fn remove_client(&self, id: &str) {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.remove(id);
    }

    pub(crate) fn user(&self, name: &str) -> Option<Arc<User>> {
        self.users
            .iter()
            .find(|user| user.name == name)
            .map(Arc::clone)
    }

    /// The user with this name and password.
    pub(crate) fn log_in(&self, name: &str, password: &str) -> Option<Arc<User>> {
        self.user(name)
            .filter(|user| secrets::equal(&user.password, password))
    }
}
