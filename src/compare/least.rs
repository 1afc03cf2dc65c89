//! How much a figure asks for, below which it would say nothing and is not computed.

/// Photographs below which L2 says nothing. It is unbiased at any number; below this its spread is all there is to see.
pub const FOR_KID: usize = 20;
/// Photographs below which neighbourhoods of 5 say nothing (L3).
pub const FOR_COVERAGE: usize = 50;
/// Units with photographs of their class below which L5, and photographs of other classes below which a choice says nothing.
pub const FOR_CHOICE: usize = 10;
/// Units with two photographs of their class below which F3 says nothing.
pub const FOR_PATH: usize = 5;
/// Blocks below which their covariance (36 features) is not estimated.
pub const FOR_NIQE: usize = 72;
