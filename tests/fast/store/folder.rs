//! What lies in the folder of a store.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use metapicture::store::RunId;
use metapicture::store::Store;

/// Every file of a folder and those in it, by relative path.
pub(super) fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut files, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for found in fs::read_dir(next).unwrap() {
            let path = found.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(path.strip_prefix(folder).unwrap().to_owned(), fs::read(path).unwrap());
            }
        }
    }
    files
}

/// What lies in `runs/` that is not a run.
pub(super) fn asides(root: &Path) -> Vec<String> {
    let names = fs::read_dir(root.join("runs")).unwrap().map(|found| found.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.parse::<RunId>().is_err()).collect()
}

/// Nothing is damaged, and every run is there.
pub(super) fn assert_sound(root: &Path, runs: usize) {
    let verification = Store::open(root).unwrap().verify(&|_, _| {}).unwrap();
    assert_eq!((verification.done, &verification.damage[..]), (runs, &[][..]));
}
