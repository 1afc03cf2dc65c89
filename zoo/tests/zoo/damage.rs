//! Files that were changed or cut off in the cache.

use std::fs;
use std::path::PathBuf;

use zoo::hash::sha256;
use zoo::{Cache, Manifest, Silent, Verdict};

use crate::fixtures::from_url;
use crate::server::{Answer, Server, body};

#[test]
fn a_damaged_file_is_set_aside_and_pulled_again() {
    let (server, folder) = (Server::start(Answer::Whole), tempfile::tempdir().unwrap());
    let (manifest, cache) = (from_url(&server.url()), Cache::at(folder.path()));
    let path = cache.pull(&manifest, &Silent).unwrap().remove(0);
    let mut damaged = body();
    damaged[7] ^= 1;
    fs::write(&path, &damaged).unwrap();
    assert!(matches!(&cache.verify(&manifest)[..], [(_, Verdict::Damaged(found))] if **found == sha256(&damaged)));
    assert_eq!(cache.checked(&manifest, &Silent).unwrap()[0].path, path);
    assert_eq!(fs::read(&path).unwrap(), body());
    assert_eq!(fs::read(path.with_file_name("weights.pth.damaged")).unwrap(), damaged);
    assert_eq!(cache.verify(&manifest), [(path, Verdict::Sound)]);
    assert_eq!(server.requests(), 2);
}

#[test]
fn every_damaged_file_of_a_set_is_pulled_again() {
    let (server, folder) = (Server::start(Answer::Whole), tempfile::tempdir().unwrap());
    let of = |name: &str| {
        let (sha256, size, url) = (sha256(body()), body().len(), server.url());
        format!("  - {{file: {name}, sha256: {sha256}, size: {size}, source: {{url: '{url}'}}}}\n")
    };
    let text = format!("name: mine\nkind: images\nlicence: CC0\nfiles:\n{}{}", of("a.png"), of("b.png"));
    let (manifest, cache) = (Manifest::parse("mine.yaml", &text, None).unwrap(), Cache::at(folder.path()));
    let paths = cache.pull(&manifest, &Silent).unwrap();
    for path in &paths {
        fs::write(path, vec![0; body().len()]).unwrap();
    }
    let checked: Vec<PathBuf> = cache.checked(&manifest, &Silent).unwrap().into_iter().map(|file| file.path).collect();
    assert_eq!(checked, paths);
    assert_eq!(server.requests(), 4);
}

#[test]
fn a_truncated_file_in_the_cache_is_pulled_again() {
    let (server, folder) = (Server::start(Answer::Whole), tempfile::tempdir().unwrap());
    let (manifest, cache) = (from_url(&server.url()), Cache::at(folder.path()));
    let path = cache.pull(&manifest, &Silent).unwrap().remove(0);
    fs::write(&path, &body()[..100]).unwrap();
    assert!(!cache.is_pulled(&manifest));
    cache.pull(&manifest, &Silent).unwrap();
    assert_eq!(fs::read(&path).unwrap(), body());
}
