//! Following a program once, number by number: what is known when it is read is computed and forgotten, what depends on the input
//! becomes a node.
//!
//! Programs compute shapes on the way (ONNX by nodes, PyTorch by symbolic numbers). A program for any number of samples is followed
//! for two of them, and every whole number that came out is taken for a straight line in that number; whether the network that
//! comes of it does what the program does is checked when it is made.

use std::rc::Rc;

use tch::{Device, Kind, Tensor};

use super::error::{ImportError, first_line, shown};
use super::function::{Binary, Function};

/// What a name of the program stands for.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// Nothing: an argument that is left out.
    Absent,
    /// Numbers that do not depend on the input.
    Known(Rc<Known>),
    /// The result of a node.
    Data(Rc<usize>),
    /// What an operator that is not known here would make.
    Unknown,
}

/// Numbers that do not depend on the input.
#[derive(Debug)]
pub(crate) struct Known {
    /// For each number of samples that is followed.
    pub numbers: Vec<Tensor>,
    /// What made them, where their shape differs by the number of samples.
    made: Option<(Vec<Function>, Vec<Value>)>,
}

/// What a node reads.
#[derive(Debug)]
pub(crate) enum Operand {
    /// Another node's result.
    Node(usize),
    /// Weights, or other numbers that are known.
    Constant(Tensor),
}

/// A function of what depends on the input.
#[derive(Debug)]
pub(crate) struct Traced {
    /// For each number of samples that is followed. Empty for the input.
    pub functions: Vec<Function>,
    pub operands: Vec<Operand>,
    /// The result's shape for each number of samples.
    pub shapes: Vec<Vec<i64>>,
    pub kind: Kind,
    /// As the program calls the node.
    pub name: String,
    /// The path of the module that it is in; empty where the program does not say.
    pub scope: String,
}

/// More numbers than any activation has: 1 GiB in 32-bit floats.
const MOST_NUMBERS: f64 = (1u64 << 28) as f64;
/// More than the results have that are needed at once, and than all constants: 4 GiB.
const MOST_HELD: usize = 1 << 30;
/// More nodes than any network has.
const MOST_NODES: usize = 100_000;

/// A program that is being followed.
#[derive(Debug)]
pub(crate) struct Tracer {
    /// The numbers of samples.
    pub samples: Vec<i64>,
    pub nodes: Vec<Traced>,
    /// Results of nodes for each number of samples, as long as somebody may read them.
    values: Vec<Option<Vec<Tensor>>>,
    /// How many numbers these have.
    held: usize,
    /// How many numbers were made that do not depend on the input.
    known: usize,
    name: String,
    scope: String,
}

impl Tracer {
    /// Begins with these inputs, one for each number of samples, which is their first size.
    pub fn new(inputs: Vec<Tensor>) -> Tracer {
        let shapes: Vec<Vec<i64>> = inputs.iter().map(Tensor::size).collect();
        let samples = shapes.iter().map(|shape| shape[0]).collect();
        let (functions, operands, kind) = (vec![], vec![], inputs[0].kind());
        let input = Traced { functions, operands, shapes, kind, name: String::new(), scope: String::new() };
        Tracer {
            samples,
            nodes: vec![input],
            values: vec![Some(inputs)],
            held: 0,
            known: 0,
            name: String::new(),
            scope: String::new(),
        }
    }

    /// How many numbers of samples are followed.
    pub fn passes(&self) -> usize {
        self.samples.len()
    }

    /// Where the program is: nodes made from now on have this name and scope.
    pub fn enter(&mut self, name: &str, scope: &str) {
        (self.name, self.scope) = (name.to_owned(), scope.to_owned());
    }

    /// Numbers that are the same for any number of samples.
    pub fn known(&self, numbers: Tensor) -> Value {
        self.known_each((0..self.passes()).map(|_| numbers.shallow_clone()).collect())
    }

    /// Numbers for each number of samples.
    pub fn known_each(&self, numbers: Vec<Tensor>) -> Value {
        Value::Known(Rc::new(Known { numbers, made: None }))
    }

    /// Whole numbers of one axis for each number of samples.
    pub fn known_ints(&self, numbers: &[Vec<i64>]) -> Value {
        self.known_each(numbers.iter().map(|numbers| Tensor::from_slice(numbers)).collect())
    }

    /// The tensors that a value is in the passes.
    pub fn tensors(&self, value: &Value) -> Result<Vec<Tensor>, ImportError> {
        let of = |tensors: &[Tensor]| tensors.iter().map(Tensor::shallow_clone).collect();
        match value {
            Value::Known(known) => Ok(of(&known.numbers)),
            Value::Data(node) => match &self.values[**node] {
                Some(tensors) => Ok(of(tensors)),
                None => Err(ImportError::damaged("a value is read after its last use")),
            },
            Value::Absent | Value::Unknown => Err(self.wrong("an argument is missing")),
        }
    }

    /// Its shape in each pass.
    pub fn shapes(&self, value: &Value) -> Result<Vec<Vec<i64>>, ImportError> {
        match value {
            Value::Data(node) => Ok(self.nodes[**node].shapes.clone()),
            _ => Ok(self.tensors(value)?.iter().map(Tensor::size).collect()),
        }
    }

    /// How many axes it has.
    pub fn rank(&self, value: &Value) -> Result<usize, ImportError> {
        Ok(self.shapes(value)?[0].len())
    }

    /// The kind of its numbers.
    pub fn kind(&self, value: &Value) -> Result<Kind, ImportError> {
        match value {
            Value::Data(node) => Ok(self.nodes[**node].kind),
            _ => Ok(self.tensors(value)?[0].kind()),
        }
    }

    /// Its numbers as whole ones, flat, in each pass; they must be known.
    pub fn ints(&self, value: &Value) -> Result<Vec<Vec<i64>>, ImportError> {
        let Value::Known(known) = value else {
            return Err(self.wrong("a size or an axis depends on the input, which a fixed network cannot"));
        };
        let lists = known.numbers.iter().map(|numbers| {
            if numbers.numel() > 4096 {
                return Err(self.wrong("a list of sizes is too long"));
            }
            Ok(Vec::<i64>::try_from(&numbers.to_kind(Kind::Int64).flatten(0, -1))?)
        });
        lists.collect()
    }

    /// Its numbers as floats, flat; they must be known, and the same in each pass.
    pub fn floats(&self, value: &Value) -> Result<Vec<f64>, ImportError> {
        let Value::Known(known) = value else {
            return Err(self.wrong("a factor depends on the input, which a fixed network cannot"));
        };
        if known.numbers[0].numel() > 4096 {
            return Err(self.wrong("a list of numbers is too long"));
        }
        Ok(Vec::<f64>::try_from(&known.numbers[0].to_kind(Kind::Double).flatten(0, -1))?)
    }

    /// The same function in each pass.
    pub fn apply(&mut self, function: Function, operands: &[Value]) -> Result<Value, ImportError> {
        let functions = (0..self.passes()).map(|_| function.clone()).collect();
        self.apply_each(functions, operands)
    }

    /// A function for each pass, of these operands.
    pub fn apply_each(&mut self, functions: Vec<Function>, operands: &[Value]) -> Result<Value, ImportError> {
        let operands: Vec<Value> = operands.iter().filter(|value| !matches!(value, Value::Absent)).cloned().collect();
        if operands.iter().any(|value| matches!(value, Value::Unknown)) {
            return Ok(Value::Unknown);
        }
        let of_operands: Vec<Vec<Tensor>> =
            operands.iter().map(|value| self.tensors(value)).collect::<Result<_, _>>()?;
        let mut results = vec![];
        for (pass, function) in functions.iter().enumerate() {
            let of_pass: Vec<Tensor> = of_operands.iter().map(|tensors| tensors[pass].shallow_clone()).collect();
            self.bounded(function, &of_pass)?;
            let result = tch::no_grad(|| function.evaluate(&of_pass, Device::Cpu));
            results.push(result.map_err(|error| self.wrong(first_line(&error)))?);
        }
        let made: usize = results.iter().map(Tensor::numel).sum();
        let depends = operands.iter().any(|value| matches!(value, Value::Data(_)));
        if !depends {
            self.known += made;
            if self.known > MOST_HELD {
                return Err(self.wrong(format!("more than {MOST_HELD} constant numbers are computed")));
            }
            let differ = results.iter().any(|result| result.size() != results[0].size());
            let made = (differ && results[0].kind() != Kind::Int64).then_some((functions, operands));
            return Ok(Value::Known(Rc::new(Known { numbers: results, made })));
        }
        self.push(functions, &operands, results).map(|node| Value::Data(Rc::new(node)))
    }

    fn push(
        &mut self,
        functions: Vec<Function>,
        operands: &[Value],
        results: Vec<Tensor>,
    ) -> Result<usize, ImportError> {
        if self.nodes.len() >= MOST_NODES {
            return Err(ImportError::unsupported(format!("has more than {MOST_NODES} nodes")));
        }
        self.held += results.iter().map(Tensor::numel).sum::<usize>();
        if self.held > MOST_HELD {
            return Err(self.wrong(format!("more than {MOST_HELD} numbers are needed at once")));
        }
        let mut read = vec![];
        for operand in operands {
            read.push(match operand {
                Value::Data(node) => Operand::Node(**node),
                Value::Known(known) => self.constant(known)?,
                Value::Absent | Value::Unknown => continue,
            });
        }
        self.nodes.push(Traced {
            functions,
            operands: read,
            shapes: results.iter().map(Tensor::size).collect(),
            kind: results[0].kind(),
            name: self.name.clone(),
            scope: self.scope.clone(),
        });
        self.values.push(Some(results));
        Ok(self.nodes.len() - 1)
    }

    /// Known numbers as what a node reads: a constant, or a node where they depend on the number of samples.
    fn constant(&mut self, known: &Rc<Known>) -> Result<Operand, ImportError> {
        let numbers = &known.numbers;
        if numbers.iter().all(|other| other.size() == numbers[0].size() && other.equal(&numbers[0])) {
            return Ok(Operand::Constant(numbers[0].shallow_clone()));
        }
        let Some((functions, operands)) = &known.made else {
            return Err(self
                .wrong("it reads numbers that depend on how many samples there are; export the model for one sample"));
        };
        let results = numbers.iter().map(Tensor::shallow_clone).collect();
        self.push(functions.clone(), operands, results).map(Operand::Node)
    }

    /// Writes a number over known ones, and so over what they are a part of.
    pub fn fill(&self, value: &Value, number: f64) -> Result<(), ImportError> {
        let Value::Known(known) = value else {
            return Err(self.wrong("it writes over what depends on the input"));
        };
        for tensor in &known.numbers {
            let _ = tensor.shallow_clone().f_fill_(number)?;
        }
        Ok(())
    }

    /// A name of a value is read no more; if it was the last one, what it holds is freed.
    pub fn release(&mut self, value: Value) {
        if let Value::Data(node) = value
            && Rc::strong_count(&node) == 1
        {
            let freed = self.values[*node].take().unwrap_or_default();
            self.held -= freed.iter().map(Tensor::numel).sum::<usize>();
        }
    }

    /// The input.
    pub fn input(&self) -> Value {
        Value::Data(Rc::new(0))
    }

    /// Refuses what would take the machine's memory.
    fn bounded(&self, function: &Function, operands: &[Tensor]) -> Result<(), ImportError> {
        let product = |sizes: &[i64]| sizes.iter().map(|&size| size.max(0) as f64).product::<f64>();
        let of = |index: usize| operands.get(index).map(Tensor::size).unwrap_or_default();
        let first = of(0);
        let behind = |count: usize| product(&first[..first.len().saturating_sub(count)]);
        let numbers = match function {
            Function::Full { size, .. } | Function::Expand(size) => product(size),
            Function::Range { start, end, step, .. } => ((end - start) / step).abs(),
            Function::Repeat(times) => product(&first) * product(times),
            Function::Resize { size, .. } | Function::AdaptiveAverage(size) | Function::AdaptiveMax(size) => {
                behind(size.len()) * product(size)
            }
            Function::Pad { amounts, .. } => {
                let mut sizes: Vec<f64> = first.iter().map(|&size| size as f64).collect();
                for (size, pair) in sizes.iter_mut().rev().zip(amounts.chunks(2)) {
                    *size += pair.iter().map(|&amount| amount.max(0) as f64).sum::<f64>();
                }
                sizes.iter().product()
            }
            Function::Convolution { padding, groups, .. } | Function::Transposed { padding, groups, .. } => {
                let weight = of(1);
                if *groups < 1 || weight.is_empty() {
                    return Err(self.wrong("a convolution has no groups, or no kernel"));
                }
                let (transposed, stride) = match function {
                    Function::Transposed { stride, .. } => (true, product(stride)),
                    _ => (false, 1.),
                };
                let positions: f64 = first.iter().skip(2).map(|&size| size as f64).product();
                let around: f64 = padding.iter().map(|&pad| pad.max(0) as f64 + 1.).product();
                let kernel: f64 = weight.iter().skip(2).map(|&size| size as f64).product();
                let channels = weight[0].max(*weight.get(1).unwrap_or(&1)) as f64;
                let taps = if transposed { kernel } else { 1. };
                first.first().map_or(1., |&n| n as f64) * channels * (positions * stride + taps).max(around.sqrt())
            }
            Function::MatMul | Function::Linear => {
                let second = of(1);
                let columns = match function {
                    Function::Linear => second.first(),
                    _ => second.last(),
                };
                let batch = product(&second[..second.len().saturating_sub(2)]).max(1.);
                let of_first = behind(2).max(1.);
                of_first.max(batch) * (behind(1).max(1.) / of_first) * columns.map_or(1., |&size| size as f64)
            }
            Function::Binary(_) | Function::Where => broadcast(operands),
            Function::Concatenate(_) => operands.iter().map(|operand| operand.numel() as f64).sum(),
            Function::Unfold { kernel, .. } => product(&first) * product(kernel),
            Function::IndexSelect(_) | Function::Embedding | Function::Index(_) => {
                let indices: f64 = operands.iter().map(|operand| operand.numel() as f64).skip(1).product();
                indices * product(&first[first.len().min(1)..]).max(1.)
            }
            Function::Einsum(_) => operands.iter().map(|operand| operand.numel().max(1) as f64).product::<f64>().sqrt(),
            _ => 0.,
        };
        if numbers.is_nan() || numbers > MOST_NUMBERS {
            return Err(self.wrong(format!("its result would have {numbers:.0} numbers")));
        }
        if let Function::Binary(Binary::FloorDiv | Binary::Remainder) = function
            && operands.len() == 2
            && operands.iter().all(|x| matches!(x.kind(), Kind::Int64 | Kind::Int))
            && operands[1].eq(0).any().int64_value(&[]) != 0
        {
            return Err(self.wrong("a whole number is divided by 0"));
        }
        Ok(())
    }

    /// An error about the node that is being read.
    pub fn wrong(&self, reason: impl std::fmt::Display) -> ImportError {
        ImportError(format!("node '{}': {reason}", shown(&self.name)))
    }
}

/// How many numbers tensors have that are broadcast against each other.
fn broadcast(operands: &[Tensor]) -> f64 {
    let rank = operands.iter().map(Tensor::dim).max().unwrap_or(0);
    let mut sizes = vec![1.; rank];
    for operand in operands {
        for (size, &of) in sizes.iter_mut().rev().zip(operand.size().iter().rev()) {
            *size = f64::max(*size, of as f64);
        }
    }
    sizes.iter().product()
}
