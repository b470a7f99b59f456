//! The state that a modern upstream wants back with the answers to its questions, on its way through the client.
//!
//! It is sealed, so Usher remembers nothing: what comes back is the upstream's own state byte for byte, from the same
//! principal, for the same call of the same upstream, in time (MCP 2026-07-28, multi round-trip requests, server
//! requirements 4 and 5). That it comes back once only is for the upstream to see to, as the specification says.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::clock::Clock;
use crate::mcp::settings::SessionKeys;
use crate::sealing;
use crate::upstream::UpstreamError;

/// What a sealed state is authenticated with besides its key, so that no other sealed value passes for one.
const CONTEXT: &[u8] = b"usher request state 1";
/// The longest state of an upstream's, as JSON. It comes back in the body of a request.
const LONGEST: usize = 64 * 1024;
/// expiry, digest of the principal, digest of the request
const HEAD: usize = 8 + 32 + 32;
/// nonce, tag
const SEALED: usize = 12 + 16;

/// Why a state that came back is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadState {
    /// It was not sealed by this server, or has changed since.
    #[error("requestState is not of this server")]
    Altered,
    /// Its time is over.
    #[error("requestState has expired; call again without it")]
    Expired,
    /// It was made for somebody else. The client is told no more than of an altered one.
    #[error("requestState is not of this server")]
    Foreign,
    /// It was made for another request of the same caller.
    #[error("requestState is of another request; call again without it")]
    OtherRequest,
}

impl BadState {
    /// The stable reason code for logs and metrics.
    pub(in crate::mcp) fn reason(self) -> &'static str {
        match self {
            Self::Altered => "altered_request_state",
            Self::Expired => "expired_request_state",
            Self::Foreign => "foreign_request_state",
            Self::OtherRequest => "other_request_state",
        }
    }
}

/// What a state is good for: one principal's one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mcp) struct Binding {
    caller: [u8; 32],
    request: [u8; 32],
}

impl Binding {
    /// The binding to a request of `caller` (a digest of the principal): the upstream that answers it, its method, the name that the client
    /// knows, and its arguments as it wrote them, but for white space between tokens.
    pub(in crate::mcp) fn new(
        caller: [u8; 32],
        upstream: &str,
        (method, name): (&str, &str),
        arguments: Option<&str>,
    ) -> Self {
        let mut bytes = Vec::with_capacity(256);
        // Absent is not the same as empty.
        let count = [u8::from(arguments.is_some())];
        let arguments = compact(arguments.unwrap_or_default().as_bytes());
        for part in [
            upstream.as_bytes(),
            method.as_bytes(),
            name.as_bytes(),
            &count,
            &arguments,
        ] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        Self {
            caller,
            request: sealing::sha256(&bytes),
        }
    }
}

/// JSON without the white space between its tokens.
fn compact(json: &[u8]) -> Vec<u8> {
    let (mut in_string, mut escaped) = (false, false);
    let mut out = Vec::with_capacity(json.len());
    for &b in json {
        match b {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b' ' | b'\t' | b'\n' | b'\r' if !in_string => continue,
            _ => {}
        }
        out.push(b);
    }
    out
}

/// Seals states and opens them, on every replica that has the key.
#[derive(Clone, Debug)]
pub(in crate::mcp) struct RequestStates {
    keys: Arc<SessionKeys>,
    ttl_seconds: u32,
    clock: Clock,
}

impl RequestStates {
    pub(in crate::mcp) fn new(keys: Arc<SessionKeys>, ttl_seconds: u32, clock: Clock) -> Self {
        Self {
            keys,
            ttl_seconds,
            clock,
        }
    }

    /// What the client gets instead of the upstream's `state`, both as JSON strings.
    pub(in crate::mcp) fn seal(
        &self,
        binding: &Binding,
        state: &[u8],
    ) -> Result<Vec<u8>, UpstreamError> {
        if state.len() > LONGEST {
            return Err(UpstreamError::Invalid);
        }
        let expires_at = self.clock.unix_seconds() + i64::from(self.ttl_seconds);
        let mut plain = Vec::with_capacity(HEAD + state.len());
        plain.extend_from_slice(&expires_at.to_be_bytes());
        plain.extend_from_slice(&binding.caller);
        plain.extend_from_slice(&binding.request);
        plain.extend_from_slice(state);
        let sealed = URL_SAFE_NO_PAD.encode(self.keys.current.seal(CONTEXT, &plain));
        Ok(format!("\"{sealed}\"").into_bytes())
    }

    /// The upstream's own state, as it wrote it, if what came back is good for this request.
    pub(in crate::mcp) fn open(
        &self,
        binding: &Binding,
        sealed: &str,
    ) -> Result<Vec<u8>, BadState> {
        if sealed.len() > (HEAD + SEALED + LONGEST) * 4 / 3 + 4 {
            return Err(BadState::Altered);
        }
        let sealed = URL_SAFE_NO_PAD
            .decode(sealed)
            .map_err(|_not_base64| BadState::Altered)?;
        let keys = [Some(&self.keys.current), self.keys.previous.as_ref()];
        let mut keys = keys.into_iter().flatten();
        let plain = keys
            .find_map(|key| key.open(CONTEXT, &sealed))
            .ok_or(BadState::Altered)?;
        let (expires_at, rest) = plain.split_first_chunk::<8>().ok_or(BadState::Altered)?;
        let (caller, rest) = rest.split_first_chunk::<32>().ok_or(BadState::Altered)?;
        let (request, state) = rest.split_first_chunk::<32>().ok_or(BadState::Altered)?;
        if !sealing::equal_in_constant_time(caller, &binding.caller) {
            return Err(BadState::Foreign);
        }
        if !sealing::equal_in_constant_time(request, &binding.request) {
            return Err(BadState::OtherRequest);
        }
        if i64::from_be_bytes(*expires_at) <= self.clock.unix_seconds() {
            return Err(BadState::Expired);
        }
        Ok(state.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealing::SealingKey;

    fn binding(caller: &str, upstream: &str, name: &str, arguments: Option<&str>) -> Binding {
        let caller = [caller.as_bytes()[0]; 32];
        Binding::new(caller, upstream, ("tools/call", name), arguments)
    }

    fn states(current: u8, previous: Option<u8>, clock: &Clock) -> RequestStates {
        let keys = SessionKeys {
            current: SealingKey::new(&[current; 32]),
            previous: previous.map(|key| SealingKey::new(&[key; 32])),
        };
        RequestStates::new(Arc::new(keys), 60, clock.clone())
    }

    fn sealed(states: &RequestStates, binding: &Binding, state: &str) -> String {
        let sealed = states.seal(binding, state.as_bytes()).expect("short");
        serde_json::from_slice(&sealed).expect("a JSON string")
    }

    #[test]
    fn the_upstreams_own_state_comes_back_byte_for_byte_on_every_replica() {
        let clock = Clock::system();
        let of_alice = binding("alice", "up", "up__x", Some(r#"{"a": 1}"#));
        for state in [r#""""#, r#""plain""#, "\"\\u00e9\\/ \\n é\""] {
            let sealed = sealed(&states(1, None, &clock), &of_alice, state);
            assert!(!sealed.contains("plain"));
            for replica in [states(1, None, &clock), states(2, Some(1), &clock)] {
                assert_eq!(replica.open(&of_alice, &sealed), Ok(state.into()));
            }
            let other = states(2, None, &clock).open(&of_alice, &sealed);
            assert_eq!(other, Err(BadState::Altered));
        }
    }

    #[test]
    fn a_state_is_good_for_one_principals_one_request_only() {
        let states = states(1, None, &Clock::system());
        let arguments = Some(r#"{"a": 1, "b":" x "}"#);
        let good = binding("alice", "up", "up__x", arguments);
        let sealed = sealed(&states, &good, "\"s\"");
        let respaced = binding("alice", "up", "up__x", Some("{\"a\":1,\n\"b\":\" x \"}"));
        assert_eq!(states.open(&respaced, &sealed), Ok(b"\"s\"".to_vec()));
        let check = |other: Binding, expected: BadState| {
            assert_eq!(states.open(&other, &sealed), Err(expected));
        };
        check(binding("bob", "up", "up__x", arguments), BadState::Foreign);
        check(
            binding("alice", "other", "up__x", arguments),
            BadState::OtherRequest,
        );
        check(
            binding("alice", "up", "up__y", arguments),
            BadState::OtherRequest,
        );
        for other in [
            None,
            Some(""),
            Some("{}"),
            Some(r#"{"a":1,"b":"x"}"#),
            Some(r#"{"a":2,"b":" x "}"#),
        ] {
            check(
                binding("alice", "up", "up__x", other),
                BadState::OtherRequest,
            );
        }
        let other_method = Binding::new([b'a'; 32], "up", ("prompts/get", "up__x"), arguments);
        check(other_method, BadState::OtherRequest);
    }

    #[test]
    fn absent_arguments_are_not_empty_ones() {
        assert_ne!(
            binding("a", "u", "n", None),
            binding("a", "u", "n", Some(""))
        );
    }

    #[test]
    fn a_state_that_was_changed_or_is_too_old_or_too_long_is_refused() {
        let clock = Clock::system();
        let states = states(1, None, &clock);
        let binding = binding("alice", "up", "up__x", None);
        let good = sealed(&states, &binding, "\"s\"");
        clock.shift(59);
        assert_eq!(states.open(&binding, &good), Ok(b"\"s\"".to_vec()));
        clock.shift(2);
        assert_eq!(states.open(&binding, &good), Err(BadState::Expired));
        for at in 0..good.len() {
            let mut bent = good.clone().into_bytes();
            bent[at] = if bent[at] == b'A' { b'Q' } else { b'A' };
            let bent = String::from_utf8(bent).expect("ASCII");
            assert_eq!(states.open(&binding, &bent), Err(BadState::Altered), "{at}");
        }
        for bad in [
            "",
            "x",
            "s",
            good.strip_suffix(|_: char| true).expect("long"),
            &"A".repeat(200_000),
        ] {
            assert_eq!(states.open(&binding, bad), Err(BadState::Altered));
        }
        let session = states
            .keys
            .current
            .seal(b"usher legacy session 1", &[0; 100]);
        let session = URL_SAFE_NO_PAD.encode(session);
        assert_eq!(states.open(&binding, &session), Err(BadState::Altered));
        let long = format!("\"{}\"", "x".repeat(LONGEST));
        assert_eq!(
            states.seal(&binding, long.as_bytes()),
            Err(UpstreamError::Invalid)
        );
        let longest = format!("\"{}\"", "x".repeat(LONGEST - 2));
        let back = sealed(&states, &binding, &longest);
        assert_eq!(states.open(&binding, &back), Ok(longest.into_bytes()));
    }
}
