//! Broken files, unreadable folders, full disks and locks held by others: named, counted, and never the end of answers.

use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use usher::knowledge::{IndexError, IndexState, Knowledge, SearchError};
use usher::lifecycle::Lifecycle;

use crate::library::{Library, best, eventually, settled, titles};

/// Tells what was not tested. Not with `eprintln!`, whose words a passing test keeps for itself.
fn not_tested(what: &str) {
    drop(std::io::stderr().write_all(format!("NOT TESTED: {what}\n").as_bytes()));
}

async fn failing(knowledge: &Knowledge, reason: &str) {
    eventually(reason, || {
        let state = knowledge.health().state;
        (state.name() == reason).then_some(())
    })
    .await;
}

#[tokio::test]
async fn broken_files_are_counted_and_the_rest_is_read() {
    let mut library = Library::new();
    library.collection("docs").limits.text_bytes = 4_000;
    library.write("outside.md", "granite");
    library.write("docs/good.md", "quartz");
    library.write(
        "docs/latin.txt",
        b"Le caf\xe9 est ferm\xe9 le dimanche, m\xeame en \xe9t\xe9.",
    );
    library.write("docs/empty.md", "");
    library.write("docs/binary.txt", b"\x7fELF\0\0\0quartz");
    library.write("docs/long.txt", "quartz ".repeat(1_000));
    library.write("docs/deep.html", "<div>".repeat(700) + "quartz");
    symlink(
        library.path("outside.md"),
        library.path("docs/leads-out.md"),
    )
    .expect("a link");
    symlink("nowhere.md", library.path("docs/dangling.md")).expect("a link");
    symlink("good.md", library.path("docs/inside.md")).expect("a link");
    symlink("..", library.path("docs/up")).expect("a link");
    let knowledge = library.opened().await;
    let mut found = titles(&knowledge, "quartz");
    found.sort();
    // A file without text is known by its name.
    assert_eq!(found, ["good", "inside"]);
    assert_eq!(titles(&knowledge, "empty"), ["empty"]);
    assert_eq!(titles(&knowledge, "café"), ["latin"]);
    assert_eq!(titles(&knowledge, "granite"), [""; 0]);
    let health = settled(&knowledge).await;
    assert_eq!((health.documents(), health.failures()), (4, 5));

    library.write("docs/binary.txt", "mended feldspar");
    eventually("the mended file shows", || {
        (titles(&knowledge, "feldspar") == ["binary"]).then_some(())
    })
    .await;
    // Counted once the look is over, which is later.
    eventually("it is counted no more", || {
        (knowledge.health().failures() == 4).then_some(())
    })
    .await;
    library.close().await;
}

#[tokio::test]
async fn broken_records_are_counted_and_the_rest_is_read() {
    let mut library = Library::new();
    library.collection("orders.jsonl").limits.text_bytes = 200;
    let long = "quartz ".repeat(40);
    let mut content = b"\xef\xbb\xbf{\"id\":1,\"text\":\"first quartz\"}\n\n{\"id\":2,\"text\":\"bad \xff quartz\"}\n".to_vec();
    content.extend(
        format!(
            r#"{{"id":3,"text":"cut quartz"
{{"text":"no id quartz"}}
{{"id":null,"text":"null id quartz"}}
{{"id":1.5,"text":"fraction quartz"}}
{{"id":"","text":"empty id quartz"}}
{{"id":1,"text":"again quartz"}}
{{"id":"1","text":"again as text quartz"}}
["quartz"]
{{"id":8}}
{{"id":9,"text":"{long}"}}
{{"id":10,"title":5,"text":["quartz"]}}
{{"id":11,"text":"last quartz","extra":{{"deep":[1]}}}}"#
        )
        .into_bytes(),
    );
    library.write("orders.jsonl", content);
    let knowledge = library.opened().await;
    let mut found = titles(&knowledge, "quartz");
    found.sort();
    assert_eq!(found, ["first quartz", "last quartz"]);
    let health = settled(&knowledge).await;
    assert_eq!((health.documents(), health.failures()), (2, 12));
    library.close().await;
}

#[tokio::test]
async fn a_collection_takes_no_more_documents_than_it_may() {
    let mut library = Library::new();
    library.collection("docs").limits.documents = 2;
    library.collection("orders.jsonl").limits.documents = 2;
    for n in 0..4 {
        library.write(&format!("docs/{n}.md"), "quartz");
    }
    let record = |n: u32| format!("{{\"id\":{n},\"text\":\"feldspar\"}}\n");
    library.write("orders.jsonl", (0..4).map(record).collect::<String>());
    let knowledge = library.opened().await;
    let health = settled(&knowledge).await;
    let counts: Vec<_> = health
        .collections
        .iter()
        .map(|c| (c.documents, c.failures))
        .collect();
    assert_eq!(counts, [(2, 1), (2, 1)]);
    library.close().await;
}

#[tokio::test]
async fn a_file_where_a_folder_is_expected_is_named_and_stops_nothing() {
    let mut library = Library::new();
    library.collection("docs").kind = usher::knowledge::Kind::Folder;
    library.collection("orders.jsonl").kind = usher::knowledge::Kind::Jsonl;
    library.collection("good");
    library.write("docs", "I am a file");
    std::fs::create_dir(library.path("orders.jsonl")).expect("a folder");
    library.write("good/a.md", "quartz");
    let knowledge = library.opened().await;
    assert_eq!(titles(&knowledge, "quartz"), ["a"]);
    let health = settled(&knowledge).await;
    let unavailable: Vec<bool> = health.collections.iter().map(|c| c.unavailable).collect();
    assert_eq!(unavailable, [true, true, false]);
    library.close().await;
}

#[tokio::test]
async fn an_unreadable_folder_is_counted_and_the_rest_is_read() {
    let mut library = Library::new();
    library.collection("docs");
    library.write("docs/a.md", "quartz");
    library.write("docs/closed/b.md", "feldspar");
    let closed = library.path("docs/closed");
    let permit = |mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&closed, permissions).expect("permissions");
    };
    permit(0o000);
    if std::fs::read_dir(&closed).is_ok() {
        not_tested("an unreadable folder, because root reads everything");
        return;
    }
    let knowledge = library.opened().await;
    assert_eq!(titles(&knowledge, "quartz feldspar"), ["a"]);
    assert_eq!(settled(&knowledge).await.failures(), 1);
    permit(0o755);
    eventually("the opened folder shows", || {
        (titles(&knowledge, "feldspar") == ["b"]).then_some(())
    })
    .await;
    library.close().await;
}

#[tokio::test]
async fn a_state_directory_that_cannot_be_is_named() {
    let mut library = Library::new();
    library.collection("docs");
    library.write("docs/a.md", "quartz");
    library.write("state", "I am a file");
    let knowledge = library.open();
    failing(&knowledge, "index_unwritable").await;
    assert_eq!(knowledge.search("quartz"), Err(SearchError::Failed));
    let IndexState::Failing(error) = knowledge.health().state else {
        panic!("expected a failure");
    };
    let path = library.path("state").display().to_string();
    assert!(error.to_string().contains(&path), "{error}");
    library.close().await;
}

#[tokio::test]
async fn a_second_process_reads_along_and_takes_over_when_the_first_ends() {
    let mut library = Library::new();
    library.collection("docs");
    library.write("docs/a.md", "quartz");
    let first = library.opened().await;
    let other = Lifecycle::new();
    let second = library.open_with_state(&library.state_dir(), &other);
    failing(&second, "index_owned_elsewhere").await;
    assert_eq!(titles(&second, "quartz"), ["a"]);
    assert_eq!(second.not_ready(), None);
    assert!(matches!(
        second.health().state,
        IndexState::Failing(IndexError::OwnedElsewhere { .. })
    ));
    library.write("docs/b.md", "feldspar");
    eventually("the second sees what the first wrote", || {
        (titles(&second, "feldspar") == ["b"]).then_some(())
    })
    .await;
    drop(first);
    library.close().await;
    library.write("docs/c.md", "gneiss");
    settled(&second).await;
    eventually("the second keeps the index now", || {
        (titles(&second, "gneiss") == ["c"]).then_some(())
    })
    .await;
    other.stop_softly();
    other.finished().await;
}

/// Many words that cannot be compressed away, in files that go into one segment together.
fn write_much(library: &Library) {
    for n in 0..10_u32 {
        library.write(&format!("docs/big/{n}.txt"), noise(n));
    }
}

/// 60 KB.
fn noise(seed: u32) -> String {
    let mut state = u64::from(seed) + 1;
    let mut word = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        format!("{:08x} ", state >> 32)
    };
    (0..6_700).map(|_| word()).collect()
}

/// Fills the disk, and expects the right name, answers all the while, and recovery as soon as there is room, unasked.
async fn fills_up_and_recovers(library: &mut Library, fill: impl Fn(), make_room: impl Fn()) {
    library.write("docs/a.md", "quartz");
    let knowledge = library.opened().await;
    fill();
    write_much(library);
    failing(&knowledge, "index_disk_full").await;
    assert_eq!(titles(&knowledge, "quartz"), ["a"]);
    assert!(best(&knowledge, "quartz").is_some());
    make_room();
    // Nothing changes any more, so it is the next attempt that finds room.
    tokio::time::pause();
    assert_eq!(settled(&knowledge).await.documents(), 11);
    assert_eq!(titles(&knowledge, "quartz"), ["a"]);
    library.close().await;
}

/// Unmounts in the end.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn mount(at: &std::path::Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=600k", "tmpfs"])
            .arg(at);
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then(|| Self(at.to_owned()))
    }

    fn enlarge(&self) {
        let mut mount = Command::new("mount");
        mount.args(["-o", "remount,size=10m"]).arg(&self.0);
        assert!(mount.status().expect("mount").success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(&self.0).output());
    }
}

#[tokio::test]
async fn a_full_disk_is_named_and_old_answers_stay() {
    let mut library = Library::new();
    library.collection("docs");
    std::fs::create_dir(library.state_dir()).expect("a folder");
    let Some(disk) = SmallDisk::mount(&library.state_dir()) else {
        not_tested(
            "a really full disk, because only root can mount a small one; a limit on file sizes stands in",
        );
        return;
    };
    fills_up_and_recovers(&mut library, || {}, || disk.enlarge()).await;
}

/// What a full disk is to a process that may not mount one: writes fail beyond a size.
#[test]
fn files_that_cannot_grow_are_a_full_disk() {
    let this = std::env::current_exe().expect("this test");
    let child = Command::new("sh")
        // Without the trap the signal would end the process instead.
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(this)
        .args(["--exact", "knowledge::failures::under_a_file_size_limit"])
        .args(["--ignored", "--nocapture"])
        .output()
        .expect("a shell");
    let told = String::from_utf8_lossy(&child.stdout);
    assert!(
        child.status.success() && told.contains("1 passed"),
        "{told}"
    );
}

/// Files of this process cannot grow beyond this.
fn limit_file_sizes(bytes: Option<u64>) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Fsize).maximum;
    let current = bytes.or(maximum);
    setrlimit(Resource::Fsize, Rlimit { current, maximum }).expect("a limit");
}

#[tokio::test]
#[ignore = "run by files_that_cannot_grow_are_a_full_disk, in a process of its own"]
async fn under_a_file_size_limit() {
    let mut library = Library::new();
    library.collection("docs");
    let (fill, make_room) = (
        || limit_file_sizes(Some(128 << 10)),
        || limit_file_sizes(None),
    );
    fills_up_and_recovers(&mut library, fill, make_room).await;
}
