//! The identity provider through a real socket: what it grants, and everything it refuses.
#![cfg(test)]

mod authorize;
mod client;
mod consent;
mod discovery;
mod registration;
mod token;
