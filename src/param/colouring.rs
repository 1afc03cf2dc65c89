//! White numbers as what is searched, coloured to codes: by a scale for each frequency, or by what codes of photographs (or a generator's
//! own codes) are like.

use generators::{CodeStatistics, Generator};
use tch::{Kind, Tensor};

use super::prior::{STATISTICS_OF, constant, draws, on_device};
use super::spectrum;
use crate::random::Seed;

/// How numbers that a search trains become codes.
#[derive(Debug)]
pub(super) enum Colouring {
    /// Spectra `[N,C,h,w/2+1,2]` times a scale `[1,1,h,w/2+1,2]`, of mean square 1 over all frequencies; the prior's mean is added to what
    /// they make.
    Smooth { scale: Tensor, mean: Tensor, size: [i64; 2] },
    /// Spectra `[N,C,h,w/2+1,2]` whose channels are mixed at each frequency as those of photographs' codes are; the mean of these is added.
    Spectra {
        /// `[h (w/2+1), C, C]`, and its adjoint.
        roots: Tensor,
        adjoint: Tensor,
        mean: Tensor,
        shells: Shells,
        size: [i64; 2],
    },
    /// Vectors `[N,d]` whose numbers are mixed as those of the generator's codes are.
    Vectors {
        /// `[d,d]`; none where codes are white themselves.
        root: Option<Tensor>,
        mean: Tensor,
    },
}

impl Colouring {
    /// Low frequencies of spatial codes scaled up: a frequency f has f^-decay.
    pub(super) fn smooth(generator: &Generator, mean: Tensor, decay: f64) -> Colouring {
        let size = size_of(generator);
        let (kind, device) = (generator.network.kind(), generator.network.device());
        let lowest = 1. / size[0].max(size[1]) as f64;
        let scale = spectrum::by_frequency(size, kind, device, |frequency| frequency.max(lowest).powf(-decay));
        let counts = spectrum::multiplicities(size, kind, device);
        let square = (scale.square() * &counts).sum(None::<Kind>) / (size[0] * size[1]) as f64;
        let scale = (scale / square.sqrt()).unsqueeze(-1).expand([-1, -1, -1, -1, 2], false).contiguous();
        Colouring::Smooth { scale, mean, size }
    }

    /// By what spatial codes of photographs are like, as the table says, and vectors by draws from the generator's own codes.
    pub(super) fn of_statistics(generator: &Generator) -> Colouring {
        let (kind, device) = (generator.network.kind(), generator.network.device());
        let Some(statistics) = generator.statistics.as_ref().filter(|_| generator.code.is_spatial()) else {
            return Colouring::of_draws(generator);
        };
        let table: &CodeStatistics = &statistics.table;
        let size = size_of(generator);
        let complex = if kind == Kind::Double { Kind::ComplexDouble } else { Kind::ComplexFloat };
        let roots = table.roots(size).expect("a table that was read has roots").flatten(0, 1);
        let adjoint = roots.conj().transpose(-2, -1).resolve_conj();
        let kept = |tensor: Tensor| tensor.contiguous().to_kind(complex).to_device(device);
        let mean: Vec<f32> = table.mean.iter().map(|mean| *mean as f32).collect();
        Colouring::Spectra {
            roots: kept(roots),
            adjoint: kept(adjoint),
            mean: on_device(generator, mean, &[1, table.channels(), 1, 1]),
            shells: Shells::new(generator),
            size,
        }
    }

    fn of_draws(generator: &Generator) -> Colouring {
        let white = generator.code.prior == generators::Prior::Normal && generator.mapping.is_none();
        if white {
            return Colouring::Vectors { root: None, mean: constant(generator, 0.) };
        }
        let starts: Vec<(Seed, u64)> = (0..STATISTICS_OF).map(|number| (Seed(0), number)).collect();
        let codes = draws(generator, &starts).flatten(1, -1).to_kind(Kind::Double);
        let mean = codes.mean_dim(0i64, true, None::<Kind>);
        let apart = &codes - &mean;
        let covariance = apart.transpose(0, 1).matmul(&apart) / (STATISTICS_OF - 1) as f64;
        // A few directions may have no spread at all.
        let ridge = covariance.diagonal(0, 0, 1).mean(None::<Kind>) * 1e-6;
        let unit = Tensor::eye(covariance.size()[0], (Kind::Double, covariance.device()));
        let root = (covariance + unit * ridge).linalg_cholesky(false);
        let kind = generator.network.kind();
        Colouring::Vectors { root: Some(root.to_kind(kind)), mean: mean.to_kind(kind) }
    }

    /// The numbers that are trained, of white noise of deviation 1: `[N,…]` of the shape of codes.
    pub(super) fn trained(&self, white: &Tensor) -> Tensor {
        match self {
            Colouring::Vectors { .. } => white.flatten(1, -1),
            _ => spectrum::of_picture(white).contiguous(),
        }
    }

    /// The numbers that are trained whose codes these are: the inverse of [`Colouring::codes`].
    pub(super) fn trained_of(&self, codes: &Tensor) -> Tensor {
        let trained = match self {
            Colouring::Smooth { scale, mean, .. } => spectrum::of_picture(&(codes - mean)) / scale,
            Colouring::Spectra { roots, mean, .. } => {
                mixed(&spectrum::of_picture(&(codes - mean)), &Tensor::linalg_inv(roots))
            }
            Colouring::Vectors { root, mean } => {
                let apart = (codes - mean).flatten(1, -1);
                match root {
                    Some(root) => Tensor::linalg_solve_triangular(root, &apart.tr(), false, true, false).tr(),
                    None => apart,
                }
            }
        };
        trained.contiguous()
    }

    /// The codes of what is trained.
    pub(super) fn codes(&self, trained: &Tensor, shape: &[i64]) -> Tensor {
        match self {
            Colouring::Smooth { scale, mean, size } => spectrum::to_picture(&(trained * scale), *size) + mean,
            Colouring::Spectra { roots, mean, size, .. } => spectrum::to_picture(&mixed(trained, roots), *size) + mean,
            Colouring::Vectors { root, mean } => {
                let codes = root.as_ref().map_or_else(|| trained.shallow_clone(), |root| trained.matmul(&root.tr()));
                let shape: Vec<i64> = std::iter::once(-1).chain(shape.iter().copied()).collect();
                (codes + mean).view(&shape[..])
            }
        }
    }

    /// The gradient with respect to what is trained, given that with respect to the codes.
    pub(super) fn pullback(&self, gradient: &Tensor) -> Tensor {
        match self {
            Colouring::Smooth { scale, .. } => spectrum::pullback(gradient) * scale,
            Colouring::Spectra { adjoint, .. } => mixed(&spectrum::pullback(gradient), adjoint),
            Colouring::Vectors { root, .. } => {
                let flat = gradient.flatten(1, -1);
                root.as_ref().map_or_else(|| flat.shallow_clone(), |root| flat.matmul(root))
            }
        }
    }

    /// The standard deviation of each trained number of white noise: `[1]` or `[1,1,h,w/2+1,2]`.
    pub(super) fn deviations(&self, generator: &Generator) -> Tensor {
        match self {
            Colouring::Smooth { size, .. } | Colouring::Spectra { size, .. } => {
                spectrum::of_white_noise(*size, generator.network.kind(), generator.network.device())
            }
            Colouring::Vectors { .. } => constant(generator, 1.),
        }
    }

    /// Only this share of a spectrum's rings of frequencies, from the lowest up (one of them at least); vectors as they are.
    pub(super) fn low(&self, spectra: &Tensor, share: f64) -> Tensor {
        match self {
            Colouring::Spectra { shells, .. } => shells.low(spectra, share),
            _ => spectra.shallow_clone(),
        }
    }

    /// Scales down, in place, what is stronger than white noise of this mean square allows: each ring of frequencies for itself, and a
    /// vector as a whole.
    pub(super) fn limit(&self, trained: &Tensor, limit: f64) {
        match self {
            Colouring::Spectra { shells, .. } => shells.limit(trained, limit),
            Colouring::Vectors { .. } => {
                let mean = trained.square().mean_dim(-1i64, true, None::<Kind>);
                let _ =
                    trained.shallow_clone().g_mul_(&(mean.clamp_min(1e-12).reciprocal() * limit).sqrt().clamp_max(1.));
            }
            Colouring::Smooth { .. } => {}
        }
    }
}

fn size_of(generator: &Generator) -> [i64; 2] {
    match generator.code.shape[..] {
        [_, height, width] => [height, width],
        _ => [1, 1],
    }
}

/// The ring of each place `[h (w/2+1)]` of a half spectrum: its spatial frequency in cycles per shorter side, rounded.
pub fn rings([height, width]: [i64; 2]) -> Vec<usize> {
    let side = height.min(width) as f64;
    spectrum::frequencies([height, width]).into_iter().map(|frequency| (frequency * side).round() as usize).collect()
}

/// Spectra `[N,C,h,w,2]` times a matrix for each frequency `[h w, C, C]`.
fn mixed(spectra: &Tensor, matrices: &Tensor) -> Tensor {
    let size = spectra.size();
    let (samples, channels, height, width) = (size[0], size[1], size[2], size[3]);
    let columns = spectra.view_as_complex().permute([2, 3, 1, 0]).reshape([height * width, channels, samples]);
    let mixed = matrices.matmul(&columns).view([height, width, channels, samples]).permute([3, 2, 0, 1]);
    mixed.contiguous().view_as_real()
}

/// Rings of frequencies of about one size, and how strong white noise is in them.
#[derive(Debug)]
pub(super) struct Shells {
    /// The ring of each frequency `[h (w/2+1)]`.
    rings: Tensor,
    /// How many coefficients of the whole spectrum each stands for, `[1,1,h,w/2+1]`.
    counts: Tensor,
    /// `[rings]`: coefficients of all channels in the whole spectrum, which is the mean sum of their squares in white noise.
    typical: Tensor,
    /// How many standard deviations of white noise two are, as a share of `typical`.
    spread: Tensor,
}

impl Shells {
    fn new(generator: &Generator) -> Shells {
        let [height, width] = size_of(generator);
        let (kind, device) = (generator.network.kind(), generator.network.device());
        let rings: Vec<i64> = rings([height, width]).into_iter().map(|ring| ring as i64).collect();
        let rings = Tensor::from_slice(&rings).to_device(device);
        let counts =
            spectrum::multiplicities([height, width], kind, device).expand([1, 1, height, -1], false).contiguous();
        let count = rings.max().int64_value(&[]) + 1;
        let typical = Tensor::zeros([count], (kind, device)).index_add(0, &rings, &counts.flatten(0, -1));
        let typical = typical * generator.code.shape[0] as f64;
        let spread = (typical.reciprocal() * 2.).sqrt() * 2.;
        Shells { rings, counts, typical, spread }
    }

    /// The mean square of each ring `[N,rings]` of spectra `[N,C,h,w/2+1,2]`: 1 of white noise.
    fn strengths(&self, spectra: &Tensor) -> Tensor {
        let energy =
            spectra.square().sum_dim_intlist([1i64, 4].as_slice(), false, None::<Kind>).unsqueeze(1) * &self.counts;
        let samples = energy.size()[0];
        let zeros = Tensor::zeros([samples, self.typical.size()[0]], (energy.kind(), energy.device()));
        zeros.index_add(1, &self.rings, &energy.view([samples, -1])) / &self.typical
    }

    fn low(&self, spectra: &Tensor, share: f64) -> Tensor {
        let highest = (share * (self.typical.size()[0] - 1) as f64).floor();
        let size = spectra.size();
        spectra * self.rings.le(highest).to_kind(spectra.kind()).view([1, 1, size[2], size[3], 1])
    }

    fn limit(&self, spectra: &Tensor, limit: f64) {
        let most = (&self.spread + 1.) * limit;
        let factors = (most / self.strengths(spectra).clamp_min(1e-12)).sqrt().clamp_max(1.);
        let size = spectra.size();
        let factors = factors.index_select(1, &self.rings).view([size[0], 1, size[2], size[3], 1]);
        let _ = spectra.shallow_clone().g_mul_(&factors);
    }
}
