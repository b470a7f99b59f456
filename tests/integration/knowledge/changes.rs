//! Sources that change while the server runs, and while it does not.

use std::time::Duration;

use usher::knowledge::{Knowledge, SearchError};
use usher::lifecycle::Lifecycle;

use crate::library::{Library, best, eventually, settled, titles};

/// Waits until a question finds exactly these titles.
async fn finds(knowledge: &Knowledge, question: &str, expected: &[&str]) {
    eventually(&format!("{question} finds {expected:?}"), || {
        (titles(knowledge, question) == expected).then_some(())
    })
    .await;
}

#[tokio::test]
async fn added_changed_and_removed_files_show_while_the_server_runs() {
    let mut library = Library::new();
    library.collection("docs");
    library.write("docs/old.md", "# Old\n\nquartz");
    let knowledge = library.opened().await;
    let id = best(&knowledge, "quartz").expect("the file").id;

    library.write("docs/new/deep.md", "# New\n\nfeldspar");
    finds(&knowledge, "feldspar", &["New"]).await;
    library.write("docs/new/deeper.md", "# Newer\n\ngneiss");
    finds(&knowledge, "gneiss", &["Newer"]).await;
    library.write("docs/old.md", "# Old\n\nbasalt");
    finds(&knowledge, "basalt", &["Old"]).await;
    assert_eq!(titles(&knowledge, "quartz"), [""; 0]);
    assert_eq!(best(&knowledge, "basalt").expect("the file").id, id);
    library.remove("docs/old.md");
    finds(&knowledge, "basalt", &[]).await;
    assert_eq!(knowledge.document(id), Ok(None));
    std::fs::rename(library.path("docs/new"), library.path("docs/renamed")).expect("a folder");
    eventually("the new path shows", || {
        let document = best(&knowledge, "gneiss")?;
        document
            .metadata
            .contains("renamed/deeper.md")
            .then_some(())
    })
    .await;
    std::fs::remove_dir_all(library.path("docs/renamed")).expect("a folder");
    finds(&knowledge, "feldspar gneiss", &[]).await;
    library.close().await;
}

#[tokio::test]
async fn added_changed_and_removed_records_show_while_the_server_runs() {
    let mut library = Library::new();
    library.collection("orders.jsonl");
    let record = |id: u32, text: &str| {
        format!("{{\"id\":{id},\"title\":\"Order {id}\",\"text\":\"{text}\"}}\n")
    };
    library.write("orders.jsonl", record(1, "lemon") + &record(2, "cherry"));
    let knowledge = library.opened().await;

    library.write("orders.jsonl", record(1, "vanilla") + &record(3, "cherry"));
    finds(&knowledge, "cherry", &["Order 3"]).await;
    assert_eq!(titles(&knowledge, "vanilla"), ["Order 1"]);
    assert_eq!(titles(&knowledge, "lemon"), [""; 0]);
    // As editors and exports do: a new file takes the place of the old one.
    library.write("orders.new", record(4, "mint"));
    std::fs::rename(library.path("orders.new"), library.path("orders.jsonl")).expect("a rename");
    finds(&knowledge, "mint vanilla cherry", &["Order 4"]).await;
    library.close().await;
}

#[tokio::test]
async fn what_changed_while_nothing_ran_shows_after_the_start() {
    let mut library = Library::new();
    library.collection("docs");
    library.collection("orders.jsonl");
    library.write("docs/kept.md", "quartz");
    library.write("docs/changed.md", "feldspar");
    library.write("docs/removed.md", "gneiss");
    library.write("orders.jsonl", r#"{"id":1,"text":"lemon"}"#);
    let before = library.opened().await;
    let id = best(&before, "quartz").expect("a document").id;
    library.close().await;

    library.write("docs/changed.md", "basalt");
    library.remove("docs/removed.md");
    library.write("orders.jsonl", r#"{"id":2,"text":"cherry"}"#);
    let after = library.opened().await;
    finds(&after, "basalt", &["changed"]).await;
    assert_eq!(titles(&after, "feldspar gneiss lemon"), [""; 0]);
    assert_eq!(titles(&after, "cherry"), ["cherry"]);
    assert_eq!(best(&after, "quartz").expect("a document").id, id);
    library.close().await;
}

#[tokio::test]
async fn a_collection_that_is_configured_no_more_is_gone() {
    let mut library = Library::new();
    library.collection("docs");
    library.collection("notes");
    library.write("docs/a.md", "quartz");
    library.write("notes/a.md", "quartz");
    let both = library.opened().await;
    assert_eq!(titles(&both, "quartz").len(), 2);
    library.close().await;
    library.settings.collections.truncate(1);
    let one = library.opened().await;
    assert_eq!(titles(&one, "quartz").len(), 1);
    library.close().await;
}

#[tokio::test]
async fn a_changed_setting_reads_unchanged_files_again() {
    let mut library = Library::new();
    library.collection("docs");
    library.write("docs/a.md", "quartz");
    // Old enough to be taken for unchanged.
    let old = std::time::SystemTime::now() - Duration::from_secs(3600);
    let file = std::fs::File::options()
        .write(true)
        .open(library.path("docs/a.md"));
    file.expect("a file").set_modified(old).expect("a time");
    library.opened().await;
    library.close().await;
    library.settings.collections[0].url = Some("https://wiki.example.com/{path}".to_owned());
    let knowledge = library.opened().await;
    let url = best(&knowledge, "quartz").expect("a document").url;
    assert_eq!(url, "https://wiki.example.com/a.md");
    library.close().await;
}

#[tokio::test]
async fn ids_are_the_same_after_a_rebuild_and_on_a_replica() {
    let mut library = Library::new();
    library.collection("docs");
    library.write("docs/a.md", "quartz");
    let first = best(&library.opened().await, "quartz");
    let other = Lifecycle::new();
    let replica = library.open_with_state(&library.path("replica"), &other);
    settled(&replica).await;
    assert_eq!(best(&replica, "quartz"), first);
    library.close().await;

    std::fs::remove_dir_all(library.state_dir()).expect("the state");
    assert_eq!(best(&library.opened().await, "quartz"), first);
    library.close().await;
    other.stop_softly();
    other.finished().await;
}

#[tokio::test]
async fn an_index_of_another_version_or_a_damaged_one_is_built_again() {
    let mut library = Library::new();
    library.collection("docs");
    library.write("docs/a.md", "quartz");
    library.opened().await;
    library.close().await;
    let index = library.state_dir().join("index");
    for (file, content) in [
        ("usher-version", "tantivy v0.1.0\nschema 0\n"),
        ("meta.json", "{\"segments\": [tru"),
    ] {
        std::fs::write(index.join(file), content).expect("a file");
        let knowledge = library.opened().await;
        assert_eq!(titles(&knowledge, "quartz"), ["a"], "{file}");
        library.close().await;
    }
}

#[tokio::test]
async fn a_source_that_cannot_be_read_leaves_its_documents_and_comes_back() {
    let mut library = Library::new();
    library.settings.search.rescan_seconds = 10;
    library.collection("docs");
    library.collection("late.jsonl");
    library.write("docs/a.md", "quartz");
    let knowledge = library.opened().await;
    let health = settled(&knowledge).await;
    let unavailable: Vec<bool> = health.collections.iter().map(|c| c.unavailable).collect();
    assert_eq!(unavailable, [false, true]);

    std::fs::rename(library.path("docs"), library.path("away")).expect("a rename");
    eventually("the folder is missed", || {
        knowledge.health().collections[0].unavailable.then_some(())
    })
    .await;
    assert_eq!(titles(&knowledge, "quartz"), ["a"]);
    std::fs::rename(library.path("away"), library.path("docs")).expect("a rename");
    library.write("docs/b.md", "feldspar");
    library.write("late.jsonl", r#"{"id":1,"text":"lemon"}"#);
    finds(&knowledge, "feldspar", &["b"]).await;
    finds(&knowledge, "lemon", &["lemon"]).await;
    library.close().await;
}

#[tokio::test]
async fn a_link_that_leads_elsewhere_now_is_followed() {
    let mut library = Library::new();
    library.collection("docs");
    library.collection("mounted/orders.jsonl");
    library.collection("linked");
    let swap = |link: &str, to: &str| {
        let new = library.path(&format!("{link}.new"));
        std::os::unix::fs::symlink(to, &new).expect("a link");
        std::fs::rename(new, library.path(link)).expect("a rename");
    };
    // As Kubernetes mounts files: `a.md` → `..data/a.md`, and `..data` → the folder of the day.
    library.write("docs/..1/a.md", "quartz");
    library.write("mounted/..1/orders.jsonl", r#"{"id":1,"text":"lemon"}"#);
    library.write("releases/1/b.md", "gneiss");
    swap("docs/..data", "..1");
    swap("docs/a.md", "..data/a.md");
    swap("mounted/..data", "..1");
    swap("mounted/orders.jsonl", "..data/orders.jsonl");
    swap("linked", "releases/1");
    let knowledge = library.opened().await;
    assert_eq!(titles(&knowledge, "quartz"), ["a"]);
    assert_eq!(titles(&knowledge, "lemon gneiss").len(), 2);

    library.write("docs/..2/a.md", "feldspar");
    library.write("mounted/..2/orders.jsonl", r#"{"id":1,"text":"cherry"}"#);
    library.write("releases/2/b.md", "basalt");
    swap("docs/..data", "..2");
    finds(&knowledge, "feldspar", &["a"]).await;
    swap("mounted/..data", "..2");
    finds(&knowledge, "cherry", &["cherry"]).await;
    swap("linked", "releases/2");
    finds(&knowledge, "basalt", &["b"]).await;
    assert_eq!(titles(&knowledge, "quartz lemon gneiss"), [""; 0]);
    library.close().await;
}

#[tokio::test]
async fn a_file_that_becomes_a_folder_and_a_folder_that_becomes_a_file_are_read() {
    let mut library = Library::new();
    library.collection("docs");
    library.write("docs/a.md", "quartz");
    let knowledge = library.opened().await;
    library.remove("docs/a.md");
    library.write("docs/a.md/b.md", "feldspar");
    finds(&knowledge, "quartz feldspar", &["b"]).await;
    std::fs::remove_dir_all(library.path("docs/a.md")).expect("a folder");
    library.write("docs/a.md", "gneiss");
    finds(&knowledge, "feldspar gneiss", &["a"]).await;
    library.close().await;
}

#[tokio::test]
async fn a_question_before_the_first_look_is_told_to_come_back() {
    let library = Library::new();
    let mut unread = Library::new();
    unread.collection("docs");
    unread.write("docs/a.md", "quartz");
    // The task that reads has not run yet: this test holds the only thread.
    let knowledge = unread.open();
    assert_eq!(knowledge.search("quartz"), Err(SearchError::NotReady));
    assert_eq!(knowledge.not_ready(), Some("index_not_ready"));
    let health = knowledge.health();
    assert_eq!(
        (health.state.name(), health.collections.len()),
        ("building", 1)
    );
    settled(&knowledge).await;
    assert_eq!(titles(&knowledge, "quartz"), ["a"]);
    assert_eq!(knowledge.not_ready(), None);
    unread.close().await;

    let nothing = library.open();
    assert_eq!(nothing.not_ready(), None);
    assert_eq!(nothing.health().state.name(), "current");
    assert_eq!(nothing.search("quartz"), Ok(Vec::new()));
}
