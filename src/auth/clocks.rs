//! Clocks that differ: named where an operator looks, with the seconds, once in a while.
//!
//! A token that begins in the future says that this machine's clock is behind the issuer's. Only a token that the issuer
//! signed is believed, so that nobody else can write this into the log. The other way round, tokens expire too early,
//! which looks like any other end of a token: see `leeway_seconds` and the access log's `expired`.

use super::TokenError;
use super::seldom::Seldom;

/// What to do about it.
pub(super) const HINT: &str = "set the clock of this machine, or the issuer's: run NTP on both";

/// Remembers when the log last spoke of it.
#[derive(Debug, Default)]
pub(super) struct Clocks(Seldom);

impl Clocks {
    /// Says once in a while that the clocks differ, if that is why the token was refused.
    pub(super) fn explain(
        &self,
        error: &TokenError,
        issuer: &str,
        now: i64,
        is_genuine: impl FnOnce() -> bool,
    ) {
        if let Some(seconds) = self.difference(error, now, is_genuine) {
            tracing::warn!(
                issuer,
                seconds,
                reason = error.reason(),
                hint = HINT,
                "the clocks differ: a token of this issuer begins in the future of this machine"
            );
        }
    }

    /// How many seconds the issuer's clock is ahead, if it is time to say so.
    fn difference(
        &self,
        error: &TokenError,
        now: i64,
        is_genuine: impl FnOnce() -> bool,
    ) -> Option<i64> {
        let (TokenError::IssuedInFuture { seconds } | TokenError::NotYetValid { seconds }) = error
        else {
            return None;
        };
        (self.0.is_due(now) && is_genuine() && self.0.take(now)).then_some(*seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_genuine_token_from_the_future_says_how_far_the_clocks_differ_and_nothing_else_does() {
        let (issued, begins) = (
            TokenError::IssuedInFuture { seconds: 90 },
            TokenError::NotYetValid { seconds: 91 },
        );
        let clocks = Clocks::default();
        let ask = |error, now, is_genuine| clocks.difference(error, now, || is_genuine);
        assert_eq!(ask(&TokenError::Expired, 1000, true), None);
        assert_eq!(ask(&issued, 1000, false), None, "anybody can write a date");
        assert_eq!(ask(&issued, 1000, true), Some(90));
        assert_eq!(ask(&begins, 1299, true), None, "said a moment ago");
        assert_eq!(ask(&begins, 1300, true), Some(91));
    }
}
