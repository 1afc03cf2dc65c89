//! What goes on, in words: on stderr as much as is asked for, above whatever bars are there; in a file all of it.

use std::fs::OpenOptions;
use std::path::Path;
use std::time::SystemTime;

use fern::{Dispatch, FormatCallback, Output};
use log::{LevelFilter, Record};

use super::bars;
use super::error::{Context, OfRequest, Result};

/// The target of what is said to whoever asked for it, however much else is.
pub(super) const SAID: &str = "metapicture::said";

/// The crates that this program is made of; what others log is about themselves.
const OURS: [&str; 6] = ["metapicture", "zoo", "frozen", "classifiers", "generators", "metrics"];

/// Begins to log: warnings and errors on stderr, with `verbose` what goes on beside, with 2 its details; in `file`, which is appended to,
/// always all of it.
///
/// # Errors
/// A file that cannot be written.
pub(super) fn begin(verbose: u8, file: Option<&Path>) -> Result<()> {
    let shown = match verbose {
        0 => LevelFilter::Warn,
        1 => LevelFilter::Info,
        _ => LevelFilter::Debug,
    };
    let to_stderr = ours(shown)
        .level_for(SAID, LevelFilter::Info)
        .format(move |out, message, record| match verbose {
            0 if record.target() == SAID => out.finish(*message),
            0 => out.finish(format_args!("{}: {message}", level(record))),
            _ => dated(out, message, record),
        })
        .chain(Output::call(|record| bars::above(|| eprintln!("{}", record.args()))));
    let opened = file.map(|path| {
        let file = OpenOptions::new().append(true).create(true).open(path);
        file.with_context(|| format!("--log: {} cannot be written", path.display())).of_request()
    });
    let mut all = Dispatch::new().chain(to_stderr);
    let mut failed = None;
    match opened {
        Some(Ok(file)) => all = all.chain(ours(LevelFilter::Debug).format(dated).chain(file)),
        Some(Err(error)) => failed = Some(error),
        None => {}
    }
    // It is set once, before anything else: nothing can have set another.
    let _ = all.apply();
    if let Some(error) = failed {
        return Err(error);
    }
    log::info!("metapicture {} {}", env!("CARGO_PKG_VERSION"), super::call::words().join(" "));
    Ok(())
}

/// What our crates log, from this level up.
fn ours(level: LevelFilter) -> Dispatch {
    OURS.iter().fold(Dispatch::new().level(LevelFilter::Off), |dispatch, name| dispatch.level_for(*name, level))
}

fn level(record: &Record) -> &'static str {
    match record.level() {
        log::Level::Error => "error",
        log::Level::Warn => "warning",
        log::Level::Info => "info",
        log::Level::Debug | log::Level::Trace => "debug",
    }
}

/// With its time and its level.
fn dated(out: FormatCallback, message: &std::fmt::Arguments, record: &Record) {
    let now = humantime::format_rfc3339_seconds(SystemTime::now());
    out.finish(format_args!("{now} {:<7} {message}", level(record)));
}
