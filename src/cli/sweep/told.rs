//! What is printed: what would be done, and what came of it.

use serde_json::{Value, json};

use super::command::SweepCommand;
use super::job::Preview;
use crate::cli::error::Result;
use crate::cli::exit::{FAILED, INTERRUPTED, TERMINATED};
use crate::cli::interrupt::is_terminated;
use crate::cli::logging::SAID;
use crate::cli::output::{duration, print_json, table};
use metapicture::engine::run::{Count, Estimate, Share};
use metapicture::engine::store::{Entry, Status, Store};
use metapicture::engine::sweep::PlannedSweep;

/// Writes the tables, prints what came of it, and tells the exit code.
pub(super) fn leave(
    command: &SweepCommand,
    planned: &PlannedSweep,
    store: &Store,
    devices: &[String],
    stopped: bool,
    left: usize,
    quiet: bool,
) -> Result<u8> {
    if is_terminated() {
        // There are seconds left: tables and sheets are for whoever goes on.
        log::info!(target: SAID, "terminated: what was under way is left at a checkpoint; the same command goes on");
        return Ok(TERMINATED);
    }
    let results = planned.results(store);
    let drawn = planned.write(store, devices)?;
    let count = results.count();
    if command.json {
        print_json(&json!({
            "out": planned.out(),
            "planned": planned.plan().runs().len(),
            "done": count.done,
            "failed": count.failed,
            "missing": count.missing,
        }))?;
    } else if !quiet {
        print_table(planned, store);
        let Count { done, failed, missing, .. } = count;
        println!("{done} runs are done, {failed} failed, {missing} are missing");
        let sheet = match drawn {
            0 => String::new(),
            1 => "sheet.png, ".to_owned(),
            pages => format!("sheet.png (and {} more pages), ", pages - 1),
        };
        println!("{sheet}results.csv and the records are in {}", planned.out().display());
        if drawn == 0 && done > 0 {
            println!(
                "there are too many pictures to draw unasked: metapicture sheet {} draws them",
                planned.out().display()
            );
        }
    }
    if count.failed > 0 {
        let first = planned.plan().runs().iter().filter_map(|run| store.entry(&run.id()));
        let first = first.filter(|entry| entry.status == Status::Failed).take(3);
        for entry in first {
            let error = entry.error.as_deref().unwrap_or_default();
            log::error!("{} by {}, seed {}: {error}", entry.unit, entry.method, entry.seed.0);
        }
        log::info!(target: SAID, "{} runs failed; --retry-failed tries them again", count.failed);
    }
    // What other shards have not done yet is not this one's to tell.
    let share = command.shard.unwrap_or(Share::WHOLE);
    let batches =
        planned.plan().shard(share.index, share.of).into_iter().flat_map(|number| planned.plan().batch(number));
    let mine = results.count_of(batches);
    // Among what this process has left there may be failed runs that were to be tried again.
    let left = if stopped { left.max(mine.left()) } else { mine.left() };
    if left > 0 {
        let why = if stopped { "interrupted" } else { "error" };
        let unjudged = match mine.unjudged {
            0 => String::new(),
            count => format!(", {count} of them to be judged by the witnesses"),
        };
        log::info!(target: SAID, "{why}: {left} runs are left{unjudged}; the same command goes on with them");
    }
    Ok(match (left, mine.failed) {
        (0, 0) => 0,
        (1.., _) if stopped => INTERRUPTED,
        _ => FAILED,
    })
}

/// Means by method and swept values, and by classifier and size where there are several.
pub(super) fn print_table(planned: &PlannedSweep, store: &Store) {
    let parts = planned.plan().parts();
    let several = [
        parts.iter().any(|part| part.classifier != parts[0].classifier),
        parts.iter().any(|part| part.size != parts[0].size),
    ];
    let more =
        |values: [String; 2]| values.into_iter().zip(several).filter_map(|(value, several)| several.then_some(value));
    let mut header: Vec<String> = more(["classifier".to_owned(), "size".to_owned()]).collect();
    header.extend(["method".to_owned(), "generator".to_owned()]);
    header.extend(planned.axes().iter().cloned());
    header.extend(["runs", "mean activation", "mean witness probability"].map(str::to_owned));
    let mut by_part: Vec<Vec<Entry>> = parts.iter().map(|_| vec![]).collect();
    for run in planned.plan().runs() {
        by_part[run.part as usize].extend(store.entry(&run.id()).filter(|entry| entry.status == Status::Done));
    }
    let mean = |values: Vec<f64>, decimals: usize| match values.len() {
        0 => "-".to_owned(),
        count => format!("{:.decimals$}", values.iter().sum::<f64>() / count as f64),
    };
    let mut rows = vec![];
    for (part, entries) in parts.iter().zip(&by_part) {
        let mut row: Vec<String> = more([part.classifier.clone(), part.size.to_string()]).collect();
        row.extend([part.method.name.clone(), part.generator.clone().unwrap_or_else(|| "-".to_owned())]);
        row.extend(part.values.iter().map(|value| value.as_ref().map_or_else(|| "-".to_owned(), Value::to_string)));
        row.push(entries.len().to_string());
        row.push(mean(entries.iter().filter_map(|entry| entry.activation.scored).collect(), 1));
        row.push(mean(entries.iter().filter_map(Entry::witness_probability).collect(), 3));
        rows.push(row);
    }
    rows.truncate(MOST_ROWS);
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    println!("{}", table(&header, &rows));
    say_more(planned);
}

/// Rows of a printed table: a part of the plan each.
pub(super) const MOST_ROWS: usize = 60;

/// Ends a table of the plan's parts.
pub(super) fn say_more(planned: &PlannedSweep) {
    let more = planned.plan().parts().len().saturating_sub(MOST_ROWS);
    if more > 0 {
        println!("and {more} rows more");
    }
    println!();
}

/// What of a plan is done, and by what.
pub(super) struct Planned {
    /// The part of the plan that is told, if not all of it.
    pub(super) shard: Option<Share>,
    /// Processes at once.
    pub(super) processes: usize,
    /// Whether the devices are those of another machine.
    pub(super) elsewhere: bool,
}

/// Prints what would be done.
pub(super) fn dry_run(
    planned: &PlannedSweep,
    estimate: &Estimate,
    on: &Planned,
    job: Option<&Preview>,
    json: bool,
) -> Result<u8> {
    let seconds = estimate.seconds.map(|seconds| seconds / on.processes as f64);
    if json {
        print_json(&json!({
            "out": planned.out(),
            "runs": estimate.runs,
            "there": estimate.there,
            "batches": estimate.batches,
            "seconds": seconds.map(f64::round),
            "measured_here": seconds.map(|_| !on.elsewhere),
            "shard": on.shard.map(|shard| shard.to_string()),
            "bytes": estimate.bytes.round(),
            "tasks": job.map(|job| job.tasks),
            "sbatch": job.map(|job| &job.script),
        }))?;
        return Ok(0);
    }
    let mut counts = vec![0usize; planned.plan().parts().len()];
    let share = on.shard.unwrap_or(Share::WHOLE);
    for batch in planned.plan().shard(share.index, share.of) {
        planned.plan().batch(batch).iter().for_each(|run| counts[run.part as usize] += 1);
    }
    let mut rows: Vec<Vec<String>> = vec![];
    for (part, runs) in planned.plan().parts().iter().zip(counts).filter(|(_, runs)| *runs > 0).take(MOST_ROWS) {
        let values: Vec<String> = (planned.axes().iter().zip(&part.values))
            .filter_map(|(axis, value)| Some(format!("{axis}={}", value.as_ref()?)))
            .collect();
        let generator = part.generator.clone().unwrap_or_else(|| "-".to_owned());
        let method = part.method.name.clone();
        rows.push(vec![
            part.classifier.clone(),
            generator,
            method,
            values.join(" "),
            runs.to_string(),
            part.batch.to_string(),
        ]);
    }
    println!("{}", table(&["classifier", "generator", "method", "swept", "runs", "a batch"], &rows));
    say_more(planned);
    let left = estimate.runs - estimate.there;
    let shard = on.shard.map_or_else(String::new, |shard| format!("shard {shard}: "));
    println!(
        "{shard}{} runs in {} batches, of which {} runs are there and {left} are not",
        estimate.runs, estimate.batches, estimate.there
    );
    let (bytes, out) = (indicatif::HumanBytes(estimate.bytes as u64), planned.out().display());
    let devices = if on.processes > 1 { format!(", on {} devices", on.processes) } else { String::new() };
    let on_what = if on.elsewhere { " on a CPU of this machine" } else { "" };
    match seconds {
        Some(seconds) => {
            let time = duration(seconds);
            println!("about {time} by steps measured now{on_what}{devices}, and {bytes} on the disk, in {out}");
        }
        None => println!("{bytes} on the disk, in {out}; no step was measured"),
    }
    if let Some(Preview { tasks, script }) = job {
        let of_task = seconds.map_or_else(String::new, |seconds| {
            format!(", about {} each on a machine like this one", duration(seconds / *tasks as f64))
        });
        println!("\nan array job of {tasks} tasks{of_task}; nothing is submitted\n\n{script}");
    }
    Ok(0)
}
