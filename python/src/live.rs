//! A network of PyTorch that lives in this process, as a program of the library: `metapicture._live.Live` runs it.

use std::path::PathBuf;

use frozen::Constant;
use frozen::network::{Outputs, Program, ProgramError};
use metapicture::Error;
use metapicture::prelude::{Classifier, Models};
use pyo3::prelude::*;
use tch::{Device, Kind, Tensor};
use zoo::{Checked, Manifest, Sha256};

use crate::progress::Listener;
use crate::tensors;

/// An object of `metapicture._live.Live`.
struct Live {
    object: Py<PyAny>,
    parameters: Vec<Constant>,
    device: Device,
    /// Who keeps what it raises.
    listener: Listener,
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").field("device", &self.device).finish_non_exhaustive()
    }
}

impl Program for Live {
    fn language(&self) -> &'static str {
        "PyTorch"
    }

    fn how_to_settle(&self) -> &'static str {
        "it draws random numbers in evaluation mode, or takes a batch norm's statistics from the batch"
    }

    fn options(&self) -> (Kind, Device) {
        (Kind::Float, self.device)
    }

    fn parameters(&self) -> &[Constant] {
        &self.parameters
    }

    /// It stays where it is: it is not ours.
    fn to(&mut self, _: Device, _: Kind) {}

    fn outputs(&self, input: &Tensor, wanted: Option<&[usize]>) -> Result<Outputs, ProgramError> {
        let run = |py: Python<'_>| -> PyResult<Outputs> {
            let input = tensors::to_python(py, input)?;
            let (outputs, names): (Vec<Option<Bound<'_, PyAny>>>, Vec<String>) =
                self.object.bind(py).call_method1("outputs", (input, wanted.map(<[usize]>::to_vec)))?.extract()?;
            let of = |output: Option<Bound<'_, PyAny>>| output.map(|output| tensors::of_python(&output)).transpose();
            Ok(Outputs { tensors: outputs.into_iter().map(of).collect::<PyResult<_>>()?, names: Some(names) })
        };
        Python::attach(|py| {
            run(py).map_err(|error| {
                let message = error.to_string();
                self.listener.keep(Err(error));
                ProgramError(message.lines().next().unwrap_or_default().to_owned())
            })
        })
    }
}

/// What is known of it.
struct Described {
    manifest: String,
    weights: String,
    code: String,
    aliases: Vec<(String, String)>,
    program: Live,
}

fn described(py: Python<'_>, object: &Py<PyAny>, device: Device, listener: &Listener) -> PyResult<Described> {
    let of = object.bind(py);
    let text = |name: &str| -> PyResult<String> { of.getattr(name)?.extract() };
    let parameters: Vec<Bound<'_, PyAny>> = of.getattr("parameters")?.extract()?;
    let parameters = parameters.iter().map(|parameter| tensors::of_python(parameter).map(Constant::from));
    Ok(Described {
        manifest: text("manifest")?,
        weights: text("weights")?,
        code: text("code")?,
        aliases: of.getattr("aliases")?.extract()?,
        program: Live {
            object: object.clone_ref(py),
            parameters: parameters.collect::<PyResult<_>>()?,
            device,
            listener: listener.clone(),
        },
    })
}

/// The classifier of such an object, which lies on the models' device.
///
/// # Errors
/// A network that gives no logits, or other numbers for the same pictures.
pub fn classifier(models: &Models, object: &Py<PyAny>, listener: &Listener) -> Result<Classifier, Error> {
    let device = metapicture::engine::device::parse(&models.device())?;
    let described = Python::attach(|py| described(py, object, device, listener));
    let Described { manifest, weights, code, aliases, program } =
        described.map_err(|error| Error::request(error.to_string()).at("model"))?;
    let manifest = Manifest::parse("model", &manifest, Some(std::path::Path::new("")))
        .map_err(|error| Error::request(error.to_string()).at("model"))?;
    let sha256: Sha256 = weights.parse().map_err(|error: String| Error::request(error).at("model"))?;
    let weights = Checked { path: PathBuf::from("live"), sha256, label: None };
    let live = classifiers::Live { program: Box::new(program), aliases: &aliases, code: &code };
    let classifier = classifiers::Classifier::live(&manifest, &weights, live)?;
    Ok(models.adopt(classifier))
}
