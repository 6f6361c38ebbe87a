//! Checks that a screenshot is not blank, and that a later one of the same scene differs from it: `check_picture FILE.png
//! [LATER.png]`. Used by `scripts/test.sh`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a check: a failed expectation is a failed check"
)]

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;

/// A scene has more colours than this, because the edges of its text and icons are anti-aliased.
const FEWEST_COLOURS: usize = 32;

/// A larger share of one colour means an almost empty background.
const MOST_OF_ONE_COLOUR: f64 = 0.98;

/// One changed character changes more pixels than this.
const FEWEST_CHANGES: usize = 20;

fn main() {
    let mut paths = std::env::args().skip(1);
    let first = paths.next().expect("usage: check_picture FILE [LATER]");
    let picture = Picture::read(&first);
    picture.check(&first);
    if let Some(later) = paths.next() {
        picture.check_changed(&Picture::read(&later), &later);
    }
}

struct Picture {
    width: u32,
    height: u32,
    /// The samples of each pixel, row by row.
    pixels: Vec<Vec<u8>>,
}

impl Picture {
    fn read(path: &str) -> Self {
        let file = File::open(path).unwrap_or_else(|error| panic!("cannot open {path}: {error}"));
        let mut decoder = png::Decoder::new(BufReader::new(file));
        decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
        let mut reader = decoder.read_info().expect("the file is a PNG");
        let size = reader.output_buffer_size();
        let mut bytes = vec![0; size.expect("the picture fits into memory")];
        let info = reader.next_frame(&mut bytes).expect("the picture is whole");
        let samples = info.color_type.samples();
        Self {
            width: info.width,
            height: info.height,
            pixels: bytes[..info.buffer_size()]
                .chunks_exact(samples)
                .map(<[u8]>::to_vec)
                .collect(),
        }
    }

    fn check(&self, path: &str) {
        let mut colours = HashMap::<&[u8], usize>::new();
        for pixel in &self.pixels {
            *colours.entry(pixel).or_default() += 1;
        }
        let most = colours.values().max().copied().unwrap_or_default();
        let most = most as f64 / self.pixels.len() as f64;
        println!(
            "{path}: {} by {}, {} colours, the most common on {:.1} %",
            self.width,
            self.height,
            colours.len(),
            most * 100.0
        );
        assert!(colours.len() >= FEWEST_COLOURS, "the picture is blank");
        assert!(most <= MOST_OF_ONE_COLOUR, "the picture is almost blank");
    }

    fn check_changed(&self, later: &Self, path: &str) {
        assert_eq!((self.width, self.height), (later.width, later.height));
        let changes = self.pixels.iter().zip(&later.pixels);
        let changes = changes.filter(|(before, after)| before != after).count();
        println!("{path}: {changes} pixels differ");
        assert!(changes >= FEWEST_CHANGES, "the scene is frozen");
    }
}
