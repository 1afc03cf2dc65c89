//! What the command does: the plan, then this machine, its devices, or a cluster.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::command::{Engine, Measuring, SweepCommand};
use super::told::{Planned, dry_run, leave};
use super::workers::{Workers, stop_with_parent};
use super::{job, slurm};
use crate::cli::compute::Compute;
use crate::cli::error::{Context, Result, bail};
use crate::cli::exit::{INTERRUPTED, TERMINATED};
use crate::cli::interrupt::{BATCH_FIRST, is_terminated, leave_on_termination, stop_on_interrupt};
use crate::cli::progress::Steps;
use crate::cli::store::warn_of_damage;
use metapicture::engine::device;
use metapicture::engine::experiment_file::ExperimentFile;
use metapicture::engine::render::PAUSE;
use metapicture::engine::run::{Share, estimate};
use metapicture::engine::store::Store;
use metapicture::engine::sweep::{Sweep, WorkOptions};

/// Plans the experiment, and does what is missing.
pub fn run(command: SweepCommand, quiet: bool) -> Result<u8> {
    let file = ExperimentFile::load(&command.file, &command.set)?;
    let devices: Vec<String> = match (&command.device[..], &file.devices[..]) {
        ([], []) => vec!["cpu".to_owned()],
        ([], of_file) => of_file.iter().map(|device| device.value.clone()).collect(),
        (of_flag, _) => of_flag.to_vec(),
    };
    if command.engine == Engine::Slurm {
        if command.shard.is_some() {
            bail!("--shard: the engine slurm divides the plan itself; see --max-tasks");
        }
        if let [device, _, ..] = &devices[..] {
            bail!("--device: a task of the engine slurm has one, such as {device}, or --gpus N");
        }
    }
    // What is computed elsewhere is planned here.
    let threads = command.threads.or(file.threads);
    let local = command.engine == Engine::Local;
    let device = if local && (command.dry_run || devices.len() == 1) { &*devices[0] } else { "cpu" }.to_owned();
    let missing = devices.iter().find_map(|device| device::parse(device).err().map(|error| (device, error)));
    let elsewhere = missing.as_ref().is_some_and(|(device, _)| command.dry_run && device::named(device).is_some());
    if let Some((_, error)) = missing.filter(|_| local && !elsewhere) {
        return Err(error).context("--device");
    }
    // What will be computed elsewhere is planned, and its steps are measured, on what is here.
    let device = if elsewhere { "cpu".to_owned() } else { device };
    let models = Compute { device, threads }.models(quiet)?;
    let devices = if local { devices } else { job::devices(&command.slurm, &devices[0]) };
    let sweep = Sweep::of(file, command.out.clone());
    let sweep = command.batch.into_iter().fold(sweep, |sweep, batch| sweep.batch(batch.into()));
    let mut planned = sweep.plan(&models)?;
    let hidden = quiet || command.json;
    if command.dry_run {
        let out = planned.out().to_owned();
        let (plan, loader) = planned.parts();
        let steps = Steps::new(estimate::MEASURED, hidden);
        let follow = |done: usize| steps.at(done, "measuring steps");
        let follow: Option<&dyn Fn(usize)> = if command.estimate == Measuring::On { Some(&follow) } else { None };
        let estimate = estimate::estimate(plan, &out, command.shard, command.retry_failed, loader, follow)?;
        steps.finish();
        let job = if local { None } else { Some(job::preview(&command, &planned, &devices)?) };
        let processes = if local { devices.len() } else { 1 };
        let on = Planned { shard: command.shard, processes, elsewhere: elsewhere || !local };
        return dry_run(&planned, &estimate, &on, job.as_ref(), command.json);
    }
    let store = Store::open(planned.out())?;
    warn_of_damage(&store);
    let stop = stop_on_interrupt(match command.engine {
        // The process that started this one says it.
        Engine::Local if command.worker.is_some() => None,
        Engine::Local => Some(BATCH_FIRST),
        Engine::Slurm => Some("the tasks are not followed any more"),
    })?;
    let leaving = leave_on_termination(&stop)?;
    if command.worker.is_some() {
        stop_with_parent(&stop)?;
    }
    let runs = planned.plan().runs().len();
    let steps = Steps::new(runs, hidden);
    log::info!("{runs} runs in {} batches on {}", planned.plan().batch_count(), devices.join(", "));
    let options = WorkOptions {
        share: command.shard.unwrap_or(Share::WHOLE),
        begin: command.worker.unwrap_or(Share::WHOLE),
        retry_failed: command.retry_failed,
        pause: Duration::try_from_secs_f64(command.checkpoint_every).unwrap_or(PAUSE).min(Duration::from_secs(60)),
        leave: leaving,
    };
    let mut left = 0;
    match command.engine {
        Engine::Slurm => {
            planned.describe(&store, &devices)?;
            slurm::follow(&command, &planned, &store, &devices, &stop, &steps)?;
        }
        Engine::Local if devices.len() > 1 => {
            Workers::start(&command, planned.out(), &devices, threads)?.follow(
                planned.plan(),
                &store,
                &stop,
                &steps,
            )?;
        }
        Engine::Local => left = planned.work(&store, options, &stop, &steps)?.left,
    }
    steps.finish();
    store.refresh();
    warn_of_damage(&store);
    if command.worker.is_some() {
        return Ok(match (is_terminated(), stop.load(Ordering::Relaxed)) {
            (true, _) => TERMINATED,
            (_, true) => INTERRUPTED,
            _ => 0,
        });
    }
    leave(&command, &planned, &store, &devices, stop.load(Ordering::Relaxed), left, quiet)
}
