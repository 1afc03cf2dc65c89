//! A network behind something, or before it: pictures squeezed or mixed into other channels in front of it, one channel of its output left
//! out.

use tch::{Device, Kind, Tensor};

use super::graph::{Network, Point, Source, Step, Tap};
use super::layer::Layer;
use super::layers::convolution::{Convolution, Padding};
use super::layers::shape::{Channels, Flatten};
use super::layers::squeezed::Squeezed;
use super::layout::channels_last;

/// What red, green and blue give to grey (ITU-R BT.601, as image libraries have it).
pub const GREY: [f32; 3] = [0.299, 0.587, 0.114];

/// One channel of a network's input, made of a picture's red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mixed {
    /// What each of the three is multiplied by.
    pub weights: [f32; 3],
    /// What is added.
    pub constant: f32,
}

impl Network {
    /// A network of pictures `[N,3,S,S]` from this one: they are squeezed to so many rows and columns, and their channels mixed into
    /// `channels`, in front of it. Without any channel they enter as they are.
    pub fn behind_pictures(self, channels: &[Mixed], size: Option<[i64; 2]>) -> Network {
        let mut front: Vec<Box<dyn Layer>> = vec![];
        if let Some(size) = size {
            front.push(Box::new(Squeezed { size }));
        }
        if !channels.is_empty() {
            let weights: Vec<f32> = channels.iter().flat_map(|channel| channel.weights).collect();
            let weights = Tensor::from_slice(&weights).view([channels.len() as i64, 3, 1, 1]);
            let constants: Vec<f32> = channels.iter().map(|channel| channel.constant).collect();
            let constants = constants.iter().any(|&constant| constant != 0.).then(|| Tensor::from_slice(&constants));
            let mut mix = Convolution::new(weights, constants, 1, Padding::Symmetric(0), 1);
            mix.prepare();
            mix.map_tensors(&|tensor| channels_last(&tensor.to_device(Device::Cpu).to_kind(Kind::Float)));
            front.push(Box::new(mix));
        }
        let more = front.len();
        let mut steps = vec![Step { source: Source::Input, inputs: vec![] }];
        for (at, layer) in front.into_iter().enumerate() {
            steps.push(Step { source: Source::Layer(layer), inputs: vec![at] });
        }
        // What read the input reads the last of these.
        steps.extend(
            self.steps
                .into_iter()
                .skip(1)
                .map(|step| Step { inputs: step.inputs.iter().map(|input| input + more).collect(), ..step }),
        );
        let taps = self.taps.into_iter().map(|tap| Tap { point: Point(tap.point.0 + more), ..tap }).collect();
        Network { steps, taps, ..self }
    }

    /// The network without the first of the `channels` of its output `[N,C]`; what is left is called `name`.
    pub fn without_first_channel(self, name: &str, channels: i64) -> Network {
        self.then(name, Box::new(Channels { start: 1, count: channels - 1, of: channels }))
    }

    /// The network with its output `[N,C,1,1]` as `[N,C]`, called `name`.
    pub fn flattened(self, name: &str) -> Network {
        self.then(&format!("{name}.flat"), Box::new(Flatten))
    }

    fn then(mut self, name: &str, layer: Box<dyn Layer>) -> Network {
        let last = self.steps.len() - 1;
        self.steps.push(Step { source: Source::Layer(layer), inputs: vec![last] });
        self.taps.push(Tap { name: name.to_owned(), aliases: vec![], point: Point(last + 1) });
        self
    }

    /// Adds what a user should know of the network.
    pub fn note(&mut self, notes: impl IntoIterator<Item = String>) {
        self.notes.extend(notes);
    }
}
