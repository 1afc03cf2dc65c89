//! What a researcher may expect of a folder of records: whatever is killed, cut, flipped, full or shared, what is finished
//! stays, and what is damaged is found, kept aside and made again.

mod mount;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use metapicture::random::Seed;
use metapicture::render::{Passes, Row};
use metapicture::store::record::{
    ActivationField, Leaves, NUMERIC_VERSION, Provenance, Record, RunId, SCHEMA_VERSION, Status, Timing, UnitField,
};
use metapicture::store::{Key, Patience, Sealed, Store};
use mount::Mount;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use tch::Tensor;

/// Tells a process of this test what to do, and where.
const ROLE: &str = "METAPICTURE_TEST_ROLE";
const STORE: &str = "METAPICTURE_TEST_STORE";
const FROM: &str = "METAPICTURE_TEST_FROM";

fn id(number: u64) -> RunId {
    RunId::of(&json!({ "number": number }).to_string())
}

/// A record of a run that nobody computed; a function of its number.
fn record(number: u64, status: Status) -> Record {
    let done = status == Status::Done;
    Record {
        schema_version: SCHEMA_VERSION,
        run_id: id(number),
        status,
        error: (!done).then(|| "out of memory".to_owned()),
        classifier: "efficientnet-lite0".to_owned(),
        generator: None,
        condition: None,
        method: "naive".to_owned(),
        method_settings: json!({ "steps": 50, "optimizer": { "adam": { "lr": 0.05 } } }),
        unit: UnitField {
            name: format!("class:{number}"),
            layer: Some("logits".to_owned()),
            index: Some(number as i64),
            position: None,
            label: Some("banana, or \"plantain\"".to_owned()),
            terms: json!([]),
        },
        seed: Seed(number),
        facet: 0,
        steps: 50,
        passes: Some(Passes { forward: 50, backward: 50 }),
        size: 8,
        generator_size: None,
        activation: ActivationField {
            initial: Some(0.1 + number as f64 / 3.),
            last: Some((number as f64).sqrt()),
            best: Some((number as f64).ln_1p()),
            scored: done.then(|| (number as f64 + 0.3).exp2().recip()),
        },
        probability: done.then(|| 1. / (3. + number as f64)),
        witnesses: vec![],
        stop: "steps".to_owned(),
        provenance: Provenance {
            version: "0.1.0".to_owned(),
            numeric_version: NUMERIC_VERSION,
            libtorch: "2.13.0".to_owned(),
            device: "cpu".to_owned(),
            dtype: "f32".to_owned(),
            threads: 1,
            batch: 8,
            weights_sha256: BTreeMap::new(),
            definitions: BTreeMap::new(),
            host_arch: "x86_64".to_owned(),
        },
    }
}

/// Its files, with a picture of this side.
fn sealed_with(record: &Record, side: u32) -> Sealed {
    let mut random = ChaCha8Rng::seed_from_u64(record.seed.0);
    let picture = image::RgbImage::from_fn(side, side, |_, _| image::Rgb(random.random::<[u8; 3]>()));
    let values: Vec<f32> = (0..3 * side * side).map(|_| random.random()).collect();
    let state = [("picture", Tensor::from_slice(&values))];
    let trace: Vec<Row> = (0..51)
        .map(|step| Row {
            step,
            loss: 1. / step as f64,
            activation: step as f64,
            penalties: vec![],
            gradient_norm: Some(0.5),
        })
        .collect();
    let leaves = Leaves {
        record,
        picture: (record.status == Status::Done).then_some(&picture),
        state: &state,
        trace: &trace,
        regularizers: &[],
        timing: &Timing { batch_seconds: 1.5, batch: 8 },
    };
    leaves.seal().unwrap()
}

fn sealed(number: u64) -> Sealed {
    sealed_with(&record(number, Status::Done), 8)
}

/// A store of so many done runs, from number 0.
fn store_of(root: &Path, count: u64) -> Store {
    let store = Store::open(root).unwrap();
    store.write_all(&(0..count).map(sealed).collect::<Vec<_>>()).unwrap();
    store
}

/// Every file of a folder and those in it, by relative path.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut files, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for found in fs::read_dir(next).unwrap() {
            let path = found.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(path.strip_prefix(folder).unwrap().to_owned(), fs::read(path).unwrap());
            }
        }
    }
    files
}

/// What lies in `runs/` that is not a run.
fn asides(root: &Path) -> Vec<String> {
    let names = fs::read_dir(root.join("runs")).unwrap().map(|found| found.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.parse::<RunId>().is_err()).collect()
}

/// Nothing is damaged, and every run is there.
fn assert_sound(root: &Path, runs: usize) {
    let verification = Store::open(root).unwrap().verify(&|_, _| {}).unwrap();
    assert_eq!((verification.done, &verification.damage[..]), (runs, &[][..]));
}

/// Another process of this test that plays a role; its lines come on stdout.
fn process(role: &str, root: &Path, from: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "role", "--ignored", "--nocapture", "--quiet"])
        .envs([(ROLE, role), (FROM, &from.to_string())])
        .env(STORE, root)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

/// The lines that a process says, with the test harness's own left out.
fn lines(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    lines.filter_map(|line| Some(line.split_once("> ")?.1.to_owned()))
}

fn say(text: impl std::fmt::Display) {
    println!("> {text}");
    std::io::stdout().flush().unwrap();
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

#[test]
#[ignore = "what the other tests' own processes do; nothing without them"]
fn role() {
    let (Ok(role), Some(root)) = (std::env::var(ROLE), std::env::var_os(STORE)) else { return };
    let from: u64 = std::env::var(FROM).unwrap().parse().unwrap();
    let root = Path::new(&root);
    let store = Store::open(root).unwrap();
    say("ready");
    match role.as_str() {
        // Writes runs without end, three at a time, and says which are written.
        "writer" => {
            for first in (from..).step_by(3) {
                let numbers: Vec<u64> =
                    (first..first + 3).filter(|&number| store.entry(&id(number)).is_none()).collect();
                store.write_all(&numbers.iter().map(|&number| sealed(number)).collect::<Vec<_>>()).unwrap();
                numbers.iter().for_each(say);
            }
        }
        // Judges the same run again and again.
        "replacer" => {
            for round in 0.. {
                let mut record = store.done(&id(from)).expect("the record is there");
                record.probability = Some(1. / f64::from(round + 2));
                store.replace_record(&record).unwrap();
            }
        }
        "checkpoints" => {
            for round in 0u32.. {
                store.checkpoint(&"batch".parse().unwrap()).write(&round.to_le_bytes().repeat(20_000)).unwrap();
                say(round);
            }
        }
        // Does whatever nobody else does, and says what.
        "worker" => {
            store.set_patience(QUICK);
            let mut left: BTreeSet<u64> = (0..from).collect();
            while !left.is_empty() {
                for number in left.clone() {
                    if store.done(&id(number)).is_some() {
                        left.remove(&number);
                    } else if let Some(_claim) = store.claim(&Key::of(&[id(number)])).unwrap()
                        && store.done(&id(number)).is_none()
                    {
                        std::thread::sleep(Duration::from_millis(20));
                        store.write_all(&[sealed(number)]).unwrap();
                        say(number);
                    }
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        // Holds a claim and says, every now and then, whether it still does.
        "holder" => {
            store.set_patience(QUICK);
            let claim = store.claim(&"work".parse().unwrap()).unwrap().expect("nobody else has it");
            loop {
                say(if claim.is_held() { "held" } else { "lost" });
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        role => panic!("no such role: {role}"),
    }
}

/// Claims that change hands within a test's time.
const QUICK: Patience = Patience { beat: Duration::from_millis(100), stale: Duration::from_secs(3) };

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
fn what_killed_writers_left_is_finished_where_it_is_whole_and_set_aside_where_it_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let store = store_of(root, 3);
    let mut dead = Command::new("true").spawn().unwrap();
    dead.wait().unwrap();
    let this = fs::read_dir(root.join("index")).unwrap().next().unwrap().unwrap().file_name().into_string().unwrap();
    let parts: Vec<&str> = this.split('.').collect();
    let aside = |number: u64, pid: u32, count: u32| {
        root.join("runs").join(format!(".{}.{}.{}.{pid}.1.{count}", id(number), parts[0], parts[1]))
    };
    // Whole, and its place is free; whole, and its place is taken; two, and its place is free (killed while they changed places
    // where there is no exchange in one step); half.
    fs::rename(store.folder(&id(0)), aside(0, dead.id(), 1)).unwrap();
    for number in [1, 2] {
        fs::create_dir(aside(number, dead.id(), 2)).unwrap();
        for name in files(&store.folder(&id(number))).keys() {
            fs::copy(store.folder(&id(number)).join(name), aside(number, dead.id(), 2).join(name)).unwrap();
        }
    }
    fs::rename(store.folder(&id(2)), aside(2, dead.id(), 4)).unwrap();
    fs::create_dir(aside(5, dead.id(), 3)).unwrap();
    fs::write(aside(5, dead.id(), 3).join("record.json"), "{ \"half").unwrap();
    // That of a process that runs, and that of another machine, whose processes are not seen.
    let running = root.join("runs").join(format!(".{}.{}", id(6), this.trim_end_matches(".jsonl")));
    let elsewhere = root.join("runs").join(format!(".{}.other.0123abcd.1.1.1", id(7)));
    fs::create_dir(&running).unwrap();
    fs::create_dir(&elsewhere).unwrap();

    let store = Store::open(root).unwrap();
    let damage = store.take_damage();
    assert_eq!(damage.len(), 1, "{damage:?}");
    assert!(damage[0].to_string().contains("by a process that was killed"), "{}", damage[0]);
    let kept = fs::read(root.join(damage[0].moved_to.as_ref().unwrap()).join("record.json")).unwrap();
    assert_eq!(kept, b"{ \"half");
    assert_eq!(store.records().count(), 3);
    assert!(running.exists() && elsewhere.exists());
    assert_eq!(asides(root).len(), 2);
    // An hour later the other machine's is given up, too.
    let long_ago = std::time::SystemTime::now() - Duration::from_secs(4000);
    fs::File::open(&elsewhere).unwrap().set_modified(long_ago).unwrap();
    assert_eq!(Store::open(root).unwrap().take_damage().len(), 1);
    assert_eq!(asides(root).len(), 1);
}

#[test]
fn of_writers_that_are_killed_nothing_finished_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let (mut written, mut set_aside) = (BTreeSet::new(), 0);
    for kill in 0..50 {
        // Two at once, on the same runs.
        let mut writers = [process("writer", root, 0), process("writer", root, 0)];
        let said = writers.each_mut().map(lines).map(|mut said| {
            // Some are killed while they still open the store, and clear up after the others.
            if kill % 5 > 0 {
                assert_eq!(said.next().as_deref(), Some("ready"));
            }
            said
        });
        std::thread::sleep(Duration::from_micros(random.random_range(0..200_000)));
        for writer in &mut writers {
            writer.kill().unwrap();
            writer.wait().unwrap();
        }
        written.extend(said.into_iter().flatten().filter_map(|number| number.parse::<u64>().ok()));
        let store = Store::open(root).unwrap();
        set_aside += store.take_damage().len();
        for &number in &written {
            assert!(store.done(&id(number)).is_some(), "after kill {kill} run {number} is lost");
        }
        assert_eq!(store.take_damage(), []);
        assert_eq!(asides(root), [""; 0]);
    }
    let found = Store::open(root).unwrap();
    println!("{} runs written, {} said so; {set_aside} halves set aside", found.ids().len(), written.len());
    assert!(found.ids().len() >= written.len() && written.len() > 100);
    // The bytes are those of an undisturbed writer.
    let undisturbed = tempfile::tempdir().unwrap();
    let last = (0..).find(|&number| found.entry(&id(number)).is_none()).unwrap();
    let numbers: BTreeSet<u64> = written.into_iter().chain(0..last).collect();
    let store = Store::open(undisturbed.path()).unwrap();
    store.write_all(&numbers.into_iter().map(sealed).collect::<Vec<_>>()).unwrap();
    let (a, mut b) = (files(&undisturbed.path().join("runs")), files(&root.join("runs")));
    b.retain(|path, _| a.contains_key(path));
    assert!(a == b);
    assert_sound(root, found.ids().len());
}

#[test]
fn a_record_that_is_being_replaced_is_there_at_every_moment() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let store = store_of(root, 1);
    let mut random = ChaCha8Rng::seed_from_u64(3);
    for _ in 0..15 {
        let mut replacers = [process("replacer", root, 0), process("replacer", root, 0)];
        for replacer in &mut replacers {
            assert_eq!(lines(replacer).next().as_deref(), Some("ready"));
        }
        let end = Instant::now() + Duration::from_micros(random.random_range(0..300_000));
        while Instant::now() < end {
            assert!(store.done(&id(0)).is_some());
        }
        for replacer in &mut replacers {
            assert!(replacer.try_wait().unwrap().is_none(), "a replacer has failed");
            replacer.kill().unwrap();
            replacer.wait().unwrap();
        }
        assert!(store.done(&id(0)).is_some());
        let opened = Store::open(root).unwrap();
        let halves = opened.take_damage();
        assert!(halves.iter().all(|damage| damage.reason.contains("killed")), "{halves:?}");
        assert!(opened.done(&id(0)).is_some());
        assert_eq!(asides(root), [""; 0]);
    }
    assert_sound(root, 1);
}

#[test]
fn a_changed_index_costs_time_and_never_invents_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    store_of(root, 20);
    // Failed, absent and damaged runs are what a wrong index could pass for done.
    let store = Store::open(root).unwrap();
    store.write_all(&[sealed_with(&record(20, Status::Failed), 8)]).unwrap();
    store.write_all(&[sealed(21)]).unwrap();
    fs::remove_dir_all(store.folder(&id(21))).unwrap();
    let segments = files(&root.join("index"));
    let mut random = ChaCha8Rng::seed_from_u64(4);
    for round in 0..300 {
        for (name, bytes) in &segments {
            let (mut bytes, mut others) = (bytes.clone(), segments.values());
            for _ in 0..random.random_range(1..4) {
                let place = random.random_range(0..bytes.len().max(2)).min(bytes.len().saturating_sub(1));
                match random.random_range(0..6) {
                    0 => bytes.truncate(place),
                    1 => bytes.insert(place, random.random()),
                    2 => bytes.extend(others.next().unwrap().iter().take(place)),
                    3 => bytes.splice(place..place, random.random::<[u8; 32]>()).for_each(drop),
                    _ if !bytes.is_empty() => bytes[place] ^= 1 << random.random_range(0..8),
                    _ => {}
                }
            }
            fs::write(root.join("index").join(name), bytes).unwrap();
        }
        let store = Store::open(root).unwrap();
        assert_eq!(store.take_damage(), [], "round {round}");
        let done = |number: &u64| store.entry(&id(*number)).is_some_and(|entry| entry.status == Status::Done);
        assert_eq!((0..30).filter(done).collect::<Vec<_>>(), (0..20).collect::<Vec<_>>(), "round {round}");
        for number in (0..30).step_by(7) {
            assert_eq!(store.done(&id(number)).is_some(), number < 20);
        }
        drop(store);
        for name in files(&root.join("index")).keys() {
            fs::remove_file(root.join("index").join(name)).unwrap();
        }
    }
    // With no index at all every run is hashed.
    assert_eq!(Store::open(root).unwrap().ids().len(), 21);
}

#[test]
fn segments_of_writers_that_ended_are_compacted_and_say_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let mut count = 0;
    for round in 0..12 {
        let mut writer = process("writer", root, round * 1000);
        let said: Vec<String> = lines(&mut writer).take(4).collect();
        assert_eq!(said[0], "ready");
        writer.kill().unwrap();
        writer.wait().unwrap();
        count = Store::open(root).unwrap().ids().len();
    }
    assert!(files(&root.join("index")).len() < 10);
    // What the index says is believed: a picture that is gone is not missed before somebody looks.
    let store = Store::open(root).unwrap();
    for id in store.ids() {
        fs::remove_file(store.picture(&id)).unwrap();
    }
    assert_eq!(Store::open(root).unwrap().ids().len(), count);
    assert_eq!(store.verify(&|_, _| {}).unwrap().damage.len(), count);
    assert_eq!(Store::open(root).unwrap().ids().len(), 0);
}

#[test]
fn processes_that_share_a_store_share_the_work_even_when_they_are_killed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let runs = 60;
    let mut workers: Vec<Child> = (0..4).map(|_| process("worker", root, runs)).collect();
    let mut said: Vec<_> = workers.iter_mut().map(lines).collect();
    for said in &mut said {
        assert_eq!(said.next().as_deref(), Some("ready"));
    }
    // One is killed in the midst, and its claim with it.
    assert!(said[0].next().is_some());
    workers[0].kill().unwrap();
    workers[0].wait().unwrap();
    let start = Instant::now();
    let mut done: Vec<u64> = said.into_iter().flatten().filter_map(|number| number.parse().ok()).collect();
    for worker in &mut workers[1..] {
        assert!(worker.wait().unwrap().success());
    }
    println!("{} runs in {:?}", done.len(), start.elapsed());
    let all = done.len();
    done.sort_unstable();
    done.dedup();
    assert_eq!(all, done.len(), "some were done twice");
    assert!(done.len() + 2 >= runs as usize);
    assert_sound(root, runs as usize);
    assert_eq!(fs::read_dir(root.join("claims")).unwrap().count(), 0);
}

#[test]
fn a_claim_is_taken_over_when_its_owner_stands_still_or_is_killed_and_not_before() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    store.set_patience(QUICK);
    let key: Key = "work".parse().unwrap();
    let mut holder = process("holder", folder.path(), 0);
    let mut said = lines(&mut holder);
    assert_eq!([said.next(), said.next()].map(Option::unwrap), ["ready", "held"]);
    let until = |limit: Duration| {
        let start = Instant::now();
        loop {
            match store.claim(&key).unwrap() {
                Some(claim) => return Some((claim, start.elapsed())),
                None if start.elapsed() > limit => return None,
                None => std::thread::sleep(Duration::from_millis(100)),
            }
        }
    };
    assert!(until(QUICK.stale * 2).is_none(), "taken from an owner that works");
    // Its clock does not matter: only whether the file's time moves.
    signal(&holder, "-STOP");
    let (claim, time) = until(QUICK.stale * 4).expect("not taken from an owner that stands still");
    assert!(time >= QUICK.stale - QUICK.beat, "{time:?}");
    signal(&holder, "-CONT");
    assert!(said.by_ref().take(200).any(|line| line == "lost"), "the owner does not notice");
    assert!(claim.is_held());
    // The new owner lets go; another one dies.
    holder.kill().unwrap();
    holder.wait().unwrap();
    drop(claim);
    let mut holder = process("holder", folder.path(), 0);
    assert_eq!(lines(&mut holder).nth(1).as_deref(), Some("held"));
    assert!(store.claim(&key).unwrap().is_none());
    holder.kill().unwrap();
    holder.wait().unwrap();
    let claim = store.claim(&key).unwrap().expect("not taken from an owner that has ended");
    assert!(store.claim(&key).unwrap().is_none(), "this process has it already");
    drop(claim);
    // One that was killed before it could write its name.
    fs::write(folder.path().join("claims/work"), "").unwrap();
    assert!(until(QUICK.stale * 4).is_some());
    assert_eq!(fs::read_dir(folder.path().join("claims")).unwrap().count(), 0);
}

#[test]
fn a_checkpoint_is_whole_or_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let checkpoint = store.checkpoint(&Key::of(&[id(0), id(1)]));
    assert_eq!(checkpoint.read().unwrap(), None);
    checkpoint.remove().unwrap();
    for bytes in [&b""[..], &[7; 3], &[1; 100_000]] {
        checkpoint.write(bytes).unwrap();
        assert_eq!(checkpoint.read().unwrap().as_deref(), Some(bytes));
    }
    let path = fs::read_dir(folder.path().join("checkpoints")).unwrap().next().unwrap().unwrap().path();
    let whole = fs::read(&path).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(5);
    for round in 0..200 {
        let place = if round < 100 { round } else { random.random_range(0..whole.len()) };
        let mut bytes = whole.clone();
        match round % 2 {
            0 => bytes[place] ^= 1 << random.random_range(0..8),
            _ => bytes.truncate(place),
        }
        fs::write(&path, bytes).unwrap();
        assert_eq!(checkpoint.read().unwrap(), None);
        assert_eq!(store.take_damage().len(), 1);
        assert!(!path.exists());
    }
    // A writer that is killed leaves the last whole one.
    for _ in 0..5 {
        let mut writer = process("checkpoints", folder.path(), 0);
        let mut said = lines(&mut writer);
        assert_eq!(said.next().as_deref(), Some("ready"));
        std::thread::sleep(Duration::from_micros(random.random_range(0..100_000)));
        writer.kill().unwrap();
        writer.wait().unwrap();
        let last = said.last();
        let store = Store::open(folder.path()).unwrap();
        let bytes = store.checkpoint(&"batch".parse().unwrap()).read().unwrap();
        if let Some(last) = &last {
            let round = u32::from_le_bytes(bytes.unwrap()[..4].try_into().unwrap());
            let said: u32 = last.parse().unwrap();
            assert!(round == said || round == said + 1, "{round} is there, {said} was written");
        }
        store.checkpoint(&"batch".parse().unwrap()).remove().unwrap();
    }
    let names = fs::read_dir(folder.path().join("checkpoints")).unwrap().count();
    assert_eq!(names, 0, "halves are left");
}

#[test]
fn a_full_disk_is_an_error_that_says_so_and_costs_nothing_that_is_finished() {
    let Some(mount) = Mount::new("size=1m") else { return };
    let root = mount.path().join("out");
    let store = Store::open(&root).unwrap();
    let large = |number: u64| sealed_with(&record(number, Status::Done), 64);
    let mut numbers = 0..;
    // Two at a time: one that fits is kept though the other does not.
    let error = loop {
        let pair = [large(numbers.next().unwrap()), large(numbers.next().unwrap())];
        if let Err(error) = store.write_all(&pair) {
            break format!("{error:#}");
        }
    };
    assert!(error.contains(root.join("runs").to_str().unwrap()), "{error}");
    assert!(error.contains("make space") && error.contains("No space left"), "{error}");
    assert_eq!(error.lines().count(), 1);
    let kept = store.ids().len();
    assert!(kept > 2);
    assert_eq!(asides(&root), [""; 0], "what could not be finished takes space");
    // Nothing else gets through either, and nothing panics.
    fs::write(mount.path().join("filler"), vec![0; 1 << 20]).unwrap_err();
    let claimed = store.claim(&"work".parse().unwrap());
    assert!(claimed.is_err() || claimed.is_ok_and(|claim| claim.is_some()));
    let checkpoint = store.checkpoint(&"batch".parse().unwrap());
    let error = format!("{:#}", checkpoint.write(&[1; 100_000]).unwrap_err());
    assert!(error.contains("checkpoints/batch") && error.contains("make space"), "{error}");
    let _ = Store::open(&root);
    // With space made, it goes on.
    fs::remove_file(mount.path().join("filler")).unwrap();
    mount.remount("size=4m");
    let store = Store::open(&root).unwrap();
    assert_eq!(store.ids().len(), kept);
    store.write_all(&[large(1000), large(1001)]).unwrap();
    checkpoint.write(&[1; 100_000]).unwrap();
    assert_sound(&root, kept + 2);
}

#[test]
fn a_store_that_may_not_be_written_to_can_be_read_and_is_left_as_it_is() {
    let Some(mount) = Mount::new("size=4m") else { return };
    let root = mount.path().join("out");
    store_of(&root, 3);
    fs::write(root.join("runs").join(id(2).to_string()).join("trace.csv"), "").unwrap();
    let before = files(&root);
    mount.remount("ro");
    let error = format!("{:#}", Store::open(&root).unwrap_err());
    assert!(error.contains(root.to_str().unwrap()) && error.contains("Read-only"), "{error}");
    let store = Store::read(&root).unwrap();
    assert_eq!(store.records().count(), 3);
    let found = store.verify(&|_, _| {}).unwrap();
    assert_eq!((found.done, found.damage.len()), (2, 1));
    assert_eq!(found.damage[0].moved_to, None);
    assert_eq!(files(&root), before);
}

/// Does this in a thread that has no more rights than anybody, where the test has those of root.
fn without_rights<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    let work = || {
        // SAFETY: the call takes numbers only. Other than libc's own function it concerns this thread and those that it starts;
        // without root it fails, and the thread keeps the rights that the test has.
        unsafe { libc::syscall(libc::SYS_setresuid, 65534, 65534, 65534) };
        work()
    };
    std::thread::scope(|scope| scope.spawn(work).join().unwrap())
}

#[test]
fn files_that_one_may_not_touch_are_an_error_and_never_taken_for_damaged() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("out");
    let store = store_of(&root, 3);
    let allow = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let closed = [folder.path().to_owned(), root.clone(), root.join("runs"), root.join("index")];
    closed.iter().for_each(|path| allow(path, 0o555));
    let error = without_rights(|| format!("{:#}", Store::open(&root).unwrap_err()));
    assert!(error.contains(root.to_str().unwrap()) && error.contains("Permission denied"), "{error}");
    let error = without_rights(|| format!("{:#}", Store::open(&folder.path().join("new")).unwrap_err()));
    assert!(error.contains("new: cannot be made; its owner must let you"), "{error}");
    let error = without_rights(|| format!("{:#}", store.write_all(&[sealed(9)]).unwrap_err()));
    assert!(error.contains(&id(9).to_string()) && error.contains("Permission denied"), "{error}");
    assert_eq!(without_rights(|| Store::read(&root).unwrap().records().count()), 3);
    // One file that may not be read, and no index that vouches for it.
    closed.iter().for_each(|path| allow(path, 0o777));
    drop(store);
    fs::remove_dir_all(root.join("index")).unwrap();
    allow(&root.join("runs").join(id(1).to_string()).join("trace.csv"), 0);
    let error = without_rights(|| format!("{:#}", Store::open(&root).unwrap_err()));
    assert!(error.contains("trace.csv: cannot be read"), "{error}");
    let (count, damage) = without_rights(|| {
        let store = Store::read(&root).unwrap();
        (store.records().count(), store.take_damage())
    });
    assert_eq!((count, damage.len()), (2, 1), "{damage:?}");
    allow(&root.join("runs").join(id(1).to_string()).join("trace.csv"), 0o644);
    assert_sound(&root, 3);
}

#[test]
fn a_folder_that_cannot_be_one_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("below")] {
        let error = format!("{:#}", Store::open(&path).unwrap_err());
        assert!(error.contains(path.to_str().unwrap()) && error.contains("in the way"), "{error}");
    }
    let error = Store::read(&folder.path().join("nothing")).unwrap_err().to_string();
    assert!(error.contains("nothing: there are no records"), "{error}");
    assert!(!folder.path().join("nothing").exists());
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

#[test]
#[ignore = "100,000 records take minutes to make"]
fn a_hundred_thousand_records_are_resumed_within_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let count = 100_000;
    let start = Instant::now();
    let store = Store::open(root).unwrap();
    for first in (0..count).step_by(1000) {
        // Straight into their places: only what the store does when it opens is measured.
        let records: Vec<Sealed> = (first..first + 1000).map(sealed).collect();
        store.write_all(&records).unwrap();
    }
    println!("made in {:?}", start.elapsed());
    drop(store);
    let timed = |what: &str, limit: u64| {
        let start = Instant::now();
        let store = Store::open(root).unwrap();
        let entries = (0..count).filter(|&number| store.entry(&id(number)).is_some()).count();
        println!("{what}: {:?}", start.elapsed());
        assert_eq!(entries as u64, count);
        assert!(start.elapsed() < Duration::from_secs(limit));
        store
    };
    let store = timed("resumed", 20);
    let start = Instant::now();
    assert_eq!(store.records().count() as u64, count);
    println!("every record read: {:?}", start.elapsed());
    fs::remove_dir_all(root.join("index")).unwrap();
    timed("resumed without an index", 600);
    timed("resumed again", 20);
    let start = Instant::now();
    assert_eq!(store.verify(&|_, _| {}).unwrap().done as u64, count);
    println!("verified: {:?}", start.elapsed());
}

#[test]
#[ignore = "a measurement"]
fn what_the_store_costs_a_run() {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let store = Store::open(folder.path()).unwrap();
    let (mut waited, mut in_background, mut alone, mut computed) = (Duration::ZERO, Duration::ZERO, Duration::ZERO, 0);
    let rounds = 20;
    for round in 0..rounds {
        let batch = |which: u64| -> Vec<Sealed> {
            (0..8).map(|run| sealed_with(&record(round * 100 + which * 10 + run, Status::Done), 224)).collect()
        };
        let (first, second, third) = (batch(0), batch(1), batch(2));
        let (start, ticks) = (Instant::now(), processor_ticks());
        store.write_all(&first).unwrap();
        waited += start.elapsed();
        computed += processor_ticks() - ticks;
        let start = Instant::now();
        let writing = store.begin(second);
        in_background += start.elapsed();
        std::thread::sleep(Duration::from_millis(300));
        let start = Instant::now();
        writing.finish().unwrap();
        in_background += start.elapsed();
        let start = Instant::now();
        for one in third {
            store.write_all(&[one]).unwrap();
        }
        alone += start.elapsed();
    }
    let of_run = |time: Duration| time.as_secs_f64() * 1e3 / (rounds * 8) as f64;
    println!(
        "ms a run: {:.2} in a batch ({:.2} of a processor), {:.2} in the background, {:.2} one by one",
        of_run(waited),
        of_run(Duration::from_millis(computed * 10)),
        of_run(in_background),
        of_run(alone)
    );
}

/// Hundredths of a second of processors' time that this process has had.
fn processor_ticks() -> u64 {
    let text = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11..13].iter().map(|field| field.parse::<u64>().unwrap()).sum()
}
