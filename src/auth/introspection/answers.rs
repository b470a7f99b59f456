//! What an issuer said a moment ago, by the SHA-256 of the token. Bounded in time and number.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::super::TokenError;
use super::super::claims::Claims;
use super::super::verified_tokens::Digest;

/// How many answers are kept.
const MOST: usize = 4096;

type Answer = Result<Arc<Claims>, TokenError>;

/// Recent answers.
pub(super) struct Answers {
    lives_for: Duration,
    known: Mutex<HashMap<Digest, (Instant, Answer)>>,
}

impl Answers {
    pub(super) fn new(seconds: u32) -> Self {
        Self {
            lives_for: Duration::from_secs(seconds.into()),
            known: Mutex::default(),
        }
    }

    pub(super) fn get(&self, digest: &Digest) -> Option<Answer> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, answer) = known.get(digest)?;
        (since.elapsed() < self.lives_for).then(|| answer.clone())
    }

    pub(super) fn put(&self, digest: Digest, answer: Answer) {
        if self.lives_for.is_zero() {
            return;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.retain(|_, (since, _)| since.elapsed() < self.lives_for);
        }
        // Somebody sends ever new tokens: forgetting costs a question, remembering would cost memory.
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(digest, (Instant::now(), answer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(number: usize) -> Digest {
        crate::sealing::sha256(&number.to_be_bytes())
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_forgotten_in_time_and_there_are_never_too_many() {
        let answers = Answers::new(30);
        answers.put(digest(0), Err(TokenError::Inactive));
        tokio::time::advance(Duration::from_millis(29_999)).await;
        assert!(answers.get(&digest(0)).is_some());
        assert!(answers.get(&digest(1)).is_none());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(answers.get(&digest(0)).is_none());
        for number in 0..3 * MOST {
            answers.put(digest(number), Err(TokenError::Inactive));
            assert!(answers.known.lock().expect("no panic").len() <= MOST);
        }
        let never = Answers::new(0);
        never.put(digest(0), Err(TokenError::Inactive));
        assert!(never.get(&digest(0)).is_none());
    }
}
