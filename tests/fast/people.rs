//! What people could tell, on answers of which it is known how they came about.

use std::path::PathBuf;

use metapicture::people::analysis::{Analysis, of};
use metapicture::people::answers::{Answer, Answers};
use metapicture::people::key::{Exclusions, Key, Machine, Method, Pair, Role, SCHEMA_VERSION};
use metapicture::random::{Purpose, Seed, normal, stream};
use rand::RngExt;

const UNITS: usize = 48;

/// A key of methods, the first the baseline, the last two the controls.
fn key(methods: usize) -> Key {
    let role = |place: usize| match methods - place {
        2 => Role::Ceiling,
        1 => Role::Chance,
        _ => Role::Judged,
    };
    Key {
        schema_version: SCHEMA_VERSION,
        version: "v".to_owned(),
        title: String::new(),
        target: String::new(),
        comparison_sha256: String::new(),
        per_method: 4,
        practice: 0,
        catches: 2,
        methods: (0..methods).map(|place| Method { label: format!("m{place}"), role: role(place) }).collect(),
        baseline: Some(0),
        units: (0..UNITS).map(|unit| format!("class:{unit}")).collect(),
        pairs: (0..UNITS)
            .map(|unit| Pair { unit, right: 2 * unit, wrong: 2 * unit + 1, hard: unit % 2 == 0 })
            .collect(),
        catch_pairs: (0..2).map(|unit| Pair { unit, right: 2 * unit, wrong: 2 * unit + 1, hard: false }).collect(),
        images: vec![metapicture::people::key::Image { file: String::new(), sha256: String::new() }; 2 * UNITS],
        exclusions: Exclusions::default(),
        machines: vec![],
    }
}

/// Chances of being right, on the scale of logits above a guess: by method; people and units differ by `spread`.
fn simulated(skill: &[f64], people: usize, spread: f64, number: u64) -> Answers {
    let mut rng = stream(Seed(number), Purpose::Study, 0);
    let of_people: Vec<f64> = normal(&mut rng, people).iter().map(|x| spread * f64::from(*x)).collect();
    let of_units: Vec<f64> = normal(&mut rng, UNITS).iter().map(|x| spread * f64::from(*x)).collect();
    let of_both: Vec<f64> = normal(&mut rng, UNITS * skill.len()).iter().map(|x| spread * f64::from(*x)).collect();
    let mut answers = vec![];
    for (person, own) in of_people.iter().enumerate() {
        let row: usize = rng.random_range(0..skill.len());
        for group in 0..4 {
            let group = (group + person) % (UNITS / skill.len());
            for place in 0..skill.len() {
                let (unit, method) = (group * skill.len() + place, (place + row) % skill.len());
                let logit = skill[method] + own + of_units[unit] + of_both[unit * skill.len() + method];
                // A skill of minus infinity guesses.
                let chance = 0.5 + 0.5 / (1. + (-logit).exp());
                let right = rng.random::<f64>() < chance;
                answers.push(Answer { person, method, unit, hard: unit % 2 == 0, right, ms: 1500., sure: 2. });
            }
        }
    }
    let people = (0..people).map(|person| format!("p{person}")).collect();
    Answers { people, answers, ..Answers::default() }
}

fn contrast<'f>(found: &'f Analysis, label: &str) -> &'f metapicture::people::analysis::Contrast {
    found.contrasts.iter().find(|of| of.method == label).unwrap()
}

#[test]
fn a_skill_that_is_there_is_found_and_one_that_is_not_is_not() {
    let guess = f64::NEG_INFINITY;
    let key = key(4);
    let found = of(&key, &simulated(&[guess, 0.5, 2.5, guess], 60, 0.5, 1), 2000);
    let right: Vec<f64> = found.methods.iter().map(|method| method.right.value).collect();
    assert!((right[0] - 0.5).abs() < 0.09 && (right[3] - 0.5).abs() < 0.09, "{right:?}");
    assert!((right[1] - 0.8).abs() < 0.09 && (right[2] - 0.94).abs() < 0.06, "{right:?}");
    let gain = contrast(&found, "m1");
    assert!(gain.p_holm.unwrap() < 0.001 && !gain.same, "{gain:?}");
    assert!(gain.difference.over_people.unwrap()[0] > 0.1 && gain.difference.over_units.unwrap()[0] > 0.1);
    assert!(found.contrasts.iter().all(|of| of.method != "m3"), "the control by chance is no contrast");
    assert!(found.cautions.is_empty(), "{:?}", found.cautions);
    assert!(found.reliability.unwrap() > 0.2, "{:?}", found.reliability);
}

#[test]
fn methods_that_are_alike_are_called_different_in_one_case_of_twenty_at_most() {
    let key = key(3);
    let runs = 120;
    let mut called = 0;
    for number in 0..runs {
        let found = of(&key, &simulated(&[0.5, 0.5, 0.5], 24, 0.8, 100 + number), 1);
        called += usize::from(found.contrasts.iter().any(|of| of.p_holm.unwrap() < 0.05));
    }
    // 0.05 of 120 is 6; with 12 or more the chance would be 1 in 50.
    assert!(called <= 11, "{called} of {runs}");
}

#[test]
fn intervals_over_units_and_over_people_hold_what_is_so() {
    let key = key(3);
    let (mut held, runs) = (0, 60);
    // The mean over people and units of 0.5 + 0.5 logistic(0.5 + N(0, 3 * 0.6^2)), by numbers.
    let truth = {
        let mut rng = stream(Seed(9), Purpose::Study, 1);
        let draws = normal(&mut rng, 200_000);
        let chance = |x: &f32| 0.5 + 0.5 / (1. + (-(0.5 + 0.6 * 3f64.sqrt() * f64::from(*x))).exp());
        draws.iter().map(chance).sum::<f64>() / draws.len() as f64
    };
    for number in 0..runs {
        let found = of(&key, &simulated(&[0.5, 0.5, 0.5], 40, 0.6, 500 + number), 300);
        let of = &found.methods[0].right;
        let (people, units) = (of.over_people.unwrap(), of.over_units.unwrap());
        // Either alone knows of one source of chance; the wider one of both holds the truth about as often as it says.
        let wider = if people[1] - people[0] > units[1] - units[0] { people } else { units };
        held += usize::from((wider[0]..=wider[1]).contains(&truth));
    }
    assert!(held >= 48, "{held} of {runs}");
}

#[test]
fn a_machine_that_knows_what_people_know_agrees_with_them() {
    let mut key = key(4);
    let answers = simulated(&[-1., 0.5, 2.5, f64::NEG_INFINITY], 60, 0.8, 3);
    let all = of(&key, &answers, 200);
    let like = all.cells.iter().map(|cell| (cell.method, cell.unit, cell.right as f64 / cell.answers as f64));
    let against = like.clone().map(|(method, unit, right)| (method, unit, 1. - right)).collect();
    let machine = |name: &str, right| Machine { name: name.to_owned(), kinship: None, right };
    key.machines = vec![machine("like", like.collect()), machine("against", against)];
    let found = of(&key, &answers, 200);
    assert!(found.machines[0].correlation.unwrap() > 0.999 && found.machines[1].correlation.unwrap() < -0.999);
}

#[test]
fn answers_are_left_out_by_the_rules_of_the_key_and_by_no_others() {
    let key = key(4);
    let header = "participant,version,trial,part,unit,method,left,right,answer,ms,sure,width,height,text\n";
    // 16 trials and 2 catches; `right` of pairs is image 2u, shown on the left in every second trial.
    let sitting = |code: &str, ms: u32, missed: usize, side: Option<&str>, trials: usize| {
        let mut text = String::new();
        for trial in 0..trials {
            let (part, unit) = if trial < 16 { ("main", trial) } else { ("catch", trial - 16) };
            let letter = if part == "main" { 'u' } else { 'c' };
            let (left, right) = if trial % 2 == 0 { (2 * unit, 2 * unit + 1) } else { (2 * unit + 1, 2 * unit) };
            let correct = if trial % 2 == 0 { "left" } else { "right" };
            let wrong = if trial % 2 == 0 { "right" } else { "left" };
            let answer = if part == "catch" && unit < missed { wrong } else { side.unwrap_or(correct) };
            let method = if part == "main" { format!("m{}", trial % 4) } else { String::new() };
            text += &format!("{code},v,{trial},{part},{letter}{unit},{method},i{left},i{right},{answer},{ms},2,9,9,\n");
        }
        text
    };
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, header.to_owned() + &text).unwrap();
        path
    };
    let all = sitting("good", 900, 1, None, 18)
        + &sitting("fast", 700, 0, None, 18)
        + &sitting("blind", 900, 2, None, 18)
        + &sitting("left", 900, 0, Some("left"), 18)
        + &sitting("gone", 900, 0, None, 17);
    let read = Answers::read(&[write("all.csv", all)], &key).unwrap();
    assert_eq!(read.people, ["good"]);
    assert!(read.answers.len() == 16 && read.answers.iter().all(|answer| answer.right));
    let why: Vec<&str> = read.excluded.iter().map(|one| one.why.as_str()).collect();
    assert_eq!(
        why,
        [
            "missed 2 of 2 catch trials",
            "median time 700 ms",
            "unfinished: 17 of 18 trials",
            "100 % of the answers on one side"
        ]
    );
    // Saved when stopped, and again when finished.
    let (part, whole) =
        (write("part.csv", sitting("a", 900, 0, None, 9)), write("whole.csv", sitting("a", 900, 0, None, 18)));
    for files in [[part.clone(), whole.clone()], [whole.clone(), part]] {
        assert_eq!(Answers::read(&files, &key).unwrap().people, ["a"]);
    }
    let other = write("other.csv", sitting("a", 901, 0, None, 18));
    let error = Answers::read(&[whole.clone(), other], &key).unwrap_err().to_string();
    assert!(error.contains("other answers of one participant, a"), "{error}");
    for (from, to, says) in [
        ("u0,m0,i0,i1", "u0,m0,i0,i3", "trial 0: i0 and i3 are no pair of u0"),
        ("u0,m0,i0,i1", "u99,m0,i0,i1", "'u99' is not in the key"),
        ("i1,left,900", "i1,up,900", "answer 'up' is neither left nor right"),
        ("i1,left,900", "i1,left,soon", "row 2 is none of a study's answers"),
        ("a,v,1,", "a,v,0,", "a trial of participant a twice"),
    ] {
        let broken = write("broken.csv", sitting("a", 900, 0, None, 18).replacen(from, to, 1));
        let error = Answers::read(&[broken], &key).unwrap_err().to_string();
        assert!(error.contains(says) && error.contains("broken.csv"), "{error}");
    }
}
