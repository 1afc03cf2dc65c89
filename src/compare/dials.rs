//! What methods are called, by what they differ in; and the dials among them, which differ in one number.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::findings::{Dial, Freer, Origin};
use super::gather::{Gathered, GatheredMethod};
use crate::store::leaves;

impl Gathered {
    /// Names every group, and puts those first that have no prior, each with its kin, in the order of what they differ in.
    pub fn label(&mut self) {
        let mut order: Vec<usize> = (0..self.groups.len()).collect();
        let differing: Vec<Vec<(String, Value)>> = order.iter().map(|&place| self.differing(place)).collect();
        let number = |place: usize| differing[place].iter().map(|(_, value)| value.as_f64().unwrap_or(f64::NAN));
        order.sort_by(|&a, &b| {
            let key = |place: usize| {
                let of: &GatheredMethod = &self.groups[place];
                (
                    of.kind == Origin::Foreign,
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
            if let Some(version) = group.numeric_version
                && kin().any(|other| other.numeric_version != Some(version))
            {
                label += &format!(" (numeric version {version})");
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
    pub fn dials(&self) -> Vec<Dial> {
        let mut dials: Vec<Dial> = vec![];
        for (place, group) in self.groups.iter().enumerate().filter(|(_, group)| group.kind == Origin::Run) {
            if dials.iter().any(|dial| dial.methods.iter().any(|(other, _)| *other == place)) {
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
            let name = format!("{}{prior}: {what}", group.name);
            dials.push(Dial { name, setting: path.clone(), methods: groups, freer: freer(path), void: None });
        }
        dials
    }
}

/// Which way a setting allows more pictures; none of one that exchanges pictures for others.
fn freer(path: &str) -> Option<Freer> {
    let mut parts = path.rsplit('.');
    match (parts.next(), parts.next()) {
        (Some("eps" | "limit" | "truncation"), _) => Some(Freer::Up),
        // Of a penalty's weight: the activation at the optimum falls with it.
        (Some("weight"), _) if path.starts_with("regularizers.") => Some(Freer::Down),
        _ => None,
    }
}

/// How much less, as a share, still counts as as much: searches are noisy.
const AS_MUCH: f64 = 0.02;

/// Share of the units in which a search with more freedom must reach at least as much.
const ARRIVED: f64 = 0.8;

impl Dial {
    /// Finds out whether its searches arrived: whoever may do more must reach as much. `reached` is the mean activation of a method by unit.
    pub fn judge(&mut self, reached: &dyn Fn(usize) -> BTreeMap<usize, f64>) {
        let Some(freer) = self.freer else { return };
        let mut way: Vec<(BTreeMap<usize, f64>, f64)> =
            self.methods.iter().map(|(method, value)| (reached(*method), *value)).collect();
        if freer == Freer::Down {
            way.reverse();
        }
        for pair in way.windows(2) {
            let [(narrow, from), (wide, to)] = pair else { continue };
            let both = narrow.iter().filter_map(|(unit, less)| Some((*less, *wide.get(unit)?)));
            let (held, count) = both.fold((0, 0), |(held, count), (less, more)| {
                (held + usize::from(more >= less - AS_MUCH * less.abs()), count + 1)
            });
            if count > 0 && (held as f64) < ARRIVED * count as f64 {
                self.void = Some(format!(
                    "from {from} to {to} more is allowed, and in {} of {count} units less was reached, so that the searches had not arrived",
                    count - held
                ));
                return;
            }
        }
    }
}

/// Pixel methods as the paper tells them: naive first.
fn rank(name: &str) -> usize {
    usize::from(name != "naive")
}

fn is_kin(a: &GatheredMethod, b: &GatheredMethod) -> bool {
    a.kind == Origin::Run
        && (&a.kind, &a.name, &a.generator, &a.condition, &a.size, &a.numeric_version)
            == (&b.kind, &b.name, &b.generator, &b.condition, &b.size, &b.numeric_version)
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), |number| number.to_string()),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run(name: &str, generator: Option<&str>, settings: Value) -> GatheredMethod {
        GatheredMethod {
            label: String::new(),
            name: name.to_owned(),
            kind: Origin::Run,
            generator: generator.map(str::to_owned),
            condition: None,
            settings,
            size: Some(224),
            generator_size: None,
            numeric_version: Some(4),
        }
    }

    fn gathered(groups: Vec<GatheredMethod>) -> Gathered {
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
        let dials = gathered.dials();
        let named: Vec<(&str, &str)> = dials.iter().map(|dial| (&*dial.name, &*dial.setting)).collect();
        let weight = "regularizers.total_variation.weight";
        assert_eq!(named, [("regularized: total_variation weight", weight), ("blend (g): eps", "param.blend.eps")]);
        assert_eq!(dials[1].methods, [(4, 0.), (5, 0.03), (6, 0.1)]);
    }

    /// An optimum over more pictures cannot be lower.
    #[test]
    fn a_dial_on_which_more_freedom_reaches_less_is_void() {
        let dial = |freer| Dial {
            name: "d".to_owned(),
            setting: "s".to_owned(),
            methods: vec![(0, 0.), (1, 0.1), (2, 1.)],
            freer,
            void: None,
        };
        let reached = |method: usize| (0..10).map(|unit| (unit, [8., 79.5, 73.][method])).collect::<BTreeMap<_, _>>();
        let mut up = dial(Some(Freer::Up));
        up.judge(&reached);
        assert!(
            up.void.as_ref().is_some_and(|why| why.contains("from 0.1 to 1") && why.contains("10 of 10")),
            "{up:?}"
        );
        let mut rising = dial(Some(Freer::Up));
        rising.judge(&|method| (0..10).map(|unit| (unit, [8., 73., 79.5][method])).collect());
        assert_eq!(rising.void, None);
        let mut down = dial(Some(Freer::Down));
        down.judge(&|method| (0..10).map(|unit| (unit, [79.5, 73., 8.][method])).collect());
        assert_eq!(down.void, None);
        // Noise of a flat dial is no sign of anything.
        let mut flat = dial(Some(Freer::Up));
        flat.judge(&|method| (0..10).map(|unit| (unit, 32.6 + [0., -0.3, 0.2][method])).collect());
        assert_eq!(flat.void, None);
        let mut neither = dial(None);
        neither.judge(&reached);
        assert_eq!(neither.void, None);
    }

    #[test]
    fn what_differs_in_two_settings_is_no_dial() {
        let of = |eps: f64, steps: i64| json!({ "eps": eps, "steps": steps });
        let gathered =
            gathered(vec![run("m", None, of(0., 1)), run("m", None, of(0.1, 2)), run("m", None, of(0.2, 3))]);
        assert!(gathered.dials().is_empty());
        assert_eq!(labels(&gathered)[0], "m eps=0 steps=1");
    }

    #[test]
    fn priors_are_named_where_a_method_has_several() {
        let gathered = gathered(vec![run("latent", Some("a"), json!(1)), run("latent", Some("b"), json!(1))]);
        assert_eq!(labels(&gathered), ["latent (a)", "latent (b)"]);
    }
}
