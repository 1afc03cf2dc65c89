//! The name of an operator, as exported programs write it.

use super::super::function::{Function, Unary};

/// An operator's name, taken apart.
pub(super) struct Operator {
    /// `add` of `torch.ops.aten.add_.Tensor`.
    pub name: String,
    /// `Tensor`
    pub overload: String,
    /// Whether it writes its result over its first argument.
    pub in_place: bool,
}

impl Operator {
    pub fn of(target: &str) -> Operator {
        let bare = target.trim_start_matches("torch.ops.").trim_start_matches("aten.");
        let (name, overload) = bare.split_once('.').unwrap_or((bare, ""));
        if let Some(operator) = target.strip_prefix("_operator.") {
            return Operator { name: format!("_operator.{operator}"), overload: String::new(), in_place: false };
        }
        let in_place = name.ends_with('_') && !name.ends_with("__");
        Operator {
            name: if in_place { name.trim_end_matches('_').to_owned() } else { name.to_owned() },
            overload: overload.to_owned(),
            in_place,
        }
    }

    /// Whether its result may share memory with its first argument.
    pub fn is_view(&self) -> bool {
        const VIEWS: [&str; 18] = [
            "view",
            "reshape",
            "permute",
            "transpose",
            "t",
            "expand",
            "slice",
            "select",
            "squeeze",
            "unsqueeze",
            "flatten",
            "unflatten",
            "narrow",
            "split",
            "chunk",
            "unbind",
            "detach",
            "alias",
        ];
        VIEWS.contains(&self.name.as_str()) || self.name == "dropout"
    }
}

/// A function that changes nothing.
pub(super) const NOTHING: Function = Function::Unary(Unary::Identity);
