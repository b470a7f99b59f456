//! The suite's resources and its one template.

use rmcp::model::{ErrorData, ReadResourceResult};
use serde_json::{Value, json};

use crate::ask::complete;
use crate::tools::PNG;

pub(crate) fn list() -> Value {
    json!({ "resources": [
        { "uri": "test://static-text", "name": "Static text", "mimeType": "text/plain" },
        { "uri": "test://static-binary", "name": "Static binary", "mimeType": "image/png" },
        { "uri": "test://watched-resource", "name": "Watched resource", "mimeType": "text/plain" },
    ] })
}

pub(crate) fn templates() -> Value {
    json!({ "resourceTemplates": [{
        "uriTemplate": "test://template/{id}/data",
        "name": "Template",
        "mimeType": "application/json",
    }] })
}

pub(crate) fn content(uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let text = |mime: &str, text: &str| json!({ "uri": uri, "mimeType": mime, "text": text });
    let template = uri.strip_prefix("test://template/");
    let id = template.and_then(|rest| rest.strip_suffix("/data"));
    let content = match (uri, id) {
        ("test://static-text", _) => text(
            "text/plain",
            "This is the content of the static text resource.",
        ),
        ("test://static-binary", _) => json!({ "uri": uri, "mimeType": "image/png", "blob": PNG }),
        ("test://watched-resource", _) => text("text/plain", "Watched resource content."),
        (_, Some(id)) => {
            let data = format!("Data for ID: {id}");
            let data = json!({ "id": id, "templateTest": true, "data": data }).to_string();
            text("application/json", &data)
        }
        (_, None) => {
            let about = json!({ "uri": uri });
            return Err(ErrorData::resource_not_found(
                "no such resource",
                Some(about),
            ));
        }
    };
    complete(json!({ "contents": [content] }))
}
