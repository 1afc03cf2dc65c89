//! Where and how wide to compute: the flags of every command that does.

use clap::Args;

use super::models::Bars;
use crate::cli::error::{Context, Result, bail};
use metapicture::engine::device;
use metapicture::engine::models::{Models, Options};

/// Where and how wide to compute.
#[derive(Clone, Debug, Args)]
pub(super) struct Compute {
    /// `cpu`, `cuda` or `cuda:N`.
    #[arg(long, default_value = "cpu", value_name = "DEVICE")]
    pub(super) device: String,
    /// Threads of libtorch on the CPU; all cores unless told.
    #[arg(long, value_name = "N")]
    pub(super) threads: Option<u16>,
}

impl Compute {
    /// The CPU, with all cores: of commands that do not ask.
    pub(super) fn on_cpu() -> Compute {
        Compute { device: "cpu".to_owned(), threads: None }
    }

    /// The models, on this device; what is downloaded is shown unless `quiet`.
    pub(super) fn models(&self, quiet: bool) -> Result<Models> {
        if self.threads == Some(0) {
            bail!("--threads: at least 1");
        }
        // Before anything else is done, so that a wrong device ends it at once.
        device::parse(&self.device).context("--device")?;
        let options = Models::options().device(&self.device);
        let options = self.threads.into_iter().fold(options, Options::threads);
        Ok(if quiet { options.open()? } else { options.progress(Bars::new()).open()? })
    }
}
