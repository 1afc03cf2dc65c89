//! The sets of photographs of the zoo.

/// The manifests of the sets of photographs that are known here, as file name and text, for [`zoo::Zoo::new`].
pub const MANIFESTS: &[(&str, &str)] = &[
    ("imagenet-samples.yaml", include_str!("zoo/imagenet-samples.yaml")),
    ("photos.yaml", include_str!("zoo/photos.yaml")),
];

/// The names of these sets.
pub fn image_sets() -> impl Iterator<Item = &'static str> {
    MANIFESTS.iter().map(|(file, _)| file.strip_suffix(".yaml").unwrap_or(file))
}

/// Whether a set of images of this name is in the zoo.
pub fn is_image_set(name: &str) -> bool {
    image_sets().any(|set| set == name)
}

#[cfg(test)]
mod tests {
    use zoo::{Cache, Kind, Zoo};

    #[test]
    fn every_manifest_parses_and_bears_the_name_of_its_file() {
        let zoo = Zoo::new(super::MANIFESTS.iter().copied(), Cache::at("/nowhere")).unwrap();
        for manifest in zoo.manifests(None) {
            assert_eq!(manifest.file, format!("{}.yaml", manifest.name));
            assert_eq!(manifest.kind, Kind::Images);
        }
        let in_folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/reference/zoo")).unwrap().count();
        assert_eq!(zoo.names(None).len(), in_folder, "a manifest of the folder is not in MANIFESTS");
    }

    #[test]
    fn the_samples_label_is_the_number_at_the_end_of_their_name() {
        let zoo = Zoo::new(super::MANIFESTS.iter().copied(), Cache::at("/nowhere")).unwrap();
        let samples = zoo.manifest("imagenet-samples", None).unwrap();
        assert_eq!(samples.files.len(), 20);
        for file in &samples.files {
            let label = file.label.unwrap();
            assert!(label < 1000 && file.file.ends_with(&format!("_{label}.jpg")), "{}: {label}", file.file);
        }
    }
}
