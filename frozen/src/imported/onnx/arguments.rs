//! The inputs and attributes of one node.

use std::collections::HashMap;

use super::super::error::ImportError;
use super::super::trace::{Tracer, Value};
use super::model::{Attribute, Node};

/// A node that is being read, with its inputs' values.
pub(super) struct Call<'a, 'f> {
    pub node: &'a Node<'f>,
    pub inputs: Vec<Value>,
    /// The version of the operators.
    pub opset: i64,
    /// Attributes of the function around it.
    pub outer: Option<&'a HashMap<String, Attribute<'f>>>,
}

impl<'a, 'f> Call<'a, 'f> {
    fn attribute(&self, name: &str) -> Option<&'a Attribute<'f>> {
        let attribute = self.node.attributes.get(name)?;
        match &attribute.of_function {
            Some(outer) => self.outer?.get(outer),
            None => Some(attribute),
        }
    }

    /// An attribute as it stands.
    pub fn raw(&self, name: &str) -> Option<&'a Attribute<'f>> {
        self.attribute(name)
    }

    pub fn int(&self, name: &str, otherwise: i64) -> i64 {
        self.attribute(name).and_then(|attribute| attribute.int).unwrap_or(otherwise)
    }

    pub fn float(&self, name: &str, otherwise: f64) -> f64 {
        self.attribute(name).and_then(|attribute| attribute.float).map_or(otherwise, shortest)
    }

    pub fn text(&self, name: &str, otherwise: &'static str) -> String {
        self.attribute(name).and_then(|attribute| attribute.text.clone()).unwrap_or_else(|| otherwise.to_owned())
    }

    /// A list of whole numbers, if it is given.
    pub fn ints(&self, name: &str) -> Option<Vec<i64>> {
        self.attribute(name).map(|attribute| attribute.ints.clone()).filter(|list| !list.is_empty())
    }

    pub fn floats(&self, name: &str) -> Vec<f64> {
        self.attribute(name)
            .map(|attribute| attribute.floats.iter().copied().map(shortest).collect())
            .unwrap_or_default()
    }

    /// An input that must be there.
    pub fn input(&self, index: usize, tracer: &Tracer) -> Result<Value, ImportError> {
        match self.inputs.get(index) {
            Some(Value::Absent) | None => Err(tracer.wrong(format!("it has no input {index}"))),
            Some(value) => Ok(value.clone()),
        }
    }

    /// An input that may be left out.
    pub fn optional(&self, index: usize) -> Value {
        self.inputs.get(index).cloned().unwrap_or(Value::Absent)
    }

    /// Whether an input is there.
    pub fn has(&self, index: usize) -> bool {
        !matches!(self.inputs.get(index), Some(Value::Absent) | None)
    }

    /// Whole numbers by pass, which earlier versions had as an attribute and later ones as an input.
    pub fn listed(&self, name: &str, index: usize, tracer: &Tracer) -> Result<Option<Vec<Vec<i64>>>, ImportError> {
        if let Some(list) = self.ints(name) {
            return Ok(Some(vec![list; tracer.passes()]));
        }
        if self.has(index) { tracer.ints(&self.inputs[index]).map(Some) } else { Ok(None) }
    }

    /// As [`Call::listed`], the same in each pass.
    pub fn axes(&self, name: &str, index: usize, tracer: &Tracer) -> Result<Option<Vec<i64>>, ImportError> {
        Ok(self.listed(name, index, tracer)?.map(|mut lists| lists.remove(0)))
    }
}

/// A 32-bit float as the number that was meant: 0.2 and not 0.20000000298.
fn shortest(float: f32) -> f64 {
    float.to_string().parse().unwrap_or(f64::from(float))
}
