//! Tables, which become a card per row where the window is narrow.

use super::element::{Html, el};

/// A table whose first column says what a row is about.
#[derive(Clone, Debug)]
pub(in crate::http) struct Table<const N: usize> {
    caption: &'static str,
    heads: [&'static str; N],
    rows: Vec<[Html; N]>,
}

impl<const N: usize> Table<N> {
    /// A table without rows. The caption is read out, not shown: a heading stands above.
    pub(in crate::http) fn new(caption: &'static str, heads: [&'static str; N]) -> Self {
        let rows = Vec::new();
        Self {
            caption,
            heads,
            rows,
        }
    }

    /// Adds a row.
    pub(in crate::http) fn row(&mut self, cells: [Html; N]) {
        self.rows.push(cells);
    }

    /// The table, or these words if it has no rows.
    pub(in crate::http) fn or(self, nothing: &str) -> Html {
        if self.rows.is_empty() {
            return el("p").class("quiet").with(nothing).into();
        }
        // The roles are what the elements mean anyway, until the style makes cards of the rows (ARIA in HTML).
        let head = |head: &&'static str| {
            let cell = el("th").attr("scope", "col").attr("role", "columnheader");
            Html::from(cell.with(*head))
        };
        let heads = el("tr")
            .attr("role", "row")
            .all(self.heads.iter().map(head));
        let rows = self.rows.into_iter().map(|cells| {
            let cells = self.heads.iter().zip(cells).enumerate();
            let cells = cells.map(|(place, (head, content))| {
                let cell = match place {
                    0 => el("th").attr("scope", "row").attr("role", "rowheader"),
                    _ => el("td").attr("role", "cell"),
                };
                Html::from(cell.attr("data-label", head).with(el("div").with(content)))
            });
            Html::from(el("tr").attr("role", "row").all(cells))
        });
        let body = el("tbody").attr("role", "rowgroup").all(rows);
        let caption = el("caption").class("unseen").with(self.caption);
        let table = el("table").attr("role", "table").with(caption);
        let head = el("thead").attr("role", "rowgroup").with(heads);
        table.with(head).with(body).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cell_knows_its_column_and_nothing_is_said_in_words() {
        let mut table = Table::new("Pets", ["Name", "Kind"]);
        assert_eq!(
            table.clone().or("none <yet>").as_str(),
            "<p class=\"quiet\">none &lt;yet&gt;</p>"
        );
        table.row(["<Rex>".into(), "dog".into()]);
        let html = table.or("none");
        for part in [
            "<caption class=\"unseen\">Pets</caption>",
            "<th scope=\"col\" role=\"columnheader\">Kind</th>",
            "<th scope=\"row\" role=\"rowheader\" data-label=\"Name\"><div>&lt;Rex&gt;</div></th>",
            "<td role=\"cell\" data-label=\"Kind\"><div>dog</div></td>",
        ] {
            assert!(html.as_str().contains(part), "{part}");
        }
    }
}
