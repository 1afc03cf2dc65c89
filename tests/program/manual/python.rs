//! The Python package's functions and classes, from its sources, by `docs/python_api.py`.

use std::process::Command;

use super::{hold, read, root};

#[test]
fn the_page_of_python_is_current() {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(&python)
        .args(["docs/python_api.py", "python/metapicture"])
        .arg(folder.path())
        .current_dir(root())
        .output()
        .unwrap_or_else(|error| panic!("{python}: {error}; PYTHON names another one"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut pages: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.sort();
    assert!(pages.len() >= 3, "{pages:?}");
    assert!(read(&folder.path().join("python.md")).contains("## visualize"));
    for page in pages {
        hold(page.file_name().unwrap().to_str().unwrap(), &read(&page));
    }
}
