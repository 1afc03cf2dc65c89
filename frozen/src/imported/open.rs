//! From a file to a network: which input takes what, for how many samples the program was made, and whether what came out does
//! what the program does.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use tch::{Device, Kind, Tensor};

use super::error::{ImportError, shown};
use super::function::{Function, Reduction};
use super::lower::lower;
use super::trace::{Tracer, Value};
use super::{exported, onnx};
use crate::network::{Network, channels_last};

/// How a program is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// ONNX.
    Onnx,
    /// What `torch.export.save` writes.
    Exported,
}

/// What is asked of a program.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// How it is written.
    pub format: Format,
    /// The shape of its input without samples: `[C,H,W]`, or `[d]`.
    pub input: &'a [i64],
    /// So many classes, of which one is given to the program's second input, as its number. The network's input is then
    /// `[N, d + classes]`, one-hot behind the code.
    pub classes: i64,
    /// The output that is wanted, where there are several.
    pub output: Option<&'a str>,
}

/// A program as a network.
#[derive(Debug)]
pub struct Opened {
    /// The network; its output is the wanted one.
    pub network: Network,
    /// The shape of its output, without samples.
    pub shape: Vec<i64>,
}

/// The numbers of samples that a program for any number is followed for.
const FOLLOWED: [i64; 2] = [2, 3];

/// Reads a program as a network.
///
/// # Errors
/// If the file is cut short or something else, the program has other inputs, uses operators that are not known here (each is named,
/// with how often and where), or does not do for several samples what it does for one.
pub fn open(path: &Path, request: &Request) -> Result<Opened, ImportError> {
    // Asked before opening, which waits for a writer where the path is a named pipe.
    if !fs::metadata(path)?.is_file() {
        return Err(ImportError("is not a regular file".into()));
    }
    let mut file = fs::File::open(path)?;
    let length = file.metadata()?.len();
    let mut head = vec![];
    file.by_ref().take(16).read_to_end(&mut head)?;
    let program = match request.format {
        Format::Exported if head.starts_with(crate::weights::zip::MAGIC) => {
            Program::Exported(Box::new(exported::open(file, length)?))
        }
        Format::Exported => return Err(ImportError("is no zip archive, as torch.export.save writes it".into())),
        Format::Onnx if onnx::is_one(&head) => {
            let mut bytes = head;
            file.read_to_end(&mut bytes)?;
            Program::Onnx(onnx::read(bytes, path))
        }
        Format::Onnx => {
            return Err(ImportError(format!(
                "is no ONNX file: it begins with {:?}",
                shown(&String::from_utf8_lossy(&head))
            )));
        }
    };
    let _guard = tch::no_grad_guard();
    program.network(request)
}

/// An input: its name, its sizes (none where one is open), the kind of its numbers where the program says.
type Input = (String, Vec<Option<i64>>, Option<Kind>);

enum Program {
    Onnx(onnx::File),
    Exported(Box<exported::Exported>),
}

/// What is followed of a program.
struct Followed {
    tracer: Tracer,
    /// The results of the program in its own order, by name and node.
    outputs: Vec<(String, usize)>,
    files: Vec<PathBuf>,
}

impl Program {
    fn inputs(&self) -> Result<Vec<Input>, ImportError> {
        Ok(match self {
            Program::Onnx(file) => {
                file.inputs()?.into_iter().map(|input| (input.name, input.sizes, input.kind)).collect()
            }
            Program::Exported(program) => {
                program.inputs().into_iter().map(|(name, sizes)| (name, sizes, None)).collect()
            }
        })
    }

    fn network(&self, request: &Request) -> Result<Opened, ImportError> {
        let inputs = self.inputs()?;
        let wanted = if request.classes > 0 { 2 } else { 1 };
        if inputs.len() != wanted {
            let names: Vec<String> = inputs.iter().map(|(name, ..)| shown(name)).collect();
            let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let what = if wanted == 1 { "one input is needed" } else { "a code and a class are needed" };
            return Err(ImportError(format!("takes {} inputs ({names}); {what}", inputs.len())));
        }
        let (name, sizes, _) = &inputs[0];
        let fits = sizes.is_empty()
            || (sizes.len() == request.input.len() + 1
                && sizes[1..].iter().zip(request.input).all(|(size, wanted)| size.is_none_or(|size| size == *wanted)));
        if !fits {
            let list: Vec<String> =
                sizes.iter().skip(1).map(|size| size.map_or("any".to_owned(), |size| size.to_string())).collect();
            return Err(ImportError(format!(
                "takes inputs '{}' of the shape [{}], and the manifest says {:?}",
                shown(name),
                list.join(", "),
                request.input
            )));
        }
        let fixed = sizes.first().copied().flatten();
        let samples = fixed.map_or(FOLLOWED.to_vec(), |samples| vec![samples]);
        let Followed { tracer, outputs, files } = self.follow(request, &samples)?;
        let outputs = chosen(outputs, &tracer, request)?;
        let mut network = lower(&tracer.nodes, &samples, &outputs);
        for file in &files {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            network.beside.push((name, zoo::hash::sha256(fs::read(file)?)));
        }
        let shape = outputs.last().map(|(_, node)| tracer.nodes[*node].shapes[0][1..].to_vec()).unwrap_or_default();
        self.check(&network, request, &tracer, &outputs, fixed)?;
        Ok(Opened { network, shape })
    }

    fn follow(&self, request: &Request, samples: &[i64]) -> Result<Followed, ImportError> {
        let mut tracer = Tracer::new(samples.iter().map(|&count| example(request, count, 0)).collect());
        let inputs = self.inputs()?;
        let input = tracer.input();
        let values = if request.classes > 0 {
            tracer.enter("input", "");
            let code = request.input[0];
            let part = |start: i64, end: i64| Function::Slice { axis: 1, start, end, step: 1 };
            let first = tracer.apply(part(0, code), std::slice::from_ref(&input))?;
            let one_hot = tracer.apply(part(code, code + request.classes), &[input])?;
            let number =
                tracer.apply(Function::Reduce { by: Reduction::Argmax, axes: vec![1], keep: false }, &[one_hot])?;
            vec![first, number]
        } else {
            vec![input]
        };
        let (outputs, files) = match self {
            Program::Onnx(file) => {
                let named: Vec<(String, Value)> = inputs.into_iter().map(|(name, ..)| name).zip(values).collect();
                file.follow(&named, &mut tracer)?
            }
            Program::Exported(program) => (program.follow(&values, &mut tracer)?, vec![]),
        };
        let mut nodes = vec![];
        for (name, value) in outputs {
            match value {
                Value::Data(node) => nodes.push((name, *node)),
                _ => return Err(ImportError(format!("gives '{}', which does not depend on its input", shown(&name)))),
            }
        }
        Ok(Followed { tracer, outputs: nodes, files })
    }

    /// Whether the network does for several samples what the program does for those that it was followed for.
    fn check(
        &self,
        network: &Network,
        request: &Request,
        tracer: &Tracer,
        outputs: &[(String, usize)],
        fixed: Option<i64>,
    ) -> Result<(), ImportError> {
        let Some((name, node)) = outputs.last() else { return Ok(()) };
        let pass = tracer.passes() - 1;
        let expected = tracer.tensors(&Value::Data(std::rc::Rc::new(*node)))?.remove(pass);
        let count = tracer.samples[pass];
        let input = example(request, count, 0);
        if !agree(&run(network, &input), &expected) {
            return Err(ImportError(format!(
                "is not understood: '{}' comes out otherwise than in the program",
                shown(name)
            )));
        }
        if let Some(samples) = fixed {
            let other = example(request, samples, 1);
            let both = Tensor::cat(&[&input, &other], 0);
            let at_once = network.try_forward(&both).map(|_| run(network, &both));
            let one_by_one = Tensor::cat(&[run(network, &input), run(network, &other)], 0);
            let why = match &at_once {
                Err(reason) => reason.clone(),
                Ok(_) => "its results differ".to_owned(),
            };
            if !at_once.is_ok_and(|at_once| agree(&at_once, &one_by_one)) {
                return Err(ImportError(format!(
                    "was exported for {samples} sample{} and cannot be had for more ({why}); export it for any number: \
                     torch.export.export(model, (x,), dynamic_shapes=({{0: torch.export.Dim('batch')}},)), or \
                     torch.onnx.export(…, dynamic_axes={{'input': {{0: 'batch'}}}})",
                    if samples == 1 { "" } else { "s" }
                )));
            }
        }
        Ok(())
    }
}

/// What a network makes of an input.
fn run(network: &Network, input: &Tensor) -> Tensor {
    let schedule = network.schedule(&[network.output()]).forward_only();
    network.forward(&schedule, input).activation(network.output()).copy()
}

/// Whether two results differ by rounding alone.
fn agree(one: &Tensor, other: &Tensor) -> bool {
    if one.size() != other.size() {
        return false;
    }
    let scale = 1. + other.abs().max().double_value(&[]);
    let apart = (one - other).abs().max().double_value(&[]);
    // Where the program itself makes NaN, there is nothing to compare.
    apart <= 1e-3 * scale || other.isnan().any().int64_value(&[]) != 0
}

/// Inputs that look like normalised pictures or drawn codes: from -2 to 2, different everywhere, the same in every run. Behind a code
/// the class's one-hot vector.
fn example(request: &Request, samples: i64, which: i64) -> Tensor {
    let numbers: i64 = request.input.iter().product();
    let row = |sample: i64| {
        let places = Tensor::arange(numbers, (Kind::Double, Device::Cpu)) + (sample + 7 * which) as f64 * 0.37;
        ((places * 12.9898).sin() * 43.5453).sin() * 2.
    };
    let rows: Vec<Tensor> = (0..samples).map(row).collect();
    let shape: Vec<i64> = std::iter::once(samples).chain(request.input.iter().copied()).collect();
    let code = Tensor::stack(&rows, 0).reshape(shape).to_kind(Kind::Float);
    if request.classes == 0 {
        return channels_last(&code);
    }
    let classes = Tensor::arange(samples, (Kind::Int64, Device::Cpu)).remainder(request.classes);
    let one_hot = classes.one_hot(request.classes).to_kind(Kind::Float);
    Tensor::cat(&[code, one_hot], 1)
}

/// The outputs with the wanted one last.
fn chosen(
    mut outputs: Vec<(String, usize)>,
    tracer: &Tracer,
    request: &Request,
) -> Result<Vec<(String, usize)>, ImportError> {
    let names = |outputs: &[(String, usize)]| {
        let names: Vec<String> = outputs
            .iter()
            .map(|(name, node)| format!("'{}' {:?}", shown(name), &tracer.nodes[*node].shapes[0]))
            .collect();
        names.join(", ")
    };
    if outputs.is_empty() {
        return Err(ImportError("gives no tensor".into()));
    }
    let place = match request.output {
        Some(wanted) => outputs
            .iter()
            .position(|(name, _)| name == wanted)
            .ok_or_else(|| ImportError(format!("has no output '{wanted}'; it has {}", names(&outputs))))?,
        None if outputs.len() == 1 => 0,
        None => {
            // The only one that holds numbers by sample and class, or pictures.
            let rank = if request.input.len() == 1 { 4 } else { 2 };
            let fits = |node: usize| tracer.nodes[node].shapes[0].len() == rank;
            let fitting: Vec<usize> = (0..outputs.len()).filter(|&index| fits(outputs[index].1)).collect();
            match fitting[..] {
                [one] => one,
                _ => {
                    let list = names(&outputs);
                    return Err(ImportError(format!("has several outputs; name one as config.program_output: {list}")));
                }
            }
        }
    };
    let wanted = outputs.remove(place);
    outputs.push(wanted);
    Ok(outputs)
}
