//! Who is told how a comparison goes on.

/// Told how a comparison goes on, one piece of work after the other: a progress bar, say.
pub trait FollowComparison {
    /// A piece of work of so many parts begins.
    fn begin(&self, what: &str, parts: usize);

    /// So many of its parts are done.
    fn at(&self, parts: usize);
}
