//! When an unknown `kid` may cause a fetch: one flight at a time, a bucket of two, a memory of those that are absent.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

/// How many fetches unknown `kid`s may cause at once.
const BUCKET: u32 = 2;

/// How long until the bucket gets one back.
const REFILL: Duration = Duration::from_secs(30);

/// How long an absent `kid` is remembered.
const MEMORY: Duration = Duration::from_secs(30);

/// How many absent `kid`s are remembered.
const MOST_REMEMBERED: usize = 1024;

/// How many `kid`s of one flight are remembered if absent.
const MOST_ABOARD: usize = 64;

/// What to do about an unknown `kid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The issuer was asked a moment ago and does not have it.
    Absent,
    /// A fetch is to be made; its number.
    Fetch { target: u64 },
    /// A fetch is under way; its number.
    Join { target: u64 },
    /// The bucket is empty.
    Later { seconds: u32 },
}

#[derive(Debug)]
pub(super) struct UnknownKids {
    left: u32,
    refilled_at: Instant,
    flight: Option<Flight>,
    absent: HashMap<String, Instant>,
    order: VecDeque<String>,
}

#[derive(Debug)]
struct Flight {
    target: u64,
    kids: Vec<String>,
}

impl UnknownKids {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            left: BUCKET,
            refilled_at: now,
            flight: None,
            absent: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    /// `next` is the number of the next fetch that will start.
    pub(super) fn ask(&mut self, kid: &str, now: Instant, next: u64) -> Verdict {
        if self.absent.get(kid).is_some_and(|until| *until > now) {
            return Verdict::Absent;
        }
        if let Some(flight) = &mut self.flight {
            if flight.kids.len() < MOST_ABOARD && !flight.kids.iter().any(|known| known == kid) {
                flight.kids.push(kid.to_owned());
            }
            return Verdict::Join {
                target: flight.target,
            };
        }
        self.refill(now);
        if self.left == 0 {
            let wait = REFILL.saturating_sub(now.duration_since(self.refilled_at));
            let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX);
            return Verdict::Later {
                seconds: seconds.saturating_add(1),
            };
        }
        self.left -= 1;
        self.flight = Some(Flight {
            target: next,
            kids: vec![kid.to_owned()],
        });
        Verdict::Fetch { target: next }
    }

    /// The fetch with this number has ended; `published` tells, if it brought an answer, what the issuer has.
    pub(super) fn completed(
        &mut self,
        number: u64,
        now: Instant,
        published: Option<&dyn Fn(&str) -> bool>,
    ) {
        let Some(flight) = self.flight.take_if(|flight| flight.target <= number) else {
            return;
        };
        let Some(published) = published else {
            return;
        };
        for kid in flight.kids {
            if !published(&kid) {
                self.remember(kid, now);
            }
        }
    }

    fn remember(&mut self, kid: String, now: Instant) {
        while self.order.len() >= MOST_REMEMBERED {
            if let Some(oldest) = self.order.pop_front() {
                self.absent.remove(&oldest);
            }
        }
        if self.absent.insert(kid.clone(), now + MEMORY).is_none() {
            self.order.push_back(kid);
        }
    }

    fn refill(&mut self, now: Instant) {
        while self.left < BUCKET && now.duration_since(self.refilled_at) >= REFILL {
            self.left += 1;
            self.refilled_at += REFILL;
        }
        if self.left == BUCKET {
            self.refilled_at = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn two_fetches_at_once_then_one_per_thirty_seconds() {
        let mut unknown = UnknownKids::new(Instant::now());
        for number in 1..=2 {
            assert_eq!(
                unknown.ask(&number.to_string(), Instant::now(), number),
                Verdict::Fetch { target: number }
            );
            unknown.completed(number, Instant::now(), Some(&|_| false));
        }
        assert!(matches!(
            unknown.ask("3", Instant::now(), 3),
            Verdict::Later { seconds: 30..=31 }
        ));
        tokio::time::advance(Duration::from_secs(29)).await;
        assert!(matches!(
            unknown.ask("3", Instant::now(), 3),
            Verdict::Later { seconds: 1..=2 }
        ));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(
            unknown.ask("3", Instant::now(), 3),
            Verdict::Fetch { target: 3 }
        );
        unknown.completed(3, Instant::now(), Some(&|_| false));
        assert!(matches!(
            unknown.ask("4", Instant::now(), 4),
            Verdict::Later { .. }
        ));
        // A long quiet time fills the bucket, and no more than that.
        tokio::time::advance(Duration::from_secs(3600)).await;
        for number in 4..=5 {
            assert_eq!(
                unknown.ask(&number.to_string(), Instant::now(), number),
                Verdict::Fetch { target: number }
            );
            unknown.completed(number, Instant::now(), Some(&|_| false));
        }
        assert!(matches!(
            unknown.ask("6", Instant::now(), 6),
            Verdict::Later { .. }
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn an_absent_kid_is_remembered_for_thirty_seconds_and_a_failed_fetch_teaches_nothing() {
        let mut unknown = UnknownKids::new(Instant::now());
        assert_eq!(
            unknown.ask("a", Instant::now(), 1),
            Verdict::Fetch { target: 1 }
        );
        assert_eq!(
            unknown.ask("b", Instant::now(), 1),
            Verdict::Join { target: 1 }
        );
        unknown.completed(1, Instant::now(), Some(&|kid| kid == "b"));
        assert_eq!(unknown.ask("a", Instant::now(), 2), Verdict::Absent);
        assert_eq!(
            unknown.ask("b", Instant::now(), 2),
            Verdict::Fetch { target: 2 }
        );
        unknown.completed(2, Instant::now(), None);
        tokio::time::advance(Duration::from_secs(31)).await;
        assert_eq!(
            unknown.ask("a", Instant::now(), 3),
            Verdict::Fetch { target: 3 }
        );
    }

    #[tokio::test(start_paused = true)]
    async fn memory_of_absent_kids_is_bounded() {
        let mut unknown = UnknownKids::new(Instant::now());
        for number in 0..10 * MOST_REMEMBERED {
            unknown.remember(format!("kid-{number}"), Instant::now());
        }
        assert_eq!(
            (unknown.absent.len(), unknown.order.len()),
            (MOST_REMEMBERED, MOST_REMEMBERED)
        );
    }
}
