use super::*;

const MINUTE: i64 = 60_000;
/// Any moment but zero.
const START: i64 = 1_792_540_800_000;

fn state(silence: &Silence, software: Software) -> Option<ClientState> {
    let clients = silence.clients();
    let found = clients
        .iter()
        .find(|client| client.software == software.name());
    found.map(|client| client.state)
}

/// The states that changes tell of.
fn told(changes: &[Change]) -> Vec<(Software, ClientState)> {
    changes
        .iter()
        .map(|change| (change.software, change.now))
        .collect()
}

#[test]
fn a_challenge_that_nobody_answers_is_told_once_and_its_end_as_well() {
    use ClientState::{Challenged, Fine, SilentAfterChallenge};
    let silence = Silence::new(10);
    silence.challenged(Software::ChatGpt);
    assert_eq!(silence.look(START), []);
    assert_eq!(state(&silence, Software::ChatGpt), Some(Challenged));
    assert_eq!(silence.look(START + 9 * MINUTE), []);
    let changes = silence.look(START + 10 * MINUTE);
    assert_eq!(told(&changes), [(Software::ChatGpt, SilentAfterChallenge)]);
    assert_eq!((changes[0].since, changes[0].challenges), (START, 1));
    // More of the same is no news.
    silence.challenged(Software::ChatGpt);
    assert_eq!(silence.look(START + 11 * MINUTE), []);
    silence.accepted(Software::ChatGpt, true);
    let changes = silence.look(START + 12 * MINUTE);
    assert_eq!(told(&changes), [(Software::ChatGpt, Fine)]);
    assert_eq!(silence.look(START + 60 * MINUTE), []);
}

#[test]
fn an_answered_challenge_is_no_silence() {
    let silence = Silence::new(10);
    for hour in 0..5 {
        let now = START + hour * 60 * MINUTE;
        silence.challenged(Software::Claude);
        assert_eq!(silence.look(now), []);
        silence.accepted(Software::Claude, true);
        assert_eq!(silence.look(now + MINUTE), []);
        assert_eq!(silence.look(now + 30 * MINUTE), []);
        assert_eq!(state(&silence, Software::Claude), Some(ClientState::Fine));
    }
}

#[test]
fn a_client_that_connects_and_asks_for_nothing_is_told() {
    use ClientState::{Connected, Fine, SilentAfterToken};
    let silence = Silence::new(10);
    silence.accepted(Software::Cursor, false);
    assert_eq!(silence.look(START), []);
    assert_eq!(state(&silence, Software::Cursor), Some(Connected));
    let changes = silence.look(START + 10 * MINUTE);
    assert_eq!(told(&changes), [(Software::Cursor, SilentAfterToken)]);
    silence.accepted(Software::Cursor, true);
    let changes = silence.look(START + 11 * MINUTE);
    assert_eq!(told(&changes), [(Software::Cursor, Fine)]);
}

#[test]
fn a_client_that_asked_once_may_rest() {
    let silence = Silence::new(10);
    silence.accepted(Software::Cursor, false);
    silence.accepted(Software::Cursor, true);
    silence.look(START);
    assert_eq!(silence.look(START + 600 * MINUTE), []);
    assert_eq!(state(&silence, Software::Cursor), Some(ClientState::Fine));
}

#[test]
fn one_clients_token_does_not_speak_for_another_client() {
    let silence = Silence::new(10);
    silence.challenged(Software::ChatGpt);
    silence.look(START);
    silence.accepted(Software::Claude, true);
    let changes = silence.look(START + 10 * MINUTE);
    let expected = (Software::ChatGpt, ClientState::SilentAfterChallenge);
    assert_eq!(told(&changes), [expected]);
}

#[test]
fn anybodys_token_speaks_for_a_scanner_and_silence_of_all_is_told_of_it() {
    let silence = Silence::new(10);
    silence.challenged(Software::CommandLine);
    silence.look(START);
    silence.accepted(Software::Claude, true);
    assert_eq!(silence.look(START + 5 * MINUTE), []);
    assert_eq!(silence.look(START + 20 * MINUTE), []);

    let silence = Silence::new(10);
    silence.challenged(Software::Unnamed);
    silence.look(START);
    let changes = silence.look(START + 10 * MINUTE);
    let expected = (Software::Unnamed, ClientState::SilentAfterChallenge);
    assert_eq!(told(&changes), [expected]);
}

#[test]
fn after_a_day_a_challenge_is_forgotten() {
    let silence = Silence::new(10);
    silence.challenged(Software::ChatGpt);
    silence.look(START);
    silence.look(START + 10 * MINUTE);
    let changes = silence.look(START + FORGOTTEN_AFTER);
    assert_eq!(told(&changes), [(Software::ChatGpt, ClientState::Fine)]);
}

#[test]
fn nobody_watches_if_that_is_switched_off() {
    let silence = Silence::new(0);
    silence.challenged(Software::ChatGpt);
    silence.look(START);
    assert_eq!(silence.look(START + 600 * MINUTE), []);
    assert_eq!(
        state(&silence, Software::ChatGpt),
        Some(ClientState::Challenged)
    );
}

#[test]
fn a_client_that_was_never_here_is_not_listed() {
    let silence = Silence::new(10);
    silence.look(START);
    assert_eq!(silence.clients(), []);
}
