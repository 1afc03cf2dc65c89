//! The points of an experiment: one for each classifier, generator, method and combination of swept values. They are
//! made one after the other, so that a million of them take no more memory than one.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value as Json;

use super::document::make_way;
use super::field::Field;
use super::located::Located;
use super::method_entry;
use super::node::{Node, Value};
use super::place::FileError;
use super::rebase::rebase_limits;
use super::seeds::Seeds;
use super::setting::{self, GeneratorChoice, Models, Setting, Units};
use super::sweep::{Group, MOST_POINTS, Sweep};
use super::unit_pattern::UnitPattern;
use crate::method::Method;

/// A swept path.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// Its shortest tail that no other axis has.
    pub name: String,
    /// The path, items of lists by their names where they have one.
    pub path: String,
    /// Its values, in their order.
    pub values: Vec<Json>,
}

/// What is visualised with what, by which method: every unit, with every seed.
#[derive(Clone, Debug)]
pub struct Point {
    /// An entry of the zoo, or the path of a manifest.
    pub classifier: Located<String>,
    /// The natural image prior, where the method searches its codes.
    pub generator: Option<GeneratorChoice>,
    /// The method, checked.
    pub method: Method,
    /// Side of the pictures in pixels, if another one than the method's is wanted.
    pub size: Option<i64>,
    /// The units, not yet resolved; at least one.
    pub units: Arc<[Located<UnitPattern>]>,
    /// The seeds.
    pub seeds: Arc<Seeds>,
    /// Its value on each axis of the experiment; none where the axis does not concern its method.
    pub values: Vec<Option<Json>>,
}

/// Everything that points are made of.
#[derive(Debug)]
struct Plan {
    /// The document without its sweep, the methods spelled out, the units left out where they are known.
    root: Node,
    /// The units, unless they are swept: thousands of them are read once, not for every point.
    units: Option<Units>,
    folder: PathBuf,
    sweep: Sweep,
    /// Groups of paths that concern every method.
    shared: Vec<Group>,
    /// By method: its name, and groups that concern it and not every method.
    own: Vec<(String, Vec<Group>)>,
}

/// The points of an experiment, in a fixed order: the swept values that concern every method outermost, the first swept
/// path slowest; then classifiers, generators, methods; then the swept values of one method.
#[derive(Clone, Debug)]
pub struct Points {
    plan: Arc<Plan>,
    count: usize,
}

impl Points {
    /// Checks every point once.
    pub(super) fn new(mut root: Node, folder: PathBuf, sweep: Sweep, models: &mut Models) -> Result<Points, FileError> {
        let place = root.place.clone();
        let methods = Field::new(&root, "").required("methods")?;
        let mut names: Vec<String> = vec![];
        for entry in methods.items() {
            if !matches!(entry.node.value, Value::Map(_)) {
                return Err(entry.not("a map of settings"));
            }
            let name = entry.required("name")?;
            let text = name.text()?;
            if names.iter().any(|other| other == text) {
                return Err(name_of(&entry, &name)
                    .wrong(format!("there is a method '{text}' already; give this one another `name`")));
            }
            names.push(text.to_owned());
        }
        if names.is_empty() {
            return Err(methods.wrong("at least one method is wanted"));
        }
        let units = match sweep.axes.iter().any(|axis| axis.path.0[0] == "units") {
            true => None,
            false => Some(setting::units(&root, &folder)?),
        };
        if units.is_some() {
            root.remove("units");
        }
        let concerns = |group: &Group, name: Option<&str>| {
            group.axes.iter().any(|&axis| sweep.axes[axis].method.as_deref() == name)
        };
        let shared: Vec<Group> = sweep.groups.iter().filter(|group| concerns(group, None)).cloned().collect();
        let own = names.into_iter().map(|name| {
            let groups = sweep.groups.iter().filter(|group| !concerns(group, None) && concerns(group, Some(&name)));
            let groups = groups.cloned().collect();
            (name, groups)
        });
        let own = own.collect();
        let plan = Plan { root, units, folder, shared, own, sweep };
        let of_methods: Option<u64> =
            plan.own.iter().map(|(_, groups)| combinations(groups)).try_fold(0u64, |sum, more| sum.checked_add(more?));
        let all = combinations(&plan.shared).zip(of_methods).and_then(|(shared, own)| shared.checked_mul(own));
        let too_many = || {
            let place = plan.sweep.axes.first().map_or(&place, |axis| &axis.place);
            FileError::new(place, "sweep", format!("these are more than {MOST_POINTS} points"))
        };
        if all.is_none_or(|all| all > MOST_POINTS) {
            return Err(too_many());
        }
        let mut count: u64 = 0;
        for combination in 0..combinations(&plan.shared).unwrap_or(0) {
            let stage = plan.stage(combination)?;
            models.check_all(&stage.setting)?;
            let classifiers = stage.setting.classifiers.len() as u64;
            let generators = stage.setting.generators.iter().flatten().count() as u64;
            for (index, (name, groups)) in plan.own.iter().enumerate() {
                for combination in 0..combinations(groups).unwrap_or(0) {
                    let (method, _) = plan.method(&stage, index, combination)?;
                    if method.needs_generator() && generators == 0 {
                        let entry = Field::new(&plan.methods(&stage.root)[index], format!("methods.{name}"));
                        return Err(entry.wrong("searches a generator's code: name one with 'generator'"));
                    }
                    count += classifiers * if method.needs_generator() { generators } else { 1 };
                }
            }
            if count > MOST_POINTS {
                return Err(too_many());
            }
        }
        Ok(Points { plan: Arc::new(plan), count: count as usize })
    }

    /// How many there are: at least 1.
    #[allow(clippy::len_without_is_empty)] // There is always one.
    pub fn len(&self) -> usize {
        self.count
    }

    /// One after the other.
    ///
    /// # Errors
    /// None that was not found when the file was loaded.
    pub fn iter(&self) -> impl Iterator<Item = Result<Point, FileError>> + '_ {
        let plan = &*self.plan;
        (0..combinations(&plan.shared).unwrap_or(0)).flat_map(move |combination| {
            let stage = match plan.stage(combination) {
                Ok(stage) => Arc::new(stage),
                Err(error) => return Box::new(std::iter::once(Err(error))) as Box<dyn Iterator<Item = _>>,
            };
            Box::new(plan.points(stage))
        })
    }

    pub(super) fn axes(&self) -> Vec<Axis> {
        let sweep = &self.plan.sweep;
        let axis = |(axis, name): (&super::sweep::SweptPath, String)| {
            let values = axis.values.iter().map(Node::to_json).collect();
            Axis { name, path: axis.path.to_string(), values }
        };
        sweep.axes.iter().zip(sweep.names()).map(axis).collect()
    }
}

/// The field that says what a method is called.
fn name_of<'a>(entry: &Field<'a>, name: &Field<'a>) -> Field<'a> {
    if name.node.place.is_of_base() { entry.clone() } else { name.clone() }
}

/// How many combinations of values groups have.
fn combinations(groups: &[Group]) -> Option<u64> {
    groups.iter().try_fold(1u64, |product, group| product.checked_mul(group.length as u64))
}

/// The document at one combination of the values that concern every method.
#[derive(Debug)]
struct Stage {
    root: Node,
    setting: Setting,
    combination: u64,
}

impl Plan {
    fn methods<'a>(&self, root: &'a Node) -> &'a [Node] {
        match root.get("methods").map(|methods| &methods.value) {
            Some(Value::List(methods)) => methods,
            _ => &[],
        }
    }

    /// Which value of each path a combination takes: path and index, the first group slowest.
    fn chosen(&self, groups: &[Group], mut combination: u64) -> Vec<(usize, usize)> {
        let mut chosen = vec![];
        for group in groups.iter().rev() {
            let index = (combination % group.length as u64) as usize;
            combination /= group.length as u64;
            chosen.extend(group.axes.iter().map(|&axis| (axis, index)));
        }
        chosen
    }

    fn stage(&self, combination: u64) -> Result<Stage, FileError> {
        let mut root = self.root.clone();
        for (axis, index) in self.chosen(&self.shared, combination) {
            let axis = &self.sweep.axes[axis];
            make_way(&mut root, &axis.path.0[0]);
            axis.path.assign(0, &mut root, &axis.place, axis.values[index].clone())?;
        }
        let setting = Setting::read(&root, &self.folder, self.units.as_ref())?;
        Ok(Stage { root, setting, combination })
    }

    /// The method of this number at one combination of its own values, and the size of its pictures.
    fn method(&self, stage: &Stage, number: usize, combination: u64) -> Result<(Method, Option<i64>), FileError> {
        let (name, groups) = &self.own[number];
        let mut node = self.methods(&stage.root)[number].clone();
        for (axis, index) in self.chosen(groups, combination) {
            let axis = &self.sweep.axes[axis];
            if axis.method.as_ref() == Some(name) {
                axis.path.assign(2, &mut node, &axis.place, axis.values[index].clone())?;
            }
        }
        for key in ["steps", "facets"] {
            // What the experiment says of one method wins over what it says of all.
            if let Some(for_all) = stage.root.entry(key).filter(|entry| !entry.node.is_null())
                && node.get(key).is_none_or(|own| own.place.is_of_base())
            {
                node.put(key, &for_all.place, for_all.node.clone());
            }
        }
        rebase_limits(&mut node, "", &self.folder);
        let (method, size) = method_entry::method(&Field::new(&node, format!("methods.{name}")))?;
        Ok((method, size.or(stage.setting.size)))
    }

    /// The values on every axis.
    fn values(&self, stage: &Stage, number: usize, combination: u64) -> Vec<Option<Json>> {
        let (name, groups) = &self.own[number];
        let mut values = vec![None; self.sweep.axes.len()];
        let chosen = self.chosen(&self.shared, stage.combination).into_iter().chain(self.chosen(groups, combination));
        for (axis, index) in chosen {
            let swept = &self.sweep.axes[axis];
            if swept.method.as_ref().is_none_or(|method| method == name) {
                values[axis] = Some(swept.values[index].to_json());
            }
        }
        values
    }

    /// The points of a stage.
    fn points(&self, stage: Arc<Stage>) -> impl Iterator<Item = Result<Point, FileError>> + '_ {
        let (classifiers, generators) = (stage.setting.classifiers.len(), stage.setting.generators.len());
        (0..classifiers * generators * self.own.len()).flat_map(move |index| {
            let stage = Arc::clone(&stage);
            let number = index % self.own.len();
            let generator = index / self.own.len() % generators;
            let classifier = index / self.own.len() / generators;
            let all = combinations(&self.own[number].1).unwrap_or(0);
            (0..all).filter_map(move |combination| {
                self.point(&stage, classifier, generator, number, combination).transpose()
            })
        })
    }

    /// A point, unless the method does without a generator and was there with another one, or needs one where there is
    /// none.
    fn point(
        &self,
        stage: &Stage,
        classifier: usize,
        generator: usize,
        number: usize,
        combination: u64,
    ) -> Result<Option<Point>, FileError> {
        let (method, size) = self.method(stage, number, combination)?;
        let setting = &stage.setting;
        let choice = match (method.needs_generator(), &setting.generators[generator]) {
            (true, None) => return Ok(None),
            (true, Some(choice)) => Some(choice.clone()),
            (false, _) if generator > 0 => return Ok(None),
            (false, _) => None,
        };
        Ok(Some(Point {
            classifier: setting.classifiers[classifier].clone(),
            generator: choice,
            method,
            size,
            units: Arc::clone(&setting.units),
            seeds: Arc::clone(&setting.seeds),
            values: self.values(stage, number, combination),
        }))
    }
}
