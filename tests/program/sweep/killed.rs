//! Sweeps that are killed or run out of space come to the bytes of one that was not.

use super::bench::{Bench, SHORT, assert_nothing_finished_is_set_aside, assert_same, csv, times};
use std::path::Path;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};
use support::mount::Mount;
use support::records;

/// Moments that look random and are the same every time.
struct Moments(u64);

impl Moments {
    fn within(&mut self, longest: Duration) -> Duration {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        longest.mul_f64((self.0 >> 33) as f64 / (1u64 << 31) as f64)
    }
}

/// Runs of some hundred steps, in batches, by codes and by pixels: what a cluster tells to make way for something else.
const LONGER: &str = "generator: ./faces.yaml\nunits: [banana, 'class:837']\nmethods:\n  - { preset: naive, steps: 150 }\n  - { preset: latent, steps: 60 }\n\
                      seeds: 4\nbatch: 2\n";

/// Ends sweeps by SIGTERM so many times.
fn terminate(times: usize) {
    let bench = Bench::new(LONGER);
    let expected = bench.done(&bench.out("undisturbed"), &[]);
    let start = Instant::now();
    bench.done(&bench.out("timed"), &[]);
    let (whole, mut moments) = (start.elapsed(), Moments(7));
    let (mut ended, mut stores, mut under_way) = (0, 0, 0);
    while ended < times {
        let out = bench.out(&format!("terminated-{stores}"));
        stores += 1;
        loop {
            let mut process = bench.start(&out, &[]);
            // Before it works it does not listen either, and ends as any other does.
            let works = || std::fs::read_dir(out.join("claims")).is_ok_and(|mut claims| claims.next().is_some());
            while !works() && process.try_wait().unwrap().is_none() {
                sleep(Duration::from_millis(5));
            }
            sleep(moments.within(whole / 3));
            if process.try_wait().unwrap().is_some() || ended >= times {
                process.wait().unwrap();
                break;
            }
            let told = Instant::now();
            assert!(Command::new("kill").args(["-TERM", &process.id().to_string()]).status().unwrap().success());
            let code = process.wait().unwrap().code();
            let took = told.elapsed();
            if code == Some(0) {
                break;
            }
            ended += 1;
            assert_eq!(code, Some(75), "whoever submits it again knows by this that it can go on");
            assert!(took < Duration::from_secs(10), "{took:?}");
            let left = |folder: &str| std::fs::read_dir(out.join(folder)).into_iter().flatten().flatten().count();
            assert_eq!(left("claims"), 0, "a claim is left");
            under_way += usize::from(left("checkpoints") > 0);
        }
        assert_same(&bench.done(&out, &[]), &expected);
        assert_nothing_finished_is_set_aside(&out);
    }
    println!(
        "{ended} processes were told to end, {under_way} in the middle of a batch, on {stores} stores, each of which came to the same bytes"
    );
    assert!(under_way > 0, "none was in the middle of a batch");
}

#[test]
fn a_sweep_that_must_make_way_leaves_a_checkpoint_and_no_claim_and_comes_to_the_same_bytes() {
    terminate(5);
}

#[test]
#[ignore = "takes some minutes"]
fn a_sweep_that_must_make_way_20_times_comes_to_the_same_bytes() {
    terminate(20);
}

/// Kills sweeps of 40 runs so many times, `together` processes on one store; each store is then brought to its end.
fn kill(times: usize, together: usize) {
    let bench = Bench::new(SHORT);
    let expected = bench.done(&bench.out("undisturbed"), &[]);
    assert_eq!(expected.len(), 40);
    let start = Instant::now();
    bench.done(&bench.out("timed"), &[]);
    let (whole, mut moments) = (start.elapsed(), Moments(together as u64));
    let (mut killed, mut stores) = (0, 0);
    while killed < times {
        let out = bench.out(&format!("killed-{stores}"));
        stores += 1;
        loop {
            let mut processes: Vec<Child> = (0..together).map(|_| bench.start(&out, &[])).collect();
            for process in &mut processes {
                sleep(moments.within(whole / together as u32));
                if process.try_wait().unwrap().is_none() {
                    process.kill().unwrap();
                    killed += 1;
                }
            }
            for process in &mut processes {
                process.wait().unwrap();
            }
            if records(&out).len() == 40 || killed >= times {
                break;
            }
        }
        assert_same(&bench.done(&out, &[]), &expected);
        assert_nothing_finished_is_set_aside(&out);
        let names = std::fs::read_dir(out.join("runs")).unwrap().count();
        assert_eq!(names, 40, "nothing lies aside");
        assert_eq!(csv(&out).len(), 40);
    }
    println!(
        "{killed} processes were killed, {together} at once, on {stores} stores, each of which came to the same bytes"
    );
}

#[test]
fn a_sweep_that_is_killed_again_and_again_comes_to_the_same_bytes() {
    kill(6, 1);
}

#[test]
#[ignore = "takes some minutes"]
fn a_sweep_that_is_killed_50_times_comes_to_the_same_bytes() {
    kill(50, 1);
}

#[test]
#[ignore = "takes some minutes"]
fn two_processes_on_one_store_that_are_killed_50_times_come_to_the_same_bytes() {
    kill(50, 2);
}

/// The time at which the one checkpoint was written, if there is one.
fn checkpoint(out: &Path) -> Option<std::time::SystemTime> {
    let found = std::fs::read_dir(out.join("checkpoints")).ok()?.flatten();
    let found = found.filter(|found| !found.file_name().to_string_lossy().starts_with('.'));
    found.filter_map(|found| found.metadata().ok()?.modified().ok()).next()
}

/// Kills one long run some time after each of so many checkpoints.
fn kill_between_checkpoints(steps: usize, times: usize, pause: &str, after: Duration) {
    let bench = Bench::of_lite0(&format!(
        "units: [banana]\nmethods: [{{ preset: naive, steps: {steps} }}]\nseeds: 1\nbatch: 1\n"
    ));
    let expected = bench.done(&bench.out("undisturbed"), &[]);
    let out = bench.out("killed");
    let more = ["--checkpoint-every", pause];
    let mut moments = Moments(7);
    for _ in 0..times {
        let before = checkpoint(&out);
        let mut process = bench.start(&out, &more);
        while checkpoint(&out) == before {
            assert!(process.try_wait().unwrap().is_none(), "it has ended before it was killed");
            sleep(Duration::from_millis(5));
        }
        sleep(moments.within(after));
        process.kill().unwrap();
        process.wait().unwrap();
        assert!(records(&out).is_empty(), "the run is longer than that");
    }
    assert_same(&bench.done(&out, &more), &expected);
    assert_eq!(checkpoint(&out), None, "what is done needs no checkpoint");
}

#[test]
fn a_long_run_that_is_killed_between_checkpoints_goes_on_from_there_and_comes_to_the_same_bytes() {
    kill_between_checkpoints(100, 2, "0.2", Duration::from_millis(300));
}

#[test]
#[ignore = "takes some 10 minutes"]
fn a_run_of_minutes_that_is_killed_between_checkpoints_comes_to_the_same_bytes() {
    kill_between_checkpoints(6000, 2, "45", Duration::from_secs(20));
}

#[test]
fn a_full_disk_ends_a_sweep_with_an_error_and_loses_nothing_and_it_goes_on_when_there_is_space() {
    let Some(mount) = Mount::new("size=2500k") else { return };
    let bench = Bench::of_lite0(&SHORT.replace("seeds: 20", "seeds: 8").replace("batch: 4", "batch: 2"));
    let expected = bench.done(&bench.out("undisturbed"), &[]);
    let out = mount.path().join("out");
    let (code, said) = bench.sweep(&out, &[]);
    assert_eq!(code, 1, "{said}");
    assert!(said.starts_with("error: ") && said.contains("make space and give the same command again"), "{said}");
    let before = times(&out);
    assert!(!before.is_empty() && before.len() < 16, "{}", before.len());
    mount.remount("size=64m");
    assert_same(&bench.done(&out, &[]), &expected);
    let after = times(&out);
    assert!(before.iter().all(|(id, time)| after[id] == *time), "what was finished is not done again");
}
