//! The colours of the style sheet, in light and in dark, held to WCAG 2.2 AA.

use std::collections::HashMap;

const STYLE: &str = include_str!("page.css");

/// Text, and what it stands on.
const TEXT: &[(&str, &str)] = &[
    ("ink", "ground"),
    ("ink", "card"),
    ("ink", "code"),
    ("ink", "note"),
    ("quiet", "ground"),
    ("quiet", "card"),
    ("accent", "ground"),
    ("accent", "card"),
    ("accent-ink", "accent"),
    ("good", "card"),
    ("good", "ground"),
    ("wait", "card"),
    ("wait", "ground"),
    ("bad", "card"),
    ("bad", "ground"),
];

/// The variables of the first block after `from`.
fn colours(from: &str) -> HashMap<String, [f64; 3]> {
    let block = STYLE.split_once(from).expect("the block is there").1;
    let block = block.split_once('{').expect("an opening brace").1;
    let block = block.split_once('}').expect("a closing brace").0;
    let declarations = block.split(';').filter_map(|part| part.split_once(':'));
    let colours = declarations.filter_map(|(name, value)| {
        let hex = value.trim().strip_prefix('#')?;
        let channel =
            |at: usize| Some(f64::from(u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()?) / 255.0);
        Some((
            name.trim().trim_start_matches("--").to_owned(),
            [channel(0)?, channel(2)?, channel(4)?],
        ))
    });
    colours.collect()
}

/// WCAG 2.2, relative luminance.
fn luminance(colour: [f64; 3]) -> f64 {
    let linear = |c: f64| {
        if c <= 0.04045 {
            c / 12.92
        } else {
            ((c + 0.055) / 1.055).powf(2.4)
        }
    };
    let [red, green, blue] = colour.map(linear);
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn contrast_is_counted_as_wcag_counts_it() {
    assert!((contrast([0.0; 3], [1.0; 3]) - 21.0).abs() < 1e-9);
    let grey = [119.0 / 255.0; 3];
    assert!((contrast(grey, [1.0; 3]) - 4.48).abs() < 0.01);
}

#[test]
fn every_text_can_be_read_in_light_and_in_dark() {
    for (name, colours) in [
        ("light", colours(":root")),
        ("dark", colours("prefers-color-scheme: dark) {\n  :root")),
    ] {
        for (text, ground) in TEXT {
            let found = contrast(colours[*text], colours[*ground]);
            assert!(
                found >= 4.5,
                "{name}: {text} on {ground} is {found:.2}, expected 4.5"
            );
        }
        // WCAG 1.4.11: what is no text but must be seen, as the ring of the focus.
        let ring = contrast(colours["accent"], colours["ground"]);
        assert!(ring >= 3.0, "{name}: {ring:.2}");
    }
}
