//! Strangers' words on a terminal: nothing in them moves the cursor, changes colours or turns the text around.

/// As many characters of one text are shown.
const MOST: usize = 300;

/// The text, with characters that do something instead of being seen written as escapes, and cut.
#[must_use]
pub fn harmless(text: &str) -> String {
    let mut shown = String::new();
    for (at, c) in text.chars().enumerate() {
        if at == MOST {
            shown.push('…');
            break;
        }
        if does_something(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Control characters, those that change the direction of text (UAX #9), and those without a width.
fn does_something(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
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
            assert_eq!(harmless(text), shown);
        }
        assert_eq!(harmless(&"x".repeat(1000)).chars().count(), MOST + 1);
    }
}
