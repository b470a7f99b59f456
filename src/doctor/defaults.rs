//! What Usher does where nothing else is configured. A walk from outside cannot know more of a server.

use std::time::Duration;

/// How far the times of a token may be off (`leeway_seconds`).
pub(super) const LEEWAY_SECONDS: i64 = 30;
/// How long a token may live (`max_token_lifetime_seconds`).
pub(super) const LONGEST_LIFE_SECONDS: i64 = 86_400;
/// How long it waits for a key set (`outbound.total_timeout_ms`).
pub(super) const GIVES_UP_AFTER: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::IssuerSettings;
    use crate::outbound;

    #[test]
    fn they_are_those_of_the_settings() {
        let issuer = IssuerSettings::named("https://id.test");
        assert_eq!(i64::from(issuer.leeway_seconds), LEEWAY_SECONDS);
        let longest = i64::from(issuer.max_token_lifetime_seconds);
        assert_eq!(longest, LONGEST_LIFE_SECONDS);
        let waits = outbound::Settings::default().total_timeout_ms;
        assert_eq!(Duration::from_millis(waits), GIVES_UP_AFTER);
    }
}
