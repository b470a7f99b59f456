//! What there is for clients and what each thing takes, for whoever runs the server.

use super::Entry;
use crate::mcp::Protocol;
use crate::policy::Asked;
use crate::upstream::Feature;

/// Everything that the one catalogue has.
#[derive(Clone, Debug, Default)]
pub struct Offered {
    /// Tools first, each in the order that clients see.
    pub entries: Vec<OfferedEntry>,
    /// What is left out, or may not be usable for every client, in sentences.
    pub warnings: Vec<String>,
}

/// One tool, prompt, resource or template.
#[derive(Clone, Debug)]
pub struct OfferedEntry {
    /// What it is, in the words of the log: `tool`, `prompt`, `resource`, `resource template`.
    pub kind: &'static str,
    /// Its name on the wire, or its address.
    pub name: String,
    /// The upstream that has it; nothing for what is built in.
    pub upstream: Option<String>,
    /// What using it takes, and which rule says so.
    pub asked: Vec<Asked>,
}

impl Protocol {
    /// What the catalogue of the whole server has now.
    #[must_use]
    pub fn offered(&self) -> Offered {
        let catalogs = self.0.catalogs.load();
        let catalog = catalogs.whole();
        let policy = &self.0.parts.policy;
        let entry = |feature: Feature, entry: &Entry| OfferedEntry {
            kind: feature.singular(),
            name: entry.name.clone().into_owned(),
            upstream: entry
                .home
                .as_ref()
                .map(|home| home.upstream.name().to_owned()),
            asked: policy.asked(&entry.requirements),
        };
        let entries = Feature::ALL.into_iter().flat_map(|feature| {
            let list = catalog.list(feature).entries.iter();
            list.map(move |known| entry(feature, known))
        });
        Offered {
            entries: entries.collect(),
            warnings: catalog.warnings().to_vec(),
        }
    }
}
