//! A classifier of one's own, as TorchScript: `torch.jit.script(model).save("mine.pt")` in Python, and beside it mine.yaml:
//!
//! ```yaml
//! name: mine
//! kind: classifier
//! description: what it is
//! architecture: torchscript
//! config: { resolution: 224, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }
//! licence: mine
//! weights: { source: { path: ./mine.pt } }
//! ```
//!
//! `cargo run --example own_network -- mine.yaml class:3`

use metapicture::prelude::*;

fn main() -> Result<(), Error> {
    let mut words = std::env::args().skip(1);
    let manifest = words.next().unwrap_or_else(|| "mine.yaml".to_owned());
    let mine = Models::open()?.classifier(&manifest)?;
    for layer in mine.layers() {
        println!("{}: {:?}", layer.name, layer.shape);
    }
    let unit = words.next().unwrap_or_else(|| "class:0".to_owned());
    let picture = Visualization::of(&mine, &unit)?.method("naive")?.run()?;
    println!("{unit}: activation {:.1}", picture.activation());
    picture.save("mine.png")
}
