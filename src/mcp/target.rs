//! What a request is about: the tool, prompt, resource or template that it names, and how that is named to its upstream.

use super::catalog::{Catalog, Found, Home};
use super::error::Error;
use super::members::{Members, is_object, write_member};
use super::method::Method;
use super::reply;
use super::result::{arguments, call_arguments};
use crate::policy::Policy;

/// What a request of `method` with these parameters is about, if there is such a thing.
pub(super) fn find<'a>(
    method: Option<Method>,
    params: &Members<'_>,
    (catalog, policy): (&'a Catalog, &Policy),
) -> Option<Found<'a>> {
    match method? {
        Method::CallTool => catalog.tool(&params.text("name")?).map(Found::Listed),
        Method::Complete => {
            let reference = Members::of(params.get("ref")?)?;
            match reference.text("type")?.as_ref() {
                "ref/prompt" => catalog.prompt(&reference.text("name")?).map(Found::Listed),
                "ref/resource" => catalog.template(&reference.text("uri")?, policy),
                _ => None,
            }
        }
        Method::GetPrompt => catalog.prompt(&params.text("name")?).map(Found::Listed),
        Method::ReadResource | Method::Subscribe | Method::Unsubscribe => {
            catalog.resource(&params.text("uri")?, policy)
        }
        Method::Discover
        | Method::Initialize
        | Method::ListPrompts
        | Method::ListResources
        | Method::ListResourceTemplates
        | Method::ListTools
        | Method::Listen
        | Method::Ping
        | Method::SetLevel => None,
    }
}

/// Whether the parameters are what the method takes, as far as it matters here. The rest is the upstream's to say.
pub(super) fn check(method: Option<Method>, params: &Members<'_>) -> Result<(), Error> {
    match method {
        Some(Method::GetPrompt) if params.text("name").is_none() => {
            Err(Error::InvalidParams("name is a string"))
        }
        Some(Method::GetPrompt) => arguments(params).map(drop),
        Some(Method::Complete) if !params.get("ref").is_some_and(is_object) => {
            Err(Error::InvalidParams("ref is an object"))
        }
        Some(Method::ReadResource | Method::Subscribe | Method::Unsubscribe)
            if params.text("uri").is_none() =>
        {
            Err(Error::InvalidParams("uri is missing"))
        }
        Some(Method::CallTool) => call_arguments(params).map(drop),
        _ => Ok(()),
    }
}

/// The members of `params` for the upstream: every one as it was written, but for the name of what they are about.
pub(super) fn write_params(out: &mut Vec<u8>, method: Method, params: &Members<'_>, home: &Home) {
    for (key, value) in params.iter() {
        write_member(out, key, |out| match (method, key) {
            (Method::CallTool | Method::GetPrompt, "name")
            | (Method::ReadResource | Method::Subscribe | Method::Unsubscribe, "uri") => {
                reply::string(out, &home.name);
            }
            (Method::Complete, "ref") => write_reference(out, value.get(), home),
            _ => out.extend_from_slice(value.get().as_bytes()),
        });
    }
}

/// A reference to a prompt or a template, under the upstream's own name for it.
fn write_reference(out: &mut Vec<u8>, reference: &str, home: &Home) {
    let members: Members<'_> = serde_json::from_str(reference).unwrap_or_default();
    let of_prompt = members.text("type").as_deref() == Some("ref/prompt");
    let name_key = if of_prompt { "name" } else { "uri" };
    let mut inner = Vec::with_capacity(reference.len() + home.name.len());
    for (key, value) in members.iter() {
        write_member(&mut inner, key, |out| {
            if key == name_key {
                reply::string(out, &home.name);
            } else {
                out.extend_from_slice(value.get().as_bytes());
            }
        });
    }
    out.push(b'{');
    out.extend_from_slice(&inner);
    out.push(b'}');
}
