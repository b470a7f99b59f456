//! Strangers' words, made fit to be shown to people: nothing in them moves a cursor, changes colours, turns the text around or
//! hides in it.

/// True of control characters, those that change the direction of text (UAX #9), and those without a width.
#[must_use]
pub fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// The text, with characters that do something instead of being seen written as escapes, and cut after `most` characters.
#[must_use]
pub fn harmless(text: &str, most: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(most));
    for (at, c) in text.chars().enumerate() {
        if at == most {
            shown.push('…');
            break;
        }
        if acts(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_act_on_a_terminal_is_written_as_an_escape() {
        for (text, shown) in [
            ("plain, ünïcode 漢字", "plain, ünïcode 漢字"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("a\r\nb\u{8}", "a\\u{d}\\u{a}b\\u{8}"),
            ("\u{9b}2J", "\\u{9b}2J"),
            ("safe\u{202e}exe.txt", "safe\\u{202e}exe.txt"),
            ("a\u{200b}b", "a\\u{200b}b"),
            ("\u{e0041}", "\\u{e0041}"),
        ] {
            assert_eq!(harmless(text, 100), shown);
        }
        assert_eq!(harmless("éé", 2), "éé");
        assert_eq!(harmless("ééé", 2), "éé…");
    }
}
