use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::auth::{Resource, Resources};
use crate::sealing::SealingKey;

fn resource() -> Arc<Resource> {
    let settings = crate::auth::Settings {
        public_url: "https://mcp.test".into(),
        ..crate::auth::Settings::default()
    };
    Arc::clone(Resources::new(&settings).at("/mcp").expect("a resource"))
}

fn principal(subject: &str) -> Principal {
    Principal::for_test(subject, &["mcp:read"], resource())
}

fn sessions(current: u8, previous: Option<u8>, clock: &Clock) -> Sessions {
    let keys = SessionKeys {
        current: SealingKey::new(&[current; 32]),
        previous: previous.map(|key| SealingKey::new(&[key; 32])),
    };
    Sessions::new(Arc::new(keys), 3600, clock.clone())
}

fn mint(sessions: &Sessions, principal: &Principal) -> String {
    let capabilities = ClientCapabilities::default();
    let id = sessions.mint(principal, Revision::V2025_11_25, capabilities);
    id.to_str().expect("ASCII").to_owned()
}

#[test]
fn every_replica_with_the_key_knows_the_session_and_no_other() {
    let clock = Clock::system();
    let alice = principal("alice");
    let id = mint(&sessions(1, None, &clock), &alice);
    assert!(sessions(1, None, &clock).open(&id, &alice).is_ok());
    assert!(
        sessions(2, Some(1), &clock).open(&id, &alice).is_ok(),
        "after a change of keys"
    );
    for other in [sessions(2, None, &clock), sessions(3, Some(2), &clock)] {
        assert_eq!(other.open(&id, &alice), Err(Error::UnknownSession));
    }
}

#[test]
fn nothing_else_passes_for_an_id() {
    let sessions = sessions(1, None, &Clock::system());
    let alice = principal("alice");
    let id = mint(&sessions, &alice);
    assert!(sessions.open(&id, &alice).is_ok());
    for at in 0..id.len() {
        let mut bent = id.clone().into_bytes();
        bent[at] = if bent[at] == b'A' { b'B' } else { b'A' };
        let bent = String::from_utf8(bent).expect("ASCII");
        assert_eq!(
            sessions.open(&bent, &alice),
            Err(Error::UnknownSession),
            "{at}"
        );
    }
    for other in [
        "",
        "=",
        "A",
        id.split_at(id.len() - 4).0,
        &format!("{id}AAAA"),
        &"A".repeat(100_000),
    ] {
        assert_eq!(sessions.open(other, &alice), Err(Error::UnknownSession));
    }
}

#[test]
fn ended_sessions_are_remembered_up_to_a_bound_and_forgotten_when_they_expire() {
    let clock = Clock::system();
    let sessions = sessions(1, None, &clock);
    let alice = principal("alice");
    let open = |id: &str| sessions.open(id, &alice);
    let oldest = open(&mint(&sessions, &alice)).expect("a session");
    sessions.end(&oldest);
    assert!(sessions.is_over(&oldest));
    for _ in 0..MAX_ENDED - 1 {
        sessions.end(&open(&mint(&sessions, &alice)).expect("a session"));
    }
    sessions.end(&oldest);
    assert!(
        sessions.is_over(&oldest),
        "ending twice takes no second place"
    );
    sessions.end(&open(&mint(&sessions, &alice)).expect("a session"));
    assert!(
        !sessions.is_over(&oldest),
        "the list is full: the oldest is forgotten"
    );

    let remembered = || sessions.ended.lock().expect("a lock").expiries.len();
    assert_eq!(remembered(), MAX_ENDED);
    clock.shift(3601);
    let later = open(&mint(&sessions, &alice)).expect("a session");
    sessions.end(&later);
    assert_eq!(remembered(), 1);
}

proptest! {
    #[test]
    fn what_is_sealed_is_what_is_opened(
        subject in ".{0,40}",
        other in ".{0,40}",
        revision in 0_usize..4,
        bits in 0_u8..16,
    ) {
        let sessions = sessions(1, None, &Clock::system());
        let alice = principal(&subject);
        let revision = Revision::ALL[revision];
        let capabilities = ClientCapabilities(bits);
        let id = sessions.mint(&alice, revision, capabilities);
        let id = id.to_str().expect("ASCII");
        prop_assert!(id.bytes().all(|b| (0x21..=0x7e).contains(&b)));
        let session = sessions.open(id, &alice).expect("the session");
        prop_assert_eq!((session.revision, session.capabilities), (revision, capabilities));
        if other != subject {
            prop_assert_eq!(sessions.open(id, &principal(&other)), Err(Error::ForeignSession));
        }
    }

    #[test]
    fn no_text_opens_a_session_or_panics(id in ".{0,300}") {
        let sessions = sessions(1, None, &Clock::system());
        prop_assert_eq!(sessions.open(&id, &principal("alice")), Err(Error::UnknownSession));
    }
}
