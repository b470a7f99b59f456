//! Everything that is tested through a real socket or a whole server, in one binary.

#[path = "../support/any_json.rs"]
mod any_json;
#[path = "../support/eventually.rs"]
mod eventually;
#[path = "../support/gateway.rs"]
mod gateway;
#[path = "../support/guide.rs"]
mod guide;
#[path = "../support/issuer.rs"]
mod issuer;
#[path = "../support/issuer_keys.rs"]
mod issuer_keys;
#[path = "../support/library.rs"]
mod library;
#[path = "../support/old_upstream.rs"]
mod old_upstream;
#[path = "../support/upstream.rs"]
mod raw_upstream;
#[path = "../support/rough_upstream.rs"]
mod rough_upstream;
#[path = "../support/stranger.rs"]
mod stranger;
#[path = "../support/tls.rs"]
mod tls;

mod admin_pages;
mod attacks;
mod auth;
mod bridge;
mod cli;
mod client_register;
mod config;
mod connection_reuse;
mod dev_idp;
mod doctor;
mod doctor_inside;
mod doctor_issuer;
mod doctor_recent;
mod guides;
mod health;
mod knowledge;
mod landing;
mod limits;
mod own_authority;
mod policy;
mod protocol;
mod protocol_scopes;
mod protocol_streams;
mod refusals;
mod rmcp_client;
mod scope_prefix;
mod shutdown;
mod surface;
mod token_explain;
mod troubleshooting;
mod upstream;
