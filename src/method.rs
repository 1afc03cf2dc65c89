//! Methods: a named bundle of parameterization, optimizer, regularizers, filters and steps, written in YAML.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use frozen::suggest::hint;
use frozen::yaml;
use serde::{Deserialize, Serialize};

use crate::filter::FilterSpec;
use crate::optimizer::OptimizerSpec;
use crate::param::{LatentSpec, PixelSpec};
use crate::regularizer::RegularizerSpec;

/// The presets, in the order in which they are listed: file name and text.
const PRESETS: [(&str, &str); 3] = [
    ("latent.yaml", include_str!("methods/latent.yaml")),
    ("dgn-am.yaml", include_str!("methods/dgn-am.yaml")),
    ("naive.yaml", include_str!("methods/naive.yaml")),
];

/// Which parameterization a method optimizes.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ParamSpec {
    /// The picture's own pixels.
    Pixel(PixelSpec),
    /// A generator's code.
    Latent(LatentSpec),
}

/// Which picture of a run is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// The one after the last step.
    #[default]
    Last,
    /// The one with the highest activation.
    Best,
}

/// A method; see the [module documentation](self).
#[derive(Clone, Debug, Serialize, Deserialize)]
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
    /// Penalties on the loss.
    #[serde(default)]
    pub regularizers: Vec<RegularizerSpec>,
    /// What is done to the code after every step.
    #[serde(default)]
    pub filters: Vec<FilterSpec>,
    /// Number of optimization steps, each a forward and a backward pass.
    pub steps: usize,
    /// Which picture is kept.
    #[serde(default)]
    pub keep: Keep,
}

impl Method {
    /// The presets.
    pub fn presets() -> Vec<Method> {
        PRESETS.iter().filter_map(|(file, text)| Method::parse(text, file).ok()).collect()
    }

    /// A preset by name, or a file by its path (something with a `/`, or that ends in `.yaml` or `.yml`).
    pub fn find(name: &str) -> Result<Method> {
        if name.contains('/') || name.ends_with(".yaml") || name.ends_with(".yml") {
            let text =
                std::fs::read_to_string(Path::new(name)).with_context(|| format!("method '{name}' cannot be read"))?;
            return Method::parse(&text, name);
        }
        let presets = Method::presets();
        presets.iter().find(|method| method.name == name).cloned().ok_or_else(|| {
            let names = presets.iter().map(|method| method.name.as_str());
            anyhow!("no method '{name}'{}", hint(name, "the methods", names))
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
        settings
    }

    /// Refuses values that cannot work.
    fn check(&self) -> Result<()> {
        if self.name.is_empty() || !self.name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)) {
            bail!("name: '{}' may hold letters, digits, '.', '_' and '-' only", self.name);
        }
        if self.steps == 0 {
            bail!("steps: at least 1");
        }
        match self.param {
            ParamSpec::Latent(spec) if spec.screen == 0 || spec.starts == 0 => {
                bail!("param.latent: screen and starts are at least 1")
            }
            ParamSpec::Latent(spec) if spec.screen > 1 && spec.starts > spec.screen => {
                bail!("param.latent.starts: {} of {} screened codes", spec.starts, spec.screen)
            }
            ParamSpec::Latent(spec) if spec.starts > 1 && spec.trial == 0 => {
                bail!("param.latent.trial: with several starts, at least 1 step")
            }
            ParamSpec::Pixel(spec) if !(spec.noise >= 0. && spec.noise.is_finite()) => {
                bail!("param.pixel.noise: not negative")
            }
            ParamSpec::Pixel(_) if !(self.filters.is_empty() && self.regularizers.is_empty()) => {
                bail!("filters, regularizers: those there are work on codes; param is pixel")
            }
            _ => Ok(()),
        }
    }

    /// Whether it searches a generator's code.
    pub fn needs_generator(&self) -> bool {
        matches!(self.param, ParamSpec::Latent(_))
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
    }
}
