//! What a class of a classifier looks for, in the pictures that a GAN can make: `cargo run --example one_unit -- banana`.

use metapicture::prelude::*;

fn main() -> Result<(), Error> {
    let unit = std::env::args().nth(1).unwrap_or_else(|| "banana".to_owned());
    let models = Models::open()?;
    let lite0 = models.classifier("efficientnet-lite0")?;
    let witness = models.classifier("efficientnet-lite1")?;
    let faces = models.generator("face-dcgan")?;

    for method in ["naive", "latent"] {
        let request = Visualization::of(&lite0, &unit)?.prior(&faces).method(method)?.witnesses([&witness]);
        let picture = request.watch(|done, steps, _| eprint!("\r{method} {done}/{steps} ")).run()?;
        let believed = picture.witness_probability().map_or("-".to_owned(), |p| format!("{p:.3}"));
        println!("{method}: activation {:.1}, witness {believed}", picture.activation());
        picture.save(format!("{method}.png"))?;
    }
    Ok(())
}
