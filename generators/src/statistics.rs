//! What the spatial codes of photographs are like: the mean of each channel, and the covariance of the channels at each spatial frequency.
//!
//! Photographs are alike everywhere, so that the Fourier coefficients of their codes are nearly uncorrelated between frequencies (Field
//! 1987); what is left is how the channels of one frequency go together, and that changes with its size and direction. Frequencies of about
//! one size (a ring) and direction (a sector) share a covariance. Numbers that are white, multiplied at each frequency by a root of its
//! covariance, make codes like those of photographs; the other way round codes become white.

use std::collections::HashMap;
use std::f64::consts::PI;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use tch::{Device, Kind, Tensor};

/// The tables that are built in, by the name that manifests call them: made by `generators/codes/make.py`.
pub(crate) const TABLES: &[(&str, &[u8])] = &[
    ("taef1.safetensors", include_bytes!("../codes/taef1.safetensors")),
    ("taef2.safetensors", include_bytes!("../codes/taef2.safetensors")),
    ("taesd.safetensors", include_bytes!("../codes/taesd.safetensors")),
    ("taesd3.safetensors", include_bytes!("../codes/taesd3.safetensors")),
    ("taesdxl.safetensors", include_bytes!("../codes/taesdxl.safetensors")),
];

/// Directions that are told apart: horizontal, vertical and the two diagonals. More pay little: of held-out photographs' codes (TAESD's,
/// 128 px) each number has 0.58 nats if it is white, 0.012 with rings alone, -0.024 with these, -0.040 with eight.
const SECTORS: usize = 4;

/// The same for codes of more channels than [`MANY`], whose tables would be large.
const SECTORS_OF_MANY: usize = 1;

/// Channels above which directions are not told apart.
const MANY: i64 = 16;

/// Observations for each channel that the mean over directions counts for beside those of one direction.
const PRIOR_OBSERVATIONS: f64 = 4.;

/// What is added to the diagonal of a covariance, relative to its mean: rounding must not make it indefinite.
const RIDGE: f64 = 1e-4;

/// Mean and covariances of codes `[C,h,w]`.
#[derive(Clone, Debug, PartialEq)]
pub struct CodeStatistics {
    /// Rows and columns of the codes that it was learned from; rings are 1/side cycles per place apart.
    pub side: i64,
    /// How many codes it was learned from.
    pub codes: u64,
    /// The mean of each channel.
    pub mean: Vec<f64>,
    /// Covariance of the means of codes over their places, row by row.
    of_means: Vec<f64>,
    /// Covariances `[rings, sectors, C, C]` of orthonormal Fourier coefficients, row by row: below and on the diagonal real parts, above it
    /// imaginary parts of the element below, which say all of a Hermitian matrix.
    covariances: Vec<f64>,
    /// Directions that are told apart.
    sectors: usize,
}

/// Where a frequency belongs.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    /// Cycles per place.
    frequency: f64,
    sector: usize,
    /// Whether it is the mirror image of a frequency of this sector, which has the conjugate covariance.
    mirrored: bool,
}

/// The place of the coefficient in this row and column of a half spectrum.
fn place([row, column]: [i64; 2], [height, width]: [i64; 2], sectors: usize) -> Place {
    let signed = if 2 * row > height { row - height } else { row };
    // The last column of an even width is met from both sides, as the first is: what is below is the mirror image of what is above.
    if 2 * column == width && signed < 0 {
        let above = place([-signed, column], [height, width], sectors);
        return Place { mirrored: !above.mirrored, ..above };
    }
    let (y, x) = (signed as f64 / height as f64, column as f64 / width as f64);
    let angle = y.atan2(x) / PI * sectors as f64;
    // From -sectors/2 to sectors/2, both of which are the same direction.
    let nearest = (angle + 0.5).floor();
    let sector = (nearest as i64).rem_euclid(sectors as i64) as usize;
    // Of a direction that is met from both sides, the one below is the mirror image.
    let mirrored = if sectors == 1 { column == 0 && y < 0. } else { 2. * nearest <= -(sectors as f64) };
    Place { frequency: y.hypot(x), sector, mirrored }
}

/// What is known of codes so far.
#[derive(Debug)]
pub struct Learner {
    side: i64,
    channels: i64,
    sectors: usize,
    codes: u64,
    sum: Tensor,
    squares: Tensor,
    /// By ring and sector: the sum of products `[C,C]`, and of how many.
    products: HashMap<(usize, usize), (Tensor, f64)>,
    /// The coefficients of each ring and sector, and of those that are mirror images.
    groups: Vec<((usize, usize), bool, Tensor)>,
}

impl Learner {
    /// Of codes `[C,side,side]`.
    ///
    /// # Panics
    /// Never: sides are above 0.
    pub fn new(channels: i64, side: i64) -> Learner {
        let sectors = if channels > MANY { SECTORS_OF_MANY } else { SECTORS };
        let half = side / 2 + 1;
        let mut groups: HashMap<((usize, usize), bool), Vec<i64>> = HashMap::new();
        for row in 0..side {
            for column in 0..half {
                // The mean stands apart; what is there twice counts once.
                let own_mirror = column == 0 || 2 * column == side;
                if (row, column) == (0, 0) || own_mirror && 2 * row > side {
                    continue;
                }
                let Place { frequency, sector, mirrored } = place([row, column], [side, side], sectors);
                let ring = (frequency * side as f64).round().max(1.) as usize;
                groups.entry(((ring, sector), mirrored)).or_default().push(row * half + column);
            }
        }
        let mut groups: Vec<_> =
            groups.into_iter().map(|((group, mirrored), at)| (group, mirrored, Tensor::from_slice(&at))).collect();
        groups.sort_by_key(|(group, mirrored, _)| (*group, *mirrored));
        let zeros = |shape: &[i64]| Tensor::zeros(shape, (Kind::Double, Device::Cpu));
        Learner {
            side,
            channels,
            sectors,
            codes: 0,
            sum: zeros(&[channels]),
            squares: zeros(&[channels, channels]),
            products: HashMap::new(),
            groups,
        }
    }

    /// Learns from codes `[N,C,side,side]`.
    pub fn see(&mut self, codes: &Tensor) {
        let codes = codes.to_device(Device::Cpu).to_kind(Kind::Double);
        let count = codes.size()[0];
        let means = codes.mean_dim([2i64, 3].as_slice(), false, None::<Kind>);
        self.sum += means.sum_dim_intlist(0i64, false, None::<Kind>);
        self.squares += means.transpose(0, 1).matmul(&means);
        let spectra = codes.fft_rfft2(None::<&[i64]>, [-2i64, -1], "ortho").flatten(2, 3);
        for (group, mirrored, at) in &self.groups {
            // [N n, C]
            let chosen = spectra.index_select(2, at).permute([0, 2, 1]).reshape([-1, self.channels]);
            let chosen = if *mirrored { chosen.conj() } else { chosen };
            let products = chosen.transpose(0, 1).matmul(&chosen.conj()).resolve_conj();
            let entry = self.products.entry(*group).or_insert_with(|| (products.zeros_like(), 0.));
            entry.0 = &entry.0 + products;
            entry.1 += (count * at.numel() as i64) as f64;
        }
        self.codes += count as u64;
    }

    /// What was learned.
    ///
    /// # Errors
    /// If there were too few codes to learn from.
    pub fn learned(&self) -> Result<CodeStatistics, String> {
        let channels = self.channels as usize;
        if self.codes < 2 {
            return Err(format!("{} pictures; statistics need many more", self.codes));
        }
        let count = self.codes as f64;
        let mean = &self.sum / count;
        let of_means = &self.squares / count - mean.outer(&mean);
        let rings = self.products.keys().map(|(ring, _)| *ring).max().unwrap_or_default();
        let empty = || (Tensor::zeros([self.channels; 2], (Kind::ComplexDouble, Device::Cpu)), 0.);
        let mut covariances = Vec::with_capacity(rings * self.sectors * channels * channels);
        for ring in 1..=rings {
            let of_sector: Vec<(Tensor, f64)> = (0..self.sectors)
                .map(|sector| {
                    self.products.get(&(ring, sector)).map_or_else(empty, |(sum, n)| (sum.shallow_clone(), *n))
                })
                .collect();
            let all = of_sector.iter().fold(empty(), |(sum, n), (more, of)| (sum + more, n + of));
            let together = &all.0 / all.1.max(1.);
            for (sum, n) in of_sector {
                let prior = PRIOR_OBSERVATIONS * channels as f64;
                let covariance = (sum + &together * prior) / (n + prior);
                let parts = Vec::<f64>::try_from(covariance.view_as_real().contiguous().flatten(0, -1))
                    .map_err(|error| error.to_string())?;
                for row in 0..channels {
                    for column in 0..channels {
                        let at = |row: usize, column: usize, part: usize| parts[2 * (row * channels + column) + part];
                        covariances.push(if column <= row { at(row, column, 0) } else { at(column, row, 1) });
                    }
                }
            }
        }
        let numbers = |tensor: &Tensor| Vec::<f64>::try_from(tensor.flatten(0, -1)).map_err(|error| error.to_string());
        Ok(CodeStatistics {
            side: self.side,
            codes: self.codes,
            mean: numbers(&mean)?,
            of_means: numbers(&of_means)?,
            covariances,
            sectors: self.sectors,
        })
    }
}

/// The metadata's key of how many codes a table was learned from.
const CODES: &str = "codes";
/// The metadata's key of the side of these codes.
const SIDE: &str = "side";

impl CodeStatistics {
    /// Channels of a code.
    pub fn channels(&self) -> i64 {
        self.mean.len() as i64
    }

    fn rings(&self) -> usize {
        self.covariances.len() / (self.sectors * self.mean.len() * self.mean.len())
    }

    /// As a file: safetensors with `mean` `[C]`, `of_means` `[C,C]` and `covariances` `[rings, sectors, C, C]` in f32.
    ///
    /// # Errors
    /// Never for statistics that were learned or read.
    pub fn to_bytes(&self) -> Result<Vec<u8>, String> {
        let [channels, rings] = [self.mean.len(), self.rings()];
        let bytes = |numbers: &[f64]| -> Vec<u8> { numbers.iter().flat_map(|n| (*n as f32).to_le_bytes()).collect() };
        let parts = [
            ("mean", vec![channels], bytes(&self.mean)),
            ("of_means", vec![channels; 2], bytes(&self.of_means)),
            ("covariances", vec![rings, self.sectors, channels, channels], bytes(&self.covariances)),
        ];
        let views = parts
            .iter()
            .map(|(name, shape, bytes)| Ok((*name, TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
            .collect::<Result<Vec<_>, safetensors::SafeTensorError>>();
        let about =
            HashMap::from([(CODES.to_owned(), self.codes.to_string()), (SIDE.to_owned(), self.side.to_string())]);
        views.and_then(|views| safetensors::serialize(views, Some(about))).map_err(|error| error.to_string())
    }

    /// From such a file.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn from_bytes(bytes: &[u8]) -> Result<CodeStatistics, String> {
        let wrong = |what: &str| format!("no statistics of codes: {what}");
        let file = SafeTensors::deserialize(bytes).map_err(|error| wrong(&error.to_string()))?;
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| wrong(&error.to_string()))?;
        let about = |key: &str| -> Result<i64, String> {
            let text = header.metadata().as_ref().and_then(|about| about.get(key));
            text.and_then(|text| text.parse().ok()).ok_or_else(|| wrong(&format!("its metadata lack '{key}'")))
        };
        let numbers = |name: &str, dimensions: usize| -> Result<(Vec<usize>, Vec<f64>), String> {
            let view = file.tensor(name).map_err(|error| wrong(&error.to_string()))?;
            if view.dtype() != Dtype::F32 || view.shape().len() != dimensions {
                return Err(wrong(&format!("'{name}' is {:?} {:?}", view.dtype(), view.shape())));
            }
            let numbers: Vec<f64> =
                view.data().chunks_exact(4).map(|b| f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]]))).collect();
            if numbers.iter().any(|number| !number.is_finite()) {
                return Err(wrong(&format!("'{name}' holds numbers that are not finite")));
            }
            Ok((view.shape().to_vec(), numbers))
        };
        let (shape, mean) = numbers("mean", 1)?;
        let channels = shape[0];
        let (of_means_shape, of_means) = numbers("of_means", 2)?;
        let (shape, covariances) = numbers("covariances", 4)?;
        let fits = of_means_shape == [channels; 2] && shape[2..] == [channels; 2];
        let [side, codes] = [about(SIDE)?, about(CODES)?];
        if !fits || channels == 0 || shape[0] == 0 || shape[1] == 0 || side < 1 || codes < 1 {
            return Err(wrong(&format!("its shapes {of_means_shape:?} and {shape:?} do not fit {channels} channels")));
        }
        Ok(CodeStatistics { side, codes: codes as u64, mean, of_means, covariances, sectors: shape[1] })
    }

    /// Covariances `[height, width/2+1, C, C]` of the orthonormal Fourier coefficients of codes of this size, complex, in 64 bits.
    ///
    /// Frequencies between two rings have what lies between; below the first ring a covariance goes on as it grows there.
    pub fn covariances(&self, [height, width]: [i64; 2]) -> Tensor {
        let channels = self.mean.len();
        let matrix = channels * channels;
        let (rings, side) = (self.rings(), self.side as f64);
        let stored = |ring: usize, sector: usize| {
            let at = ((ring - 1) * self.sectors + sector) * matrix;
            &self.covariances[at..at + matrix]
        };
        let power = |ring: usize| -> f64 {
            let of = (0..self.sectors)
                .map(|sector| (0..channels).map(|c| stored(ring, sector)[c * (channels + 1)]).sum::<f64>());
            of.sum::<f64>().max(f64::MIN_POSITIVE)
        };
        // Power falls as frequency^-slope at the first rings.
        let slope = if rings > 1 { (power(1) / power(2)).ln() / 2f64.ln() } else { 2. };
        let mut all: Vec<f64> = Vec::with_capacity((height * (width / 2 + 1)) as usize * matrix * 2);
        for row in 0..height {
            for column in 0..=width / 2 {
                let mut put = |element: &dyn Fn(usize, usize) -> (f64, f64)| {
                    for row in 0..channels {
                        for column in 0..channels {
                            let (real, imaginary) = element(row.max(column), row.min(column));
                            let imaginary = if column > row { -imaginary } else { imaginary };
                            all.extend([real, if row == column { 0. } else { imaginary }]);
                        }
                    }
                };
                if (row, column) == (0, 0) {
                    let places = (height * width) as f64;
                    put(&|row, column| (self.of_means[row * channels + column] * places, 0.));
                    continue;
                }
                let Place { frequency, sector, mirrored } = place([row, column], [height, width], self.sectors);
                let at = (frequency * side).clamp(f64::MIN_POSITIVE, rings as f64);
                let (below, above, share, growth) = match at < 1. {
                    true => (1, 1, 0., at.powf(-slope.max(0.))),
                    false => (at.floor() as usize, at.ceil() as usize, at.fract(), 1.),
                };
                let (below, above) = (stored(below, sector), stored(above, sector));
                // What is its own mirror image is real.
                let own_mirror = |place: i64, size: i64| place == 0 || 2 * place == size;
                let sign = match own_mirror(row, height) && own_mirror(column, width) {
                    true => 0.,
                    false if mirrored => -1.,
                    false => 1.,
                };
                put(&|row, column| {
                    let of = |at: usize| ((1. - share) * below[at] + share * above[at]) * growth;
                    // What is above the diagonal is the imaginary part of the element below.
                    (of(row * channels + column), sign * of(column * channels + row))
                });
            }
        }
        let shape = [height, width / 2 + 1, channels as i64, channels as i64, 2];
        Tensor::from_slice(&all).view(shape).view_as_complex()
    }

    /// Coefficients `[N,C,h,w/2+1]`, complex, of codes `[N,C,h,w]`, whitened: white noise of deviation 1, if the codes are like those that
    /// this was learned from. In 64 bits.
    ///
    /// # Errors
    /// If the covariances are none.
    pub fn whitened(&self, codes: &Tensor) -> Result<Tensor, String> {
        let size = codes.size();
        let (samples, channels, height, width) = (size[0], size[1], size[2], size[3]);
        let roots = self.roots([height, width])?;
        let mean = Tensor::from_slice(&self.mean).view([1, channels, 1, 1]);
        let codes = codes.to_device(Device::Cpu).to_kind(Kind::Double) - mean;
        let spectra = codes.fft_rfft2(None::<&[i64]>, [-2i64, -1], "ortho");
        let columns = spectra.permute([2, 3, 1, 0]);
        let white = roots.f_linalg_solve_triangular(&columns, false, true, false).map_err(|error| error.to_string())?;
        Ok(white.view([height, width / 2 + 1, channels, samples]).permute([3, 2, 0, 1]))
    }

    /// Roots `[height, width/2+1, C, C]`, lower triangular, of the covariances: white coefficients times these are those of photographs.
    ///
    /// # Errors
    /// If the covariances are none.
    pub fn roots(&self, size: [i64; 2]) -> Result<Tensor, String> {
        let covariances = self.covariances(size);
        let trace = covariances.real().diagonal(0, -2, -1).mean_dim(-1i64, true, None::<Kind>).unsqueeze(-1);
        let unit = Tensor::eye(self.channels(), (Kind::Double, Device::Cpu));
        let ridge = (trace.clamp_min(1e-12) * RIDGE * unit).to_kind(Kind::ComplexDouble);
        (covariances + ridge)
            .f_linalg_cholesky(false)
            .map_err(|_| "no statistics of codes: a covariance is none".to_owned())
    }
}
