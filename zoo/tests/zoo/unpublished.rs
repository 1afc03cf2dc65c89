//! Files of which a part of the sha256 is published, or nothing.

use std::fs;
use std::path::PathBuf;

use zoo::hash::sha256;
use zoo::{Cache, Checked, Manifest, Silent, Verdict, ZooError};

use crate::fixtures::{kept, manifest_text, parse_error};
use crate::server::{Answer, Server, body};

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
    assert_eq!(*checked.sha256, sha256(body()), "the whole hash is what a record holds");
    assert!(cache.is_pulled(&manifest) && matches!(cache.verify(&manifest)[..], [(_, Verdict::Sound)]));
    // A damaged file is told, set aside and pulled again.
    let mut altered = body();
    altered[1000] ^= 1;
    fs::write(&checked.path, altered).unwrap();
    assert!(matches!(cache.verify(&manifest)[..], [(_, Verdict::Damaged(_))]));
    assert_eq!(fs::read(cache.checked_weights(&manifest, &Silent).unwrap().path).unwrap(), body());
    assert_eq!(server.requests(), 2);

    for (answer, complaint) in [(Answer::Altered, &sha256(body())[..8]), (Answer::Endless, "should have about")] {
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
    assert!(error.contains(&format!("expected {}…", &sha256(body())[..12])), "{error}");
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
    assert_eq!(checked[0].sha256.to_string(), sha256(body()));
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

/// What a page offers to people, with and without its hash, and the text of the latter.
fn offered_by_a_page() -> (Manifest, Manifest, String) {
    let text = manifest_text(&body(), "page: 'https://example.org/downloads'");
    let known = Manifest::parse("mine.yaml", &text, None).unwrap();
    let unmarked: Vec<&str> =
        text.lines().filter(|line| !line.contains("sha256:") && !line.contains("size:")).collect();
    let text = unmarked.join("\n").replace("weights:", "weights:\n  unpublished: true");
    let unknown = Manifest::parse("mine.yaml", &text, None).unwrap();
    (known, unknown, text)
}

#[test]
fn a_cut_file_of_which_no_hash_is_published_does_not_replace_the_whole_one() {
    fn whole(_: &Manifest, file: &Checked) -> Result<(), String> {
        let there = fs::read(&file.path).unwrap();
        if there == body() { Ok(()) } else { Err(format!("{} is cut short", file.path.display())) }
    }
    let (known, unknown, text) = offered_by_a_page();
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path().join("cache")).judged_by(whole);
    let (right, cut) = (folder.path().join("right"), folder.path().join("cut"));
    fs::write(&right, body()).unwrap();
    fs::write(&cut, &body()[1..]).unwrap();
    for manifest in [&known, &unknown] {
        cache.add(manifest, &right).unwrap();
        cache.add(manifest, &cut).unwrap_err();
        assert_eq!(fs::read(&cache.paths(manifest)[0]).unwrap(), body());
    }
    let error = cache.add(&unknown, &cut).unwrap_err().to_string();
    assert!(error.contains(&format!("{} is cut short", cut.display())), "the user's file is named: {error}");
    // Nor is it taken when it comes by itself, nor believed when it is hashed again.
    let altered = Server::start(Answer::Altered);
    let page = Manifest::parse(
        "mine.yaml",
        &text.replace("page: 'https://example.org/downloads'", &format!("url: '{}'", altered.url())),
        None,
    );
    let page = page.unwrap();
    let error = cache.pull(&page, &Silent).unwrap_err().to_string();
    assert!(error.contains("weights.pth is cut short") && !cache.is_pulled(&page), "{error}");
    fs::write(&cache.paths(&unknown)[0], &body()[1..]).unwrap();
    assert!(matches!(&cache.verify(&unknown)[..], [(_, Verdict::Unfit(reason))] if reason.contains("cut short")));
}

#[test]
fn what_a_browser_alone_can_download_is_asked_for_and_brought_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path().join("cache"));
    let (known, unknown, text) = offered_by_a_page();
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
        assert_eq!(*cache.checked_weights(manifest, &Silent).unwrap().sha256, sha256(body()));
    }
    assert!(cache.add(&known, &other).is_err() && cache.add(&unknown, &other).is_ok());
    let both = text.replace("page:", "url: 'https://example.org/weights', page:");
    assert!(parse_error(&both).contains("'url', or 'page', or 'path'"));
}

#[test]
fn too_few_digits_are_no_prefix_of_a_sha256() {
    let text = manifest_text(&body(), "url: 'https://example.org/weights'");
    let whole = format!("sha256: {}", sha256(body()));
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
