//! Claims about composed pictures of which everything is known: a red square stands in a quarter of a class, and a network has learnt it or has not.

use std::path::Path;

use image::{Rgb, RgbImage};
use serde_json::Value;
use support::narrow;
use tch::{Kind, Tensor};
use tempfile::TempDir;

use crate::day::{refused, said};

const PICTURES: u32 = 240;

/// Pictures that a head is fitted to.
const FITTED: u32 = 300;

/// A number that looks like chance.
fn mixed(number: u32, of: u32) -> u32 {
    let mut x = number.wrapping_mul(0x9e37_79b9) ^ of.wrapping_mul(0x85eb_ca6b);
    x = (x ^ (x >> 15)).wrapping_mul(0x2c1b_3c6d);
    x ^ (x >> 13)
}

/// A grey picture with squares of colours at places that its number gives, and masks of the first one.
fn composed(number: u32, colours: &[[u8; 3]]) -> (RgbImage, RgbImage) {
    let grey = |x: u32, y: u32| (90 + mixed(number * 7919 + x / 8, y / 8) % 60) as u8;
    let mut picture = RgbImage::from_fn(64, 64, |x, y| Rgb([grey(x, y); 3]));
    let mut mask = RgbImage::new(64, 64);
    for (place, colour) in colours.iter().enumerate() {
        let (left, top) = (mixed(number, 2 * place as u32) % 44, mixed(number, 2 * place as u32 + 1) % 44);
        for (x, y) in (0..20).flat_map(|y| (0..20).map(move |x| (left + x, top + y))) {
            picture.put_pixel(x, y, Rgb(*colour));
            if place == 0 {
                mask.put_pixel(x, y, Rgb([255; 3]));
            }
        }
    }
    (picture, mask)
}

const RED: [u8; 3] = [230, 20, 20];
const GREEN: [u8; 3] = [20, 210, 40];

fn shows(number: u32) -> bool {
    number.is_multiple_of(4)
}

fn save(picture: &RgbImage, at: &Path) {
    std::fs::create_dir_all(at.parent().unwrap()).unwrap();
    picture.save(at).unwrap();
}

/// The class, with masks of what it shows; another class without it; pictures said to be by methods; nulls.
fn material(at: &Path) {
    narrow::write(at);
    for number in 0..PICTURES {
        let (picture, mask) = composed(number, if shows(number) { &[RED] } else { &[] });
        save(&picture, &at.join(format!("class/{number:03}.png")));
        if shows(number) {
            save(&mask, &at.join(format!("masks/{number:03}.png")));
        }
        save(&composed(1000 + number, &[]).0, &at.join(format!("other/{:03}.png", 500 + number)));
    }
    let mut table = "file,made_by,unit\n".to_owned();
    for number in 0..8 {
        for (method, colours) in [("seeing", &[RED][..]), ("blind", &[])] {
            save(&composed(2000 + number, colours).0, &at.join(format!("made/{method}-{number}.png")));
            table += &format!("{method}-{number}.png,{method},banana\n");
        }
        save(&composed(3000 + number, &[]).0, &at.join(format!("null/of-others/{number}.png")));
        save(&composed(4000 + number, &[RED]).0, &at.join(format!("null/always/{number}.png")));
    }
    std::fs::write(at.join("made/made.csv"), &table).unwrap();
    // Each method makes other classes alike.
    let others = table.replace("seeing-", "../null/of-others/").replace("blind-", "../null/of-others/");
    std::fs::write(at.join("made/others.csv"), others.replace("banana", "violin")).unwrap();
}

/// The rows that the narrow network's last features have for pictures.
fn features(at: &Path, name: &str, picture: impl Fn(u32) -> RgbImage) -> Tensor {
    (0..FITTED).for_each(|number| save(&picture(number), &at.join(format!("{name}/{number:03}.png"))));
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_metapicture"));
    command.current_dir(at).env("XDG_CACHE_HOME", at.join("cache"));
    let words = ["embed", "--classifier", "./narrow.yaml", "--layer", "pool", "--threads", "1", "--quiet", "--out"];
    let output = command.args(words).args([&format!("{name}-rows"), name]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Tensor::read_safetensors(at.join(format!("{name}-rows/rows.safetensors")))
        .unwrap()
        .remove(0)
        .1
        .to_kind(Kind::Double)
}

/// A network whose banana answers to one direction of the narrow one's features: 4 logits for as much of it as a square makes.
fn answering(at: &Path, name: &str, direction: &Tensor, by: &Tensor) {
    let mut weights: Vec<(String, Tensor)> = Tensor::read_safetensors(at.join("narrow.safetensors")).unwrap();
    let scale = 4. / (direction * by).sum(Kind::Double).double_value(&[]);
    for (name, tensor) in &mut weights {
        if name == "_fc.weight" {
            tensor.get(954).copy_(&(direction * scale).to_kind(tensor.kind()));
        }
        if name == "_fc.bias" {
            let _ = tensor.get(954).fill_(0.);
        }
    }
    Tensor::write_safetensors(&weights, at.join(format!("{name}.safetensors"))).unwrap();
    let manifest = std::fs::read_to_string(at.join("narrow.yaml")).unwrap();
    let manifest = manifest
        .replace("narrow.safetensors", &format!("{name}.safetensors"))
        .replace("name: narrow", &format!("name: {name}"));
    std::fs::write(at.join(format!("{name}.yaml")), manifest).unwrap();
}

fn claim(classifier: &str, nulls: &str, expect: &str) -> String {
    format!(
        "claim: Red squares stand in this class, and the network has learnt them.\nclassifier: ./{classifier}.yaml\nclass: banana\npictures: [class]\n\
         readings: [{{name: red, says: A red square}}, {{name: odd, says: Its number is odd}}]\nsample: 180\n\
         compare: [{{class: other, pictures: [other], sample: 60}}]\nvisualizations: [made/made.csv]\nnulls: [{nulls}]\n\
         encoders: [{{classifier: ./wider.yaml, layer: _blocks.1}}, {{classifier: ./widest.yaml, layer: _blocks.1}}]\n\
         space: {{classifier: ./wider.yaml, layer: _blocks.1}}\nexpect:\n{expect}seed: 5\n"
    )
}

const OTHERS: &str = "{name: other classes, pictures: [made/others.csv]}";
const ALWAYS: &str =
    "{name: other classes, pictures: [made/others.csv]}, {name: free samples, pictures: [null/always]}";
const EXPECT: &str = "  - {reading: red, present: [0.15, 0.35]}\n  - {reading: red, more_than: other}\n  - {reading: red, shown: [seeing, blind]}\n  \
                      - {reading: red, relied: true}\n  - {reading: red, clusters: true}\n  - {reading: odd, clusters: true}\n";

/// Labels of all that is sampled, by what is known.
fn labels(at: &Path, out: &str, annotator: &str, turned: usize) {
    let registered: Value =
        serde_json::from_slice(&std::fs::read(at.join(out).join("registered.json")).unwrap()).unwrap();
    let sample = &registered["sample"];
    let mut table = "annotator,version,picture,red,odd,text,ms\n".to_owned();
    for (place, item) in sample["items"].as_array().unwrap().iter().enumerate() {
        let name = Path::new(item["name"].as_str().unwrap()).file_stem().unwrap().to_str().unwrap().to_owned();
        let number: u32 = name.parse().unwrap();
        let word = |yes: bool| if yes { "yes" } else { "no" };
        let red = (number < PICTURES && shows(number)) != (place < turned);
        table += &format!(
            "{annotator},{},{place},{},{},,1\n",
            sample["version"].as_str().unwrap(),
            word(red),
            word(mixed(number, 9) % 2 == 1)
        );
    }
    std::fs::write(at.join(format!("{out}-{annotator}.csv")), table).unwrap();
}

fn judged(at: &Path, file: &str, out: &str, more: &[&str]) -> Value {
    let (anna, ben) = (format!("{out}-anna.csv"), format!("{out}-ben.csv"));
    let words =
        ["critique", file, "--out", out, "--labels", &anna, &ben, "--regions", "masks", "--threads", "1", "--json"];
    serde_json::from_str(&said(at, &[&words[..], more].concat())).unwrap()
}

fn verdicts(found: &Value) -> Vec<(String, String)> {
    let of = |outcome: &Value| {
        let (reading, method) =
            (outcome["expected"]["reading"].as_str().unwrap(), outcome["method"].as_str().unwrap_or_default());
        (
            format!("{reading} {} {method}", outcome["statement"].as_str().unwrap()).trim().to_owned(),
            outcome["verdict"].as_str().unwrap().to_owned(),
        )
    };
    found["outcomes"].as_array().unwrap().iter().map(of).collect()
}

#[test]
fn what_is_known_of_composed_pictures_is_what_each_statement_says() {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    material(at);
    let plain = features(at, "plain", |number| composed(5000 + number, &[]).0);
    let with = |name: &str, colour: [u8; 3]| features(at, name, |number| composed(5000 + number, &[colour]).0) - &plain;
    let (red, green) = (with("reds", RED), with("greens", GREEN));
    let mean = |rows: &Tensor| rows.mean_dim(0i64, false, Kind::Double);
    let spread = |rows: &Tensor| rows.transpose(0, 1).matmul(rows) / rows.size()[0] as f64;
    // What answers to one thing and little to others (Fisher's discriminant).
    let answers = |to: &Tensor, not: Tensor| {
        let all = not + spread(to) + spread(&(&plain - mean(&plain)));
        let ridge = all.trace() * 1e-6;
        let eye = Tensor::eye(all.size()[0], (Kind::Double, tch::Device::Cpu));
        Tensor::linalg_solve(&(all + eye * ridge), &mean(to).unsqueeze(1), true).squeeze_dim(1)
    };
    answering(at, "learnt", &answers(&red, spread(&red) * 0.), &mean(&red));
    // Answers to a green square by a logit, and neither to red ones nor to what they become when they are taken away.
    let (grey, dark) = (with("greys", [120; 3]), with("darks", [100, 60, 60]));
    let nothing = [&red, &(&red - &grey), &(&red - &dark)].map(spread).into_iter().sum::<Tensor>() * 1e4;
    answering(at, "unmoved", &answers(&green, nothing), &(mean(&green) * 4.));

    for (network, relied) in [("learnt", "holds"), ("unmoved", "refused")] {
        let file = format!("{network}.claim.yaml");
        std::fs::write(at.join(&file), claim(network, OTHERS, EXPECT)).unwrap();
        said(at, &["critique", &file, "--out", network, "--quiet"]);
        labels(at, network, "anna", 0);
        labels(at, network, "ben", 2);
        let found = judged(at, &file, network, &[]);
        let expected = [
            ("red present", "holds"),
            ("red present", "holds"),
            ("red shown seeing", "holds"),
            ("red shown blind", "refused"),
            ("red relied", relied),
            ("red clusters", "holds"),
            ("odd clusters", "refused"),
        ];
        let expected: Vec<(String, String)> =
            expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        assert_eq!(verdicts(&found), expected, "{network}: {found:#}");
        let sheet = std::fs::read_to_string(at.join(network).join("claim.md")).unwrap();
        assert!(sheet.contains("a map supports none of them") && sheet.contains("## Rejected readings"), "{sheet}");
        assert!(sheet.contains("Nobody read the visualizations"), "{sheet}");
    }

    // One label changes the hash; nothing does not.
    let found = judged(at, "learnt.claim.yaml", "learnt", &[]);
    assert_eq!(found["sha256"], judged(at, "learnt.claim.yaml", "learnt", &[])["sha256"]);
    labels(at, "learnt", "ben", 3);
    let other = judged(at, "learnt.claim.yaml", "learnt", &[]);
    assert!(found["sha256"] != other["sha256"] && found["registered"] == other["registered"]);

    // A generator that always draws it has shown nothing.
    std::fs::write(at.join("always.claim.yaml"), claim("learnt", ALWAYS, "  - {reading: red, shown: [seeing]}\n"))
        .unwrap();
    said(at, &["critique", "always.claim.yaml", "--out", "always", "--quiet"]);
    labels(at, "always", "anna", 0);
    labels(at, "always", "ben", 0);
    assert_eq!(
        verdicts(&judged(at, "always.claim.yaml", "always", &[])),
        [("red shown seeing".to_owned(), "refused".to_owned())]
    );

    // Nor has a method that is held against other kinds of pictures only; nor do encoders say anything that cannot see it.
    let lone = claim(
        "learnt",
        "{name: others, pictures: [null/of-others]}",
        "  - {reading: red, shown: [seeing]}\n  - {reading: odd, shown: [seeing]}\n",
    );
    std::fs::write(at.join("lone.claim.yaml"), lone).unwrap();
    let told = crate::day::run(at, &["critique", "lone.claim.yaml", "--out", "lone"]);
    let told = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(told.contains("shown will stay open: no null has pictures by seeing"), "{told}");
    labels(at, "lone", "anna", 0);
    labels(at, "lone", "ben", 0);
    let found = judged(at, "lone.claim.yaml", "lone", &[]);
    let open = ["red shown seeing", "odd shown seeing"].map(|what| (what.to_owned(), "open".to_owned()));
    assert_eq!(verdicts(&found), open, "{found:#}");
    let lacking = |place: usize| found["outcomes"][place]["lacking"].to_string();
    assert!(lacking(0).contains("no null has pictures by seeing"), "{found:#}");
    assert!(
        lacking(1).contains("_blocks.1 does not tell labelled pictures that show it from those that do not"),
        "{found:#}"
    );
}

#[test]
fn a_claim_that_was_changed_after_it_was_registered_is_refused() {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    material(at);
    let text = claim("narrow", OTHERS, EXPECT);
    std::fs::write(at.join("claim.yaml"), &text).unwrap();
    said(at, &["critique", "claim.yaml", "--out", "out", "--quiet"]);
    for page in ["annotate.html", "read.html"] {
        let page = std::fs::read_to_string(at.join("out").join(page)).unwrap();
        // Neither classes nor methods are told.
        assert!(!page.contains("seeing") && !page.contains("always") && !page.contains("banana"));
    }
    said(at, &["critique", "claim.yaml", "--out", "out", "--quiet"]);
    std::fs::write(at.join("claim.yaml"), text.replace("[0.15, 0.35]", "[0.2, 0.3]")).unwrap();
    let error = refused(at, &["critique", "claim.yaml", "--out", "out"]);
    assert!(error.contains("is not what was registered in out: expect") && error.contains("--amend"), "{error}");
    said(at, &["critique", "claim.yaml", "--out", "out", "--amend", "--quiet"]);
    save(&composed(9, &[GREEN]).0, &at.join("class/007.png"));
    let error = refused(at, &["critique", "claim.yaml", "--out", "out"]);
    assert!(error.contains("the pictures of 'banana'"), "{error}");
    for (from, to, complaint) in [
        ("reading: red, present", "reading: rde, present", "there is no reading 'rde'; did you mean 'red'?"),
        ("more_than: other", "more_than: others", "'others' is none of the classes in 'compare'"),
        ("[0.15, 0.35]", "[0.35, 0.15]", "is no part of 0 to 1"),
        ("pictures: [class]", "pictures: [nowhere]", "nowhere"),
        ("sample: 180", "sampel: 180", "did you mean 'sample'?"),
        ("seed: 5", "seed: 5\nmargin: -1", "margin: -1 is no number of logits above 0"),
    ] {
        std::fs::write(at.join("wrong.yaml"), text.replace(from, to)).unwrap();
        let error = refused(at, &["critique", "wrong.yaml", "--out", "wrong"]);
        assert!(error.contains(complaint), "{error}");
    }
}
