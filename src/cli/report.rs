//! `metapicture report`: a comparison as one HTML file.

use std::path::PathBuf;

use clap::Args;

use super::output::print_json;
use crate::cli::error::{OfRequest, Result, request};
use metapicture::engine::{device, people, report};

/// A comparison as one HTML file that needs nothing else: pictures to sort and filter, the dial, plots, tables.
#[derive(Debug, Args)]
#[command(after_help = "The file loads nothing from anywhere and can be sent as it is.

Exit codes: 0 done; 1 it cannot be written, or not that small; 2 DIR holds no comparison, or STUDY is of another one.

Example:
  metapicture report out/tradeoff-compared")]
pub struct Report {
    /// The folder that `metapicture compare` left.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Where the report goes [default: DIR/report.html].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Its largest size in MB (10^6 bytes): pictures are made as small as that asks for.
    #[arg(long, default_value_t = 8., value_name = "MB")]
    max_size: f64,
    /// Leave out pictures that are photographs, or made of them: for pages that others may see. Their figures stay.
    #[arg(long)]
    no_photographs: bool,
    /// A study's folder with `people.json` (`metapicture study analyse`): what people could tell, in the figure and in a table.
    #[arg(long, value_name = "STUDY")]
    people: Option<PathBuf>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(command: Report, quiet: bool) -> Result<u8> {
    if !(command.max_size > 0. && command.max_size <= 4000.) {
        return Err(request!("--max-size: more than 0 and at most 4000")).of_request();
    }
    let mut comparison = report::read(&command.folder).of_request()?;
    if let Some(study) = &command.people {
        people::beside(study, &command.folder, &mut comparison).of_request()?;
    }
    if command.no_photographs {
        comparison.leave_out_photographs();
    }
    let out = command.out.unwrap_or_else(|| command.folder.join("report.html"));
    let most = (command.max_size * 1e6) as usize;
    let written = device::on_one_thread(|| report::write(&comparison, &command.folder, &out, most))?;
    if let Some(first) = written.missing.first() {
        log::warn!("{} pictures could not be read, the first is {}", written.missing.len(), first.display());
    }
    if command.json {
        print_json(&written)?;
    } else if !quiet {
        println!(
            "{}: {:.1} MB; {} pictures of {} and {} pixels, {} plots",
            written.report.display(),
            written.bytes as f64 / 1e6,
            written.pictures,
            written.size.large,
            written.size.small,
            written.plots
        );
    }
    Ok(0)
}
