//! Files that were brought by hand, and files of the user's own.

use std::fs;

use zoo::hash::sha256;
use zoo::{Cache, Manifest, Silent, ZooError};

use crate::fixtures::{from_url, kept, manifest_text};
use crate::server::body;

#[test]
fn manifests_with_files_of_one_name_do_not_clash() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path());
    let manifest = |bytes: &[u8]| {
        let text = manifest_text(bytes, "url: https://example.org/weights");
        Manifest::parse("mine.yaml", &text, None).unwrap()
    };
    for bytes in [&b"one"[..], b"two"] {
        let brought = folder.path().join("brought");
        fs::write(&brought, bytes).unwrap();
        cache.add(&manifest(bytes), &brought).unwrap();
    }
    assert_eq!(fs::read(cache.checked_weights(&manifest(b"one"), &Silent).unwrap().path).unwrap(), b"one");
    assert_eq!(fs::read(cache.checked_weights(&manifest(b"two"), &Silent).unwrap().path).unwrap(), b"two");
}

#[test]
fn a_file_brought_by_hand_is_imported_if_it_is_the_right_one() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path().join("cache"));
    let manifest = from_url("https://example.org/weights");
    let (right, wrong) = (folder.path().join("right"), folder.path().join("wrong"));
    fs::write(&right, body()).unwrap();
    fs::write(&wrong, b"something else").unwrap();

    let error = cache.add(&manifest, &wrong).unwrap_err().to_string();
    assert!(error.contains(&sha256(body())) && error.contains(&sha256(b"something else")), "{error}");
    assert!(!cache.is_pulled(&manifest));
    assert!(matches!(cache.add(&manifest, &folder.path().join("absent")), Err(ZooError::Unreadable { .. })));

    let added = cache.add(&manifest, &right).unwrap();
    assert_eq!(cache.pull(&manifest, &Silent).unwrap(), added);
    assert_eq!(kept(&cache), added);
    assert!(right.exists(), "the user's file stays where it is");
}

#[test]
fn a_file_of_the_users_own_is_used_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.yaml");
    let cache = Cache::at(folder.path().join("cache"));
    fs::write(
        &path,
        "name: mine\nkind: generator\narchitecture: dcgan\nlicence: mine\nweights: {source: {path: w.pth}}\n",
    )
    .unwrap();
    let manifest = Manifest::read(&path).unwrap();
    assert!(matches!(cache.pull(&manifest, &Silent), Err(ZooError::Unreadable { .. })));
    fs::write(folder.path().join("w.pth"), body()).unwrap();
    let checked = cache.checked_weights(&manifest, &Silent).unwrap();
    assert_eq!(checked.path, folder.path().join("w.pth"));
    assert_eq!(*checked.sha256, sha256(body()));
    assert!(!cache.root().exists(), "nothing is copied");

    fs::write(&path, manifest_text(b"other", "path: w.pth")).unwrap();
    assert!(cache.checked(&Manifest::read(&path).unwrap(), &Silent).is_err(), "a given size or sha256 is held to");
}
