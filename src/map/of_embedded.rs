//! The map of a folder of embedded pictures, with its table, its picture and what is told of it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::json;

use super::Drawing;
use super::made::{apart, write_apart};
use super::umap::{Distance, Settings, Stage, map, rounds};
use crate::error::{Context, OfRequest, Result, bail};
use crate::{embed, picture};

/// Pictures up to which stability and clusters are found unasked.
const FEW: usize = 5000;

/// What is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// A folder that `embed` wrote.
    pub embedded: PathBuf,
    /// Neighbours that a picture is tied to, itself counted.
    pub neighbours: usize,
    /// What is near.
    pub distance: Distance,
    /// It decides the map.
    pub seed: u64,
    /// Other seeds by which stability is measured; unless told 9, and of more than 5,000 pictures none.
    pub others: Option<u64>,
    /// Photographs that a cluster has at least, 0 for no clusters; unless told 10, and of more than 5,000 pictures 0.
    pub cluster: Option<usize>,
    /// The side of the picture in pixels; 0 for none.
    pub side: u32,
    /// The side of a picture on it.
    pub thumbnail: u32,
}

/// What is under way: so many are done, of so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Pictures whose neighbours are known.
    Neighbours(usize, usize),
    /// Rounds of all layouts.
    Layout(usize, usize),
    /// Clusters are being found.
    Clusters,
    /// Pictures that are drawn.
    Drawn(usize, usize),
}

/// What came of it: `map.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mapped {
    /// The folder of `map.csv`, `map.png` and, where pictures were made, `apart.csv`.
    pub out: PathBuf,
    /// Pictures on the map.
    pub pictures: usize,
    /// As asked for.
    pub neighbours: usize,
    /// As asked for, by name.
    pub distance: &'static str,
    /// As asked for.
    pub seed: u64,
    /// How far neighbours on the map are neighbours in the layer, 0 to 1.
    pub trustworthiness: f64,
    /// The same of two principal components.
    pub trustworthiness_of_components: f64,
    /// What these two have of the variance, 0 to 1.
    pub shares_of_components: [f64; 2],
    /// The mean share of neighbours on the map that stay with another seed, 0 to 1.
    pub stability: Option<f64>,
    /// How many clusters there are.
    pub clusters: Option<u32>,
    /// How far pictures that were made lie from photographs, by method.
    pub as_far: Vec<AsFar>,
}

/// How far the pictures of a method lie from photographs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AsFar {
    /// The method's name.
    pub made_by: String,
    /// The mean share of photographs that are as far from the next one as its pictures are, 0 to 1.
    pub share: f64,
}

/// Maps the pictures of a folder that `embed` wrote, and writes `map.csv`, `map.png`, `map.json` and, where pictures were made, `apart.csv`
/// into `out`. `watch` is told what is under way, and says whether to go on.
///
/// # Errors
/// A request: a folder that `embed` did not write, too few pictures, numbers that are not finite, somebody who would not go on. Storage.
pub fn of_embedded(asked: &Asked, out: &Path, watch: &(dyn Fn(Part) -> bool + Sync)) -> Result<Mapped> {
    let rows = embed::rows(&asked.embedded).of_request()?;
    let sources = embed::pictures(&asked.embedded).of_request()?;
    let count = rows.nrows();
    if sources.len() != count {
        bail!("{}: has {count} rows and {} pictures", asked.embedded.display(), sources.len());
    }
    let few = |unasked| if count > FEW { 0 } else { unasked };
    let others = asked.others.unwrap_or(few(9));
    let cluster = asked.cluster.unwrap_or(few(10) as usize);
    let Asked { neighbours, distance, seed, .. } = *asked;
    let settings = Settings { neighbours, distance, seed, others, cluster };
    let made_by = |row: usize| sources[row].made_by();
    let methods: BTreeSet<&str> = (0..count).filter_map(made_by).collect();
    let methods: Vec<String> = methods.into_iter().map(str::to_owned).collect();
    let made: Vec<Option<usize>> =
        (0..count).map(|row| made_by(row).and_then(|of| methods.iter().position(|method| method == of))).collect();
    let photographs: Vec<bool> = made.iter().map(Option::is_none).collect();
    let each = rounds(count);
    let stage = |stage: Stage| match stage {
        Stage::Neighbours(done) => watch(Part::Neighbours(done, count)),
        Stage::Layout(number, round) => {
            watch(Part::Layout(number as usize * each + round, each * (1 + others as usize)))
        }
        Stage::Clusters => watch(Part::Clusters),
    };
    let found = map(rows.view(), &photographs, &settings, &stage).of_request()?;
    let apart = apart(rows.view(), &photographs, distance).of_request()?;
    // Drawn before anything is written, so that whoever leaves meanwhile leaves nothing.
    let drawn = (asked.side > asked.thumbnail)
        .then(|| {
            let drawing = Drawing { side: asked.side, thumbnail: asked.thumbnail, made: &made, methods: &methods };
            let picture = |row: usize| picture::decode(&sources[row].bytes()?, &sources[row].name);
            found.draw(&picture, &drawing, &|done| watch(Part::Drawn(done, sources.len())))
        })
        .transpose()?;
    std::fs::create_dir_all(out).with_context(|| format!("{}: cannot be made", out.display()))?;
    found.write(&out.join("map.csv"))?;
    if !apart.is_empty() {
        let named = |row: usize| made_by(row).unwrap_or_default().to_owned();
        write_apart(&apart, &named, &out.join("apart.csv"))?;
    }
    if let Some(drawn) = drawn {
        let png = out.join("map.png");
        drawn.save(&png).with_context(|| format!("{}: cannot be written", png.display()))?;
    }
    let stability = found.stability.as_ref().map(|of| of.iter().sum::<f64>() / of.len() as f64);
    let clusters = found.clusters.as_ref().map(|of| of.iter().flatten().max().map_or(0, |last| last + 1));
    let as_far = (methods.iter().enumerate()).map(|(number, method)| {
        let of: Vec<f64> = apart.iter().filter(|of| made[of.row] == Some(number)).map(|of| of.as_far).collect();
        AsFar { made_by: method.clone(), share: of.iter().sum::<f64>() / of.len() as f64 }
    });
    let told = Mapped {
        out: out.to_owned(),
        pictures: count,
        neighbours,
        distance: distance.name(),
        seed,
        trustworthiness: found.trustworthiness[0],
        trustworthiness_of_components: found.trustworthiness[1],
        shares_of_components: found.shares,
        stability,
        clusters,
        as_far: as_far.collect(),
    };
    let path = out.join("map.json");
    // By way of a value, which has a number that is not finite as null.
    std::fs::write(&path, serde_json::to_vec_pretty(&json!(told))?)
        .with_context(|| format!("{}: cannot be written", path.display()))?;
    Ok(told)
}
