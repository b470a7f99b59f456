//! Rate limits in this process: per address before authentication, then per subject, client id and tool.
//!
//! The only module that names `governor` (GCRA: a steady rate, and a burst on top). Each limit keeps one small state
//! per key. When [`MAX_KEYS`] are known, those that have recovered are forgotten; while all of them are busy, keys share
//! one of [`SHARED`] states by their hash, so that a flood of new keys limits itself and costs bounded memory.

pub mod settings;

use std::hash::{BuildHasher, BuildHasherDefault, Hash, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::ops::Add;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

pub use settings::Settings;

use crate::auth::Principal;
use crate::sealing::AsItIs;

/// How many keys one limit remembers.
const MAX_KEYS: usize = 100_000;
/// How many states are shared once all places are taken.
const SHARED: u64 = 65_536;
/// How often recovered keys are looked for then: it takes a walk over all of them.
const SWEEP: Duration = Duration::from_secs(5);

/// A limit was hit: 429 with Retry-After.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimited {
    /// When the next request is allowed, at least 1.
    pub retry_after_seconds: u64,
    /// Which limit: `rate_limited_address`, `…_subject`, `…_client`, `…_tool`.
    pub reason: &'static str,
}

/// All limits of one server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct RateLimits(Arc<Limits>);

#[derive(Debug)]
struct Limits {
    address: Option<Limit>,
    subject: Option<Limit>,
    client: Option<Limit>,
    tool: Option<Limit>,
    // Keys are hashes under a secret of this process: nobody can choose names that collide.
    hasher: RandomState,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self::new(&Settings::default())
    }
}

impl RateLimits {
    /// The limits that `settings` ask for.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let limit = |per_minute, reason| Limit::new(per_minute, settings.burst_seconds, reason);
        Self(Arc::new(Limits {
            address: limit(settings.address_per_minute, "rate_limited_address"),
            subject: limit(settings.subject_per_minute, "rate_limited_subject"),
            client: limit(settings.client_per_minute, "rate_limited_client"),
            tool: limit(settings.tool_per_minute, "rate_limited_tool"),
            hasher: RandomState::new(),
        }))
    }

    /// Before authentication: one request from `address`.
    pub fn check_address(&self, address: IpAddr) -> Result<(), RateLimited> {
        self.check(self.0.address.as_ref(), &network_of(address))
    }

    /// After authentication: one request by `principal` (`tool` is `None`), or one call of a tool by it. The first
    /// counts for its subject and its client id, the second for subject and tool together.
    pub fn check_call(&self, principal: &Principal, tool: Option<&str>) -> Result<(), RateLimited> {
        let keys = principal.keys();
        if let Some(tool) = tool {
            return self.check(self.0.tool.as_ref(), &(keys.subject, tool));
        }
        let check = |limit: Option<&Limit>, key| limit.map_or(Ok(()), |limit| limit.check(key));
        check(self.0.subject.as_ref(), keys.subject)?;
        match principal.client_id() {
            Some(_) => check(self.0.client.as_ref(), keys.client),
            None => Ok(()),
        }
    }

    fn check(&self, limit: Option<&Limit>, key: &impl Hash) -> Result<(), RateLimited> {
        limit.map_or(Ok(()), |limit| limit.check(self.0.hasher.hash_one(key)))
    }
}

/// What counts as one address: an IPv4 address, or an IPv6 network of 64 bits, which is the least that anybody is given
/// and holds more addresses than any limit could count.
#[must_use]
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::from((v6.to_bits() >> 64 << 64).to_be_bytes()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// One limit over many keys.
#[derive(Debug)]
struct Limit {
    limiter: RateLimiter<u64, States, Timer, NoOpMiddleware<Moment>>,
    swept: Mutex<Option<Instant>>,
    reason: &'static str,
}

impl Limit {
    /// `None` if `per_minute` is 0: not limited.
    fn new(per_minute: u32, burst_seconds: u32, reason: &'static str) -> Option<Self> {
        let per_minute = NonZeroU32::new(per_minute)?;
        let burst = u64::from(per_minute.get()) * u64::from(burst_seconds) / 60;
        let burst =
            NonZeroU32::new(u32::try_from(burst).unwrap_or(u32::MAX)).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_minute(per_minute).allow_burst(burst);
        let limiter = RateLimiter::new(quota, States::default(), Timer);
        Some(Self {
            limiter,
            swept: Mutex::default(),
            reason,
        })
    }

    fn check(&self, key: u64) -> Result<(), RateLimited> {
        self.limiter
            .check_key(&self.place(key))
            .map_err(|not_until| {
                let wait = not_until.wait_time_from(Timer.now());
                RateLimited {
                    retry_after_seconds: wait
                        .as_millis()
                        .div_ceil(1000)
                        .try_into()
                        .unwrap_or(u64::MAX)
                        .max(1),
                    reason: self.reason,
                }
            })
    }

    /// The state that counts for `key`.
    fn place(&self, key: u64) -> u64 {
        if self.limiter.len() < MAX_KEYS {
            return key;
        }
        if self.sweep_is_due() {
            self.limiter.retain_recent();
        }
        if self.limiter.len() < MAX_KEYS {
            key
        } else {
            key % SHARED
        }
    }

    fn sweep_is_due(&self) -> bool {
        let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        let due = swept.is_none_or(|at| at.elapsed() >= SWEEP);
        if due {
            *swept = Some(Instant::now());
        }
        due
    }
}

/// States by keys that are hashes already.
type States = HashMapStateStore<u64, BuildHasherDefault<AsItIs>>;

/// Tokio's clock, so that tests can pause it.
#[derive(Clone, Copy, Debug)]
struct Timer;

/// A moment on that clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Moment(Instant);

impl Clock for Timer {
    type Instant = Moment;

    fn now(&self) -> Moment {
        Moment(Instant::now())
    }
}

impl Add<Nanos> for Moment {
    type Output = Self;

    fn add(self, nanos: Nanos) -> Self {
        Self(self.0 + Duration::from_nanos(nanos.as_u64()))
    }
}

impl Reference for Moment {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_duration_since(earlier.0).into()
    }

    fn saturating_sub(&self, nanos: Nanos) -> Self {
        let earlier = self.0.checked_sub(Duration::from_nanos(nanos.as_u64()));
        Self(earlier.unwrap_or(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Resources, Settings as AuthSettings};

    fn limits(settings: Settings) -> RateLimits {
        RateLimits::new(&settings)
    }

    fn principal(subject: &str) -> Principal {
        let settings = AuthSettings {
            public_url: "https://mcp.test".to_owned(),
            ..AuthSettings::default()
        };
        let resource = Arc::clone(Resources::new(&settings).at("/mcp").unwrap());
        Principal::for_test(subject, &[], resource)
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_has_its_burst_then_its_rate_and_is_told_when_to_come_back() {
        let limits = limits(Settings {
            address_per_minute: 6,
            burst_seconds: 20,
            ..Settings::default()
        });
        assert_eq!(limits.check_address(address(1)), Ok(()));
        assert_eq!(limits.check_address(address(1)), Ok(()));
        let limited = RateLimited {
            retry_after_seconds: 10,
            reason: "rate_limited_address",
        };
        assert_eq!(limits.check_address(address(1)), Err(limited));
        assert_eq!(limits.check_address(address(2)), Ok(()));
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(limits.check_address(address(1)), Ok(()));
        assert!(limits.check_address(address(1)).is_err());
    }

    #[test]
    fn one_ipv6_network_is_one_address() {
        let network = |text: &str| network_of(text.parse().expect("an address")).to_string();
        for (address, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:0:1::1", "2001:db8:0:1::"),
            ("2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8:0:1::"),
            ("2001:db8:0:2::1", "2001:db8:0:2::"),
        ] {
            assert_eq!(network(address), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn requests_count_for_subject_and_client_id_and_calls_for_subject_and_tool() {
        let one = Settings {
            burst_seconds: 1,
            address_per_minute: 0,
            ..Settings::default()
        };
        let reason = |result: Result<(), RateLimited>| result.err().map(|limited| limited.reason);

        let per_subject = limits(Settings {
            subject_per_minute: 1,
            ..one.clone()
        });
        assert_eq!(per_subject.check_call(&principal("alice"), None), Ok(()));
        assert_eq!(
            reason(per_subject.check_call(&principal("alice"), None)),
            Some("rate_limited_subject")
        );
        assert_eq!(per_subject.check_call(&principal("bob"), None), Ok(()));

        let per_client = limits(Settings {
            client_per_minute: 1,
            ..one.clone()
        });
        assert_eq!(per_client.check_call(&principal("alice"), None), Ok(()));
        assert_eq!(
            reason(per_client.check_call(&principal("bob"), None)),
            Some("rate_limited_client")
        );

        let per_tool = limits(Settings {
            tool_per_minute: 1,
            ..one
        });
        assert_eq!(
            per_tool.check_call(&principal("alice"), Some("search")),
            Ok(())
        );
        assert_eq!(
            reason(per_tool.check_call(&principal("alice"), Some("search"))),
            Some("rate_limited_tool")
        );
        assert_eq!(
            per_tool.check_call(&principal("alice"), Some("fetch")),
            Ok(())
        );
        assert_eq!(
            per_tool.check_call(&principal("bob"), Some("search")),
            Ok(())
        );
    }

    #[tokio::test(start_paused = true)]
    async fn zero_means_no_limit() {
        let limits = limits(Settings {
            address_per_minute: 0,
            ..Settings::default()
        });
        for _ in 0..10_000 {
            assert_eq!(limits.check_address(address(1)), Ok(()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_new_keys_limits_itself_and_costs_bounded_memory() {
        let limit = Limit::new(60, 1, "rate_limited_address").unwrap();
        let flood = 4 * MAX_KEYS as u64;
        let refused = (1..=flood)
            .map(|number| number << 20 | number)
            .filter(|key| limit.check(*key).is_err())
            .count();
        assert!(refused > 2 * MAX_KEYS, "{refused}");
        assert!(limit.limiter.len() <= MAX_KEYS + 65_536);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(limit.check(7), Ok(()));
        assert!(limit.limiter.len() <= 1);
    }
}
