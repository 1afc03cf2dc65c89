//! What libtorch throws. tch turns a C++ exception into a panic with the text `…Torch("REASON\nSTACK")…`, which is all that there is
//! to know it by; this is the one place that reads it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Error, Result};

/// Stands in the text of a panic where libtorch threw.
const THROWN: &str = "Torch(\"";

/// The first line of what libtorch threw; none of a panic that is not libtorch's.
pub fn thrown(panic: &(dyn Any + Send)) -> Option<String> {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied())?;
    let (_, reason) = text.split_once(THROWN)?;
    // What follows is a C++ stack, its line breaks escaped.
    Some(reason.split("\\n").next()?.lines().next().unwrap_or_default().to_owned())
}

/// Runs a computation in which libtorch may throw; `what` says where, such as ` in a batch of 8 runs`.
///
/// Nothing that it works on may be used after it has failed but frozen weights, which stay as they are.
///
/// # Errors
/// A compute error, with a hint where memory ran out. A panic of our own, which is a bug, is one, too, so that it ends nothing else.
pub fn catching<T>(what: &str, compute: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(compute)).unwrap_or_else(|panic| match thrown(&*panic) {
        Some(reason) => {
            let hint = if reason.contains("memory") { "a smaller --batch may help" } else { "" };
            Err(Error::compute(format!("libtorch failed{what}: {reason}")).hinted(hint))
        }
        None => {
            let text =
                panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
            Err(Error::compute(format!("a panic{what}: {}", text.unwrap_or("unknown"))))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_the_first_line_of_what_libtorch_threw_and_other_panics_have_none() {
        let of = |text: &str| thrown(&*(Box::new(text.to_owned()) as Box<dyn Any + Send>));
        let text = r#"called `Result::unwrap()` on an `Err` value: Torch("no memory\nException raised from")"#;
        assert_eq!(of(text).as_deref(), Some("no memory"));
        assert_eq!(of("index out of bounds"), None);
        let matrix = tch::Tensor::zeros([2, 3], (tch::Kind::Float, tch::Device::Cpu));
        let error = catching(" in a test", || Ok(matrix.matmul(&matrix))).unwrap_err();
        assert!(error.to_string().starts_with("libtorch failed in a test: mat1 and mat2"), "{error}");
    }
}
