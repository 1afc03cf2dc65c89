//! Threads and processes that pull the same files at once, and one that is killed.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use zoo::{Cache, Manifest, Silent};

use crate::fixtures::{from_url, kept, manifest_text};
use crate::server::{Answer, Server, body};

#[test]
fn threads_that_pull_at_once_download_once() {
    let (server, folder) = (Server::start(Answer::Whole), tempfile::tempdir().unwrap());
    let (manifest, cache) = (from_url(&server.url()), Cache::at(folder.path()));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| cache.pull(&manifest, &Silent).unwrap());
        }
    });
    assert_eq!(server.requests(), 1);
    assert_eq!(kept(&cache).len(), 1);
}

/// Not a test of its own: the other process of the tests below, which call it with these variables.
#[test]
fn pulls_for_another_test() {
    let (Ok(manifest), Ok(root)) = (std::env::var("ZOO_TEST_MANIFEST"), std::env::var("ZOO_TEST_CACHE")) else {
        return;
    };
    Cache::at(root).pull(&Manifest::read(Path::new(&manifest)).unwrap(), &Silent).unwrap();
}

pub fn pull_in_another_process(manifest: &Path, cache: &Cache, python: Option<&Path>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "at_once::pulls_for_another_test", "--nocapture"]);
    command.env("ZOO_TEST_MANIFEST", manifest).env("ZOO_TEST_CACHE", cache.root());
    if let Some(python) = python {
        command.env("PYTHON", python);
    }
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn processes_that_pull_at_once_download_once() {
    let (server, folder) = (Server::start(Answer::Whole), tempfile::tempdir().unwrap());
    let path = folder.path().join("mine.yaml");
    fs::write(&path, manifest_text(&body(), &format!("url: '{}'", server.url()))).unwrap();
    let cache = Cache::at(folder.path().join("cache"));
    let children: Vec<Child> = (0..4).map(|_| pull_in_another_process(&path, &cache, None)).collect();
    for child in children {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    assert_eq!(server.requests(), 1);
    assert!(cache.is_pulled(&Manifest::read(&path).unwrap()));
}

#[test]
fn a_killed_pull_leaves_nothing_that_is_believed_and_is_cleared_away_by_the_next() {
    let (stalled, folder) = (Server::start(Answer::Stalled), tempfile::tempdir().unwrap());
    let path = folder.path().join("mine.yaml");
    fs::write(&path, manifest_text(&body(), &format!("url: '{}'", stalled.url()))).unwrap();
    let cache = Cache::at(folder.path().join("cache"));
    let mut child = pull_in_another_process(&path, &cache, None);
    let written = || kept(&cache).iter().any(|path| fs::metadata(path).is_ok_and(|file| file.len() > 0));
    for _ in 0..500 {
        if written() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(written(), "the other process has begun to write");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!cache.is_pulled(&Manifest::read(&path).unwrap()));

    // The next pull is of something else, and clears all the same.
    let server = Server::start(Answer::Whole);
    let manifest = from_url(&server.url());
    let pulled = cache.pull(&manifest, &Silent).unwrap();
    assert_eq!(kept(&cache), pulled);
}
