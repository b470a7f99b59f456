//! What is kept, for how many, and what an operator is told.

use super::*;
use crate::auth::ProfileName;
use crate::token_endpoint::Refusal;

fn exchange() -> TokenExchange {
    let settings = ExchangeSettings {
        upstream: "orders".into(),
        ..ExchangeSettings::default()
    };
    TokenExchange::new(&[settings], Outbound::default())
}

fn digest(number: usize) -> Digest {
    crate::sealing::sha256(&number.to_be_bytes())
}

#[tokio::test(start_paused = true)]
async fn there_is_a_bound_on_the_tokens_that_are_kept_and_who_waits_is_not_forgotten() {
    let exchange = exchange();
    let waiting = exchange.place((digest(0), 0));
    for number in 1..3 * MOST {
        let place = exchange.place((digest(number), 0));
        let issued = Issued {
            header: HeaderValue::from_static("Bearer t"),
            lives: Duration::from_secs(300),
        };
        place.get(None, async || Ok(issued)).await.expect("a token");
        let kept = exchange.kept.lock().expect("no panic").len();
        assert!(kept <= MOST, "{kept}");
    }
    assert!(Arc::ptr_eq(&waiting, &exchange.place((digest(0), 0))));
    assert!(!Arc::ptr_eq(&waiting, &exchange.place((digest(0), 1))));
}

#[test]
fn a_failure_counts_for_everybody_only_if_no_token_can_have_caused_it() {
    let check = |error: TokenEndpointError, meaning, is_everybodys| {
        let exchange = exchange();
        let target = exchange.targets.first().expect("one");
        let told = error.to_string();
        assert_eq!(target.failed(&error), meaning, "{told}");
        assert_eq!(target.down().is_some(), is_everybodys, "{told}");
    };
    let refused = |code, status| {
        TokenEndpointError::Refused(Refusal {
            code,
            status,
            description: String::new(),
        })
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let _entered = runtime.as_ref().expect("a runtime").enter();
    check(
        OutboundError::Timeout(1).into(),
        ExchangeError::Unavailable,
        true,
    );
    check(
        OutboundError::Status(500).into(),
        ExchangeError::Unavailable,
        false,
    );
    check(
        OutboundError::Redirect(302).into(),
        ExchangeError::Misconfigured,
        false,
    );
    check(
        TokenEndpointError::Invalid("odd"),
        ExchangeError::Misconfigured,
        false,
    );
    check(
        TokenEndpointError::Secret("gone".into()),
        ExchangeError::Misconfigured,
        true,
    );
    check(
        refused(Code::InvalidClient, 401),
        ExchangeError::Misconfigured,
        true,
    );
    check(
        refused(Code::InvalidTarget, 400),
        ExchangeError::Misconfigured,
        false,
    );
    check(
        refused(Code::AccessDenied, 403),
        ExchangeError::Denied,
        false,
    );
    check(
        refused(Code::InvalidRequest, 400),
        ExchangeError::Denied,
        false,
    );
}

#[test]
fn an_operator_is_told_what_to_do_in_the_words_of_the_provider() {
    let told = |profile, code, status| {
        let error = TokenEndpointError::Refused(Refusal {
            code,
            status,
            description: String::new(),
        });
        advice::of(profile, &error)
    };
    for (profile, code, status, word) in [
        (
            ProfileName::Keycloak,
            Code::UnauthorizedClient,
            401,
            "secret",
        ),
        (
            ProfileName::Keycloak,
            Code::AccessDenied,
            403,
            "Included Client Audience",
        ),
        (
            ProfileName::Keycloak,
            Code::InvalidScope,
            400,
            "Client scopes",
        ),
        (
            ProfileName::Keycloak,
            Code::InvalidRequest,
            400,
            "Standard Token Exchange",
        ),
        (
            ProfileName::EntraV2,
            Code::InvalidGrant,
            400,
            "admin consent",
        ),
        (ProfileName::EntraV2, Code::InvalidScope, 400, "/.default"),
        (ProfileName::Okta, Code::InvalidTarget, 400, "audience"),
        (
            ProfileName::Generic,
            Code::UnsupportedGrantType,
            400,
            "RFC 8693",
        ),
    ] {
        let advice = told(profile, code, status);
        assert!(advice.contains(word), "{profile:?} {code:?}: {advice}");
    }
}

#[test]
fn microsofts_providers_are_asked_on_behalf_of_the_caller() {
    let settings = ExchangeSettings {
        scopes: vec!["api://orders/.default".into()],
        requested_token_type: token_endpoint::ACCESS_TOKEN.into(),
        ..ExchangeSettings::default()
    };
    let scope = settings.scope();
    let grant = Grant::of(ProfileName::EntraV2);
    assert_eq!(
        grant.fields(&settings, ("t", scope.as_deref())),
        [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", "t"),
            ("requested_token_use", "on_behalf_of"),
            ("scope", "api://orders/.default"),
        ]
    );
    assert_eq!(grant.issued_token_type(&settings), None);
    let grant = Grant::of(ProfileName::Keycloak);
    assert_eq!(
        grant.issued_token_type(&settings),
        Some(token_endpoint::ACCESS_TOKEN)
    );
}
