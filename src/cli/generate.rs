//! `metapicture generate`: pictures from a generator's random or given codes.

use std::path::{Path, PathBuf};

use clap::Args;
use generators::Generator;
use serde_json::json;
use tch::{Kind, Tensor};

use super::compute::Compute;
use super::output::print_json;
use crate::cli::error::{Context, OfRequest, Result, bail, request};
use metapicture::engine::models::condition;
use metapicture::engine::param::{Condition, Space};
use metapicture::engine::picture::read_npy;
use metapicture::engine::random::Seed;
use metapicture::engine::samples::{Drawn, pictures, random, to_host};
use metapicture::engine::sheet::{Cell, Sheet};

/// Pictures from a generator's random or given codes.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  metapicture generate --generator face-dcgan --count 16 --seed 1 --out out/faces
  metapicture generate --generator face-dcgan --codes out/banana/runs/ID/state.safetensors --out out/again")]
pub struct Generate {
    /// A generator of the zoo, or the path of a manifest.
    #[arg(long, value_name = "NAME")]
    generator: String,
    /// How many random codes.
    #[arg(long, default_value_t = 16, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=4096))]
    count: u64,
    /// Seed of the first code; every picture has the next seed.
    #[arg(long, default_value_t = 0, value_name = "S")]
    seed: u64,
    /// The class of a conditional generator, by name or index; unless told, each picture gets a random mixture.
    #[arg(long, value_name = "K")]
    class: Option<String>,
    /// Codes from a file instead: a .safetensors or .npy with `code` [N,D] or [D] (and `condition` or `embedding`).
    #[arg(long, value_name = "FILE", conflicts_with_all = ["count", "seed", "size"])]
    codes: Option<PathBuf>,
    /// Side of the pictures in pixels, of generators of spatial codes [default: the generator's own; with --codes, theirs].
    #[arg(long, value_name = "PX", value_parser = clap::value_parser!(i64).range(8..=4096))]
    size: Option<i64>,
    /// The folder to write to.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// One JSON document on stdout.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    compute: Compute,
}

pub(super) fn run(command: Generate, quiet: bool) -> Result<u8> {
    let models = command.compute.models(quiet)?;
    let last = command.seed.checked_add(command.count);
    let end = last
        .ok_or_else(|| request!("--seed: {} is too large for {} seeds", command.seed, command.count))
        .of_request()?;
    let given = command.codes.as_deref().map(Given::read).transpose().of_request()?;
    let mut loaded = models.generator(&command.generator)?;
    let side = command.size.or_else(|| given.as_ref().and_then(|given| given.side(loaded.engine())));
    if let Some(side) = side.filter(|side| *side != loaded.size()[0]) {
        if !loaded.engine().code.is_spatial() {
            bail!("size: {} makes pictures of {} px only", loaded.name(), loaded.size()[0]);
        }
        drop(loaded);
        loaded = models.generator_at(&command.generator, Some(side))?;
    }
    let generator = loaded.engine();
    let condition = condition(generator, command.class.as_deref()).context("--class").of_request()?;
    let (names, Drawn { pictures, state }) = match &given {
        Some(given) => {
            let (inputs, state) = given.inputs(generator, condition).of_request()?;
            let pictures = pictures(generator, &inputs)?;
            ((0..pictures.len()).map(|i| format!("code {i}")).collect::<Vec<_>>(), Drawn { pictures, state })
        }
        None => {
            let seeds: Vec<Seed> = (command.seed..end).map(Seed).collect();
            let names = seeds.iter().map(|seed| format!("seed {}", seed.0)).collect();
            (names, random(generator, Space::Gaussian, condition, &seeds)?)
        }
    };
    std::fs::create_dir_all(&command.out).with_context(|| format!("{}: cannot be made", command.out.display()))?;
    let mut cells = vec![];
    let mut files = vec![];
    for (name, picture) in names.iter().zip(pictures) {
        let file = command.out.join(format!("{}.png", name.replace(' ', "-")));
        picture.save(&file).with_context(|| format!("{}: cannot be written", file.display()))?;
        files.push(file);
        cells.push(Some(Cell::of(picture, vec![name.clone()])));
    }
    Tensor::write_safetensors(&state, command.out.join("codes.safetensors"))?;
    let columns = cells.len().min(8);
    let sheet = Sheet {
        title: format!("{}: {}", generator.name, if command.codes.is_some() { "given codes" } else { "random codes" }),
        columns: vec![String::new(); columns],
        rows: vec![String::new(); cells.len().div_ceil(columns)],
        cells: cells.chunks(columns).map(<[_]>::to_vec).collect(),
        notes: vec![],
        side: 128,
    };
    sheet.draw()?.save(command.out.join("sheet.png"))?;
    if command.json {
        print_json(&json!({ "generator": generator.name, "pictures": files, "sheet": command.out.join("sheet.png") }))?;
    } else if !quiet {
        println!("{} pictures and sheet.png are in {}", names.len(), command.out.display());
    }
    Ok(0)
}

/// A file of codes.
struct Given {
    path: PathBuf,
    tensors: Vec<(String, Tensor)>,
}

impl Given {
    fn read(path: &Path) -> Result<Given> {
        let file = path.display();
        let tensors = match path.extension().and_then(|extension| extension.to_str()) {
            Some("npy") => vec![("code".to_owned(), read_npy(path)?)],
            Some("safetensors") => Tensor::read_safetensors(path).with_context(|| format!("{file}: cannot be read"))?,
            _ => bail!("--codes: '{file}' must end in .safetensors or .npy"),
        };
        Ok(Given { path: path.to_owned(), tensors })
    }

    fn tensor(&self, name: &str) -> Option<&Tensor> {
        self.tensors.iter().find(|(known, _)| known == name).map(|(_, tensor)| tensor)
    }

    /// The side of the pictures that spatial codes of its size give.
    fn side(&self, generator: &Generator) -> Option<i64> {
        let [_, places, _] = generator.code.shape[..] else { return None };
        let size = self.tensor("code")?.size();
        let [.., height, width] = size[..] else { return None };
        (height == width && height != places).then(|| generator.size[0] / places * height)
    }

    /// A tensor `[N,…]` of so many numbers for each code.
    fn rows(&self, name: &str, of_one: &[i64], generator: &Generator) -> Result<Option<Tensor>> {
        let Some(tensor) = self.tensor(name) else { return Ok(None) };
        let there = |tensor: &Tensor| tensor.to_kind(Kind::Float).to_device(generator.network.device());
        match &tensor.size()[..] {
            one if one == of_one => Ok(Some(there(&tensor.unsqueeze(0)))),
            [n, rest @ ..] if rest == of_one && *n > 0 => Ok(Some(there(tensor))),
            other => {
                let list = of_one.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
                let (file, name_of) = (self.path.display(), &generator.name);
                bail!("{file}: '{name}' has shape {other:?}; {name_of} takes [N,{list}] or [{list}]")
            }
        }
    }

    /// The network's inputs, and what makes them again.
    fn inputs(
        &self,
        generator: &Generator,
        condition: Option<Condition>,
    ) -> Result<(Tensor, Vec<(&'static str, Tensor)>)> {
        let file = self.path.display();
        if self.tensor("residual").is_some() {
            bail!("{file}: is that of a blend, whose picture is not the generator's alone: see image.png beside it");
        }
        let codes = self.rows("code", &generator.code.shape, generator)?;
        let codes = codes.ok_or_else(|| request!("{file}: holds no tensor 'code'"))?;
        let (count, classes) = (codes.size()[0], generator.classes());
        let of_codes = ("code", to_host(&codes));
        if classes == 0 {
            return Ok((codes, vec![of_codes]));
        }
        if let (Some(vectors), None | Some(Condition::Relaxed)) =
            (self.rows("embedding", &[generator.condition_width()], generator)?, condition)
        {
            if vectors.size()[0] != count {
                bail!("{file}: {count} codes, and {} embeddings", vectors.size()[0]);
            }
            return Ok((generator.input_with(&codes, &vectors), vec![of_codes, ("embedding", to_host(&vectors))]));
        }
        let weights = match (self.rows("condition", &[classes], generator)?, condition) {
            (_, Some(Condition::Class(class))) => {
                let one_hot = Tensor::zeros([count, classes], (Kind::Float, generator.network.device()));
                let _ = one_hot.select(1, class as i64).fill_(1.);
                one_hot
            }
            (Some(weights), _) if weights.size()[0] == count => weights,
            _ => bail!(
                "{file}: {} is conditional: name a --class, or add a tensor 'condition' [N,{classes}]",
                generator.name
            ),
        };
        let inputs = generator.input(&codes, Some(&weights));
        Ok((inputs, vec![of_codes, ("condition", to_host(&weights))]))
    }
}
