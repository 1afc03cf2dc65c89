//! What a batch is made of, and what its runs come to.

use classifiers::Classifier;
use generators::Generator;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::encoder::EncoderNetwork;
use super::trace::{Row, failure, revival};
use crate::method::Method;
use crate::param::Condition;
use crate::random::Seed;
use crate::reference::StartPhotographs;
use crate::unit::{LayerShapes, Unit};

/// What a batch is made of.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Whose units are visualised.
    pub classifier: &'a Classifier,
    /// The shapes of its taps.
    pub shapes: &'a LayerShapes,
    /// The prior, for a method that searches a code.
    pub generator: Option<&'a Generator>,
    /// The condition of a conditional generator.
    pub condition: Option<Condition>,
    /// What brings the generator's pictures back to codes, for a method that encodes.
    pub encoder: Option<EncoderNetwork<'a>>,
    /// The photographs that a method starts from or holds pictures against.
    pub photographs: Option<&'a StartPhotographs>,
    /// What is done.
    pub method: &'a Method,
    /// Side of the last octave's picture, if another one than the method's is wanted. What a generator makes has its own
    /// size.
    pub size: Option<i64>,
    /// One sample for each.
    pub runs: &'a [(Unit, Seed)],
}

/// What one run came to.
#[derive(Debug)]
pub struct Rendered {
    /// `[3,H,W]` in `[0,1]`, on the CPU, f32.
    pub picture: Tensor,
    /// The tensors that make the picture again, on the CPU, f32.
    pub state: Vec<(&'static str, Tensor)>,
    /// Every step.
    pub trace: Vec<Row>,
    /// What it cost.
    pub passes: Passes,
    /// What was done for a unit that nothing moved at first, in words.
    pub revival: Option<String>,
    /// The part of a photograph that the search started from, in words.
    pub started_from: Option<String>,
    /// Why the run is worthless, if it is.
    pub failure: Option<String>,
}

/// How many passes a run took: what comparisons at equal cost count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passes {
    /// Forward passes through the classifier (and the generator); screening, other starts, views and tiles included.
    pub forward: usize,
    /// Backward passes.
    pub backward: usize,
}

/// A tensor as records keep it.
pub(super) fn on_host(tensor: Tensor) -> Tensor {
    tensor.detach().to_device(Device::Cpu).to_kind(Kind::Float)
}

/// The results of a batch, sample by sample.
pub(super) fn rendered(
    pictures: &Tensor,
    state: &[(&'static str, Tensor)],
    traces: Vec<Vec<Row>>,
    passes: Passes,
    batch: &Batch,
) -> Vec<Rendered> {
    let of = |(i, trace): (usize, Vec<Row>)| Rendered {
        revival: revival(&trace, &batch.runs[i].0, &batch.classifier.network),
        started_from: None,
        picture: pictures.get(i as i64).contiguous(),
        state: state.iter().map(|(name, tensor)| (*name, tensor.get(i as i64).contiguous())).collect(),
        failure: failure(&trace, batch.method),
        trace,
        passes,
    };
    traces.into_iter().enumerate().map(of).collect()
}
