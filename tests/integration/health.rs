//! Liveness, readiness and what they tell.
