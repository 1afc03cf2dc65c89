//! Checkpoints of a batch: when they are written, and where they are kept.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::watch::Watch;
use crate::error::{Error, ErrorKind, Result};
use crate::saved::Saved;

/// Where the checkpoints of one batch are kept.
pub trait Keeper {
    /// What identifies the batch: a hash of its run ids, and of all else that decides its bytes, such as the threads, the
    /// device and the program's version. A checkpoint of another one is ignored.
    fn batch(&self) -> &str;

    /// The last checkpoint, if there is one.
    fn load(&self) -> Option<Vec<u8>>;

    /// Whether it is time for a checkpoint. Asked after every step, 16 screened codes, or 8 candidates of a generation, so
    /// it must be quick; nothing is read back from the device unless the answer is yes.
    fn due(&self) -> bool;

    /// Replaces the last checkpoint: whole or not at all.
    ///
    /// # Errors
    /// If the bytes cannot be written. The batch goes on, and later checkpoints are tried all the same.
    fn save(&self, bytes: &[u8]) -> Result<()>;

    /// Whether the batch is to be left now that its checkpoint is written, to go on from it another time.
    fn leaves(&self) -> bool {
        false
    }
}

/// Keeps nothing.
#[derive(Clone, Copy, Debug)]
pub struct Unkept;

impl Keeper for Unkept {
    fn batch(&self) -> &str {
        ""
    }

    fn load(&self) -> Option<Vec<u8>> {
        None
    }

    fn due(&self) -> bool {
        false
    }

    fn save(&self, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

/// Keeps nothing, and leaves the batch within a step once a flag is set.
#[derive(Clone, Copy, Debug)]
pub struct UnkeptUntil<'l>(pub &'l AtomicBool);

impl Keeper for UnkeptUntil<'_> {
    fn batch(&self) -> &str {
        ""
    }

    fn load(&self) -> Option<Vec<u8>> {
        None
    }

    fn due(&self) -> bool {
        self.leaves()
    }

    fn save(&self, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn leaves(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The time between two checkpoints, so short that a batch which is killed loses a minute at most: a step comes on top.
pub const PAUSE: Duration = Duration::from_secs(45);

/// Where saving is slow, pauses are longer: this many times as long as it took.
const AS_LONG_AS_SAVING: u32 = 20;

/// Keeps a checkpoint whenever some time has gone by.
#[derive(Debug)]
pub struct Timed<'l, L, S> {
    batch: String,
    load: L,
    save: S,
    pause: Duration,
    next: Cell<Instant>,
    leave: &'l AtomicBool,
}

impl<'l, L, S> Timed<'l, L, S>
where
    L: Fn() -> Option<Vec<u8>>,
    S: Fn(&[u8]) -> Result<()>,
{
    /// For the batch that `batch` identifies, from now on every `pause`; `load` and `save` are what [`Keeper`] asks of them. Once `leave` is set, one more is
    /// written at once, and the batch is left.
    pub fn new(batch: String, pause: Duration, leave: &'l AtomicBool, load: L, save: S) -> Timed<'l, L, S> {
        Timed { batch, load, save, pause, next: Cell::new(Instant::now() + pause), leave }
    }
}

impl<L, S> Keeper for Timed<'_, L, S>
where
    L: Fn() -> Option<Vec<u8>>,
    S: Fn(&[u8]) -> Result<()>,
{
    fn batch(&self) -> &str {
        &self.batch
    }

    fn load(&self) -> Option<Vec<u8>> {
        (self.load)()
    }

    fn due(&self) -> bool {
        self.leaves() || Instant::now() >= self.next.get()
    }

    fn leaves(&self) -> bool {
        self.leave.load(Ordering::Relaxed)
    }

    fn save(&self, bytes: &[u8]) -> Result<()> {
        let start = Instant::now();
        let saved = (self.save)(bytes);
        self.next.set(Instant::now() + self.pause.max(start.elapsed() * AS_LONG_AS_SAVING));
        saved
    }
}

/// A keeper at work: what is found is read, what is due is written, and the first failure to write is told.
pub(super) struct Keeping<'k> {
    keeper: &'k dyn Keeper,
    watch: &'k dyn Watch,
    warned: Cell<bool>,
}

impl<'k> Keeping<'k> {
    pub(super) fn new(keeper: &'k dyn Keeper, watch: &'k dyn Watch) -> Keeping<'k> {
        Keeping { keeper, watch, warned: Cell::new(false) }
    }

    /// What the last checkpoint of this batch holds; nothing if there is none that can be used.
    pub(super) fn found(&self) -> Saved {
        let read = |bytes: Vec<u8>| Saved::from_bytes(&bytes, self.keeper.batch());
        self.keeper.load().and_then(read).unwrap_or_default()
    }

    /// Keeps a state if a checkpoint is due.
    ///
    /// # Errors
    /// [`ErrorKind::Left`] where the batch is left after that.
    pub(super) fn keep(&self, state: impl FnOnce() -> Saved) -> Result<()> {
        if !self.keeper.due() {
            return Ok(());
        }
        let saved = state().to_bytes(self.keeper.batch()).and_then(|bytes| self.keeper.save(&bytes));
        if let Err(error) = saved
            && !self.warned.replace(true)
        {
            self.watch.unsaved(&error);
        }
        match self.keeper.leaves() {
            true => Err(Error::new(ErrorKind::Left, "the batch was left at a checkpoint")),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_come_at_their_time_and_later_where_saving_is_slow() {
        let leave = AtomicBool::new(false);
        let keeper = Timed::new(
            "batch".to_owned(),
            Duration::from_millis(1),
            &leave,
            || None,
            |_: &[u8]| {
                std::thread::sleep(Duration::from_millis(30));
                Ok(())
            },
        );
        while !keeper.due() {}
        keeper.save(b"").unwrap();
        let since = Instant::now();
        while !keeper.due() {}
        assert!(since.elapsed() > Duration::from_millis(550), "{:?}", since.elapsed());
        let keeper = Timed::new("batch".to_owned(), PAUSE, &leave, || None, |_: &[u8]| Ok(()));
        assert!(!keeper.due());
        keeper.save(b"").unwrap();
        assert!(!keeper.due() && !keeper.leaves());
        leave.store(true, Ordering::Relaxed);
        assert!(keeper.due() && keeper.leaves());
    }
}
