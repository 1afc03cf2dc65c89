//! Records are written whole, the first stays, and what is damaged is found and made again.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use metapicture::store::Store;
use metapicture::store::{Record, Status};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use support::made_up::{id, record, sealed, sealed_with, store_of};

use super::folder::{asides, assert_sound, files};

#[test]
fn sha256sum_checks_a_record() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_of(folder.path(), 1);
    let check = || {
        let mut command = Command::new("sha256sum");
        command.args(["--check", "--strict", "--quiet", "files.sha256"]).current_dir(store.folder(&id(0)));
        command.status().unwrap().success()
    };
    assert!(check());
    let listed = fs::read_to_string(store.folder(&id(0)).join("files.sha256")).unwrap();
    assert_eq!(listed.lines().count(), 5);
    fs::write(store.folder(&id(0)).join("trace.csv"), "step,loss,activation\n").unwrap();
    assert!(!check());
}

#[test]
fn a_record_comes_back_to_the_last_bit_from_its_folder_and_from_the_index() {
    let folder = tempfile::tempdir().unwrap();
    store_of(folder.path(), 200);
    let store = Store::open(folder.path()).unwrap();
    for number in 0..200 {
        let expected = record(number, Status::Done);
        assert_eq!(store.done(&id(number)), Some(expected.clone()));
        let entry = store.entry(&id(number)).unwrap();
        assert_eq!(entry.activation, expected.activation);
        assert_eq!(
            (entry.probability, entry.unit, entry.label),
            (expected.probability, expected.unit.name, expected.unit.label)
        );
    }
    assert_eq!(store.records().count(), 200);
    assert_eq!(store.ids().len(), 200);
}

#[test]
fn the_first_record_of_a_run_stays_but_a_failed_one_makes_way() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let other = |status: Status, error: &str| {
        sealed_with(&Record { method: "other".to_owned(), error: Some(error.to_owned()), ..record(0, status) }, 8)
    };
    store.write_all(&[other(Status::Failed, "first")]).unwrap();
    store.write_all(&[other(Status::Failed, "second")]).unwrap();
    assert!(store.done(&id(0)).is_none());
    assert_eq!(store.record(&id(0)).unwrap().error.unwrap(), "second");
    store.write_all(&[sealed(0)]).unwrap();
    let first = files(&store.folder(&id(0)));
    store.write_all(&[other(Status::Failed, "third")]).unwrap();
    store.write_all(&[other(Status::Done, "fourth")]).unwrap();
    assert_eq!(files(&store.folder(&id(0))), first);
    assert_eq!(Store::open(folder.path()).unwrap().entry(&id(0)).unwrap().status, Status::Done);
    assert_eq!(asides(folder.path()), [""; 0]);
    assert_sound(folder.path(), 1);
}

#[test]
fn a_replaced_record_is_what_is_read_here_and_by_others() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_of(folder.path(), 3);
    let other = Store::open(folder.path()).unwrap();
    for probability in [0.25, 0.75] {
        let replaced = Record { probability: Some(probability), ..record(1, Status::Done) };
        store.replace_record(&replaced).unwrap();
        assert_eq!(store.done(&id(1)), Some(replaced.clone()));
        assert_eq!(other.done(&id(1)), Some(replaced.clone()));
        assert_eq!(Store::open(folder.path()).unwrap().entry(&id(1)).unwrap().probability, Some(probability));
    }
    // And back by the other: two segments of the index disagree, and neither is newer by its name.
    other.replace_record(&record(1, Status::Done)).unwrap();
    store.refresh();
    assert_eq!(store.entry(&id(1)).unwrap().probability, record(1, Status::Done).probability);
    assert!(store.replace_record(&record(9, Status::Done)).is_err());
    assert_sound(folder.path(), 3);
}

#[test]
fn whatever_byte_is_changed_or_cut_off_verify_finds_it_and_the_run_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_of(folder.path(), 12);
    let whole: Vec<_> = (0..12).map(|number| files(&store.folder(&id(number)))).collect();
    let mut random = ChaCha8Rng::seed_from_u64(1);
    for round in 0..60 {
        let names = ["record.json", "image.png", "trace.csv", "state.safetensors", "timing.json", "files.sha256"];
        let mut hurt = BTreeSet::new();
        for _ in 0..random.random_range(1..5) {
            let number = random.random_range(0..12);
            let path = store.folder(&id(number)).join(names[random.random_range(0..names.len())]);
            let mut bytes = fs::read(&path).unwrap();
            let place = random.random_range(0..bytes.len());
            match random.random_range(0..4) {
                0 => bytes.truncate(place),
                1 => {
                    let count = random.random_range(1..=bytes.len() - place);
                    bytes.drain(place..place + count);
                }
                2 if hurt.insert(number) => {
                    fs::remove_file(&path).unwrap();
                    break;
                }
                _ => bytes[place] ^= 1 << random.random_range(0..8),
            }
            fs::write(&path, bytes).unwrap();
            hurt.insert(number);
        }
        // Hurt twice at the same bit, a file would be whole again.
        hurt.retain(|&number| files(&store.folder(&id(number))) != whole[number as usize]);
        let found = Store::open(folder.path()).unwrap().verify(&|_, _| {}).unwrap();
        let paths: BTreeSet<PathBuf> = found.damage.iter().map(|damage| damage.path.clone()).collect();
        let expected: BTreeSet<PathBuf> =
            hurt.iter().map(|&number| Path::new("runs").join(id(number).to_string())).collect();
        assert_eq!(paths, expected, "round {round}: {:?}", found.damage);
        for damage in &found.damage {
            assert!(folder.path().join(damage.moved_to.as_ref().unwrap()).is_dir(), "{damage}");
        }
        for &number in &hurt {
            assert!(store.done(&id(number)).is_none());
            store.write_all(&[sealed(number)]).unwrap();
        }
        for number in 0..12 {
            assert_eq!(files(&store.folder(&id(number))), whole[number as usize]);
        }
    }
    let reasons = fs::read_to_string(folder.path().join("damaged/reasons.txt")).unwrap();
    let kept = fs::read_dir(folder.path().join("damaged")).unwrap().count() - 1;
    assert_eq!(reasons.lines().count(), kept);
}

#[test]
fn a_damaged_record_is_not_done_and_a_new_one_takes_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let store = store_of(folder.path(), 4);
    // Read with the record: found at once.
    fs::write(store.folder(&id(0)).join("record.json"), "{}").unwrap();
    assert!(store.done(&id(0)).is_none());
    let damage = store.take_damage();
    assert_eq!(damage.len(), 1);
    assert!(damage[0].to_string().contains("record.json is changed"), "{}", damage[0]);
    // Found by the writer that finds it in its way.
    fs::remove_file(store.folder(&id(1)).join("image.png")).unwrap();
    store.write_all(&[sealed(0), sealed(1)]).unwrap();
    assert_eq!(store.take_damage().len(), 1);
    // An empty folder, and a file in the place of one.
    fs::remove_dir_all(store.folder(&id(2))).unwrap();
    fs::create_dir(store.folder(&id(2))).unwrap();
    fs::remove_dir_all(store.folder(&id(3))).unwrap();
    fs::write(store.folder(&id(3)), "a file").unwrap();
    assert!(store.done(&id(2)).is_none() && store.done(&id(3)).is_none());
    store.write_all(&[sealed(2), sealed(3)]).unwrap();
    assert_sound(folder.path(), 4);
}

#[test]
fn records_of_another_version_of_this_program_are_an_error_and_stay() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    store.write_all(&[sealed(0)]).unwrap();
    let place = store.folder(&id(0));
    let newer = fs::read_to_string(place.join("record.json")).unwrap();
    let newer = newer.replace("\"schema_version\": 2", "\"schema_version\": 999").replace("\"seed\"", "\"seeds\"");
    fs::write(place.join("record.json"), newer).unwrap();
    let listed = Command::new("sh")
        .args(["-c", "sha256sum record.json timing.json trace.csv state.safetensors image.png > files.sha256"])
        .current_dir(&place)
        .status();
    assert!(listed.unwrap().success());
    fs::remove_dir_all(folder.path().join("index")).unwrap();
    let error = format!("{:#}", Store::open(folder.path()).unwrap_err());
    assert!(error.contains("schema_version is 999"), "{error}");
    assert!(place.exists());
}

#[test]
fn a_sheet_takes_several_values_of_an_axis_and_classes_by_their_names() {
    let row = |unit: &str, label: Option<&str>, seed: u64| {
        let serde_json::Value::Object(row) = serde_json::json!({ "unit": unit, "label": label, "seed": seed }) else {
            unreachable!()
        };
        row
    };
    let rows = [row("class:5", Some("banana"), 0), row("class:5", Some("banana"), 1), row("conv:3", None, 0)];
    let chosen = |conditions: &[&str]| {
        let conditions: Vec<String> = conditions.iter().map(|text| (*text).to_owned()).collect();
        metapicture::sheet::only(&rows, &conditions).map(|rows| rows.len()).map_err(|error| error.to_string())
    };
    assert_eq!(chosen(&["unit=banana"]), Ok(2));
    assert_eq!(chosen(&["unit=class:5", "unit=conv:3"]), Ok(3));
    assert_eq!(chosen(&["unit=banana", "unit=conv:3", "seed=0"]), Ok(2));
    assert_eq!(chosen(&["unit=pear"]), Err("--where: no run has these values".to_owned()));
}
