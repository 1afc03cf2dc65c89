//! What every figure of a comparison means, where it comes from, and which way is better.

use super::comparison::{Direction, Group, Metric};

type Line = (&'static str, &'static str, Group, Direction, &'static str, bool, &'static str, &'static str);

use Direction::{Down, None as Neither, Up};
use Group::{Diagnostic, Fidelity, Legibility};

/// Key, name, group, direction, range, whether claims rest on it, meaning, source.
const METRICS: &[Line] = &[
    ("agreement", "L1 witness agreement", Legibility, Up, "0 to 1", true,
     "The share of witnesses, classifiers that took no part, whose first class is the unit's.",
     "transferability: MACO (Fel et al. 2023), VITAL (2025)"),
    ("witness_probability", "L1 witness probability", Legibility, Up, "0 to 1", false,
     "The mean probability that the witnesses give to the unit's class.", "as L1"),
    ("witness_logit", "L1 witness logit, centred", Legibility, Up, "any number", false,
     "The mean over witnesses of the class's logit less the mean logit: it still speaks where probabilities are 0.", "as L1"),
    ("kid", "L2 KID", Legibility, Down, "any number; 0 like the photographs", false,
     "The squared maximum mean discrepancy of a witness's features to those of the photographs, unbiased, so that it may be negative.",
     "Binkowski et al. 2018"),
    ("density", "L3 density", Legibility, Up, "0 and more; 1 like the photographs", false,
     "How many neighbourhoods of photographs (5 neighbours) each picture lies in, in a witness's features.", "Naeem et al. 2020"),
    ("coverage", "L3 coverage", Legibility, Up, "0 to 1", false,
     "The share of photographs in whose neighbourhood (5 neighbours) a picture lies, in a witness's features.", "Naeem et al. 2020"),
    ("slope", "L4 spectral slope", Diagnostic, Neither, "photographs: about 2", false,
     "Alpha of the power law f^-alpha of the luminance's spectrum, from 10 cycles a picture to the Nyquist frequency of the generator's own \
      picture.", "Tolhurst et al. 1992"),
    ("slope_distance", "L4 slope distance", Legibility, Down, "0 and more", false,
     "How far the spectrum's slope is from that of the photographs in the same band.", "Tolhurst et al. 1992"),
    ("spectral_distance", "L4 spectral distance", Legibility, Down, "0 and more", false,
     "Root mean square of ln P - ln P of the photographs over the band, contrast apart. Pictures that meet the spectrum by \
      construction (maco-2023, scrambled phases) pass it and need show nothing.", "this project, after MACO (Fel et al. 2023)"),
    ("explanation", "L5 two-choice test", Legibility, Up, "0 to 1; 0.5 is chance", false,
     "How often the picture is nearer, in a witness's features (cosine), to a photograph of its class than to one of another class.",
     "machine interpretability score, Zimmermann et al. 2024; people: Borowski et al. 2021"),
    ("niqe", "NIQE-style", Diagnostic, Down, "0 and more", false,
     "Distance of local contrast statistics (blocks of 96 pixels, pooled over a method) to those of the photographs here.",
     "Mittal et al. 2013, refitted"),
    ("variation", "total variation", Diagnostic, Neither, "0 and more", false,
     "Mean absolute difference of neighbouring pixels; flat and blurred pictures win it.", "Rudin et al. 1992"),
    ("high_frequency", "high-frequency share", Diagnostic, Neither, "0 to 1", false,
     "The share of the spectrum's power above 0.25 cycles a pixel.", "this project"),
    ("png_bits", "PNG bits a pixel", Diagnostic, Neither, "0 to 24", false, "What a lossless file takes.", "this project"),
    ("jpeg_bits", "JPEG bits a pixel", Diagnostic, Neither, "0 and more", false, "What a JPEG of quality 75 takes.", "this project"),
    ("activation", "activation", Fidelity, Up, "the unit's own scale", false,
     "The unit's activation for the saved 8-bit picture, without transforms; of classes, the logit.", "Erhan et al. 2009"),
    ("probability", "target probability", Diagnostic, Up, "0 to 1", false,
     "The probability that the target itself gives to the unit's class.", "this project"),
    ("ratio", "F1 activation ratio", Fidelity, Up, "1 like the best pixel picture", true,
     "(a - median)/(best - median): the activation between the median over photographs and the best of the baseline's pictures. Above 1 \
      the pixel search has failed.", "this project"),
    ("percentile", "F1 percentile", Fidelity, Up, "0 to 1", false,
     "The share of photographs' squares whose activation is not above the picture's.", "this project"),
    ("likeness", "F2 layer likeness", Fidelity, Up, "1 like another pixel seed, 0 like another unit", true,
     "1 - drift, averaged over layers: drift is 0 where the target's activations resemble the baseline's pictures of the unit as much as \
      these resemble each other, and 1 where they resemble them as little as another unit's (1 - Spearman). It measures likeness to \
      pixel-space results: noise scores well by construction.", "this project, after Geirhos et al. 2024"),
    ("likeness_pooled", "F2 likeness, pooled", Fidelity, Up, "as F2", false,
     "The same on activations pooled over positions.", "this project"),
    ("path", "F3 path naturalness", Fidelity, Up, "1 like photographs of the class, 0 like other photographs", false,
     "(s - s of other classes)/(s within the class - s of other classes), s the Spearman correlation with activations of photographs of the class, \
      averaged over layers. Pixel optima are off the natural path, so that it may oppose F2.", "Geirhos et al. 2024"),
    ("cka", "F4 debiased CKA", Fidelity, Up, "at most 1", false,
     "Likeness of the units' geometry to the baseline's: linear CKA of pooled activations, rows are units, averaged over layers.",
     "Kornblith et al. 2019; Nguyen et al. 2021"),
    ("energy", "F5 energy distance", Fidelity, Down, "0 to 1", false,
     "Normalised energy distance of pooled activations (a point a unit) to the baseline's, averaged over layers.",
     "Székely & Rizzo 2013"),
    ("inversion_gap", "F6 inversion gap", Fidelity, Down, "0 in the generator's range, 1 no nearer than the mean photograph", true,
     "How near the generator comes to the target's features of the baseline's pictures if its code is searched for just that; an upper \
      bound. A small gap says that the prior could express the pixel result and the search did not choose it.", "this project"),
    ("inversion_activation", "F6 activation at the nearest", Fidelity, Up, "1 like the pixel picture", false,
     "The unit's activation for that nearest picture over the activation for the pixel picture.", "this project"),
    ("divergence", "posterior divergence", Fidelity, Down, "0 to 1", false,
     "Jensen-Shannon divergence (bits) of the target's class probabilities from those of the baseline's pictures of the unit.", "Lin 1991"),
    ("jpeg_kept", "left after JPEG", Diagnostic, Up, "1 is all", false,
     "Activation after JPEG of quality 75 over the activation before: what little hands can destroy is adversarial.",
     "after Kurakin et al. 2017"),
    ("noise_kept", "left after noise", Diagnostic, Up, "1 is all", false,
     "The same under Gaussian noise of standard deviation 0.05.", "after Athalye et al. 2018"),
    ("crop_kept", "left after a crop", Diagnostic, Up, "1 is all", false,
     "The same for the central 90 % of the sides, enlarged.", "after Guo et al. 2018"),
];

/// All metrics, in the order in which they are shown.
pub fn metrics() -> Vec<Metric> {
    let metric = |&(key, name, group, direction, range, primary, meaning, source): &Line| Metric {
        key: key.to_owned(),
        name: name.to_owned(),
        group,
        meaning: meaning.to_owned(),
        direction,
        range: range.to_owned(),
        source: source.to_owned(),
        primary,
        not_computed: None,
    };
    METRICS.iter().map(metric).collect()
}
