//! Methods: a named bundle of parameterization, optimizer, regularizers, filters and steps, written in YAML.

use std::fmt;
use std::path::Path;

use crate::error::{Context, Result, bail, bail_at, request};
use classifiers::Classifier;
use generators::{Generator, Prior};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zoo::suggest::hint;
use zoo::yaml;

use crate::filter::{FilterSpec, Stage};
use crate::optimizer::OptimizerSpec;
use crate::param::{
    BlendSpec, Bounds, EmbeddingSpec, FourierSpec, LaplacianSpec, LatentSpec, MOST_LEVELS, MacoSpec, PixelSpec,
    Resampling, Space, Start,
};
use crate::regularizer::RegularizerSpec;
use crate::transform::TransformSpec;
use crate::unit::Reading;

/// The presets, in the order in which they are listed: file name and text.
const PRESETS: [(&str, &str); 26] = [
    ("naive.yaml", include_str!("methods/naive.yaml")),
    ("erhan-2009.yaml", include_str!("methods/erhan-2009.yaml")),
    ("deepdream-2015.yaml", include_str!("methods/deepdream-2015.yaml")),
    ("mahendran-2015.yaml", include_str!("methods/mahendran-2015.yaml")),
    ("yosinski-2015.yaml", include_str!("methods/yosinski-2015.yaml")),
    ("yosinski-2015-sparse.yaml", include_str!("methods/yosinski-2015-sparse.yaml")),
    ("tyka-2016.yaml", include_str!("methods/tyka-2016.yaml")),
    ("lapnorm-2016.yaml", include_str!("methods/lapnorm-2016.yaml")),
    ("lucid-2017.yaml", include_str!("methods/lucid-2017.yaml")),
    ("diversity-2017.yaml", include_str!("methods/diversity-2017.yaml")),
    ("maco-2023.yaml", include_str!("methods/maco-2023.yaml")),
    ("offert-bell-2020.yaml", include_str!("methods/offert-bell-2020.yaml")),
    ("regularized.yaml", include_str!("methods/regularized.yaml")),
    ("latent.yaml", include_str!("methods/latent.yaml")),
    ("latent-spatial.yaml", include_str!("methods/latent-spatial.yaml")),
    ("latent-natural.yaml", include_str!("methods/latent-natural.yaml")),
    ("cma-es.yaml", include_str!("methods/cma-es.yaml")),
    ("cma-es-cholesky.yaml", include_str!("methods/cma-es-cholesky.yaml")),
    ("cma-es-spherical.yaml", include_str!("methods/cma-es-spherical.yaml")),
    ("ga.yaml", include_str!("methods/ga.yaml")),
    ("cma-es-spatial.yaml", include_str!("methods/cma-es-spatial.yaml")),
    ("dgn-am.yaml", include_str!("methods/dgn-am.yaml")),
    ("dgn-am-gaussian.yaml", include_str!("methods/dgn-am-gaussian.yaml")),
    ("ppgn.yaml", include_str!("methods/ppgn.yaml")),
    ("biggan-am.yaml", include_str!("methods/biggan-am.yaml")),
    ("blend.yaml", include_str!("methods/blend.yaml")),
];

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

/// A method; see the [module documentation](self).
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
        let method: Method = yaml::parse_with_variants(file, text)?;
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
    pub fn settings(&self) -> serde_json::Value {
        let mut settings = serde_json::to_value(self).unwrap_or_default();
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

    /// Refuses values that cannot work, and parts that do not fit together.
    ///
    /// # Errors
    /// Names the key.
    pub fn check(&self) -> Result<()> {
        if self.name.is_empty() || !self.name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)) {
            bail_at!("name", "'{}' may hold letters, digits, '.', '_' and '-' only", self.name);
        }
        let counts = [("steps", self.steps, 10_000_000), ("views", self.views, 1024), ("facets", self.facets, 64)];
        for (key, value, most) in counts {
            if value == 0 {
                bail_at!(format!("{key}"), "at least 1");
            }
            if value > most {
                bail_at!(format!("{key}"), "{value} is more than {most}");
            }
        }
        if let Some(spec) = self.param.latent() {
            if spec.screen == 0 || spec.starts == 0 {
                bail_at!("param.latent", "screen and starts are at least 1");
            }
            if spec.screen > 1 && spec.starts > spec.screen {
                bail_at!("param.latent.starts", "{} of {} screened codes", spec.starts, spec.screen);
            }
            if spec.starts > 1 && spec.trial == 0 {
                bail_at!("param.latent.trial", "with several starts, at least 1 step");
            }
            if spec.unclamped && matches!(self.param, ParamSpec::Blend(_)) {
                bail_at!("param.blend.prior.unclamped", "the residual is added to pictures in [0,1]");
            }
            match &spec.space {
                Space::Truncated { limit } if !(*limit > 0. && limit.is_finite()) => {
                    bail_at!("param.latent.space.truncated.limit", "more than 0")
                }
                Space::Bounded(limits) => limits.check().map_err(|error| error.at("param.latent.space.bounded"))?,
                Space::Fourier { noise, decay }
                    if !(*noise >= 0. && noise.is_finite() && (0. ..=4.).contains(decay)) =>
                {
                    bail_at!("param.latent.space.fourier", "noise is not negative, decay between 0 and 4")
                }
                Space::Statistics { noise, limit }
                    if !(*noise >= 0. && noise.is_finite())
                        || limit.is_some_and(|limit| !(limit > 0. && limit.is_finite())) =>
                {
                    bail_at!("param.latent.space.statistics", "noise is not negative, limit more than 0")
                }
                _ => {}
            }
        }
        if self.needs_generator() && self.octaves.count > 1 {
            bail_at!("octaves", "param {} has one size only", self.param.name());
        }
        if let Some(evolution) = self.optimizer.evolution() {
            let name = evolution.name();
            let ParamSpec::Latent(spec) = &self.param else {
                bail_at!(format!("optimizer.{name}"), "searches codes; param is {}", self.param.name())
            };
            if spec.screen > 1 || spec.starts > 1 {
                bail_at!(
                    format!("optimizer.{name}"),
                    "its first generation is the start; param.latent.screen and starts are 1"
                );
            }
            if !self.regularizers.is_empty() || !self.filters.is_empty() || self.facets > 1 {
                bail_at!(format!("optimizer.{name}"), "works without regularizers, filters and facets");
            }
            if self.keep != Keep::Best {
                bail_at!(format!("optimizer.{name}"), "keeps the best candidate of all; write keep: best");
            }
        }
        match &self.param {
            ParamSpec::Embedding(spec) => {
                spec.check()?;
                if self.facets > 1 || self.views > 1 || self.keep == Keep::Best {
                    bail!("param embedding: works with one facet, one view, and keeps the last picture");
                }
            }
            ParamSpec::Pixel(spec) if !(spec.noise >= 0. && spec.noise.is_finite()) => {
                bail_at!("param.pixel.noise", "not negative")
            }
            ParamSpec::Pixel(spec) if !(spec.scale > 0. && spec.scale.is_finite()) => {
                bail_at!("param.pixel.scale", "more than 0")
            }
            ParamSpec::Pixel(PixelSpec { bounds: Bounds::Sphere { rms }, .. }) if !(*rms > 0. && rms.is_finite()) => {
                bail_at!("param.pixel.bounds.sphere.rms", "more than 0")
            }
            ParamSpec::Fourier(FourierSpec { noise, .. }) | ParamSpec::Laplacian(LaplacianSpec { noise, .. })
                if !(*noise >= 0. && noise.is_finite()) =>
            {
                bail_at!(format!("param.{}.noise", self.param.name()), "not negative")
            }
            ParamSpec::Fourier(spec) if !(0. ..=4.).contains(&spec.decay) => {
                bail_at!("param.fourier.decay", "{} is not between 0 and 4", spec.decay)
            }
            ParamSpec::Laplacian(spec) if !(1..=MOST_LEVELS).contains(&spec.levels) => {
                bail_at!("param.laplacian.levels", "{} is not between 1 and {MOST_LEVELS}", spec.levels)
            }
            ParamSpec::Maco(_) if self.octaves.count > 1 => {
                bail_at!("octaves", "the spectrum of param maco is that of one size")
            }
            ParamSpec::Blend(spec) if !(spec.eps >= 0. && spec.eps.is_finite()) => {
                bail_at!("param.blend.eps", "not negative")
            }
            _ => {}
        }
        let Octaves { count, factor, .. } = self.octaves;
        if !(1..=32).contains(&count) || !(1. ..=4.).contains(&factor) {
            bail_at!("octaves", "count is between 1 and 32, and factor between 1 and 4");
        }
        let resampled = matches!(self.param, ParamSpec::Pixel(_));
        if !resampled && self.octaves.resampling != Resampling::default() {
            bail_at!(
                "octaves.resampling",
                "param {} grows in its own way; only pixels are resampled",
                self.param.name()
            );
        }
        self.optimizer.check()?;
        for (item, transform) in self.transforms.iter().enumerate() {
            transform.check().map_err(|error| error.of_item(item))?;
        }
        for (item, regularizer) in self.regularizers.iter().enumerate() {
            regularizer.check().map_err(|error| error.of_item(item))?;
            if regularizer.acts_on_code() && !self.trains_codes() && !self.reads_statistics() {
                bail_at!(
                    format!("regularizers.{}", regularizer.name()),
                    "works on codes; param is {}",
                    self.param.name()
                );
            }
            if regularizer.compares_facets() && (self.facets < 2 || self.views > 1 || self.input == Input::Tiles) {
                bail_at!(
                    format!("regularizers.{}", regularizer.name()),
                    "wants facets of 2 or more, one view, and no tiles"
                );
            }
        }
        for (item, filter) in self.filters.iter().enumerate() {
            filter.check().map_err(|error| error.of_item(item))?;
            let fits = match filter.stage() {
                Stage::Gradient => !self.needs_generator(),
                Stage::Code => self.trains_codes(),
                Stage::Picture => matches!(self.param, ParamSpec::Pixel(_)),
                Stage::CodeOrPicture => self.trains_codes() || matches!(self.param, ParamSpec::Pixel(_)),
            };
            if !fits {
                let works_on = filter.stage().name();
                bail_at!(format!("filters.{}", filter.name()), "works on {works_on}; param is {}", self.param.name());
            }
        }
        Ok(())
    }

    /// Its step and nothing around it, for measurements: no codes are screened or tried, and there is one octave. Searches without
    /// gradients keep their best candidate in any case; all others the last picture.
    pub fn bare(&self) -> Method {
        let mut bare = Method { octaves: Octaves::default(), ..self.clone() };
        if bare.optimizer.evolution().is_none() {
            bare.keep = Keep::Last;
        }
        if let ParamSpec::Latent(spec) | ParamSpec::Blend(BlendSpec { prior: spec, .. }) = &mut bare.param {
            (spec.screen, spec.starts) = (1, 1);
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

    /// Whether it brings pictures back to codes.
    pub fn encodes(&self) -> bool {
        self.regularizers.iter().any(RegularizerSpec::encodes)
    }

    /// Whether it searches what a generator is given.
    pub fn needs_generator(&self) -> bool {
        self.param.latent().is_some() || matches!(self.param, ParamSpec::Embedding(_))
    }

    /// The preset that is taken where nobody names one: the search that serves the generator's codes best.
    pub fn default_for(generator: Option<&Generator>) -> &'static str {
        match generator {
            None => "naive",
            Some(generator) if generator.code.prior == Prior::Rectified => "dgn-am",
            Some(generator) if generator.statistics.is_some() => "latent-natural",
            Some(generator) if generator.code.is_spatial() => "latent-spatial",
            Some(_) => "latent",
        }
    }

    /// Refuses a generator whose codes it cannot search.
    ///
    /// # Errors
    /// Says what the generator lacks.
    pub fn fit(&self, generator: &Generator) -> Result<()> {
        if matches!(self.param, ParamSpec::Embedding(_)) && generator.conditioning.is_none() {
            bail!("searches class embeddings, and {} is not conditional", generator.name);
        }
        let Some(spec) = self.param.latent() else { return Ok(()) };
        match &spec.space {
            Space::Fourier { .. } if !generator.code.is_spatial() => {
                bail!("searches spectra of spatial codes; those of {} have no height and width", generator.name)
            }
            Space::Bounded(limits) => limits.fit(generator)?,
            Space::Statistics { .. } if generator.code.is_spatial() && generator.statistics.is_none() => bail!(
                "what codes of {name} are like is not known; `metapicture models learn-codes {name} FOLDER` learns it from photographs",
                name = generator.name
            ),
            _ => {}
        }
        if spec.start == Start::Normal && generator.code.prior != Prior::Rectified {
            bail_at!(
                "param.latent.start",
                "normal is meant for codes behind a ReLU, which those of {} are not; \
                 dgn-am-gaussian serves them",
                generator.name
            );
        }
        Ok(())
    }

    /// Refuses networks that it cannot work with: a generator that does not [fit](Method::fit), or one through which it cannot
    /// follow the gradient that it follows. A generator that it does not need is passed over.
    ///
    /// # Errors
    /// Says which network, and why.
    pub fn fit_networks(&self, classifier: &Classifier, generator: Option<&Generator>) -> Result<()> {
        let generator = generator.filter(|_| self.needs_generator());
        if let Some(generator) = generator {
            self.fit(generator)?;
        }
        if self.optimizer.evolution().is_some() {
            return Ok(());
        }
        let of_generator = generator.map(|of| (&of.name, &of.network));
        for (name, network) in std::iter::once((&classifier.name, &classifier.network)).chain(of_generator) {
            if let Some(reason) = network.no_gradient() {
                bail!(
                    "{name} gives no gradient ({reason}): cma-es-spherical, ga and the like, which search a generator's code, need none"
                );
            }
        }
        Ok(())
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
