//! Inception v3 (Szegedy, Vanhoucke, Ioffe, Shlens & Wojna 2016, "Rethinking the Inception architecture for computer
//! vision"), as torchvision and timm have it. The auxiliary head of the file is not used.
//!
//! A block such as `Mixed_5b` is the concatenation of its branches; within a block, a point is a module (`branch1x1`), a
//! pooling (`avg_pool`, or `branch_pool` where the pooling is a branch by itself) or a concatenation (`branch3x3`).

use frozen::network::{Builder, Kernel, Network, Node, Pool};
use frozen::weights::{WeightError, Weights};

use crate::parts::{LOGITS, square};

/// Epsilon of every batch norm.
const EPS: f64 = 1e-3;

/// The network: pictures `[N,3,S,S]` in [-1,1] to logits `[N,classes]`; S is at least 75.
///
/// # Errors
/// If the weights are not those of this network: every missing, unexpected or mis-shaped tensor is listed.
pub fn network(classes: i64, mut weights: Weights) -> Result<Network, WeightError> {
    weights.skip(|name| name.starts_with("AuxLogits."));
    let (net, x) = Builder::new(weights, 3);
    let mut net = Net(net);
    let x = net.basic("Conv2d_1a_3x3", x, 32, square(3, 2, 0));
    let x = net.basic("Conv2d_2a_3x3", x, 32, square(3, 1, 0));
    let x = net.basic("Conv2d_2b_3x3", x, 64, square(3, 1, 1));
    let x = net.0.max_pool("maxpool1", x, Pool::new(3, 2));
    let x = net.basic("Conv2d_3b_1x1", x, 80, square(1, 1, 0));
    let x = net.basic("Conv2d_4a_3x3", x, 192, square(3, 1, 0));
    let x = net.0.max_pool("maxpool2", x, Pool::new(3, 2));
    let x = net.block_a("Mixed_5b", x, 32);
    let x = net.block_a("Mixed_5c", x, 64);
    let x = net.block_a("Mixed_5d", x, 64);
    let x = net.block_b("Mixed_6a", x);
    let x = net.block_c("Mixed_6b", x, 128);
    let x = net.block_c("Mixed_6c", x, 160);
    let x = net.block_c("Mixed_6d", x, 160);
    let x = net.block_c("Mixed_6e", x, 192);
    let x = net.block_d("Mixed_7a", x);
    let x = net.block_e("Mixed_7b", x);
    let x = net.block_e("Mixed_7c", x);
    let Net(mut net) = net;
    let x = net.global_average_pool("avgpool", x);
    let x = net.linear("fc", x, classes);
    net.alias(x, LOGITS);
    net.finish()
}

struct Net(Builder);

impl Net {
    /// Convolution `PATH.conv`, batch norm `PATH.bn`, ReLU `PATH`.
    fn basic(&mut self, path: &str, x: Node, out: i64, kernel: Kernel) -> Node {
        let x = self.0.convolution(&format!("{path}.conv"), x, out, kernel);
        self.norm_relu(path, x)
    }

    /// [`Net::basic`] with a kernel of these sides, which keeps height and width.
    fn same(&mut self, path: &str, x: Node, out: i64, sides: [i64; 2]) -> Node {
        let x = self.0.rectangular_convolution(&format!("{path}.conv"), x, out, sides);
        self.norm_relu(path, x)
    }

    fn norm_relu(&mut self, path: &str, x: Node) -> Node {
        let x = self.0.batch_norm(&format!("{path}.bn"), x, EPS);
        let x = self.0.relu(path, x);
        self.0.alias(x, &format!("{path}.bn.relu"));
        x
    }

    /// A mean of 3 x 3 positions, and a 1 x 1 convolution.
    fn pooled(&mut self, path: &str, x: Node, out: i64) -> Node {
        let x = self.0.average_pool(&format!("{path}.avg_pool"), x, Pool::new(3, 1).padded(1));
        self.same(&format!("{path}.branch_pool"), x, out, [1, 1])
    }

    /// The paper's Figure 5, with two 3 x 3 convolutions for a 5 x 5 one in one of the branches alone.
    fn block_a(&mut self, path: &str, x: Node, pooled: i64) -> Node {
        let at = |part: &str| format!("{path}.{part}");
        let branch1x1 = self.same(&at("branch1x1"), x, 64, [1, 1]);
        let branch5x5 = self.same(&at("branch5x5_1"), x, 48, [1, 1]);
        let branch5x5 = self.same(&at("branch5x5_2"), branch5x5, 64, [5, 5]);
        let double = self.same(&at("branch3x3dbl_1"), x, 64, [1, 1]);
        let double = self.same(&at("branch3x3dbl_2"), double, 96, [3, 3]);
        let double = self.same(&at("branch3x3dbl_3"), double, 96, [3, 3]);
        let pool = self.pooled(path, x, pooled);
        self.0.concatenate(path, &[branch1x1, branch5x5, double, pool])
    }

    /// Half of the size.
    fn block_b(&mut self, path: &str, x: Node) -> Node {
        let at = |part: &str| format!("{path}.{part}");
        let branch3x3 = self.basic(&at("branch3x3"), x, 384, square(3, 2, 0));
        let double = self.same(&at("branch3x3dbl_1"), x, 64, [1, 1]);
        let double = self.same(&at("branch3x3dbl_2"), double, 96, [3, 3]);
        let double = self.basic(&at("branch3x3dbl_3"), double, 96, square(3, 2, 0));
        let pool = self.0.max_pool(&at("branch_pool"), x, Pool::new(3, 2));
        self.0.concatenate(path, &[branch3x3, double, pool])
    }

    /// The paper's Figure 6: a 7 x 7 convolution as a row and a column.
    fn block_c(&mut self, path: &str, x: Node, width: i64) -> Node {
        let at = |part: &str| format!("{path}.{part}");
        let branch1x1 = self.same(&at("branch1x1"), x, 192, [1, 1]);
        let branch7x7 = self.same(&at("branch7x7_1"), x, width, [1, 1]);
        let branch7x7 = self.same(&at("branch7x7_2"), branch7x7, width, [1, 7]);
        let branch7x7 = self.same(&at("branch7x7_3"), branch7x7, 192, [7, 1]);
        let double = self.same(&at("branch7x7dbl_1"), x, width, [1, 1]);
        let double = self.same(&at("branch7x7dbl_2"), double, width, [7, 1]);
        let double = self.same(&at("branch7x7dbl_3"), double, width, [1, 7]);
        let double = self.same(&at("branch7x7dbl_4"), double, width, [7, 1]);
        let double = self.same(&at("branch7x7dbl_5"), double, 192, [1, 7]);
        let pool = self.pooled(path, x, 192);
        self.0.concatenate(path, &[branch1x1, branch7x7, double, pool])
    }

    /// Half of the size.
    fn block_d(&mut self, path: &str, x: Node) -> Node {
        let at = |part: &str| format!("{path}.{part}");
        let branch3x3 = self.same(&at("branch3x3_1"), x, 192, [1, 1]);
        let branch3x3 = self.basic(&at("branch3x3_2"), branch3x3, 320, square(3, 2, 0));
        let branch7x7 = self.same(&at("branch7x7x3_1"), x, 192, [1, 1]);
        let branch7x7 = self.same(&at("branch7x7x3_2"), branch7x7, 192, [1, 7]);
        let branch7x7 = self.same(&at("branch7x7x3_3"), branch7x7, 192, [7, 1]);
        let branch7x7 = self.basic(&at("branch7x7x3_4"), branch7x7, 192, square(3, 2, 0));
        let pool = self.0.max_pool(&at("branch_pool"), x, Pool::new(3, 2));
        self.0.concatenate(path, &[branch3x3, branch7x7, pool])
    }

    /// The paper's Figure 7: a row and a column side by side.
    fn block_e(&mut self, path: &str, x: Node) -> Node {
        let at = |part: &str| format!("{path}.{part}");
        let branch1x1 = self.same(&at("branch1x1"), x, 320, [1, 1]);
        let branch3x3 = self.same(&at("branch3x3_1"), x, 384, [1, 1]);
        let row = self.same(&at("branch3x3_2a"), branch3x3, 384, [1, 3]);
        let column = self.same(&at("branch3x3_2b"), branch3x3, 384, [3, 1]);
        let branch3x3 = self.0.concatenate(&at("branch3x3"), &[row, column]);
        let double = self.same(&at("branch3x3dbl_1"), x, 448, [1, 1]);
        let double = self.same(&at("branch3x3dbl_2"), double, 384, [3, 3]);
        let row = self.same(&at("branch3x3dbl_3a"), double, 384, [1, 3]);
        let column = self.same(&at("branch3x3dbl_3b"), double, 384, [3, 1]);
        let double = self.0.concatenate(&at("branch3x3dbl"), &[row, column]);
        let pool = self.pooled(path, x, 192);
        self.0.concatenate(path, &[branch1x1, branch3x3, double, pool])
    }
}
