//! The photographs that a batch starts from, as pictures or as codes.

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
        let Some(photographs) = batch.starts()? else { return Ok(None) };
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

impl<'b> Batch<'b> {
    /// The photographs that the method starts from, if it does.
    fn starts(&self) -> Result<Option<&'b StartPhotographs>> {
        let found = |name: &str| self.photographs.ok_or_else(|| request!("{name}: these photographs were not loaded"));
        self.method.start().map(found).transpose()
    }

    /// The pictures `[N,3,side,side]` in `[0,1]` that these seeds start from, of a method of pixel space that starts from photographs.
    pub(super) fn start(&self, seeds: &[Seed], side: i64) -> Result<Option<Tensor>> {
        if self.method.needs_generator() {
            return Ok(None);
        }
        let Some(photographs) = self.starts()? else { return Ok(None) };
        let network = &self.classifier.network;
        let square = |&seed: &Seed| Ok(photographs.whole(seed, side)?.0);
        let squares: Vec<Tensor> = seeds.iter().map(square).collect::<Result<_>>()?;
        Ok(Some(Tensor::cat(&squares, 0).to_kind(network.kind()).to_device(network.device())))
    }

    /// Of each run what of a photograph it started from, in words; the draws are those of a search of codes.
    pub(super) fn started_from(&self, seeds: &[Seed], draws: &[u64]) -> Result<Option<Vec<String>>> {
        let Some(photographs) = self.starts()? else { return Ok(None) };
        let told = |(&seed, &draw): (&Seed, &u64)| match self.generator.filter(|_| self.method.needs_generator()) {
            Some(generator) => Ok(photographs.fitted(seed, draw, generator.size[0])?.1),
            None => Ok(photographs.whole(seed, self.classifier.size)?.1),
        };
        seeds.iter().zip(draws).map(told).collect::<Result<_>>().map(Some)
    }
}
