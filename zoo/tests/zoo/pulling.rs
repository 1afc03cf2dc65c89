//! What comes from a server is the manifest's file, or nothing is kept of it.

use std::cell::RefCell;
use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;

use zoo::hash::sha256;
use zoo::{Cache, Manifest, Progress, Silent, ZooError};

use crate::fixtures::{from_url, kept, manifest_text};
use crate::server::{Answer, Server, body};

#[test]
fn pulling_twice_asks_the_server_once() {
    let (server, folder) = (Server::start(Answer::Whole), tempfile::tempdir().unwrap());
    let (manifest, cache) = (from_url(&server.url()), Cache::at(folder.path()));
    assert!(!cache.is_pulled(&manifest));
    let first = cache.pull(&manifest, &Silent).unwrap();
    assert!(cache.is_pulled(&manifest));
    assert_eq!(fs::read(&first[0]).unwrap(), body());
    assert_eq!(cache.pull(&manifest, &Silent).unwrap(), first);
    assert_eq!(cache.checked_weights(&manifest, &Silent).unwrap().sha256.to_string(), sha256(body()));
    assert_eq!(server.requests(), 1);
    assert_eq!(kept(&cache), first, "nothing but the file stays behind");
}

/// What a user is told on the way, and that downloads begin.
#[derive(Default)]
struct Told(RefCell<Vec<String>>);

impl Progress for Told {
    fn start(&self, _what: &str, _total: Option<u64>) {
        self.0.borrow_mut().push("a download begins".to_owned());
    }

    fn advance(&self, _bytes: u64) {}

    fn done(&self) {}

    fn note(&self, message: &str) {
        self.0.borrow_mut().push(message.to_owned());
    }
}

#[test]
fn a_licence_that_forbids_commercial_use_is_told_before_anything_is_brought() {
    let (server, folder) = (Server::start(Answer::Whole), tempfile::tempdir().unwrap());
    let text = manifest_text(&body(), &format!("url: '{}'", server.url()));
    let text = text.replace("licence: MIT", "licence: for research\nnon_commercial: true");
    let manifest = Manifest::parse("mine.yaml", &text, None).unwrap();
    let told = Told::default();
    Cache::at(folder.path()).pull(&manifest, &told).unwrap();
    let told = told.0.into_inner();
    assert_eq!(told[0], "mine: its licence (for research) forbids commercial use", "{told:?}");
    assert!(told[1..].contains(&"a download begins".to_owned()), "{told:?}");
}

#[test]
fn nothing_is_kept_of_what_is_not_the_manifests() {
    for (answer, complaint) in [
        (Answer::Altered, "sha256"),
        (Answer::Truncated, "broke off"),
        (Answer::Endless, "should have 200000 bytes and has more"),
        (Answer::NotFound, "404"),
        (Answer::Redirect, "302"),
    ] {
        let (server, folder) = (Server::start(answer), tempfile::tempdir().unwrap());
        let (manifest, cache) = (from_url(&server.url()), Cache::at(folder.path()));
        let error = cache.pull(&manifest, &Silent).unwrap_err().to_string();
        assert!(error.contains(complaint), "{error}");
        assert!(error.contains("metapicture models add mine --file PATH"), "{error}");
        assert!(!cache.is_pulled(&manifest));
        assert_eq!(kept(&cache), Vec::<PathBuf>::new());
    }
}

#[test]
fn a_wrong_sha256_is_told_with_both() {
    let (server, folder) = (Server::start(Answer::Altered), tempfile::tempdir().unwrap());
    let error = Cache::at(folder.path()).pull(&from_url(&server.url()), &Silent).unwrap_err().to_string();
    let mut altered = body();
    altered[1000] ^= 1;
    assert!(error.contains(&sha256(body())) && error.contains(&sha256(&altered)), "{error}");
}

#[test]
fn a_server_that_is_not_there_is_an_error() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let folder = tempfile::tempdir().unwrap();
    let manifest = from_url(&format!("http://127.0.0.1:{port}/weights"));
    let error = Cache::at(folder.path()).pull(&manifest, &Silent).unwrap_err();
    assert!(matches!(error, ZooError::Unreached { .. }) && !error.is_usage(), "{error}");
    assert!(error.to_string().contains("metapicture models add mine --file PATH"), "{error}");
}
