//! `metapicture annotate`: people say which pictures show something.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use super::output::{print_json, table};
use super::progress::{count, counting};
use crate::cli::error::{Context, OfRequest, Result, request};
use metapicture::engine::annotate::{self, Agreed, Counted, Labels, Population, Reading, Sample, Size, Words};
use metapicture::engine::embed;

/// How many pictures show something: a page on which people label a random sample, and what their labels say of all pictures.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Writes DIR/annotate.html, which needs no network and sends nothing to anybody, and DIR/sample.json, which says what the pictures on it are: give people the one and
keep the other. A page has every reading of the concept side by side; everybody gives a name (or comes by annotate.html?code=NAME), sees the pictures in an order of their
own, and saves labels-NAME.csv, and regions-NAME.json where regions were drawn. Pictures are drawn at random without replacement, so that shares of all pictures have exact
intervals; looking at those nearest to something else gives none.

Of 1300 pictures of which 3 % are expected to show it, an interval of 2 points to either side takes 231 labels: `--precision 0.02 --expect 0.03`.

Examples:
  metapicture annotate imagenet/n03000134 --reading 'behind=Somebody is behind the fence' --precision 0.02 --expect 0.03 --out out/fences
  metapicture annotate count out/fences labels-*.csv"
)]
pub struct Annotate {
    #[command(subcommand)]
    command: Option<Labelled>,
    /// Files, folders, FILE.csv, FILE.tar, FILE.parquet, as `embed` takes them: all pictures, of which a sample is drawn.
    #[arg(value_name = "PICTURES", required = true)]
    pictures: Vec<PathBuf>,
    /// When the answer is yes, once for each way to understand the concept: a short name and the question.
    #[arg(long = "reading", value_name = "NAME=TEXT", required = true)]
    readings: Vec<String>,
    /// Pictures that are labelled [default: 200].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    sample: Option<u64>,
    /// As many as an interval of this half width takes, 0 to 1.
    #[arg(long, value_name = "SHARE", conflicts_with = "sample", requires = "expect")]
    precision: Option<f64>,
    /// The share that is expected, 0 to 1.
    #[arg(long, value_name = "SHARE", requires = "precision")]
    expect: Option<f64>,
    /// A column by whose values pictures are drawn, in proportion and two of each at least.
    #[arg(long, value_name = "COLUMN")]
    strata: Option<String>,
    /// People say in their own words what they see before they answer.
    #[arg(long)]
    text: bool,
    /// What the page is called.
    #[arg(long, default_value = "What do the pictures show?", value_name = "TEXT")]
    title: String,
    /// Of which pictures are drawn.
    #[arg(long, default_value_t = 0, value_name = "SEED")]
    seed: u64,
    /// Where it goes.
    #[arg(long, value_name = "DIR", required = true)]
    out: Option<PathBuf>,
    /// One JSON document on stdout.
    #[arg(long)]
    json: bool,
}

/// What follows.
#[derive(Debug, Subcommand)]
pub enum Labelled {
    /// What labels of the sample say of all pictures, and how far annotators agree.
    #[command(
        after_help = "A share's interval at 95 % is exact (Clopper and Pearson's, of a finite population); with strata it is that of a posterior. What is unsure, or said differently by two
people, counts as no at the lower end and as yes at the upper one.

Example:
  metapicture annotate count out/fences labels-anna.csv labels-ben.csv"
    )]
    Count {
        /// The folder with sample.json.
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// Files that the page gave people.
        #[arg(value_name = "LABELS", required = true)]
        labels: Vec<PathBuf>,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
}

/// Pictures that are labelled unasked.
const PICTURES: u64 = 200;

/// What the page says first.
const WORDS: &str = "You will see one picture after the other, and the same questions about each. Answer for what the picture shows, not for what you expect of it; where nobody could tell, say that you are unsure.";

pub(super) fn run(command: Annotate, quiet: bool) -> Result<u8> {
    if let Some(Labelled::Count { folder, labels, json }) = command.command {
        return counted(&folder, &labels, json, quiet);
    }
    let out = command.out.ok_or_else(|| request!("--out: say where it goes"))?;
    let reading = |word: &String| {
        let (name, says) = word.split_once('=').ok_or_else(|| request!("--reading '{word}': write NAME=TEXT"))?;
        Ok(Reading { name: name.trim().to_owned(), says: says.trim().to_owned() })
    };
    let readings: Vec<Reading> = command.readings.iter().map(reading).collect::<Result<_>>()?;
    let pictures = embed::sources(&command.pictures).of_request()?;
    let size = match (command.precision, command.expect) {
        (Some(precision), Some(expect)) => Size::Precision { precision, expect },
        _ => Size::Pictures(command.sample.unwrap_or(PICTURES)),
    };
    let name = command.pictures[0].display().to_string();
    let population = Population { name, pictures: &pictures, size, strata: command.strata };
    let sample = Sample::draw(&[population], &readings, command.text, command.seed).of_request()?;
    std::fs::create_dir_all(&out).with_context(|| format!("{}: cannot be made", out.display()))?;
    let page = out.join("annotate.html");
    let words = Words { title: command.title, words: WORDS.to_owned() };
    let bar = counting("pictures", quiet || command.json);
    let bytes = annotate::write(&sample, &pictures, &words, &page, &|done| count(&bar, done, sample.items.len()));
    bar.finish_and_clear();
    let bytes = bytes.of_request()?;
    sample.write(&out)?;
    if command.json {
        print_json(
            &json!({ "page": page, "bytes": bytes, "pictures": pictures.len(), "sample": sample.items.len(), "version": sample.version }),
        )?;
    } else if !quiet {
        println!(
            "{}: {:.1} MB; {} of {} pictures, {} questions of each",
            page.display(),
            bytes as f64 / 1e6,
            sample.items.len(),
            pictures.len(),
            sample.readings.len()
        );
        println!("{}: what the pictures are; keep it to yourself", out.join("sample.json").display());
    }
    Ok(0)
}

fn counted(folder: &Path, labels: &[PathBuf], json: bool, quiet: bool) -> Result<u8> {
    let sample = Sample::read(folder)?;
    let labels: Vec<Labels> = labels.iter().map(|file| Labels::read(&sample, file)).collect::<Result<_, _>>()?;
    let found = annotate::count(&sample, &labels)?;
    match (json, quiet) {
        (true, _) => print_json(&found)?,
        (false, false) => println!("{}", told(&found)),
        (false, true) => {}
    }
    Ok(0)
}

fn told(found: &Counted) -> String {
    let row = |of: &annotate::Count| {
        let [low, high] = of.interval.map(|end| format!("{:.2}", 100. * end));
        let share = format!("{:.2}", 100. * of.share);
        let counts = [of.population, of.labelled, of.yes, of.unsure].map(|count| count.to_string());
        [of.group.clone(), of.reading.clone(), of.annotator.clone()].into_iter().chain(counts).chain([share, low, high])
    };
    let rows: Vec<Vec<String>> = found.counts.iter().map(|of| row(of).collect()).collect();
    let header = ["GROUP", "READING", "BY", "PICTURES", "LABELLED", "YES", "UNSURE", "%", "FROM", "TO"];
    let mut lines = vec![table(&header, &rows)];
    if !found.agreement.is_empty() {
        let row = |of: &Agreed| {
            let number = |number: Option<f64>| number.map_or("-".to_owned(), |number| format!("{number:.2}"));
            let [first, second] = &of.annotators;
            let words = [of.reading.clone(), format!("{first}, {second}"), of.pictures.to_string()];
            words.into_iter().chain([Some(of.observed), of.kappa, of.error].map(number)).collect()
        };
        let rows: Vec<Vec<String>> = found.agreement.iter().map(row).collect();
        lines.push(String::new());
        lines.push(table(&["READING", "BETWEEN", "PICTURES", "SAME", "KAPPA", "ERROR"], &rows));
    }
    lines.join("\n")
}
