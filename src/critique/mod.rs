//! From what a visualization shows to a statement about the training pictures that was checked. Four statements are kept apart, each with a test of its
//! own, and none stands in for another: X is *shown* by visualizations, *present* in so many pictures, *relied upon* by the network, and pictures with
//! it lie in *clusters*.
//!
//! ```text
//! claim.yaml ─> registered (hash, samples, pages) ─> people label ─┬─> present   how many pictures show it, against other classes
//!                                                                  ├─> shown     visualizations among labelled pictures, against free samples
//!                                                                  ├─> relied    what is lost when it is taken away, against as large a region
//!                                                                  ├─> clusters  whether pictures with it lie together
//!                                                                  └─> outcome ─> sheet (claim.html, claim.md, claim.json)
//! ```

mod claim;
mod clusters;
mod found;
mod given;
mod masks;
mod outcome;
mod present;
mod registered;
mod relied;
mod sheet;
mod shown;

use std::path::Path;

pub use self::claim::{Claim, Expectation};
pub use self::found::Found;
pub use self::given::{Given, Regions};
pub use self::outcome::{Outcome, Statement, Verdict};
pub use self::registered::{Material, Registered, register};
pub use self::shown::foreseen;
use crate::error::Result;
use crate::models::Models;
use crate::store::Hash;

/// Tests all that a registered claim expects and writes claim.html, claim.md and claim.json into its folder. `watch` is told what is under way.
///
/// # Errors
/// Requests: labels of another sample, networks that are not there; storage, compute.
pub fn judge(
    models: &Models,
    registered: &Registered,
    material: &Material,
    given: &Given,
    out: &Path,
    watch: &dyn Fn(&str, usize, usize) -> bool,
) -> Result<Found> {
    let claim = &registered.claim;
    let counted = crate::annotate::count(&registered.sample, &given.labels)?;
    let context = outcome::Context { models, registered, material, given, counted: &counted, out, watch };
    let (mut outcomes, mut cautions, mut duplicates) = (vec![], vec![], 0);
    for expected in &claim.expect {
        outcomes.extend(match &expected.expectation {
            Expectation::Present(_) | Expectation::MoreThan(_) => present::outcomes(&context, expected)?,
            Expectation::Shown(_) => shown::outcomes(&context, expected)?,
            Expectation::Relied(_) => relied::outcomes(&context, expected)?,
            Expectation::Clusters(_) => clusters::outcomes(&context, expected, &mut duplicates)?,
        });
    }
    outcome::settle(&mut outcomes);
    cautions.extend(outcome::cautions(&context, &outcomes));
    let sha256 = Hash::of(&serde_json::to_vec(&(&registered.sha256, &given.files))?).to_string();
    let found = Found {
        sha256,
        registered: registered.sha256.clone(),
        claim: claim.clone(),
        counted,
        duplicates,
        outcomes,
        cautions,
    };
    sheet::write(&found, registered, out)?;
    Ok(found)
}
