//! A study with people: the page as they meet it, in a browser; what it gives them; what the analysis makes of that.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use metapicture::compare::EXEMPLARS;
use metapicture::compare::findings::{Findings, Origin, PictureFindings, Pools};
use metapicture::compare::tables;
use metapicture::people::key::Role;
use metapicture::people::{Key, Options, analyse, export};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cli::{done, fails};
use crate::report::synthetic::{self, Size};
use crate::report::{browser, shots};

const PHOTOGRAPHS: usize = 120;
const UNITS: usize = 24;

/// A comparison of four methods, with photographs and natural exemplars.
fn compared(folder: &Path) -> Findings {
    tch::set_num_threads(1);
    let mut findings = synthetic::make(folder, &Size { units: UNITS, seeds: 3, side: 32, many: false });
    findings.settings.pools = Some(Pools { top: 5, exemplars: 9, middle: 24, low: 24 });
    findings.settings.baseline = Some(0);
    std::fs::create_dir_all(folder.join("photographs")).unwrap();
    let units = findings.units.iter().map(|unit| unit.name.as_str());
    let mut table = format!("file,class,{}\n", units.collect::<Vec<_>>().join(","));
    let activation = |photograph: usize, unit: usize| (photograph * 37 + unit * 53) * 7919 % 1009;
    for photograph in 0..PHOTOGRAPHS {
        let shade = |c: usize| ((photograph * 29 + c * 71) % 256) as u8;
        let file = folder.join(format!("photographs/telling-name-{photograph}.png"));
        RgbImage::from_fn(40, 30, |x, y| {
            Rgb([shade(0), shade(1).wrapping_add(x as u8), shade(2).wrapping_add(y as u8)])
        })
        .save(&file)
        .unwrap();
        let of: Vec<String> = (0..UNITS).map(|unit| activation(photograph, unit).to_string()).collect();
        table += &format!("{},,{}\n", file.display(), of.join(","));
    }
    std::fs::write(folder.join("photographs.csv"), table).unwrap();
    let place = findings.methods.len();
    let mut exemplars = findings.methods.last().unwrap().clone();
    (exemplars.label, exemplars.name, exemplars.kind) = (EXEMPLARS.to_owned(), EXEMPLARS.to_owned(), Origin::Control);
    findings.methods.push(exemplars);
    for unit in 0..UNITS {
        let mut order: Vec<usize> = (0..PHOTOGRAPHS).collect();
        order.sort_by_key(|photograph| std::cmp::Reverse(activation(*photograph, unit)));
        for (number, photograph) in order[5..14].iter().enumerate() {
            findings.pictures.push(PictureFindings {
                id: format!("exemplar-{unit}-{number}"),
                method: place,
                unit,
                seed: number as u64,
                facet: 0,
                file: PathBuf::from(format!("photographs/telling-name-{photograph}.png")),
                sources: vec![*photograph],
                metrics: BTreeMap::new(),
            });
        }
    }
    // One file of the synthetic comparison is not there, since its name is not one.
    findings.pictures.iter_mut().filter(|of| of.file.to_string_lossy().contains("<script>")).for_each(|of| {
        of.file = PathBuf::from("pictures/0-0-0.png");
    });
    tables::write(&findings, folder).unwrap();
    findings
}

fn options() -> Options {
    Options { practice: 2, catches: 2, per_method: 3, ..Options::default() }
}

/// A study of it.
fn made() -> (TempDir, PathBuf, Key) {
    let folder = TempDir::new().unwrap();
    compared(folder.path());
    let out = folder.path().join("study");
    export(folder.path(), &out, &options(), &|_, _| ()).unwrap();
    let key = Key::read(&out).unwrap();
    (folder, out, key)
}

fn document(page: &Path) -> (String, Value) {
    let html = std::fs::read_to_string(page).unwrap();
    let from = html.find("id=\"data\">").unwrap() + "id=\"data\">".len();
    let data = serde_json::from_str(&html[from..from + html[from..].find("</script>").unwrap()]).unwrap();
    (html, data)
}

#[test]
fn the_page_does_not_say_which_photograph_is_right() {
    let (_folder, out, key) = made();
    let (html, data) = document(&out.join("study.html"));
    assert!(!html.contains("telling-name") && !html.contains(".png"), "names of files are in the page");
    assert!(key.methods.iter().all(|method| !html.contains(&format!("{}\"", method.label))), "names of methods are");
    assert_eq!(data["practice"].as_array().unwrap().len(), 2);
    assert!(data["catches"].as_array().unwrap().iter().all(|of| of.get("right").is_none()));
    let (mut first, mut all) = (0, 0);
    for group in data["groups"].as_array().unwrap() {
        for pair in group.as_array().unwrap().iter().flat_map(|unit| unit["pairs"].as_array().unwrap()) {
            for pair in pair.as_array().unwrap() {
                let [a, b] = [0, 1].map(|side| pair[side].as_u64().unwrap() as usize);
                assert!(a < b);
                let known =
                    key.pairs.iter().find(|of| (of.right.min(of.wrong), of.right.max(of.wrong)) == (a, b)).unwrap();
                first += usize::from(known.right == a);
                all += 1;
            }
        }
    }
    assert_eq!(all, key.pairs.len());
    let share = first as f64 / all as f64;
    assert!((0.35..0.65).contains(&share), "the right one has the lower number in {share}");
}

#[test]
fn every_pair_is_a_photograph_that_fires_the_unit_more_and_one_that_fires_it_less() {
    let (folder, _, key) = made();
    let mut table = csv::Reader::from_path(folder.path().join("photographs.csv")).unwrap();
    let header = table.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    let activation = |image: usize, unit: usize| -> f64 {
        let column = header.iter().position(|name| name == key.units[unit]).unwrap();
        let row = rows.iter().find(|row| row[0] == key.images[image].file).unwrap();
        row[column].parse().unwrap()
    };
    assert!(key.pairs.iter().all(|pair| activation(pair.right, pair.unit) > activation(pair.wrong, pair.unit)));
    assert!(key.pairs.iter().any(|pair| pair.hard) && key.pairs.iter().any(|pair| !pair.hard));
    for machine in &key.machines {
        assert_eq!(machine.right.len(), key.units.len() * 4, "each method and unit, {}", machine.name);
    }
}

/// Somebody who is right about each method's pictures as often as `skill` says, and never misses a catch trial; by the page's own keys.
const READER: &str = r#"async (key, skill, seed) => {
  // The same chance every time.
  let state = seed * 7919 + 17;
  const chance = () => (state = (state * 48271) % 2147483647) / 2147483647;
  const real = performance.now.bind(performance);
  performance.now = () => real() * 1000;
  const data = JSON.parse(document.getElementById('data').textContent);
  const image = element => data.images.indexOf(element.src.slice('data:image/jpeg;base64,'.length));
  const same = (a, b) => a.length === b.length && [...a].sort().join() === [...b].sort().join();
  const press = name => document.dispatchEvent(new KeyboardEvent('keydown', { key: name, cancelable: true }));
  const visible = id => !document.getElementById(id).hidden && !document.getElementById(id).closest('section').hidden;
  const tick = () => new Promise(done => setTimeout(done, 1));
  document.getElementById('agree').click();
  document.getElementById('begin').click();
  const conditions = data.groups[0].length;
  let said = 0;
  for (let turn = 0; !visible('download'); turn++) {
    if (turn > 100000) return 'lost';
    if (visible('describe')) {
      document.getElementById('text').value = `words, "${++said}"`;
      document.getElementById('said').click();
    } else if (visible('told')) {
      press('Enter');
    } else if (visible('sure')) {
      press('2');
    } else if (visible('trial') && !document.getElementById('left').disabled) {
      const panel = [...document.querySelectorAll('#panel img')].map(image);
      const shown = ['left', 'right'].map(side => image(document.querySelector(`#${side} img`)));
      const pair = key.pairs.find(pair => same([pair.right, pair.wrong], shown));
      let right = key.catch_pairs.concat(data.practice.map(({ pair, right }) => ({ right, wrong: pair[0] + pair[1] - right })))
        .find(pair => same([pair.right, pair.wrong], shown))?.right;
      if (pair && !(right !== undefined && panel.includes(right))) {
        const unit = data.groups[Math.floor(pair.unit / conditions)][pair.unit % conditions];
        const method = unit.panels.findIndex(other => same(other, panel));
        right = chance() < skill[method] ? pair.right : pair.wrong;
      }
      press(shown[0] === right ? 'f' : 'j');
    }
    await tick();
  }
  return decodeURIComponent(document.getElementById('download').href.split(',').slice(1).join(','));
}"#;

#[test]
fn readers_of_known_skill_are_found_again_from_what_the_page_gives_them() {
    let Some(mut page) = browser() else { return };
    let (folder, out, key) = made();
    let html = out.join("study.html");
    let skill: Vec<f64> =
        key.methods.iter().map(|method| if method.role == Role::Ceiling { 1. } else { 0.5 }).collect();
    let skill: Vec<f64> = skill.into_iter().enumerate().map(|(place, of)| if place == 1 { 0.9 } else { of }).collect();
    let all = serde_json::to_string(&key).unwrap();
    let mut files = vec![];
    let mut seen: BTreeSet<(String, String)> = BTreeSet::new();
    for reader in 0..12 {
        page.open_asking(&html, &format!("?code=reader-{reader}"));
        let answers = page.text(&format!("({READER})({all}, {}, {reader})", json!(skill)));
        let file = out.join(format!("answers-{reader}.csv"));
        std::fs::write(&file, &answers).unwrap();
        let rows: Vec<csv::StringRecord> =
            csv::Reader::from_reader(answers.as_bytes()).records().map(Result::unwrap).collect();
        let main: Vec<(String, String)> =
            rows.iter().filter(|row| &row[3] == "main").map(|row| (row[4].to_owned(), row[5].to_owned())).collect();
        assert_eq!(main.len(), 3 * key.methods.len());
        assert_eq!(main.iter().map(|(unit, _)| unit).collect::<BTreeSet<_>>().len(), main.len(), "a unit twice");
        for place in 0..key.methods.len() {
            assert_eq!(main.iter().filter(|(_, method)| *method == format!("m{place}")).count(), 3);
        }
        assert_eq!(rows.iter().filter(|row| &row[3] == "catch").count(), 2);
        assert_eq!(rows.iter().filter(|row| &row[3] == "description").count(), 2);
        seen.extend(main);
        files.push(file);
    }
    assert!(page.errors.is_empty(), "{:?}", page.errors);
    assert!(seen.len() > key.units.len() * 4, "units are seen with {} methods of {}", seen.len(), key.methods.len());
    let found = analyse(&out, &files).unwrap();
    assert_eq!((found.people, found.excluded.len()), (12, 0), "{:?}", found.excluded);
    for (method, skill) in found.methods.iter().zip(&skill) {
        let error = (skill * (1. - skill) / method.answers as f64).sqrt();
        assert!(
            (method.right.value - skill).abs() <= 3.5 * error,
            "{}: {} for {skill}",
            method.label,
            method.right.value
        );
    }
    let of = |label: &str| found.contrasts.iter().find(|of| of.method == label).unwrap();
    let ceiling = of(EXEMPLARS);
    assert!(ceiling.p_holm.unwrap() < 0.05 && ceiling.difference.value > 0.2, "{ceiling:?}");
    // They stand beside the networks in the report of their comparison, and in no other one.
    let report = folder.path().join("people.html");
    let [compared, study, html] = [folder.path(), &out, &report].map(|path| path.to_str().unwrap());
    done(&["report", compared, "--people", study, "--out", html]);
    let page_of_both = std::fs::read_to_string(&report).unwrap();
    assert!(page_of_both.contains("What 12 people could tell") && page_of_both.contains("plot-people"));
    let json = folder.path().join("comparison.json");
    let text = std::fs::read_to_string(&json).unwrap();
    std::fs::write(&json, text + " ").unwrap();
    let (code, error) = fails(&["report", compared, "--people", study]);
    assert!(code == 2 && error.contains("is a study of another comparison"), "{error}");
    let blind = std::fs::read_to_string(out.join("descriptions.csv")).unwrap();
    assert!(blind.lines().count() == 25 && blind.contains("\"words, \"\"1\"\"\"") && !blind.contains("reader-"));
}

#[test]
fn the_page_is_worked_by_keys_and_tells_right_from_wrong_in_practice_alone() {
    let Some(mut page) = browser() else { return };
    let (_folder, out, key) = made();
    page.resize(1100, 760, false);
    page.open_asking(&out.join("study.html"), "?code=keys");
    page.value("document.getElementById('agree').click()");
    if let Some(shots) = shots() {
        page.screenshot(&shots.join("study-consent.png"));
    }
    page.value("document.getElementById('begin').click()");
    let ready = "!document.getElementById('trial').hidden && !document.getElementById('left').disabled";
    for trial in 0..3 {
        page.wait(ready);
        if trial == 2
            && let Some(shots) = shots()
        {
            page.screenshot(&shots.join("study-trial.png"));
        }
        page.key(if trial == 1 { "j" } else { "f" });
        page.wait("!document.getElementById('sure').hidden");
        page.key("3");
        if trial < 2 {
            page.wait("!document.getElementById('told').hidden");
            let told = page.text("document.getElementById('told').textContent");
            assert!(told.starts_with("Right") || told.starts_with("It is the other one"), "{told}");
            page.key("Enter");
        }
    }
    page.wait(ready);
    assert_eq!(page.value("document.getElementById('told').hidden"), true);
    // Reloaded, it goes on; stopped, it says how far it was, and what is left out.
    page.open_asking(&out.join("study.html"), "?code=keys");
    assert_eq!(page.value("document.getElementById('resumed').hidden"), false);
    page.value("document.getElementById('agree').click()");
    page.value("document.getElementById('begin').click()");
    page.wait(ready);
    page.value("document.getElementById('stop').click()");
    let ended = page.text("document.getElementById('ended').textContent");
    let trials = key.practice + key.catches + key.per_method * key.methods.len();
    assert!(ended.contains(&format!("3 of {trials}")), "{ended}");
    let href = page.text("document.getElementById('download').href");
    assert!(href.starts_with("data:text/csv") && page.errors.is_empty(), "{:?}", page.errors);
    let answers =
        page.text("decodeURIComponent(document.getElementById('download').href.split(',').slice(1).join(','))");
    let file = out.join("answers.csv");
    std::fs::write(&file, answers).unwrap();
    let error = analyse(&out, &[file]).unwrap_err().to_string();
    assert!(error.contains("nobody's answers count: keys (unfinished: 1 of 20 trials)"), "{error}");
    // A phone's width holds it, too.
    page.resize(400, 800, true);
    page.value("document.getElementById('forget').click()");
    page.open_asking(&out.join("study.html"), "?code=phone");
    page.value("document.getElementById('agree').click()");
    page.value("document.getElementById('begin').click()");
    page.wait(ready);
    assert!(page.number("document.documentElement.scrollWidth") <= 400.);
    if let Some(shots) = shots() {
        page.screenshot(&shots.join("study-phone.png"));
    }
}

#[test]
fn a_study_that_cannot_be_made_says_what_is_missing() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().to_str().unwrap();
    let (code, error) = fails(&["study", path]);
    assert!(code == 2 && error.contains("comparison.json") && error.contains("metapicture compare"), "{error}");
    compared(folder.path());
    let (code, error) = fails(&["study", path, "--practice", "10", "--catch", "10"]);
    assert!(code == 2 && error.contains("24 units") && error.contains("ask for 26"), "{error}");
    let (code, error) = fails(&["study", path, "--method", "naiv"]);
    assert!(code == 2 && error.contains("did you mean 'naive'"), "{error}");
    let (code, error) = fails(&["study", "analyse", path, "nothing.csv"]);
    assert!(code == 2 && error.contains("key.json"), "{error}");
    let made = done(&["study", path, "--method", "naive", "--practice", "1", "--catch", "1"]);
    let said = String::from_utf8(made.stdout).unwrap();
    assert!(said.contains("3 conditions on 21 units") && said.contains("7 trials with each"), "{said}");
    let answers = folder.path().join("answers.csv");
    let header = "participant,version,trial,part,unit,method,left,right,answer,ms,sure,width,height,text\n";
    std::fs::write(&answers, format!("{header}a,other,0,main,u0,m0,i0,i1,left,900,1,1,1,\n")).unwrap();
    let study = folder.path().join("study");
    let (code, error) = fails(&["study", "analyse", study.to_str().unwrap(), answers.to_str().unwrap()]);
    assert!(code == 2 && error.contains("row 2: answers another page"), "{error}");
}
