//! The embedded manifests.

use zoo::{Cache, Kind, Zoo};

#[test]
fn every_manifest_parses_and_bears_the_name_of_its_file() {
    let zoo = Zoo::new(generators::MANIFESTS.iter().copied(), Cache::at("/nowhere")).unwrap();
    for manifest in zoo.manifests(None) {
        assert_eq!(manifest.file, format!("{}.yaml", manifest.name));
        assert_eq!(manifest.kind, Kind::Generator);
        assert!(!manifest.description.is_empty() && manifest.trained_on.is_some() && manifest.homepage.is_some());
    }
    let in_folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/zoo")).unwrap().count();
    assert_eq!(zoo.names(None).len(), in_folder, "a manifest of the folder is not in MANIFESTS");
}
