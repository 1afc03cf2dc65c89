//! How much a figure asks for, below which it would say nothing and is not computed.

/// Photographs below which KID says nothing. It is unbiased at any number; below this its spread is all there is to see.
pub const FOR_KID: usize = 20;
/// Photographs below which neighbourhoods of 5 say nothing.
pub const FOR_COVERAGE: usize = 50;
/// Photographs below which there is no choice between those that fire a unit most and ordinary ones.
pub const FOR_CHOICE: usize = 60;
/// Labelled photographs below which no temperature is fitted.
pub const FOR_TEMPERATURE: usize = 100;
/// Blocks below which their covariance (36 features) is not estimated.
pub const FOR_NIQE: usize = 72;
/// Units below which nothing is claimed.
pub const FOR_CLAIM_UNITS: usize = 30;
/// Seeds of each unit below which nothing is claimed.
pub const FOR_CLAIM_SEEDS: usize = 3;

/// Which of units and seeds are fewer than a claim asks for.
pub(super) fn lacking(units: usize, seeds: usize) -> String {
    let of = |count: usize, thing: &str, asked: usize| {
        let s = if count == 1 { "" } else { "s" };
        (count < asked).then(|| format!("{count} {thing}{s}, where {asked} are asked"))
    };
    let lacking = [of(units, "unit", FOR_CLAIM_UNITS), of(seeds, "seed", FOR_CLAIM_SEEDS)];
    lacking.into_iter().flatten().collect::<Vec<_>>().join("; ")
}
