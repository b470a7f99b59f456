//! Pages for people: escaped by construction, in one frame, under one policy, readable without scripts.
//!
//! Names of elements and attributes are compiled in; everything else that goes into [`Html`] is text, and is escaped on its
//! way in. A page asks nobody for anything: its style and its script are in it, and its policy lets nothing else run.

mod blocks;
#[cfg(test)]
mod contrast;
mod element;
mod frame;
mod table;
mod words;

pub(in crate::http) use blocks::{
    Tone, code, codes, copyable, facts, heading, list, note, prose, tag,
};
pub(in crate::http) use element::{Element, Href, Html, el};
pub(in crate::http) use frame::Page;
pub(in crate::http) use table::Table;
pub(in crate::http) use words::{ago, duration, many};
