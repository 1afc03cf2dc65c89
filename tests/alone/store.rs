//! What the store costs this process.

use std::fs;
use std::time::{Duration, Instant};

use metapicture::store::Status;
use metapicture::store::{Sealed, Store};
use support::made_up::{record, sealed_with};

#[test]
#[ignore = "a measurement"]
fn what_the_store_costs_a_run() {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let store = Store::open(folder.path()).unwrap();
    let (mut waited, mut in_background, mut alone, mut computed) = (Duration::ZERO, Duration::ZERO, Duration::ZERO, 0);
    let rounds = 20;
    for round in 0..rounds {
        let batch = |which: u64| -> Vec<Sealed> {
            (0..8).map(|run| sealed_with(&record(round * 100 + which * 10 + run, Status::Done), 224)).collect()
        };
        let (first, second, third) = (batch(0), batch(1), batch(2));
        let (start, ticks) = (Instant::now(), processor_ticks());
        store.write_all(&first).unwrap();
        waited += start.elapsed();
        computed += processor_ticks() - ticks;
        let start = Instant::now();
        let writing = store.begin(second);
        in_background += start.elapsed();
        std::thread::sleep(Duration::from_millis(300));
        let start = Instant::now();
        writing.finish().unwrap();
        in_background += start.elapsed();
        let start = Instant::now();
        for one in third {
            store.write_all(&[one]).unwrap();
        }
        alone += start.elapsed();
    }
    let of_run = |time: Duration| time.as_secs_f64() * 1e3 / (rounds * 8) as f64;
    println!(
        "ms a run: {:.2} in a batch ({:.2} of a processor), {:.2} in the background, {:.2} one by one",
        of_run(waited),
        of_run(Duration::from_millis(computed * 10)),
        of_run(in_background),
        of_run(alone)
    );
}

/// Hundredths of a second of processors' time that this process has had.
fn processor_ticks() -> u64 {
    let text = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11..13].iter().map(|field| field.parse::<u64>().unwrap()).sum()
}
