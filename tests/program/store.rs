//! `store verify` says what is damaged, and ends accordingly.

use std::fs;
use std::process::Command;

use serde_json::Value;
use support::made_up::{id, store_of};

#[test]
fn store_verify_says_what_is_damaged_and_ends_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_of(folder.path(), 5);
    let verify = |arguments: &[&str]| {
        let program = Command::new(env!("CARGO_BIN_EXE_metapicture"));
        let output = { program }.args(["store", "verify"]).arg(folder.path()).args(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    };
    let (code, out, _) = verify(&[]);
    assert_eq!(code, 0);
    assert!(out.contains("5 records are sound"), "{out}");
    fs::write(store.picture(&id(3)), "no picture").unwrap();
    let (code, out, err) = verify(&["--json"]);
    assert_eq!(code, 1, "{err}");
    let found: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(found["done"], 4);
    assert_eq!(found["damage"][0]["path"], format!("runs/{}", id(3)));
    assert_eq!(found["damage"][0]["moved_to"], format!("damaged/{}.1", id(3)));
    assert!(found["damage"][0]["reason"].as_str().unwrap().starts_with("image.png is changed"));
    assert_eq!(verify(&["--quiet"]).0, 0, "it was set aside, and the rest is sound");
    fs::write(store.picture(&id(1)), "no picture").unwrap();
    let (code, out, err) = verify(&[]);
    assert_eq!(code, 1);
    assert!(out.contains(&format!("runs/{}: image.png is changed", id(1))), "{out}");
    assert!(err.starts_with("error: ") && err.contains("1 damaged"), "{err}");
    fs::remove_dir_all(folder.path().join("runs")).unwrap();
    let (code, _, err) = verify(&[]);
    assert_eq!(code, 2);
    assert!(err.contains("there are no records"), "{err}");
}
