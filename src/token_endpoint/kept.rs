//! A token that is kept until shortly before it expires, and asked for by one at a time.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use http::HeaderValue;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Issued;

/// A token is not used in its last seconds: it may be on its way for a while. A quarter of its life at most.
const MARGIN: Duration = Duration::from_secs(30);
/// After a refusal nobody asks again for so long; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A token that its receiver refused is replaced by a new one, but not more often than this.
const BETWEEN_REPLACEMENTS: Duration = Duration::from_secs(10);

/// The place of one token. `E` is why there is none.
pub struct Kept<E> {
    current: ArcSwapOption<Current>,
    flight: Mutex<Flight<E>>,
}

struct Current {
    header: HeaderValue,
    until: Instant,
}

struct Flight<E> {
    failure: Option<Failure<E>>,
    replaced_at: Option<Instant>,
}

struct Failure<E> {
    error: E,
    pause: Duration,
    until: Instant,
}

impl<E> Default for Kept<E> {
    fn default() -> Self {
        Self {
            current: ArcSwapOption::empty(),
            flight: Mutex::new(Flight {
                failure: None,
                replaced_at: None,
            }),
        }
    }
}

impl<E: Clone> Kept<E> {
    /// The token that is kept, or a new one from `ask`. While one asks, the others wait for what comes of it; after a
    /// failure nobody asks for a while. `refused` was refused by whom it is for, so it is replaced; it comes back itself
    /// if it is too young for that.
    pub async fn get(
        &self,
        refused: Option<&HeaderValue>,
        ask: impl AsyncFnOnce() -> Result<Issued, E>,
    ) -> Result<HeaderValue, E> {
        if let Some(header) = self.usable(refused) {
            return Ok(header);
        }
        let mut flight = self.flight.lock().await;
        if let Some(header) = self.usable(refused) {
            return Ok(header);
        }
        let now = Instant::now();
        if let Some(failure) = &flight.failure
            && now < failure.until
        {
            return Err(failure.error.clone());
        }
        if let (Some(refused), Some(at)) = (refused, flight.replaced_at)
            && now < at + BETWEEN_REPLACEMENTS
            && self.usable(None).as_ref() == Some(refused)
        {
            return Ok(refused.clone());
        }
        match ask().await {
            Ok(issued) => {
                flight.failure = None;
                flight.replaced_at = refused.map(|_| now).or(flight.replaced_at);
                self.current.store(Some(Arc::new(Current::of(&issued))));
                Ok(issued.header)
            }
            Err(error) => {
                let pause = flight
                    .failure
                    .as_ref()
                    .map_or(FIRST_PAUSE, |last| (last.pause * 2).min(LONGEST_PAUSE));
                self.current.store(None);
                flight.failure = Some(Failure {
                    error: error.clone(),
                    pause,
                    until: Instant::now() + pause,
                });
                Err(error)
            }
        }
    }

    /// True if there is a token that can be used, or a failure that still counts.
    pub fn is_worth_keeping(&self) -> bool {
        // Locked: somebody asks at this moment.
        self.usable(None).is_some()
            || self.flight.try_lock().map_or(true, |flight| {
                let failure = flight.failure.as_ref();
                failure.is_some_and(|failure| Instant::now() < failure.until)
            })
    }

    fn usable(&self, refused: Option<&HeaderValue>) -> Option<HeaderValue> {
        let current = self.current.load();
        let current = current.as_ref()?;
        let is_usable = Instant::now() < current.until && refused != Some(&current.header);
        is_usable.then(|| current.header.clone())
    }
}

impl Current {
    fn of(issued: &Issued) -> Self {
        let margin = MARGIN.min(issued.lives / 4);
        Self {
            header: issued.header.clone(),
            until: Instant::now() + issued.lives - margin,
        }
    }
}
