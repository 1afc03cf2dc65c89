//! What a comparison left that people can be asked about: pictures by method and unit, and photographs by how much they fire each unit.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::compare::findings::{Findings, Origin, Pools};
use crate::compare::{EXEMPLARS, PHOTOGRAPHS, tables};
use crate::error::{Context, OfRequest, Result, bail, request};
use crate::report;
use crate::store::Hash;
use zoo::suggest::hint;

/// Most pictures of a method that are shown at a time.
const SHOWN: usize = 9;

/// The material.
pub(super) struct Material {
    pub(super) findings: Findings,
    /// Of `comparison.json`.
    pub(super) sha256: Hash,
    /// Places of the methods that are judged, the baseline first.
    pub(super) methods: Vec<usize>,
    /// Whether the first of these is the baseline.
    pub(super) has_baseline: bool,
    /// Units that every method has pictures of: their places.
    pub(super) units: Vec<usize>,
    /// Files by method (its place; natural exemplars are one) and unit: at most nine.
    pictures: BTreeMap<(usize, usize), Vec<PathBuf>>,
    exemplars: usize,
    pools: Pools,
    photographs: Vec<PathBuf>,
    /// By unit's place: places of photographs, those that fire it most first.
    order: BTreeMap<usize, Vec<usize>>,
    /// By unit's place: photographs that its pictures were made from, about which nobody is asked.
    sources: BTreeMap<usize, BTreeSet<usize>>,
}

impl Material {
    /// Of the folder that `metapicture compare` left; `named` are labels or names of methods, all but controls where it is empty.
    pub(super) fn read(folder: &Path, named: &[String]) -> Result<Material> {
        let findings = report::read(folder)?;
        let path = folder.join(tables::JSON);
        let bytes = std::fs::read(&path).with_context(|| format!("{}: cannot be read", path.display()))?;
        let Some(pools) = findings.settings.pools else {
            bail!(
                "{}: was compared with {} photographs, too few to ask about any",
                folder.display(),
                findings.reference.photographs
            );
        };
        let control = |name: &str| {
            let is = |method: &_| is_control(method, name);
            findings.methods.iter().position(is)
        };
        let exemplars = control(EXEMPLARS).ok_or_else(|| request!("{}: has no natural exemplars", folder.display()))?;
        let mut methods = chosen(&findings, named)?;
        let baseline = findings.settings.baseline.filter(|baseline| methods.contains(baseline));
        methods.sort_by_key(|place| (Some(*place) != baseline, *place));
        let mut pictures: BTreeMap<(usize, usize), Vec<_>> = BTreeMap::new();
        let mut sources: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for picture in &findings.pictures {
            if methods.contains(&picture.method) || picture.method == exemplars {
                let all = pictures.entry((picture.method, picture.unit)).or_default();
                all.push((picture.seed, picture.facet, folder.join(&picture.file)));
                sources.entry(picture.unit).or_default().extend(&picture.sources);
            }
        }
        let first = |mut all: Vec<(u64, usize, PathBuf)>| {
            all.sort();
            all.into_iter().take(SHOWN).map(|(_, _, file)| file).collect::<Vec<_>>()
        };
        let pictures: BTreeMap<_, _> = pictures.into_iter().map(|(of, all)| (of, first(all))).collect();
        let has_all =
            |unit: &usize| methods.iter().chain([&exemplars]).all(|method| pictures.contains_key(&(*method, *unit)));
        let units: Vec<usize> = (0..findings.units.len()).filter(has_all).collect();
        let (photographs, activations) = photographs(folder, &findings, &units)?;
        let mut order = BTreeMap::new();
        for (unit, of) in activations {
            let mut places: Vec<usize> = (0..of.len()).collect();
            places.sort_by(|&a, &b| of[b].total_cmp(&of[a]).then(a.cmp(&b)));
            order.insert(unit, places);
        }
        if order.values().any(|places| places.len() < pools.top + pools.exemplars + pools.middle + pools.low) {
            bail!("{}: has fewer photographs than comparison.json says", folder.join(PHOTOGRAPHS).display());
        }
        let has_baseline = baseline.is_some();
        let sha256 = Hash::of(&bytes);
        Ok(Material {
            findings,
            sha256,
            methods,
            has_baseline,
            units,
            pictures,
            exemplars,
            pools,
            photographs,
            order,
            sources,
        })
    }

    /// A method's pictures of a unit.
    pub(super) fn pictures(&self, method: usize, unit: usize) -> &[PathBuf] {
        self.pictures.get(&(method, unit)).map_or(&[], Vec::as_slice)
    }

    /// The natural exemplars of a unit.
    pub(super) fn exemplars(&self, unit: usize) -> &[PathBuf] {
        self.pictures(self.exemplars, unit)
    }

    /// The place of the natural exemplars among the methods.
    pub(super) fn exemplars_place(&self) -> usize {
        self.exemplars
    }

    /// Photographs that fire a unit most.
    pub(super) fn top(&self, unit: usize) -> Vec<&Path> {
        self.part(unit, 0, self.pools.top)
    }

    /// Ordinary ones for it.
    pub(super) fn middle(&self, unit: usize) -> Vec<&Path> {
        self.part(unit, self.photographs.len() * 2 / 5, self.pools.middle)
    }

    /// Those that fire it least.
    pub(super) fn low(&self, unit: usize) -> Vec<&Path> {
        self.part(unit, self.photographs.len() - self.pools.low, self.pools.low)
    }

    fn part(&self, unit: usize, from: usize, count: usize) -> Vec<&Path> {
        let places = self.order[&unit].iter().skip(from).take(count);
        let is_free = |place: &&usize| !self.sources.get(&unit).is_some_and(|sources| sources.contains(place));
        places.filter(is_free).map(|place| self.photographs[*place].as_path()).collect()
    }
}

fn is_control(method: &crate::compare::findings::MethodFindings, name: &str) -> bool {
    method.kind == Origin::Control && method.name == name
}

/// The methods that are judged.
fn chosen(findings: &Findings, named: &[String]) -> Result<Vec<usize>> {
    let own = || findings.methods.iter().enumerate().filter(|(_, method)| method.kind != Origin::Control);
    if named.is_empty() {
        return Ok(own().map(|(place, _)| place).collect());
    }
    let mut places = vec![];
    for name in named {
        let by_label: Vec<usize> = own().filter(|(_, method)| method.label == *name).map(|(place, _)| place).collect();
        let found = match by_label.is_empty() {
            true => own().filter(|(_, method)| method.name == *name).map(|(place, _)| place).collect(),
            false => by_label,
        };
        if found.is_empty() {
            let labels = own().map(|(_, method)| method.label.as_str());
            bail!("--method: no method '{name}'{}", hint(name, "the methods", labels));
        }
        places.extend(found.into_iter().filter(|place| !places.contains(place)).collect::<Vec<_>>());
    }
    Ok(places)
}

type Activations = BTreeMap<usize, Vec<f64>>;

/// The table of photographs: files, and activations by unit.
fn photographs(folder: &Path, findings: &Findings, units: &[usize]) -> Result<(Vec<PathBuf>, Activations)> {
    let path = folder.join(PHOTOGRAPHS);
    let named = path.display();
    let mut reader = csv::Reader::from_path(&path).of_request().with_context(|| format!("{named}: cannot be read"))?;
    let header = reader.headers().of_request().with_context(|| format!("{named}: has no header"))?.clone();
    let column = |name: &str| {
        header.iter().position(|column| column == name).ok_or_else(|| request!("{named}: has no column '{name}'"))
    };
    let file = column("file")?;
    let mut columns = vec![];
    for unit in units {
        columns.push((*unit, column(&findings.units[*unit].name)?));
    }
    let (mut files, mut activations) = (vec![], Activations::new());
    for (number, row) in reader.records().enumerate() {
        let line = number + 2;
        let row = row.of_request().with_context(|| format!("{named}: row {line} cannot be read"))?;
        files.push(folder.join(&row[file]));
        for (unit, column) in &columns {
            let value: f64 = row[*column]
                .parse()
                .map_err(|_| request!("{named}: row {line}: '{}' is no activation", &row[*column]))?;
            activations.entry(*unit).or_default().push(value);
        }
    }
    Ok((files, activations))
}
