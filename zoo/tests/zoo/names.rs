//! Entries by name, and manifests by path.

use std::fs;

use zoo::{Cache, Kind, Zoo, ZooError};

use crate::fixtures::{FACE, LITE0, PHOTOS};

#[test]
fn names_are_looked_up_with_suggestions() {
    let folder = tempfile::tempdir().unwrap();
    let manifests = [("lite0.yaml", LITE0), ("photos.yaml", PHOTOS), ("face.yaml", FACE)];
    let zoo = Zoo::new(manifests, Cache::at(folder.path())).unwrap();
    assert_eq!(zoo.names(None), ["efficientnet-lite0", "face-dcgan", "photos"]);
    assert_eq!(zoo.names(Some(Kind::Generator)), ["face-dcgan"]);
    assert_eq!(zoo.manifest("face-dcgan", Some(Kind::Generator)).unwrap().keys, ["netG_state_dict"]);
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
