//! Experiment files as a researcher writes them: what they expand to, and what is said of those that are wrong.

use std::path::{Path, PathBuf};

use metapicture::experiment_file::{ExperimentFile, Point, UnitPattern, schema};
use metapicture::method::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder of files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn load_with(text: &str, set: &[&str]) -> Result<ExperimentFile, String> {
    let folder = folder(&[("x.yaml", text)]);
    load_in(&folder, "x.yaml", set)
}

/// Errors without the folder's name.
fn load_in(folder: &TempDir, file: &str, set: &[&str]) -> Result<ExperimentFile, String> {
    let set: Vec<String> = set.iter().map(|flag| (*flag).to_owned()).collect();
    let prefix = format!("{}/", folder.path().display());
    ExperimentFile::load(&folder.path().join(file), &set).map_err(|error| error.to_string().replace(&prefix, ""))
}

fn load(text: &str) -> ExperimentFile {
    load_with(text, &[]).unwrap()
}

fn points(file: &ExperimentFile) -> Vec<Point> {
    let points: Vec<Point> = file.points.iter().map(Result::unwrap).collect();
    assert_eq!(points.len(), file.points.len());
    points
}

fn settings(method: &Method) -> Value {
    serde_json::to_value(method).unwrap()
}

/// The head that most tests share.
const HEAD: &str = "name: x\nclassifier: efficientnet-lite0\ngenerator: face-dcgan\nunits: [banana]\n";

fn with(rest: &str) -> String {
    format!("{HEAD}{rest}")
}

fn smoke() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/smoke.yaml")
}

#[test]
fn a_file_says_everything_once() {
    let file = load(
        "name: tradeoff\ndescription: >-\n  one line\n  or more\n\
            classifiers: [efficientnet-lite0, efficientnet-lite1]\n\
         generators: [face-dcgan, { name: eye-cdcgan, class: blue }]\nunits: [banana, 'class:0..9', 954]\n\
         methods: [latent, naive]\nseeds: [3, 4, '10..19']\nsize: 128\ndevice: [cpu, 'cuda:1']\nthreads: 2\nbatch: 16\n\
         compare: { witnesses: [efficientnet-lite2], reference: photos }\n",
    );
    assert_eq!(file.name, "tradeoff");
    assert_eq!(file.description.as_deref(), Some("one line or more"));
    let devices: Vec<&str> = file.devices.iter().map(|device| device.value.as_str()).collect();
    assert_eq!((devices, file.threads, file.batch), (vec!["cpu", "cuda:1"], Some(2), Some(16)));
    assert_eq!(file.compare.witnesses[0].value, "efficientnet-lite2");
    assert_eq!(file.compare.reference.as_ref().unwrap().value, "photos");
    let points = points(&file);
    // Naive pixels have no generator: one point for both.
    let of = |point: &Point| {
        let generator = point
            .generator
            .as_ref()
            .map(|choice| (choice.name.value.clone(), choice.class.as_ref().map(|class| class.value.clone())));
        (point.classifier.value.clone(), generator, point.method.name.clone())
    };
    let blue = Some(("eye-cdcgan".to_owned(), Some("blue".to_owned())));
    let face = Some(("face-dcgan".to_owned(), None));
    let expected: Vec<_> = ["efficientnet-lite0", "efficientnet-lite1"]
        .into_iter()
        .flat_map(|classifier| {
            let one =
                |generator: &Option<_>, method: &str| (classifier.to_owned(), generator.clone(), method.to_owned());
            [one(&face, "latent"), one(&None, "naive"), one(&blue, "latent")]
        })
        .collect();
    assert_eq!(points.iter().map(of).collect::<Vec<_>>(), expected);
    let point = &points[0];
    assert_eq!(point.size, Some(128));
    assert_eq!(point.seeds.iter().collect::<Vec<_>>(), [3, 4, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
    assert_eq!(point.seeds.count(), 12);
    assert!(matches!(&point.units[1].value, UnitPattern::Channels { first: 0, last: 9, .. }));
    assert!(matches!(&point.units[2].value, UnitPattern::Unit(text) if text == "954"));
    let error = point.units[1].wrong("has no such class").to_string();
    assert!(error.ends_with("x.yaml:7:17: units.1: has no such class"), "{error}");
    assert_eq!(points[1].method.steps, 150);
}

#[test]
fn overrides_merge_into_a_preset_or_a_file_and_another_variant_replaces() {
    let folder = folder(&[
        (
            "x.yaml",
            &with(
                "methods:\n  - { preset: latent, name: a, steps: 400, param: { latent: { screen: 10 } } }\n  \
                 - { preset: latent, name: b, optimizer: { sgd: { lr: 0.4 } } }\n  \
                 - { preset: lucid-2017, name: c, transforms: [] }\n  - { file: own/mine.yaml, steps: 10 }\n  \
                 - own/mine.yaml\n",
            )
            .replace("- own/mine.yaml", "- { file: own/mine.yaml, name: d, param: { fourier: { noise: 0.5 } } }"),
        ),
        (
            "own/mine.yaml",
            "name: mine\nparam: { fourier: { decay: 0.5 } }\noptimizer: { adam: { lr: 0.2 } }\nsteps: 7\n",
        ),
    ]);
    let methods: Vec<Value> =
        points(&load_in(&folder, "x.yaml", &[]).unwrap()).iter().map(|point| settings(&point.method)).collect();
    let latent = settings(&Method::find("latent").unwrap());
    let mut a = latent.clone();
    (a["name"], a["steps"], a["param"]["latent"]["screen"]) = (json!("a"), json!(400), json!(10));
    assert_eq!(methods[0], a);
    let mut b = latent;
    b["name"] = json!("b");
    b["optimizer"] =
        json!({ "sgd": { "lr": 0.4, "momentum": 0.0, "dampening": 0.0, "nesterov": false, "weight_decay": 0.0 } });
    assert_eq!(methods[1], b);
    assert_eq!(methods[2]["transforms"], json!([]));
    assert_eq!((&methods[3]["name"], &methods[3]["steps"]), (&json!("mine"), &json!(10)));
    // A struct of one key is no choice of variants.
    assert_eq!(methods[4]["param"]["fourier"]["decay"], json!(0.5));
    assert_eq!(methods[4]["param"]["fourier"]["noise"], json!(0.5));
    assert_eq!(methods[4]["steps"], json!(7));
}

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
fn what_is_said_for_all_methods_yields_to_what_is_said_of_one() {
    let file = load(&with(
        "steps: 5\nfacets: 2\nsize: 64\nmethods: [naive, { preset: naive, name: own, steps: 9, size: 32 }]\n",
    ));
    let found: Vec<_> =
        points(&file).iter().map(|point| (point.method.steps, point.method.facets, point.size)).collect();
    assert_eq!(found, [(5, 2, Some(64)), (9, 2, Some(32))]);
}

#[test]
fn a_sweep_is_a_product_and_a_methods_own_paths_multiply_its_runs_alone() {
    let file = load(&with(
        "methods: [latent, blend, naive]\nsweep:\n  methods.latent.optimizer.adam.lr: { logspace: [0.01, 1, 3] }\n  \
         size: [112, 224]\n  methods.blend.param.blend.eps: { linspace: [0, 0.1, 6] }\n  \
         zip: { methods.naive.steps: [10, 20], methods.naive.optimizer.adam.lr: [0.1, 0.05] }\n",
    ));
    let axes: Vec<_> =
        file.axes.iter().map(|axis| (axis.name.as_str(), axis.path.as_str(), axis.values.len())).collect();
    assert_eq!(
        axes,
        [
            ("latent.optimizer.adam.lr", "methods.latent.optimizer.adam.lr", 3),
            ("size", "size", 2),
            ("eps", "methods.blend.param.blend.eps", 6),
            ("steps", "methods.naive.steps", 2),
            ("naive.optimizer.adam.lr", "methods.naive.optimizer.adam.lr", 2),
        ]
    );
    let points = points(&file);
    assert_eq!(points.len(), 2 * (3 + 6 + 2));
    let of = |name: &str| points.iter().filter(|point| point.method.name == name).collect::<Vec<_>>();
    let latent: Vec<_> = of("latent").iter().map(|point| (point.size, point.values.clone())).collect();
    let at = |size: i64, lr: Value| (Some(size), vec![Some(lr), Some(json!(size)), None, None, None]);
    assert_eq!(
        latent,
        [
            at(112, json!(0.01)),
            at(112, json!(0.1)),
            at(112, json!(1)),
            at(224, json!(0.01)),
            at(224, json!(0.1)),
            at(224, json!(1)),
        ]
    );
    assert_eq!(settings(&of("latent")[1].method)["optimizer"]["adam"]["lr"], json!(0.1));
    let naive: Vec<_> = of("naive")[..2].iter().map(|point| (point.method.steps, point.values[3..].to_vec())).collect();
    assert_eq!(naive, [(10, vec![Some(json!(10)), Some(json!(0.1))]), (20, vec![Some(json!(20)), Some(json!(0.05))])]);
    let eps: Vec<_> = of("blend")[..6].iter().map(|point| point.values[2].clone().unwrap().to_string()).collect();
    assert_eq!(eps, ["0", "0.02", "0.04", "0.06", "0.08", "0.1"]);
}

#[test]
fn paths_that_concern_every_method_multiply_all_and_groups_go_along_each_other() {
    let file = load(&with(
        "methods: [latent, naive]\nsweep:\n  classifiers: [[efficientnet-lite0], [efficientnet-lite1, vgg16]]\n  \
         generator.class: [3, ~]\n  \
         zip:\n    - { size: [64, 128, 256], methods.naive.steps: [5, 6, 7] }\n    - { seeds: [1, 2] }\n",
    ));
    let found = points(&file);
    assert_eq!(found.len(), (1 + 2) * 2 * 3 * 2 * 2);
    let of = |point: &Point| {
        let class = point.generator.as_ref().and_then(|choice| choice.class.as_ref()).map(|class| class.value.clone());
        (point.classifier.value.clone(), class, point.size, point.seeds.count(), point.method.steps)
    };
    // The last classifier, the second class, the last size, two seeds; latent has no value of naive's steps.
    let last = found.len() - 2;
    assert_eq!(of(&found[last]), ("vgg16".to_owned(), None, Some(256), 2, 200));
    assert_eq!(of(&found[last + 1]), ("vgg16".to_owned(), None, Some(256), 2, 7));
    assert_eq!(of(&found[0]), ("efficientnet-lite0".to_owned(), Some("3".to_owned()), Some(64), 1, 200));
    let steps = file.axes.iter().position(|axis| axis.name == "steps").unwrap();
    assert_eq!((&found[last].values[steps], &found[last + 1].values[steps]), (&None, &Some(json!(7))));
}

#[test]
fn paths_name_items_by_name_or_index_and_reach_into_presets() {
    let file = load(&with(
        "methods: [lucid-2017]\nsweep:\n  methods.0.transforms.1.jitter.pixels: [2, 4]\n  \
         methods.lucid-2017.transforms.rotate.degrees: [5]\n  methods.lucid-2017.optimizer.sgd.lr: [0.3]\n  \
         units.0: [violin, wig]\n",
    ));
    let paths: Vec<_> = file.axes.iter().map(|axis| (axis.name.as_str(), axis.path.as_str())).collect();
    assert_eq!(
        paths,
        [
            ("pixels", "methods.lucid-2017.transforms.1.jitter.pixels"),
            ("degrees", "methods.lucid-2017.transforms.3.rotate.degrees"),
            ("lr", "methods.lucid-2017.optimizer.sgd.lr"),
            ("units.0", "units.0"),
        ]
    );
    let found = points(&file);
    assert_eq!(found.len(), 4);
    let transforms = &settings(&found[1].method)["transforms"];
    assert_eq!((&transforms[1]["jitter"]["pixels"], &transforms[3]["rotate"]["degrees"]), (&json!(4), &json!(5.0)));
    assert_eq!(settings(&found[0].method)["optimizer"]["sgd"]["lr"], json!(0.3));
}

#[test]
fn a_file_extends_another_one_and_files_are_relative_to_the_one_that_names_them() {
    let manifest = "name: mine\nkind: classifier\ndescription: d\narchitecture: torchscript\n\
        config: { resolution: 64, mean: [0, 0, 0], std: [1, 1, 1], outputs: [a] }\nlicence: x\n\
        weights: { source: { path: ./mine.pt } }\n";
    let base = "name: base\ndescription: kept\nclassifiers: [my/net.yaml, efficientnet-lite0]\n\
        units: [banana, 'direction(_blocks.10, v.npy)']\n\
                methods: [my/method.yaml]\ncompare: { witnesses: [my/net.yaml], reference: pictures }\n\
                sweep: { size: [64, 128], steps: [1] }\n";
    let folder = folder(&[
        ("lab/base.yaml", base),
        ("lab/my/net.yaml", manifest),
        (
            "lab/my/method.yaml",
            "name: mine\nparam: { pixel: { noise: 0.1 } }\noptimizer: { adam: { lr: 0.1 } }\nsteps: 2\n",
        ),
        ("lab/pictures/readme", ""),
        (
            "own/x.yaml",
            "extends: ../lab/base.yaml\nname: own\ncompare: { reference: photos }\n\
                sweep: { size: { linspace: [8, 16, 3] } }\n",
        ),
        ("own/y.yaml", "extends: x.yaml\nclassifier: efficientnet-lite1\nsweep: ~\n"),
    ]);
    let file = load_in(&folder, "own/x.yaml", &[]).unwrap();
    assert_eq!((file.name.as_str(), file.description.as_deref()), ("own", Some("kept")));
    let net = folder.path().join("own/../lab/my/net.yaml").to_str().unwrap().to_owned();
    assert_eq!(file.compare.witnesses[0].value, net);
    assert_eq!(file.compare.reference.as_ref().unwrap().value, "photos");
    let found = points(&file);
    assert_eq!(found[0].classifier.value, net);
    let sizes: Vec<_> = found.iter().map(|point| point.size.unwrap()).collect();
    assert_eq!(sizes, [8, 8, 12, 12, 16, 16], "a swept path has one list of values");
    let vector = folder.path().join("own/../lab/v.npy");
    let unit = format!("direction(_blocks.10, {})", vector.display());
    assert!(matches!(&found[0].units[1].value, UnitPattern::Unit(text) if *text == unit));

    let file = load_in(&folder, "own/y.yaml", &[]).unwrap();
    let found = points(&file);
    assert_eq!(found.len(), 1, "one classifier replaces several, and null the sweep");
    assert_eq!(found[0].classifier.value, "efficientnet-lite1");
}

#[test]
fn files_of_limits_are_relative_to_the_file_that_names_them() {
    let bounded = "param: { latent: { space: { bounded: { file: limits.txt } } } }";
    let folder = folder(&[
        ("own/x.yaml", "extends: ../lab/base.yaml\n"),
        (
            "lab/base.yaml",
            &with(&format!(
                "methods:\n  - {{ preset: latent, name: a, {bounded} }}\n  - {{ file: methods/b.yaml, name: b }}\n  \
                 - {{ preset: latent, name: c }}\nsweep:\n  \
                 methods.c.param.latent.space: [{{ bounded: {{ file: limits.txt }} }}, shell]\n"
            )),
        ),
        ("lab/limits.txt", "1 2 3"),
        ("lab/methods/b.yaml", &format!("{bounded}\noptimizer: {{ adam: {{ lr: 0.1 }} }}\nsteps: 2\n")),
        ("lab/methods/limits.txt", "4 5 6 7"),
    ]);
    let file = load_in(&folder, "own/x.yaml", &[]).unwrap();
    let path = |point: &Point| settings(&point.method)["param"]["latent"]["space"]["bounded"]["file"]["path"].clone();
    let paths: Vec<Value> = points(&file).iter().map(path).collect();
    let at = |place: &str| json!(folder.path().join("own").join(place).to_str().unwrap());
    let limits = at("../lab/limits.txt");
    assert_eq!(paths, [limits.clone(), at("../lab/methods/limits.txt"), limits, Value::Null]);
    let error = load_in(&folder, "own/x.yaml", &["methods.a.param.latent.space.bounded.file=no.txt"]).unwrap_err();
    let place = "--set methods.a.param.latent.space.bounded.file=no.txt: methods.a.param.latent.space.bounded.file: ";
    assert!(error.starts_with(place) && error.contains("own/no.txt"), "{error}");
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
fn what_is_set_is_swept_no_longer() {
    let sweep = "methods: [{ preset: latent, steps: 3 }]\nsweep:\n  methods.latent.optimizer.adam.lr: [0.1, 0.2]\n  seeds: [1, 2]\n";
    let set = "methods.latent.optimizer.adam.lr=0.4";
    let file = load_with(&with(sweep), &[set]).unwrap();
    assert_eq!(points(&file).len(), 2, "seeds are still swept");
    let zipped =
        "methods: [{ preset: latent, steps: 3 }]\nsweep:\n  zip: { methods.latent.optimizer.adam.lr: [0.1, 0.2] }\n";
    let file = load_with(&with(zipped), &[set]).unwrap();
    let points = points(&file);
    assert_eq!(points.len(), 1);
    assert_eq!(settings(&points[0].method)["optimizer"]["adam"]["lr"], 0.4);
    let error = load_with(&with(sweep), &["methods.latent.optimizer.adam.lr=fast"]).unwrap_err();
    assert!(error.contains("'fast' is text"), "{error}");
}

#[test]
fn set_names_any_key_and_what_it_sets_is_told_with_the_flag() {
    let text = with("methods: [latent, { preset: naive, steps: 3 }]\nsweep: { size: [64, 128] }\n");
    let file = load_with(
        &text,
        &[
            "methods.latent.param.latent.screen=10",
            "methods.naive.steps=7",
            "methods.naive.optimizer.sgd.lr=0.3",
            "sweep.size=[32]",
            "sweep.methods.naive.views=[1, 2]",
            "classifiers=[efficientnet-lite1, efficientnet-lite2]",
            "generator.class=3",
            "compare.reference=photos",
            "description=a = b",
            "threads=",
        ],
    )
    .unwrap();
    assert_eq!(file.description.as_deref(), Some("a = b"));
    let found = points(&file);
    assert_eq!(found.len(), 2 * (1 + 2));
    assert_eq!(settings(&found[0].method)["param"]["latent"]["screen"], json!(10));
    assert_eq!(found[0].generator.as_ref().unwrap().class.as_ref().unwrap().value, "3");
    assert_eq!((found[1].method.steps, found[2].method.views, found[1].size), (7, 2, Some(32)));
    assert_eq!(settings(&found[1].method)["optimizer"]["sgd"]["lr"], json!(0.3));
    let methods = points(&load_with(&text, &["methods=[naive]", "methods.0.steps=2"]).unwrap());
    assert_eq!(methods.iter().map(|point| point.method.steps).collect::<Vec<_>>(), [2, 2]);

    for (flag, error) in [
        (
            "methods.latent.stpes=3",
            "--set methods.latent.stpes=3: methods.latent: unknown key 'stpes'; did you mean 'steps'?",
        ),
        (
            "methods.latnet.steps=3",
            "--set methods.latnet.steps=3: methods.latnet.steps: methods has no item 'latnet'; did you mean 'latent'?",
        ),
        (
            "methods.latent.steps=x",
            "--set methods.latent.steps=x: methods.latent.steps: 'x' is text; a whole number from 0 is wanted",
        ),
        ("methods.latent.steps=0", "--set methods.latent.steps=0: methods.latent.steps: at least 1"),
        (
            "methods.latent.param.latent.starts=97",
            "--set methods.latent.param.latent.starts=97: methods.latent.param.latent.starts: 97 of 96 screened codes",
        ),
        (
            "methods.latent.param.latent.screen=2",
            "--set methods.latent.param.latent.screen=2: methods.latent.param.latent.starts: 4 of 2 screened codes",
        ),
        (
            "methods.latent.preset=naive",
            "--set methods.latent.preset=naive: set the method as a whole: --set methods.latent=…",
        ),
        ("sizes=3", "--set sizes=3: unknown key 'sizes'; did you mean 'size'?"),
        ("threads.x=3", "--set threads.x=3: threads: this is a map with the key 'x'; a whole number is wanted"),
        ("size", "--set size: is written --set PATH=VALUE"),
        ("=3", "--set =3: a path is of keys with dots between them"),
        ("name.x=3", "--set name.x=3: name.x: 'x' is text at name, and has no keys"),
        ("size=[", "--set size=[: "),
        ("extends=x.yaml", "--set extends=x.yaml: what a file extends is read before anything is set"),
        ("methods.latent=nobody", "--set methods.latent=nobody: methods.0: no preset 'nobody'"),
    ] {
        let found = load_with(&text, &[flag]).map(|_| flag).unwrap_err();
        assert!(found.starts_with(error), "{found}");
    }
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

#[test]
fn a_million_points_are_walked_through_and_one_more_is_too_many() {
    let text =
        |count: usize| with(&format!("methods: [naive]\nsweep:\n  seeds: {{ linspace: [1, {count}, {count}] }}\n"));
    let file = load(&text(20_000));
    assert_eq!(file.points.len(), 20_000);
    assert_eq!(points(&file)[19_999].seeds.count(), 20_000);
    let two =
        with("methods: [naive, { preset: naive, name: b }]\nsweep: { seeds: { linspace: [1, 600000, 600000] } }\n");
    assert!(load_with(&two, &[]).unwrap_err().contains("these are more than 1000000 points"));
}

#[test]
fn the_resolved_document_is_the_same_experiment() {
    let folder = folder(&[
        (
            "x.yaml",
            &with(
                "methods: [latent, { preset: naive, steps: 3 }, mine.yaml]\nsteps: 5\nfacets: 1\nseeds: 2\n\
                 sweep: { methods.latent.optimizer.adam.lr: [0.05, 0.2], zip: { size: [64, 128] } }\n",
            ),
        ),
        ("mine.yaml", "name: mine\nparam: { pixel: { noise: 0.1 } }\noptimizer: { adam: { lr: 0.1 } }\nsteps: 2\n"),
        ("y.yaml", "extends: x.yaml\nname: 'true'\n"),
    ]);
    let set = ["methods.latent.transforms=[{ jitter: { pixels: 3 } }]", "sweep.steps=[6, 7]"];
    let file = load_in(&folder, "y.yaml", &set).unwrap();
    std::fs::write(folder.path().join("z.yaml"), file.resolved()).unwrap();
    let again = load_in(&folder, "z.yaml", &[]).unwrap();
    assert_eq!(again.resolved(), file.resolved());
    assert_eq!((&again.name, &again.axes), (&file.name, &file.axes));
    let of = |file: &ExperimentFile| {
        let point = |point: &Point| (settings(&point.method), point.size, point.values.clone(), point.seeds.clone());
        points(file).iter().map(point).collect::<Vec<_>>()
    };
    assert_eq!(of(&again), of(&file));
    assert_eq!(points(&file).iter().map(|point| point.method.steps).max(), Some(7), "steps are swept");
    assert!(accepts(&serde_yaml::from_str(file.resolved()).unwrap()));
}

#[test]
fn the_example_of_the_documentation_is_one() {
    let source =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/experiment_file/mod.rs")).unwrap();
    let block = source.split("//! ```yaml\n").nth(1).unwrap().split("//! ```").next().unwrap();
    let example: String = block.lines().map(|line| format!("{}\n", line.strip_prefix("//! ").unwrap())).collect();
    let mine = Method::find("naive").unwrap().to_yaml().unwrap().replace("name: naive", "name: mine");
    let folder = folder(&[("x.yaml", &example), ("base.yaml", "device: cpu\n"), ("mine.yaml", &mine)]);
    let file = load_in(&folder, "x.yaml", &[]).unwrap();
    assert_eq!(points(&file).len(), 2 * (2 + 5 + 1));
    assert!(accepts(&json_of(&example)));
}

#[test]
fn the_smoke_experiment_is_what_it_says() {
    let file = ExperimentFile::load(&smoke(), &[]).unwrap();
    assert_eq!(file.name, "smoke");
    let found: Vec<_> = points(&file).iter().map(|point| (point.method.name.clone(), point.values.clone())).collect();
    assert_eq!(
        found,
        [
            ("naive".to_owned(), vec![None]),
            ("latent".to_owned(), vec![Some(json!(0.05))]),
            ("latent".to_owned(), vec![Some(json!(0.2))]),
        ]
    );
}

/// A generator of numbers that is the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// A text that somebody mangled.
fn mutated(text: &str, random: &mut Random) -> Vec<u8> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let words: Vec<String> = text.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_owned).collect();
    for _ in 0..=random.below(3) {
        if lines.is_empty() {
            break;
        }
        let at = random.below(lines.len());
        match random.below(8) {
            0 => drop(lines.remove(at)),
            1 => lines.insert(at, lines[at].clone()),
            2 => lines[at] = format!("{}{}", " ".repeat(random.below(4)), lines[at].trim_start()),
            3 => {
                let other = random.below(lines.len());
                lines.swap(at, other);
            }
            4 => {
                // A key or a word becomes another one of the file.
                let word = words[random.below(words.len())].clone();
                let of_line: Vec<&str> = lines[at].split(|c: char| !c.is_alphanumeric() && c != '_').collect();
                let from = of_line[random.below(of_line.len())].to_owned();
                if !from.is_empty() {
                    lines[at] = lines[at].replacen(&from, &word, 1);
                }
            }
            5 | 6 => {
                // Another value after a colon.
                let values = [
                    "-1",
                    "0",
                    "1e99",
                    ".nan",
                    "~",
                    "[]",
                    "{}",
                    "[1, 2]",
                    "{ a: b }",
                    "true",
                    "'x'",
                    "99999999999999999999",
                    "*a",
                    "&a 1",
                    "!x y",
                    "\"",
                    "0..9",
                    "{ linspace: [0, 1, 3] }",
                    "{ adam: {} }",
                    "latent",
                    "\t",
                ];
                let value = values[random.below(values.len())];
                if let Some((key, _)) = lines[at].split_once(':') {
                    lines[at] = format!("{key}: {value}");
                }
            }
            _ => {
                let digits: Vec<usize> =
                    lines[at].char_indices().filter(|(_, c)| c.is_ascii_digit()).map(|(i, _)| i).collect();
                if !digits.is_empty() {
                    let digit = digits[random.below(digits.len())];
                    lines[at].replace_range(digit..=digit, ["9", "-", "0", ".", "e", "00000000"][random.below(6)]);
                }
            }
        }
    }
    let mut bytes = lines.join("\n").into_bytes();
    if random.below(3) == 0 && !bytes.is_empty() {
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len());
            bytes[at] ^= 1 << random.below(8);
        }
    }
    bytes
}

/// Nearly every key that there is.
const EVERYTHING: &str = "\
description: &d about
methods:
  - latent
  - { preset: latent, name: latent-long, steps: 400, param: { latent: { screen: 10 } } }
  - name: mine
    param:
      pixel: { noise: 0.1, bounds: { sphere: { rms: 0.2 } } }
    optimizer:
      sgd: { lr: { from: 1, to: 0 } }
    transforms:
      - jitter: { pixels: 4, edge: wrap }
      - scale: { from: 0.9, to: 1.1 }
    regularizers:
      - l2: { weight: 1 }
    filters:
      - gaussian_blur: { sigma: 1.0, every: 4 }
    octaves: { count: 2, factor: 1.4 }
    steps: 3
seeds: [3, 4, '10..19']
size: 224
device: cpu
threads: 2
batch: 8
compare:
  witnesses: [efficientnet-lite1]
  reference: photos
sweep:
  methods.latent-long.optimizer.adam.lr: { logspace: [0.01, 1, 5] }
  size: [112, 224]
  zip: { methods.mine.steps: [10, 20], methods.mine.views: [1, 2] }
";

#[test]
fn thousands_of_mangled_files_are_read_or_refused_with_a_place() {
    let everything = with(EVERYTHING);
    assert!(load_with(&everything, &[]).is_ok());
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("x.yaml");
    let prefix = format!("{}:", path.display());
    let (mut random, mut refused) = (Random(1), 0);
    for texts in [everything, std::fs::read_to_string(smoke()).unwrap()] {
        for _ in 0..2000 {
            let bytes = mutated(&texts, &mut random);
            std::fs::write(&path, &bytes).unwrap();
            let Err(error) = ExperimentFile::load(&path, &[]) else { continue };
            refused += 1;
            let text = error.to_string();
            let mut place = text
                .strip_prefix(&prefix)
                .unwrap_or_else(|| panic!("{text}\n{}", String::from_utf8_lossy(&bytes)))
                .split(':');
            let mut number = || place.next().unwrap().parse::<usize>().unwrap_or_else(|_| panic!("no place: {text}"));
            let (line, column) = (number(), number());
            let lines = bytes.split(|byte| *byte == b'\n').count();
            assert!((1..=lines + 1).contains(&line) && column >= 1, "{text}");
            assert!(!text.contains('\n') && text.len() < 2000, "{text}");
        }
    }
    assert!((2000..4000).contains(&refused), "{refused} of 4000 were refused");
}

#[test]
fn thousands_of_mangled_flags_are_taken_or_refused_with_their_text() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("x.yaml");
    std::fs::write(
        &path,
        with(
            "methods: [latent, { preset: lucid-2017, steps: 3 }]\nsweep: { size: [64, 128], zip: { seeds: [1, 2] } }\n",
        ),
    )
    .unwrap();
    let keys = [
        "methods",
        "latent",
        "lucid-2017",
        "0",
        "1",
        "9",
        "param",
        "optimizer",
        "adam",
        "sgd",
        "lr",
        "transforms",
        "jitter",
        "pixels",
        "steps",
        "size",
        "sweep",
        "zip",
        "seeds",
        "units",
        "generator",
        "generators",
        "class",
        "name",
        "compare",
        "",
        "linspace",
        "x y",
    ];
    let values = [
        "",
        "1",
        "-1",
        "0.5",
        "~",
        "[]",
        "{}",
        "[1, 2]",
        "{ adam: { lr: 1 } }",
        "naive",
        "[naive]",
        "x=y",
        "'",
        "[",
        "*a",
        ".inf",
        "{ linspace: [1, 2, 2] }",
        "{ name: a }",
        "1e999",
        "\u{0}",
        "é: [",
    ];
    let (mut random, mut refused) = (Random(2), 0);
    for _ in 0..2000 {
        let path_of: Vec<&str> = (0..=random.below(6)).map(|_| keys[random.below(keys.len())]).collect();
        let flags = [format!("{}={}", path_of.join("."), values[random.below(values.len())])];
        let Err(error) = ExperimentFile::load(&path, &flags) else { continue };
        refused += 1;
        let text = error.to_string();
        let placed = text.starts_with("--set ") || text.starts_with(&format!("{}:", path.display()));
        assert!(placed && !text.contains('\n'), "{flags:?}: {text}");
    }
    assert!((1000..2000).contains(&refused), "{refused} of 2000 were refused");
}

/// Whether the schema accepts a document.
fn accepts(document: &Value) -> bool {
    jsonschema::draft202012::new(&schema()).unwrap().is_valid(document)
}

fn json_of(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap()
}

#[test]
fn the_schema_is_one_and_accepts_what_the_program_accepts() {
    jsonschema::draft202012::meta::validate(&schema()).unwrap();
    let validator = jsonschema::draft202012::new(&schema()).unwrap();
    let valid = |document: &Value, what: &str| {
        let errors: Vec<String> =
            validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{what}: {errors:?}");
    };
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            valid(&json_of(&std::fs::read_to_string(&path).unwrap()), path.to_str().unwrap());
        }
    }
    let document = |method: Value| {
        let mut document = json_of(&with(""));
        document["methods"] = json!([method]);
        document
    };
    for preset in Method::presets() {
        valid(&document(json!(preset.name)), &preset.name);
        valid(&document(json!({ "preset": preset.name, "steps": 3 })), &preset.name);
        // Spelled out, and all of it as overrides.
        let mut spelled_out: Value = serde_yaml::from_str(&preset.to_yaml().unwrap()).unwrap();
        valid(&document(spelled_out.clone()), &preset.name);
        spelled_out["preset"] = json!(preset.name);
        valid(&document(spelled_out), &preset.name);
    }
    for text in [
        with("methods: [{ preset: latent, name: l, size: 64, param: { latent: { screen: 10 } } }]\n"),
        with("methods: [./mine.yaml, { file: mine, optimizer: { sgd: { lr: { from: 1, to: 0 } } } }]\n"),
        "extends: base.yaml\n".to_owned(),
        "extends: base.yaml\ngenerators: [null, { name: eye-cdcgan, class: 3 }]\nseeds: [1, '3..4']\n\
            device: [cpu, 'cuda:1']\n"
            .to_owned(),
        with(
            "methods: [latent]\n\
            sweep: { methods.latent.steps: [1], zip: [{ size: [8, 9], seeds: { linspace: [1, 2, 2] } }] }\n",
        ),
    ] {
        valid(&json_of(&text), &text);
    }
}

#[test]
fn the_schema_refuses_what_the_program_refuses() {
    let good = with("methods:\n  - latent\n  - { preset: naive, steps: 3 }\nseeds: 2\nsweep: { size: [64] }\n");
    assert!(accepts(&json_of(&good)));
    for (from, to) in [
        ("name: x\n", ""),
        ("classifier:", "clasifier:"),
        ("-lite0", "-lite9"),
        ("classifier: efficientnet-lite0\n", "classifiers: []\n"),
        ("classifier: efficientnet-lite0\n", "classifier: vgg16\nclassifiers: [vgg16]\n"),
        ("generator: face-dcgan", "generator: { nme: x }"),
        ("generator: face-dcgan", "generator: vgg16"),
        ("[banana]", "[]"),
        ("[banana]", "[{ class: 3 }]"),
        ("- latent", "- latnet"),
        ("preset: naive", "preset: naiv"),
        ("preset: naive", "name: own"),
        ("steps: 3", "stpes: 3"),
        ("steps: 3", "steps: 0"),
        ("steps: 3", "steps: x"),
        ("steps: 3", "param: { pixel: { nose: 1 } }"),
        ("steps: 3", "param: { pixel: {}, fourier: {} }"),
        ("steps: 3", "optimizer: { adem: { lr: 1 } }"),
        ("steps: 3", "transforms: [{ jitter: {} }]"),
        ("steps: 3", "keep: all"),
        ("seeds: 2", "seeds: 0"),
        ("seeds: 2", "seeds: [a]"),
        ("seeds: 2", "device: gpu"),
        ("seeds: 2", "compare: { witness: a }"),
        ("size: [64]", "siz: [64]"),
        ("size: [64]", "size: 64"),
        ("size: [64]", "size: { linspace: [1, 2] }"),
        ("size: [64]", "batch: [1]"),
    ] {
        assert!(good.contains(from), "{from}");
        let text = good.replacen(from, to, 1);
        assert!(load_with(&text, &[]).is_err(), "the program accepts {to}");
        assert!(!accepts(&json_of(&text)), "the schema accepts {to}");
    }
}

#[test]
fn the_program_prints_the_schema() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_metapicture")).arg("schema").output().unwrap();
    assert!(output.status.success());
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), schema());
}
