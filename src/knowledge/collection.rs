//! A collection as it is meant: globs compiled, addresses checked.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use globset::{Glob, GlobSet, GlobSetBuilder};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::document::DocumentId;
use super::error::SettingsError;
use super::settings::{CollectionSettings, Fields, Kind, Language, Limits};

/// Everything but the unreserved characters of a URI (RFC 3986 §2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// As above, but a path keeps its slashes.
const RESERVED_IN_PATH: &AsciiSet = &RESERVED.remove(b'/');

/// No address is longer. What is longer is no address that people could open.
const LONGEST_ADDRESS: usize = 2_000;

/// One collection.
#[derive(Clone, Debug)]
pub(in crate::knowledge) struct Collection {
    pub(in crate::knowledge) name: String,
    pub(in crate::knowledge) path: PathBuf,
    pub(in crate::knowledge) fields: Fields,
    pub(in crate::knowledge) language: Language,
    pub(in crate::knowledge) limits: Limits,
    kind: Kind,
    include: Option<GlobSet>,
    exclude: GlobSet,
    template: Option<String>,
    public_url: String,
}

impl Collection {
    pub(in crate::knowledge) fn new(
        settings: &CollectionSettings,
        public_url: &str,
    ) -> Result<Self, SettingsError> {
        if let Some(template) = &settings.url {
            check_template(template).ok_or_else(|| SettingsError::UrlTemplate {
                name: settings.effective_name(),
                template: template.clone(),
            })?;
        }
        let name = settings.effective_name();
        let include = globs(&name, "include", &settings.include)?;
        Ok(Self {
            exclude: globs(&name, "exclude", &settings.exclude)?,
            name,
            path: settings.path.clone(),
            fields: settings.fields.clone(),
            language: settings.language,
            limits: settings.limits,
            kind: settings.kind,
            include: (!include.is_empty()).then_some(include),
            template: settings.url.clone(),
            public_url: public_url.trim_end_matches('/').to_owned(),
        })
    }

    /// True if the path is to be read as a folder, as things are now.
    pub(in crate::knowledge) fn is_folder(&self) -> bool {
        match self.kind {
            Kind::Auto => self.path.is_dir(),
            Kind::Folder => true,
            Kind::Jsonl => false,
        }
    }

    /// True if the file at this path inside the folder belongs to the collection.
    pub(in crate::knowledge) fn takes(&self, relative: &Path) -> bool {
        let wanted = match &self.include {
            Some(include) => include.is_match(relative),
            None => super::ingest::Format::of(relative).is_some(),
        };
        wanted && !self.exclude.is_match(relative)
    }

    /// Where people open a document. `source` is the path inside the folder, or the record's own id.
    pub(in crate::knowledge) fn address(
        &self,
        id: DocumentId,
        source: &str,
        own: Option<&str>,
    ) -> String {
        if let Some(own) = own.and_then(web_address) {
            return own;
        }
        let filled = self.template.as_ref().map(|template| {
            template
                .replace("{id}", &utf8_percent_encode(source, RESERVED).to_string())
                .replace(
                    "{path}",
                    &utf8_percent_encode(source, RESERVED_IN_PATH).to_string(),
                )
        });
        filled
            .filter(|address| address.len() <= LONGEST_ADDRESS)
            .unwrap_or_else(|| format!("{}/documents/{id}", self.public_url))
    }

    /// A number that changes when these settings would read the same source differently.
    pub(in crate::knowledge) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.fields, &self.language, &self.template).hash(&mut hasher);
        (&self.public_url, self.limits.text_bytes).hash(&mut hasher);
        hasher.finish()
    }
}

fn globs(name: &str, key: &'static str, written: &[String]) -> Result<GlobSet, SettingsError> {
    let refused = |glob: &str, error: &globset::Error| SettingsError::Glob {
        name: name.to_owned(),
        key,
        glob: glob.to_owned(),
        reason: error.kind().to_string(),
    };
    let mut set = GlobSetBuilder::new();
    for glob in written {
        set.add(Glob::new(glob).map_err(|error| refused(glob, &error))?);
    }
    set.build().map_err(|error| refused("", &error))
}

fn check_template(template: &str) -> Option<()> {
    let filled = template.replace("{path}", "x").replace("{id}", "x");
    let placed = filled != template && !filled.contains(['{', '}']);
    web_address(&filled).filter(|_| placed).map(drop)
}

/// The address if it is one that a browser may open: http or https, nothing else (a `javascript:` address is none).
fn web_address(text: &str) -> Option<String> {
    let url = url::Url::parse(text.trim()).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.as_str().len() <= LONGEST_ADDRESS)
        .then(|| String::from(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collection(url: Option<&str>) -> Result<Collection, SettingsError> {
        let settings = CollectionSettings {
            name: "docs".into(),
            url: url.map(Into::into),
            ..CollectionSettings::from_path("docs")
        };
        Collection::new(&settings, "https://mcp.example.com")
    }

    #[test]
    fn an_address_comes_from_the_record_then_the_template_then_this_server() {
        let id = DocumentId::of("docs", "a b/ü#1.md");
        let own = format!("https://mcp.example.com/documents/{id}");
        let template = Some("https://wiki.example.com/{path}?raw");
        for (template, record, expected) in [
            (
                template,
                Some("https://shop.example/1"),
                "https://shop.example/1",
            ),
            (
                template,
                None,
                "https://wiki.example.com/a%20b/%C3%BC%231.md?raw",
            ),
            (
                Some("http://t.example/{id}"),
                None,
                "http://t.example/a%20b%2F%C3%BC%231.md",
            ),
            (
                template,
                Some("javascript:alert(1)"),
                "https://wiki.example.com/a%20b/%C3%BC%231.md?raw",
            ),
            (None, Some(""), own.as_str()),
            (None, Some("/orders/1"), own.as_str()),
            (None, None, own.as_str()),
        ] {
            let collection = collection(template).unwrap();
            assert_eq!(collection.address(id, "a b/ü#1.md", record), expected);
        }
    }

    #[test]
    fn refuses_a_template_that_gives_no_address() {
        for template in [
            "",
            "https://wiki.example.com/",
            "https://wiki.example.com/{page}",
            "https://wiki.example.com/{path}/{page}",
            "{path}",
            "file:///srv/{path}",
        ] {
            assert_eq!(
                collection(Some(template)).map(drop),
                Err(SettingsError::UrlTemplate {
                    name: "docs".into(),
                    template: template.into()
                })
            );
        }
    }

    #[test]
    fn takes_what_include_names_and_exclude_does_not() {
        let settings = CollectionSettings {
            include: vec!["**/*.md".into(), "notes/*.log".into()],
            exclude: vec!["drafts/**".into()],
            ..CollectionSettings::from_path("docs")
        };
        let collection = Collection::new(&settings, "https://mcp.example.com").unwrap();
        for (path, taken) in [
            ("a.md", true),
            ("deep/down/a.md", true),
            ("notes/today.log", true),
            ("today.log", false),
            ("a.html", false),
            ("drafts/a.md", false),
        ] {
            assert_eq!(collection.takes(Path::new(path)), taken, "{path}");
        }
    }
}
