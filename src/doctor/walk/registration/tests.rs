//! Which way each client goes at which provider.

use serde_json::{Value, json};

use super::*;
use crate::doctor::Verdict;

fn asked(client_id: Option<&str>) -> Asked {
    Asked {
        issuer: "https://id.test".to_owned(),
        is_first: true,
        resource: "https://mcp.test/mcp".to_owned(),
        scopes: Vec::new(),
        clients: KnownClient::ALL.to_vec(),
        named: false,
        client_id: client_id.map(str::to_owned),
        registers: None,
        now: 0,
    }
}

fn provider(profile: ProfileName, metadata: &Value) -> Provider {
    Provider {
        issuer: "https://id.test".to_owned(),
        profile,
        document: Document::parse(metadata.to_string().as_bytes()).expect("a document"),
    }
}

/// The words for each way, for ChatGPT, Claude, Cursor and the Inspector.
fn ways(metadata: &Value) -> [&'static str; 4] {
    let provider = provider(ProfileName::Generic, metadata);
    let clients = [
        KnownClient::ChatGpt,
        KnownClient::Claude,
        KnownClient::Cursor,
        KnownClient::Inspector,
    ];
    clients.map(
        |client| match path(client, &provider.document, &asked(None)) {
            Path::Predefined => "predefined",
            Path::Document(_) => "document",
            Path::Dynamic => "dynamic",
            Path::Nothing => "nothing",
        },
    )
}

#[test]
fn each_client_takes_the_first_way_that_it_knows_and_the_provider_offers() {
    let endpoint = "https://id.test/register";
    let none = json!(["none", "private_key_jwt"]);
    for (metadata, expected) in [
        (json!({}), ["nothing"; 4]),
        (json!({ "registration_endpoint": endpoint }), ["dynamic"; 4]),
        (
            json!({ "registration_endpoint": endpoint, "client_id_metadata_document_supported": true,
                    "token_endpoint_auth_methods_supported": none }),
            ["document", "document", "dynamic", "dynamic"],
        ),
        (
            // Claude wants `none`.
            json!({ "registration_endpoint": endpoint, "client_id_metadata_document_supported": true,
                    "token_endpoint_auth_methods_supported": ["private_key_jwt"] }),
            ["document", "dynamic", "dynamic", "dynamic"],
        ),
        (
            json!({ "client_id_metadata_document_supported": true }),
            ["document", "nothing", "nothing", "nothing"],
        ),
        (
            json!({ "client_id_metadata_document_supported": "true" }),
            ["nothing"; 4],
        ),
    ] {
        assert_eq!(ways(&metadata), expected, "{metadata}");
    }
    let provider = provider(ProfileName::Generic, &json!({}));
    let way = path(KnownClient::Cursor, &provider.document, &asked(Some("c1")));
    assert_eq!(way, Path::Predefined);
}

#[test]
fn chatgpt_has_another_document_where_the_provider_returns_iss() {
    for (returns, address) in [
        (true, "https://chatgpt.com/oauth/client.json"),
        (false, "https://chatgpt.com/oauth/{id}/client.json"),
    ] {
        let metadata = json!({ "client_id_metadata_document_supported": true,
                               "authorization_response_iss_parameter_supported": returns });
        let provider = provider(ProfileName::Generic, &metadata);
        let Path::Document(Some(document)) =
            path(KnownClient::ChatGpt, &provider.document, &asked(None))
        else {
            panic!("no document");
        };
        assert_eq!(document.address, address);
    }
}

#[test]
fn no_way_is_a_failure_but_where_clients_are_always_made_by_hand() {
    for (profile, verdict) in [
        (ProfileName::Generic, Verdict::Failure),
        (ProfileName::Keycloak, Verdict::Failure),
        (ProfileName::Auth0, Verdict::Failure),
        (ProfileName::EntraV2, Verdict::Warning),
        (ProfileName::Cognito, Verdict::Warning),
        (ProfileName::Okta, Verdict::Warning),
    ] {
        let provider = provider(profile, &json!({}));
        let finding = judge_path(KnownClient::Cursor, Path::Nothing, &provider);
        assert_eq!(finding.verdict, verdict, "{profile:?}");
        assert!(finding.fix.contains("--client-id"), "{}", finding.fix);
    }
}

#[test]
fn a_document_has_to_be_to_the_providers_liking() {
    let with = |profile, methods: Value| {
        let metadata = json!({ "client_id_metadata_document_supported": true,
                               "token_endpoint_auth_methods_supported": methods });
        provider(profile, &metadata)
    };
    use KnownClient::{ChatGpt, Claude};
    use ProfileName::{Generic, Keycloak};
    for (client, provider, verdict) in [
        (ChatGpt, with(Generic, json!(["none"])), Verdict::Ok),
        (
            ChatGpt,
            with(Generic, json!(["private_key_jwt"])),
            Verdict::Ok,
        ),
        (
            ChatGpt,
            with(Generic, json!(["client_secret_basic"])),
            Verdict::Failure,
        ),
        (ChatGpt, with(Generic, Value::Null), Verdict::Warning),
        // Keycloak's experimental feature refuses ChatGPT's document (keycloak/keycloak#51039).
        (
            ChatGpt,
            with(Keycloak, json!(["none", "private_key_jwt"])),
            Verdict::Failure,
        ),
        (
            Claude,
            with(Keycloak, json!(["none", "private_key_jwt"])),
            Verdict::Ok,
        ),
    ] {
        let way = path(client, &provider.document, &asked(None));
        let finding = judge_document(client, way, &provider).expect("a finding");
        assert_eq!(
            finding.verdict, verdict,
            "{client:?} {:?}",
            provider.document
        );
        assert_eq!(finding.client, Some(client));
    }
    let provider = with(Generic, json!(["none"]));
    assert!(judge_document(ChatGpt, Path::Dynamic, &provider).is_none());
}

#[test]
fn what_all_clients_have_alike_is_said_once() {
    let ok = |client| Finding::ok(&REGISTRATION_PATH, "dynamic registration").with_client(client);
    let alike = by_client(vec![ok(KnownClient::Claude), ok(KnownClient::Cursor)]);
    assert_eq!(
        alike,
        [Finding::ok(&REGISTRATION_PATH, "dynamic registration")]
    );
    let other = Finding::failure(&REGISTRATION_PATH, "nothing").with_client(KnownClient::Cursor);
    let both = vec![ok(KnownClient::Claude), other];
    assert_eq!(by_client(both.clone()), both);
    assert_eq!(
        by_client(vec![ok(KnownClient::Claude)]),
        [ok(KnownClient::Claude)]
    );
    assert_eq!(by_client(Vec::new()), []);
}
