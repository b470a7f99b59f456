//! Browser sessions: a cookie, who logged in, and the value that every form must carry back.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, header};
use tokio::time::Instant;

use crate::bounded::BoundedMap;
use crate::config::User;
use crate::secrets;
use crate::token_claims::seconds_since_epoch;

const LIFETIME: Duration = Duration::from_secs(60 * 60);
const MOST_SESSIONS: usize = 1_000;

/// All sessions of this process.
pub(crate) struct Sessions(Mutex<BoundedMap<Session>>);

/// One browser's session.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) id: String,
    /// What every form of this session carries, so that no other site can send one.
    pub(crate) form_token: String,
    pub(crate) login: Option<Login>,
    expires_at: Instant,
}

/// Who logged in, and when (seconds since the epoch).
#[derive(Clone)]
pub(crate) struct Login {
    pub(crate) user: Arc<User>,
    pub(crate) at: u64,
}

impl Sessions {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(BoundedMap::new(MOST_SESSIONS)))
    }

    /// A session in which nobody has logged in.
    pub(crate) fn anonymous(&self) -> Session {
        self.start(None)
    }

    /// A session under a new id, so that an id planted before the login is worth nothing after it.
    pub(crate) fn log_in(&self, before: &Session, user: Arc<User>) -> Session {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&before.id);
        let at = seconds_since_epoch();
        self.start(Some(Login { user, at }))
    }

    /// The session that the request's cookie names.
    pub(crate) fn find(&self, headers: &HeaderMap, port: u16) -> Option<Session> {
        let name = cookie_name(port);
        let cookies = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok());
        let id = cookies
            .flat_map(|value| value.split(';'))
            .find_map(|pair| pair.trim().strip_prefix(&name)?.strip_prefix('='))?;
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions
            .get(id)
            .filter(|session| Instant::now() < session.expires_at)
            .cloned()
    }

    fn start(&self, login: Option<Login>) -> Session {
        let session = Session {
            id: secrets::long(),
            form_token: secrets::long(),
            login,
            expires_at: Instant::now() + LIFETIME,
        };
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.insert(session.id.clone(), session.clone());
        session
    }
}

impl Session {
    /// The `Set-Cookie` value. No `Secure`: this server speaks http on loopback only.
    pub(crate) fn cookie(&self, port: u16) -> String {
        format!(
            "{}={}; Path=/; HttpOnly; SameSite=Lax; Max-Age={}",
            cookie_name(port),
            self.id,
            LIFETIME.as_secs()
        )
    }
}

/// Cookies do not know ports (RFC 6265 §8.5), so the name does: two providers on one machine keep apart.
fn cookie_name(port: u16) -> String {
    format!("dev-idp-{port}")
}
