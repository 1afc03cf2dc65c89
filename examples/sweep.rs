//! An experiment file, worked off from Rust: `cargo run --example sweep -- experiments/smoke.yaml out/smoke`.

use metapicture::prelude::*;

fn main() -> Result<(), Error> {
    let mut words = std::env::args().skip(1);
    let file = words.next().unwrap_or_else(|| "experiments/smoke.yaml".to_owned());
    let out = words.next().unwrap_or_else(|| "out/smoke".to_owned());

    // What is in the folder is not computed again.
    let swept = Sweep::open(file, out)?.run(&Models::open()?)?;
    for run in swept.records() {
        match run {
            Ok(run) => {
                let (activation, picture) = (run.activation.scored, swept.picture(&run));
                println!("{} by {}: {activation:?}, {}", run.unit.name, run.method, picture.display());
            }
            Err(error) => println!("failed: {error}"),
        }
    }
    Ok(())
}
