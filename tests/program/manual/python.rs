//! The Python package's functions and classes, from its sources, by `docs/python_api.py`.

use std::process::Command;

use super::{hold, root};

#[test]
fn the_page_of_python_is_current() {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let output = Command::new(&python)
        .args(["docs/python_api.py", "python/metapicture"])
        .current_dir(root())
        .output()
        .unwrap_or_else(|error| panic!("{python}: {error}; PYTHON names another one"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("## visualize") && text.contains("## RequestError"), "{text}");
    hold("python.md", &text);
}
