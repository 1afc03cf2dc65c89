//! Bringing entries, and hashing again what is there.

use std::path::PathBuf;

use serde_json::{Value, json};
use zoo::{Manifest, Progress, Silent, Verdict, Zoo, ZooError};

use super::bars::Bars;
use super::told::{files, licence_json, pretty, print, size, with};
use crate::cli::error::{Error, Result};
use crate::cli::output::one_line;

pub(super) fn pull(zoo: &Zoo, names: &[String], all: bool, json: bool, quiet: bool) -> Result<u8> {
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
pub(super) fn bring(zoo: &Zoo, manifests: &[Manifest], all: bool, quiet: bool) -> (u8, Vec<Value>) {
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
        let error = one_line(&Error::from(error));
        if all && status == "by_hand" {
            by_hand += 1;
            if !quiet {
                eprintln!("{error}");
            }
        } else {
            code = 1;
            log::error!("{error}");
        }
        results.push(with(entry, json!({ "status": status, "error": error })));
    }
    if all && !quiet {
        let left = manifests.len() - here - by_hand;
        eprintln!("{here} entries of {} are here; a browser alone can bring {by_hand}; {left} failed", manifests.len());
    }
    (code, results)
}

pub(super) fn verify(zoo: &Zoo, names: &[String], json: bool, quiet: bool) -> Result<u8> {
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
            text.push_str(&format!("{}: {} is {verdict}\n", manifest.name, path.display()));
        }
        if bad.is_empty() && !quiet {
            text.push_str(&format!("{}: {} sound\n", manifest.name, files(verdicts.len())));
        } else if !bad.is_empty() {
            let unfit = bad.iter().any(|(_, verdict)| matches!(verdict, Verdict::Unfit(_)));
            let command = if unfit { "add" } else { "pull" };
            let file = if unfit { " --file PATH" } else { "" };
            text.push_str(&format!(
                "{}: `metapicture models {command} {}{file}` puts it right\n",
                manifest.name,
                manifest.called()
            ));
        }
        let of_file = |(path, verdict): &(PathBuf, Verdict)| json!({ "path": path, "verdict": verdict.to_string() });
        let files: Vec<Value> = verdicts.iter().map(of_file).collect();
        results.push(json!({ "name": &*manifest.name, "sound": bad.is_empty(), "files": files }));
    }
    print(&if json { pretty(&json!(results)) } else { text })?;
    Ok(if sound { 0 } else { 1 })
}
