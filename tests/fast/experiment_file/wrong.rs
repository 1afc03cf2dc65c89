//! What is said of files that are wrong, and where.

use super::files::{folder, load_in, load_with, with};
use tempfile::TempDir;

#[test]
fn what_is_wrong_in_a_methods_file_is_told_with_its_place_there() {
    let mine = "name: mine\nparam: { fourier: { decay: 0.5 } }\noptimizer: { adam: { lr: 0.2 } }\nsteps: 7\n";
    for (from, to, error) in [
        ("steps", "stpes", "own/mine.yaml:4:1: methods.mine: unknown key 'stpes'; did you mean 'steps'?"),
        ("0.5 }", "0.5", "own/mine.yaml:"),
        ("decay: 0.5", "decay: 5", "x.yaml:5:11: methods.mine.param.fourier.decay: 5 is not between 0 and 4"),
        (mine, "- a\n", "own/mine.yaml:1:1: a method is a map of settings"),
    ] {
        let folder =
            folder(&[("x.yaml", &with("methods: [own/mine.yaml]\n")), ("own/mine.yaml", &mine.replace(from, to))]);
        let found = load_in(&folder, "x.yaml", &[]).map(|_| to).unwrap_err();
        assert!(found.starts_with(error), "{found}");
    }
}

#[test]
fn files_that_extend_themselves_or_nothing_are_refused() {
    let folder = folder(&[
        ("a.yaml", "extends: sub/b.yaml\n"),
        ("sub/b.yaml", "extends: ../a.yaml\n"),
        ("c.yaml", "name: c\nextends: c.yaml\n"),
        ("d.yaml", "extends: nobody.yaml\n"),
        ("e.yaml", "extends: f.yaml\n"),
        ("f.yaml", "nam: f\n"),
    ]);
    for (file, error) in [
        ("a.yaml", "sub/b.yaml:1:10: extends: sub/../a.yaml extends itself, by this"),
        ("c.yaml", "c.yaml:2:10: extends: c.yaml extends itself, by this"),
        ("d.yaml", "d.yaml:1:10: extends: there is no file nobody.yaml"),
        ("e.yaml", "f.yaml:1:1: unknown key 'nam'; did you mean 'name'?"),
    ] {
        assert_eq!(load_in(&folder, file, &[]).unwrap_err(), error);
    }
    let error = load_in(&folder, "nobody.yaml", &[]).unwrap_err();
    assert!(error.starts_with("nobody.yaml: cannot be read: "), "{error}");
}

#[test]
fn whatever_is_wrong_is_told_with_its_place_and_what_was_probably_meant() {
    let rest = "methods:\n  - latent\n  - { preset: naive, steps: 3 }\nseeds: 2\nsweep:\n  size: [64]\n";
    let good = with(rest);
    assert!(load_with(&good, &[]).is_ok());
    for (from, to, error) in [
        ("name: x\n", "", "x.yaml:1:1: 'name' is missing"),
        ("name: x", "name: a b", "x.yaml:1:7: name: 'a b': a name holds letters"),
        ("name: x", "name: [x]", "x.yaml:1:7: name: this is a list of 1; text is wanted"),
        ("name: x", "name:", "x.yaml:1:5: name: nothing is given"),
        ("classifier:", "clasifier:", "x.yaml:2:1: unknown key 'clasifier'; did you mean 'classifier'?"),
        (
            "-lite0",
            "-lite9",
            "x.yaml:2:13: classifier: unknown classifier 'efficientnet-lite9'; did you mean 'efficientnet-lite0'?",
        ),
        (
            "efficientnet-lite0",
            "face-dcgan",
            "x.yaml:2:13: classifier: 'face-dcgan' is a generator; a classifier is needed here",
        ),
        ("efficientnet-lite0", "./no.yaml", "x.yaml:2:13: classifier: cannot read ./no.yaml"),
        (
            "classifier: efficientnet-lite0",
            "classifiers: []",
            "x.yaml:2:14: classifiers: at least one classifier is wanted",
        ),
        (
            "classifier: efficientnet-lite0",
            "classifiers: [vgg16, vgg16]",
            "x.yaml:2:22: classifiers.1: this classifier is there twice",
        ),
        (
            "generator: face-dcgan",
            "generator: { nme: x }",
            "x.yaml:3:14: generator: unknown key 'nme'; did you mean 'name'?",
        ),
        (
            "generator: face-dcgan\n",
            "",
            "x.yaml:5:5: methods.latent: searches a generator's code: name one with 'generator'",
        ),
        (
            "generator: face-dcgan",
            "generator: null",
            "x.yaml:6:5: methods.latent: searches a generator's code: name one with 'generator'",
        ),
        ("[banana]", "[]", "x.yaml:4:8: units: at least one unit is wanted"),
        ("[banana]", "[{ class: 3 }]", "x.yaml:4:9: units.0: this is a map with the key 'class'; a unit (quoted"),
        (
            "[banana]",
            "[strongest(_blocks.10, 20)]",
            "x.yaml:4:9: units.0: the parentheses of 'strongest(_blocks.10' do not match",
        ),
        ("[banana]", "['class:0..99999999999']", "x.yaml:4:9: units.0: 'class:0..99999999999' goes beyond 999999"),
        ("  - latent", "  - latnet", "x.yaml:6:5: methods.0: no preset 'latnet'; did you mean 'latent'?"),
        ("preset: naive", "preset: naiv", "x.yaml:7:15: methods.1.preset: no preset 'naiv'; did you mean 'naive'?"),
        ("steps: 3", "stpes: 3", "x.yaml:7:22: methods.naive: unknown key 'stpes'; did you mean 'steps'?"),
        ("steps: 3", "steps: -3", "x.yaml:7:29: methods.naive.steps: -3 cannot be; a whole number from 0 is wanted"),
        ("steps: 3", "name: latent", "x.yaml:7:28: methods.1.name: there is a method 'latent' already"),
        ("steps: 3", "name: 'a b'", "x.yaml:7:28: methods.a b.name: 'a b' may hold letters"),
        (
            "steps: 3",
            "param: { pixl: { noise: 1 } }",
            "x.yaml:7:31: methods.naive.param: unknown value 'pixl'; did you mean 'pixel'?",
        ),
        (
            "steps: 3",
            "param: { pixel: { nose: 1 } }",
            "x.yaml:7:40: methods.naive.param.pixel: unknown key 'nose'; did you mean 'noise'?",
        ),
        (
            "steps: 3",
            "optimizer: { adam: { beta1: 2 } }",
            "x.yaml:7:50: methods.naive.optimizer.adam: beta1 and beta2 are from 0 to less than 1",
        ),
        ("steps: 3", "optimizer: { sgd: { } }", "x.yaml:7:40: methods.naive.optimizer.sgd: 'lr' is missing"),
        (
            "steps: 3",
            "transforms: [{ jitter: { pixels: 2 } }, { jitter: { pixels: 2000 } }]",
            "x.yaml:7:82: methods.naive.transforms.1.jitter.pixels: 2000 is not between 0 and 1024",
        ),
        (
            "steps: 3",
            "filters: [{ clip_code: { limit: 1 } }]",
            "x.yaml:7:54: methods.naive.filters.0.clip_code: works on codes; param is pixel",
        ),
        (
            "preset: naive",
            "preset: naive, file: x.yaml",
            "x.yaml:7:28: methods.1.file: a method builds upon a preset or a file, not both",
        ),
        ("preset: naive", "file: no.yaml", "x.yaml:7:13: methods.1.file: there is no file no.yaml"),
        ("preset: naive", "file: x.yaml", "x.yaml:"),
        ("preset: naive", "name: own", "x.yaml:7:5: methods.own: 'param' is missing"),
        ("seeds: 2", "seeds: 0", "x.yaml:8:8: seeds: 0 is not between 1 and 1000000"),
        ("seeds: 2", "seeds: [1, '0..4']", "x.yaml:8:12: seeds.1: seed 1 is there twice"),
        ("seeds: 2", "seeds: ['5..4']", "x.yaml:8:9: seeds.0: '5..4' begins at 5 and ends before it, at 4"),
        ("seeds: 2", "seeds: ['0..18446744073709551615']", "x.yaml:8:9: seeds.0: these are more than 1000000 seeds"),
        ("seeds: 2", "device: gpu", "x.yaml:8:9: device: 'gpu' is not cpu, cuda or cuda:N"),
        ("seeds: 2", "threads: 0", "x.yaml:8:10: threads: 0 is not between 1 and 65535"),
        (
            "seeds: 2",
            "compare: { reference: photo }",
            "x.yaml:8:23: compare.reference: 'photo' is no set of images, and there is no folder photo; did \
             you mean 'photos'?",
        ),
        (
            "seeds: 2",
            "compare: { witness: a }",
            "x.yaml:8:12: compare: unknown key 'witness'; did you mean 'witnesses'?",
        ),
        ("size: [64]", "siz: [64]", "x.yaml:10:3: sweep.siz: unknown key 'siz'"),
        ("size: [64]", "size: [64, 4]", "x.yaml:10:14: size: 4 is not between 8 and 4096"),
        ("size: [64]", "size: []", "x.yaml:10:9: sweep.size: at least one value is wanted"),
        ("size: [64]", "size: 64", "x.yaml:10:9: sweep.size: 64 is a whole number; a list of values"),
        (
            "size: [64]",
            "size: { linspace: [0, 1] }",
            "x.yaml:10:21: sweep.size.linspace: this is a list of 2; [first, last, number] is wanted",
        ),
        (
            "size: [64]",
            "size: { linspace: [8, 9, 1000000000000] }",
            "x.yaml:10:28: sweep.size.linspace.2: 1000000000000 is not between 1 and 1000000",
        ),
        (
            "size: [64]",
            "size: { linspace: [8, 9, 3] }",
            "x.yaml:10:21: size: 8.5 is a number; a whole number is wanted",
        ),
        (
            "size: [64]",
            "size: { logspace: [0, 9, 3] }",
            "x.yaml:10:21: sweep.size.logspace: both ends of a logspace are more than 0",
        ),
        ("size: [64]", "size: { lin: [8, 9, 3] }", "x.yaml:10:11: sweep.size: unknown key 'lin'"),
        (
            "size: [64]",
            "methods.naive.stpes: [3]",
            "x.yaml:10:3: methods.naive: unknown key 'stpes'; did you mean 'steps'?",
        ),
        (
            "size: [64]",
            "methods.niave.steps: [3]",
            "x.yaml:10:3: sweep.methods.niave.steps: methods has no item 'niave'; did you mean 'naive'?",
        ),
        ("size: [64]", "methods.naive.steps: [3, 0]", "x.yaml:10:28: methods.naive.steps: at least 1"),
        (
            "size: [64]",
            "methods.naive: [3]",
            "x.yaml:10:3: sweep.methods.naive: a key of the method is wanted: methods.naive.KEY",
        ),
        ("size: [64]", "methods: [[naive]]", "x.yaml:10:3: sweep.methods: methods are listed, not swept"),
        (
            "size: [64]",
            "batch: [1, 2]",
            "x.yaml:10:3: sweep.batch: 'batch' is not a setting of runs, and cannot be swept",
        ),
        (
            "size: [64]",
            "zip: { size: [8, 9], seeds: [1] }",
            "x.yaml:10:24: sweep.zip.seeds: has 1 values, and size beside it 2",
        ),
        (
            "size: [64]",
            "size: [8]\n  zip: { size: [8], seeds: [1] }",
            "x.yaml:11:10: sweep.zip.size: overlaps with size at x.yaml:10:3",
        ),
        (
            "size: [64]",
            "size: { linspace: [8, 9, 1000000] }\n  seeds: { linspace: [1, 9, 1000000] }",
            "x.yaml:10:3: sweep: these are more than 1000000 points",
        ),
    ] {
        assert!(good.contains(from), "{from}");
        let found = load_with(&good.replacen(from, to, 1), &[]).map(|_| to).unwrap_err();
        assert!(found.starts_with(error), "{to}\n  found {found}\n  not   {error}");
    }
}

#[test]
fn files_that_are_no_document_are_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("x.yaml");
    for (bytes, error) in [
        (&b""[..], "x.yaml:1:1: is empty; an experiment is a map of keys"),
        (b"# nothing\n", "x.yaml:1:1: is empty"),
        (b"- a\n", "x.yaml:1:1: this is a list of 1; an experiment is a map of keys"),
        (b"name: x\nunits: [\xff]\n", "x.yaml:2:9: this byte is not UTF-8"),
        (b"name: x\n\tunits: []\n", "x.yaml:1:7: while scanning a plain scalar, found a tab"),
        (b"name: x\nname: y\n", "x.yaml:2:1: the key 'name' is given twice"),
        (b"name: x\nnull: y\n", "x.yaml:2:1: unknown key 'null'"),
        (b"\0\0\0", "x.yaml:1:1: "),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let found = load_in(&folder, "x.yaml", &[]).map(|_| bytes).unwrap_err();
        assert!(found.starts_with(error), "{found}");
    }
    std::fs::write(&path, vec![b' '; 2 << 20]).unwrap();
    assert!(load_in(&folder, "x.yaml", &[]).unwrap_err().contains("is larger than 1048576 bytes"));
}
