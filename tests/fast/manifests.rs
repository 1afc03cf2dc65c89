//! The embedded manifests.

use std::path::Path;

use zoo::{Cache, Kind, Zoo};

/// Reads every manifest of a crate; each must be of this kind or an encoder called so, and none of the crate's folder may be missing.
fn check(manifests: &[(&'static str, &'static str)], folder: &str, kind: Kind) {
    let zoo = Zoo::new(manifests.iter().copied(), Cache::at("/nowhere")).unwrap();
    for manifest in zoo.manifests(None) {
        assert_eq!(manifest.file, format!("{}.yaml", manifest.name));
        let encoder = manifest.name.ends_with("-encoder");
        assert_eq!(manifest.kind, if encoder { Kind::Encoder } else { kind });
        assert!(!manifest.description.is_empty() && manifest.trained_on.is_some() && manifest.homepage.is_some());
    }
    let in_folder = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap().count();
    assert_eq!(zoo.names(None).len(), in_folder, "a manifest of the folder is not in MANIFESTS");
}

#[test]
fn every_manifest_of_a_classifier_parses_and_bears_the_name_of_its_file() {
    check(classifiers::MANIFESTS, "classifiers/zoo", Kind::Classifier);
}

#[test]
fn every_manifest_of_a_generator_parses_and_bears_the_name_of_its_file() {
    check(generators::MANIFESTS, "generators/zoo", Kind::Generator);
}
