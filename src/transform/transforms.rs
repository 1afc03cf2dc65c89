//! All transforms of a batch, drawn and applied: geometric ones as one affine map and one resampling.

use std::cell::RefCell;
use std::rc::Rc;

use frozen::resize::Resize;
use rand_chacha::ChaCha12Rng;
use tch::Tensor;

use super::frame::{Drawn, Every, Frame};
use super::jitter::Edge;
use super::lookup::look_up;
use super::pad::Fill;
use super::spec::TransformSpec;
use crate::random::{Purpose, Seed, stream};

/// The transforms of a method, for a batch of runs.
#[derive(Debug)]
pub struct Transforms<'a> {
    specs: &'a [TransformSpec],
    seeds: &'a [Seed],
    /// Differently transformed copies of each sample that one step looks at.
    views: usize,
    /// What averages the points of pictures that were sampled more finely.
    averages: RefCell<Vec<(Averaged, Rc<Resize>)>>,
}

/// How much finer than the result, and the result's size.
type Averaged = (i64, [i64; 2]);

/// The largest pitch at which plain bilinear sampling is used; above it, more points are sampled and averaged.
const COARSEST: f64 = 1.5;

impl<'a> Transforms<'a> {
    /// `views` copies of each sample, which have these seeds.
    pub fn new(specs: &'a [TransformSpec], seeds: &'a [Seed], views: usize) -> Self {
        Transforms { specs, seeds, views: views.max(1), averages: RefCell::default() }
    }

    /// Whether pictures pass through untouched.
    pub fn is_empty(&self) -> bool {
        self.specs.is_empty() && self.views == 1
    }

    /// The size of what [`Transforms::apply`] makes of pictures of a size.
    pub fn size_after(&self, pictures: [i64; 2], to: [i64; 2]) -> [i64; 2] {
        if self.is_geometric() { to } else { pictures }
    }

    /// The pictures `[N,3,H,W]` as the classifier is to see them, `[N*views,3,H',W']`, the views of a sample next to each
    /// other; differentiable with autograd. H' and W' are `to` if anything geometric is asked for (one resampling makes
    /// both), else those of the pictures.
    pub fn apply(&self, pictures: &Tensor, step: usize, octave: usize, to: [i64; 2]) -> Tensor {
        let (channels, size) = (pictures.size()[1], [pictures.size()[2], pictures.size()[3]]);
        let drawn = self.draw(step, octave, size);
        let mut out = match self.views as i64 {
            1 => pictures.shallow_clone(),
            views => {
                let apart = pictures.unsqueeze(1).expand([-1, views, -1, -1, -1], false);
                apart.reshape([-1, channels, size[0], size[1]])
            }
        };
        if drawn.iter().any(|drawn| drawn.roll != [0, 0]) {
            let roll = |(row, drawn): (i64, &Drawn)| out.narrow(0, row, 1).roll(drawn.roll, [2i64, 3]);
            out = Tensor::cat(&(0..).zip(&drawn).map(roll).collect::<Vec<_>>(), 0);
        }
        if self.is_geometric() {
            let frames: Vec<Frame> = drawn.iter().map(|drawn| drawn.frame).collect();
            out = self.warp(&out, &frames, to);
        }
        for (place, spec) in self.specs.iter().enumerate() {
            if let TransformSpec::Noise(noise) = spec {
                let streams =
                    (0..drawn.len()).map(|row| self.stream(row, Purpose::Noise, step * self.specs.len() + place));
                out = noise.add(&out, streams);
            }
        }
        out
    }

    /// The canvases of all rows, shown in `to` pixels.
    fn warp(&self, pictures: &Tensor, frames: &[Frame], to: [i64; 2]) -> Tensor {
        let finer: Vec<i64> = frames.iter().map(|frame| points(frame, to)).collect();
        let mut kinds = finer.clone();
        kinds.sort_unstable();
        kinds.dedup();
        if let [one] = kinds[..] {
            return self.shown(pictures, frames, to, one);
        }
        let (mut parts, mut order) = (vec![], vec![]);
        for kind in kinds {
            let rows: Vec<usize> = (0..frames.len()).filter(|&row| finer[row] == kind).collect();
            let of_kind: Vec<Frame> = rows.iter().map(|&row| frames[row]).collect();
            let cut: Vec<Tensor> = rows.iter().map(|&row| pictures.narrow(0, row as i64, 1)).collect();
            parts.push(self.shown(&Tensor::cat(&cut, 0), &of_kind, to, kind));
            order.extend(rows);
        }
        let all = Tensor::cat(&parts, 0);
        let place = |row: usize| order.iter().position(|&at| at == row).unwrap_or(row) as i64;
        Tensor::cat(&(0..frames.len()).map(|row| all.narrow(0, place(row), 1)).collect::<Vec<_>>(), 0)
    }

    /// Sampled at `finer` times as many points a side, and averaged.
    fn shown(&self, pictures: &Tensor, frames: &[Frame], to: [i64; 2], finer: i64) -> Tensor {
        let sampled = sample(pictures, frames, to.map(|side| side * finer), self.fill());
        if finer == 1 {
            return sampled;
        }
        let mut averages = self.averages.borrow_mut();
        let known = averages.iter().find(|(of, _)| *of == (finer, to)).map(|(_, average)| Rc::clone(average));
        let average = known.unwrap_or_else(|| {
            let size = to.map(|side| side * finer);
            let made = Rc::new(Resize::new(size, to, pictures.kind(), pictures.device()));
            averages.push(((finer, to), Rc::clone(&made)));
            made
        });
        average.apply(&sampled)
    }

    /// Whether a resampling is needed.
    fn is_geometric(&self) -> bool {
        self.specs.iter().any(|spec| match spec {
            TransformSpec::Noise(_) => false,
            TransformSpec::Jitter(jitter) => jitter.edge == Edge::Crop,
            _ => true,
        })
    }

    fn fill(&self) -> Fill {
        let of =
            self.specs.iter().find_map(|spec| if let TransformSpec::Pad(pad) = spec { Some(pad.fill) } else { None });
        of.unwrap_or_default()
    }

    /// The stream of a row of the batch (sample and view).
    fn stream(&self, row: usize, purpose: Purpose, step: usize) -> ChaCha12Rng {
        let (sample, view) = (row / self.views, row % self.views);
        stream(self.seeds[sample], purpose, (step * self.views + view) as u64)
    }

    fn draw(&self, step: usize, octave: usize, size: [i64; 2]) -> Vec<Drawn> {
        let row = |row: usize| {
            let mut of_step = self.stream(row, Purpose::Transform, step);
            let mut of_octave = stream(self.seeds[row / self.views], Purpose::OctaveTransform, octave as u64);
            let mut drawn = Drawn { frame: Frame::whole(size), roll: [0, 0] };
            for spec in self.specs {
                match spec {
                    TransformSpec::Pad(pad) => pad.place(&mut drawn.frame),
                    TransformSpec::Jitter(jitter) => {
                        let rng = if jitter.every == Every::Octave { &mut of_octave } else { &mut of_step };
                        jitter.place(&mut drawn, rng);
                    }
                    TransformSpec::Scale(scale) => scale.place(&mut drawn.frame, &mut of_step),
                    TransformSpec::Rotate(rotate) => rotate.place(&mut drawn.frame, &mut of_step),
                    TransformSpec::Crop(crop) => crop.place(&mut drawn.frame, &mut of_step),
                    TransformSpec::Noise(_) => {}
                }
            }
            drawn
        };
        (0..self.seeds.len() * self.views).map(row).collect()
    }
}

/// How many points along each side of a pixel are sampled: one by one, so that no row depends on the others.
fn points(frame: &Frame, to: [i64; 2]) -> i64 {
    let pitch = frame.pitch(to);
    if pitch <= COARSEST { 1 } else { pitch.ceil() as i64 }
}

/// The canvases of all rows, shown in `to` pixels by bilinear interpolation.
fn sample(pictures: &Tensor, frames: &[Frame], to: [i64; 2], fill: Fill) -> Tensor {
    let picture = [pictures.size()[2], pictures.size()[3]];
    let maps: Vec<f64> = frames.iter().flat_map(|frame| frame.normalised(picture)).collect();
    let rows = frames.len() as i64;
    let maps = Tensor::from_slice(&maps).view([rows, 2, 3]).to_kind(pictures.kind()).to_device(pictures.device());
    let grid = Tensor::affine_grid_generator(&maps, [rows, pictures.size()[1], to[0], to[1]], false);
    /// Numbers of libtorch's `GridSamplerInterpolation` and `GridSamplerPadding`.
    const BILINEAR: i64 = 0;
    let mode = match fill {
        Fill::Grey => 0,
        Fill::Edge => 1,
        Fill::Reflect => 2,
    };
    let middle = if fill == Fill::Grey { 0.5 } else { 0. };
    if pictures.device().is_cuda() {
        return look_up(&(pictures - middle), &grid, fill) + middle;
    }
    // libtorch shares out samples to threads, so each is made in two halves: a lone one then keeps two of them busy.
    let halves = if to[0] % 2 == 0 { 2 } else { 1 };
    let channels = pictures.size()[1];
    let apart = (pictures - middle).unsqueeze(1).expand([-1, halves, -1, -1, -1], false);
    let apart = apart.reshape([-1, channels, picture[0], picture[1]]);
    let grid = grid.view([rows * halves, to[0] / halves, to[1], 2]);
    let shown = apart.grid_sampler_2d(&grid, BILINEAR, mode, false);
    let shown = shown.view([rows, halves, channels, to[0] / halves, to[1]]).transpose(1, 2);
    shown.reshape([rows, channels, to[0], to[1]]) + middle
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::super::{Crop, Jitter, Noise, Pad, Rotate, Scale};
    use super::*;

    /// Numbers in [0,1) that differ from pixel to pixel.
    fn picture(rows: i64, size: [i64; 2]) -> Tensor {
        let count = rows * 3 * size[0] * size[1];
        (Tensor::arange(count, (Kind::Double, Device::Cpu)) * 0.618_034).frac().view([rows, 3, size[0], size[1]])
    }

    fn one(spec: TransformSpec, picture: &Tensor, to: [i64; 2]) -> Tensor {
        Transforms::new(&[spec], &[Seed(3)], 1).apply(picture, 5, 0, to)
    }

    fn difference(a: &Tensor, b: &Tensor) -> f64 {
        assert_eq!(a.size(), b.size());
        (a - b).abs().max().double_value(&[])
    }

    const LUCID: [TransformSpec; 5] = [
        TransformSpec::Pad(Pad { pixels: 4, fill: Fill::Grey }),
        TransformSpec::Jitter(Jitter { pixels: 3, edge: Edge::Crop, every: Every::Step }),
        TransformSpec::Scale(Scale { from: 0.9, to: 1.1 }),
        TransformSpec::Rotate(Rotate { degrees: 10. }),
        TransformSpec::Crop(Crop { from: 0.5, to: 0.9 }),
    ];

    #[test]
    fn a_picture_that_nothing_moves_is_shown_as_it_is() {
        let picture = picture(1, [12, 15]);
        for still in [
            TransformSpec::Pad(Pad { pixels: 0, fill: Fill::Grey }),
            TransformSpec::Scale(Scale { from: 1., to: 1. }),
            TransformSpec::Rotate(Rotate { degrees: 0. }),
            TransformSpec::Crop(Crop { from: 1., to: 1. }),
        ] {
            assert!(difference(&one(still, &picture, [12, 15]), &picture) < 1e-12, "{still:?}");
        }
    }

    #[test]
    fn jitter_cuts_out_one_of_its_places_and_finds_them_all() {
        let picture = picture(1, [9, 9]);
        let jitter = [TransformSpec::Jitter(Jitter { pixels: 2, edge: Edge::Crop, every: Every::Step })];
        let mut found = std::collections::BTreeSet::new();
        for step in 0..100 {
            let shown = Transforms::new(&jitter, &[Seed(3)], 1).apply(&picture, step, 0, [7, 7]);
            let places = (0..3).flat_map(|y| (0..3).map(move |x| (y, x)));
            let place =
                places.into_iter().find(|&(y, x)| difference(&shown, &picture.narrow(2, y, 7).narrow(3, x, 7)) < 1e-9);
            found.insert(place.expect("a part of the picture"));
        }
        assert_eq!(found.len(), 9);
    }

    #[test]
    fn wrapped_jitter_rolls_the_picture_and_loses_no_pixel() {
        let picture = picture(1, [9, 9]);
        let jitter = TransformSpec::Jitter(Jitter { pixels: 4, edge: Edge::Wrap, every: Every::Step });
        let shown = one(jitter, &picture, [9, 9]);
        let sorted = |t: &Tensor| t.flatten(0, -1).sort(0, false).0;
        assert!(shown.ne_tensor(&picture).any().int64_value(&[]) == 1 && sorted(&shown).equal(&sorted(&picture)));
    }

    #[test]
    fn a_shift_that_is_drawn_once_an_octave_stays_until_the_next() {
        let picture = picture(1, [32, 32]);
        let jitter = [TransformSpec::Jitter(Jitter { pixels: 16, edge: Edge::Wrap, every: Every::Octave })];
        let at = |step, octave| Transforms::new(&jitter, &[Seed(3)], 1).apply(&picture, step, octave, [32, 32]);
        assert!(at(0, 0).equal(&at(7, 0)) && !at(0, 0).equal(&at(0, 1)));
    }

    #[test]
    fn a_quarter_turn_and_a_zoom_by_two_are_what_they_say() {
        let picture = picture(1, [8, 8]);
        let mut turned = Frame::whole([8, 8]);
        turned.then([0., -1., 0., 1., 0., 0.]);
        let shown = Transforms::new(&[], &[Seed(0)], 1).warp(&picture, &[turned], [8, 8]);
        let turns = [1, 3].map(|turns| difference(&shown, &picture.rot90(turns, [2i64, 3])));
        assert!(turns.into_iter().fold(f64::INFINITY, f64::min) < 1e-9, "{turns:?}");
        let zoomed = one(TransformSpec::Scale(Scale { from: 2., to: 2. }), &picture, [8, 8]);
        let middle = picture.narrow(2, 2, 4).narrow(3, 2, 4);
        // Pairs of neighbours of an enlarged picture have the mean of the pixel that they came from, away from the edges
        // of which both lie at a quarter.
        let expected = middle.upsample_bilinear2d([8, 8], false, None, None);
        let inner = |t: &Tensor| t.narrow(2, 1, 6).narrow(3, 1, 6);
        assert!(difference(&inner(&zoomed), &inner(&expected)) < 1e-9);
    }

    #[test]
    fn what_lies_outside_is_grey_the_edge_or_a_mirror_as_asked() {
        let picture = Tensor::full([1, 3, 8, 8], 0.9, (Kind::Double, Device::Cpu));
        let corner =
            |fill| one(TransformSpec::Pad(Pad { pixels: 4, fill }), &picture, [16, 16]).double_value(&[0, 0, 0, 0]);
        assert_eq!((corner(Fill::Grey), corner(Fill::Edge), corner(Fill::Reflect)), (0.5, 0.9, 0.9));
    }

    #[test]
    fn a_sample_is_transformed_the_same_alone_and_among_others_and_otherwise_in_the_next_step() {
        let pictures = picture(3, [16, 16]);
        let specs = [&LUCID[..], &[TransformSpec::Noise(Noise { std: 0.1 })]].concat();
        let seeds = [Seed(1), Seed(2), Seed(3)];
        for views in [1, 2] {
            let all = Transforms::new(&specs, &seeds, views).apply(&pictures, 4, 0, [16, 16]);
            let alone =
                |step| Transforms::new(&specs, &seeds[1..2], views).apply(&pictures.narrow(0, 1, 1), step, 0, [16, 16]);
            assert_eq!(all.size()[0], 3 * views as i64);
            let of_one = all.narrow(0, views as i64, views as i64);
            assert!(difference(&of_one, &alone(4)) < 1e-12 && difference(&of_one, &alone(5)) > 1e-3);
        }
    }

    #[test]
    fn a_neighbour_that_is_shown_small_changes_nothing_for_the_others() {
        let pictures = picture(6, [16, 16]);
        let zoom = [TransformSpec::Scale(Scale { from: 0.3, to: 1.1 })];
        let seeds: Vec<Seed> = (0..6).map(Seed).collect();
        let all = Transforms::new(&zoom, &seeds, 1).apply(&pictures, 0, 0, [16, 16]);
        let transforms = Transforms::new(&zoom, &seeds, 1);
        let finer: Vec<i64> = transforms.draw(0, 0, [16, 16]).iter().map(|d| points(&d.frame, [16, 16])).collect();
        assert!(finer.contains(&1) && finer.iter().any(|&points| points > 1), "{finer:?}");
        for row in 0..6 {
            let alone = Transforms::new(&zoom, &seeds[row..=row], 1);
            let alone = alone.apply(&pictures.narrow(0, row as i64, 1), 0, 0, [16, 16]);
            assert!(difference(&all.narrow(0, row as i64, 1), &alone) < 1e-12, "row {row}");
        }
    }

    #[test]
    fn two_noises_are_not_the_same_one_twice() {
        let picture = picture(1, [64, 64]);
        let noise = TransformSpec::Noise(Noise { std: 0.1 });
        let twice = Transforms::new(&[noise, noise], &[Seed(3)], 1).apply(&picture, 5, 0, [64, 64]);
        let deviation = (twice - picture).std(false).double_value(&[]);
        assert!((deviation - 0.1 * 2f64.sqrt()).abs() < 0.01, "{deviation}");
    }

    #[test]
    fn fine_stripes_turn_grey_when_they_are_shown_small_instead_of_aliasing() {
        let stripes = Tensor::from_slice(&[0., 1.]).repeat([1, 3, 64, 32]).view([1, 3, 64, 64]);
        let still = [TransformSpec::Rotate(Rotate { degrees: 0. })];
        let shown = Transforms::new(&still, &[Seed(0)], 1).apply(&stripes, 0, 0, [16, 16]);
        let inner = shown.narrow(2, 2, 12).narrow(3, 2, 12);
        assert!((&inner - 0.5).abs().max().double_value(&[]) < 0.05, "{}", inner.std(false).double_value(&[]));
    }

    #[test]
    fn gradients_come_back_through_all_of_them() {
        let start = picture(2, [12, 12]);
        let specs = [
            &[TransformSpec::Jitter(Jitter { pixels: 5, edge: Edge::Wrap, every: Every::Step })][..],
            &LUCID[..],
            &[TransformSpec::Noise(Noise { std: 0.1 })],
        ]
        .concat();
        let transforms = Transforms::new(&specs, &[Seed(1), Seed(2)], 2);
        let weights = picture(4, [10, 10]) - 0.3;
        let value = |pictures: &Tensor| (transforms.apply(pictures, 1, 0, [10, 10]) * &weights).sum(Kind::Double);
        let leaf = start.copy().set_requires_grad(true);
        let gradient = Tensor::run_backward(&[value(&leaf)], &[&leaf], false, false).remove(0);
        let direction = picture(2, [12, 12]) - 0.5;
        let expected =
            (value(&(&start + &direction * 1e-5)) - value(&(&start - &direction * 1e-5))).double_value(&[]) / 2e-5;
        let found = (gradient * direction).sum(Kind::Double).double_value(&[]);
        assert!((found / expected - 1.).abs() < 1e-6, "{found} {expected}");
    }
}
