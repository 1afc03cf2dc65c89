//! What the program prints, word for word: help, tables, errors and exit codes, held beside this file in `snapshots/`.
//!
//! A change of a word is thus seen in review: `INSTA_UPDATE=always cargo test --test program snapshots` takes it, and the difference is
//! read before it is committed. `METAPICTURE_PROGRAM` names another binary to hold against the same texts.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use support::narrow;
use tempfile::TempDir;

/// Models that a snapshot names, brought to the cache once so that no command prints how it pulls them.
const MODELS: [&str; 4] = ["efficientnet-lite0", "efficientnet-lite1", "face-dcgan", "eye-cdcgan"];

/// Columns that every text is wrapped to.
const COLUMNS: &str = "100";

/// Another number on another machine: times, and what arithmetic in another order changes.
const TIMES: (&str, &str) = (r"about \d+(\.\d+)? (ms|s|min|h)\b|\d+(\.\d+)? (ms|s|min|h)\b", "[time]");
const SIZES: (&str, &str) = (r"\d+(\.\d+)? (kB|MB|GB|KiB|MiB|GiB)\b", "[size]");
const FIGURES: (&str, &str) = (r" *-?\d+\.\d+", " [x]");
const PERCENT: (&str, &str) = (r" *\d+(\.\d+)?%", " [x]%");

/// A folder that commands run in, with the files that they read.
struct Desk(TempDir);

impl Desk {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let desk = Self(TempDir::new().unwrap());
        for (name, bytes) in files {
            std::fs::write(desk.path().join(name), bytes).unwrap();
        }
        desk
    }

    /// With narrow networks, of which a run takes a moment: `narrow.yaml`, `wider.yaml`, `faces.yaml`.
    fn with_networks(files: &[(&str, &[u8])]) -> Self {
        let desk = Self::new(files);
        narrow::write(desk.path());
        desk
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn run(&self, line: &str) -> Output {
        static MODELS_ARE_THERE: OnceLock<()> = OnceLock::new();
        MODELS_ARE_THERE.get_or_init(|| {
            let output = program().args(["models", "pull", "--quiet"]).args(MODELS).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        });
        program().args(words(line)).current_dir(self.path()).output().unwrap()
    }

    /// Nothing is made for a request that cannot be meant.
    fn assert_without(&self, name: &str) {
        assert!(!self.path().join(name).exists(), "{name} was made");
    }

    /// The lines as in a terminal, each with what it prints on stdout, then on stderr, and its exit code unless that is 0.
    fn transcript(&self, lines: &[&str]) -> String {
        let mut told = String::new();
        for line in lines {
            let output = self.run(line);
            told += &format!("$ metapicture {line}\n");
            told += &String::from_utf8_lossy(&output.stdout);
            told += &String::from_utf8_lossy(&output.stderr);
            match output.status.code() {
                Some(0) => {}
                Some(code) => told += &format!("[exit code {code}]\n"),
                None => told += "[killed]\n",
            }
            told.push('\n');
        }
        told.replace(&format!("{}/", self.path().display()), "")
    }
}

fn program() -> Command {
    let path = std::env::var_os("METAPICTURE_PROGRAM").map_or(env!("CARGO_BIN_EXE_metapicture").into(), PathBuf::from);
    let mut command = Command::new(path);
    command.env("COLUMNS", COLUMNS).env_remove("SLURM_JOB_ID").stdin(Stdio::null());
    // Threads that spin while they wait take the cores from the tests beside this one.
    command.env("OMP_WAIT_POLICY", "passive");
    command
}

/// The words of a line; quotes hold words together.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut quoted) = (vec![String::new()], false);
    for letter in line.chars() {
        match letter {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            _ => words.last_mut().unwrap().push(letter),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn hold(name: &str, text: &str, filters: &[(&str, &str)]) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    // Space at the ends of lines is no word.
    settings.add_filter(r"(?m)[ \t]+$", "");
    settings.add_filter(r"/[^ ']*/metapicture/zoo\b", "[cache]");
    for (pattern, replacement) in filters {
        settings.add_filter(pattern, *replacement);
    }
    settings.bind(|| insta::assert_snapshot!(name, text));
}

fn root(file: &str) -> String {
    format!("{}/{file}", env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &str) -> Vec<u8> {
    std::fs::read(root(file)).unwrap()
}

#[test]
fn help_of_every_subcommand() {
    let desk = Desk::new(&[]);
    let lines = [
        "--help",
        "models --help",
        "models list --help",
        "models pull --help",
        "models info --help",
        "models classes --help",
        "models verify --help",
        "models add --help",
        "methods --help",
        "methods list --help",
        "methods show --help",
        "classify --help",
        "rank --help",
        "embed --help",
        "map --help",
        "atlas --help",
        "generate --help",
        "visualize --help",
        "sweep --help",
        "sheet --help",
        "compare --help",
        "report --help",
        "study --help",
        "study analyse --help",
        "rerun --help",
        "store --help",
        "store list --help",
        "store show --help",
        "store verify --help",
        "store prune --help",
        "store export --help",
        "store import --help",
        "bench --help",
        "doctor --help",
        "schema --help",
        "completions --help",
        "man --help",
    ];
    hold("help", &desk.transcript(&lines), &[]);
}

#[test]
fn models_and_methods_are_listed_and_shown() {
    let desk = Desk::new(&[]);
    let lines = ["models list", "models info efficientnet-lite0", "methods list", "methods show latent"];
    // What is cached differs from machine to machine.
    hold("listed", &desk.transcript(&lines), &[(r"(?m)\b(yes|no)$", "[cached]")]);
    let info = desk.transcript(&["models info eye-cdcgan --samples samples.png"]);
    hold("info of a generator", &info, &[]);
}

#[test]
fn completions_and_the_manual_begin() {
    let desk = Desk::new(&[]);
    let first = |line: &str| desk.transcript(&[line]).lines().take(12).collect::<Vec<_>>().join("\n");
    hold("completions", &[first("completions bash"), first("man"), first("schema")].join("\n\n"), &[]);
}

#[test]
fn pictures_are_classified_and_generated() {
    let desk = Desk::new(&[("a.png", &read("tests/reference/preprocessing/astronaut_224.png"))]);
    let lines = [
        "classify --classifier efficientnet-lite0 a.png --top 3",
        "classify --classifier efficientnet-lite0 a.png --layer _blocks.10 --out layer.npy",
        "generate --generator face-dcgan --count 2 --out faces",
        "generate --generator eye-cdcgan --class blue --count 2 --out eyes",
        "generate --generator face-dcgan --codes faces/codes.safetensors --out again --json",
    ];
    hold("pictures", &desk.transcript(&lines), &[TIMES, FIGURES, PERCENT]);
}

#[test]
fn records_are_made_checked_and_laid_out() {
    let desk = Desk::with_networks(&[]);
    let visualize = "visualize --classifier ./narrow.yaml --generator ./faces.yaml --unit banana wig --method naive latent --steps 2 \
                     --witness ./wider.yaml --out out";
    let lines = [
        visualize,
        visualize,
        "store verify out",
        "sheet out",
        "sheet out --where unit=class:wig --pick best",
        "sheet out ./out --rows folder",
    ];
    hold("records", &desk.transcript(&lines), &[TIMES, SIZES, FIGURES, PERCENT]);
}

#[test]
fn a_sweep_is_planned_and_run_and_found_whole() {
    let text = "name: small\nclassifier: ./narrow.yaml\nunits: [banana, wig]\nseeds: 2\nbatch: 4\ncompare:\n  \
                witnesses: [./wider.yaml]\nmethods:\n  - { preset: naive, steps: 2 }\n  - { preset: erhan-2009, steps: 2 }\n";
    let desk = Desk::with_networks(&[("small.yaml", text.as_bytes())]);
    let lines = ["sweep small.yaml --out out --dry-run", "sweep small.yaml --out out", "sweep small.yaml --out out"];
    hold("sweep", &desk.transcript(&lines), &[TIMES, SIZES, FIGURES, PERCENT]);
}

const VISUALIZE: &str = "visualize --classifier ./narrow.yaml --out out";

#[test]
fn wrong_units_are_named() {
    let desk = Desk::with_networks(&[]);
    let units = [
        "class:bananna",
        "class:1000",
        "nothing-like-it",
        "_block.10:3",
        "_blocks.10:16",
        "_blocks.10:-1",
        "_blocks.10:x",
        "_blocks.10:3@2,0",
        "_blocks.10:3@1",
        "logits:3@1,1",
        "'banana + 0.5*violn'",
        "'banana +'",
        "'quadratc(banana)'",
        "'probability(_blocks.10:3)'",
        "'direction(_blocks.10)'",
        "'direction(_blocks.10, no.npy)'",
        "'direction(_blocks.10, 7)'",
        "layer:_block.10",
    ];
    let lines: Vec<String> = units.iter().map(|unit| format!("{VISUALIZE} --unit {unit}")).collect();
    hold("wrong units", &desk.transcript(&lines.iter().map(String::as_str).collect::<Vec<_>>()), &[]);
    desk.assert_without("out");
}

#[test]
fn wrong_requests_are_named() {
    let naive = String::from_utf8(read("src/methods/naive.yaml")).unwrap();
    let cut = read("tests/reference/torchscript/traced.pt");
    let program = "name: mine\nkind: classifier\narchitecture: torchscript\nlicence: mine\nconfig: {resolution: 16, mean: [0, 0, 0], \
                   std: [1, 1, 1]}\nweights: {source: {path: cut.pt}}\n";
    let picture = read("tests/reference/preprocessing/astronaut_224.png");
    let desk = Desk::with_networks(&[
        ("text.png", b"not a picture"),
        ("cut.png", &picture[..2000]),
        ("a.png", &picture),
        ("key.yaml", naive.replace("steps:", "stps:").as_bytes()),
        ("cut.yaml", &naive.as_bytes()[..naive.find("steps:").unwrap() + 5]),
        ("unclosed.yaml", b"name: [x\n"),
        ("mine.yaml", b"name: mine\nkind: generator\narchitecture: dcgan\nlicense: MIT\n"),
        ("program.yaml", program.as_bytes()),
        ("cut.pt", &cut[..cut.len() / 2]),
        ("codes.txt", b""),
        ("codes.safetensors", b"not one"),
        ("file", b""),
    ]);
    let mut lines: Vec<String> = [
        "--unit banana --method latnet",
        "--unit banana --method latent",
        "--unit banana --method nowhere/mine.yaml",
        "--unit banana --method ./key.yaml",
        "--unit banana --method ./cut.yaml",
        "--unit banana --method ./unclosed.yaml",
        "--unit banana --generator face-dcgn",
        "--unit banana --generator efficientnet-lite0",
        "--unit banana --generator face-dcgan --class blue",
        "--unit banana --generator eye-cdcgan --class blu",
        "--unit banana --witness ./narrow.yaml",
        "--unit banana --witness efficientnet-light1",
        "--unit banana --device gpu",
        "--unit banana --threads 0",
        "--unit banana --steps 0",
        "--unit banana --size 0",
        "--unit banana --size 7",
        "--unit banana --batch 0",
        "--unit banana --seeds 0",
        "--unit banana --seed -1",
        "--unit banana --facets 0",
        "--unit banana --seed 18446744073709551615 --seeds 2",
    ]
    .iter()
    .map(|rest| format!("{VISUALIZE} {rest}"))
    .collect();
    lines.extend(
        [
            "",
            "vizualize",
            "visualize",
            "visualize --classifier transformer --unit banana --out out",
            "visualize --classifier ./program.yaml --unit class:2 --out out",
            "visualize --classifier ./nowhere.yaml --unit class:2 --out out",
            "visualize --classifier efficientnet-lite0 --unit banana --steps 1 --out file",
            "classify --classifier efficientnet-lite0 text.png",
            "classify --classifier efficientnet-lite0 cut.png",
            "classify --classifier efficientnet-lite0 no.png",
            "classify --classifier efficientnet-lite0 a.png --layer _block.1 --out a.npy",
            "classify --classifier efficientnet-lite0 a.png --layer _blocks.1 --out a.txt",
            "classify --classifier efficientnet-lite0 a.png --layer _blocks.1",
            "generate --generator ./mine.yaml --out x",
            "generate --generator face-dcgan --size 100 --out x",
            "generate --generator face-dcgan --codes codes.txt --out x",
            "generate --generator face-dcgan --codes codes.safetensors --out x",
            "generate --generator face-dcgan --codes no.safetensors --out x",
            "generate --generator face-dcgan --count 2 --seed 18446744073709551615 --out x",
            "bench --method latent",
            "methods show nave",
            "models info face-dcgn",
            "models pull face-dcgn",
            "models add face-dcgan --file file",
            "models add face-dcgan --file no.file",
            "models info efficientnet-lite0 --samples x.png",
            "store verify nowhere",
            "store verify .",
            "sheet nowhere",
            "compare nowhere --out compared",
            "compare --out compared",
            "report nowhere",
            "report . --max-size 0",
            "completions fishy",
        ]
        .map(str::to_owned),
    );
    hold("wrong requests", &desk.transcript(&lines.iter().map(String::as_str).collect::<Vec<_>>()), &[]);
    desk.assert_without("out");
}

#[test]
fn wrong_experiment_files_are_named_with_their_line() {
    let head = "name: x\nclassifier: ./narrow.yaml\nunits: [banana]\n";
    let with = |rest: &str| format!("{head}{rest}").into_bytes();
    let naive = "methods: [{ preset: naive, steps: 2 }]\n";
    let files: Vec<(&str, Vec<u8>)> = vec![
        ("good.yaml", with(naive)),
        ("key.yaml", with("methds: [naive]\n")),
        ("no-methods.yaml", with("")),
        ("preset.yaml", with("methods: [nave]\n")),
        ("setting.yaml", with("methods:\n  - preset: naive\n    stepz: 3\n")),
        ("type.yaml", with("methods:\n  - preset: naive\n    steps: many\n")),
        ("twice.yaml", with("name: y\nmethods: [naive]\n")),
        ("cut.yaml", with("methods: [naive\n")),
        ("unit.yaml", format!("name: x\nclassifier: ./narrow.yaml\nunits: [bananna]\n{naive}").into_bytes()),
        ("prior.yaml", with("methods: [latent]\n")),
        ("sweep.yaml", with(&format!("{naive}sweep:\n  methods.latent.steps: [1, 2]\n"))),
        ("empty-sweep.yaml", with(&format!("{naive}sweep:\n  methods.naive.steps: []\n"))),
        ("witness.yaml", with(&format!("{naive}compare: {{ witnesses: [./narrow.yaml] }}\n"))),
        ("seeds.yaml", with(&format!("{naive}seeds: 0\n"))),
        ("empty.yaml", vec![]),
    ];
    let desk = Desk::with_networks(&files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect::<Vec<_>>());
    let mut lines: Vec<String> =
        files[1..].iter().map(|(name, _)| format!("sweep {name} --out out --dry-run --quiet")).collect();
    lines.extend(
        [
            "--set sseds=2",
            "--set seeds",
            "--set methods.naive.steps=many",
            "--set generator=face-dcgn",
            "--shard 3/2",
            "--shard x",
            "--device gpu",
            "--engine slurm --shard 1/2",
            "--engine slurm --device cuda:0,cuda:1",
            "--engine slrum",
        ]
        .iter()
        .map(|more| format!("sweep good.yaml --out out --dry-run --quiet {more}")),
    );
    lines.push("sweep no.yaml".into());
    hold("wrong experiment files", &desk.transcript(&lines.iter().map(String::as_str).collect::<Vec<_>>()), &[]);
}
