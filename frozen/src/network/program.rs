//! A network that is somebody's program: one node runs it, and its outputs are its taps.

use tch::Tensor;

use super::graph::{Network, Point, Source, Step, Tap};
use super::layers::program::{Program, ProgramError, Run, Running};
use super::layers::shape::{Same, Tokens};

/// The network of a program for inputs of the shape `input` (without the batch dimension). Its taps are the program's outputs in their
/// order, by the names that it gives them, else by `names`; else they are `output.0`, `output.1` and so on, and a single one is `output`.
///
/// # Errors
/// If the program fails on such an input, has other outputs than named, one that is neither `[N,C]` nor `[N,T,C]`
/// nor `[N,C,H,W]`, or gives other numbers for the same input.
pub fn network(program: Box<dyn Program>, input: &[i64], names: Option<&[String]>) -> Result<Network, ProgramError> {
    let wrong = |reason: String| Err(ProgramError(reason));
    let mut running = Running::new(program);
    let (kind, device) = running.program.options();
    // One sample, and two: a program that was traced may have its batch written into it.
    let zeros = |samples: i64| {
        let shape: Vec<i64> = std::iter::once(samples).chain(input.iter().copied()).collect();
        Tensor::zeros(&shape[..], (kind, device))
    };
    let all = running.try_run(&zeros(2), None)?;
    let present: Vec<bool> = all.0.outputs.iter().map(Option::is_some).collect();
    running.outputs = (0..present.len()).filter(|&number| present[number]).collect();
    let keys = all.1.map(|keys| kept(keys, &present));
    let run = Run { outputs: all.0.outputs.into_iter().filter(Option::is_some).collect(), ..all.0 };
    let one = running.try_run(&zeros(1), None)?.0;
    let count = run.outputs.len();
    // What is None is left out, and its name with it.
    let names = names.map(|names| match names.len() == present.len() {
        true => kept(names.to_vec(), &present),
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
    for (number, (name, output)) in names.iter().zip(run.outputs.iter().flatten()).enumerate() {
        let size = output.size();
        if names[..number].contains(name) {
            return wrong(format!("two outputs are called '{name}'"));
        }
        let of_one = one.outputs.get(number).and_then(|output| output.as_ref()).map(Tensor::size).unwrap_or_default();
        if of_one.first() != Some(&1) || of_one[1..] != size[1..] {
            return wrong(format!("output '{name}' has the shape {of_one:?} for one sample, and {size:?} for two"));
        }
        if !matches!(size[..], [2, _] | [2, _, _] | [2, _, _, _]) || output.kind() != kind {
            let (kind, shape) = (output.kind(), run.input.size());
            return wrong(format!(
                "output '{name}' is {kind:?} {size:?} for an input of {shape:?}; floats [N,C], [N,T,C] or [N,C,H,W] are needed"
            ));
        }
    }
    if !running.is_deterministic(input)? {
        return wrong(format!(
            "its program gives other numbers for the same input, or for an input beside others: {}",
            running.program.how_to_settle()
        ));
    }
    running.try_gradient(&run, &names);
    let mut steps = vec![
        Step { source: Source::Input, inputs: vec![] },
        Step { source: Source::Program(running), inputs: vec![0] },
    ];
    let mut taps = vec![];
    let count = names.len();
    steps.extend((0..count).map(|_| Step { source: Source::Output, inputs: vec![1] }));
    let mut views = vec![];
    let ranks: Vec<usize> = run.outputs.iter().flatten().map(Tensor::dim).collect();
    for (number, (name, &rank)) in names.into_iter().zip(&ranks).enumerate() {
        // Tokens [N,T,C] are shown as a map of one column, by a view behind all outputs.
        let node = 2 + number;
        let place = if rank == 3 {
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
    if viewed && ranks.last().is_some_and(|&rank| rank != 3) {
        // The network's output is its last step.
        let logits = taps.last_mut().map(|tap| std::mem::replace(&mut tap.point, Point(steps.len())));
        debug_assert_eq!(logits, Some(Point(end)));
        steps.push(Step { source: Source::Layer(Box::new(Same)), inputs: vec![end] });
    }
    Ok(Network { steps, taps, kind, device, imported: true, beside: vec![], notes: vec![] })
}

/// Those of a list whose place is marked.
fn kept<T>(list: Vec<T>, present: &[bool]) -> Vec<T> {
    list.into_iter().zip(present).filter_map(|(item, present)| present.then_some(item)).collect()
}
