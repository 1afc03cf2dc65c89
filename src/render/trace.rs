//! What each step saw: a row a step, read from the device now and then.

use frozen::network::Network;
use tch::{Device, Kind, Tensor};

use crate::method::Method;
use crate::saved::Saved;
use crate::unit::Unit;

/// Steps between two readings of the trace.
pub(super) const READ_BACK: usize = 10;

/// One row of a trace: what one step saw before it moved.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// From 0; the last row is the state after the last step.
    pub step: usize,
    /// What was minimised: the penalties minus the objective.
    pub loss: f64,
    /// The unit's activation.
    pub activation: f64,
    /// One penalty for each regularizer of the method.
    pub penalties: Vec<f64>,
    /// Euclidean norm of the gradient with respect to the trainable tensors; none after the last step.
    pub gradient_norm: Option<f64>,
}

/// The steps' numbers, gathered on the device and read in blocks.
pub(super) struct Trace {
    pub(super) regularizers: usize,
    /// Not read yet: `[columns, N]` a step.
    pub(super) waiting: Vec<Tensor>,
    /// By sample.
    pub(super) rows: Vec<Vec<Row>>,
}

impl Trace {
    pub(super) fn new(samples: usize, regularizers: usize) -> Trace {
        Trace { regularizers, waiting: vec![], rows: vec![vec![]; samples] }
    }

    pub(super) fn push(
        &mut self,
        activations: &Tensor,
        objectives: &Tensor,
        penalties: &[Tensor],
        gradients: Option<&[Tensor]>,
    ) {
        let norm = match gradients {
            Some(gradients) => {
                let squares =
                    gradients.iter().map(|g| g.square().flatten(1, -1).sum_dim_intlist(1i64, false, None::<Kind>));
                squares.reduce(|sum, next| sum + next).map_or_else(|| activations.zeros_like(), |sum| sum.sqrt())
            }
            None => activations.full_like(-1.),
        };
        let mut columns = vec![activations, objectives, &norm];
        columns.extend(penalties);
        self.waiting.push(Tensor::stack(&columns, 0));
    }

    /// Reads what waits; the batch's mean activation at the last step.
    pub(super) fn read_back(&mut self) -> f64 {
        if !self.waiting.is_empty() {
            let samples = self.rows.len();
            let block = Tensor::stack(&std::mem::take(&mut self.waiting), 0).to_kind(Kind::Double).flatten(0, -1);
            let mut values = vec![0f64; block.numel()];
            block.to_device(Device::Cpu).copy_data(&mut values, block.numel());
            for step in values.chunks_exact(samples * (3 + self.regularizers)) {
                for (sample, rows) in self.rows.iter_mut().enumerate() {
                    let mut columns = step.iter().skip(sample).step_by(samples).copied();
                    let mut next = || columns.next().unwrap_or(f64::NAN);
                    let (activation, objective, norm) = (next(), next(), next());
                    let penalties: Vec<f64> = columns.collect();
                    let loss = penalties.iter().sum::<f64>() - objective;
                    let gradient_norm = (norm != -1.).then_some(norm);
                    rows.push(Row { step: rows.len(), loss, activation, penalties, gradient_norm });
                }
            }
        }
        let last: Vec<f64> = self.rows.iter().filter_map(|rows| rows.last()).map(|row| row.activation).collect();
        last.iter().sum::<f64>() / last.len().max(1) as f64
    }

    pub(super) fn all_failed(&self) -> bool {
        self.rows.iter().all(|rows| rows.iter().any(|row| !row.activation.is_finite()))
    }
}

/// Whether nothing has moved a unit so far: its activation was the same number at every step.
pub(super) fn is_dead(rows: &[Row]) -> bool {
    rows.len() >= READ_BACK && rows.iter().all(|row| row.activation == rows[0].activation)
}

/// How many of the first steps of a run nothing moved its unit, in tens; what was done about it follows from that.
fn dead_steps(rows: &[Row]) -> usize {
    let tens = (1..=rows.len() / READ_BACK).take_while(|tens| is_dead(&rows[..tens * READ_BACK]));
    tens.last().unwrap_or(0) * READ_BACK
}

/// What was done for a unit that nothing moved at first, in words.
pub(super) fn revival(rows: &[Row], unit: &Unit, network: &Network) -> Option<String> {
    let dead = dead_steps(rows);
    if dead == 0 || is_dead(rows) {
        return None;
    }
    let until = rows.iter().position(|row| row.activation != rows[0].activation).unwrap_or(dead);
    let drive = if unit.revived(network).is_some() {
        ", and what is before its ReLU (or its probability) was driven"
    } else {
        ""
    };
    Some(format!(
        "nothing moved the unit up to step {until}: from step {READ_BACK} on its picture was moved by noise{drive}"
    ))
}

/// What went wrong in a run, if its numbers stopped being finite: the step, and the likely cause.
pub(super) fn failure(trace: &[Row], method: &Method) -> Option<String> {
    if is_dead(trace) && method.all_steps() >= READ_BACK {
        return Some(format!(
            "dead: nothing moved the unit, whose activation was {} at each of {} steps, from several starts; it may answer to nothing",
            trace[0].activation,
            trace.len()
        ));
    }
    let row = trace
        .iter()
        .find(|row| !row.activation.is_finite() || row.gradient_norm.is_some_and(|norm| !norm.is_finite()))?;
    let (what, value) = match row.gradient_norm {
        Some(norm) if row.activation.is_finite() => ("the gradient", norm),
        _ => ("the activation", row.activation),
    };
    let cause = match row.step {
        0 => "the weights or the start hold such a number, or the activations overflow".to_owned(),
        _ => format!("the step size of method '{}' is too large", method.name),
    };
    Some(format!("{what} is {value} at step {}; most likely {cause}", row.step))
}

/// Columns of a trace before its penalties.
const COLUMNS: usize = 3;

impl Saved {
    /// Keeps the rows of a trace.
    pub fn put_trace(&mut self, name: &str, trace: &[Row]) {
        let width = COLUMNS + trace.first().map_or(0, |row| row.penalties.len());
        let row = |row: &Row| {
            // A norm is never negative.
            [row.loss, row.activation, row.gradient_norm.unwrap_or(-1.)].into_iter().chain(row.penalties.clone())
        };
        let numbers: Vec<f64> = trace.iter().flat_map(row).collect();
        self.put(name, &Tensor::from_slice(&numbers).view([trace.len() as i64, width as i64]));
    }

    /// A trace with this many penalties a row.
    pub fn trace(&self, name: &str, penalties: usize) -> Option<Vec<Row>> {
        let [rows, columns] = self.tensor(name)?.size()[..] else { return None };
        let width = COLUMNS + penalties;
        if rows > 0 && columns as usize != width {
            return None;
        }
        let numbers = self.numbers(name)?;
        let row = |(step, numbers): (usize, &[f64])| Row {
            step,
            loss: numbers[0],
            activation: numbers[1],
            gradient_norm: (numbers[2] != -1.).then_some(numbers[2]),
            penalties: numbers[COLUMNS..].to_vec(),
        };
        Some(numbers.chunks_exact(width).enumerate().map(row).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_comes_back_with_its_gaps() {
        let row = |step: usize, gradient_norm: Option<f64>| Row {
            step,
            loss: 0.1 * step as f64,
            activation: -2.,
            penalties: vec![1., 2.],
            gradient_norm,
        };
        let trace = vec![row(0, Some(0.)), row(1, Some(f64::INFINITY)), row(2, None)];
        let mut saved = Saved::default();
        saved.put_trace("trace", &trace);
        saved.put_trace("empty", &[]);
        let found = Saved::from_bytes(&saved.to_bytes("").unwrap(), "").unwrap();
        assert_eq!(found.trace("trace", 2), Some(trace));
        assert_eq!(found.trace("empty", 2), Some(vec![]));
        assert_eq!(found.trace("trace", 1), None);
    }
}
