//! Every outgoing HTTP request: sizes, deadlines, redirects, addresses, CA files. The only module that names `reqwest`.

/// Makes outgoing requests within fixed limits. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Outbound {}
