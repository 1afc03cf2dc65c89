//! What came of an expectation: figures, each with what it must be, a verdict, and a sentence that names its test.

use std::collections::BTreeSet;
use std::path::Path;

use classifiers::Kinship;
use metrics::multiple::holm;
use serde::Serialize;

use super::claim::{Claim, Expectation, Expected};
use super::registered::{Material, Registered};
use super::{claim, given::Given};
use crate::annotate::{Answer, Counted, Labels};
use crate::error::Result;
use crate::models::{Classifier, Models};

/// Below this a p value, adjusted by Holm over all of a claim, is no chance.
pub const LEVEL: f64 = 0.05;

/// Other classes below which a null of them is told to be small.
const CLASSES: usize = 20;

/// Permutations of a test.
pub const PERMUTATIONS: usize = 9999;

/// The four statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Statement {
    /// So many pictures show it.
    Present,
    /// Visualizations show it.
    Shown,
    /// The network answers less without it.
    Relied,
    /// Pictures with it lie together.
    Clusters,
}

/// Whether an expectation came true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It did.
    Holds,
    /// It did not.
    Refused,
    /// Neither can be said.
    Open,
}

impl Verdict {
    /// As a word.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Holds => "holds",
            Verdict::Refused => "refused",
            Verdict::Open => "open",
        }
    }

    fn turned(self) -> Verdict {
        match self {
            Verdict::Holds => Verdict::Refused,
            Verdict::Refused => Verdict::Holds,
            Verdict::Open => Verdict::Open,
        }
    }
}

/// What a figure must be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// Its interval lies within these; refused where it lies outside of them.
    Within([f64; 2]),
    /// No chance, by the adjusted p value of its expectation. The least p value that so many pictures can come to is told: where even that is none, nothing is decided.
    Significant(f64),
    /// Its interval lies above 0; refused where it lies below this margin.
    Above(f64),
    /// Nothing: it is told beside the others.
    Nothing,
}

/// A number and what is known of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// Of what.
    pub of: String,
    /// The number; none where there is too little to compute it from.
    pub value: Option<f64>,
    /// Its interval at 95 %.
    pub interval: Option<[f64; 2]>,
    /// What it is by chance.
    pub chance: Option<f64>,
    /// How often chance does as well, for itself.
    pub p: Option<f64>,
    /// What decides: the largest p value of its expectation, all of whose tests must be passed (Berger 1982, intersection-union), adjusted over the claim's expectations (Holm 1979).
    pub p_holm: Option<f64>,
    /// What it must be.
    pub need: Need,
}

impl Figure {
    /// A number that is told.
    pub fn told(of: impl Into<String>, value: Option<f64>, interval: Option<[f64; 2]>) -> Figure {
        Figure { of: of.into(), value, interval, chance: None, p: None, p_holm: None, need: Need::Nothing }
    }

    /// The same with what it must be.
    pub fn needs(self, need: Need) -> Figure {
        Figure { need, ..self }
    }

    /// A number with a test: what it is by chance, and how often chance does as well, at best so often.
    pub fn tested(of: impl Into<String>, value: f64, chance: f64, p: f64, least: f64) -> Figure {
        let need = Need::Significant(least);
        Figure { chance: Some(chance), p: Some(p), need, ..Figure::told(of, Some(value), None) }
    }

    /// Its verdict. What is tested holds only with all tests of its expectation; it is refused for itself, if its own p value, adjusted by as much (`times`) as
    /// theirs, is one of chance though so many pictures could have come to less among `tests` expectations.
    fn verdict(&self, tests: usize, times: f64) -> Option<Verdict> {
        Some(match (self.need, self.interval, self.p_holm) {
            (Need::Nothing, ..) => return None,
            (Need::Within([from, to]), Some([low, high]), _) => {
                match (from <= low && high <= to, high < from || to < low) {
                    (true, _) => Verdict::Holds,
                    (_, true) => Verdict::Refused,
                    _ => Verdict::Open,
                }
            }
            (Need::Significant(least), _, Some(decides)) => {
                let able = least * (tests as f64) < LEVEL;
                match self.p {
                    _ if decides < LEVEL => Verdict::Holds,
                    Some(p) if p * times >= LEVEL && able => Verdict::Refused,
                    _ => Verdict::Open,
                }
            }
            (Need::Above(margin), Some([low, high]), _) => match (high < margin, low > 0.) {
                (true, _) => Verdict::Refused,
                (_, true) => Verdict::Holds,
                _ => Verdict::Open,
            },
            _ => Verdict::Open,
        })
    }
}

/// What came of an expectation.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// What was expected.
    pub expected: Expected,
    /// Which statement it is.
    pub statement: Statement,
    /// By which method, where it is about one.
    pub method: Option<String>,
    /// What was computed: all that must be must be.
    pub figures: Vec<Figure>,
    /// The test and its source.
    pub test: String,
    /// Why nothing can be said, where that is known beforehand.
    pub lacking: Vec<String>,
    /// Whether it came true.
    pub verdict: Verdict,
}

impl Outcome {
    /// One that is not settled yet.
    pub fn new(expected: &Expected, statement: Statement, test: impl Into<String>) -> Outcome {
        let (figures, lacking, test) = (vec![], vec![], test.into());
        Outcome { expected: expected.clone(), statement, method: None, figures, test, lacking, verdict: Verdict::Open }
    }
}

/// Adjusts what decides each expectation over all of a claim, and says what came true.
pub fn settle(outcomes: &mut [Outcome]) {
    let worst = |outcome: &Outcome| {
        let tested = outcome.figures.iter().filter(|figure| figure.need != Need::Nothing).filter_map(|figure| figure.p);
        tested.reduce(f64::max)
    };
    let all: Vec<f64> = outcomes.iter().filter_map(worst).collect();
    let tests = all.len();
    let mut adjusted = holm(&all).unwrap_or_default().into_iter();
    for outcome in outcomes {
        let decides = worst(outcome).and_then(|_| adjusted.next());
        let times = worst(outcome).zip(decides).map_or(1., |(p, decides)| decides / p);
        for figure in outcome.figures.iter_mut().filter(|figure| figure.need != Need::Nothing && figure.p.is_some()) {
            figure.p_holm = decides;
        }
        let verdicts: Vec<Verdict> = outcome.figures.iter().filter_map(|figure| figure.verdict(tests, times)).collect();
        let verdict = if verdicts.contains(&Verdict::Refused) {
            Verdict::Refused
        } else if verdicts.is_empty() || verdicts.contains(&Verdict::Open) || !outcome.lacking.is_empty() {
            Verdict::Open
        } else {
            Verdict::Holds
        };
        let turned = matches!(outcome.expected.expectation, Expectation::Relied(false) | Expectation::Clusters(false));
        // What is lacking leaves it open whichever way.
        outcome.verdict = if turned { verdict.turned() } else { verdict };
    }
}

/// What tests are given.
pub struct Context<'a> {
    /// Networks.
    pub models: &'a Models,
    /// What was fixed beforehand.
    pub registered: &'a Registered,
    /// The pictures.
    pub material: &'a Material,
    /// What people gave.
    pub given: &'a Given,
    /// What their labels come to.
    pub counted: &'a Counted,
    /// Where results go.
    pub out: &'a Path,
    /// Told what is under way; says whether to go on.
    pub watch: &'a dyn Fn(&str, usize, usize) -> bool,
}

impl Context<'_> {
    /// The claim.
    pub fn claim(&self) -> &Claim {
        &self.registered.claim
    }

    /// The place of a reading.
    pub fn reading(&self, name: &str) -> usize {
        self.claim().readings.iter().position(|reading| reading.name == name).unwrap_or_default()
    }

    /// Labelled pictures of the class: their numbers, and whether they show it by what all annotators say; unsure ones are left out.
    pub fn labelled(&self, reading: usize) -> Vec<(usize, bool)> {
        let items = self.registered.sample.items.iter().enumerate().filter(|(_, item)| item.group == 0);
        items
            .filter_map(|(number, _)| match Labels::together(&self.given.labels, reading, number)? {
                Answer::Yes => Some((number, true)),
                Answer::No => Some((number, false)),
                Answer::Unsure => None,
            })
            .collect()
    }

    /// A layer's network.
    ///
    /// # Errors
    /// As [`Models::classifier`].
    pub fn encoder(&self, of: &claim::Encoder) -> Result<Classifier> {
        self.models.classifier(&of.classifier)
    }
}

/// What limits all of it.
pub fn cautions(context: &Context, outcomes: &[Outcome]) -> Vec<String> {
    let mut all = vec![];
    if context.given.labels.len() < 2 {
        all.push("One annotator: nobody knows how far another would agree.".to_owned());
    }
    for agreed in &context.counted.agreement {
        if let Some(kappa) = agreed.kappa.filter(|kappa| *kappa < 0.6) {
            let [first, second] = &agreed.annotators;
            all.push(format!(
                "{first} and {second} agree little on '{}' (Cohen's kappa {kappa:.2}): the reading is not yet one that two people understand alike.",
                agreed.reading
            ));
        }
    }
    if !context.registered.amended.is_empty() {
        all.push(format!(
            "The claim was registered anew {} time(s): what is expected may have been written after something was seen.",
            context.registered.amended.len()
        ));
    }
    if outcomes.iter().any(|outcome| outcome.statement == Statement::Shown) {
        for (name, pictures) in &context.material.nulls {
            let units: BTreeSet<&String> = pictures.iter().filter_map(|picture| picture.columns.get("unit")).collect();
            if (1..CLASSES).contains(&units.len()) {
                all.push(format!(
                    "'{name}' has pictures of {} classes: that the class differs from so few may have other reasons than what is read.",
                    units.len()
                ));
            }
        }
        if context.given.read.is_empty() {
            all.push("Nobody read the visualizations without knowing their source: what is said to be shown is shown to networks.".to_owned());
        }
        let target = context.models.classifier(&context.claim().classifier).ok();
        let family = |of: &Classifier| of.engine().family.clone();
        for encoder in &context.claim().encoders {
            let (Some(target), Ok(own)) = (&target, context.encoder(encoder)) else { continue };
            match Kinship::between(family(target).as_deref(), family(&own).as_deref()) {
                Kinship::Foreign | Kinship::NoClassifier => {}
                Kinship::Unknown => {
                    all.push(format!("It is not known whether {} is a stranger to {}.", own.name(), target.name()))
                }
                _ => all.push(format!(
                    "{} is kin of {}: it may see what only such networks see.",
                    own.name(),
                    target.name()
                )),
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(figures: Vec<Figure>) -> Outcome {
        let expected = Expected { reading: "x".to_owned(), expectation: Expectation::Shown(vec!["naive".to_owned()]) };
        Outcome { figures, ..Outcome::new(&expected, Statement::Shown, "") }
    }

    #[test]
    fn what_could_not_come_to_less_is_left_open_beside_what_passes() {
        // Three pictures against three come to 0.05 at best; the same three against many pass.
        let mut all =
            [outcome(vec![Figure::tested("few", 1., 0., 0.05, 0.05), Figure::tested("many", 1., 0., 1e-4, 1e-4)])];
        settle(&mut all);
        assert_eq!(all[0].verdict, Verdict::Open);
        all[0].figures[1].p = Some(0.4);
        settle(&mut all);
        assert_eq!(all[0].verdict, Verdict::Refused);
        all[0].figures.remove(0);
        all[0].figures[0].p = Some(1e-4);
        settle(&mut all);
        assert_eq!(all[0].verdict, Verdict::Holds);
    }

    #[test]
    fn the_largest_p_value_of_an_expectation_is_adjusted_over_expectations_and_not_over_tests() {
        let pair =
            |p: f64| outcome(vec![Figure::tested("a", 1., 0., 1e-4, 1e-4), Figure::tested("b", 1., 0., p, 1e-4)]);
        let mut all = [pair(0.02), pair(0.03)];
        settle(&mut all);
        let decides = all.each_ref().map(|of| of.figures[0].p_holm.unwrap());
        assert_eq!(decides, [0.04, 0.04]);
        assert!(all.iter().all(|of| of.verdict == Verdict::Holds && of.figures[0].p_holm == of.figures[1].p_holm));
    }
}
