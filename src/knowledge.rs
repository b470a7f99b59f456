//! What `search` and `fetch` answer from: documents in configured collections.

/// All collections. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Knowledge {}
