//! A network that is a program: its one node runs TorchScript, and the program's outputs are its taps.

use tch::Tensor;

use super::graph::{Network, Point, Source, Step, Tap};
use super::layers::script::{Script, ScriptError};

impl Script {
    /// The network of this program for inputs of the shape `input` (without the batch dimension). Its taps are the
    /// program's outputs in their order: a tensor, a tuple, a list, or a dictionary, whose keys then are their names.
    /// Without `names`, those of a tuple or a list are `output.0`, `output.1` and so on, and a tensor is `output`.
    ///
    /// # Errors
    /// If the program fails on such an input, has other outputs than named, or one that is neither `[N,C]` nor
    /// `[N,C,H,W]`.
    pub fn network(mut self, input: &[i64], names: Option<&[String]>) -> Result<Network, ScriptError> {
        let wrong = |reason: String| Err(ScriptError(reason));
        // One sample, and two: a program that was traced may have its batch written into it.
        let (one, _) = self.try_shape(1, input)?;
        let (run, keys) = self.try_shape(2, input)?;
        let shape: Vec<i64> = std::iter::once(2).chain(input.iter().copied()).collect();
        let count = run.outputs.len();
        let names = match (names, keys) {
            (Some(names), keys) if names.len() != count || keys.as_ref().is_some_and(|keys| keys != names) => {
                let has = keys.map_or_else(|| format!("{count}"), |keys| keys.join(", "));
                return wrong(format!("config.outputs names {}, but the program returns {has}", names.join(", ")));
            }
            (_, Some(keys)) => keys,
            (Some(names), None) => names.to_vec(),
            (None, None) if count == 1 => vec!["output".to_owned()],
            (None, None) => (0..count).map(|number| format!("output.{number}")).collect(),
        };
        for (number, (name, output)) in names.iter().zip(&run.outputs).enumerate() {
            let size = output.size();
            if names[..number].contains(name) {
                return wrong(format!("two outputs are called '{name}'"));
            }
            let of_one = one.outputs.get(number).map(Tensor::size).unwrap_or_default();
            if of_one.first() != Some(&1) || of_one[1..] != size[1..] {
                return wrong(format!("output '{name}' has the shape {of_one:?} for one sample, and {size:?} for two"));
            }
            if !matches!(size[..], [2, _] | [2, _, _, _]) || output.kind() != self.options().0 {
                let kind = output.kind();
                return wrong(format!(
                    "output '{name}' is {kind:?} {size:?} for an input of {shape:?}; floats [N,C] or [N,C,H,W] are needed"
                ));
            }
        }
        self.try_gradient(&run, &names);
        let (kind, device) = self.options();
        let mut steps = vec![
            Step { source: Source::Input, inputs: vec![] },
            Step { source: Source::Program(self), inputs: vec![0] },
        ];
        let mut taps = vec![];
        for name in names {
            taps.push(Tap { name, aliases: vec![], point: Point(steps.len()) });
            steps.push(Step { source: Source::Output, inputs: vec![1] });
        }
        Ok(Network { steps, taps, kind, device, notes: vec![] })
    }
}
