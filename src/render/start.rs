//! The codes of the photographs that a batch starts from.

use generators::Generator;
use tch::{Device, Kind, Tensor};

use super::batch::Batch;
use super::encoder::Encoder;
use crate::error::{Result, request};
use crate::random::Seed;
use crate::reference::StartPhotographs;

/// Photographs, and the encoder that brings them to codes of the generator.
pub(super) struct StartCodes<'b> {
    photographs: &'b StartPhotographs,
    encoder: Encoder<'b>,
    /// Side of the generator's pictures.
    side: i64,
    kind: Kind,
    device: Device,
}

impl<'b> StartCodes<'b> {
    /// Of a batch whose method starts from photographs; none of any other.
    pub(super) fn of(batch: &Batch<'b>, generator: &Generator) -> Result<Option<StartCodes<'b>>> {
        let Some(name) = batch.method.photographs() else { return Ok(None) };
        let photographs = batch.photographs.ok_or_else(|| request!("{name}: these photographs were not loaded"))?;
        Ok(Some(StartCodes {
            photographs,
            encoder: Encoder::new(generator, batch.encoder)?,
            side: generator.size[0],
            kind: generator.network.kind(),
            device: generator.network.device(),
        }))
    }

    /// The codes `[N,…]` of these draws' squares.
    pub(super) fn codes(&self, starts: &[(Seed, u64)]) -> Result<Tensor> {
        let _guard = tch::no_grad_guard();
        let squares = starts.iter().map(|&(seed, draw)| {
            let (square, _) = self.photographs.fitted(seed, draw, self.side)?;
            Ok(square.to_kind(self.kind).to_device(self.device))
        });
        let squares: Vec<Tensor> = squares.collect::<Result<_>>()?;
        Ok(self.encoder.encode(&Tensor::cat(&squares, 0)))
    }
}
