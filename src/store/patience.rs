//! How long somebody else's claim may stand still before it counts as given up.

use std::time::{Duration, Instant, SystemTime};

/// How often a claim is touched, and how long it may stand still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Time between two touches.
    pub beat: Duration,
    /// A claim that was not touched for so long is taken over; many times `beat`, and more than the time for which
    /// a network file system believes what it saw of a file.
    pub stale: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience { beat: Duration::from_secs(5), stale: Duration::from_secs(60) }
    }
}

/// What was seen of somebody else's claim, and when.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sighting {
    pub content: Vec<u8>,
    pub modified: Option<SystemTime>,
    pub since: Instant,
}
