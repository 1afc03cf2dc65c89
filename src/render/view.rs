//! How pictures enter the classifier, and how the objective's gradient comes back to them: through the transforms, in
//! several views, resized to the classifier's input, at their own size, or in tiles.

use crate::error::{Result, request};
use classifiers::{Classifier, InputPipeline};
use frozen::network::{Point, Schedule};
use tch::{Kind, Tensor};

use super::anchor::Anchor;
use super::elsewhere::Elsewhere;
use super::matching::Matching;
use super::objective::Objective;
use super::tiles::{middle, tiles};
use crate::method::{Input, Method};
use crate::random::{Purpose, Seed, stream};
use crate::regularizer::RegularizerSpec;
use crate::transform::Transforms;
use crate::unit::{LayerShapes, Unit};
use rand::RngExt;

/// Tiles of all samples that pass through the classifier together.
const TILES_AT_ONCE: usize = 4;

/// Where in a run a step lies.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Number of the step, from 0, through all octaves.
    pub step: usize,
    /// Number of the octave.
    pub octave: usize,
}

/// What one look at the pictures came to.
#[derive(Debug)]
pub struct Seen {
    /// The units' activations `[N]`, the mean over views or tiles.
    pub activations: Tensor,
    /// What is maximised `[N]`.
    pub objectives: Tensor,
    /// The penalties `[N]` of regularizers that compare facets, in the order of the method's regularizers.
    pub penalties: Vec<(usize, Tensor)>,
    /// The gradient of the objectives less these penalties with respect to the pictures, if it was asked for.
    pub gradient: Option<Tensor>,
}

/// The way of a batch's pictures of one size into the classifier.
#[derive(Debug)]
pub struct View<'b> {
    classifier: &'b Classifier,
    method: &'b Method,
    seeds: &'b [Seed],
    transforms: Transforms<'b>,
    /// What is scheduled.
    points: Vec<Point>,
    /// For all rows that pass together, and for the last tiles.
    objectives: Vec<(Objective, usize)>,
    schedule: Schedule,
    /// The schedule of looks whose gradient is not wanted: their passes keep nothing.
    forward_only: Schedule,
    pipeline: InputPipeline,
    /// What the pipeline takes.
    shown: [i64; 2],
    tiles: Option<Vec<[i64; 2]>>,
    /// Where the middle begins that alone is shown.
    middle: Option<[i64; 2]>,
    compared: Vec<Compared<'b>>,
    anchor: Option<Anchor<'b>>,
    matching: Option<Matching<'b>>,
    elsewhere: Elsewhere,
}

/// Rows that a regularizer compares with each other, facets of a run next to each other, and where.
#[derive(Debug)]
struct Compared<'b> {
    /// The regularizer's place among the method's.
    place: usize,
    regularizer: &'b RegularizerSpec,
    point: Point,
    rows: Vec<i64>,
}

/// The layer in which a regularizer compares the facets of a unit: its own, or the deepest one with positions up to the unit.
fn compared_at(
    classifier: &Classifier,
    shapes: &LayerShapes,
    regularizer: &RegularizerSpec,
    unit: &Unit,
) -> Result<Point> {
    let name = regularizer.name();
    if let Some(layer) = regularizer.layer() {
        let tap = classifier.network.tap(layer);
        return Ok(tap.map_err(|error| request!("regularizers.{name}: {} has {error}", classifier.name))?.point);
    }
    let deepest = unit.terms.iter().filter(|term| term.elsewhere.is_none()).map(|term| term.point).max();
    let deepest = deepest.ok_or_else(|| request!("a unit has at least one term"))?;
    let found = shapes.deepest_with_positions(deepest);
    Ok(found.ok_or_else(|| request!("regularizers.{name}: no layer has positions"))?.1)
}

impl<'b> View<'b> {
    /// Of pictures of this size, whose runs have these units and seeds; `start` are the photographs that they start from.
    ///
    /// # Errors
    /// If a unit cannot be read as the method asks, or a regularizer finds no layer.
    pub fn new(
        classifier: &'b Classifier,
        shapes: &LayerShapes,
        method: &'b Method,
        units: &[&Unit],
        seeds: &'b [Seed],
        size: [i64; 2],
        start: Option<Tensor>,
    ) -> Result<View<'b>> {
        let own = [classifier.size; 2];
        let middle = middle(size, classifier.size).filter(|_| method.input == Input::Middle);
        let size = if middle.is_some() { own } else { size };
        let transforms = Transforms::new(&method.transforms, seeds, method.views);
        // A picture that is smaller than a tile is enlarged to one.
        let tiled = method.input == Input::Tiles && size.iter().all(|side| *side >= classifier.size);
        let to = if method.input == Input::Full || tiled { size } else { own };
        let tiles = tiled.then(|| tiles(size, classifier.size));
        let shown = if tiled { own } else { transforms.size_after(size, to) };
        let pipeline = classifier.input_pipeline(shown, if tiled { own } else { to });
        let rows = |copies: usize, of_each: bool| -> Vec<&Unit> {
            match of_each {
                true => units.iter().flat_map(|unit| std::iter::repeat_n(*unit, copies)).collect(),
                false => std::iter::repeat_n(units, copies).flatten().copied().collect(),
            }
        };
        let views = method.views;
        let objectives = match &tiles {
            None => vec![(Objective::new(&rows(views, true), method.objective)?, 1)],
            Some(tiles) => {
                let at_once = (TILES_AT_ONCE / units.len() / views).max(1).min(tiles.len());
                let seen: Vec<&Unit> = rows(views, true);
                let of = |count: usize| -> Result<(Objective, usize)> {
                    let rows: Vec<&Unit> = std::iter::repeat_n(&seen, count).flatten().copied().collect();
                    Ok((Objective::new(&rows, method.objective)?, count))
                };
                let last = tiles.len() % at_once;
                let mut objectives = vec![of(at_once)?];
                if last > 0 {
                    objectives.push(of(last)?);
                }
                objectives
            }
        };
        let mut points = objectives[0].0.points();
        let mut compared: Vec<Compared> = vec![];
        for (place, regularizer) in method.regularizers.iter().enumerate().filter(|(_, r)| r.compares_facets()) {
            for (row, unit) in units.iter().enumerate() {
                let point = compared_at(classifier, shapes, regularizer, unit)?;
                match compared.iter_mut().find(|known| known.place == place && known.point == point) {
                    Some(known) => known.rows.push(row as i64),
                    None => compared.push(Compared { place, regularizer, point, rows: vec![row as i64] }),
                }
                points.push(point);
            }
        }
        let elsewhere = Elsewhere::of(&rows(views, true), method.objective, shown)?;
        if tiled && !elsewhere.is_empty() {
            return Err(request!("a unit over several networks is seen whole: `input: fit` in the method"));
        }
        let anchor = Anchor::of(method, classifier, shapes, start)?;
        points.extend(anchor.iter().flat_map(Anchor::points));
        let schedule = classifier.network.schedule(&points);
        let forward_only = schedule.clone().forward_only();
        Ok(View {
            classifier,
            method,
            seeds,
            transforms,
            points,
            objectives,
            schedule,
            forward_only,
            pipeline,
            shown,
            tiles,
            middle,
            compared,
            anchor,
            matching: None,
            elsewhere,
        })
    }

    /// The same with pictures that are held against photographs.
    pub(super) fn matching(mut self, matching: Option<Matching<'b>>) -> View<'b> {
        if let Some(matching) = matching {
            let points: Vec<Point> = self.points.iter().copied().chain(matching.points()).collect();
            self.schedule = self.classifier.network.schedule(&points);
            self.forward_only = self.schedule.clone().forward_only();
            self.matching = Some(matching);
        }
        self
    }

    /// Passes through the classifier that one look at a picture takes.
    pub fn passes(&self) -> usize {
        self.method.views * self.tiles.as_ref().map_or(1, Vec::len)
    }

    fn schedule_of(&self, with_gradient: bool) -> &Schedule {
        if with_gradient { &self.schedule } else { &self.forward_only }
    }

    /// Looks at the pictures `[N,3,H,W]`.
    ///
    /// # Errors
    /// If libtorch fails.
    pub fn look(&self, pictures: &Tensor, moment: Moment, with_gradient: bool) -> Result<Seen> {
        match &self.tiles {
            None => self.look_whole(pictures, moment, with_gradient),
            Some(tiles) => self.look_at_tiles(tiles, pictures, moment, with_gradient),
        }
    }

    fn look_whole(&self, pictures: &Tensor, moment: Moment, with_gradient: bool) -> Result<Seen> {
        let pictures = pictures.detach().set_requires_grad(with_gradient);
        let shown = tch::with_grad(|| self.transform(&pictures, moment, self.shown));
        let input = tch::with_grad(|| self.pipeline.apply(&shown));
        let _guard = tch::no_grad_guard();
        let (objective, _) = &self.objectives[0];
        let pass = self.classifier.network.forward(self.schedule_of(with_gradient), &input);
        let mut evaluated = objective.evaluate(|point| pass.activation(point).shallow_clone());
        let views = self.method.views as i64;
        let mut gradients = std::mem::take(&mut evaluated.gradients);
        let mut penalties = vec![];
        let mean = |rows: Tensor| match views {
            1 => rows,
            views => rows.view([-1, views]).mean_dim(1i64, false, None::<Kind>),
        };
        for Compared { place, regularizer, point, rows } in &self.compared {
            let all = pass.activation(*point);
            let facets = self.method.facets as i64;
            if rows.len() as i64 == all.size()[0] {
                let (penalty, gradient) = regularizer.of_activations(all, facets);
                penalties.push((*place, penalty));
                gradients.push((*point, -gradient));
                continue;
            }
            let rows = Tensor::from_slice(rows).to_device(all.device());
            let (penalty, gradient) = regularizer.of_activations(&all.index_select(0, &rows), facets);
            penalties.push((*place, evaluated.activations.zeros_like().index_copy(0, &rows, &penalty)));
            gradients.push((*point, all.zeros_like().index_copy(0, &rows, &-gradient)));
        }
        if let Some(anchor) = &self.anchor {
            let shown = |start: &Tensor| self.pipeline.apply(&self.transform(start, moment, self.shown));
            let activation = |point: Point| pass.activation(point).shallow_clone();
            for (place, penalty, point, gradient) in
                anchor.look(self.classifier, &activation, &shown, !self.transforms.is_empty())
            {
                penalties.push((place, mean(penalty)));
                gradients.push((point, -gradient));
            }
        }
        if let Some(matching) = &self.matching {
            let activation = |point: Point| pass.activation(point).shallow_clone();
            let (place, penalty, away) = matching.look(&activation, views as usize);
            penalties.push((place, mean(penalty)));
            gradients.extend(away.into_iter().map(|(point, gradient)| (point, -gradient)));
        }
        let gradient = if with_gradient {
            let mut at_input = pass.pullback(gradients);
            if views > 1 {
                let _ = at_input.g_div_scalar_(views as f64);
            }
            Some((input, at_input))
        } else {
            None
        };
        let mut made = vec![];
        for seen in self.elsewhere.look(&shown, with_gradient) {
            // Not in place: both may be one tensor.
            evaluated.activations = &evaluated.activations + seen.activations;
            evaluated.objectives = &evaluated.objectives + seen.objectives;
            made.extend(seen.back.map(|(input, gradient)| (input, gradient / views as f64)));
        }
        let gradient = match gradient {
            Some(own) => {
                made.insert(0, own);
                Some(back(&made, &pictures)?)
            }
            None => None,
        };
        let (activations, objectives) = (mean(evaluated.activations), mean(evaluated.objectives));
        Ok(Seen { activations, objectives, penalties, gradient })
    }

    fn transform(&self, pictures: &Tensor, moment: Moment, to: [i64; 2]) -> Tensor {
        let side = self.classifier.size;
        let pictures = &match self.middle {
            Some([y, x]) => pictures.narrow(2, y, side).narrow(3, x, side),
            None => pictures.shallow_clone(),
        };
        if self.transforms.is_empty() {
            return pictures.shallow_clone();
        }
        self.transforms.apply(pictures, moment.step, moment.octave, to)
    }

    fn look_at_tiles(
        &self,
        tiles: &[[i64; 2]],
        pictures: &Tensor,
        moment: Moment,
        with_gradient: bool,
    ) -> Result<Seen> {
        let pictures = pictures.detach().set_requires_grad(with_gradient);
        let (height, width) = (pictures.size()[2], pictures.size()[3]);
        let views = self.method.views;
        let shifted = tch::with_grad(|| {
            let shown = self.transform(&pictures, moment, [height, width]);
            let rows = (0..shown.size()[0]).map(|row| {
                let mut rng = stream(self.seeds[row as usize / views], Purpose::Tiles, moment.step as u64);
                let shift = [rng.random_range(0..height), rng.random_range(0..width)];
                shown.narrow(0, row, 1).roll(shift, [2i64, 3])
            });
            Tensor::cat(&rows.collect::<Vec<_>>(), 0)
        });
        let _guard = tch::no_grad_guard();
        let whole = shifted.detach();
        let at_shifted = whole.zeros_like();
        let side = self.classifier.size;
        let (mut activations, mut objectives): (Option<Tensor>, Option<Tensor>) = (None, None);
        let add = |sum: &mut Option<Tensor>, rows: Tensor, count: usize| {
            let rows =
                rows.view([count as i64, -1, views as i64]).sum_dim_intlist([0i64, 2].as_slice(), false, None::<Kind>);
            *sum = Some(sum.take().map_or_else(|| rows.shallow_clone(), |sum| sum + &rows));
        };
        for chunk in tiles.chunks(self.objectives[0].1) {
            let (objective, _) =
                self.objectives.iter().find(|(_, count)| *count == chunk.len()).unwrap_or(&self.objectives[0]);
            let cut = |of: &Tensor, [y, x]: [i64; 2]| of.narrow(2, y, side).narrow(3, x, side);
            let parts = Tensor::cat(&chunk.iter().map(|at| cut(&whole, *at)).collect::<Vec<_>>(), 0);
            let parts = parts.set_requires_grad(with_gradient);
            let input = tch::with_grad(|| self.pipeline.apply(&parts));
            let pass = self.classifier.network.forward(self.schedule_of(with_gradient), &input);
            let evaluated = objective.evaluate(|point| pass.activation(point).shallow_clone());
            add(&mut activations, evaluated.activations, chunk.len());
            add(&mut objectives, evaluated.objectives, chunk.len());
            if with_gradient {
                let at_input = pass.pullback(evaluated.gradients);
                let at_parts = back(&[(input.shallow_clone(), at_input)], &parts)?;
                for (at, gradient) in chunk.iter().zip(at_parts.chunk(chunk.len() as i64, 0)) {
                    let _ = cut(&at_shifted, *at).g_add_(&gradient);
                }
            }
        }
        let count = (tiles.len() * views) as f64;
        let gradient = match with_gradient {
            true => Some(back(&[(shifted.shallow_clone(), at_shifted / count)], &pictures)?),
            false => None,
        };
        let mean =
            |sum: Option<Tensor>| sum.map(|sum| sum / count).ok_or_else(|| request!("a picture has at least one tile"));
        Ok(Seen { activations: mean(activations)?, objectives: mean(objectives)?, penalties: vec![], gradient })
    }
}

/// The gradient at `leaf`, given those at what was made of it.
fn back(made: &[(Tensor, Tensor)], leaf: &Tensor) -> Result<Tensor> {
    if let [(made, gradient)] = made
        && !made.requires_grad()
    {
        return Ok(gradient.shallow_clone());
    }
    let product = |(made, gradient): &(Tensor, Tensor)| (made * gradient).sum(None::<Kind>);
    let sum = tch::with_grad(|| made.iter().map(product).reduce(|sum, part| sum + part));
    let sum = sum.ok_or_else(|| request!("no network saw the pictures"))?;
    Ok(Tensor::f_run_backward(&[sum], &[leaf], false, false)?.remove(0))
}
