//! The table of token and key cases has 41 rows; each has a test, marked with its number where it stands.

use std::collections::BTreeSet;
use std::path::Path;

fn rows_marked_in(folder: &Path, rows: &mut BTreeSet<u32>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            rows_marked_in(&path, rows);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("a file");
            let comments = text
                .lines()
                .filter_map(|line| line.trim().strip_prefix("// row "));
            let numbers = comments.flat_map(|rest| rest.split(", row "));
            rows.extend(numbers.filter_map(|number| number.parse::<u32>().ok()));
        }
    }
}

#[test]
fn each_of_the_41_rows_has_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut rows = BTreeSet::new();
    for folder in ["src/auth", "src/outbound", "tests/integration/auth"] {
        rows_marked_in(&root.join(folder), &mut rows);
    }
    let missing: Vec<_> = (1..=41).filter(|row| !rows.contains(row)).collect();
    assert_eq!(missing, Vec::<u32>::new(), "rows without a test");
    assert_eq!(rows.last(), Some(&41));
}
