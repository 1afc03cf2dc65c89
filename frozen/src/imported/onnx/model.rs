//! The parts of an ONNX file (github.com/onnx/onnx, `onnx.proto3`), over its bytes.

use std::collections::HashMap;

use super::super::error::{ImportError, shown};
use super::tensor::{Tensor, read_pair};
use crate::wire::fields;

/// A graph with what it needs.
#[derive(Debug)]
pub(super) struct Model<'f> {
    pub graph: Graph<'f>,
    /// The version of the operators of ONNX itself.
    pub opset: i64,
    /// Functions of the file by domain and name.
    pub functions: HashMap<(String, String), FunctionBody<'f>>,
}

/// Nodes in the order in which they run.
#[derive(Debug, Default)]
pub(super) struct Graph<'f> {
    pub nodes: Vec<Node<'f>>,
    pub initializers: Vec<Tensor<'f>>,
    pub inputs: Vec<Declared>,
    pub outputs: Vec<Declared>,
}

/// An input or an output.
#[derive(Debug, Default)]
pub(super) struct Declared {
    pub name: String,
    /// None where a size is open.
    pub sizes: Vec<Option<i64>>,
    /// The kind of its numbers.
    pub kind: i64,
}

/// A node.
#[derive(Debug, Default)]
pub(super) struct Node<'f> {
    pub operator: String,
    pub domain: String,
    pub name: String,
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
    pub attributes: HashMap<String, Attribute<'f>>,
    /// The path of the module, as PyTorch's newer exporter writes it.
    pub scope: Option<String>,
}

/// An attribute's value.
#[derive(Debug, Default)]
pub(super) struct Attribute<'f> {
    pub float: Option<f32>,
    pub int: Option<i64>,
    pub text: Option<String>,
    pub tensor: Option<Tensor<'f>>,
    pub graph: Option<Graph<'f>>,
    pub floats: Vec<f32>,
    pub ints: Vec<i64>,
    /// The attribute of the function around it whose value this has.
    pub of_function: Option<String>,
}

/// A function that the file itself defines.
#[derive(Debug, Default)]
pub(super) struct FunctionBody<'f> {
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
    pub nodes: Vec<Node<'f>>,
}

/// Nodes of one file, graphs within graphs included.
const MOST_NODES: usize = 200_000;
/// Graphs within graphs.
const DEEPEST: usize = 16;

/// How much has been read.
struct Budget {
    nodes: usize,
}

/// Reads a file's bytes.
pub(super) fn read(bytes: &[u8]) -> Result<Model<'_>, ImportError> {
    let mut budget = Budget { nodes: 0 };
    let (mut graph, mut opset, mut functions) = (None, None, HashMap::new());
    for field in fields(bytes) {
        match field? {
            (7, field) => graph = Some(read_graph(field.bytes()?, &mut budget, 0)?),
            (8, field) => {
                let (mut domain, mut version) = (String::new(), 0);
                for field in fields(field.bytes()?) {
                    match field? {
                        (1, field) => domain = field.text()?,
                        (2, field) => version = field.int()?,
                        _ => {}
                    }
                }
                if domain.is_empty() || domain == "ai.onnx" {
                    opset = Some(version);
                }
            }
            (25, field) => {
                let (key, body) = read_function(field.bytes()?, &mut budget)?;
                functions.insert(key, body);
            }
            _ => {}
        }
    }
    let graph = graph.ok_or_else(|| ImportError("is no ONNX file: it has no graph".into()))?;
    let opset = opset.ok_or_else(|| ImportError("is no ONNX file: it does not say which operators it uses".into()))?;
    Ok(Model { graph, opset, functions })
}

fn read_graph<'f>(bytes: &'f [u8], budget: &mut Budget, depth: usize) -> Result<Graph<'f>, ImportError> {
    if depth > DEEPEST {
        return Err(ImportError::damaged("its graphs are nested too deeply"));
    }
    let mut graph = Graph::default();
    for field in fields(bytes) {
        match field? {
            (1, field) => graph.nodes.push(read_node(field.bytes()?, budget, depth)?),
            (5, field) => {
                budget.nodes += 1;
                graph.initializers.push(Tensor::read(field.bytes()?)?);
            }
            (11, field) => graph.inputs.push(read_declared(field.bytes()?)?),
            (12, field) => graph.outputs.push(read_declared(field.bytes()?)?),
            (15, _) => return Err(ImportError::unsupported("has sparse weights, which are not known here")),
            _ => {}
        }
        if budget.nodes > MOST_NODES {
            return Err(ImportError::unsupported(format!("has more than {MOST_NODES} nodes and weights")));
        }
    }
    Ok(graph)
}

fn read_function<'f>(
    bytes: &'f [u8],
    budget: &mut Budget,
) -> Result<((String, String), FunctionBody<'f>), ImportError> {
    let (mut name, mut domain, mut body) = (String::new(), String::new(), FunctionBody::default());
    for field in fields(bytes) {
        match field? {
            (1, field) => name = field.text()?,
            (4, field) => body.inputs.push(field.text()?),
            (5, field) => body.outputs.push(field.text()?),
            (7, field) => body.nodes.push(read_node(field.bytes()?, budget, 0)?),
            (10, field) => domain = field.text()?,
            _ => {}
        }
    }
    Ok(((domain, name), body))
}

fn read_node<'f>(bytes: &'f [u8], budget: &mut Budget, depth: usize) -> Result<Node<'f>, ImportError> {
    budget.nodes += 1;
    if budget.nodes > MOST_NODES {
        return Err(ImportError::unsupported(format!("has more than {MOST_NODES} nodes and weights")));
    }
    let mut node = Node::default();
    for field in fields(bytes) {
        match field? {
            (1, field) => node.inputs.push(field.text()?),
            (2, field) => node.outputs.push(field.text()?),
            (3, field) => node.name = field.text()?,
            (4, field) => node.operator = field.text()?,
            (5, field) => {
                let (name, attribute) = read_attribute(field.bytes()?, budget, depth)?;
                node.attributes.insert(name, attribute);
            }
            (7, field) => node.domain = field.text()?,
            (9, field) => {
                let (key, value) = read_pair(field.bytes()?)?;
                if key == "pkg.torch.onnx.name_scopes" {
                    node.scope = Some(scope_of(&value));
                }
            }
            _ => {}
        }
    }
    Ok(node)
}

/// The module's path of `['', 'layer1', 'layer1.0', 'conv2d']`: the last is the operator's.
fn scope_of(list: &str) -> String {
    let names: Vec<&str> =
        list.trim_matches(['[', ']']).split(',').map(|name| name.trim().trim_matches('\'')).collect();
    names.len().checked_sub(2).map(|at| names[at].to_owned()).unwrap_or_default()
}

fn read_attribute<'f>(
    bytes: &'f [u8],
    budget: &mut Budget,
    depth: usize,
) -> Result<(String, Attribute<'f>), ImportError> {
    let (mut name, mut attribute) = (String::new(), Attribute::default());
    for field in fields(bytes) {
        match field? {
            (1, field) => name = field.text()?,
            (2, field) => attribute.float = Some(field.float()?),
            (3, field) => attribute.int = Some(field.int()?),
            (4, field) => attribute.text = Some(field.text()?),
            (5, field) => attribute.tensor = Some(Tensor::read(field.bytes()?)?),
            (6, field) => attribute.graph = Some(read_graph(field.bytes()?, budget, depth + 1)?),
            (7, field) => field.floats(&mut attribute.floats)?,
            (8, field) => field.ints(&mut attribute.ints)?,
            (21, field) => attribute.of_function = Some(field.text()?),
            _ => {}
        }
    }
    Ok((name, attribute))
}

fn read_declared(bytes: &[u8]) -> Result<Declared, ImportError> {
    let mut declared = Declared::default();
    for field in fields(bytes) {
        match field? {
            (1, field) => declared.name = field.text()?,
            (2, field) => {
                for field in fields(field.bytes()?) {
                    // tensor_type; sequences and maps are none of ours.
                    if let (1, field) = field? {
                        read_tensor_type(field.bytes()?, &mut declared)?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(declared)
}

fn read_tensor_type(bytes: &[u8], declared: &mut Declared) -> Result<(), ImportError> {
    for field in fields(bytes) {
        match field? {
            (1, field) => declared.kind = field.int()?,
            (2, field) => {
                for field in fields(field.bytes()?) {
                    let (1, dimension) = field? else { continue };
                    let mut size = None;
                    for field in fields(dimension.bytes()?) {
                        if let (1, field) = field? {
                            // 0 is what some exporters write for an open size.
                            size = Some(field.int()?).filter(|&size| size > 0);
                        }
                    }
                    declared.sizes.push(size);
                    if declared.sizes.len() > 64 {
                        return Err(ImportError::damaged(format!("'{}' has too many axes", shown(&declared.name))));
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}
