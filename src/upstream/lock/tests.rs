use serde_json::json;
use serde_json::value::RawValue;

use super::*;

fn tool(json: &str) -> Item {
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }
    let named: Named = serde_json::from_str(json).unwrap_or_else(|_odd| Named {
        name: "odd".to_owned(),
    });
    Item {
        name: named.name.into(),
        json: RawValue::from_string(json.to_owned()).expect("JSON"),
        only_reads: false,
        is_approved: false,
    }
}

const READ: &str =
    r#"{"name":"read","inputSchema":{"type":"object","properties":{"path":{"type":"string"}}}}"#;
const WRITE: &str = r#"{"name":"write","inputSchema":{"type":"object"}}"#;

fn approved(tools: &[&str]) -> CatalogueLock {
    let tools: Vec<_> = tools.iter().map(|json| tool(json)).collect();
    let mut lock = CatalogueLock::default();
    lock.approve("files", &tools);
    lock
}

fn changes(lock: &CatalogueLock, tools: &[&str]) -> Vec<(String, Change)> {
    let tools: Vec<_> = tools.iter().map(|json| tool(json)).collect();
    lock.changes("files", &tools).into_iter().collect()
}

#[test]
fn what_is_as_it_was_approved_has_not_changed() {
    let lock = approved(&[READ, WRITE]);
    assert_eq!(changes(&lock, &[WRITE, READ]), []);
    let other_order = r#"{ "inputSchema" : {"properties":{"path":{"type":"string"}},"type":"object"}, "name":"read" }"#;
    assert_eq!(changes(&lock, &[other_order, WRITE]), []);
}

#[test]
fn new_gone_changed_and_unreadable_tools_are_told_apart() {
    let lock = approved(&[READ, WRITE]);
    let changed = r#"{"name":"read","inputSchema":{"type":"object","properties":{}}}"#;
    let new = r#"{"name":"delete"}"#;
    let found = changes(&lock, &[changed, new]);
    let difference = Difference {
        words: "argument \"path\" was removed".to_owned(),
        breaks: true,
    };
    assert_eq!(
        found,
        [
            ("delete".to_owned(), Change::New),
            ("read".to_owned(), Change::Changed(vec![difference])),
            ("write".to_owned(), Change::Gone),
        ]
    );
    let breaks: Vec<_> = found.iter().map(|(_, change)| change.breaks()).collect();
    assert_eq!(breaks, [false, true, true]);
    let twice = r#"{"name":"odd","inputSchema":{"properties":{"a":1,"a":2}}}"#;
    assert_eq!(
        changes(&approved(&[]), &[twice]),
        [("odd".to_owned(), Change::Unreadable)]
    );
    assert_eq!(
        changes(&approved(&[twice]), &[twice]),
        [("odd".to_owned(), Change::Unreadable)]
    );
}

#[test]
fn an_upstream_that_is_not_in_the_lock_has_new_tools_only() {
    let lock = approved(&[READ]);
    let found = lock.changes("other", &[tool(READ)]);
    assert_eq!(found.into_values().collect::<Vec<_>>(), [Change::New]);
}

#[test]
fn the_file_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("deep/catalogue.lock.json");
    let lock = approved(&[WRITE, READ]);
    lock.write(&path).expect("a file");
    assert_eq!(CatalogueLock::read(&path).expect("a lock"), lock);
    let text = std::fs::read_to_string(&path).expect("text");
    let (read, write) = (text.find("\"read\": {"), text.find("\"write\": {"));
    assert!(read.is_some() && read < write, "sorted:\n{text}");
    let mut lock = lock;
    assert_eq!(lock.retain(|name| name != "files"), ["files"]);
    assert_eq!(lock, CatalogueLock::default());
}

#[test]
fn a_missing_or_damaged_file_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("catalogue.lock.json");
    let settings = LockSettings {
        enabled: true,
        file: Some(path.clone()),
        ..LockSettings::default()
    };
    let open = || Guard::open(&settings, folder.path()).map(drop);
    assert!(matches!(open(), Err(LockError::Unreadable { .. })));
    assert_eq!(
        CatalogueLock::read_or_empty(&path).expect("nothing"),
        CatalogueLock::default()
    );
    approved(&[READ]).write(&path).expect("a file");
    let good = std::fs::read_to_string(&path).expect("text");
    assert!(open().is_ok());
    for bad in [
        String::new(),
        "{}".to_owned(),
        good.replace("\"version\": 1", "\"version\": 2"),
        good.replace("\"path\"", "\"file\""),
        good.replace("\"sha256\": \"", "\"sha256\": \"0"),
        good.replace("\"tool\":", "\"toll\":"),
    ] {
        std::fs::write(&path, &bad).expect("a file");
        assert!(matches!(open(), Err(LockError::Damaged { .. })), "{bad}");
        let error = CatalogueLock::read_or_empty(&path).map(drop);
        assert!(error.is_err(), "nothing is approved over a damaged file");
    }
    let off = LockSettings {
        enabled: false,
        ..settings
    };
    assert!(Guard::open(&off, folder.path()).expect("no lock").is_none());
}

#[test]
fn what_is_not_as_approved_is_kept_back_or_only_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("catalogue.lock.json");
    approved(&[READ]).write(&path).expect("a file");
    let lists = || Lists {
        tools: [tool(READ), tool(WRITE)].into(),
        instructions: Some("Use write.".into()),
        ..Lists::default()
    };
    let names = |lists: &Lists| -> Vec<(String, bool)> {
        let tools = lists.tools.iter();
        tools
            .map(|tool| (tool.name.to_string(), tool.is_approved))
            .collect()
    };
    let guard = |on_change| {
        let settings = LockSettings {
            enabled: true,
            file: Some(path.clone()),
            on_change,
        };
        Guard::open(&settings, folder.path())
            .expect("a lock")
            .expect("a guard")
    };
    let (read, write) = ("read".to_owned(), "write".to_owned());

    let (mut kept_back, strict) = (lists(), guard(OnChange::Quarantine));
    strict.apply("files", &mut kept_back);
    assert_eq!(names(&kept_back), [(read.clone(), true)]);
    assert_eq!(*kept_back.quarantined, ["write".into()]);
    assert_eq!(kept_back.instructions, None);

    let mut told = lists();
    guard(OnChange::Warn).apply("files", &mut told);
    assert_eq!(names(&told), [(read.clone(), true), (write.clone(), false)]);
    assert!(told.quarantined.is_empty());
    assert_eq!(told.instructions.as_deref(), Some("Use write."));
    assert_eq!(told.changes.get("write"), Some(&Change::New));

    // Approved while the server runs.
    approved(&[READ, WRITE]).write(&path).expect("a file");
    let file = std::fs::File::options()
        .write(true)
        .open(&path)
        .expect("the file");
    let later = SystemTime::now() + std::time::Duration::from_secs(5);
    file.set_modified(later).expect("a time");
    let mut approved = lists();
    strict.apply("files", &mut approved);
    assert_eq!(
        names(&approved),
        [(read.clone(), true), (write.clone(), true)]
    );

    // Broken while the server runs: what was approved stays so, and no more than that.
    std::fs::write(&path, json!({}).to_string()).expect("a file");
    let mut after = lists();
    strict.apply("files", &mut after);
    assert_eq!(names(&after), [(read, true), (write, true)]);
}
