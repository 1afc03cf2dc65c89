//! Many pictures, one after the other: read ahead by other threads, some together through the network, and forgotten. Memory does not grow with
//! their number.

use std::path::PathBuf;
use std::sync::mpsc::sync_channel;
use std::thread;

use classifiers::Classifier;
use frozen::network::{Pass, Point};
use tch::Tensor;

use super::judge::input;
use crate::error::{Error, Result};
use crate::picture;

/// Pictures that pass together.
const TOGETHER: usize = 16;

/// Such groups that are read ahead.
const AHEAD: usize = 2;

/// A picture that could not be read, and why.
pub type Unread = (PathBuf, Error);

/// Shows picture files to a classifier, as [`judge::input`](super::judge::input) has them, and as [`each_of`] does. Gives those that could not be read.
///
/// # Errors
/// Those of `take`.
pub fn each(
    classifier: &Classifier,
    points: &[Point],
    paths: &[PathBuf],
    take: &mut dyn FnMut(&[usize], &Pass) -> Result<()>,
) -> Result<Vec<Unread>> {
    let read = |place: usize| picture::read(&paths[place]).map(|picture| input(classifier, &picture));
    let unread = each_of(classifier, points, paths.len(), &read, take)?;
    Ok(unread.into_iter().map(|(place, error)| (paths[place].clone(), error)).collect())
}

/// Shows so many pictures to a classifier, in their order, some at a time. `read` gives one as the network takes it, `[1,C,S,S]`; `take` is given the places of those that
/// pass together and their pass, of which these points are kept. Gives the places of those that could not be read.
///
/// # Errors
/// Those of `take`.
pub fn each_of(
    classifier: &Classifier,
    points: &[Point],
    count: usize,
    read: &(dyn Fn(usize) -> Result<Tensor> + Sync),
    take: &mut dyn FnMut(&[usize], &Pass) -> Result<()>,
) -> Result<Vec<(usize, Error)>> {
    let readers = thread::available_parallelism().map_or(1, |threads| threads.get());
    let (send, receive) = sync_channel::<Vec<(usize, Result<Tensor>)>>(AHEAD);
    let mut unread = vec![];
    thread::scope(|scope| {
        scope.spawn(move || {
            for start in (0..count).step_by(TOGETHER) {
                let group: Vec<usize> = (start..(start + TOGETHER).min(count)).collect();
                let share = group.len().div_ceil(readers).max(1);
                let read = |place: &usize| {
                    let _guard = tch::no_grad_guard();
                    (*place, read(*place))
                };
                let read_all = |part: &[usize]| part.iter().map(read).collect::<Vec<_>>();
                let group: Vec<(usize, Result<Tensor>)> = thread::scope(|scope| {
                    let parts: Vec<_> = group.chunks(share).map(|part| scope.spawn(move || read_all(part))).collect();
                    let joined = parts.into_iter().map(|part| match part.join() {
                        Ok(part) => part,
                        Err(panic) => std::panic::resume_unwind(panic),
                    });
                    joined.flatten().collect()
                });
                // Whoever took them gave up.
                if send.send(group).is_err() {
                    return;
                }
            }
        });
        let _guard = tch::no_grad_guard();
        let schedule = classifier.network.schedule(points);
        for group in receive {
            let (mut places, mut inputs) = (vec![], vec![]);
            for (place, read) in group {
                match read {
                    Ok(input) => {
                        places.push(place);
                        inputs.push(input);
                    }
                    Err(error) => unread.push((place, error)),
                }
            }
            if !places.is_empty() {
                take(&places, &classifier.network.forward(&schedule, &Tensor::cat(&inputs, 0)))?;
            }
        }
        Ok::<(), Error>(())
    })?;
    Ok(unread)
}
