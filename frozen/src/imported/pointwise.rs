//! Layers of imported programs whose pullback is written out: functions of each number, sums and products with broadcasting, other
//! views of the same numbers, matrices of tokens, layer norms.

use tch::{Kind, Tensor};

use super::function::{Binary, Unary};
use crate::constant::Constant;
use crate::network::gradient::{Gradient, Pullback};
use crate::network::layer::Layer;
use crate::network::layout::product;

/// A function of each number whose derivative libtorch has as an operator of its own.
#[derive(Debug)]
pub(crate) struct Pointwise(pub Unary);

impl Pointwise {
    /// The layer, if the derivative is one of those below.
    pub fn of(unary: Unary) -> Option<Pointwise> {
        let known =
            matches!(unary, Unary::Gelu | Unary::GeluTanh | Unary::Sigmoid | Unary::Hardswish) || unary == HARDSIGMOID;
        known.then_some(Pointwise(unary))
    }
}

/// PyTorch's.
const HARDSIGMOID: Unary = Unary::Hardsigmoid(1. / 6., 0.5);

impl Layer for Pointwise {
    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        let x = inputs[0].shallow_clone();
        match self.0 {
            Unary::Sigmoid => {
                let output = x.sigmoid();
                let kept = output.shallow_clone();
                (output, Pullback::of_one(move |gradient| Tensor::sigmoid_backward(&gradient.tensor, &kept)))
            }
            Unary::Gelu => {
                (x.gelu("none"), Pullback::of_one(move |gradient| x.gelu_backward(&gradient.tensor, "none")))
            }
            Unary::GeluTanh => {
                (x.gelu("tanh"), Pullback::of_one(move |gradient| x.gelu_backward(&gradient.tensor, "tanh")))
            }
            Unary::Hardswish => {
                (x.hardswish(), Pullback::of_one(move |gradient| x.hardswish_backward(&gradient.tensor)))
            }
            _ => (x.hardsigmoid(), Pullback::of_one(move |gradient| x.hardsigmoid_backward(&gradient.tensor))),
        }
    }

    fn pullback_reads_input(&self) -> bool {
        self.0 != Unary::Sigmoid
    }

    fn pullback_reads_output(&self) -> bool {
        self.0 == Unary::Sigmoid
    }

    fn hides_failures(&self) -> bool {
        true
    }
}

/// x and known numbers: x + c, x - c, c - x, x c, x / c. The result has the shape of x.
#[derive(Debug)]
pub(crate) struct WithConstant {
    /// What is done.
    pub by: Binary,
    /// Whether the constant comes first.
    pub reversed: bool,
    pub constant: Constant,
}

impl WithConstant {
    /// Whether this is one of the functions above.
    pub fn can(by: Binary, reversed: bool) -> bool {
        matches!((by, reversed), (Binary::Add | Binary::Sub | Binary::Mul, _) | (Binary::Div, false))
    }
}

impl Layer for WithConstant {
    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        let (x, c) = (&inputs[0], &*self.constant);
        let times = |gradient: Gradient| vec![Gradient::owned(gradient.times(&self.constant))];
        match (self.by, self.reversed) {
            (Binary::Add, _) => (x + c, Pullback::identity()),
            (Binary::Sub, false) => (x - c, Pullback::identity()),
            (Binary::Sub, true) => (c - x, Pullback::of_one(|gradient| gradient.tensor.neg())),
            (Binary::Div, _) => (x / c, Pullback::of_one(|gradient| gradient.tensor / &*self.constant)),
            _ => (x * c, Pullback::new(times)),
        }
    }

    fn fits(&self, inputs: &[Tensor]) -> Result<(), String> {
        same_shape(&inputs[0], &self.constant)
    }

    fn tensors(&self) -> Vec<&Constant> {
        vec![&self.constant]
    }

    fn map_tensors(&mut self, f: &dyn Fn(&Tensor) -> Tensor) {
        self.constant.map(f);
    }
}

/// Whether y can be broadcast to the shape of x.
fn same_shape(x: &Tensor, y: &Tensor) -> Result<(), String> {
    let (of_x, of_y) = (x.size(), y.size());
    let fits = of_y.len() <= of_x.len() && of_x.iter().rev().zip(of_y.iter().rev()).all(|(x, y)| x == y || *y == 1);
    if fits { Ok(()) } else { Err(format!("numbers {of_y:?} meet an activation {of_x:?}")) }
}

/// x + y, x - y or x y of two activations, either of which may be broadcast.
#[derive(Debug)]
pub(crate) struct OfTwo(pub Binary);

impl OfTwo {
    /// Whether this is one of the functions above.
    pub fn can(by: Binary) -> bool {
        matches!(by, Binary::Add | Binary::Sub | Binary::Mul)
    }
}

/// The sum of a gradient over what was broadcast from `shape`.
fn gathered(gradient: Tensor, shape: &[i64]) -> Tensor {
    if gradient.size() == shape {
        return gradient;
    }
    let size = gradient.size();
    let more = size.len() - shape.len();
    let axes: Vec<i64> = (0..size.len())
        .filter(|&axis| axis < more || (shape[axis - more] == 1 && size[axis] != 1))
        .map(|axis| axis as i64)
        .collect();
    gradient.sum_dim_intlist(axes.as_slice(), true, None::<Kind>).reshape(shape)
}

impl Layer for OfTwo {
    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        let [x, y] = [inputs[0].shallow_clone(), inputs[1].shallow_clone()];
        let (of_x, of_y) = (x.size(), y.size());
        match self.0 {
            Binary::Mul => (
                &x * &y,
                Pullback::new(move |gradient| {
                    let g = &gradient.tensor;
                    vec![Gradient::owned(gathered(g * &y, &of_x)), Gradient::owned(gathered(g * &x, &of_y))]
                }),
            ),
            by => {
                let minus = by == Binary::Sub;
                let output = if minus { x - y } else { x + y };
                let pullback = Pullback::new(move |gradient| {
                    let g = &gradient.tensor;
                    let of_second = gathered(g.shallow_clone(), &of_y);
                    let second = if minus { Gradient::owned(of_second.neg()) } else { Gradient::shared(&of_second) };
                    vec![Gradient::shared(&gathered(g.shallow_clone(), &of_x)), second]
                });
                (output, pullback)
            }
        }
    }

    fn fits(&self, inputs: &[Tensor]) -> Result<(), String> {
        same_shape(&inputs[0], &inputs[1]).or_else(|_| same_shape(&inputs[1], &inputs[0])).or_else(|error| {
            let (x, y) = (inputs[0].size(), inputs[1].size());
            let fits = x.iter().rev().zip(y.iter().rev()).all(|(x, y)| x == y || *x == 1 || *y == 1);
            if fits { Ok(()) } else { Err(error) }
        })
    }

    fn pullback_reads_input(&self) -> bool {
        self.0 == Binary::Mul
    }
}

/// x W^T + b of tokens `[…,I]` to `[…,O]`; PyTorch's `Linear`.
#[derive(Debug)]
pub(crate) struct TokenLinear {
    /// `[O,I]`
    pub weight: Constant,
    /// `[O]`
    pub bias: Option<Constant>,
}

impl Layer for TokenLinear {
    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        let output = inputs[0].linear(&self.weight, self.bias.as_deref());
        (output, Pullback::of_one(|gradient| gradient.tensor.matmul(&self.weight)))
    }

    fn fits(&self, inputs: &[Tensor]) -> Result<(), String> {
        let (size, wanted) = (inputs[0].size(), self.weight.size()[1]);
        if size.last() == Some(&wanted) { Ok(()) } else { Err(format!("a matrix of {wanted} columns meets {size:?}")) }
    }

    fn multiply_adds(&self, output: &[i64], _inputs: &[Vec<i64>]) -> (f64, f64) {
        let once = product(&output[1..]) * self.weight.size()[1] as f64;
        (once, once)
    }

    fn tensors(&self) -> Vec<&Constant> {
        std::iter::once(&self.weight).chain(&self.bias).collect()
    }

    fn map_tensors(&mut self, f: &dyn Fn(&Tensor) -> Tensor) {
        self.weight.map(f);
        if let Some(bias) = &mut self.bias {
            bias.map(f);
        }
    }
}

/// (x - mean) / sqrt(variance + eps) weight + bias over the last axes (Ba, Kiros & Hinton 2016, "Layer Normalization").
#[derive(Debug)]
pub(crate) struct LayerNorm {
    pub shape: Vec<i64>,
    pub eps: f64,
    /// Of that shape.
    pub weight: Option<Constant>,
    pub bias: Option<Constant>,
}

impl Layer for LayerNorm {
    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        let x = inputs[0].contiguous();
        let (weight, bias) = (self.weight.as_deref(), self.bias.as_deref());
        let (output, mean, rate) = x.native_layer_norm(self.shape.as_slice(), weight, bias, self.eps);
        let pullback = Pullback::of_one(move |gradient| {
            // x^ = (x - mean) rate; rate (h - mean(h) - x^ mean(h x^)) with h = g weight.
            let axes: Vec<i64> = (1..=self.shape.len() as i64).map(|axis| -axis).collect();
            let g = gradient.tensor.contiguous();
            let h = self.weight.as_ref().map_or_else(|| g.shallow_clone(), |weight| &g * &**weight);
            let centred = (&x - &mean) * &rate;
            let of_product = (&h * &centred).mean_dim(axes.as_slice(), true, None::<Kind>);
            let of_gradient = h.mean_dim(axes.as_slice(), true, None::<Kind>);
            (h - of_gradient).addcmul_(&centred, &-of_product) * &rate
        });
        (output, pullback)
    }

    fn fits(&self, inputs: &[Tensor]) -> Result<(), String> {
        let size = inputs[0].size();
        if size.ends_with(&self.shape) { Ok(()) } else { Err(format!("a norm of {:?} meets {size:?}", self.shape)) }
    }

    fn pullback_reads_input(&self) -> bool {
        true
    }

    fn hides_failures(&self) -> bool {
        true
    }

    fn tensors(&self) -> Vec<&Constant> {
        self.weight.iter().chain(&self.bias).collect()
    }

    fn map_tensors(&mut self, f: &dyn Fn(&Tensor) -> Tensor) {
        for constant in self.weight.iter_mut().chain(&mut self.bias) {
            constant.map(f);
        }
    }
}

/// e^x / sum of e^x along an axis (Bridle 1990).
#[derive(Debug)]
pub(crate) struct Softmax(pub i64);

impl Layer for Softmax {
    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        let kind = inputs[0].kind();
        let output = inputs[0].softmax(self.0, None::<Kind>);
        let kept = output.shallow_clone();
        let back =
            move |gradient: Gradient| Tensor::internal_softmax_backward_data(&gradient.tensor, &kept, self.0, kind);
        (output, Pullback::of_one(back))
    }

    fn pullback_reads_output(&self) -> bool {
        true
    }
}

/// Axes in another order.
#[derive(Debug)]
pub(crate) struct Permute(pub Vec<i64>);

impl Layer for Permute {
    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        let mut back = vec![0; self.0.len()];
        for (to, &from) in (0..).zip(&self.0) {
            back[from as usize] = to;
        }
        let pullback = Pullback::new(move |gradient| {
            let tensor = gradient.tensor.permute(&back);
            vec![gradient.seen_as(tensor)]
        });
        (inputs[0].permute(&self.0), pullback)
    }

    fn may_be_view(&self) -> bool {
        true
    }
}

/// A part of one axis.
#[derive(Debug)]
pub(crate) struct Part {
    pub axis: i64,
    pub start: i64,
    pub length: i64,
}

impl Layer for Part {
    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        let Part { axis, start, length } = *self;
        let x = inputs[0].shallow_clone();
        let output = x.narrow(axis, start, length);
        let pullback = Pullback::of_one(move |gradient| {
            let whole = x.zeros_like();
            whole.narrow(axis, start, length).copy_(&gradient.tensor);
            whole
        });
        (output, pullback)
    }

    fn may_be_view(&self) -> bool {
        true
    }

    fn fits(&self, inputs: &[Tensor]) -> Result<(), String> {
        let size = inputs[0].size();
        let has = size.get(self.axis as usize).copied().unwrap_or(0);
        if self.start + self.length <= has { Ok(()) } else { Err(format!("a part of axis {} of {size:?}", self.axis)) }
    }
}

/// The mean over rows and columns of `[N,C,H,W]`, as `[N,C,1,1]`.
#[derive(Debug)]
pub(crate) struct MeanOfPositions;

impl Layer for MeanOfPositions {
    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        let x = inputs[0].shallow_clone();
        let size = x.size();
        let output = x.mean_dim([2i64, 3].as_slice(), true, None::<Kind>);
        let pullback = Pullback::of_one(move |gradient| {
            let mut spread = x.empty_like();
            spread.copy_(&(gradient.tensor / (size[2] * size[3]) as f64));
            spread
        });
        (output, pullback)
    }
}

/// Other sizes of the same numbers: all axes from `from` on become one.
#[derive(Debug)]
pub(crate) struct FlattenFrom(pub i64);

impl Layer for FlattenFrom {
    fn forward<'n>(&'n self, inputs: &[Tensor], _in_place: bool) -> (Tensor, Pullback<'n>) {
        let size = inputs[0].size();
        let pullback = Pullback::new(move |gradient| {
            let tensor = gradient.tensor.reshape(&size);
            vec![gradient.seen_as(tensor)]
        });
        (inputs[0].flatten(self.0, -1), pullback)
    }

    fn may_be_view(&self) -> bool {
        true
    }
}
