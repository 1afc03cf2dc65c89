//! The optimizer of a method, as YAML spells it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::adam::Adam;
use super::normalized::{GradientNorm, NormalizedSgd};
use super::rule::Optimizer;
use super::sgd::Sgd;
use super::step_size::{Ramp, StepSize};
use crate::error::{Result, bail, bail_at};
use crate::evolution::{CmaEsSpec, EvolutionSpec, GeneticSpec, SphericalSpec};

/// How a method asks for an optimizer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum OptimizerSpec {
    /// Kingma & Ba 2015.
    Adam {
        /// Step size.
        lr: StepSize,
        /// Decay of the first moment.
        #[serde(default = "beta1")]
        beta1: f64,
        /// Decay of the second moment.
        #[serde(default = "beta2")]
        beta2: f64,
        /// Pull towards 0: this times the tensor is taken from the gradient.
        #[serde(default, skip_serializing_if = "is_zero")]
        weight_decay: f64,
    },
    /// Gradient ascent with momentum (Polyak 1964).
    Sgd {
        /// Step size.
        lr: StepSize,
        /// Share of the last step that goes on, 0 to less than 1.
        #[serde(default)]
        momentum: f64,
        /// Share of a gradient that does not enter the momentum.
        #[serde(default)]
        dampening: f64,
        /// Whether it looks ahead by the momentum (Nesterov); PyTorch wants a momentum and no dampening then.
        #[serde(default)]
        nesterov: bool,
        /// Pull towards 0: this times the tensor is taken from the gradient.
        #[serde(default)]
        weight_decay: f64,
    },
    /// A step of a given size, whatever the gradient's (Nguyen et al. 2016).
    NormalizedSgd {
        /// The size: by default the mean absolute change of a sample's numbers in one step.
        lr: StepSize,
        /// What of the gradient is made 1.
        #[serde(default, skip_serializing_if = "is_default")]
        norm: GradientNorm,
    },
    /// No gradients: Hansen 2016.
    CmaEs(CmaEsSpec),
    /// No gradients: Wang & Ponce 2022.
    SphericalCma(SphericalSpec),
    /// No gradients: after Ponce et al. 2019.
    Genetic(GeneticSpec),
}

// What came later is left out of a run's settings where it does nothing, so that the run is still known as the same one.

fn is_zero(value: &f64) -> bool {
    *value == 0.
}

fn is_default(norm: &GradientNorm) -> bool {
    *norm == GradientNorm::default()
}

fn beta1() -> f64 {
    0.9
}

fn beta2() -> f64 {
    0.999
}

impl OptimizerSpec {
    /// The search that asks for no gradients, if it is one.
    pub fn evolution(self) -> Option<EvolutionSpec> {
        match self {
            OptimizerSpec::CmaEs(spec) => Some(EvolutionSpec::CmaEs(spec)),
            OptimizerSpec::SphericalCma(spec) => Some(EvolutionSpec::SphericalCma(spec)),
            OptimizerSpec::Genetic(spec) => Some(EvolutionSpec::Genetic(spec)),
            _ => None,
        }
    }

    /// The optimizer of these tensors, its state that of a first step.
    ///
    /// # Errors
    /// If it is a search without gradients.
    pub fn build(self, tensors: &[Tensor]) -> Result<Box<dyn Optimizer>> {
        Ok(match self {
            OptimizerSpec::Adam { lr, beta1, beta2, weight_decay } => {
                Box::new(Adam::new(lr, beta1, beta2, weight_decay, tensors))
            }
            OptimizerSpec::Sgd { lr, momentum, dampening, nesterov, weight_decay } => {
                Box::new(Sgd::new(lr, momentum, dampening, nesterov, weight_decay, tensors))
            }
            OptimizerSpec::NormalizedSgd { lr, norm } => Box::new(NormalizedSgd::new(lr, norm)),
            OptimizerSpec::CmaEs(_) | OptimizerSpec::SphericalCma(_) | OptimizerSpec::Genetic(_) => {
                bail!("a search without gradients has no steps along them")
            }
        })
    }

    /// Refuses values that cannot work.
    ///
    /// # Errors
    /// Names the value.
    pub fn check(self) -> Result<()> {
        if let Some(evolution) = self.evolution() {
            return evolution.check();
        }
        if let OptimizerSpec::Adam { lr, .. }
        | OptimizerSpec::Sgd { lr, .. }
        | OptimizerSpec::NormalizedSgd { lr, .. } = self
        {
            let sizes = match lr {
                StepSize::Constant(size) => [size, size],
                StepSize::Linear(Ramp { from, to }) => [from, to],
            };
            if !sizes.iter().all(|size| size.is_finite()) {
                bail_at!("optimizer", "lr is a finite number");
            }
        }
        match self {
            OptimizerSpec::Adam { beta1, beta2, .. } if !((0. ..1.).contains(&beta1) && (0. ..1.).contains(&beta2)) => {
                bail_at!("optimizer.adam", "beta1 and beta2 are from 0 to less than 1")
            }
            OptimizerSpec::Sgd { dampening, .. } if !dampening.is_finite() => {
                bail_at!("optimizer.sgd.dampening", "a finite number")
            }
            OptimizerSpec::Sgd { momentum, .. } if !(0. ..1.).contains(&momentum) => {
                bail_at!("optimizer.sgd.momentum", "from 0 to less than 1")
            }
            OptimizerSpec::Sgd { nesterov: true, momentum, dampening, .. } if momentum == 0. || dampening != 0. => {
                bail_at!("optimizer.sgd.nesterov", "needs a momentum, and no dampening")
            }
            OptimizerSpec::Sgd { weight_decay, .. } | OptimizerSpec::Adam { weight_decay, .. }
                if !(weight_decay >= 0. && weight_decay.is_finite()) =>
            {
                bail_at!("optimizer", "weight_decay is not negative")
            }
            _ => Ok(()),
        }
    }
}
