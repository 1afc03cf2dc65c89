//! The path from the prior to free pixels: x = clamp(G(z) + d, 0, 1) with a residual d of bounded size, code and residual
//! optimized together. With a bound of 0 it is the prior alone; the larger the bound, the more pixels may say that the
//! generator cannot.

use frozen::resize::Resize;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::latent::{Latent, LatentSpec};
use super::parameterization::Param;

/// How the residual is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResidualNorm {
    /// The largest absolute value is at most the bound.
    #[default]
    Linf,
    /// The root mean square is at most the bound: the Euclidean norm over the square root of the number of values, so that
    /// the bound means the same at every size.
    L2,
}

/// Settings of the param `blend`: a prior, and how far (`eps`, in the norm named) the picture may leave it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BlendSpec {
    /// The search for the code.
    pub prior: LatentSpec,
    /// The bound on the residual, in units of the picture's range `[0,1]`.
    pub eps: f64,
    /// How the residual is measured.
    #[serde(default)]
    pub norm: ResidualNorm,
}

/// A generator's pictures at the size of the classifier's input, and what is added to them.
#[derive(Debug)]
pub struct Blend<'g> {
    latent: Latent<'g>,
    /// The residual in units of its bound, `[N,3,H,W]`: one step size then serves code and residual.
    residual: Tensor,
    eps: f64,
    norm: ResidualNorm,
    enlarge: Resize,
    /// 1 where the last pictures were not clamped.
    free: Option<Tensor>,
}

impl<'g> Blend<'g> {
    /// A residual of zero on these codes.
    pub fn new(latent: Latent<'g>, spec: &BlendSpec, size: [i64; 2]) -> Blend<'g> {
        let code = latent.tensors()[0].shallow_clone();
        let (kind, device) = (code.kind(), code.device());
        let residual = Tensor::zeros([code.size()[0], 3, size[0], size[1]], (kind, device));
        let residual = frozen::network::channels_last(&residual);
        let enlarge = Resize::new(latent.size(), size, kind, device);
        Blend { latent, residual, eps: spec.eps, norm: spec.norm, enlarge, free: None }
    }

    fn trains_residual(&self) -> bool {
        self.eps > 0.
    }
}

impl Param for Blend<'_> {
    fn begin(&mut self, step: usize) {
        self.latent.begin(step);
    }

    fn held_back(&self, gradient: Tensor) -> Tensor {
        self.latent.held_back(gradient)
    }

    fn pictures(&mut self) -> Tensor {
        let pictures = self.enlarge.apply(&self.latent.pictures());
        if !self.trains_residual() {
            return pictures;
        }
        let sum = pictures + &self.residual * self.eps;
        let clamped = sum.clamp(0., 1.);
        self.free = Some(sum.eq_tensor(&clamped));
        clamped
    }

    fn pullback(&mut self, gradient: &Tensor) -> Vec<Tensor> {
        let gradient = match self.free.take() {
            Some(free) => gradient * free,
            None => gradient.shallow_clone(),
        };
        let mut gradients = self.latent.pullback(&self.enlarge.pullback(&gradient));
        if self.trains_residual() {
            gradients.push(gradient * self.eps);
        }
        gradients
    }

    fn tensors(&self) -> Vec<Tensor> {
        let residual = self.trains_residual().then(|| self.residual.shallow_clone());
        self.latent.tensors().into_iter().chain(residual).collect()
    }

    fn state(&self) -> Vec<(&'static str, Tensor)> {
        let mut state = self.latent.state();
        state.push(("residual", &self.residual * self.eps));
        state
    }

    fn project(&mut self) {
        self.latent.project();
        match self.norm {
            ResidualNorm::Linf => {
                let _ = self.residual.clamp_(-1., 1.);
            }
            ResidualNorm::L2 => {
                let rms = self.residual.square().mean_dim([1i64, 2, 3].as_slice(), true, None::<Kind>).sqrt();
                let _ = self.residual.g_div_(&rms.clamp_min(1.));
            }
        }
    }

    fn size(&self) -> [i64; 2] {
        [self.residual.size()[2], self.residual.size()[3]]
    }

    fn code(&self) -> Option<Tensor> {
        self.latent.code()
    }

    fn generated_code(&self) -> Option<Tensor> {
        self.latent.generated_code()
    }

    fn trained_direction(&self, direction: &Tensor) -> Tensor {
        self.latent.trained_direction(direction)
    }
}
