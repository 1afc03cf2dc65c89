//! Who is told how a comparison goes on.

use crate::error::Result;

/// Told how a comparison goes on, one piece of work after the other: a progress bar, say.
pub trait FollowComparison {
    /// A piece of work of so many parts begins.
    fn begin(&self, what: &str, parts: usize);

    /// So many of its parts are done.
    ///
    /// # Errors
    /// To leave it: the comparison ends with this error.
    fn at(&self, parts: usize) -> Result<()>;
}
