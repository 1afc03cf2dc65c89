//! Plans for machines that this one is not.

use super::{desk, refused, said};

const FILE: &str = "name: planned
classifier: ./narrow.yaml
methods: [{ preset: naive, steps: 4 }, { preset: regularized, steps: 4 }]
units: [banana, violin, wig]
seeds: 2
batch: 2
device: [cuda:0, cuda:1]
";

#[test]
fn a_sweep_is_planned_where_its_gpus_are_not() {
    if tch::Cuda::device_count() > 1 {
        println!("skipped: the GPUs are here");
        return;
    }
    let folder = desk();
    let at = folder.path();
    std::fs::write(at.join("planned.yaml"), FILE).unwrap();
    let told = said(at, &["sweep", "planned.yaml", "--dry-run"]);
    assert!(told.contains("12 runs in 6 batches, of which 0 runs are there and 12 are not"), "{told}");
    assert!(told.contains("by steps measured now on a CPU of this machine, on 2 devices"), "{told}");
    let json = said(at, &["sweep", "planned.yaml", "--dry-run", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["measured_here"], false);
    // To compute is another thing, and what is no device is none anywhere.
    let error = refused(at, &["sweep", "planned.yaml", "--dry-run", "--device", "gpu"]);
    assert!(error.contains("'gpu' is not cpu, cuda or cuda:N"), "{error}");
    let output = super::run(at, &["sweep", "planned.yaml"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("--device: "));
    assert!(!at.join("out/planned").exists());
}

/// It said that there was no photograph, since it measured steps without any.
#[test]
fn a_dry_run_measures_what_is_held_near_its_photograph() {
    let folder = desk();
    let at = folder.path();
    super::photographs(&at.join("photographs"), 1);
    let file = "name: near\nclassifier: ./narrow.yaml\nunits: [banana]\nsteps: 3\nmethods:\n  \
                - { preset: accentuation-2024, from: photographs/0/000.png }\n";
    std::fs::write(at.join("near.yaml"), file).unwrap();
    let told = said(at, &["sweep", "near.yaml", "--dry-run", "--device", "cpu"]);
    assert!(told.contains("1 run"), "{told}");
}

#[test]
fn a_dry_run_measures_nothing_where_it_is_told_so() {
    let folder = desk();
    let at = folder.path();
    std::fs::write(at.join("planned.yaml"), FILE).unwrap();
    let told = said(at, &["sweep", "planned.yaml", "--dry-run", "--device", "cpu", "--estimate", "off"]);
    assert!(told.contains("no step was measured") && !told.contains("about"), "{told}");
    let json = said(at, &["sweep", "planned.yaml", "--dry-run", "--device", "cpu", "--estimate", "off", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["seconds"], &json["runs"]), (&serde_json::Value::Null, &12.into()));
}

#[test]
fn a_shards_dry_run_tells_of_the_shard() {
    let folder = desk();
    let at = folder.path();
    std::fs::write(at.join("planned.yaml"), FILE).unwrap();
    let counts = |shard: &str| {
        let words = ["sweep", "planned.yaml", "--device", "cpu", "--estimate", "off", "--dry-run", "--shard", shard];
        let told = said(at, &words);
        let line = told.lines().find(|line| line.starts_with("shard ")).unwrap_or_else(|| panic!("{told}")).to_owned();
        // The last but one number of the rows of methods are runs.
        let runs = told.lines().filter(|line| line.starts_with("./narrow.yaml") || line.starts_with("narrow"));
        let runs =
            runs.map(|line| line.split_whitespace().rev().nth(1).unwrap().parse::<usize>().unwrap()).sum::<usize>();
        assert!(line.starts_with(&format!("shard {shard}: {runs} runs in ")), "{told}");
        runs
    };
    assert_eq!(counts("1/3") + counts("2/3") + counts("3/3"), 12);
}

#[test]
fn a_cluster_is_asked_for_what_it_calls_its_gpus_and_whatever_else() {
    let folder = desk();
    let at = folder.path();
    std::fs::write(at.join("planned.yaml"), FILE.replace("device: [cuda:0, cuda:1]\n", "")).unwrap();
    let words = ["sweep", "planned.yaml", "--engine", "slurm", "--dry-run", "--estimate", "off", "--device", "cuda"];
    let more = ["--gres", "gpu:a100:1", "--sbatch", "account=vision", "--sbatch", "--mem=16G"];
    let told = said(at, &[&words[..], &more].concat());
    for line in ["#SBATCH --gres=gpu:a100:1", "#SBATCH --account=vision", "#SBATCH --mem=16G", "--device cuda "] {
        assert!(told.contains(line), "{line}: {told}");
    }
    for (option, why) in [("array=0-3", "is what the sweep says itself"), ("mem", "is not NAME=VALUE")] {
        let error = refused(at, &[&words[..], &["--sbatch", option]].concat());
        assert!(error.contains(why), "{error}");
    }
}
