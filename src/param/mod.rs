//! Parameterizations: trainable tensors that become pictures.

mod alpha;
mod blend;
mod colour;
mod colouring;
mod cppn;
mod embedding;
mod fourier;
mod laplacian;
mod latent;
mod levels;
mod limits;
mod maco;
mod multires;
mod parameterization;
mod photo_statistics;
mod pixel;
mod prior;
mod spectrum;

pub use alpha::{Alpha, AlphaSpec};
pub use blend::{Blend, BlendSpec, ResidualNorm};
pub use colour::Colour;
pub use colouring::rings;
pub use cppn::{Cppn, CppnSpec, MOST_LAYERS};
pub use embedding::{Embedding, EmbeddingSpec, Origin};
pub use fourier::{Fourier, FourierSpec};
pub use laplacian::{Laplacian, LaplacianSpec, MOST_LEVELS};
pub use latent::{Condition, Latent, LatentSpec, Space, Start};
pub use levels::{Levels, Resolutions};
pub use limits::{Limits, LimitsFile, Range};
pub use maco::{Maco, MacoSpec};
pub use multires::{MOST_RESOLUTIONS, Multires, MultiresSpec};
pub use parameterization::{Param, Resampling};
pub use pixel::{Bounds, GREY, Pixel, PixelSpec};
