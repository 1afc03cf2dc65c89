//! What is compared: the pictures of folders of records and of foreign tables, grouped into methods.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Context, Result, bail, request};
use frozen::suggest::hint;
use serde_json::Value;

use super::comparison::{Kind, Source};
use crate::store::Store;
use crate::store::record::{Record, Status};

/// A method whose pictures are compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Unlike any other's.
    pub label: String,
    /// The method's name.
    pub name: String,
    /// Who made its pictures.
    pub kind: Kind,
    /// Its prior.
    pub generator: Option<String>,
    /// What a conditional generator was conditioned on.
    pub condition: Option<String>,
    /// All settings; null of foreign ones.
    pub settings: Value,
    /// Side of its pictures; none of foreign ones.
    pub size: Option<i64>,
    /// Side of its generator's pictures, where that is another.
    pub generator_size: Option<i64>,
}

/// A picture to be judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The run's id, or the row of the foreign table.
    pub id: String,
    /// The place of its group.
    pub group: usize,
    /// The unit's name.
    pub unit: String,
    /// The seed.
    pub seed: u64,
    /// Which of the pictures that were optimized together.
    pub facet: usize,
    /// The file.
    pub path: PathBuf,
    /// Forward and backward passes.
    pub passes: Option<[usize; 2]>,
}

/// Methods that differ in one number.
#[derive(Clone, Debug, PartialEq)]
pub struct Knob {
    /// Such as `blend (face-dcgan): eps`.
    pub name: String,
    /// The setting's path.
    pub setting: String,
    /// Groups and their values, ascending.
    pub groups: Vec<(usize, f64)>,
}

/// All that is compared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gathered {
    /// The methods.
    pub groups: Vec<Group>,
    /// The pictures.
    pub items: Vec<Item>,
    /// Where they came from.
    pub sources: Vec<Source>,
    /// The classifiers of the records and the sha256 of their weights.
    pub classifiers: BTreeMap<String, String>,
    /// Classifiers that judged the records.
    pub witnesses: BTreeSet<String>,
    taken: HashSet<String>,
}

impl Gathered {
    /// Adds the finished runs of a folder of records that are of this classifier, or of any where none is named.
    ///
    /// # Errors
    /// A folder that is none, or holds no finished run of it.
    pub fn add_folder(&mut self, folder: &Path, classifier: Option<&str>) -> Result<()> {
        let store = Store::read(folder)?;
        let (mut taken, mut failed, mut others, mut twice) = (0, 0, 0, 0);
        let mut records: Vec<Record> = store.records().collect();
        // Stores list their runs in no order that means anything.
        records.sort_by(|a, b| {
            (&a.method, &a.unit.name, a.seed, a.facet, &a.run_id).cmp(&(
                &b.method,
                &b.unit.name,
                b.seed,
                b.facet,
                &b.run_id,
            ))
        });
        for record in records {
            if record.status != Status::Done {
                failed += 1;
                continue;
            }
            if classifier.is_some_and(|wanted| wanted != record.classifier) {
                others += 1;
                continue;
            }
            let id = record.run_id.to_string();
            if !self.taken.insert(id.clone()) {
                twice += 1;
                continue;
            }
            taken += 1;
            let sha256 = record.provenance.weights_sha256.get(&record.classifier).cloned().unwrap_or_default();
            if let Some(before) = self.classifiers.insert(record.classifier.clone(), sha256.clone())
                && before != sha256
            {
                bail!("{}: run {id} has other weights of {} than runs before it", folder.display(), record.classifier);
            }
            self.witnesses.extend(record.witnesses.iter().map(|verdict| verdict.classifier.clone()));
            let group = self.group(Group {
                label: String::new(),
                name: record.method.clone(),
                kind: Kind::Run,
                generator: record.generator.clone(),
                condition: record.condition.clone(),
                settings: record.method_settings.clone(),
                size: Some(record.size),
                generator_size: record.generator_size,
            });
            self.items.push(Item {
                path: store.picture(&record.run_id),
                id,
                group,
                // Names of classes are not unique everywhere; numbers are.
                unit: match (record.unit.label, record.unit.index) {
                    (Some(_), Some(class)) => format!("class:{class}"),
                    _ => record.unit.name,
                },
                seed: record.seed.0,
                facet: record.facet,
                passes: record.passes.map(|passes| [passes.forward, passes.backward]),
            });
        }
        if taken == 0 && twice == 0 {
            let of = classifier.map(|name| format!(" of {name}")).unwrap_or_default();
            bail!("{}: there is no finished run{of} in it", folder.display());
        }
        let mut skipped = vec![];
        let mut skip = |count: usize, why: &str| {
            if count > 0 {
                skipped.push(format!("{count} {why}"));
            }
        };
        skip(failed, "runs that failed");
        skip(others, "runs of other classifiers");
        skip(twice, "runs that another folder has, too");
        skip(store.take_damage().len(), "damaged records");
        self.sources.push(Source {
            path: folder.to_owned(),
            pictures: taken,
            skipped,
            experiment: fs::read_to_string(folder.join("experiment.yaml")).ok(),
            provenance: fs::read(folder.join("provenance.json"))
                .ok()
                .and_then(|bytes| serde_json::from_slice(&bytes).ok()),
        });
        Ok(())
    }

    /// Adds the pictures of a table: columns `path`, `unit`, `method`, and perhaps `seed`; paths are relative to the table.
    ///
    /// # Errors
    /// A table that cannot be read, lacks a column, or names a file that is not there.
    pub fn add_table(&mut self, table: &Path) -> Result<()> {
        let file = table.display();
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_path(table)
            .with_context(|| format!("{file}: cannot be read"))?;
        let header = reader.headers().with_context(|| format!("{file}: has no header"))?.clone();
        let column = |name: &str| header.iter().position(|column| column.eq_ignore_ascii_case(name));
        let needed = |name: &str| {
            let found = header.iter().filter(|column| !column.is_empty());
            column(name).ok_or_else(|| request!("{file}: has no column '{name}'{}", hint(name, "its columns", found)))
        };
        let (path, unit, method, seed) = (needed("path")?, needed("unit")?, needed("method")?, column("seed"));
        let mut taken = 0;
        let mut of_unit: BTreeMap<(String, String), u64> = BTreeMap::new();
        for (number, row) in reader.records().enumerate() {
            let line = number + 2;
            let row = row.with_context(|| format!("{file}: row {line} cannot be read"))?;
            let cell = |column: usize| row.get(column).unwrap_or_default();
            for (name, column) in [("path", path), ("unit", unit), ("method", method)] {
                if cell(column).is_empty() {
                    bail!("{file}: row {line} has no {name}");
                }
            }
            let picture = table.parent().unwrap_or(Path::new("")).join(cell(path));
            if !picture.is_file() {
                bail!("{file}: row {line}: {} is not there", picture.display());
            }
            crate::picture::read(&picture).with_context(|| format!("{file}: row {line}"))?;
            let next = of_unit.entry((cell(method).to_owned(), cell(unit).to_owned())).or_default();
            let seed = match seed.map(cell).filter(|text| !text.is_empty()) {
                Some(text) => {
                    text.parse().map_err(|_| request!("{file}: row {line}: seed '{text}' is no whole number"))?
                }
                None => *next,
            };
            *next += 1;
            let group = self.group(Group {
                label: String::new(),
                name: cell(method).to_owned(),
                kind: Kind::Foreign,
                generator: None,
                condition: None,
                settings: Value::Null,
                size: None,
                generator_size: None,
            });
            taken += 1;
            self.items.push(Item {
                id: format!("{}:{line}", table.file_name().unwrap_or_default().to_string_lossy()),
                group,
                unit: cell(unit).to_owned(),
                seed,
                facet: 0,
                path: picture,
                passes: None,
            });
        }
        if taken == 0 {
            bail!("{file}: has no rows");
        }
        let source =
            Source { path: table.to_owned(), pictures: taken, skipped: vec![], experiment: None, provenance: None };
        self.sources.push(source);
        Ok(())
    }

    fn group(&mut self, group: Group) -> usize {
        match self.groups.iter().position(|known| *known == group) {
            Some(place) => place,
            None => {
                self.groups.push(group);
                self.groups.len() - 1
            }
        }
    }

    /// Names every group, and puts those first that have no prior, each with its kin, in the order of what they differ in.
    pub fn label(&mut self) {
        let mut order: Vec<usize> = (0..self.groups.len()).collect();
        let differing: Vec<Vec<(String, Value)>> = order.iter().map(|&place| self.differing(place)).collect();
        let number = |place: usize| differing[place].iter().map(|(_, value)| value.as_f64().unwrap_or(f64::NAN));
        order.sort_by(|&a, &b| {
            let key = |place: usize| {
                let of: &Group = &self.groups[place];
                (
                    of.kind == Kind::Foreign,
                    of.generator.is_some(),
                    rank(&of.name),
                    of.name.clone(),
                    of.generator.clone(),
                )
            };
            key(a).cmp(&key(b)).then_with(|| {
                let unequal = number(a).zip(number(b)).map(|(a, b)| a.total_cmp(&b)).find(|order| order.is_ne());
                unequal.unwrap_or(std::cmp::Ordering::Equal)
            })
        });
        let mut labels: Vec<String> = vec![String::new(); order.len()];
        for &place in &order {
            let group = &self.groups[place];
            let mut label = group.name.clone();
            let kin = || self.groups.iter().filter(|other| other.name == group.name);
            if let Some(generator) = &group.generator
                && kin().any(|other| other.generator.as_ref() != Some(generator))
            {
                label += &format!(" ({generator})");
            }
            if let Some(condition) = &group.condition
                && kin().any(|other| other.condition.as_ref() != Some(condition))
            {
                label += &format!(" {condition}");
            }
            if let Some(size) = group.size
                && kin().any(|other| other.size != Some(size))
            {
                label += &format!(" {size}px");
            }
            for (path, value) in &differing[place] {
                label += &format!(" {}={}", path.rsplit('.').next().unwrap_or(path), plain(value));
            }
            let count = labels.iter().filter(|other| **other == label).count();
            labels[place] = if count == 0 { label } else { format!("{label} #{}", count + 1) };
        }
        let mut to = vec![0; order.len()];
        for (new, &old) in order.iter().enumerate() {
            to[old] = new;
            self.groups[old].label.clone_from(&labels[old]);
        }
        self.groups = order.iter().map(|&old| self.groups[old].clone()).collect();
        for item in &mut self.items {
            item.group = to[item.group];
        }
    }

    /// Settings in which a group differs from another one of its name and prior, with its own values.
    fn differing(&self, place: usize) -> Vec<(String, Value)> {
        let group = &self.groups[place];
        let own = leaves(&group.settings);
        let mut paths = BTreeSet::new();
        for other in self.groups.iter().filter(|other| is_kin(other, group)) {
            let theirs = leaves(&other.settings);
            let all = own.keys().chain(theirs.keys());
            paths.extend(all.filter(|path| own.get(*path) != theirs.get(*path)).cloned());
        }
        paths.into_iter().map(|path| (path.clone(), own.get(&path).cloned().unwrap_or_default())).collect()
    }

    /// The dials: three or more groups of one name and prior that differ in one number and nothing else.
    pub fn knobs(&self) -> Vec<Knob> {
        let mut knobs: Vec<Knob> = vec![];
        for (place, group) in self.groups.iter().enumerate().filter(|(_, group)| group.kind == Kind::Run) {
            if knobs.iter().any(|knob| knob.groups.iter().any(|(other, _)| *other == place)) {
                continue;
            }
            let kin: Vec<usize> = (0..self.groups.len()).filter(|&other| is_kin(&self.groups[other], group)).collect();
            let differing = self.differing(place);
            let [(path, _)] = &differing[..] else { continue };
            let value = |place: usize| leaves(&self.groups[place].settings).get(path).and_then(Value::as_f64);
            let Some(mut groups) = kin.iter().map(|&place| Some((place, value(place)?))).collect::<Option<Vec<_>>>()
            else {
                continue;
            };
            if groups.len() < 3 {
                continue;
            }
            groups.sort_by(|a, b| a.1.total_cmp(&b.1));
            let prior = group.generator.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
            let leaf = path.rsplit('.').next().unwrap_or(path);
            // `weight` alone would not say of what.
            let what = match path.rsplit('.').nth(1) {
                Some(of) if leaf == "weight" => format!("{of} {leaf}"),
                _ => leaf.to_owned(),
            };
            knobs.push(Knob { name: format!("{}{prior}: {what}", group.name), setting: path.clone(), groups });
        }
        knobs
    }
}

/// Pixel methods as the paper tells them: naive first.
fn rank(name: &str) -> usize {
    usize::from(name != "naive")
}

fn is_kin(a: &Group, b: &Group) -> bool {
    a.kind == Kind::Run
        && (&a.kind, &a.name, &a.generator, &a.condition, &a.size)
            == (&b.kind, &b.name, &b.generator, &b.condition, &b.size)
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), |number| number.to_string()),
        value => value.to_string(),
    }
}

/// The values of a tree by their paths. An entry of a list is named by its one key where it has one, as methods' lists do.
fn leaves(tree: &Value) -> BTreeMap<String, Value> {
    fn walk(tree: &Value, path: &str, found: &mut BTreeMap<String, Value>) {
        let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        match tree {
            Value::Object(map) => map.iter().for_each(|(key, value)| walk(value, &below(key), found)),
            Value::Array(list) => {
                for (number, value) in list.iter().enumerate() {
                    let same = |key: &String| {
                        list.iter().filter(|other| other.as_object().is_some_and(|map| map.contains_key(key))).count()
                    };
                    match value.as_object().filter(|map| map.len() == 1).and_then(|map| map.iter().next()) {
                        Some((key, value)) if same(key) == 1 => walk(value, &below(key), found),
                        _ => walk(value, &below(&number.to_string()), found),
                    }
                }
            }
            Value::Number(number) => {
                // 0 and 0.0 are one setting.
                let value = number.as_f64().map_or_else(|| tree.clone(), Value::from);
                found.insert(path.to_owned(), value);
            }
            value => {
                found.insert(path.to_owned(), value.clone());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(tree, "", &mut found);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run(name: &str, generator: Option<&str>, settings: Value) -> Group {
        Group {
            label: String::new(),
            name: name.to_owned(),
            kind: Kind::Run,
            generator: generator.map(str::to_owned),
            condition: None,
            settings,
            size: Some(224),
            generator_size: None,
        }
    }

    fn gathered(groups: Vec<Group>) -> Gathered {
        let mut gathered = Gathered { groups, ..Gathered::default() };
        gathered.label();
        gathered
    }

    fn labels(gathered: &Gathered) -> Vec<&str> {
        gathered.groups.iter().map(|group| group.label.as_str()).collect()
    }

    #[test]
    fn methods_are_named_by_what_they_differ_in_and_dials_are_in_the_order_of_their_numbers() {
        let blend = |eps: f64| json!({ "param": { "blend": { "eps": eps } }, "steps": 10 });
        let tv = |weight: f64| json!({ "regularizers": [{ "l2": { "weight": 1 } }, { "total_variation": { "weight": weight } }] });
        let gathered = gathered(vec![
            run("blend", Some("g"), blend(0.1)),
            run("regularized", None, tv(100.)),
            run("blend", Some("g"), blend(0.)),
            run("regularized", None, tv(10.)),
            run("regularized", None, tv(0.)),
            run("naive", None, json!({ "steps": 10 })),
            run("blend", Some("g"), blend(0.03)),
        ]);
        let expected =
            ["naive", "regularized weight=0", "regularized weight=10", "regularized weight=100", "blend eps=0"];
        assert_eq!(labels(&gathered)[..5], expected);
        let knobs = gathered.knobs();
        let named: Vec<(&str, &str)> = knobs.iter().map(|knob| (&*knob.name, &*knob.setting)).collect();
        let weight = "regularizers.total_variation.weight";
        assert_eq!(named, [("regularized: total_variation weight", weight), ("blend (g): eps", "param.blend.eps")]);
        assert_eq!(knobs[1].groups, [(4, 0.), (5, 0.03), (6, 0.1)]);
    }

    #[test]
    fn what_differs_in_two_settings_is_no_dial() {
        let of = |eps: f64, steps: i64| json!({ "eps": eps, "steps": steps });
        let gathered =
            gathered(vec![run("m", None, of(0., 1)), run("m", None, of(0.1, 2)), run("m", None, of(0.2, 3))]);
        assert!(gathered.knobs().is_empty());
        assert_eq!(labels(&gathered)[0], "m eps=0 steps=1");
    }

    #[test]
    fn priors_are_named_where_a_method_has_several() {
        let gathered = gathered(vec![run("latent", Some("a"), json!(1)), run("latent", Some("b"), json!(1))]);
        assert_eq!(labels(&gathered), ["latent (a)", "latent (b)"]);
    }
}
