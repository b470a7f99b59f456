//! Why a connection fails, and what to change: checks with stable ids, each with one verdict, the first cause first.
//!
//! [`checks`] is the registry: every check that there is, with what people see when it fails and how each identity
//! provider mends it; `docs/troubleshooting.md` is made from it. The rest of this module runs checks and gives a
//! [`Diagnosis`]; `cli/doctor.rs` shows it.

pub mod check;
pub mod checks;
mod defaults;
pub mod diagnosis;
pub mod finding;
pub mod inside;
pub mod login;
pub mod recent;
pub mod session;
pub mod show;
pub mod token;
pub mod troubleshooting;
pub mod walk;

pub use check::{Check, Place, Symptom};
pub use diagnosis::Diagnosis;
pub use finding::{Finding, Verdict};
