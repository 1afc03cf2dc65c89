//! The library's way in gives what the program gives.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use metapicture::prelude::*;
use tempfile::TempDir;

fn models() -> Models {
    for name in ["efficientnet-lite0", "efficientnet-lite1", "face-dcgan"] {
        support::files(name);
    }
    Models::options().threads(1).open().unwrap()
}

#[test]
fn a_picture_from_rust_and_one_of_visualize_are_the_same_bytes() -> Result<(), Error> {
    let folder = TempDir::new().unwrap();
    let models = models();
    let mut program = Command::new(env!("CARGO_BIN_EXE_metapicture"));
    program.args(["visualize", "--classifier", "efficientnet-lite0", "--generator", "face-dcgan", "--unit", "banana"]);
    program.args([
        "--method",
        "latent",
        "--steps",
        "3",
        "--witness",
        "efficientnet-lite1",
        "--threads",
        "1",
        "--quiet",
    ]);
    assert!(program.arg("--out").arg(folder.path()).stdin(Stdio::null()).status().unwrap().success());
    let mut runs = std::fs::read_dir(folder.path().join("runs")).unwrap().map(|entry| entry.unwrap().path());
    let (run, None) = (runs.next().unwrap(), runs.next()) else { panic!("there is one run") };

    let lite0 = models.classifier("efficientnet-lite0")?;
    let faces = models.generator("face-dcgan")?;
    let witness = models.classifier("efficientnet-lite1")?;
    let visualization = Visualization::of(&lite0, "banana")?.prior(&faces).method("latent")?.witnesses([&witness]);
    let picture = visualization.steps(3).run()?;
    picture.save(folder.path().join("banana.png"))?;
    picture.save_record(folder.path().join("record"))?;

    let bytes = |path: PathBuf| std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(bytes(folder.path().join("banana.png")), bytes(run.join("image.png")));
    for file in ["image.png", "record.json", "trace.csv", "state.safetensors"] {
        assert_eq!(bytes(folder.path().join("record").join(file)), bytes(run.join(file)), "{file}");
    }
    Ok(())
}

#[test]
fn a_network_that_somebody_holds_is_loaded_once_and_shared_by_threads() {
    let models = models();
    let held = models.classifier("efficientnet-lite0").unwrap();
    let activation = |seed: u64| {
        let lite0 = models.classifier("efficientnet-lite0").unwrap();
        assert!(Arc::ptr_eq(held.engine(), lite0.engine()));
        let picture = Visualization::of(&lite0, "banana").unwrap().method("naive").unwrap().steps(2).seed(seed).run();
        picture.unwrap().activation()
    };
    let activation = &activation;
    let alone = [activation(0), activation(1)];
    let together = std::thread::scope(|scope| {
        let threads = [0, 1].map(|seed| scope.spawn(move || activation(seed)));
        threads.map(|thread| thread.join().unwrap())
    });
    assert_eq!(alone, together);
}

#[test]
fn a_run_that_fails_is_an_error_of_that_run_and_what_cannot_be_meant_is_a_request() {
    let folder = TempDir::new().unwrap();
    let shown =
        Command::new(env!("CARGO_BIN_EXE_metapicture")).args(["methods", "show", "dgn-am-gaussian"]).output().unwrap();
    let text = String::from_utf8(shown.stdout).unwrap();
    let text = text.replace("from: 0.1", "from: 1.0e+38").replace("limit: 3.0", "limit: 1.0e+38");
    let wild = folder.path().join("wild.yaml");
    std::fs::write(&wild, text.replace("steps: 200", "steps: 20").replace("name: dgn-am-gaussian", "name: wild"))
        .unwrap();
    let models = models();
    let faces = models.generator("face-dcgan").unwrap();
    let lite0 = models.classifier("efficientnet-lite0").unwrap();
    let of = |method: &str| Visualization::of(&lite0, "banana").and_then(|visualization| visualization.method(method));

    let failed = of(wild.to_str().unwrap()).unwrap().prior(&faces).seeds(0..2).run_all().unwrap();
    assert_eq!(failed.len(), 2);
    for run in failed {
        let error = run.unwrap_err();
        assert!(
            !error.is_request() && error.to_string().contains("step size of method 'wild' is too large"),
            "{error}"
        );
    }

    let error = of("naiv").unwrap_err();
    assert!(error.is_request() && error.to_string().contains("did you mean 'naive'?"), "{error}");
    let error = of("latent").unwrap().run().unwrap_err();
    assert!(error.is_request() && error.to_string().contains("give it a prior"), "{error}");
    let error = of("naive").unwrap().witnesses([&lite0]).run().unwrap_err();
    assert!(error.is_request() && error.to_string().contains("a witness takes no part"), "{error}");
}
