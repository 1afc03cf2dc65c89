//! What is seen and written down while runs are made.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use image::codecs::webp::WebPDecoder;
use image::{AnimationDecoder, DynamicImage};

use super::{desk, refused, run, said};

const ALL: [&str; 8] = ["visualize", "--classifier", "./narrow.yaml", "--unit", "banana", "violin", "--threads", "1"];

#[test]
fn a_film_shows_every_kth_step_and_at_last_the_picture() {
    let folder = desk();
    let at = folder.path();
    let more = ["--method", "lucid-2017", "latent", "cma-es", "--generator", "./faces.yaml", "--steps", "12"];
    let films = |out: &str, more: &[&str]| {
        let told = said(at, &[&ALL[..], &["--out", out], more].concat());
        let mut films: Vec<_> = std::fs::read_dir(at.join(out).join("films"))
            .into_iter()
            .flatten()
            .map(|film| film.unwrap().path())
            .collect();
        films.sort();
        (told, films)
    };
    let (told, found) = films("out", &[&more[..], &["--film", "4"]].concat());
    assert!(told.contains("6 films of how they were made"), "{told}");
    assert_eq!(found.len(), 6);
    for film in &found {
        let name = film.file_name().unwrap().to_str().unwrap();
        let frames = WebPDecoder::new(std::io::BufReader::new(std::fs::File::open(film).unwrap())).unwrap();
        let frames = frames.into_frames().collect_frames().unwrap();
        // The steps 0, 4, 8 and, where there is a look after the last one, 12; and what came of it. Frames that are alike are one.
        let least = if name.contains("lucid") { 4 } else { 0 };
        assert!((least..=5).contains(&frames.len()), "{name}: {}", frames.len());
        let id = name.trim_end_matches(".webp").rsplit('.').next().unwrap();
        let picture = image::open(at.join("out/runs").join(id).join("image.png")).unwrap().to_rgb8();
        let still = || image::open(film).unwrap().to_rgb8();
        let last = frames.last().map_or_else(still, |frame| DynamicImage::ImageRgba8(frame.buffer().clone()).to_rgb8());
        assert_eq!(last.dimensions(), picture.dimensions(), "{name}");
        let apart = |a: &[u8], b: &[u8]| {
            let sum: f64 = a.iter().zip(b).map(|(a, b)| f64::from(a.abs_diff(*b))).sum();
            sum / a.len() as f64
        };
        let off = apart(last.as_raw(), picture.as_raw());
        assert!(off < 12., "{name} ends {off:.1} levels beside its picture");
    }
    // Who looks changes nothing.
    said(at, &[&ALL[..], &["--out", "unseen"], &more].concat());
    let (seen, unseen) = (support::records(&at.join("out")), support::records(&at.join("unseen")));
    assert!(seen == unseen, "other bytes");
    // What is there is not made again, and has no film.
    let (told, _) = films("out", &[&more[..], &["--film"]].concat());
    assert!(told.contains("0 films of how they were made"), "{told}");
}

#[test]
fn a_log_has_times_and_levels_and_goes_on_where_it_was() {
    let folder = desk();
    let at = folder.path();
    let of = |unit: &str, more: &[&str]| {
        let words = ["visualize", "--classifier", "./narrow.yaml", "--unit", unit, "--steps", "4", "--out", "out"];
        run(at, &[&words[..], more].concat())
    };
    assert!(of("banana", &["--log", "what.log", "--quiet"]).stderr.is_empty());
    assert_eq!(of("bananx", &["--log", "what.log"]).status.code(), Some(2));
    let log = std::fs::read_to_string(at.join("what.log")).unwrap();
    for line in log.lines() {
        let (time, rest) = line.split_once(' ').unwrap();
        assert!(humantime::parse_rfc3339(time).is_ok(), "{line}");
        assert!(["info ", "error", "debug", "warni"].iter().any(|level| rest.starts_with(level)), "{line}");
    }
    assert!(log.contains("batch 0 begins: class:banana by regularized, seed 0"), "{log}");
    assert!(log.contains("batch 0 took ") && log.contains("error   unit 'bananx'"), "{log}");
    let said = String::from_utf8(of("violin", &["-v"]).stderr).unwrap();
    let first = said.lines().next().unwrap();
    assert!(first.contains("Z info    metapicture 0.1.0 visualize"), "{said}");
    let error = refused(at, &["methods", "list", "--log", "no/such/folder/x.log"]);
    assert!(error.starts_with("error: --log: no/such/folder/x.log cannot be written"), "{error}");
}

#[test]
fn pictures_are_shown_in_a_terminal_that_answers_nothing() {
    let folder = desk();
    let at = folder.path();
    let error = refused(at, &[&ALL[..], &["--out", "out", "--preview"]].concat());
    assert_eq!(error, "error: --preview shows pictures in a terminal, and stderr is none\n");
    let program = env!("CARGO_BIN_EXE_metapicture");
    let line = format!("stty cols 100 rows 40; {program} {} --steps 8 --preview --out out", ALL.join(" "));
    let mut script = Command::new("script");
    script
        .current_dir(at)
        .args(["-qec", &line, "typescript"])
        .env("TERM", "xterm-256color")
        .env("COLORTERM", "truecolor");
    let Ok(mut process) = script.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn() else {
        println!("skipped: no script(1) here, which has a terminal");
        return;
    };
    let start = Instant::now();
    while process.try_wait().unwrap().is_none() {
        assert!(start.elapsed() < Duration::from_secs(120), "it waits for an answer");
        std::thread::sleep(Duration::from_millis(50));
    }
    let shown = String::from_utf8_lossy(&std::fs::read(at.join("typescript")).unwrap()).into_owned();
    // Fourteen rows of half blocks in colours, and the next ones in their place.
    assert!(shown.matches('▄').count() >= 2 * 14 * 28 && shown.contains("\x1b[38;2;"), "{shown}");
    assert!(shown.contains("\x1b[14A"), "{shown}");
}
