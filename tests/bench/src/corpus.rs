//! Documents and queries made up from numbers, with words as frequent as in real text.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Result;

/// How many different words there are.
const WORDS: usize = 40_000;
/// Words in a document, on average.
const LENGTH: u64 = 160;

/// The same documents and the same queries in every run.
pub(crate) struct Corpus {
    random: u64,
    // How often this word or a more frequent one is meant, summed up.
    cumulative: Vec<f64>,
}

impl Corpus {
    /// Zipf's law with Mandelbrot's correction: the n-th most frequent word comes 1 / (n + 2.7) as often.
    pub(crate) fn new() -> Self {
        let mut sum = 0.0;
        let cumulative = (1..=WORDS).map(|rank| {
            #[expect(clippy::cast_precision_loss, reason = "a small number")]
            let weight = 1.0 / (rank as f64 + 2.7);
            sum += weight;
            sum
        });
        Self {
            cumulative: cumulative.collect(),
            random: 0x9e37_79b9_7f4a_7c15,
        }
    }

    /// Writes `count` documents as JSON Lines.
    pub(crate) fn write(&mut self, path: &Path, count: u32) -> Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        for number in 0..count {
            let title = self.words(6);
            let length = LENGTH / 2 + self.next() % LENGTH;
            let text = self.words(length);
            writeln!(
                file,
                r#"{{"id":"{number}","title":"{title}","text":"{text}","url":"https://corpus.example/{number}"}}"#
            )?;
        }
        Ok(file.flush()?)
    }

    /// Two to five words, as people search: the most frequent hundred are rarely typed.
    pub(crate) fn query(&mut self) -> String {
        let length = 2 + self.next() % 4;
        let words = (0..length).map(|_| {
            let mut rank = self.rank();
            while rank < 100 {
                rank = self.rank();
            }
            word(rank)
        });
        words.collect::<Vec<_>>().join(" ")
    }

    fn words(&mut self, count: u64) -> String {
        let words = (0..count).map(|_| word(self.rank()));
        words.collect::<Vec<_>>().join(" ")
    }

    fn rank(&mut self) -> usize {
        #[expect(clippy::cast_precision_loss, reason = "53 bits are kept")]
        let share = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        let total = self.cumulative.last().copied().unwrap_or_default();
        self.cumulative.partition_point(|sum| *sum < share * total)
    }

    /// xorshift64 (Marsaglia, 2003).
    fn next(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

/// A pronounceable word for a rank, different for each.
fn word(rank: usize) -> String {
    const ONSETS: [&str; 16] = [
        "b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "st", "tr",
    ];
    const VOWELS: [&str; 5] = ["a", "e", "i", "o", "u"];
    let mut rest = rank + 80;
    let mut word = String::new();
    while rest > 0 {
        word.push_str(ONSETS.get(rest % 16).copied().unwrap_or_default());
        rest /= 16;
        word.push_str(VOWELS.get(rest % 5).copied().unwrap_or_default());
        rest /= 5;
    }
    word
}
