//! What a pass of a network takes, in FLOPs and in numbers that are kept, reckoned from its layers and not measured: the same on every
//! machine.

use frozen::network::Network;

/// What one forward and one backward pass of a network take, for one picture.
#[derive(Clone, Copy, Debug, Default)]
pub struct Load {
    /// FLOPs of the forward pass.
    pub forward: f64,
    /// FLOPs of the pullback, which brings the gradient of the output back to the input.
    pub backward: f64,
    /// Numbers in all activations of the forward pass.
    pub numbers: f64,
}

impl Load {
    /// Of a whole network, for an input of this shape, the batch dimension included.
    pub fn of(network: &Network, input: &[i64]) -> Load {
        let (forward, backward) = network.flops(&network.schedule(&[network.output()]), input);
        let numbers = network.shapes(input).iter().map(|(_, shape)| shape.iter().product::<i64>()).sum::<i64>();
        Load { forward, backward, numbers: numbers as f64 }
    }
}
