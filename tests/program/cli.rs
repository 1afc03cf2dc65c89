//! The program as a user meets it: what it leaves, what it says, how it ends.

use metapicture::method::Method;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use image::RgbImage;
use serde_json::Value;
use support::{narrow, records};
use tempfile::TempDir;

fn metapicture(arguments: &[&str]) -> Command {
    // The models are in the cache from here on, so that no command prints how it pulls them.
    for name in ["efficientnet-lite0", "efficientnet-lite1", "face-dcgan", "eye-cdcgan"] {
        support::files(name);
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_metapicture"));
    command.args(arguments).stdin(Stdio::null());
    // Tests run beside each other: threads that spin while they wait take the cores from them.
    command.env("OMP_WAIT_POLICY", "passive");
    if ["visualize", "classify", "generate", "bench"].contains(&arguments[0]) {
        command.args(["--threads", "1"]);
    }
    command
}

fn run(arguments: &[&str]) -> Output {
    metapicture(arguments).output().unwrap()
}

/// Runs to a good end.
pub fn done(arguments: &[&str]) -> Output {
    let output = run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_slice(&done(arguments).stdout).unwrap()
}

/// Runs to a bad end: its exit code, and the one line that it says.
pub fn fails(arguments: &[&str]) -> (i32, String) {
    let output = run(arguments);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(error.lines().count(), 1, "{arguments:?}: {error}");
    assert!(error.starts_with("error: "), "{error}");
    (output.status.code().unwrap(), error.trim_end().to_owned())
}

const LITE0: &str = "efficientnet-lite0";

/// `visualize` of a few steps into a folder.
fn visualize<'a>(out: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec!["visualize", "--classifier", LITE0, "--out", out.to_str().unwrap()];
    all.extend(more);
    all
}

fn runs(out: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(out.join("runs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.retain(|folder| !folder.file_name().unwrap().to_str().unwrap().starts_with('.'));
    folders.sort();
    folders
}

/// Whether there is a record.
fn begun(out: &Path) -> bool {
    out.join("runs").exists() && !runs(out).is_empty()
}

fn record(folder: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(folder.join("record.json")).unwrap()).unwrap()
}

#[test]
fn visualize_leaves_records_a_sheet_and_a_table_and_its_figures_can_be_recomputed() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let more = ["--generator", "face-dcgan", "--unit", "banana", "--method", "latent", "naive", "--steps", "3"];
    done(&visualize(&out, &[&more[..], &["--witness", "efficientnet-lite1"]].concat()));
    assert!(image::open(out.join("sheet.png")).unwrap().width() > 224);
    assert_eq!(std::fs::read_to_string(out.join("results.csv")).unwrap().lines().count(), 3);
    let folders = runs(&out);
    assert_eq!(folders.len(), 2);
    for folder in folders {
        let record = record(&folder);
        for field in [
            "schema_version",
            "run_id",
            "status",
            "error",
            "classifier",
            "generator",
            "method",
            "unit",
            "seed",
            "steps",
            "size",
            "activation",
            "probability",
            "witnesses",
            "stop",
            "provenance",
        ] {
            assert!(record.get(field).is_some(), "{field} is not in {record}");
        }
        assert_eq!((&record["status"], &record["steps"]), (&"done".into(), &3.into()));
        assert_eq!(record["unit"]["name"], "class:banana");
        assert_eq!(record["provenance"]["weights_sha256"][LITE0].as_str().unwrap().len(), 64);
        assert!(!record.to_string().contains(folder.to_str().unwrap()), "a record holds no path");
        assert_eq!(std::fs::read_to_string(folder.join("trace.csv")).unwrap().lines().count(), 1 + 4);
        assert!(folder.join("timing.json").exists());

        // The scored activation, the probability and the witness's verdict, from the picture.
        let picture = folder.join("image.png");
        let of = |classifier: &str| -> (f64, f64) {
            let found =
                json(&["classify", "--classifier", classifier, "--top", "1000", "--json", picture.to_str().unwrap()]);
            let top = found[0]["top"].as_array().unwrap();
            let banana = top.iter().find(|class| class["class"] == 954).unwrap();
            (banana["logit"].as_f64().unwrap(), banana["probability"].as_f64().unwrap())
        };
        let close = |a: f64, b: &Value| assert!((a - b.as_f64().unwrap()).abs() < 1e-3, "{a} {b}");
        let (logit, probability) = of(LITE0);
        close(logit, &record["activation"]["scored"]);
        close(probability, &record["probability"]);
        let (logit, probability) = of("efficientnet-lite1");
        close(logit, &record["witnesses"][0]["logit"]);
        close(probability, &record["witnesses"][0]["probability"]);

        // The picture, from the code.
        if record["method"] == "latent" {
            let again = folder.join("again");
            let codes = folder.join("state.safetensors");
            let arguments = ["generate", "--generator", "face-dcgan", "--codes", codes.to_str().unwrap()];
            done(&[&arguments[..], &["--out", again.to_str().unwrap()]].concat());
            assert_eq!(image::open(again.join("code-0.png")).unwrap(), image::open(picture).unwrap());
        }
    }
}

#[test]
fn codes_that_were_written_make_their_pictures_again_whatever_else_entered() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let again = |generator: &str, codes: &str, out: &str| {
        done(&["generate", "--generator", generator, "--codes", &path(codes), "--out", &path(out)]);
    };
    let picture = |name: &str| image::open(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    // A condition beside the code; more codes than go through at once.
    done(&["generate", "--generator", "eye-cdcgan", "--count", "6", "--out", &path("eyes")]);
    again("eye-cdcgan", "eyes/codes.safetensors", "eyes again");
    again("eye-cdcgan", "eyes again/codes.safetensors", "eyes once more");
    for number in 0..6 {
        let first = picture(&format!("eyes/seed-{number}.png"));
        assert_eq!(first, picture(&format!("eyes again/code-{number}.png")));
        assert_eq!(first, picture(&format!("eyes once more/code-{number}.png")));
    }
    // A spatial code of another side than the generator's own.
    let program = format!("{}/tests/reference/decoders/spatial.pt", env!("CARGO_MANIFEST_DIR"));
    let manifest = format!(
        "name: mine\nkind: generator\narchitecture: torchscript\nlicence: mine\nweights: {{source: {{path: '{program}'}}}}\n\
         config: {{code: [4, 4, 4], output: signed, resolution: 8}}\n"
    );
    std::fs::write(path("mine.yaml"), manifest).unwrap();
    let mine = path("mine.yaml");
    done(&[
        "visualize",
        "--classifier",
        LITE0,
        "--generator",
        &mine,
        "--unit",
        "banana",
        "--method",
        "latent-spatial",
        "--size",
        "24",
        "--steps",
        "2",
        "--out",
        &path("run"),
    ]);
    let run = runs(&folder.path().join("run")).remove(0);
    let codes = run.join("state.safetensors");
    done(&["generate", "--generator", &mine, "--codes", codes.to_str().unwrap(), "--out", &path("of run")]);
    assert_eq!(picture("of run/code-0.png"), image::open(run.join("image.png")).unwrap());
    done(&["generate", "--generator", &mine, "--count", "1", "--size", "16", "--out", &path("wider")]);
    assert_eq!(picture("wider/seed-0.png").width(), 16);
    let (code, error) = fails(&["generate", "--generator", "face-dcgan", "--size", "100", "--out", &path("x")]);
    assert!(code == 2 && error.contains("makes pictures of 64 px only"), "{code}: {error}");
    // A class embedding.
    done(&visualize(
        &folder.path().join("am"),
        &["--generator", "eye-cdcgan", "--unit", "banana", "--method", "biggan-am", "--steps", "2"],
    ));
    let run = runs(&folder.path().join("am")).remove(0);
    again("eye-cdcgan", run.join("state.safetensors").to_str().unwrap(), "am again");
    assert_eq!(picture("am again/code-0.png"), image::open(run.join("image.png")).unwrap());
    again("eye-cdcgan", "am again/codes.safetensors", "am once more");
    assert_eq!(picture("am again/code-0.png"), picture("am once more/code-0.png"));
    // What is not the generator's picture alone is refused.
    done(&visualize(
        &folder.path().join("blend"),
        &["--generator", "face-dcgan", "--unit", "banana", "--method", "blend", "--steps", "1"],
    ));
    let codes = runs(&folder.path().join("blend")).remove(0).join("state.safetensors");
    let (code, error) =
        fails(&["generate", "--generator", "face-dcgan", "--codes", codes.to_str().unwrap(), "--out", &path("x")]);
    assert!(code == 2 && error.contains("is that of a blend"), "{code}: {error}");
}

#[test]
fn a_program_is_visualized_like_any_network() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let program = support::reference("torchscript/traced.pt");
    let config = "{resolution: 16, mean: [0, 0, 0], std: [1, 1, 1]}";
    let manifest = format!(
        "name: mine\nkind: classifier\narchitecture: torchscript\nlicence: mine\nconfig: {config}\n\
         weights: {{source: {{path: '{}'}}}}\n",
        program.display()
    );
    std::fs::write(path("seen.yaml"), manifest).unwrap();
    done(&[
        "visualize",
        "--classifier",
        &path("seen.yaml"),
        "--unit",
        "class:2",
        "output.0:1",
        "--method",
        "naive",
        "--steps",
        "2",
        "--out",
        &path("seen"),
    ]);
    assert_eq!(runs(&folder.path().join("seen")).len(), 2);
}

#[test]
fn two_networks_of_one_name_keep_two_hashes() {
    let folder = TempDir::new().unwrap();
    narrow::write(folder.path());
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let faces = std::fs::read_to_string(path("faces.yaml")).unwrap();
    std::fs::write(path("faces.yaml"), faces.replace("name: faces", "name: narrow")).unwrap();
    let models = ["visualize", "--classifier", &path("narrow.yaml"), "--generator", &path("faces.yaml")];
    done(&[&models[..], &["--unit", "banana", "--method", "latent", "--steps", "1", "--out", &path("out")]].concat());
    let record = record(&runs(&folder.path().join("out"))[0]);
    let hashes = record["provenance"]["weights_sha256"].as_object().unwrap();
    assert_eq!(hashes.len(), 2, "{hashes:?}");
    let (classifier, generator) = (&hashes["narrow"], hashes.iter().find(|(name, _)| *name != "narrow").unwrap());
    assert!(generator.0.starts_with("narrow (") && generator.1 != classifier, "{hashes:?}");
    let noted: Value = serde_json::from_slice(&std::fs::read(path("out/manifests.json")).unwrap()).unwrap();
    for (kind, file) in [("classifiers", "narrow.yaml"), ("generators", "faces.yaml")] {
        assert_eq!(noted[kind]["narrow"], path(file), "{noted}");
    }
}

#[test]
fn the_same_command_gives_the_same_bytes_and_computes_nothing_twice() {
    let folder = TempDir::new().unwrap();
    narrow::write(folder.path());
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let visualize = |out: &Path| {
        let models = ["visualize", "--classifier", &path("narrow.yaml"), "--generator", &path("faces.yaml")];
        let more = ["--unit", "banana", "wig", "--method", "latent", "naive", "--steps", "4", "--out"];
        done(&[&models[..], &more, &[out.to_str().unwrap()]].concat())
    };
    visualize(&one);
    visualize(&two);
    assert_eq!(records(&one).len(), 4);
    assert!(records(&one) == records(&two), "records or pictures differ");

    let written = |out: &Path| std::fs::metadata(runs(out)[0].join("record.json")).unwrap().modified().unwrap();
    let before = written(&one);
    let again = visualize(&one);
    assert_eq!(written(&one), before);
    assert!(String::from_utf8_lossy(&again.stdout).contains("4 of 4 runs were there already"));
}

#[test]
fn a_killed_run_goes_on_to_the_same_bytes() {
    let folder = TempDir::new().unwrap();
    let (whole, killed) = (folder.path().join("whole"), folder.path().join("killed"));
    let more = ["--unit", "banana", "wig", "violin", "--method", "naive", "--steps", "12", "--batch", "1"];
    done(&visualize(&whole, &more));
    let mut child =
        metapicture(&visualize(&killed, &more)).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while !begun(&killed) {
        assert!(start.elapsed() < Duration::from_secs(60), "no record appeared");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    done(&visualize(&killed, &more));
    assert!(records(&whole) == records(&killed), "records or pictures differ");
}

#[cfg(unix)]
#[test]
fn ctrl_c_keeps_what_is_finished_and_says_what_is_left() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    // Of so many runs that some are left however late a busy machine sends the signal.
    const RUNS: usize = 24;
    let units: Vec<String> = (0..RUNS).map(|class| format!("class:{class}")).collect();
    let mut more = vec!["--method", "naive", "--steps", "20", "--batch", "1", "--unit"];
    more.extend(units.iter().map(String::as_str));
    let mut child = metapicture(&visualize(&out, &more)).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    while !begun(&out) {
        assert!(start.elapsed() < Duration::from_secs(60), "no record appeared");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let status = child.wait().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(status.code(), Some(130), "{said}");
    let kept = runs(&out).len();
    assert!((1..RUNS).contains(&kept), "{kept} kept");
    assert!(said.contains(&format!("{} runs are left", RUNS - kept)), "{said}");
    done(&visualize(&out, &more));
    assert_eq!(runs(&out).len(), RUNS);
}

#[test]
fn a_device_that_is_not_there_is_an_error() {
    if !tch::Cuda::is_available() {
        let (code, error) = fails(&["bench", "--device", "cuda"]);
        assert!(code == 2 && error.contains("CUDA is not available"), "{error}");
    }
}

#[test]
fn a_machine_is_looked_at_and_computes_right() {
    let found = json(&["doctor", "--threads", "2", "--json"]);
    assert_eq!((&found["right"], &found["device"]), (&Value::Bool(true), &Value::from("cpu")), "{found}");
    assert!(found["gemm_gflops"].as_f64().unwrap() > 0. && found["gradient_off"].as_f64().unwrap() < 1e-5, "{found}");
    let told = String::from_utf8(done(&["doctor"]).stdout).unwrap();
    assert!(told.contains("a network on it  right: output off by"), "{told}");
    if !tch::Cuda::is_available() {
        let (code, error) = fails(&["doctor", "--device", "cuda"]);
        assert!(code == 2 && error.contains("CUDA is not available"), "{error}");
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_a_failure() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let (code, error) = fails(&visualize(file.path(), &["--unit", "banana"]));
    assert!(code == 1 && error.contains(file.path().to_str().unwrap()), "{error}");
}

#[test]
fn json_is_one_document_and_quiet_is_silent() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let listed = json(&["models", "list", "--json"]);
    let text = listed.to_string();
    assert!(["efficientnet-lite2", "eye-cdcgan", "imagenet-samples"].iter().all(|name| text.contains(name)), "{text}");
    assert_eq!(json(&["methods", "list", "--json"]).as_array().unwrap().len(), Method::presets().len());
    let info = json(&["models", "info", LITE0, "--json"]).to_string();
    assert!(info.contains("_blocks.10._depthwise_conv"), "aliases are listed");
    let bench = json(&["bench", "--steps", "2", "--json"]);
    for field in ["ms_per_step_and_picture", "gflops", "gemm_gflops", "fraction_of_peak"] {
        assert!(bench[field].as_f64().unwrap() > 0., "{field}: {bench}");
    }
    let records = json(&visualize(&out, &["--unit", "_blocks.10:37@7,7", "--steps", "2", "--json"]));
    assert_eq!(records["records"][0]["unit"]["position"], serde_json::json!([7, 7]));
    assert_eq!(records["records"][0]["probability"], Value::Null);

    let output = done(&visualize(&out, &["--unit", "_blocks.10:37", "--steps", "2", "--quiet"]));
    assert!(output.stdout.is_empty() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A generator of the user's own: the cached file of another, and a folder that is its cache.
fn generator_of_ones_own(folder: &Path) -> PathBuf {
    let weights = &support::files("eye-cdcgan")[0].path;
    let manifest = folder.join("mine.yaml");
    let classes = "[amber, blue, brown, gray, grayscale, green, hazel, red]";
    let text = format!(
        "name: mine\nkind: generator\narchitecture: dcgan\nlicence: none\nweights: {{source: {{path: '{}'}}}}\n\
         config: {{latent: 100, width: 64, channels: 3, resolution: 128, classes: {classes}, \
         dropout_after_first: true}}\n",
        weights.display()
    );
    std::fs::write(&manifest, text).unwrap();
    manifest
}

/// Whether the small picture stands somewhere in the large one.
fn shows(large: &RgbImage, small: &RgbImage) -> bool {
    let at = |x: u32, y: u32| small.enumerate_pixels().all(|(dx, dy, pixel)| large.get_pixel(x + dx, y + dy) == pixel);
    let (width, height) = (large.width() - small.width(), large.height() - small.height());
    (0..=height).any(|y| (0..=width).any(|x| at(x, y)))
}

#[test]
fn info_of_a_generator_shows_the_pictures_that_generate_makes_and_draws_them_once() {
    let folder = TempDir::new().unwrap();
    let (cache, samples) = (folder.path().join("cache"), folder.path().join("new/samples.png"));
    let manifest = generator_of_ones_own(folder.path());
    let manifest = manifest.to_str().unwrap();
    let info = |more: &[&str]| {
        let mut command = metapicture(&[&["models", "info", manifest, "--json"], more].concat());
        let output = command.env("XDG_CACHE_HOME", &cache).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let kept = PathBuf::from(info(&[])["samples"].as_str().unwrap());
    assert!(kept.starts_with(&cache), "{}", kept.display());
    let written = || std::fs::metadata(&kept).unwrap().modified().unwrap();
    let before = written();
    assert_eq!(info(&["--samples", samples.to_str().unwrap()])["samples"], samples.to_str().unwrap());
    assert_eq!(written(), before, "it was drawn a second time");
    assert!(std::fs::read(&samples).unwrap() == std::fs::read(&kept).unwrap());

    let out = folder.path().join("out");
    let arguments = ["generate", "--generator", manifest, "--class", "blue", "--seed", "2", "--count", "1"];
    done(&[&arguments[..], &["--out", out.to_str().unwrap()]].concat());
    let sheet = image::open(&kept).unwrap().to_rgb8();
    assert!(shows(&sheet, &image::open(out.join("seed-2.png")).unwrap().to_rgb8()));

    // A damaged file is drawn anew, to the same bytes.
    let whole = std::fs::read(&kept).unwrap();
    std::fs::write(&kept, &whole[..1000]).unwrap();
    info(&[]);
    assert!(std::fs::read(&kept).unwrap() == whole);
    // A cache that cannot be written leaves the page without samples.
    std::fs::remove_dir_all(kept.parent().unwrap()).unwrap();
    std::fs::write(kept.parent().unwrap(), "").unwrap();
    assert_eq!(info(&[])["samples"], Value::Null);
    assert_eq!(info(&["--samples", samples.to_str().unwrap()])["samples"], samples.to_str().unwrap());
}

#[test]
fn a_licence_that_forbids_commercial_use_is_told_when_files_are_brought() {
    let folder = TempDir::new().unwrap();
    let manifest = folder.path().join("mine.yaml");
    std::fs::write(
        &manifest,
        "name: mine\nkind: classifier\narchitecture: torchscript\nconfig: { resolution: 16, mean: [0, 0, 0], std: [1, 1, 1] }\nlicence: for research\nnon_commercial: true
weights: { file: mine.pt, unpublished: true, source: { url: 'https://example.org/mine.pt' } }\n",
    )
    .unwrap();
    let (manifest, file) = (manifest.to_str().unwrap(), support::reference("brought/plain.pt"));
    let bring = |arguments: &[&str]| {
        let mut command = metapicture(arguments);
        command.env("XDG_CACHE_HOME", folder.path().join("cache")).output().unwrap()
    };
    let add = ["models", "add", manifest, "--file", file.to_str().unwrap(), "--json"];
    for (arguments, field) in [
        (&add[..], ""),
        (&["models", "pull", manifest, "--json"], "/0"),
        (&["models", "info", "deepsim-fc7", "--json"], ""),
    ] {
        let output = bring(arguments);
        let (said, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {error}");
        let document: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(document.pointer(&format!("{field}/non_commercial")), Some(&Value::Bool(true)), "{said}");
        if arguments[1] != "info" {
            let notice = "its licence (for research) forbids commercial use";
            assert!(
                document.pointer(&format!("{field}/notice")).unwrap().as_str().unwrap().ends_with(notice),
                "{said}"
            );
            assert_eq!(error.matches(notice).count(), 1, "{error}");
        }
    }
    let quiet = bring(&[&add[..5], &["--quiet"]].concat());
    assert!(quiet.status.success() && quiet.stderr.is_empty());
}

#[test]
fn a_file_that_is_not_what_an_entry_needs_is_not_brought_in() {
    let folder = TempDir::new().unwrap();
    let (cut, cache) = (folder.path().join("cut.pt"), folder.path().join("cache"));
    let whole = std::fs::read(support::reference("brought/plain.pt")).unwrap();
    std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    for (name, complaint) in [("taesd", "does not fit"), ("deepsim-fc6", "cut.pt")] {
        let file = if name == "taesd" { support::reference("optimizers.safetensors") } else { cut.clone() };
        let mut add = metapicture(&["models", "add", name, "--file", file.to_str().unwrap()]);
        let output = add.env("XDG_CACHE_HOME", &cache).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(complaint) && error.trim_end().lines().count() == 1, "{error}");
        let mut pulled = metapicture(&["models", "list", "--json"]);
        let list: Value =
            serde_json::from_slice(&pulled.env("XDG_CACHE_HOME", &cache).output().unwrap().stdout).unwrap();
        let entry = list.as_array().unwrap().iter().find(|entry| entry["name"] == name).unwrap();
        assert_eq!(entry["pulled"], false, "{name}");
    }
}

#[test]
fn a_layer_can_be_written_out() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("layer.npy");
    let picture = support::reference("preprocessing/astronaut_224.png");
    let arguments = ["classify", "--classifier", LITE0, "--layer", "_blocks.10", "--out", file.to_str().unwrap()];
    done(&[&arguments[..], &[picture.to_str().unwrap()]].concat());
    assert_eq!(tch::Tensor::read_npy(&file).unwrap().size(), [1, 112, 14, 14]);
}

#[test]
fn a_method_of_ones_own_works_and_one_that_overflows_is_recorded_as_failed() {
    let folder = TempDir::new().unwrap();
    let text = String::from_utf8(done(&["methods", "show", "naive"]).stdout).unwrap();
    let (good, bad) = (folder.path().join("good.yaml"), folder.path().join("bad.yaml"));
    std::fs::write(&good, text.replace("steps: 150", "steps: 2").replace("name: naive", "name: good")).unwrap();
    for (method, searches) in [
        ("latent", "codes on the sphere of the prior's typical norm"),
        ("latent-spatial", "spectra of spatial codes"),
        ("biggan-am", "class embeddings, over codes from the prior"),
        ("blend", "codes on the sphere of the prior's typical norm, and a residual of pixels of at most 0.03"),
    ] {
        let text = String::from_utf8(done(&["methods", "show", method]).stdout).unwrap();
        assert_eq!(text.lines().next(), Some(format!("# Searches {searches}.").as_str()));
    }
    let text = String::from_utf8(done(&["methods", "show", "dgn-am-gaussian"]).stdout).unwrap();
    let endless = text.replace("from: 0.1", "from: 1.0e+38").replace("limit: 3.0", "limit: 1.0e+38");
    std::fs::write(&bad, endless.replace("steps: 200", "steps: 20").replace("name: dgn-am-gaussian", "name: bad"))
        .unwrap();
    let out = folder.path().join("out");
    let methods = ["--generator", "face-dcgan", "--method", bad.to_str().unwrap(), good.to_str().unwrap()];
    let output = run(&visualize(&out, &[&["--unit", "banana"], &methods[..]].concat()));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("class:banana by bad") && error.contains("step size"), "{error}");
    let records: Vec<Value> = runs(&out).iter().map(|folder| record(folder)).collect();
    let of = |name: &str| records.iter().find(|record| record["method"] == name).unwrap();
    assert_eq!((&of("good")["status"], &of("bad")["status"]), (&"done".into(), &"failed".into()));
    assert!(of("bad")["error"].as_str().unwrap().contains("at step"), "{}", of("bad")["error"]);
}

#[test]
fn facets_leave_a_record_each_and_a_sum_of_units_has_no_class() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let unit = "banana + 0.5*violin";
    let more =
        ["--unit", unit, "banana", "--method", "diversity-2017", "--facets", "2", "--steps", "1", "--size", "96"];
    done(&visualize(&out, &more));
    let records: Vec<Value> = runs(&out).iter().map(|folder| record(folder)).collect();
    assert_eq!(records.len(), 4);
    let of = |name: &str| -> Vec<&Value> { records.iter().filter(|record| record["unit"]["name"] == name).collect() };
    let (sums, classes) = (of("class:banana + 0.5*class:violin"), of("class:banana"));
    for pair in [&sums, &classes] {
        let mut facets: Vec<i64> = pair.iter().map(|record| record["facet"].as_i64().unwrap()).collect();
        facets.sort();
        assert_eq!(facets, [0, 1]);
        assert_ne!(pair[0]["activation"]["initial"], pair[1]["activation"]["initial"]);
    }
    assert_eq!((&sums[0]["probability"], &sums[0]["unit"]["index"]), (&Value::Null, &Value::Null));
    assert_eq!(sums[0]["unit"]["terms"][1]["weight"], 0.5);
    assert!(classes[0]["probability"].is_number() && classes[0]["size"] == 96);
    assert!(std::fs::read_to_string(out.join("results.csv")).unwrap().contains(",facet,"));
}

#[test]
fn completions_and_a_manual_come_from_the_arguments() {
    let completions = String::from_utf8(done(&["completions", "bash"]).stdout).unwrap();
    assert!(completions.contains("visualize") && completions.contains("--witness"));
    let manual = String::from_utf8(done(&["man"]).stdout).unwrap();
    assert!(manual.starts_with(".ie") && manual.contains("visualize"));
}
