//! Lists the public items of a library, one per line, from the JSON that rustdoc writes. `scripts/public-api.sh` calls it.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use public_api::Builder;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let json = std::env::args_os().nth(1).ok_or("the path of the JSON")?;
    let surface = Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()?;
    print!("{surface}");
    Ok(())
}
