//! Work on rows, spread over threads. What becomes of a row depends on the row alone, so that their number changes nothing.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What `of` makes of each range of at most `block` places below `count`, in their order. `done` is told how many places are through, now and then.
pub(crate) fn blocks<T: Send>(
    count: usize,
    block: usize,
    of: impl Fn(Range<usize>) -> T + Sync,
    done: &(dyn Fn(usize) + Sync),
) -> Vec<T> {
    let ranges: Vec<_> = (0..count).step_by(block.max(1)).map(|from| from..(from + block).min(count)).collect();
    let (next, through) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let threads = thread::available_parallelism().map_or(1, |threads| threads.get()).min(ranges.len().max(1));
    let mut found: Vec<(usize, T)> = thread::scope(|scope| {
        let work = || {
            let mut own = vec![];
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let Some(range) = ranges.get(place) else { return own };
                own.push((place, of(range.clone())));
                done(through.fetch_add(range.len(), Ordering::Relaxed) + range.len());
            }
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let joined = workers.into_iter().map(|worker| match worker.join() {
            Ok(own) => own,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.flatten().collect()
    });
    found.sort_by_key(|(place, _)| *place);
    found.into_iter().map(|(_, of)| of).collect()
}
