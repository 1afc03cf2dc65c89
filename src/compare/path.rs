//! F3: how natural the way of a picture through the layers of the target is (after Geirhos et al. 2024, "Don't trust your eyes").

use metrics::rank::Ranked;

use super::judges::mean;
use super::measure::Sighting;
use super::nature::Nature;
use super::study::Study;

/// Ordinary photographs that those which fire a unit most are held against.
const ORDINARY: usize = 20;

/// A photograph's activations of each layer, averaged over positions and ranked; none where a layer is constant.
type Ranks = Vec<Option<Ranked>>;

/// The way of photographs through the layers.
pub(super) struct Paths {
    ranked: Vec<Ranks>,
    /// By unit: the photographs that fire it most.
    top: Vec<Vec<usize>>,
    /// By layer: the correlation of ordinary photographs with those that fire a unit most, and of these among each other; none where the second
    /// is not the larger one.
    scale: Vec<Option<[f64; 2]>>,
}

impl Paths {
    pub(super) fn of(study: &Study, nature: &Nature) -> Paths {
        let layers = study.job.networks.layers.len();
        let ranked: Vec<Ranks> = nature.photographs.iter().map(|seen| ranks(&seen.look.pooled)).collect();
        let top: Vec<Vec<usize>> = (0..study.units.len()).map(|unit| nature.top(unit).to_vec()).collect();
        let correlation = |a: usize, b: usize, layer: usize| {
            ranked[a].get(layer)?.as_ref()?.correlation(ranked[b].get(layer)?.as_ref()?)
        };
        let compared = 0..study.compared;
        let scale = (0..layers)
            .map(|layer| {
                let ordinary = compared.clone().filter_map(|unit| {
                    let middle = nature.middle(unit);
                    let chosen = middle.iter().step_by(middle.len().div_ceil(ORDINARY).max(1));
                    mean(chosen.flat_map(|b| top[unit].iter().filter_map(|a| correlation(*a, *b, layer))))
                });
                let among = compared.clone().filter_map(|unit| {
                    let own = &top[unit];
                    let pairs = (0..own.len()).flat_map(|a| (0..a).map(move |b| (own[a], own[b])));
                    mean(pairs.filter_map(|(a, b)| correlation(a, b, layer)))
                });
                let (ordinary, among) = (mean(ordinary)?, mean(among)?);
                (among > ordinary).then_some([ordinary, among])
            })
            .collect();
        Paths { ranked, top, scale }
    }

    /// By layer: how like the photographs that fire its unit most a picture is, 0 as ordinary ones are, 1 as these are among each other.
    pub(super) fn of_picture(&self, picture: &Sighting) -> Vec<Option<f64>> {
        let own = ranks(&picture.look.pooled);
        let like = |layer: usize| {
            let [ordinary, among] = self.scale.get(layer).copied().flatten()?;
            let others =
                self.top[picture.subject.unit].iter().filter(|place| Some(**place) != picture.subject.photograph);
            let all = others.filter_map(|place| own[layer].as_ref()?.correlation(self.ranked[*place][layer].as_ref()?));
            Some((mean(all)? - ordinary) / (among - ordinary))
        };
        (0..own.len()).map(like).collect()
    }
}

fn ranks(layers: &[Vec<f32>]) -> Ranks {
    layers.iter().map(|layer| Ranked::new(layer)).collect()
}
