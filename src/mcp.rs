//! The protocol layer: envelope in, envelope out, every MCP revision. Knows nothing of axum.
