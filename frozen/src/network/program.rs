//! A network that is a program: its one node runs TorchScript, and the program's outputs are its taps.

use tch::Tensor;

use super::graph::{Network, Point, Source, Step, Tap};
use super::layers::script::{Script, ScriptError, kept};
use super::layers::shape::{Same, Tokens};

impl Script {
    /// The network of this program for inputs of the shape `input` (without the batch dimension). Its taps are the
    /// program's outputs in their order: a tensor, a tuple, a list, or a dictionary, whose keys then are their names.
    /// Without `names`, those of a tuple or a list are `output.0`, `output.1` and so on, and a tensor is `output`.
    ///
    /// # Errors
    /// If the program fails on such an input, has other outputs than named, one that is neither `[N,C]` nor `[N,T,C]`
    /// nor `[N,C,H,W]`, or gives other numbers for the same input.
    pub fn network(mut self, input: &[i64], names: Option<&[String]>) -> Result<Network, ScriptError> {
        let wrong = |reason: String| Err(ScriptError(reason));
        // One sample, and two: a program that was traced may have its batch written into it.
        let (one, _) = self.try_shape(1, input)?;
        let (run, keys) = self.try_shape(2, input)?;
        let shape: Vec<i64> = std::iter::once(2).chain(input.iter().copied()).collect();
        let count = run.outputs.len();
        // What is None is left out, and its name with it.
        let names = names.map(|names| match names.len() == run.present.len() {
            true => kept(names.to_vec(), &run.present),
            false => names.to_vec(),
        });
        let names = match (names.as_deref(), keys) {
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
            if !matches!(size[..], [2, _] | [2, _, _] | [2, _, _, _]) || output.kind() != self.options().0 {
                let kind = output.kind();
                return wrong(format!(
                    "output '{name}' is {kind:?} {size:?} for an input of {shape:?}; floats [N,C], [N,T,C] or [N,C,H,W] are needed"
                ));
            }
        }
        if !self.is_deterministic(input)? {
            return wrong(
                "its program gives other numbers for the same input, or for an input beside others: it was made in training mode; \
                 call model.eval() before torch.jit.trace or torch.jit.script"
                    .to_owned(),
            );
        }
        self.try_gradient(&run, &names);
        let (kind, device) = self.options();
        let mut steps = vec![
            Step { source: Source::Input, inputs: vec![] },
            Step { source: Source::Program(self), inputs: vec![0] },
        ];
        let mut taps = vec![];
        let count = names.len();
        steps.extend((0..count).map(|_| Step { source: Source::Output, inputs: vec![1] }));
        let mut views = vec![];
        for (number, (name, output)) in names.into_iter().zip(&run.outputs).enumerate() {
            // Tokens [N,T,C] are shown as a map of one column, by a view behind all outputs.
            let node = 2 + number;
            let place = if output.dim() == 3 {
                views.push(Step { source: Source::Layer(Box::new(Tokens)), inputs: vec![node] });
                1 + count + views.len()
            } else {
                node
            };
            taps.push(Tap { name, aliases: vec![], point: Point(place) });
        }
        let end = 1 + count;
        let viewed = !views.is_empty();
        steps.extend(views);
        if viewed && run.outputs.last().is_some_and(|output| output.dim() != 3) {
            // The network's output is its last step.
            let logits = taps.last_mut().map(|tap| std::mem::replace(&mut tap.point, Point(steps.len())));
            debug_assert_eq!(logits, Some(Point(end)));
            steps.push(Step { source: Source::Layer(Box::new(Same)), inputs: vec![end] });
        }
        Ok(Network { steps, taps, kind, device, imported: true, beside: vec![], notes: vec![] })
    }
}
