//! The index costs or saves time, and never invents a run.

use std::fs;
use std::time::{Duration, Instant};

use metapicture::store::Status;
use metapicture::store::{Sealed, Store};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use support::made_up::{id, record, sealed, sealed_with, store_of};

use super::folder::files;
use super::processes::{lines, process};

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
