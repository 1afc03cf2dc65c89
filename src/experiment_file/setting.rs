//! What an experiment file says beside its methods and its sweep, typed.

use std::path::Path;
use std::sync::Arc;

use zoo::{Cache, Kind, Zoo, is_path};

use super::field::Field;
use super::keys::{BATCHES, FACETS, KEPT, KEYS, SIZES, STEPS, THREADS};
use super::located::Located;
use super::node::{Node, Value};
use super::place::FileError;
use super::seeds::Seeds;
use super::unit_pattern::UnitPattern;
use crate::reference::{image_sets, is_image_set};
use crate::store::Kept;

/// A generator as an experiment names it.
#[derive(Clone, Debug, PartialEq)]
pub struct GeneratorChoice {
    /// An entry of the zoo, or the path of a manifest.
    pub name: Located<String>,
    /// The class of a conditional generator, by name or index; without one it is optimized with the code.
    pub class: Option<Located<String>>,
    /// Side of its pictures in pixels, where its code is spatial and it is not that of the method's pictures.
    pub size: Option<i64>,
}

/// What pictures are compared with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// Classifiers that judge and take no part: entries of the zoo, or paths of manifests.
    pub witnesses: Vec<Located<String>>,
    /// A set of images of the zoo, or the path of a folder.
    pub reference: Option<Located<String>>,
}

/// What is visualised.
pub(super) type Units = Arc<[Located<UnitPattern>]>;

/// The settings that the runs of every method share.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) classifiers: Vec<Located<String>>,
    /// `None` is no generator. At least one entry.
    pub(super) generators: Vec<Option<GeneratorChoice>>,
    pub(super) units: Units,
    pub(super) seeds: Arc<Seeds>,
    pub(super) size: Option<i64>,
}

/// The settings that an experiment has once.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) devices: Vec<Located<String>>,
    pub(super) threads: Option<u16>,
    pub(super) batch: Option<u16>,
    pub(super) kept: Kept,
    pub(super) compare: Comparison,
}

impl Setting {
    /// Reads them from a document; the units, unless they are known.
    pub(super) fn read(root: &Node, folder: &Path, units: Option<&Units>) -> Result<Setting, FileError> {
        let field = Field::new(root, "");
        field.map_of(&KEYS)?;
        let classifiers = match one_or_several(&field, "classifier", "classifiers")? {
            Some(field) => several(&field, "classifier", |item| model(item, folder))?,
            None => return Err(field.wrong("'classifier' is missing")),
        };
        let generators = match one_or_several(&field, "generator", "generators")? {
            Some(field) => several(&field, "generator", |item| generator(item, folder))?,
            None => vec![None],
        };
        let units = units.map_or_else(|| self::units(root, folder), |units| Ok(Arc::clone(units)))?;
        let seeds = field.optional("seeds").map_or_else(|| Ok(Seeds::one()), |seeds| Seeds::read(&seeds))?;
        let whole = |key: &str, (least, most): (u64, u64)| {
            field.optional(key).map(|field| field.whole(least, most)).transpose()
        };
        whole("steps", STEPS)?;
        whole("facets", FACETS)?;
        let size = whole("size", SIZES)?.map(|size| size as i64);
        Ok(Setting { classifiers, generators, units, seeds: Arc::new(seeds), size })
    }
}

/// The units of a document.
pub(super) fn units(root: &Node, folder: &Path) -> Result<Units, FileError> {
    let units = Field::new(root, "").required("units")?;
    let patterns = several(&units, "unit", |item| Ok(item.located(UnitPattern::read(item, folder)?)))?;
    Ok(patterns.into())
}

impl Head {
    /// Reads them from a document.
    pub(super) fn read(root: &Node, folder: &Path) -> Result<Head, FileError> {
        let field = Field::new(root, "");
        field.map_of(&KEYS)?;
        let name = field.required("name")?;
        let text = name.text()?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if text.is_empty() || text.len() > 100 || text.starts_with('.') || !text.chars().all(allowed) {
            let rule = "holds letters, digits, '.', '_' and '-' only, up to 100, and does not begin with '.'";
            return Err(name.wrong(format!("'{text}': a name {rule}")));
        }
        let devices = match field.optional("device") {
            Some(device) => several(&device, "device", |item| {
                let name = item.text()?;
                let index = name
                    .strip_prefix("cuda")
                    .map(|rest| rest.strip_prefix(':').unwrap_or(if rest.is_empty() { "0" } else { "x" }));
                match name == "cpu" || index.is_some_and(|index| index.parse::<u16>().is_ok()) {
                    true => Ok(item.located(name.to_owned())),
                    false => Err(item.wrong(format!("'{name}' is not cpu, cuda or cuda:N"))),
                }
            })?,
            None => vec![],
        };
        let whole = |key: &str, (least, most): (u64, u64)| {
            let number = field.optional(key).map(|field| field.whole(least, most)).transpose()?;
            Ok(number.map(|number| number as u16))
        };
        Ok(Head {
            name: text.to_owned(),
            description: field.optional("description").map(|text| text.text().map(str::to_owned)).transpose()?,
            devices,
            threads: whole("threads", THREADS)?,
            batch: whole("batch", BATCHES)?,
            kept: field.optional("keep").map(|keep| kept(&keep)).transpose()?.unwrap_or_default(),
            compare: field
                .optional("compare")
                .map(|compare| comparison(&compare, folder))
                .transpose()?
                .unwrap_or_default(),
        })
    }
}

/// What is kept of each run.
fn kept(field: &Field) -> Result<Kept, FileError> {
    let names = several(field, "part of a record", |item| {
        let name = item.text()?;
        match KEPT.contains(&name) {
            true => Ok(item.located(name.to_owned())),
            false => Err(item.wrong(format!("nothing called '{name}'{}", zoo::suggest::hint(name, "the parts", KEPT)))),
        }
    })?;
    let has = |part: &str| names.iter().any(|name| name.value == part);
    if !has("picture") {
        return Err(field.wrong("the picture is kept always: without it nothing can be compared or shown"));
    }
    Ok(Kept { trace: has("trace"), state: has("state") })
}

/// The value of the key for one or of the key for several.
fn one_or_several<'a>(field: &Field<'a>, one: &str, several: &str) -> Result<Option<Field<'a>>, FileError> {
    match (field.optional(one), field.optional(several)) {
        (Some(_), Some(several_of)) => Err(several_of.wrong(format!("there is '{one}' already; write one of the two"))),
        (Some(field), None) if matches!(field.node.value, Value::List(_)) => {
            Err(field.wrong(format!("one is wanted here; several are '{several}'")))
        }
        (found, None) | (None, found) => Ok(found),
    }
}

/// The items of a list, or the one that is no list: at least one, and none twice.
fn several<T: Same>(
    field: &Field,
    what: &str,
    read: impl Fn(&Field) -> Result<T, FileError>,
) -> Result<Vec<T>, FileError> {
    let items = field.items();
    if items.is_empty() {
        return Err(field.wrong(format!("at least one {what} is wanted")));
    }
    let mut seen = std::collections::HashSet::new();
    let mut found = vec![];
    for item in &items {
        let one = read(item)?;
        if !seen.insert(one.identity()) {
            return Err(item.wrong(format!("this {what} is there twice")));
        }
        found.push(one);
    }
    Ok(found)
}

/// What makes two entries of a list the same one.
trait Same {
    fn identity(&self) -> String;
}

impl Same for Located<String> {
    fn identity(&self) -> String {
        self.value.clone()
    }
}

impl Same for Located<UnitPattern> {
    fn identity(&self) -> String {
        format!("{:?}", self.value)
    }
}

impl Same for Option<GeneratorChoice> {
    fn identity(&self) -> String {
        self.as_ref().map_or_else(String::new, |choice| {
            let class = choice.class.as_ref().map(|class| &class.value);
            format!("{:?} {class:?} {:?}", choice.name.value, choice.size)
        })
    }
}

/// A model of the zoo, or the path of a manifest.
fn model(field: &Field, folder: &Path) -> Result<Located<String>, FileError> {
    let name = field.text()?;
    let name = if is_path(name) { folder.join(name).to_string_lossy().into_owned() } else { name.to_owned() };
    Ok(field.located(name))
}

fn generator(field: &Field, folder: &Path) -> Result<Option<GeneratorChoice>, FileError> {
    match field.node.value {
        Value::Null => Ok(None),
        Value::Map(_) => {
            field.map_of(&["name", "class", "size"])?;
            let class = field.optional("class").map(|class| match class.node.scalar() {
                Some(text) => Ok(class.located(text)),
                None => Err(class.not("a class, by name or index,")),
            });
            let size = field.optional("size").map(|size| size.whole(SIZES.0, SIZES.1)).transpose()?;
            Ok(Some(GeneratorChoice {
                name: model(&field.required("name")?, folder)?,
                class: class.transpose()?,
                size: size.map(|size| size as i64),
            }))
        }
        Value::Text(_) => Ok(Some(GeneratorChoice { name: model(field, folder)?, class: None, size: None })),
        _ => Err(field.not("a generator's name, { name, class, size } or null")),
    }
}

fn comparison(field: &Field, folder: &Path) -> Result<Comparison, FileError> {
    field.map_of(&["witnesses", "reference"])?;
    let witnesses = match field.optional("witnesses") {
        Some(witnesses) if witnesses.items().is_empty() => vec![],
        Some(witnesses) => several(&witnesses, "witness", |item| model(item, folder))?,
        None => vec![],
    };
    let reference = field.optional("reference").map(|reference| {
        let name = reference.text()?;
        if is_image_set(name) {
            return Ok(reference.located(name.to_owned()));
        }
        let path = folder.join(name);
        match path.is_dir() {
            true => Ok(reference.located(path.to_string_lossy().into_owned())),
            false => {
                let hint = zoo::suggest::hint(name, "sets of images of the zoo", image_sets());
                Err(reference
                    .wrong(format!("'{name}' is no set of images, and there is no folder {}{hint}", path.display())))
            }
        }
    });
    Ok(Comparison { witnesses, reference: reference.transpose()? })
}

/// The models that there are.
#[derive(Debug)]
pub(super) struct Models {
    zoo: Zoo,
    known: std::collections::HashSet<String>,
}

impl Models {
    pub(super) fn new() -> Result<Models, zoo::ZooError> {
        let manifests = classifiers::MANIFESTS.iter().chain(generators::MANIFESTS);
        // Manifests are looked up here, never files: there need be no cache.
        let zoo = Zoo::new(manifests.copied(), Cache::at(Path::new("")))?;
        Ok(Models { zoo, known: Default::default() })
    }

    /// Refuses a model that is not there.
    pub(super) fn check(&mut self, name: &Located<String>, kind: Kind) -> Result<(), FileError> {
        let key = format!("{kind} {}", name.value);
        if !self.known.contains(&key) {
            self.zoo.manifest(&name.value, Some(kind)).map_err(|error| {
                let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
                name.wrong(format!("{error}{cause}"))
            })?;
            self.known.insert(key);
        }
        Ok(())
    }

    /// Refuses settings with a model that is not there.
    pub(super) fn check_all(&mut self, setting: &Setting) -> Result<(), FileError> {
        setting.classifiers.iter().try_for_each(|name| self.check(name, Kind::Classifier))?;
        setting.generators.iter().flatten().try_for_each(|choice| self.check(&choice.name, Kind::Generator))
    }
}
