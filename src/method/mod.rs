//! Methods: a named bundle of parameterization, optimizer, regularizers, filters and steps, written in YAML.

mod check;
mod presets;

use std::fmt;
use std::path::Path;

use crate::error::{Context, Result, request};
use generators::{Generator, Prior};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zoo::suggest::hint;
use zoo::yaml;

use self::presets::PRESETS;
use crate::filter::FilterSpec;
use crate::optimizer::OptimizerSpec;
use crate::param::{
    AlphaSpec, BlendSpec, CppnSpec, EmbeddingSpec, FourierSpec, LaplacianSpec, LatentSpec, MacoSpec, MultiresSpec,
    PixelSpec, Resampling, Space,
};
use crate::regularizer::RegularizerSpec;
use crate::transform::TransformSpec;
use crate::unit::Reading;

/// Which parameterization a method optimizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ParamSpec {
    /// The picture's own pixels.
    Pixel(PixelSpec),
    /// Its Fourier spectrum.
    Fourier(FourierSpec),
    /// Its Laplacian pyramid.
    Laplacian(LaplacianSpec),
    /// A sum of pictures at many resolutions.
    Multires(MultiresSpec),
    /// The weights of a small network from coordinates to colours.
    Cppn(CppnSpec),
    /// Its spectrum, and that of how opaque it is.
    Alpha(AlphaSpec),
    /// The phases of its spectrum, whose magnitudes are fixed.
    Maco(MacoSpec),
    /// A generator's code.
    Latent(LatentSpec),
    /// A conditional generator's class embedding.
    Embedding(EmbeddingSpec),
    /// A generator's code and a bounded residual on its picture.
    Blend(BlendSpec),
}

impl fmt::Display for ParamSpec {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            ParamSpec::Pixel(_) => f.write_str("pixels"),
            ParamSpec::Fourier(_) => f.write_str("spectra of pictures"),
            ParamSpec::Laplacian(_) => f.write_str("Laplacian pyramids of pictures"),
            ParamSpec::Multires(_) => f.write_str("sums of pictures at many resolutions"),
            ParamSpec::Cppn(_) => f.write_str("networks from coordinates to colours"),
            ParamSpec::Alpha(_) => f.write_str("spectra of pictures and of their opacity"),
            ParamSpec::Maco(_) => f.write_str("phases of pictures whose magnitudes are those of photographs"),
            ParamSpec::Latent(spec) => spec.space.fmt(f),
            ParamSpec::Embedding(_) => f.write_str("class embeddings, over codes from the prior"),
            ParamSpec::Blend(spec) => {
                write!(f, "{}, and a residual of pixels of at most {}", spec.prior.space, spec.eps)
            }
        }
    }
}

impl ParamSpec {
    /// As YAML spells it.
    fn name(&self) -> &'static str {
        match self {
            ParamSpec::Pixel(_) => "pixel",
            ParamSpec::Fourier(_) => "fourier",
            ParamSpec::Laplacian(_) => "laplacian",
            ParamSpec::Multires(_) => "multires",
            ParamSpec::Cppn(_) => "cppn",
            ParamSpec::Alpha(_) => "alpha",
            ParamSpec::Maco(_) => "maco",
            ParamSpec::Latent(LatentSpec { space: Space::Fourier { .. }, .. }) => "latent (space fourier)",
            ParamSpec::Latent(LatentSpec { space: Space::Statistics { .. }, .. }) => "latent (space statistics)",
            ParamSpec::Latent(_) => "latent",
            ParamSpec::Embedding(_) => "embedding",
            ParamSpec::Blend(_) => "blend",
        }
    }

    /// Pictures of each sample that a step looks at.
    pub fn copies(&self) -> usize {
        match self {
            ParamSpec::Embedding(spec) => spec.codes,
            _ => 1,
        }
    }

    /// The search for a code, where there is one.
    pub fn latent(&self) -> Option<&LatentSpec> {
        match self {
            ParamSpec::Latent(spec) => Some(spec),
            ParamSpec::Blend(spec) => Some(&spec.prior),
            _ => None,
        }
    }
}

/// Which picture of a run is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// The one after the last step.
    #[default]
    Last,
    /// The one with the highest activation (of the last octave).
    Best,
}

/// Several resolutions, from small to large (Mordvintsev et al. 2015): each starts from the picture of the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Octaves {
    /// How many.
    pub count: usize,
    /// Ratio of the sides of one and the one before it.
    pub factor: f64,
    /// How the picture is enlarged.
    #[serde(default)]
    pub resampling: Resampling,
}

impl Default for Octaves {
    fn default() -> Self {
        Octaves { count: 1, factor: 1., resampling: Resampling::Linear }
    }
}

impl Octaves {
    /// The side of the picture in each octave. Without a given last one, the first is the classifier's own input size.
    pub fn sides(self, classifier: i64, last: Option<i64>) -> Vec<i64> {
        let power = |exponent: usize| self.factor.powi(exponent as i32);
        let side = |octave: usize| match last {
            Some(last) => last as f64 / power(self.count - 1 - octave),
            None => classifier as f64 * power(octave),
        };
        (0..self.count).map(|octave| (side(octave) + 1e-9).floor().max(1.) as i64).collect()
    }
}

/// How a picture enters the classifier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// Resized to the classifier's own input size.
    #[default]
    Fit,
    /// At its own size: the network slides over it (fully convolutional networks, or such as pool before they connect
    /// fully). Memory grows with the picture's area.
    Full,
    /// Its middle alone, of the classifier's own input size, at its own size; one that is smaller is resized.
    Middle,
    /// In tiles of the classifier's own input size, one after the other, on a grid that is shifted at random in each step.
    /// Memory is that of a few tiles.
    Tiles,
}

/// A method: what is optimized, by which rule, and what keeps the picture natural.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Method {
    /// Its name.
    pub name: String,
    /// What it does, in a line.
    #[serde(default)]
    pub summary: String,
    /// Whose it is, and where it departs from the source.
    #[serde(default)]
    pub source: String,
    /// What is optimized.
    pub param: ParamSpec,
    /// How.
    pub optimizer: OptimizerSpec,
    /// How plain activations of the unit are read.
    #[serde(default)]
    pub objective: Reading,
    /// Photographs that the pictures start from, instead of noise: a set of the zoo, a folder, or a file. Each seed takes another one, in
    /// the order of their names; its central square. Searches of codes start from random squares of them (`param.latent.from`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Random changes between picture and classifier in each step.
    #[serde(default)]
    pub transforms: Vec<TransformSpec>,
    /// Differently transformed copies that each step looks at.
    #[serde(default = "one")]
    pub views: usize,
    /// Penalties on the loss.
    #[serde(default)]
    pub regularizers: Vec<RegularizerSpec>,
    /// What is done to the code, the picture or the gradient every few steps.
    #[serde(default)]
    pub filters: Vec<FilterSpec>,
    /// Resolutions.
    #[serde(default)]
    pub octaves: Octaves,
    /// How the picture enters the classifier.
    #[serde(default)]
    pub input: Input,
    /// Pictures of one unit and seed that are optimized together, and that a regularizer can keep different.
    #[serde(default = "one")]
    pub facets: usize,
    /// Number of optimization steps in each octave, each a forward and a backward pass; or of generations.
    pub steps: usize,
    /// Which picture is kept.
    #[serde(default)]
    pub keep: Keep,
}

fn one() -> usize {
    1
}

impl Method {
    /// The presets.
    pub fn presets() -> Vec<Method> {
        PRESETS.iter().filter_map(|(file, text)| Method::parse(text, file).ok()).collect()
    }

    /// A preset by name, or a file by its path (something with a `/`, or that ends in `.yaml` or `.yml`).
    pub fn find(name: &str) -> Result<Method> {
        if zoo::is_path(name) {
            let text =
                std::fs::read_to_string(Path::new(name)).with_context(|| format!("method '{name}' cannot be read"))?;
            return Method::parse(&text, name);
        }
        let presets = Method::presets();
        presets.iter().find(|method| method.name == name).cloned().ok_or_else(|| {
            let names = presets.iter().map(|method| method.name.as_str());
            request!("no method '{name}'{}", hint(name, "the methods", names))
        })
    }

    /// From YAML; `file` is named in errors.
    pub fn parse(text: &str, file: &str) -> Result<Method> {
        let method = yaml::parse_with_variants::<Method>(file, text)?.settled();
        method.check().with_context(|| file.to_owned())?;
        Ok(method)
    }

    /// As YAML.
    pub fn to_yaml(&self) -> Result<String> {
        let mut text = Vec::new();
        let mut yaml = serde_yaml::Serializer::new(&mut text);
        serde_yaml::with::singleton_map_recursive::serialize(self, &mut yaml)?;
        Ok(String::from_utf8(text)?)
    }

    /// Everything that decides a result, every default written out: the method without its name and its story.
    /// Photographs are left out, which whoever has them adds ([`Method::settings_from`]).
    pub fn settings(&self) -> serde_json::Value {
        self.settings_from(None)
    }

    /// The same, with what the photographs are known by that it starts from, if it does: their content, wherever they lie.
    pub fn settings_from(&self, photographs: Option<&str>) -> serde_json::Value {
        let mut known = self.clone();
        if let Some(from) = known.start_mut().filter(|from| from.is_some()) {
            *from = photographs.map(str::to_owned);
        }
        known.hold_against(photographs.unwrap_or_default());
        let mut settings = serde_json::to_value(known).unwrap_or_default();
        if let Some(map) = settings.as_object_mut() {
            map.retain(|key, _| !["name", "summary", "source"].contains(&key.as_str()));
        }
        // A file is known by its content, wherever it lies.
        for place in ["/param/latent/space/bounded/file", "/param/blend/prior/space/bounded/file"] {
            if let Some(file) = settings.pointer_mut(place).and_then(serde_json::Value::as_object_mut) {
                file.remove("path");
            }
        }
        settings
    }

    /// Its step and nothing around it, for measurements: no codes are screened or tried, and there is one octave. Searches without
    /// gradients keep their best candidate in any case; all others the last picture.
    pub fn bare(&self) -> Method {
        let mut bare = Method { octaves: Octaves::default(), ..self.clone() };
        if bare.optimizer.evolution().is_none() {
            bare.keep = Keep::Last;
        }
        if let Some(spec) = bare.latent_mut() {
            (spec.screen, spec.starts) = (1, 1);
        }
        // What is held against the start has to have one.
        let held = bare.regularizers.iter().any(RegularizerSpec::compares_start);
        if let Some(from) = bare.start_mut().filter(|_| !held) {
            *from = None;
        }
        bare
    }

    /// Whether codes themselves are trained, and not their spectra or white numbers.
    fn trains_codes(&self) -> bool {
        let coloured = |space: &Space| matches!(space, Space::Fourier { .. } | Space::Statistics { .. });
        self.param.latent().is_some_and(|spec| !coloured(&spec.space))
    }

    /// Whether it makes codes as a generator's table of statistics says.
    pub fn reads_statistics(&self) -> bool {
        self.param.latent().is_some_and(|spec| matches!(spec.space, Space::Statistics { .. }))
    }

    /// Starts from photographs: a set of the zoo, a folder, or a file. A search of a code that does not screen by itself starts from that of
    /// 32 draws which fires the unit most. Tells whether it can.
    pub fn start_from(&mut self, photographs: &str) -> bool {
        let Some(from) = self.start_mut() else { return false };
        *from = Some(photographs.to_owned());
        if let Some(spec) = self.latent_mut().filter(|spec| spec.screen == 1) {
            spec.screen = 32;
        }
        true
    }

    /// With `from` where it belongs, as files may write it for every param: in the search of a code.
    pub(crate) fn settled(mut self) -> Method {
        if self.param.latent().is_some()
            && let Some(photographs) = self.from.take()
        {
            self.start_from(&photographs);
        }
        self
    }

    /// Where it is kept what it starts from; nowhere if it starts from no picture.
    fn start_mut(&mut self) -> Option<&mut Option<String>> {
        match &mut self.param {
            ParamSpec::Latent(spec) | ParamSpec::Blend(BlendSpec { prior: spec, .. }) => Some(&mut spec.from),
            ParamSpec::Embedding(_) | ParamSpec::Cppn(_) => None,
            _ => Some(&mut self.from),
        }
    }

    /// The search for a code, where it is one.
    fn latent_mut(&mut self) -> Option<&mut LatentSpec> {
        match &mut self.param {
            ParamSpec::Latent(spec) | ParamSpec::Blend(BlendSpec { prior: spec, .. }) => Some(spec),
            _ => None,
        }
    }

    /// The photographs that it starts from: a set of the zoo, a folder, or a file.
    pub fn start(&self) -> Option<&str> {
        self.from.as_deref().or_else(|| self.param.latent()?.from.as_deref())
    }

    /// The photographs that it starts from or holds pictures against.
    pub fn photographs(&self) -> Option<&str> {
        self.start().or_else(|| self.regularizers.iter().find_map(RegularizerSpec::photographs))
    }

    /// Names the photographs that its regularizers hold pictures against.
    pub fn hold_against(&mut self, photographs: &str) {
        let named = self.regularizers.iter_mut().filter_map(RegularizerSpec::photographs_mut);
        named.for_each(|known| photographs.clone_into(known));
    }

    /// Whether it brings pictures back to codes, its own or those that it starts from.
    pub fn encodes(&self) -> bool {
        let start = self.param.latent().is_some_and(|spec| spec.from.is_some());
        start || self.regularizers.iter().any(RegularizerSpec::encodes)
    }

    /// Whether it searches what a generator is given.
    pub fn needs_generator(&self) -> bool {
        self.param.latent().is_some() || matches!(self.param, ParamSpec::Embedding(_))
    }

    /// The preset that is taken where nobody names one: the search that serves the generator's codes best.
    pub fn default_for(generator: Option<&Generator>) -> &'static str {
        match generator {
            // Legible; plain pixels are named where they are wanted.
            None => "regularized",
            Some(generator) if generator.code.prior == Prior::Rectified => "dgn-am",
            Some(generator) if generator.statistics.is_some() && generator.size[0] > 160 => "latent-natural-256",
            Some(generator) if generator.statistics.is_some() => "latent-natural",
            Some(generator) if generator.code.is_spatial() => "latent-spatial",
            Some(_) => "latent",
        }
    }

    /// Steps of all octaves together.
    pub fn all_steps(&self) -> usize {
        self.steps * self.octaves.count
    }

    /// The side of the picture in each octave, for a classifier's input size and the size that was asked for. A generator's
    /// pictures have its own size.
    pub fn sides(&self, classifier: i64, asked: Option<i64>) -> Vec<i64> {
        self.octaves.sides(classifier, asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_read_and_survives_being_written() {
        assert_eq!(Method::presets().len(), PRESETS.len());
        for method in Method::presets() {
            let again = Method::parse(&method.to_yaml().unwrap(), "again").unwrap();
            assert_eq!(serde_json::to_value(&method).unwrap(), serde_json::to_value(&again).unwrap());
        }
    }

    #[test]
    fn an_unknown_method_gets_a_suggestion() {
        assert_eq!(Method::find("latnet").unwrap_err().to_string(), "no method 'latnet'; did you mean 'latent'?");
    }

    #[test]
    fn unknown_keys_and_impossible_values_are_refused() {
        let text = Method::find("naive").unwrap().to_yaml().unwrap();
        let error = |text: &str| format!("{:#}", Method::parse(text, "mine.yaml").unwrap_err());
        assert!(error(&text.replace("steps:", "stpes:")).contains("stpes"));
        assert_eq!(error(&text.replace("steps: 150", "steps: 0")), "mine.yaml: steps: at least 1");
        assert!(error(&text.replace("adam", "adamant")).contains("adamant"));
        for (from, to, complaint) in [
            ("views: 1", "views: 18446744073709551615", "views: 18446744073709551615 is more than 1024"),
            ("facets: 1", "facets: 1000", "facets: 1000 is more than 64"),
            ("lr: 0.05", "lr: .nan", "lr is a finite number"),
            ("lr: 0.05", "lr: { from: 1, to: 0, foo: 3 }", "unknown key 'foo'"),
            ("beta1: 0.9", "beta1: 1.0", "beta1 and beta2 are from 0 to less than 1"),
            ("count: 1", "count: 100", "count is between 1 and 32"),
        ] {
            assert!(text.contains(from), "{from}");
            let error = error(&text.replace(from, to));
            assert!(error.contains(complaint), "{error}");
        }
    }
}
