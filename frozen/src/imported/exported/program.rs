//! Follows an exported program: its nodes one by one, in the order in which they run.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;

use serde_json::Value as Json;
use tch::Tensor;

use super::super::error::{ImportError, shown};
use super::super::trace::{Tracer, Value};
use super::archive::{Archive, Size};
use super::arguments::{Arguments, Item, Names, item};
use super::operator::Operator;
use super::operators;
use super::schema::{Input, Node, Program};

/// A program whose tensors have been read.
pub(in super::super) struct Exported {
    program: Program,
    names: HashMap<String, Tensor>,
    inputs: Vec<String>,
}

/// Opens a file of `length` bytes.
pub(in super::super) fn open(file: File, length: u64) -> Result<Exported, ImportError> {
    let (mut archive, program): (Archive, Program) = Archive::open(file, length)?;
    if program.schema_version.major != 8 {
        let major = program.schema_version.major;
        return Err(ImportError(format!(
            "has the schema {major} of exported programs; 8 is known (PyTorch 2.8 and later)"
        )));
    }
    let (mut names, mut inputs) = (HashMap::new(), vec![]);
    let all = program.graph_module.signature.inputs();
    for input in all.map_err(|reason| ImportError::unsupported(format!("has {reason}")))? {
        match input {
            Input::Tensor(name, stored) => {
                let tensor = archive.tensor(&stored)?;
                names.insert(name, tensor);
            }
            Input::User(name) => inputs.push(name),
            Input::Constant => {}
        }
    }
    Ok(Exported { program, names, inputs })
}

impl Exported {
    /// The sizes of each input, none where a size is open.
    pub fn inputs(&self) -> Vec<(String, Vec<Option<i64>>)> {
        let sizes = |name: &String| {
            let meta = self.program.graph_module.graph.tensor_values.get(name);
            meta.map(|meta| meta.sizes.iter().map(Size::fixed).collect()).unwrap_or_default()
        };
        self.inputs.iter().map(|name| (name.clone(), sizes(name))).collect()
    }

    /// Follows the program from the values of its inputs, in their order, to those of its outputs.
    pub fn follow(&self, inputs: &[Value], tracer: &mut Tracer) -> Result<Vec<(String, Value)>, ImportError> {
        let graph = &self.program.graph_module.graph;
        let mut names: Names = self
            .names
            .iter()
            .map(|(name, tensor)| (name.clone(), Item::Value(tracer.known(tensor.shallow_clone()))))
            .chain(self.inputs.iter().cloned().zip(inputs.iter().cloned().map(Item::Value)))
            .collect();
        let outputs = self.program.graph_module.signature.outputs();
        let last = last_reads(&graph.nodes, &outputs);
        let mut releases: HashMap<usize, Vec<&str>> = HashMap::new();
        last.iter().filter(|(_, at)| **at < graph.nodes.len()).for_each(|(name, at)| {
            releases.entry(*at).or_default().push(name);
        });
        let mut views = Views::default();
        let mut unknown: BTreeMap<String, (usize, String)> = BTreeMap::new();
        for (at, node) in graph.nodes.iter().enumerate() {
            let name = node.name.as_deref().or_else(|| first_result(node)).unwrap_or("?");
            tracer.enter(name, node.scope());
            let operator = Operator::of(&node.target);
            let arguments: HashMap<String, Item> = node
                .inputs
                .iter()
                .map(|input| Ok((input.name.clone(), item(&input.arg, &names, tracer.passes())?)))
                .collect::<Result<_, ImportError>>()?;
            let read = node.inputs.first().and_then(|input| input.arg["as_tensor"]["name"].as_str());
            // A mask that is filled part by part: parts of known numbers share memory with the whole, as they do in PyTorch.
            if let ("fill", true, Some(Item::Value(whole @ Value::Known(_)))) =
                (operator.name.as_str(), operator.in_place, arguments.get("self"))
            {
                let number = Arguments(arguments.clone()).each_of(&["value"], tracer)?[0];
                tracer.fill(whole, number)?;
                let result = Item::Value(whole.clone());
                bind(node, vec![result], &mut names);
                continue;
            }
            if arguments.values().any(is_unknown) {
                bind(node, vec![], &mut names);
                continue;
            }
            if let (true, Some(read)) = (operator.in_place, read) {
                views.check(read, at, &last).map_err(|other| {
                    tracer.wrong(format!(
                        "{} writes over '{read}', of which '{other}' is a view; export with \
                         `torch.export.export(...).run_decompositions()`",
                        node.target
                    ))
                })?;
            }
            let results = operators::call(&operator, &Arguments(arguments), tracer)?;
            let results = results.unwrap_or_else(|| {
                let entry = unknown.entry(node.target.clone()).or_insert((0, name.to_owned()));
                entry.0 += 1;
                vec![Item::Value(Value::Unknown)]
            });
            if let (true, Some(read), Some(result)) = (operator.in_place, read, results.first()) {
                names.insert(read.to_owned(), result.clone());
            }
            bind(node, results, &mut names);
            if let (true, Some(read), Some(result)) = (operator.is_view(), read, first_result(node)) {
                views.add(read, result);
            }
            for name in releases.remove(&at).unwrap_or_default() {
                if let Some(Item::Value(value)) = names.remove(name) {
                    tracer.release(value);
                }
            }
        }
        if !unknown.is_empty() {
            return Err(missing_operators(&unknown));
        }
        let of = |name: &String| match names.get(name) {
            Some(Item::Value(value @ (Value::Known(_) | Value::Data(_)))) => Ok((name.clone(), value.clone())),
            _ => {
                Err(ImportError::damaged(format!("its output '{}' is made by nothing that is known here", shown(name))))
            }
        };
        outputs.iter().map(of).collect()
    }
}

/// The error that names what is not known here: operator, how often, and where first.
pub(in super::super) fn missing_operators(unknown: &BTreeMap<String, (usize, String)>) -> ImportError {
    let list: Vec<String> = unknown
        .iter()
        .map(|(operator, (count, first))| {
            let times = if *count == 1 { "once".to_owned() } else { format!("{count} times, first") };
            format!("{} ({times} at node '{}')", shown(operator), shown(first))
        })
        .collect();
    ImportError(format!("uses operators that are not known here: {}", list.join("; ")))
}

/// Which names may share memory.
#[derive(Default)]
struct Views(Vec<(String, String)>);

impl Views {
    fn add(&mut self, of: &str, view: &str) {
        self.0.push((of.to_owned(), view.to_owned()));
    }

    /// Whether nobody reads a view of what is written over at `at`, or what it is a view of; otherwise who does.
    fn check(&self, name: &str, at: usize, last: &HashMap<&str, usize>) -> Result<(), String> {
        let read_later = |name: &str| last.get(name).is_some_and(|&last| last > at);
        for (of, view) in &self.0 {
            let other = match (of == name, view == name) {
                (true, _) => view,
                (_, true) => of,
                _ => continue,
            };
            if read_later(other) {
                return Err(other.clone());
            }
        }
        Ok(())
    }
}

/// Whether an argument is what an operator makes that is not known here.
fn is_unknown(item: &Item) -> bool {
    match item {
        Item::Value(Value::Unknown) => true,
        Item::List(items) => items.iter().any(is_unknown),
        _ => false,
    }
}

fn first_result(node: &Node) -> Option<&str> {
    node.outputs.first().and_then(|output| output["as_tensor"]["name"].as_str())
}

/// By name, the last node that reads it; beyond all nodes for outputs.
fn last_reads<'p>(nodes: &'p [Node], outputs: &'p [String]) -> HashMap<&'p str, usize> {
    let mut last = HashMap::new();
    for (at, node) in nodes.iter().enumerate() {
        for input in &node.inputs {
            for_each_name(&input.arg, &mut |name| {
                last.insert(name, at);
            });
        }
    }
    outputs.iter().for_each(|name| {
        last.insert(name.as_str(), usize::MAX);
    });
    last
}

fn for_each_name<'p>(argument: &'p Json, each: &mut impl FnMut(&'p str)) {
    let Some((kind, body)) = argument.as_object().and_then(|object| object.iter().next()) else { return };
    match kind.as_str() {
        "as_tensor" => body["name"].as_str().into_iter().for_each(each),
        "as_tensors" => body.as_array().into_iter().flatten().filter_map(|of| of["name"].as_str()).for_each(each),
        "as_optional_tensors" => {
            for inner in body.as_array().into_iter().flatten() {
                inner["as_tensor"]["name"].as_str().into_iter().for_each(&mut *each);
            }
        }
        "as_optional_tensor" => body["as_tensor"]["name"].as_str().into_iter().for_each(each),
        _ => {}
    }
}

/// Gives a node's results their names; those that are not computed here (statistics of a norm) are unknown.
fn bind(node: &Node, results: Vec<Item>, names: &mut Names) {
    let mut given = vec![];
    for output in &node.outputs {
        let Some((kind, body)) = output.as_object().and_then(|object| object.iter().next()) else { continue };
        match kind.as_str() {
            "as_tensor" => given.extend(body["name"].as_str()),
            "as_tensors" => given.extend(body.as_array().into_iter().flatten().filter_map(|of| of["name"].as_str())),
            "as_sym_int" | "as_sym_float" | "as_sym_bool" => given.extend(body["as_name"].as_str()),
            _ => given.push(""),
        }
    }
    let mut results = results.into_iter();
    for name in given {
        let result = results.next().unwrap_or(Item::Value(Value::Unknown));
        names.insert(name.to_owned(), result);
    }
}
