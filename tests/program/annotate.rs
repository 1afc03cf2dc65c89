//! People label pictures: the page as they meet it, the files that it gives them, and what is counted from these.

use std::path::Path;

use image::{Rgb, RgbImage};
use serde_json::Value;
use tempfile::TempDir;

use crate::day::{refused, said};
use crate::report::browser::Browser;
use crate::report::{browser, shots};

/// A folder of pictures of which every tenth is red, 120 or so many.
fn pictures(at: &Path, count: u32) {
    std::fs::create_dir_all(at).unwrap();
    for number in 0..count {
        let red = number % 10 == 0;
        let of =
            |x: u32, y: u32| if red { Rgb([220, 20, (x + y) as u8]) } else { Rgb([(x * 3) as u8, 120, number as u8]) };
        RgbImage::from_fn(64, 48, of).save(at.join(format!("{number:03}.png"))).unwrap();
    }
}

const ASKED: [&str; 8] =
    ["annotate", "pictures", "--reading", "red=It is red", "--reading", "wide=It is wider than high", "--seed", "3"];

fn sample(at: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(at.join("out/sample.json")).unwrap()).unwrap()
}

fn is_red(item: &Value) -> bool {
    let name = item["name"].as_str().unwrap();
    name[name.len() - 7..name.len() - 4].parse::<u32>().unwrap() % 10 == 0
}

/// What an annotator saves who errs on every so many-th picture.
fn labels(at: &Path, annotator: &str, errs: usize) {
    let sample = sample(at);
    let mut table = "annotator,version,picture,red,wide,text,ms\r\n".to_owned();
    for (number, item) in sample["items"].as_array().unwrap().iter().enumerate() {
        let red = is_red(item) != (errs > 0 && number % errs == 0);
        let version = sample["version"].as_str().unwrap();
        table += &format!("{annotator},{version},{number},{},yes,,900\r\n", if red { "yes" } else { "no" });
    }
    std::fs::write(at.join(format!("labels-{annotator}.csv")), table).unwrap();
}

#[test]
fn what_is_labelled_is_drawn_at_random_and_what_follows_from_it_is_exact() {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    pictures(&at.join("pictures"), 120);
    said(at, &[&ASKED[..], &["--sample", "60", "--out", "out"]].concat());
    let (first, page) = (sample(at), std::fs::read_to_string(at.join("out/annotate.html")).unwrap());
    assert_eq!(first["items"].as_array().unwrap().len(), 60);
    // Nothing on the page says what a picture is.
    assert!(!page.contains("000.png") && !page.contains(first["items"][0]["sha256"].as_str().unwrap()));
    labels(at, "anna", 0);
    labels(at, "ben", 20);
    let found: Value =
        serde_json::from_str(&said(at, &["annotate", "count", "out", "labels-anna.csv", "labels-ben.csv", "--json"]))
            .unwrap();
    let of = |reading: &str, by: &str| {
        let counts = found["counts"].as_array().unwrap();
        counts.iter().find(|of| of["reading"] == reading && of["annotator"] == by).unwrap().clone()
    };
    let truly = first["items"].as_array().unwrap().iter().filter(|item| is_red(item)).count();
    assert_eq!(
        (of("red", "anna")["yes"].as_u64().unwrap(), &of("red", "anna")["population"]),
        (truly as u64, &120.into())
    );
    let exact = metrics::prevalence::Labelled { population: 120, sample: 60, found: truly as u64 }.exact(0.95).unwrap();
    assert_eq!(of("red", "anna")["interval"], serde_json::json!(exact.interval));
    assert!(exact.interval[0] <= 0.1 && 0.1 <= exact.interval[1]);
    // Where they differ nothing is counted for either side.
    let all = of("red", "all");
    assert_eq!(all["unsure"], 3);
    assert!(all["interval"][1].as_f64() > of("red", "anna")["interval"][1].as_f64(), "{all}");
    let [agreed, wide] = [0, 1].map(|place| &found["agreement"][place]);
    assert!(agreed["observed"] == 0.95 && agreed["kappa"].as_f64().unwrap() > 0.5, "{agreed}");
    assert!(wide["observed"] == 1. && wide["kappa"].is_null(), "{wide}");
    assert_eq!(
        of("wide", "all")["interval"],
        serde_json::json!([1., 1.]).clone().as_array().map_or(Value::Null, |_| of("wide", "anna")["interval"].clone())
    );
    // The same seed draws the same pictures, another one others; a precision takes as many as it takes.
    said(at, &[&ASKED[..], &["--sample", "60", "--out", "out"]].concat());
    assert_eq!(sample(at), first);
    let told: Value = serde_json::from_str(&said(
        at,
        &[&ASKED[..], &["--precision", "0.05", "--expect", "0.1", "--out", "more", "--json"]].concat(),
    ))
    .unwrap();
    assert_eq!(told["sample"], 65);
}

#[test]
fn labels_that_are_not_of_the_page_are_refused_in_one_line() {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    pictures(&at.join("pictures"), 30);
    said(at, &[&ASKED[..], &["--sample", "10", "--out", "out"]].concat());
    labels(at, "anna", 0);
    let good = std::fs::read_to_string(at.join("labels-anna.csv")).unwrap();
    let version = sample(at)["version"].as_str().unwrap().to_owned();
    for (text, complaint) in [
        (good.replace(&version, "another"), "row 2: is of another page or another sample"),
        (good.replace(",7,", ",70,"), "picture '70' is none of 0 to 9"),
        (good.replacen(",yes,,", ",maybe,,", 1), "'maybe' is none of 'yes', 'no', 'unsure'"),
        (good.replace("red", "blue"), "has no column 'red'"),
        (good.lines().next().unwrap().to_owned(), "has no labels"),
    ] {
        std::fs::write(at.join("wrong.csv"), text).unwrap();
        let error = refused(at, &["annotate", "count", "out", "wrong.csv"]);
        assert!(error.contains("wrong.csv") && error.contains(complaint), "{error}");
    }
    let twice = refused(at, &["annotate", "count", "out", "labels-anna.csv", "labels-anna.csv"]);
    assert!(twice.contains("two files are of 'anna'"), "{twice}");
    let text = std::fs::read_to_string(at.join("out/sample.json")).unwrap();
    std::fs::write(at.join("out/sample.json"), text.replace("It is red", "It is green")).unwrap();
    assert!(refused(at, &["annotate", "count", "out", "labels-anna.csv"]).contains("is not as it was written"));
    for (arguments, complaint) in [
        (&["--reading", "red"][..], "write NAME=TEXT"),
        (&["--reading", "red=It is"], "two readings are called 'red'"),
        (&["--reading", "a b=It is"], "'a b' is no name of a reading"),
        (&["--strata", "year"], "has no column 'year'"),
    ] {
        let error = refused(at, &[&ASKED[..], &["--out", "no"], arguments].concat());
        assert!(error.contains(complaint), "{error}");
    }
}

fn shot(browser: &mut Browser, name: &str) {
    if let Some(folder) = shots() {
        browser.screenshot(&folder.join(format!("{name}.png")));
    }
}

#[test]
fn an_annotator_answers_by_keys_takes_back_draws_and_goes_on_after_a_reload() {
    let Some(mut browser) = browser() else { return };
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    pictures(&at.join("pictures"), 40);
    said(at, &[&ASKED[..], &["--sample", "6", "--text", "--out", "out"]].concat());
    let (page, sample) = (at.join("out/annotate.html"), sample(at));
    browser.resize(1400, 900, false);
    browser.open_asking(&page, "?code=anna");
    browser.value("document.getElementById('start').click()");
    let number = "JSON.parse(document.getElementById('data').textContent).images.indexOf(document.getElementById('picture').src.split(',')[1])";
    let mut seen = vec![];
    for turn in 0..6 {
        browser.value("(text => { text.value = 'a wall'; text.dispatchEvent(new Event('input')); text.blur(); })(document.getElementById('text'))");
        let item = browser.number(number) as usize;
        seen.push(item);
        let answer = if is_red(&sample["items"][item]) { "y" } else { "n" };
        if turn == 2 {
            // A wrong key, taken back; and a region.
            browser.key(if answer == "y" { "n" } else { "y" });
            browser.key("z");
            browser.key("d");
            browser.value("(() => { const box = document.getElementById('regions').getBoundingClientRect(); for (const [x, y] of [[.1, .1], [.6, .1], [.6, .7]]) document.getElementById('regions').dispatchEvent(new MouseEvent('click', { clientX: box.left + x * box.width, clientY: box.top + y * box.height })); })()");
            browser.key("Enter");
            shot(&mut browser, "annotate");
        }
        browser.key(answer);
        browser.key("y");
        if turn == 3 {
            browser.open_asking(&page, "?code=anna");
            assert_eq!(browser.text("document.getElementById('resumed').hidden"), "false");
            browser.value("document.getElementById('start').click()");
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, [0, 1, 2, 3, 4, 5]);
    assert_eq!(browser.text("document.getElementById('ended').textContent"), "All 6 pictures have their answers.");
    let file = |browser: &mut Browser, id: &str| {
        browser.text(&format!("decodeURIComponent(document.getElementById('{id}').href.split(',').slice(1).join(','))"))
    };
    std::fs::write(at.join("labels.csv"), file(&mut browser, "download")).unwrap();
    let told: Value = serde_json::from_str(&said(at, &["annotate", "count", "out", "labels.csv", "--json"])).unwrap();
    let red = sample["items"].as_array().unwrap().iter().filter(|item| is_red(item)).count();
    assert_eq!((&told["counts"][0]["yes"], &told["counts"][0]["labelled"]), (&red.into(), &6.into()));
    assert_eq!(told["counts"][1]["yes"], 6);
    let regions: Value = serde_json::from_str(&file(&mut browser, "download-regions")).unwrap();
    assert_eq!(regions["annotations"].as_array().unwrap().len(), 1);
    let corner = regions["annotations"][0]["corners"][2][1].as_f64().unwrap();
    assert!((corner - 0.7).abs() < 0.02 && regions["annotations"][0]["reading"] == "red", "{regions}");
    browser.resize(390, 844, true);
    browser.value("document.getElementById('again').click()");
    let over = browser.number("document.documentElement.scrollWidth - document.documentElement.clientWidth");
    assert!(over <= 0. && browser.errors.is_empty(), "{over} {:?}", browser.errors);
    shot(&mut browser, "annotate-phone");
}
