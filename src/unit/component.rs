//! Class-wise principal components (Neuhaus et al. 2023, "Spurious Features Everywhere"): what of a class's photographs varies together and makes its logit.

use std::path::Path;

use classifiers::{Classifier, LOGITS};
use frozen::network::Point;
use frozen::resize::to_square;
use tch::{Device, Kind, Tensor};

use crate::error::{Result, bail, request};
use crate::picture::{self, from_rgb8};

/// Photographs that pass together.
const AT_ONCE: usize = 8;

/// Of a class and a folder of its photographs the k-th component, from 0, as a direction of the layer that the logits are mixed from. With w the weights of the
/// class and phi the layer, averaged over positions, the components v are the principal ones of w * phi over the photographs, and
///
/// ```text
/// alpha_k(x) = (sum of v) <v, w * phi(x) - mean> = <direction, phi(x)> - a constant
/// ```
///
/// is what the component adds to the logit. It does not depend on the sign of v.
///
/// # Errors
/// Fewer than 2 photographs or than there are components, photographs that cannot be read, a network whose logits are made in another way.
pub(super) fn direction(
    classifier: &Classifier,
    class: usize,
    number: usize,
    folder: &Path,
) -> Result<(Point, Vec<f32>)> {
    let _guard = tch::no_grad_guard();
    let network = &classifier.network;
    let logits = network.tap(LOGITS).map_or(network.output(), |tap| tap.point);
    let shape = [1, 3, classifier.size, classifier.size];
    let (point, weights) = network
        .mixture(logits, class as i64, &shape)
        .ok_or_else(|| request!("the logits of {} are no mixture of one layer's channels", classifier.name))?;
    let photographs = files(folder)?;
    if photographs.is_empty() {
        bail!("{}: there are no pictures in it", folder.display());
    }
    // As many as there are independent differences from the mean.
    if number + 1 >= photographs.len() || number >= weights.numel() {
        bail!("{}: {} photographs have no component {number}", folder.display(), photographs.len());
    }
    let schedule = network.schedule(&[point]).forward_only();
    let mut rows = vec![];
    for some in photographs.chunks(AT_ONCE) {
        let square = |path: &std::path::PathBuf| -> Result<Tensor> {
            let picture = from_rgb8(&picture::read(path)?).unsqueeze(0);
            Ok(to_square(&picture.to_device(network.device()).to_kind(network.kind()), classifier.size))
        };
        let squares = Tensor::cat(&some.iter().map(square).collect::<Result<Vec<_>>>()?, 0);
        let input = classifier.input_pipeline([classifier.size; 2], [classifier.size; 2]).apply(&squares);
        let pass = network.forward(&schedule, &input);
        rows.push(averaged(pass.activation(point)));
    }
    let direction = principal_direction(&Tensor::cat(&rows, 0), &weights, number as i64);
    let values: Vec<f64> = Vec::try_from(&direction)?;
    let largest = values.iter().fold(0f64, |largest, value| largest.max(value.abs()));
    if !largest.is_finite() || largest < 1e-9 {
        bail!("{}: the photographs differ in nothing that component {number} could be", folder.display());
    }
    // What other machines compute differs in the last places, which are no part of what the direction is known by.
    let grain = 2f64.powi(largest.log2().floor() as i32 - 12);
    Ok((point, values.iter().map(|value| ((value / grain).round() * grain) as f32).collect()))
}

/// Of features `[N,C]` of a class's photographs and the class's weights `[C]`, both f64, what features are multiplied with: `(sum of v) v * w`, `[C]`, v the
/// component of this number, from 0.
pub fn principal_direction(features: &Tensor, weights: &Tensor, number: i64) -> Tensor {
    let weighted = features * weights;
    let centred = &weighted - weighted.mean_dim([0i64].as_slice(), true, Kind::Double);
    let (_, _, components) = centred.svd(true, true);
    let component = components.select(1, number);
    &component * component.sum(Kind::Double) * weights
}

/// The mean over positions, f64 on the CPU, `[N,C]`.
fn averaged(activation: &Tensor) -> Tensor {
    let activation = activation.to_device(Device::Cpu).to_kind(Kind::Double);
    match activation.dim() {
        4 => activation.mean_dim([2i64, 3].as_slice(), false, Kind::Double),
        _ => activation.flatten(1, -1),
    }
}

/// The pictures in a folder, in the order of their names.
fn files(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let read = std::fs::read_dir(folder).map_err(|error| request!("{}: {error}", folder.display()))?;
    let is_picture = |path: &std::path::PathBuf| {
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        !hidden && path.is_file() && picture::is_picture(path)
    };
    let mut found: Vec<_> = read.filter_map(|entry| Some(entry.ok()?.path())).filter(is_picture).collect();
    found.sort();
    Ok(found)
}
