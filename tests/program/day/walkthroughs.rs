//! The walkthroughs of `experiments/`, command by command as they stand there: on narrow networks and few steps.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use support::files;

use super::{desk, photographs};

/// What the commands call networks and photographs, and what they are here.
const CAST: [(&str, &str); 10] = [
    ("efficientnet-lite0", "./narrow.yaml"),
    ("efficientnet-lite1", "./widest.yaml"),
    ("squeezenet-caffe", "./wider.yaml"),
    ("face-dcgan", "./faces.yaml"),
    ("bvlc_googlenet", "./widest.yaml"),
    ("layer: pool5/7x7_s1", "layer: _blocks.3"),
    ("layer: pool10", "layer: _blocks.3"),
    ("--steps 64", "--steps 4"),
    ("steps: 32", "steps: 150"),
    ("--reference PHOTOS", "--reference PHOTOS --replicates 200"),
];

/// All the commands of a walkthrough, as one script; what brings models has nothing to bring here.
fn script(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/walkthroughs").join(name);
    let text = std::fs::read_to_string(path).unwrap();
    let blocks = text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let all: String = blocks.collect();
    assert!(all.matches("metapicture ").count() >= 8, "{all}");
    let lines = all.lines().filter(|line| !line.starts_with("metapicture models pull"));
    let mut script: String = lines.map(|line| format!("{line}\n")).collect();
    for (theirs, ours) in CAST {
        script = script.replace(theirs, ours);
    }
    format!("set -eu\n{script}")
}

/// Runs a walkthrough to its end; what it said, and its folder.
fn walk(name: &str) -> (String, tempfile::TempDir) {
    let folder = desk();
    let at = folder.path();
    let programs = at.join("programs");
    std::fs::create_dir(&programs).unwrap();
    symlink(env!("CARGO_BIN_EXE_metapicture"), programs.join("metapicture")).unwrap();
    for (folder, count) in [("PHOTOS", 70), ("FENCES", 60), ("PICKETS", 30)] {
        photographs(&at.join(folder), count);
    }
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("bash");
    command.current_dir(at).args(["-c", &script(name)]).env("PATH", path).env("OMP_WAIT_POLICY", "passive");
    let output = command.output().unwrap();
    let (said, errors) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{name}: {said}\n{errors}");
    (said, folder)
}

fn is_there(folder: &tempfile::TempDir, names: &[&str]) {
    for name in names {
        let path = folder.path().join(name);
        assert!(path.metadata().is_ok_and(|file| file.len() > 100), "{name}");
    }
}

#[test]
fn a_researchers_day_goes_as_it_is_written() {
    let (said, folder) = walk("researcher.md");
    is_there(&folder, &["layer/sheet.png", "layer.pdf", "layer.log", "ranked/rank.csv", "channel.png"]);
    is_there(&folder, &["compared/comparison.json", "compared/report.html"]);
    assert_eq!(std::fs::read_dir(folder.path().join("channel/films")).unwrap().count(), 4);
    assert!(said.contains("image.png: the same bytes"), "{said}");
}

#[test]
fn an_engineers_day_goes_as_it_is_written() {
    let (said, folder) = walk("engineer.md");
    is_there(&folder, &["runs.log", "runs.parquet", "handed-on/runs"]);
    assert!(said.contains("shard 2/3: ") && said.contains("no step was measured"), "{said}");
    assert!(said.contains("#SBATCH --gres=gpu:1") && said.contains("#SBATCH --mem=16G"), "{said}");
    // Pixels, and eps at 0, 0.05 and 0.2, of which the file's last state knows two.
    assert!(said.contains("all.png: 3 x 4 cells"), "{said}");
    // Six by naive, six by either number of eps that stayed, and six of the number that went.
    assert_eq!(std::fs::read_dir(folder.path().join("runs/runs")).unwrap().count(), 24);
    assert_eq!(std::fs::read_dir(folder.path().join("pictures")).unwrap().count(), 24);
}

#[test]
fn a_scholars_day_goes_as_it_is_written() {
    files("photos");
    let (said, folder) = walk("scholar.md");
    is_there(&folder, &["classes.csv", "fences.pdf", "ranked/rank.csv", "compared/report.html"]);
    is_there(&folder, &["compared/study/study.html", "compared/study/key.json"]);
    assert!(said.contains("picket fence") && said.contains("chainlink fence"), "{said}");
}

#[test]
fn a_critics_day_goes_as_it_is_written() {
    let (said, folder) = walk("critic.md");
    is_there(&folder, &["fence/sheet.png", "ranked/rank.csv", "map/map.png", "map/apart.csv"]);
    is_there(&folder, &["claim/registered.json", "claim/annotate.html", "claim/read.html"]);
    assert!(said.contains("pictures to read, by people who do not know what made them"), "{said}");
}
