//! The part of a unit that other classifiers compute than the one whose units are visualised: all of them see the same pictures, moved alike.

use std::sync::Arc;

use classifiers::{Classifier, InputPipeline};
use frozen::network::Schedule;
use tch::Tensor;

use super::objective::Objective;
use crate::error::Result;
use crate::unit::{Reading, Unit};

/// The ways into the other classifiers.
#[derive(Debug)]
pub(super) struct Elsewhere(Vec<Other>);

#[derive(Debug)]
struct Other {
    classifier: Arc<Classifier>,
    objective: Objective,
    schedule: Schedule,
    forward_only: Schedule,
    pipeline: InputPipeline,
}

/// What a classifier made of pictures.
pub(super) struct SeenElsewhere {
    /// The parts of the activations `[N]`.
    pub activations: Tensor,
    /// The parts of what is maximised `[N]`.
    pub objectives: Tensor,
    /// What the classifier was shown, and the gradient there, if it was asked for.
    pub back: Option<(Tensor, Tensor)>,
}

impl Elsewhere {
    /// Of these units, one a row, whose pictures are `shown` in height and width.
    ///
    /// # Errors
    /// A unit that cannot be read as the method asks.
    pub(super) fn of(units: &[&Unit], reading: Reading, shown: [i64; 2]) -> Result<Elsewhere> {
        let other = |(classifier, objective): (Arc<Classifier>, Objective)| {
            let schedule = classifier.network.schedule(&objective.points());
            let pipeline = classifier.input_pipeline(shown, [classifier.size; 2]);
            Other { forward_only: schedule.clone().forward_only(), schedule, pipeline, objective, classifier }
        };
        Ok(Elsewhere(Objective::elsewhere(units, reading)?.into_iter().map(other).collect()))
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What each makes of pictures `[N,3,H,W]`.
    pub(super) fn look(&self, shown: &Tensor, with_gradient: bool) -> Vec<SeenElsewhere> {
        let of = |other: &Other| {
            let input = tch::with_grad(|| other.pipeline.apply(shown));
            let schedule = if with_gradient { &other.schedule } else { &other.forward_only };
            let pass = other.classifier.network.forward(schedule, &input);
            let evaluated = other.objective.evaluate(|point| pass.activation(point).shallow_clone());
            let back = with_gradient.then(|| (input.shallow_clone(), pass.pullback(evaluated.gradients)));
            SeenElsewhere { activations: evaluated.activations, objectives: evaluated.objectives, back }
        };
        self.0.iter().map(of).collect()
    }
}
