//! The HTTP surface described: OpenAPI 3.1 from the table of endpoints and the types they answer with.

mod operation;
mod yaml;

use std::sync::OnceLock;

use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::State;
use super::answer::text;
use super::error::RefusalDocument;
use super::health::{Health, Readiness};
use super::landing::Landing;
use super::surface::Endpoint;
use crate::auth::ProtectedResourceMetadata;

/// The document in both spellings, made when it is first asked for.
#[derive(Debug, Default)]
pub struct Cell(OnceLock<Written>);

#[derive(Clone, Debug)]
struct Written {
    json: Bytes,
    yaml: Bytes,
}

/// `GET /openapi.json`.
pub fn json(state: &State) -> Response {
    text(
        StatusCode::OK,
        "application/json",
        written(state).json.clone(),
    )
}

/// `GET /openapi.yaml`.
pub fn yaml(state: &State) -> Response {
    text(
        StatusCode::OK,
        "application/yaml",
        written(state).yaml.clone(),
    )
}

fn written(state: &State) -> &Written {
    state.openapi().0.get_or_init(|| {
        let document = document(state.public_url());
        Written {
            json: Bytes::from(document.to_string()),
            yaml: Bytes::from(yaml::write(&document)),
        }
    })
}

/// The whole description of the server at `public_url`.
#[must_use]
pub fn document(public_url: &str) -> Value {
    let mut paths = Map::new();
    for endpoint in Endpoint::ALL {
        for path in endpoint.paths() {
            let item = paths.entry((*path).to_owned()).or_insert_with(|| json!({}));
            let Some(item) = item.as_object_mut() else {
                continue;
            };
            for method in endpoint.methods().0 {
                let operation = operation::describe(endpoint, method, path);
                // `GET /` is one operation with two readings; the landing page's comes first.
                item.entry(method.as_str().to_ascii_lowercase())
                    .or_insert(operation);
            }
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Usher",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "An OAuth 2.0 resource server for MCP",
            "description": "MCP itself is described at https://modelcontextprotocol.io; this is the HTTP around it.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": public_url }],
        "paths": paths,
        "components": { "schemas": schemas(), "securitySchemes": security_schemes(public_url) },
    })
}

fn security_schemes(public_url: &str) -> Value {
    json!({
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": format!(
                "An access token for this resource, from an issuer named at {public_url}{}",
                Endpoint::ResourceMetadata.label(),
            ),
        },
    })
}

fn schemas() -> Map<String, Value> {
    let mut schemas = Map::new();
    add::<Health>(&mut schemas, "Health");
    add::<Readiness>(&mut schemas, "Readiness");
    add::<Landing>(&mut schemas, "Landing");
    add::<ProtectedResourceMetadata>(&mut schemas, "ProtectedResourceMetadata");
    add::<RefusalDocument<'_>>(&mut schemas, "Refusal");
    schemas
}

fn add<T: JsonSchema>(schemas: &mut Map<String, Value>, name: &str) {
    let mut settings = SchemaSettings::draft2020_12();
    settings.meta_schema = None;
    settings.inline_subschemas = true;
    let schema = settings.into_generator().into_root_schema_for::<T>();
    schemas.insert(name.to_owned(), schema.to_value());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_and_method_of_the_table_is_described_and_nothing_else() {
        let document = document("https://mcp.test");
        let paths = document["paths"].as_object().unwrap();
        let mut described: Vec<(String, String)> = Vec::new();
        for (path, item) in paths {
            for method in item.as_object().unwrap().keys() {
                described.push((path.clone(), method.to_ascii_uppercase()));
            }
        }
        let mut expected: Vec<(String, String)> = Vec::new();
        for endpoint in Endpoint::ALL {
            for path in endpoint.paths() {
                let methods = endpoint.methods().0.iter();
                expected.extend(methods.map(|method| ((*path).to_owned(), method.to_string())));
            }
        }
        described.sort();
        expected.sort();
        expected.dedup();
        assert_eq!(described, expected);
    }

    #[test]
    fn references_lead_to_schemas_and_operation_ids_are_unique() {
        let document = document("https://mcp.test");
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#/").skip(1) {
            let pointer = format!("/{}", reference.split('"').next().unwrap());
            assert!(document.pointer(&pointer).is_some(), "{pointer}");
        }
        let mut ids: Vec<&str> = text.split("\"operationId\":\"").skip(1).collect();
        for id in &mut ids {
            *id = id.split('"').next().unwrap();
        }
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }
}
