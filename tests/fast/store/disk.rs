//! A disk that is full, or may not be written to, is an error that says so.

use std::fs;
use std::path::Path;

use metapicture::store::Status;
use metapicture::store::Store;
use support::made_up::{id, record, sealed, sealed_with, store_of};
use support::mount::Mount;

use super::folder::{asides, assert_sound, files};

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
