//! The command line: one file or folder a subcommand, each of which asks, calls the library, and tells.

mod annotate;
mod atlas;
mod bars;
mod bench;
mod call;
mod classify;
mod compare;
mod compute;
mod critique;
mod doctor;
mod embed;
mod error;
mod exit;
mod film;
mod generate;
mod interrupt;
mod logging;
mod map;
mod methods;
mod models;
mod output;
mod progress;
mod rank;
mod report;
mod rerun;
mod schema;
mod sheet;
mod store;
mod study;
mod sweep;
mod terminal;
mod visualize;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{CommandFactory, Parser, Subcommand};

use self::exit::{FAILED, USAGE, leave};
use self::output::one_line;
use crate::cli::error::{Error, Result};
use metapicture::engine::libtorch;

const AFTER_HELP: &str = "Example:
  metapicture visualize --classifier efficientnet-lite0 --generator face-dcgan --unit banana \\
      --method naive --method latent --witness efficientnet-lite1 --out out/banana";

/// GAN-prior feature visualization: what a unit of an image classifier looks for, and what legibility costs.
#[derive(Debug, Parser)]
#[command(name = "metapicture", version, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// No progress bars and no tables: errors and asked-for JSON only.
    #[arg(long, global = true)]
    quiet: bool,
    /// Say what goes on, with times; twice, in detail.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Appends what goes on to a file, in detail, whatever is shown.
    #[arg(long, global = true, value_name = "FILE")]
    log: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The zoo of classifiers, generators and reference pictures.
    #[command(subcommand)]
    Models(models::Models),
    /// The methods: named bundles of parameterization, optimizer and steps.
    #[command(subcommand)]
    Methods(methods::Methods),
    /// What a classifier makes of pictures.
    Classify(classify::Classify),
    /// Photographs in the order of how much they fire units.
    Rank(rank::Rank),
    /// What a layer makes of many pictures, a row of numbers each.
    Embed(embed::Embed),
    /// Embedded pictures in the plane.
    Map(map::MapCommand),
    /// How many pictures show something, as people say: a page that asks them, and what their labels say of all.
    Annotate(Box<annotate::Annotate>),
    /// A claim about the pictures of a class, checked: what is shown, present, relied upon, what lies together.
    Critique(Box<critique::Critique>),
    /// A page of a whole collection: its pictures on a map, in a grid, in time, ranked.
    Atlas(atlas::AtlasCommand),
    /// Pictures from a generator's random or given codes.
    Generate(generate::Generate),
    /// Optimize pictures for units, and lay them out on a contact sheet.
    Visualize(visualize::Visualize),
    /// Every run that an experiment file asks for and that is not there yet.
    Sweep(Box<sweep::SweepCommand>),
    /// A labelled contact sheet of a folder of records.
    Sheet(sheet::SheetCommand),
    /// Who can read pictures, what they tell of their unit, and what legibility costs.
    Compare(Box<compare::CompareCommand>),
    /// A comparison as one HTML file.
    Report(report::Report),
    /// What people can tell from pictures: a page that asks them, and what their answers say.
    Study(Box<study::Study>),
    /// Computes one run again from its record alone, and says whether it comes to the same bytes.
    Rerun(rerun::Rerun),
    /// The folders of records.
    #[command(subcommand)]
    Store(store::Stores),
    /// The speed of an optimization step, against the machine's own limit.
    Bench(bench::Bench),
    /// What this machine computes with, how fast that is, and whether it computes right.
    Doctor(doctor::Doctor),
    /// The JSON Schema of experiment files (draft 2020-12), for editors.
    Schema(schema::Schema),
    /// A completion script for a shell.
    #[command(
        after_help = "Example:\n  metapicture completions bash > ~/.local/share/bash-completion/completions/metapicture"
    )]
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// The manual page, in roff.
    #[command(after_help = "Example:\n  metapicture man | man -l -")]
    Man,
}

/// Parses the process's arguments and runs the subcommand.
pub fn main() -> ! {
    run_and_leave()
}

/// The same with these arguments, in a process that another program has started: `program` are the words that start this one again
/// in another process, to which arguments are added. Ends the process.
pub fn main_as(program: Vec<OsString>, arguments: Vec<OsString>) -> ! {
    call::set(program, arguments);
    run_and_leave()
}

/// Every subcommand with its flags and help, from which the manual's reference is written.
pub fn command() -> clap::Command {
    Cli::command()
}

fn run_and_leave() -> ! {
    let words = std::iter::once("metapicture".into()).chain(call::arguments());
    let cli = Cli::try_parse_from(with_units(words)).unwrap_or_else(|error| {
        let _ = error.print();
        leave(error.exit_code() as u8)
    });
    // What libtorch throws becomes an error of one line; a panic of our own is a bug, and is shown whole.
    let show = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let text = panic.payload().downcast_ref::<String>().map_or("", String::as_str);
        // The reader of our output has gone, as `head` does: nobody is left to tell.
        if text.starts_with("failed printing to stdout") {
            leave(0);
        }
        if libtorch::thrown(panic.payload()).is_none() {
            show(panic);
        }
    }));
    let attempt = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(cli)));
    let done = attempt.unwrap_or_else(|panic| match libtorch::thrown(&*panic) {
        Some(reason) => Err(Error::compute(format!("libtorch failed: {reason}"))),
        None => std::panic::resume_unwind(panic),
    });
    leave(match done {
        Ok(code) => code,
        Err(error) => {
            log::error!("{}", one_line(&error));
            if error.is_request() { USAGE } else { FAILED }
        }
    })
}

/// `--unit -stem:1 banana` as `--unit=-stem:1 --unit=banana`: a unit may begin with a minus, and stands where a flag could.
fn with_units(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments = arguments.peekable();
    let mut all = vec![];
    while let Some(argument) = arguments.next() {
        if argument != "--unit" {
            all.push(argument);
            continue;
        }
        let is_unit = |next: &OsString| {
            let text = next.to_string_lossy();
            !text.starts_with("--") && (!text.starts_with('-') || text.len() > 2)
        };
        let mut units = 0;
        while let Some(unit) = arguments.next_if(is_unit) {
            let mut word = OsString::from("--unit=");
            word.push(unit);
            all.push(word);
            units += 1;
        }
        if units == 0 {
            all.push(argument);
        }
    }
    all
}

fn run(cli: Cli) -> Result<u8> {
    let quiet = cli.quiet;
    logging::begin(cli.verbose, cli.log.as_deref())?;
    match cli.command {
        Command::Models(command) => models::run(command, quiet),
        Command::Methods(command) => methods::run(command),
        Command::Classify(command) => classify::run(command, quiet),
        Command::Rank(command) => rank::run(command, quiet),
        Command::Embed(command) => embed::run(command, quiet),
        Command::Map(command) => map::run(command, quiet),
        Command::Annotate(command) => annotate::run(*command, quiet),
        Command::Critique(command) => critique::run(*command, quiet),
        Command::Atlas(command) => atlas::run(command, quiet),
        Command::Generate(command) => generate::run(command, quiet),
        Command::Visualize(command) => visualize::run(command, quiet),
        Command::Sweep(command) => sweep::run(*command, quiet),
        Command::Sheet(command) => sheet::run(command, quiet),
        Command::Compare(command) => compare::run(*command, quiet),
        Command::Report(command) => report::run(command, quiet),
        Command::Study(command) => study::run(*command, quiet),
        Command::Rerun(command) => rerun::run(command, quiet),
        Command::Store(command) => store::run(command, quiet),
        Command::Bench(command) => bench::run(command, quiet),
        Command::Doctor(command) => doctor::run(command),
        Command::Schema(command) => schema::run(command),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut command(), "metapicture", &mut std::io::stdout());
            Ok(0)
        }
        Command::Man => {
            clap_mangen::Man::new(command()).render(&mut std::io::stdout())?;
            Ok(0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_may_begin_with_a_minus() {
        let words = |line: &str| -> Vec<String> {
            let words = with_units(line.split(' ').map(OsString::from)).into_iter();
            words.map(|word| word.into_string().unwrap()).collect()
        };
        assert_eq!(words("m --unit a -b:1 c --out -x"), ["m", "--unit=a", "--unit=-b:1", "--unit=c", "--out", "-x"]);
        assert_eq!(words("m --unit -v --unit"), ["m", "--unit", "-v", "--unit"]);
        let line =
            "metapicture visualize --classifier c --out o --unit -stem:1 class:2 --method naive --unit banana -v";
        let cli = Cli::try_parse_from(with_units(line.split(' ').map(OsString::from))).unwrap();
        let Command::Visualize(command) = cli.command else { panic!("another command") };
        assert_eq!(command.units, ["-stem:1", "class:2", "banana"]);
        assert_eq!(cli.verbose, 1);
    }
}
