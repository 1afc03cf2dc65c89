//! `metapicture critique`: from what a visualization shows to a statement about the training pictures that was checked.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use clap::Args;
use zoo::hash::sha256;

use super::compute::Compute;
use super::interrupt::stop_on_interrupt;
use super::output::print_json;
use super::progress::{count, counting};
use crate::cli::error::{Context, OfRequest, Result};
use metapicture::engine::annotate::{Labels, Sample};
use metapicture::engine::critique::{Given, Regions, foreseen, judge, register};

/// Checks a claim about the pictures of a class: what visualizations show, how many pictures show it, whether the network relies on it, whether pictures with it lie
/// together. Each statement has a test of its own.
#[derive(Debug, Args)]
#[command(
    after_help = "The first time, the claim is registered: what is expected, all pictures by their content, and which of them are labelled, under one hash in OUT/registered.json.
Beside it lie annotate.html, on which people label the pictures (and may draw regions), and read.html, on which people who do not know the source say what they see in
visualizations and in what these are held against. With `--labels` what was registered is tested: claim.html, claim.md, claim.json. A claim that was changed since is refused.

A claim:
  claim: People stand behind the fences of this class, and the network has learnt it.
  classifier: efficientnet-lite0
  class: chainlink fence
  pictures: [imagenet/n03000134]
  readings:
    - {name: behind, says: Somebody is behind the fence}
  sample: {precision: 0.02, expect: 0.03}         # or a number
  compare: [{class: picket fence, pictures: [imagenet/n03930313]}]
  visualizations: [out/fence]                     # folders of records
  nulls: [{name: other classes, pictures: [out/others]}, {name: free samples, pictures: [out/faces]}]   # one at least by the same methods
  encoders: [{classifier: bvlc_googlenet, layer: pool5/7x7_s1}, {classifier: squeezenet-caffe, layer: pool10}]
  expect:
    - {reading: behind, present: [0.01, 0.05]}
    - {reading: behind, more_than: picket fence}
    - {reading: behind, shown: [regularized, latent-natural]}
    - {reading: behind, relied: true}
    - {reading: behind, clusters: true}

Examples:
  metapicture critique claim.yaml --out out/claim
  metapicture critique claim.yaml --out out/claim --labels labels-*.csv --regions regions-anna.json --read labels-carla.csv"
)]
pub struct Critique {
    /// The claim.
    #[arg(value_name = "CLAIM.yaml")]
    claim: PathBuf,
    /// Where it is registered, and where its sheet goes.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Files that annotate.html gave people.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    labels: Vec<PathBuf>,
    /// Files that read.html gave people.
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "labels")]
    read: Vec<PathBuf>,
    /// Regions that show it: files of annotate.html, COCO's annotations, or folders of masks with the pictures' names.
    #[arg(long, value_name = "FILE|DIR", num_args = 1.., requires = "labels")]
    regions: Vec<PathBuf>,
    /// Registers a claim anew that was changed; its sheet says so.
    #[arg(long)]
    amend: bool,
    /// One JSON document on stdout.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    compute: Compute,
}

pub(super) fn run(command: Critique, quiet: bool) -> Result<u8> {
    let bar = counting("kinds of pictures read", quiet || command.json);
    let made = register(&command.claim, &command.out, command.amend, &|done, of| count(&bar, done, of));
    bar.finish_and_clear();
    let (registered, material) = made?;
    if command.labels.is_empty() {
        for what in foreseen(&registered.claim, &material) {
            log::warn!("shown will stay open: {what}");
        }
        if command.json {
            print_json(&registered)?;
        } else if !quiet {
            let out = command.out.display();
            println!("{out}/registered.json: {}", registered.sha256);
            println!("{out}/annotate.html: {} pictures to label", registered.sample.items.len());
            if let Some(read) = &registered.read {
                println!(
                    "{out}/read.html: {} pictures to read, by people who do not know what made them",
                    read.items.len()
                );
            }
        }
        return Ok(0);
    }
    let mut given = Given::default();
    let read = |sample: &Sample, files: &[PathBuf]| {
        files.iter().map(|file| Labels::read(sample, file)).collect::<Result<Vec<_>, _>>()
    };
    given.labels = read(&registered.sample, &command.labels)?;
    if let Some(sample) = &registered.read {
        given.read = read(sample, &command.read)?;
    }
    given.files = given.labels.iter().chain(&given.read).map(|of| of.sha256.clone()).collect();
    for path in &command.regions {
        given.regions.extend(Regions::read(&registered.sample, path)?);
        if path.is_file() {
            let bytes =
                std::fs::read(path).of_request().with_context(|| format!("{}: cannot be read", path.display()))?;
            given.files.push(sha256(bytes));
        }
    }
    let models = command.compute.models(quiet || command.json)?;
    let stop = stop_on_interrupt(Some("what was seen is kept"))?;
    let bar = counting("pictures", quiet || command.json);
    let watch = |what: &str, done: usize, of: usize| {
        bar.set_message(what.to_owned());
        count(&bar, done, of);
        !stop.load(Ordering::Relaxed)
    };
    let found = judge(&models, &registered, &material, &given, &command.out, &watch);
    bar.finish_and_clear();
    let found = found?;
    if command.json {
        print_json(&found)?;
    } else if !quiet {
        println!("{}", found.told());
        println!("{}: every figure and its test", command.out.join("claim.html").display());
    }
    Ok(0)
}
