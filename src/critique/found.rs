//! What was found of a claim, all of it.

use serde::Serialize;

use super::claim::Claim;
use super::outcome::Outcome;
use crate::annotate::Counted;

/// What was found of a claim.
#[derive(Debug, Serialize)]
pub struct Found {
    /// sha256 of what was registered and of all that people gave since: it changes where one label does.
    pub sha256: String,
    /// sha256 of what was registered beforehand.
    pub registered: String,
    /// The claim.
    pub claim: Claim,
    /// What labels say of all pictures of each class.
    pub counted: Counted,
    /// Near-duplicates among the pictures of the class: each is counted as a picture.
    pub duplicates: usize,
    /// What came of each expectation, in their order.
    pub outcomes: Vec<Outcome>,
    /// What limits all of it, a sentence each.
    pub cautions: Vec<String>,
}
