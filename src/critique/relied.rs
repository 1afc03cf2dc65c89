//! *Relied upon*: how much the class's logit falls when what shows it is taken away, against as large a region of the same shape elsewhere on the same picture, with
//! several fills; and how much it rises when that is laid onto pictures without it, against another part of the same picture.

use frozen::resize::to_square;
use image::RgbImage;
use metrics::bootstrap::Bootstrap;
use tch::Tensor;

use super::claim::Expected;
use super::given::Regions;
use super::masks::{self, FILLS, Mask};
use super::outcome::{Context, Figure, Need, Outcome, Statement};
use crate::error::{Result, bail, request};
use crate::look::many::each_of;
use crate::picture::{decode, from_rgb8};
use crate::random::{Purpose, Seed, stream};
use crate::run::units;

/// Controls of a region.
const CONTROLS: usize = 5;

/// Pictures without it that a region is laid onto.
const LAID_ONTO: usize = 3;

/// A picture with its region.
struct Marked {
    square: [Vec<f32>; 3],
    mask: Mask,
    controls: Vec<Mask>,
}

pub(super) fn outcomes(context: &Context, expected: &Expected) -> Result<Vec<Outcome>> {
    let claim = context.claim();
    let test = "paired: loss of the class's logit by filling the region, less the mean loss by five regions of the same shape elsewhere on the picture; \
                bootstrap over pictures (BCa, Efron 1987), with every fill; the same by laying the region onto pictures without it is told beside it";
    let mut outcome = Outcome::new(expected, Statement::Relied, test);
    let classifier = context.models.classifier(&claim.classifier)?;
    let alone = |_: &str| Err(request!("a class of the classifier is wanted"));
    let unit = units::resolve_words(
        std::slice::from_ref(&claim.class),
        classifier.engine(),
        classifier.shapes(),
        &alone,
        &mut || Ok(vec![]),
    )?
    .remove(0);
    let Some(class) = unit.class() else { bail!("class: '{}' is no class of {}", claim.class, claim.classifier) };
    let side = classifier.size() as usize;
    let reading = context.reading(&expected.reading);
    let labelled = context.labelled(reading);
    let mut marked: Vec<Marked> = vec![];
    let mut too_large = 0;
    for (number, _) in labelled.iter().filter(|(_, has)| *has) {
        let source = context.material.sampled(*number);
        let whole = decode(&source.bytes()?, &source.name)?;
        let mut mask = vec![false; side * side];
        for given in &context.given.regions {
            let more = match given {
                Regions::Polygons { reading, picture, polygons }
                    if picture == number && reading.as_ref().is_none_or(|of| *of == expected.reading) =>
                {
                    let size = [whole.width(), whole.height()];
                    polygons
                        .iter()
                        .fold(vec![false; side * side], |all: Mask, of| joined(&all, &masks::polygon(of, size, side)))
                }
                Regions::Drawn { picture, mask } if picture == number => masks::drawn(mask, side),
                _ => continue,
            };
            mask = joined(&mask, &more);
        }
        if !mask.contains(&true) {
            continue;
        }
        let controls =
            masks::controls(&mask, side, CONTROLS, &mut stream(Seed(claim.seed), Purpose::Masks, *number as u64));
        if controls.is_empty() {
            too_large += 1;
            continue;
        }
        marked.push(Marked { square: square(&whole, side)?, mask, controls });
    }
    let without: Vec<[Vec<f32>; 3]> = labelled
        .iter()
        .filter(|(_, has)| !has)
        .take(LAID_ONTO)
        .map(|(number, _)| {
            let source = context.material.sampled(*number);
            square(&decode(&source.bytes()?, &source.name)?, side)
        })
        .collect::<Result<_>>()?;
    if too_large > 0 {
        outcome.figures.push(Figure::told(
            "pictures whose region is so large that none of its size fits elsewhere; they are left out",
            Some(f64::from(too_large)),
            None,
        ));
    }
    if marked.len() < metrics::bootstrap::LEAST_UNITS {
        let least = metrics::bootstrap::LEAST_UNITS;
        outcome.lacking.push(format!("{} pictures have a region that shows it; {least} are needed", marked.len()));
        return Ok(vec![outcome]);
    }
    // Every altered picture is made when its turn comes.
    let mut asked: Vec<(usize, What)> = vec![];
    for (place, of) in marked.iter().enumerate() {
        asked.push((place, What::Whole));
        for fill in 0..FILLS.len() {
            asked.extend((0..=of.controls.len()).map(|mask| (place, What::Filled(fill, mask))));
        }
        for onto in 0..without.len() {
            asked.extend((0..=of.controls.len()).map(|mask| (place, What::Laid(onto, mask))));
        }
    }
    let engine = classifier.engine();
    let read = |number: usize| -> Result<Tensor> {
        let (place, what) = asked[number];
        let of = &marked[place];
        let mask = |number: usize| if number == 0 { &of.mask } else { &of.controls[number - 1] };
        let square = match what {
            What::Whole => of.square.clone(),
            What::Filled(fill, number) => {
                let mut random = stream(Seed(claim.seed), Purpose::Masks, (1 << 32) | (place * 64 + number) as u64);
                masks::filled(&of.square, mask(number), side, FILLS[fill], &mut random)
            }
            What::Laid(onto, number) => {
                let mut square = without[onto].clone();
                for (channel, levels) in square.iter_mut().enumerate() {
                    (0..side * side)
                        .filter(|pixel| mask(number)[*pixel])
                        .for_each(|pixel| levels[pixel] = of.square[channel][pixel]);
                }
                square
            }
        };
        let tensor = Tensor::from_slice(&square.concat()).view([1, 3, side as i64, side as i64]);
        let tensor = tensor.to_device(engine.network.device()).to_kind(engine.network.kind());
        Ok(engine.input_pipeline([side as i64; 2], [side as i64; 2]).apply(&tensor))
    };
    let logits = crate::look::logits(engine);
    let (mut own, mut first) = (vec![0.; asked.len()], vec![0; asked.len()]);
    let mut done = 0;
    each_of(engine, &[logits], asked.len(), &read, &mut |numbers, pass| {
        let rows = pass.activation(logits).to_kind(tch::Kind::Double).to_device(tch::Device::Cpu);
        let best = rows.argmax(1, false);
        for (row, number) in numbers.iter().enumerate() {
            own[*number] = rows.double_value(&[row as i64, class as i64]);
            first[*number] = best.int64_value(&[row as i64]);
        }
        done += numbers.len();
        match (context.watch)("regions taken away", done, asked.len()) {
            true => Ok(()),
            false => Err(request!("interrupted; the same command begins the regions anew")),
        }
    })?;
    let of = |place: usize, what: What| asked.iter().position(|asked| *asked == (place, what)).unwrap_or_default();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let bootstrap = Bootstrap { seed: claim.seed, ..Bootstrap::default() };
    let interval =
        |values: &[f64]| bootstrap.flat(values, |drawn| Some(drawn.iter().copied().sum::<f64>() / drawn.len() as f64));
    for (fill, name) in FILLS.iter().enumerate() {
        let (mut paired, mut changed) = (vec![], [0., 0.]);
        for (place, picture) in marked.iter().enumerate() {
            let whole = of(place, What::Whole);
            let loss = |mask: usize| own[whole] - own[of(place, What::Filled(fill, mask))];
            let turns = |mask: usize| f64::from(u8::from(first[whole] != first[of(place, What::Filled(fill, mask))]));
            let controls: Vec<usize> = (1..=picture.controls.len()).collect();
            paired.push(loss(0) - mean(&controls.iter().map(|mask| loss(*mask)).collect::<Vec<_>>()));
            changed[0] += turns(0) / marked.len() as f64;
            changed[1] += mean(&controls.iter().map(|mask| turns(*mask)).collect::<Vec<_>>()) / marked.len() as f64;
        }
        let found = interval(&paired);
        let told = format!(
            "logits lost without it more than without as large a region, filled by {name} ({} pictures)",
            marked.len()
        );
        let figure = Figure::told(told, found.map(|of| of.estimate), found.map(|of| [of.low, of.high]));
        outcome.figures.push(figure.needs(Need::Above(claim.margin)));
        let told = format!("share of first answers that change without it, filled by {name}; against that of controls");
        outcome.figures.push(Figure { chance: Some(changed[1]), ..Figure::told(told, Some(changed[0]), None) });
    }
    if !without.is_empty() {
        let paired: Vec<f64> = (marked.iter().enumerate())
            .map(|(place, picture)| {
                let laid = |mask: usize| {
                    mean(&(0..without.len()).map(|onto| own[of(place, What::Laid(onto, mask))]).collect::<Vec<_>>())
                };
                laid(0) - mean(&(1..=picture.controls.len()).map(laid).collect::<Vec<_>>())
            })
            .collect();
        let found = interval(&paired);
        let told = format!(
            "logits gained by it more than by as large a part of the same picture, laid onto {} pictures without it",
            without.len()
        );
        outcome.figures.push(Figure::told(told, found.map(|of| of.estimate), found.map(|of| [of.low, of.high])));
    }
    Ok(vec![outcome])
}

/// What is done to a picture: nothing, its region (0) or a control filled, or laid onto another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Whole,
    Filled(usize, usize),
    Laid(usize, usize),
}

/// A picture's central square, `[3][side*side]`, levels from 0 to 1.
fn square(picture: &RgbImage, side: usize) -> Result<[Vec<f32>; 3]> {
    let _guard = tch::no_grad_guard();
    let square = to_square(&from_rgb8(picture).unsqueeze(0), side as i64).squeeze_dim(0).contiguous();
    let [mut red, mut green, mut blue] = [vec![], vec![], vec![]];
    for (channel, levels) in [&mut red, &mut green, &mut blue].into_iter().enumerate() {
        *levels = Vec::<f32>::try_from(&square.get(channel as i64).flatten(0, -1))?;
    }
    Ok([red, green, blue])
}

fn joined(a: &Mask, b: &Mask) -> Mask {
    a.iter().zip(b).map(|(a, b)| *a || *b).collect()
}
