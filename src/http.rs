//! HTTP in and out. The only module tree that names `axum`.
