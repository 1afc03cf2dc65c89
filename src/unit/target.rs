//! What a photograph does to a layer: what searches go towards.

use std::path::Path;
use std::sync::Arc;

use classifiers::Classifier;
use frozen::network::Point;
use frozen::resize::to_square;
use image::RgbImage;
use tch::{Device, Kind, Tensor};

use crate::error::{Context, Result, bail};
use crate::picture::{self, from_rgb8, to_rgb8};

/// The folder of such photographs in a folder of records: `STEM#HASH.png`, the square that the classifier was shown.
pub(super) const KEPT: &str = "targets";

/// How alike the activations of a picture, a, and of a photograph, b, are in a layer `[C,H,W]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    /// `-|a - b|^2 / |b|^2`, at most 0: a picture from its representation (Mahendran & Vedaldi 2015).
    Inversion,
    /// The cosine of all activations, -1 to 1.
    Like,
    /// `a.b / |b|` times the square of the cosine, which is taken for 0.1 where it is less: what the layer sees, exaggerated (Cammarata, Olah & Satyanarayan,
    /// "Caricatures", in lucid).
    Caricature,
    /// The mean, over positions of the picture, of the highest product with a position of the photograph (Mordvintsev et al. 2015, the DeepDream
    /// notebook's guide).
    Guide,
    /// As `Inversion`, of the Gram matrices of channels: textures without places (Gatys et al. 2015).
    Style,
}

impl Likeness {
    /// All of them, as they are written in front of a layer and a photograph.
    pub const NAMES: [(&'static str, Likeness); 5] = [
        ("inversion", Likeness::Inversion),
        ("like", Likeness::Like),
        ("caricature", Likeness::Caricature),
        ("guide", Likeness::Guide),
        ("style", Likeness::Style),
    ];

    /// As it is written.
    pub fn name(self) -> &'static str {
        Likeness::NAMES.iter().find(|(_, likeness)| *likeness == self).map_or("like", |(name, _)| name)
    }

    /// That of a name.
    pub fn named(name: &str) -> Option<Likeness> {
        Likeness::NAMES.iter().find(|(known, _)| *known == name).map(|(_, likeness)| *likeness)
    }
}

/// A photograph, and what it does to a layer of a classifier.
#[derive(Clone, PartialEq)]
pub struct Target {
    /// The file's stem and content: `STEM#HASH`.
    pub name: String,
    /// Of the square's levels.
    pub sha256: String,
    /// The square that the classifier was shown, at its input size.
    pub square: Arc<RgbImage>,
    /// The activations.
    values: Arc<[f32]>,
    /// `[C,H,W]`, or `[C]`.
    shape: Vec<i64>,
}

impl Target {
    /// Of a photograph's central square in a layer. A name of a record, `STEM#HASH`, is a file that one of the folders of records has kept.
    ///
    /// # Errors
    /// A file that cannot be read, or is another one than its name says.
    pub(super) fn read(
        word: &str,
        kept: &[std::path::PathBuf],
        classifier: &Classifier,
        point: Point,
    ) -> Result<Target> {
        let of_record = kept.iter().map(|root| root.join(KEPT).join(format!("{word}.png")));
        if let Some(file) = of_record.filter(|_| word.contains('#')).find(|file| file.is_file()) {
            let kept = picture::read(&file)?;
            let (side, shown) = (i64::from(kept.width()), classifier.size);
            if side != shown {
                bail!(
                    "{}: was kept as {side} px, and {} is shown {shown}: name the photograph itself",
                    file.display(),
                    classifier.name
                );
            }
            let found = Target::of(&kept, word, classifier, point)?;
            if !found.sha256.starts_with(word.rsplit('#').next().unwrap_or_default()) {
                bail!("{}: is not the photograph that its name says", file.display());
            }
            return Ok(Target { name: word.to_owned(), ..found });
        }
        let path = Path::new(word);
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let read = picture::read(path).with_context(|| format!("'{word}' is no photograph"))?;
        Target::of(&read, &stem, classifier, point)
    }

    fn of(picture: &RgbImage, stem: &str, classifier: &Classifier, point: Point) -> Result<Target> {
        let _guard = tch::no_grad_guard();
        let network = &classifier.network;
        // In levels, so that what is kept of it is what was shown.
        let square = to_rgb8(&to_square(&from_rgb8(picture).unsqueeze(0), classifier.size).squeeze_dim(0))?;
        let shown = from_rgb8(&square).unsqueeze(0).to_device(network.device()).to_kind(network.kind());
        let input = classifier.input_pipeline([classifier.size; 2], [classifier.size; 2]).apply(&shown);
        let schedule = network.schedule(&[point]).forward_only();
        let pass = network.forward(&schedule, &input);
        let activation = pass.activation(point).get(0).to_device(Device::Cpu).to_kind(Kind::Float).contiguous();
        let values = Vec::<f32>::try_from(&activation.flatten(0, -1))?;
        if values.iter().any(|value| !value.is_finite()) || values.iter().all(|value| *value == 0.) {
            bail!("{stem}: the layer has nothing to say of it");
        }
        let sha256 = zoo::hash::sha256(square.as_raw().clone());
        let name = format!("{}#{}", plain(stem), &sha256[..8]);
        Ok(Target { name, sha256, square: Arc::new(square), values: values.into(), shape: activation.size() })
    }

    /// The activations, like those of a picture `[C,H,W]` or `[C]`: at other sizes interpolated.
    pub fn like(&self, activation: &Tensor) -> Tensor {
        let own = Tensor::from_slice(&self.values).view(&self.shape[..]);
        let own = own.to_kind(activation.kind()).to_device(activation.device());
        match activation.size()[..] {
            [_, height, width] if self.shape[1..] != [height, width] => {
                own.unsqueeze(0).upsample_bilinear2d([height, width], false, None, None).squeeze_dim(0)
            }
            _ => own,
        }
    }
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("name", &self.name).field("shape", &self.shape).finish_non_exhaustive()
    }
}

/// A file's stem without what means something in the name of a unit.
pub(super) fn plain(stem: &str) -> String {
    stem.chars().map(|c| if c.is_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect()
}
