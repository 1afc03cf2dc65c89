//! `metapicture generate`: pictures from a generator's random or given codes.

use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use generators::Generator;
use serde_json::json;
use tch::{Kind, Tensor};

use super::{Compute, Failure, Usage, load, print_json};
use crate::param::{Condition, Space};
use crate::picture::to_rgb8;
use crate::random::Seed;
use crate::samples::{Drawn, random, to_host};
use crate::sheet::{Cell, Sheet};
use crate::tensor_file::read_npy;

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
    /// Codes from a file instead: a .safetensors or .npy with `code` [N,D] or [D] (and `condition`).
    #[arg(long, value_name = "FILE", conflicts_with_all = ["count", "seed"])]
    codes: Option<PathBuf>,
    /// The folder to write to.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// One JSON document on stdout.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    compute: Compute,
}

pub(super) fn run(command: Generate, quiet: bool) -> Result<u8, Failure> {
    let (device, _) = command.compute.set_up().usage()?;
    let last = command.seed.checked_add(command.count);
    let end =
        last.ok_or_else(|| anyhow!("--seed: {} is too large for {} seeds", command.seed, command.count)).usage()?;
    let zoo = load::zoo()?;
    let generator = load::generator(&zoo, &command.generator, None, device, quiet)?;
    let condition = load::condition(&generator, command.class.as_deref()).context("--class").usage()?;
    let (names, Drawn { pictures, state }) = match &command.codes {
        Some(path) => {
            let (codes, inputs) = inputs_from(path, &generator, condition).usage()?;
            let made = to_host(&generator.pictures(&inputs));
            let names = (0..made.size()[0]).map(|i| format!("code {i}")).collect::<Vec<_>>();
            let pictures = (0..made.size()[0]).map(|i| to_rgb8(&made.get(i))).collect::<Result<_, _>>()?;
            (names, Drawn { pictures, state: vec![("code", to_host(&codes))] })
        }
        None => {
            let seeds: Vec<Seed> = (command.seed..end).map(Seed).collect();
            let names = seeds.iter().map(|seed| format!("seed {}", seed.0)).collect();
            (names, random(&generator, Space::Gaussian, condition, &seeds)?)
        }
    };
    std::fs::create_dir_all(&command.out).with_context(|| format!("{}: cannot be made", command.out.display()))?;
    let mut cells = vec![];
    let mut files = vec![];
    for (name, picture) in names.iter().zip(pictures) {
        let file = command.out.join(format!("{}.png", name.replace(' ', "-")));
        picture.save(&file).with_context(|| format!("{}: cannot be written", file.display()))?;
        files.push(file);
        cells.push(Some(Cell { picture: Some(picture), caption: vec![name.clone()] }));
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

/// Codes and network inputs from a file of codes.
fn inputs_from(
    path: &std::path::Path,
    generator: &Generator,
    condition: Option<Condition>,
) -> anyhow::Result<(Tensor, Tensor)> {
    let file = path.display();
    let tensors = match path.extension().and_then(|extension| extension.to_str()) {
        Some("npy") => {
            vec![("code".to_owned(), read_npy(path)?)]
        }
        Some("safetensors") => Tensor::read_safetensors(path).with_context(|| format!("{file}: cannot be read"))?,
        _ => bail!("--codes: '{file}' must end in .safetensors or .npy"),
    };
    let there = |tensor: &Tensor| tensor.to_kind(Kind::Float).to_device(generator.network.device());
    let rows = |name: &str, of_one: &[i64]| -> anyhow::Result<Option<Tensor>> {
        let Some((_, tensor)) = tensors.iter().find(|(found, _)| found == name) else { return Ok(None) };
        match &tensor.size()[..] {
            one if one == of_one => Ok(Some(there(&tensor.unsqueeze(0)))),
            [n, rest @ ..] if rest == of_one && *n > 0 => Ok(Some(there(tensor))),
            other => {
                let list = of_one.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
                bail!("{file}: '{name}' has shape {other:?}; {} takes [N,{list}] or [{list}]", generator.name)
            }
        }
    };
    let codes = rows("code", &generator.code.shape)?.ok_or_else(|| anyhow!("{file}: holds no tensor 'code'"))?;
    let classes = generator.classes();
    if classes == 0 {
        return Ok((codes.shallow_clone(), codes));
    }
    if let (Some(vectors), None | Some(Condition::Relaxed)) =
        (rows("embedding", &[generator.condition_width()])?, condition)
    {
        if vectors.size()[0] != codes.size()[0] {
            bail!("{file}: {} codes, and {} embeddings", codes.size()[0], vectors.size()[0]);
        }
        let input = generator.input_with(&codes, &vectors);
        return Ok((codes, input));
    }
    let weights = match (rows("condition", &[classes])?, condition) {
        (_, Some(Condition::Class(class))) => {
            let one_hot = Tensor::zeros([codes.size()[0], classes], (Kind::Float, generator.network.device()));
            let _ = one_hot.select(1, class as i64).fill_(1.);
            one_hot
        }
        (Some(weights), _) if weights.size()[0] == codes.size()[0] => weights,
        _ => bail!(
            "{file}: {} is conditional: name a --class, or add a tensor 'condition' [N,{classes}]",
            generator.name
        ),
    };
    let input = generator.input(&codes, Some(&weights));
    Ok((codes, input))
}
