//! An experiment of one classifier and, where a method has a prior, one generator: the models and settings that its runs share, and
//! whether they fit a method.

use std::sync::{Arc, OnceLock};

use classifiers::{Classifier, Names};
use generators::Generator;
use tch::Device;

use super::load::Load;
use crate::error::{Context, Result, bail, request};
use crate::method::{Input, Method, ParamSpec};
use crate::param::Condition;
use crate::reference::StartPhotographs;
use crate::render::{Encoder, EncoderNetwork};
use crate::unit::{Elsewhere, LayerShapes, Unit};

/// Models and settings that all runs of an experiment share.
#[derive(Debug)]
pub struct Experiment {
    /// Whose units are visualised.
    pub classifier: Arc<Classifier>,
    /// The shapes of the classifier's layers, without the batch dimension.
    pub shapes: Arc<LayerShapes>,
    /// The natural image prior: pictures are searched among those that it makes; none for methods of pixel space.
    pub generator: Option<Arc<Generator>>,
    /// What a class-conditional generator is conditioned on; none of an unconditional one.
    pub condition: Option<Condition>,
    /// The classifier one of whose layers brings the generator's pictures back to codes, for methods that encode; none where that is the
    /// classifier itself.
    pub encoding_classifier: Option<Arc<Classifier>>,
    /// The encoder that brings the generator's pictures back to codes, for methods that encode, where it has one.
    pub encoder: Option<Arc<generators::Encoder>>,
    /// The photographs that methods start from or hold pictures against, where they do.
    pub photographs: Option<Arc<StartPhotographs>>,
    /// Classifiers that judge finished pictures and never take part in making them.
    pub witnesses: Vec<Arc<Classifier>>,
    /// Side of the pictures in pixels, if another one than the methods' is wanted; a generator's have its own size.
    pub size: Option<i64>,
    /// Where everything is computed.
    pub device: Device,
    /// libtorch's threads on the CPU; they decide how sums are rounded, so that they are part of a record's provenance.
    pub threads: i32,
    /// What a pass of the classifier and one of the generator takes, which a plan is divided by; worked out when it is first asked for,
    /// zero of a generator that is not there.
    pub load: OnceLock<[Load; 2]>,
}

/// The largest side of a picture of pixel space, in pixels.
const LARGEST: i64 = 4096;

impl Experiment {
    /// Refuses methods that cannot visualise these units here.
    ///
    /// # Errors
    /// A request: a unit that the method's objective cannot read, a method that does not fit the networks, a layer that is not there, a
    /// picture of more than 4096 pixels a side.
    pub fn check(&self, units: &[Unit], methods: &[Method]) -> Result<()> {
        for method in methods {
            let named = || format!("method '{}'", method.name);
            for unit in units {
                unit.read_as(method.objective).with_context(named)?;
                if method.input == Input::Tiles && !unit.elsewhere().is_empty() {
                    bail!(
                        "{}: unit '{}' is read in several networks, which see pictures whole: `input: fit` in the method",
                        named(),
                        unit.name
                    );
                }
                for Elsewhere(other) in unit.elsewhere().into_iter().filter(|_| method.optimizer.evolution().is_none())
                {
                    if let Some(reason) = other.network.no_gradient() {
                        bail!("{}: unit '{}': {} gives no gradient ({reason})", named(), unit.name, other.name);
                    }
                }
            }
            method.fit_networks(&self.classifier, self.generator.as_deref()).with_context(named)?;
            if let Some(generator) = self.generator.as_ref().filter(|_| method.needs_generator() && method.encodes()) {
                Encoder::new(generator, Some(self.encoder_network())).with_context(named)?;
            }
            for layer in method.regularizers.iter().filter_map(|regularizer| regularizer.layer()) {
                let tap = self.classifier.network.tap(layer);
                tap.map_err(|error| request!("{}: {} has {error}", named(), self.classifier.name))?;
            }
            if let Some(of) = method.regularizers.iter().find(|of| of.compares_start() && method.start().is_none()) {
                bail!(
                    "{}: regularizers.{} keeps near a photograph: name it with --from, or from: in files",
                    named(),
                    of.name()
                );
            }
            let side = method.sides(self.classifier.size, self.size).into_iter().max().unwrap_or_default();
            if !method.needs_generator() && side > LARGEST {
                bail!("{}: its last octave has {side} pixels a side; at most {LARGEST} are made", named());
            }
            self.check_sides(method).with_context(named)?;
        }
        Ok(())
    }

    /// What brings the generator's pictures back to codes, if anything does.
    pub fn encoder_network(&self) -> EncoderNetwork<'_> {
        match &self.encoder {
            Some(encoder) => EncoderNetwork::Encoder(encoder),
            None => EncoderNetwork::Classifier(self.encoding_classifier.as_ref().unwrap_or(&self.classifier)),
        }
    }

    /// Refuses pictures that the classifier cannot take at their own size: somebody's program may be made for one size alone.
    fn check_sides(&self, method: &Method) -> Result<()> {
        let own = self.classifier.size;
        if method.input != Input::Full {
            return Ok(());
        }
        let sides = match (&method.param, &self.generator) {
            (ParamSpec::Latent(_) | ParamSpec::Embedding(_), Some(generator)) => vec![generator.size[0]],
            _ => method.sides(own, self.size),
        };
        for side in sides.into_iter().filter(|&side| side != own) {
            self.classifier.network.attempt(&[3, side, side]).map_err(|reason| {
                request!(
                    "{} takes pictures of {own} px alone, and this method shows it some of {side} px ({reason}); \
                     `input: tiles` or `input: fit` in the method works with it",
                    self.classifier.name
                )
            })?;
        }
        Ok(())
    }

    /// Refuses witnesses that are the classifier itself, by the sha256 of their weights, or know other classes: another number, or others by
    /// name where both have names of their own.
    ///
    /// # Errors
    /// A request that names the witness.
    pub fn check_witnesses(classifier: &Classifier, witnesses: &[Arc<Classifier>]) -> Result<()> {
        for witness in witnesses {
            if witness.weights_sha256 == classifier.weights_sha256 {
                bail!("{} is the classifier itself; a witness takes no part", witness.name);
            }
            if witness.classes != classifier.classes {
                let (they, ours) = (witness.classes, classifier.classes);
                bail!("{} knows {they} classes, {} {ours}", witness.name, classifier.name);
            }
            if let (Names::Own(theirs), Names::Own(ours)) = (&witness.names, &classifier.names)
                && let Some(class) = (0..ours.len()).find(|&class| !theirs[class].eq_ignore_ascii_case(&ours[class]))
            {
                let (they, we) = (&theirs[class], &ours[class]);
                let (witness, name) = (&witness.name, &classifier.name);
                bail!(
                    "{witness} calls class {class} '{they}', {name} '{we}': a witness knows the same classes in the same order"
                );
            }
        }
        Ok(())
    }

    /// Side in pixels of the pictures of a generator whose code has height and width, where a method's own are larger.
    pub(super) fn generator_side(&self, method: &Method) -> Option<i64> {
        let generator = self.generator.as_ref().filter(|of| method.needs_generator() && of.code.is_spatial())?;
        Some(generator.size[0]).filter(|side| *side != self.size_of(method))
    }

    /// Side in pixels of the pictures that a method makes: the generator's own where the code is all that is searched, else that of the
    /// method's last octave.
    pub fn size_of(&self, method: &Method) -> i64 {
        match (&method.param, &self.generator) {
            (ParamSpec::Latent(_) | ParamSpec::Embedding(_), Some(generator)) => generator.size[0],
            _ => method.sides(self.classifier.size, self.size).last().copied().unwrap_or(self.classifier.size),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Experiment;

    #[test]
    fn threads_may_share_loaded_models() {
        fn shared<T: Send + Sync>() {}
        shared::<Experiment>();
        shared::<classifiers::Classifier>();
        shared::<generators::Generator>();
    }
}
