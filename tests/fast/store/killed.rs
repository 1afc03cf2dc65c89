//! Writers that are killed, or stand still, lose nothing that is finished; processes share the work.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use metapicture::store::{Key, Store};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use support::made_up::{id, sealed, store_of};

use super::folder::{asides, assert_sound, files};
use super::processes::{QUICK, lines, process, signal};

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
    for kill in 0..30 {
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
    // It may have left a half, which is set aside.
    let halves = Store::open(root).unwrap().take_damage();
    assert!(halves.len() <= 1 && halves.iter().all(|damage| damage.reason.contains("killed")), "{halves:?}");
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
