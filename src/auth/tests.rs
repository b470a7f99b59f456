//! The verifier against other people's vectors.

mod wycheproof;
