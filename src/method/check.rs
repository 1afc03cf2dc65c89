//! Whether the parts of a method fit together, and with the networks that it is to work with.

use classifiers::Classifier;
use generators::{Generator, Prior};

use super::{Input, Keep, Method, Octaves, ParamSpec};
use crate::error::{Result, bail, bail_at};
use crate::filter::Stage;
use crate::param::{
    AlphaSpec, Bounds, FourierSpec, LaplacianSpec, MOST_LAYERS, MOST_LEVELS, MOST_RESOLUTIONS, PixelSpec, Resampling,
    Space, Start,
};

impl Method {
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
                Space::Statistics { noise, limit, .. }
                    if !(*noise >= 0. && noise.is_finite())
                        || limit.is_some_and(|limit| !(limit > 0. && limit.is_finite())) =>
                {
                    bail_at!("param.latent.space.statistics", "noise is not negative, limit more than 0")
                }
                Space::Statistics { opening, .. } if *opening > self.steps => {
                    bail_at!(
                        "param.latent.space.statistics.opening",
                        "at most as many as there are steps ({})",
                        self.steps
                    )
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
            if matches!(spec.space, Space::Statistics { opening, .. } if opening > 0) {
                bail_at!(format!("optimizer.{name}"), "has no gradient; param.latent.space.statistics.opening is 0");
            }
            if spec.from.is_some() {
                bail_at!(
                    format!("optimizer.{name}"),
                    "its first generation are draws of the prior; without param.latent.from"
                );
            }
            if !self.regularizers.is_empty() || !self.filters.is_empty() || self.facets > 1 {
                bail_at!(format!("optimizer.{name}"), "works without regularizers, filters and facets");
            }
            if self.keep != Keep::Best {
                bail_at!(format!("optimizer.{name}"), "keeps the best candidate of all; write keep: best");
            }
        }
        if self.from.is_some() && matches!(self.param, ParamSpec::Embedding(_) | ParamSpec::Cppn(_)) {
            bail_at!("from", "param {} starts from no picture", self.param.name());
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
            ParamSpec::Multires(spec)
                if !((2..=MOST_RESOLUTIONS).contains(&spec.resolutions)
                    && spec.noise >= 0.
                    && spec.noise.is_finite()) =>
            {
                bail_at!("param.multires", "resolutions between 2 and {MOST_RESOLUTIONS}, noise not negative")
            }
            ParamSpec::Cppn(spec)
                if !((1..=MOST_LAYERS).contains(&spec.layers) && (1..=256).contains(&spec.channels)) =>
            {
                bail_at!("param.cppn", "layers between 1 and {MOST_LAYERS}, channels between 1 and 256")
            }
            ParamSpec::Alpha(AlphaSpec { cost, spectrum: FourierSpec { noise, decay, .. } })
                if !(*noise >= 0. && noise.is_finite() && cost.is_finite() && (0. ..=4.).contains(decay)) =>
            {
                bail_at!("param.alpha", "noise is not negative, cost finite, decay between 0 and 4")
            }
            ParamSpec::Alpha(_) if self.octaves.count > 1 => {
                bail_at!("octaves", "param alpha has one size only")
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
            if let (Some(against), Some(start)) = (regularizer.photographs(), self.start())
                && against != start
            {
                bail_at!(
                    format!("regularizers.{}.photographs", regularizer.name()),
                    "one set of photographs: it starts from {start} (visualize names this one with --reference)"
                );
            }
            if regularizer.photographs().is_some() && (self.input != Input::Fit || self.facets > 1) {
                bail_at!(format!("regularizers.{}", regularizer.name()), "works with `input: fit` and one facet");
            }
            if regularizer.compares_start() && (self.needs_generator() || self.input == Input::Tiles) {
                bail_at!(
                    format!("regularizers.{}", regularizer.name()),
                    "works on pictures that start from a photograph, without tiles"
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
            Space::Statistics { opening, .. } if *opening > 0 && !generator.code.is_spatial() => {
                bail!("goes from coarse to fine; codes of {} have no height and width", generator.name)
            }
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
}
