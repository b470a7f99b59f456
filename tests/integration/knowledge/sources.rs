//! What folders and files of records become.

use crate::library::{Library, best, settled, titles};

#[tokio::test]
async fn a_folder_and_a_file_of_records_answer_together() {
    let mut library = Library::new();
    library.collection("docs");
    library.collection("orders.jsonl");
    library.write(
        "docs/guide.md",
        "---\ntitle: The guide\n---\n# Heading\n\nBake **slowly**.",
    );
    library.write(
        "docs/deep/page.html",
        "<title>A page</title><nav>menu</nav><p>Frost quickly.",
    );
    library.write("docs/plain-notes.txt", "Sieve the flour twice.");
    library.write("docs/.hidden/secret.md", "Hidden quartz.");
    library.write("docs/logo.png", b"\x89PNG\r\n\x1a\n");
    library.write(
        "orders.jsonl",
        r#"{"id":1,"title":"Order 1","text":"Twelve lemon cupcakes","url":"https://shop.example/1","metadata":{"status":"paid"}}"#,
    );
    let knowledge = library.opened().await;

    assert_eq!(titles(&knowledge, "baking slow"), ["The guide"]);
    assert_eq!(titles(&knowledge, "frosting"), ["A page"]);
    assert_eq!(titles(&knowledge, "flour"), ["plain notes"]);
    assert_eq!(titles(&knowledge, "menu quartz PNG"), [""; 0]);
    let guide = best(&knowledge, "slowly").expect("the guide");
    assert_eq!(guide.text, "# Heading\n\nBake **slowly**.");
    assert_eq!(
        guide.url,
        format!("https://mcp.example.com/documents/{}", guide.id)
    );
    assert_eq!(guide.metadata, r#"{"path":"guide.md","collection":"docs"}"#);
    let order = best(&knowledge, "cupcake").expect("the order");
    assert_eq!(order.url, "https://shop.example/1");
    assert_eq!(
        order.metadata,
        r#"{"status":"paid","record":"1","collection":"orders"}"#
    );
    let health = settled(&knowledge).await;
    assert_eq!((health.documents(), health.failures()), (4, 0));
    library.close().await;
}
