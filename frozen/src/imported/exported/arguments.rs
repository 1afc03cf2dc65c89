//! The arguments of a call, by the names that PyTorch's schema of the operator has.

use std::collections::HashMap;

use serde_json::Value as Json;
use tch::{Kind, Tensor};

use super::super::error::ImportError;
use super::super::trace::{Tracer, Value};

/// What a name or an argument is.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Value(Value),
    /// A number for each pass.
    Number(Vec<f64>),
    List(Vec<Item>),
    Text(String),
    Nothing,
}

/// What the names of the program are.
pub(super) type Names = HashMap<String, Item>;

/// Reads an argument of the program.
pub(super) fn item(argument: &Json, names: &Names, passes: usize) -> Result<Item, ImportError> {
    let wrong = || ImportError::damaged(format!("an argument is {:.80}", argument.to_string()));
    let (kind, body) = argument.as_object().and_then(|object| object.iter().next()).ok_or_else(wrong)?;
    let named = |body: &Json| -> Result<Item, ImportError> {
        let name = body.as_str().ok_or_else(wrong)?;
        names.get(name).cloned().ok_or_else(|| ImportError::damaged(format!("nothing is called '{name:.80}'")))
    };
    let number = |body: &Json| -> Result<Item, ImportError> {
        let number = match body {
            Json::Bool(flag) => f64::from(u8::from(*flag)),
            Json::String(text) => match text.as_str() {
                "Infinity" => f64::INFINITY,
                "-Infinity" => f64::NEG_INFINITY,
                "NaN" => f64::NAN,
                _ => return Err(wrong()),
            },
            other => other.as_f64().ok_or_else(wrong)?,
        };
        Ok(Item::Number(vec![number; passes]))
    };
    let symbol = |body: &Json| match body.as_object().and_then(|object| object.iter().next()) {
        Some((kind, body)) if kind == "as_name" => named(body),
        Some((_, body)) => number(body),
        None => Err(wrong()),
    };
    let list = |each: &dyn Fn(&Json) -> Result<Item, ImportError>| -> Result<Item, ImportError> {
        Ok(Item::List(body.as_array().ok_or_else(wrong)?.iter().map(each).collect::<Result<_, _>>()?))
    };
    match kind.as_str() {
        "as_tensor" => named(&body["name"]),
        "as_tensors" => list(&|tensor| named(&tensor["name"])),
        "as_optional_tensor" => item(body, names, passes),
        "as_optional_tensors" => list(&|tensor| item(tensor, names, passes)),
        "as_int" | "as_float" | "as_bool" | "as_scalar_type" => number(body),
        "as_ints" | "as_floats" | "as_bools" => list(&number),
        "as_sym_int" | "as_sym_float" | "as_sym_bool" => symbol(body),
        "as_sym_ints" | "as_sym_floats" | "as_sym_bools" => list(&symbol),
        "as_string" => Ok(Item::Text(body.as_str().ok_or_else(wrong)?.to_owned())),
        _ => Ok(Item::Nothing),
    }
}

/// The arguments of one call.
pub(super) struct Arguments(pub HashMap<String, Item>);

impl Arguments {
    fn get(&self, name: &str) -> &Item {
        self.0.get(name).unwrap_or(&Item::Nothing)
    }

    /// The first of these that is given.
    fn first(&self, names: &[&str]) -> &Item {
        names.iter().map(|name| self.get(name)).find(|item| !matches!(item, Item::Nothing)).unwrap_or(&Item::Nothing)
    }

    /// Whether it is given.
    pub fn has(&self, name: &str) -> bool {
        !matches!(self.get(name), Item::Nothing)
    }

    /// A tensor, or a number as one.
    pub fn value(&self, name: &str, tracer: &Tracer) -> Result<Value, ImportError> {
        match self.get(name) {
            Item::Nothing => Err(tracer.wrong(format!("it has no argument '{name}'"))),
            other => as_value(other, tracer),
        }
    }

    /// A tensor, if it is given.
    pub fn optional(&self, name: &str, tracer: &Tracer) -> Result<Value, ImportError> {
        as_value(self.get(name), tracer)
    }

    /// Several tensors.
    pub fn values(&self, name: &str, tracer: &Tracer) -> Result<Vec<Value>, ImportError> {
        match self.get(name) {
            Item::List(items) => items.iter().map(|item| as_value(item, tracer)).collect(),
            _ => Err(tracer.wrong(format!("its argument '{name}' is no list"))),
        }
    }

    /// Whole numbers for each pass, or `otherwise`.
    pub fn ints_each(&self, name: &str, otherwise: &[i64], tracer: &Tracer) -> Result<Vec<Vec<i64>>, ImportError> {
        let passes = tracer.passes();
        match self.get(name) {
            Item::Nothing => Ok(vec![otherwise.to_vec(); passes]),
            Item::Number(numbers) => Ok(numbers.iter().map(|&number| vec![number as i64]).collect()),
            Item::List(items) => {
                let mut lists = vec![vec![]; passes];
                for item in items {
                    let numbers = of_each(item, tracer)?;
                    lists.iter_mut().zip(numbers).for_each(|(list, number)| list.push(number as i64));
                }
                Ok(lists)
            }
            _ => Err(tracer.wrong(format!("its argument '{name}' is no list of whole numbers"))),
        }
    }

    /// Whole numbers that are the same in each pass, or `otherwise`.
    pub fn ints(&self, name: &str, otherwise: &[i64], tracer: &Tracer) -> Result<Vec<i64>, ImportError> {
        Ok(self.ints_each(name, otherwise, tracer)?.remove(0))
    }

    /// Whole numbers, as many as there are axes: one number stands for all.
    pub fn ints_of(&self, name: &str, otherwise: i64, count: usize, tracer: &Tracer) -> Result<Vec<i64>, ImportError> {
        let mut ints = self.ints(name, &[otherwise], tracer)?;
        if ints.is_empty() {
            ints.push(otherwise);
        }
        Ok(if ints.len() == 1 { vec![ints[0]; count] } else { ints })
    }

    /// A whole number for each pass, or `otherwise`.
    pub fn int_each(&self, name: &str, otherwise: i64, tracer: &Tracer) -> Result<Vec<i64>, ImportError> {
        let lists = self.ints_each(name, &[otherwise], tracer)?;
        lists.into_iter().map(|list| list.first().copied().ok_or_else(|| tracer.wrong("a list is empty"))).collect()
    }

    /// A whole number, or `otherwise`.
    pub fn int(&self, name: &str, otherwise: i64, tracer: &Tracer) -> Result<i64, ImportError> {
        Ok(self.int_each(name, otherwise, tracer)?[0])
    }

    /// A number, or `otherwise`.
    pub fn number(&self, name: &str, otherwise: f64, tracer: &Tracer) -> Result<f64, ImportError> {
        match self.get(name) {
            Item::Nothing => Ok(otherwise),
            other => Ok(of_each(other, tracer)?[0]),
        }
    }

    /// Numbers, if they are given.
    pub fn numbers(&self, name: &str, tracer: &Tracer) -> Result<Vec<f64>, ImportError> {
        match self.get(name) {
            Item::List(items) => items.iter().map(|item| Ok(of_each(item, tracer)?[0])).collect(),
            _ => Ok(vec![]),
        }
    }

    /// Yes or no, or `otherwise`.
    pub fn flag(&self, name: &str, otherwise: bool, tracer: &Tracer) -> Result<bool, ImportError> {
        Ok(self.number(name, f64::from(u8::from(otherwise)), tracer)? != 0.)
    }

    /// A text, or `otherwise`.
    pub fn text(&self, name: &str, otherwise: &'static str) -> String {
        match self.get(name) {
            Item::Text(text) => text.clone(),
            _ => otherwise.to_owned(),
        }
    }

    /// A number for each pass, of whichever of these names is given.
    pub fn each_of(&self, names: &[&str], tracer: &Tracer) -> Result<Vec<f64>, ImportError> {
        of_each(self.first(names), tracer)
    }
}

fn of_each(item: &Item, tracer: &Tracer) -> Result<Vec<f64>, ImportError> {
    match item {
        Item::Number(numbers) => Ok(numbers.clone()),
        Item::Value(value) => {
            let numbers = tracer.ints(value)?;
            Ok(numbers.iter().map(|list| list.first().map_or(0., |&number| number as f64)).collect())
        }
        _ => Err(tracer.wrong("an argument is no number")),
    }
}

fn as_value(item: &Item, tracer: &Tracer) -> Result<Value, ImportError> {
    match item {
        Item::Nothing => Ok(Value::Absent),
        Item::Value(value) => Ok(value.clone()),
        Item::Number(numbers) => {
            // As Python has it: a whole number does not make floats of whole numbers.
            let whole = numbers.iter().all(|number| number.fract() == 0. && number.abs() < 1e15);
            let kind = if whole { Kind::Int64 } else { Kind::Float };
            Ok(tracer.known_each(numbers.iter().map(|&number| Tensor::from(number).to_kind(kind)).collect()))
        }
        _ => Err(tracer.wrong("an argument is no tensor")),
    }
}
