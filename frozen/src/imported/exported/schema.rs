//! The program as JSON: what of PyTorch's schema of exported programs (major version 8) is read here.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value as Json;

use super::archive::Meta;

/// A program.
#[derive(Deserialize)]
pub(super) struct Program {
    pub graph_module: GraphModule,
    pub schema_version: Version,
}

#[derive(Deserialize)]
pub(super) struct Version {
    pub major: i64,
}

#[derive(Deserialize)]
pub(super) struct GraphModule {
    pub graph: Graph,
    pub signature: Signature,
}

/// The nodes in the order in which they run.
#[derive(Deserialize)]
pub(super) struct Graph {
    pub nodes: Vec<Node>,
    pub tensor_values: HashMap<String, Meta>,
}

/// A call of an operator.
#[derive(Deserialize)]
pub(super) struct Node {
    /// `torch.ops.aten.conv2d.default`
    pub target: String,
    pub inputs: Vec<NamedArgument>,
    pub outputs: Vec<Json>,
    #[serde(default)]
    pub metadata: Metadata,
    pub name: Option<String>,
}

/// Where the call stands in the user's model.
#[derive(Default, Deserialize)]
pub(super) struct Metadata {
    /// `L__self___conv1,conv1,torch.nn.modules.conv.Conv2d`, joined by semicolons, the innermost last.
    #[serde(default)]
    pub nn_module_stack: String,
}

#[derive(Deserialize)]
pub(super) struct NamedArgument {
    pub name: String,
    pub arg: Json,
}

/// What goes in and comes out.
#[derive(Deserialize)]
pub(super) struct Signature {
    pub input_specs: Vec<Json>,
    pub output_specs: Vec<Json>,
}

/// What an input of the graph is.
pub(super) enum Input {
    /// A tensor of the archive: its name in the graph, and in the tables.
    Tensor(String, String),
    /// What the user gives: its name in the graph.
    User(String),
    /// A number or a text that is written into the program, or nothing.
    Constant,
}

impl Signature {
    /// The inputs in their order; what is none of these by its kind.
    pub fn inputs(&self) -> Result<Vec<Input>, String> {
        let inputs = self.input_specs.iter().map(|spec| {
            let (kind, body) = spec.as_object().and_then(|spec| spec.iter().next()).ok_or("no input")?;
            let text = |value: &Json| value.as_str().map(str::to_owned);
            let name = text(&body["arg"]["name"]);
            let stored = match kind.as_str() {
                "parameter" => text(&body["parameter_name"]),
                "buffer" => text(&body["buffer_name"]),
                "tensor_constant" => text(&body["tensor_constant_name"]),
                "user_input" => {
                    return Ok(match text(&body["arg"]["as_tensor"]["name"]) {
                        Some(name) => Input::User(name),
                        None => Input::Constant,
                    });
                }
                "constant_input" | "custom_obj" | "token" => return Ok(Input::Constant),
                other => return Err(format!("an input of kind '{other}'")),
            };
            match (name, stored) {
                (Some(name), Some(stored)) => Ok(Input::Tensor(name, stored)),
                _ => Err(format!("an input of kind '{kind}' without a name")),
            }
        });
        inputs.collect()
    }

    /// The names of the tensors that the user gets.
    pub fn outputs(&self) -> Vec<String> {
        let of = |spec: &Json| spec["user_output"]["arg"]["as_tensor"]["name"].as_str().map(str::to_owned);
        self.output_specs.iter().filter_map(of).collect()
    }
}

impl Node {
    /// The path of the module that calls it: `layer4.1.conv2`.
    pub fn scope(&self) -> &str {
        let last = self.metadata.nn_module_stack.rsplit(';').next().unwrap_or_default();
        // The class's name may hold commas: `key,path,class`.
        last.split(',').nth(1).unwrap_or_default()
    }
}
