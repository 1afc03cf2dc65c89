//! What experiment files expand to.

use super::files::{folder, load, load_in, load_with, points, settings, smoke, with};
use super::schema::{accepts, json_of};
use metapicture::experiment_file::{ExperimentFile, Point, UnitPattern};
use metapicture::method::Method;
use serde_json::{Value, json};
use std::path::Path;

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
