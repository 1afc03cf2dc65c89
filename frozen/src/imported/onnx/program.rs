//! Follows an ONNX graph: its nodes one by one, in the order in which they run.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::super::error::{ImportError, shown};
use super::super::trace::{Tracer, Value};
use super::arguments::Call;
use super::model::{self, Attribute, Model, Node};
use super::nodes;
use super::tensor::{Beside, Tensor, kind_of};

/// An ONNX file in memory.
pub(in super::super) struct File {
    bytes: Vec<u8>,
    path: PathBuf,
}

/// Functions within functions.
const DEEPEST: usize = 16;
/// The oldest operators that are known.
const OLDEST: i64 = 7;

/// Takes a file's bytes.
pub(in super::super) fn read(bytes: Vec<u8>, path: &Path) -> File {
    File { bytes, path: path.to_owned() }
}

/// Whether a file that starts like this may be one: a protocol buffer whose first field is the version of the format.
pub(in super::super) fn is_one(head: &[u8]) -> bool {
    head.len() > 2 && head[0] == 0x08 && head[1] <= 32
}

/// The outputs by name, and the files that were read besides.
pub(in super::super) type Followed = (Vec<(String, Value)>, Vec<PathBuf>);

/// A graph's input.
pub(in super::super) struct Input {
    pub name: String,
    /// None where a size is open.
    pub sizes: Vec<Option<i64>>,
    pub kind: Option<tch::Kind>,
}

impl File {
    /// The inputs that are no weights.
    pub fn inputs(&self) -> Result<Vec<Input>, ImportError> {
        let model = model::read(&self.bytes)?;
        if model.opset < OLDEST {
            let opset = model.opset;
            return Err(ImportError(format!("uses operators of version {opset}; {OLDEST} and later are known")));
        }
        let weights: Vec<&str> = model.graph.initializers.iter().map(|tensor| tensor.name.as_str()).collect();
        let inputs = model.graph.inputs.iter().filter(|input| !weights.contains(&input.name.as_str()));
        Ok(inputs
            .map(|input| Input { name: input.name.clone(), sizes: input.sizes.clone(), kind: kind_of(input.kind) })
            .collect())
    }

    /// Follows the graph from the values of its inputs, in their order, to those of its outputs. Gives the files that were read
    /// besides.
    pub fn follow(&self, inputs: &[(String, Value)], tracer: &mut Tracer) -> Result<Followed, ImportError> {
        let Model { graph, opset, functions } = model::read(&self.bytes)?;
        let mut walk = Walk { opset, functions: &functions, beside: Beside::new(&self.path), unknown: BTreeMap::new() };
        let mut names: HashMap<String, Value> = inputs.iter().cloned().collect();
        for tensor in &graph.initializers {
            let value = walk.known(tensor, tracer)?;
            names.insert(tensor.name.clone(), value);
        }
        let outputs: Vec<String> = graph.outputs.iter().map(|output| output.name.clone()).collect();
        walk.nodes(&graph.nodes, &outputs, &mut names, None, tracer, 0)?;
        if !walk.unknown.is_empty() {
            return Err(super::super::exported::missing_operators(&walk.unknown));
        }
        let of = |name: String| match names.get(&name) {
            Some(value @ (Value::Known(_) | Value::Data(_))) => Ok((name, value.clone())),
            _ => Err(ImportError::damaged(format!("its output '{}' is nowhere made", shown(&name)))),
        };
        Ok((outputs.into_iter().map(of).collect::<Result<_, _>>()?, walk.beside.into_files()))
    }
}

/// What stays the same while nodes are followed.
struct Walk<'a, 'f> {
    opset: i64,
    functions: &'a HashMap<(String, String), model::FunctionBody<'f>>,
    beside: Beside,
    /// Operators that are not known here: how often, and where first.
    unknown: BTreeMap<String, (usize, String)>,
}

impl<'a, 'f> Walk<'a, 'f> {
    fn known(&mut self, tensor: &Tensor<'f>, tracer: &Tracer) -> Result<Value, ImportError> {
        Ok(tracer.known(tensor.load(&mut self.beside)?))
    }

    fn nodes(
        &mut self,
        list: &'a [Node<'f>],
        outputs: &[String],
        names: &mut HashMap<String, Value>,
        outer: Option<&'a HashMap<String, Attribute<'f>>>,
        tracer: &mut Tracer,
        depth: usize,
    ) -> Result<(), ImportError> {
        if depth > DEEPEST {
            return Err(ImportError::damaged("its functions are nested too deeply"));
        }
        // What a branch reads of the graph around it is not counted: names of graphs within graphs live to the end.
        let mut last: HashMap<&str, usize> = HashMap::new();
        let nested = list.iter().any(|node| node.attributes.values().any(|attribute| attribute.graph.is_some()));
        for (at, node) in list.iter().enumerate() {
            node.inputs.iter().for_each(|name| {
                last.insert(name, at);
            });
        }
        for (at, node) in list.iter().enumerate() {
            self.node(node, names, outer, tracer, depth)?;
            for name in &node.inputs {
                if !nested
                    && last.get(name.as_str()) == Some(&at)
                    && !outputs.contains(name)
                    && let Some(value) = names.remove(name)
                {
                    tracer.release(value);
                }
            }
        }
        Ok(())
    }

    fn node(
        &mut self,
        node: &'a Node<'f>,
        names: &mut HashMap<String, Value>,
        outer: Option<&'a HashMap<String, Attribute<'f>>>,
        tracer: &mut Tracer,
        depth: usize,
    ) -> Result<(), ImportError> {
        let name = if node.name.is_empty() { node.outputs.first().map_or("?", |name| name) } else { &node.name };
        let legacy = scope_of_name(name);
        tracer.enter(name, node.scope.as_deref().unwrap_or(&legacy));
        let mut inputs = vec![];
        for input in &node.inputs {
            inputs.push(match (input.is_empty(), names.get(input)) {
                (true, _) => Value::Absent,
                (false, Some(value)) => value.clone(),
                (false, None) => {
                    let cyclic = "which no node before it makes (a circle, or a node is missing)";
                    return Err(tracer.wrong(format!("it reads '{}', {cyclic}", shown(input))));
                }
            });
        }
        if inputs.iter().any(|input| matches!(input, Value::Unknown)) {
            for output in node.outputs.iter().filter(|output| !output.is_empty()) {
                names.insert(output.clone(), Value::Unknown);
            }
            return Ok(());
        }
        let call = Call { node, inputs, opset: self.opset, outer };
        let key = (node.domain.clone(), node.operator.clone());
        let results = if let Some(body) = self.functions.get(&key) {
            let mut inner: HashMap<String, Value> = body
                .inputs
                .iter()
                .cloned()
                .zip(call.inputs.into_iter().chain(std::iter::repeat(Value::Absent)))
                .collect();
            self.nodes(&body.nodes, &body.outputs, &mut inner, Some(&node.attributes), tracer, depth + 1)?;
            Some(body.outputs.iter().map(|name| inner.get(name).cloned().unwrap_or(Value::Unknown)).collect())
        } else if node.operator == "If" {
            Some(self.branch(&call, names, tracer, depth)?)
        } else if node.operator == "Constant" {
            match call.raw("value").and_then(|attribute| attribute.tensor.as_ref()) {
                Some(tensor) => Some(vec![self.known(tensor, tracer)?]),
                None => nodes::constant(&call, tracer)?.map(|value| vec![value]),
            }
        } else if node.operator == "ConstantOfShape" {
            let value = call.raw("value").and_then(|attribute| attribute.tensor.as_ref());
            let value = value.map(|tensor| tensor.load(&mut self.beside)).transpose()?;
            Some(vec![nodes::constant_of_shape(&call, value, tracer)?])
        } else if !matches!(node.domain.as_str(), "" | "ai.onnx" | "com.microsoft") {
            None
        } else {
            nodes::call(&call, tracer)?
        };
        let results = results.unwrap_or_else(|| {
            let domain = if node.domain.is_empty() { String::new() } else { format!("{}.", node.domain) };
            let entry = self.unknown.entry(format!("{domain}{}", node.operator)).or_insert((0, name.to_owned()));
            entry.0 += 1;
            vec![]
        });
        let mut results = results.into_iter();
        for output in &node.outputs {
            let result = results.next().unwrap_or(Value::Unknown);
            if !output.is_empty() {
                names.insert(output.clone(), result);
            }
        }
        Ok(())
    }

    /// A branch whose condition is known.
    fn branch(
        &mut self,
        call: &Call<'a, 'f>,
        names: &mut HashMap<String, Value>,
        tracer: &mut Tracer,
        depth: usize,
    ) -> Result<Vec<Value>, ImportError> {
        let condition = tracer.ints(&call.input(0, tracer)?)?;
        let all: Vec<bool> =
            condition.iter().map(|numbers| numbers.first().is_some_and(|&number| number != 0)).collect();
        if all.iter().any(|&taken| taken != all[0]) {
            return Err(tracer.wrong("which branch is taken depends on how many samples there are"));
        }
        let name = if all[0] { "then_branch" } else { "else_branch" };
        let graph = call.raw(name).and_then(|attribute| attribute.graph.as_ref());
        let graph = graph.ok_or_else(|| tracer.wrong("it has no branches"))?;
        let mut inner = names.clone();
        for tensor in &graph.initializers {
            let value = self.known(tensor, tracer)?;
            inner.insert(tensor.name.clone(), value);
        }
        let outputs: Vec<String> = graph.outputs.iter().map(|output| output.name.clone()).collect();
        self.nodes(&graph.nodes, &outputs, &mut inner, call.outer, tracer, depth + 1)?;
        Ok(outputs.iter().map(|name| inner.get(name).cloned().unwrap_or(Value::Unknown)).collect())
    }
}

/// The module's path of `/layer1/layer1.0/conv1/Conv`, as PyTorch's older exporter writes it: a part that repeats the one before it
/// takes its place.
fn scope_of_name(name: &str) -> String {
    let Some(parts) = name.strip_prefix('/') else { return String::new() };
    let mut parts: Vec<&str> = parts.split('/').collect();
    parts.pop();
    let mut path: Vec<&str> = vec![];
    for part in parts {
        if path.last().is_some_and(|last| part.starts_with(&format!("{last}."))) {
            path.pop();
        }
        path.push(part);
    }
    path.join(".")
}
