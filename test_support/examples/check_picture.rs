//! Checks that a screenshot shows something: `check_picture FILE.png`. Used by `scripts/test.sh`.
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

/// A scene has text and icons, whose smooth edges alone have more colours than this.
const FEWEST_COLOURS: usize = 32;

/// More of one colour than this is a background with next to nothing on it.
const MOST_OF_ONE_COLOUR: f64 = 0.98;

fn main() {
    let path = std::env::args()
        .nth(1)
        .expect("usage: check_picture FILE.png");
    let file = File::open(&path).unwrap_or_else(|error| panic!("cannot open {path}: {error}"));
    let mut decoder = png::Decoder::new(BufReader::new(file));
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    let mut reader = decoder.read_info().expect("the file is a PNG");
    let mut pixels = vec![
        0;
        reader
            .output_buffer_size()
            .expect("the picture fits into memory")
    ];
    let info = reader
        .next_frame(&mut pixels)
        .expect("the picture is whole");

    let samples = info.color_type.samples();
    let mut colours = HashMap::<&[u8], usize>::new();
    for pixel in pixels[..info.buffer_size()].chunks_exact(samples) {
        *colours.entry(pixel).or_default() += 1;
    }
    let all = f64::from(info.width) * f64::from(info.height);
    let most = colours.values().max().copied().unwrap_or_default() as f64 / all;
    println!(
        "{path}: {} by {}, {} colours, the commonest on {:.1} % of it",
        info.width,
        info.height,
        colours.len(),
        most * 100.0
    );
    assert!(colours.len() >= FEWEST_COLOURS, "the picture is blank");
    assert!(most <= MOST_OF_ONE_COLOUR, "the picture is all but blank");
}
