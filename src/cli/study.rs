//! `metapicture study`: people do the two-choice task.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::output::{print_json, table};
use super::progress::{count, counting};
use crate::cli::error::{Context, OfRequest, Result, request};
use metapicture::engine::people::analysis::Figure;
use metapicture::engine::people::{Analysis, Options, analyse, export};

/// What people can tell from pictures: a page that asks them, and what their answers say.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Writes DIR/study/study.html, which needs no network and sends nothing to anybody, and DIR/study/key.json, which says which photographs are
right: give people the one and keep the other. Everybody has a code, drawn by the page or given as study.html?code=NAME; the page gives them
answers-CODE.csv. Nobody sees a unit twice, and every unit is seen with every method's pictures (a Latin square). Whose answers are left out is
fixed in the key. Whether a study may be done, and with what consent, is for you to see to.

Examples:
  metapicture study out/compared --method naive latent-natural
  metapicture study analyse out/compared/study answers-*.csv"
)]
pub struct Study {
    #[command(subcommand)]
    command: Option<Answered>,
    /// The folder that `metapicture compare` left.
    #[arg(value_name = "DIR", required = true)]
    folder: Option<PathBuf>,
    /// Where the page and its key go [default: DIR/study].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Labels or names of the methods whose pictures are judged [default: all]; natural exemplars and another unit's pictures are added.
    #[arg(long, value_name = "METHOD", num_args = 1..)]
    method: Vec<String>,
    /// Trials of a person with each method; fewer where there are too few units.
    #[arg(long, default_value_t = 8, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    per_method: u32,
    /// Trials with feedback, before the others.
    #[arg(long, default_value_t = 6, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=100))]
    practice: u32,
    /// Catch trials, in which one of the photographs is among the pictures.
    #[arg(long = "catch", default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=100))]
    catches: u32,
    /// What people read before they begin: a text file, paragraphs parted by empty lines [default: what is asked and what is kept].
    #[arg(long, value_name = "FILE")]
    consent: Option<PathBuf>,
    /// What the page is called.
    #[arg(long, default_value = "What makes it fire?", value_name = "TEXT")]
    title: String,
    /// Of units, pairs and numbers.
    #[arg(long, default_value_t = 0, value_name = "SEED")]
    seed: u64,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// What follows a study.
#[derive(Debug, Subcommand)]
pub enum Answered {
    /// What the answers say: accuracies with intervals over people and over units, tests against the baseline, agreement with machines.
    #[command(
        after_help = "Writes people.json, people.csv (a row a method and unit), descriptions.csv (shuffled, for coders) and descriptions-key.csv into STUDY.

Example:
  metapicture study analyse out/compared/study answers-*.csv"
    )]
    Analyse {
        /// The folder with key.json.
        #[arg(value_name = "STUDY")]
        folder: PathBuf,
        /// Files that the page gave people.
        #[arg(value_name = "ANSWERS", required = true)]
        answers: Vec<PathBuf>,
        /// Print people.json.
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(command: Study, quiet: bool) -> Result<u8> {
    if let Some(Answered::Analyse { folder, answers, json }) = command.command {
        let found = analyse(&folder, &answers)?;
        match (json, quiet) {
            (true, _) => print_json(&found)?,
            (false, false) => println!("{}", told(&found)),
            (false, true) => {}
        }
        return Ok(0);
    }
    let folder = command.folder.ok_or_else(|| request!("name the folder that `metapicture compare` left"))?;
    tch::set_num_threads(1);
    let read = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).of_request();
        text.with_context(|| format!("--consent: {}: cannot be read", path.display()))
    };
    let options = Options {
        methods: command.method,
        per_method: command.per_method as usize,
        practice: command.practice as usize,
        catches: command.catches as usize,
        seed: command.seed,
        consent: command.consent.as_ref().map(read).transpose()?,
        title: command.title,
    };
    let bar = counting("images", quiet || command.json);
    let watch = |done: usize, of: usize| count(&bar, done, of);
    let out = command.out.unwrap_or_else(|| folder.join("study"));
    let written = export(&folder, &out, &options, &watch);
    bar.finish_and_clear();
    let written = written?;
    if command.json {
        print_json(&written)?;
    } else if !quiet {
        println!(
            "{}: {:.1} MB; {} conditions on {} units, {} trials a person, {} of them with each condition",
            written.page.display(),
            written.bytes as f64 / 1e6,
            written.conditions,
            written.units,
            written.trials,
            written.per_method
        );
        println!("{}: which photographs are right; keep it to yourself", written.key.display());
        if written.per_method < options.per_method {
            println!(
                "note: there are units for {} trials with each condition, and {} were asked for",
                written.per_method, options.per_method
            );
        }
    }
    Ok(0)
}

/// What was found, in words and tables.
fn told(found: &Analysis) -> String {
    let interval =
        |interval: Option<[f64; 2]>| interval.map_or("-".to_owned(), |[low, high]| format!("[{low:.3}, {high:.3}]"));
    let share = |share: Option<f64>| share.map_or("-".to_owned(), |share| format!("{share:.3}"));
    let figure = |of: &Figure| [format!("{:.3}", of.value), interval(of.over_people), interval(of.over_units)];
    let mut lines = vec![format!("{} people; {} left out", found.people, found.excluded.len())];
    lines.extend(found.excluded.iter().map(|one| format!("  {}: {}", one.participant, one.why)));
    let rows: Vec<Vec<String>> = found
        .methods
        .iter()
        .map(|method| {
            let [value, people, units] = figure(&method.right);
            let (hard, easy) = (share(method.hard), share(method.easy));
            let rest =
                [format!("{:.2}", method.detectability), format!("{:.0}", method.ms), format!("{:.2}", method.sure)];
            [method.label.clone(), method.answers.to_string(), value, people, units, hard, easy]
                .into_iter()
                .chain(rest)
                .collect()
        })
        .collect();
    let header = ["METHOD", "ANSWERS", "RIGHT", "OVER PEOPLE", "OVER UNITS", "HARD", "EASY", "D'", "MS", "SURE"];
    lines.push(table(&header, &rows));
    if !found.contrasts.is_empty() {
        let p = |p: Option<f64>| p.map_or("-".to_owned(), |p| format!("{p:.4}"));
        let rows: Vec<Vec<String>> = found
            .contrasts
            .iter()
            .map(|of| {
                let [value, people, units] = figure(&of.difference);
                let same = if of.same { "within 0.05" } else { "-" };
                vec![format!("{} - {}", of.method, of.against), value, people, units, p(of.p_holm), same.to_owned()]
            })
            .collect();
        lines.push(String::new());
        lines.push(table(&["DIFFERENCE", "RIGHT", "OVER PEOPLE", "OVER UNITS", "P (HOLM)", "SAME"], &rows));
    }
    if !found.machines.is_empty() {
        let rows: Vec<Vec<String>> = found
            .machines
            .iter()
            .map(|of| vec![of.machine.clone(), of.cells.to_string(), share(of.correlation), interval(of.interval)])
            .collect();
        lines.push(String::new());
        lines.push(table(&["MACHINE", "UNITS x METHODS", "CORRELATION WITH PEOPLE", "OVER UNITS"], &rows));
        lines.extend(found.reliability.map(|r| format!("reliability of people's answers: {r:.3}")));
    }
    lines.extend(found.cautions.iter().map(|caution| format!("note: {caution}")));
    lines.join("\n")
}
