//! *Present*: how many of the pictures of the class show it, from labels of a random sample, and whether more do than of another class.

use metrics::contingency::Table;

use super::claim::{Expectation, Expected};
use super::outcome::{Context, Figure, Need, Outcome, Statement};
use crate::annotate::{AGREED, Count};
use crate::error::Result;

pub(super) fn outcomes(context: &Context, expected: &Expected) -> Result<Vec<Outcome>> {
    let class = &context.registered.sample.groups[0].name;
    let counts = |group: &str| -> Vec<&Count> {
        let is_of = |of: &&Count| of.group == group && of.reading == expected.reading;
        context.counted.counts.iter().filter(is_of).collect()
    };
    // What all say together comes last; of one annotator it is what that one says.
    let own = counts(class);
    let together = |group: &str| counts(group).pop();
    match &expected.expectation {
        Expectation::Present(range) => {
            let test = "exact interval of the share of a finite class at 95 % (Clopper & Pearson 1934, hypergeometric), of strata a posterior's";
            let mut outcome = Outcome::new(expected, Statement::Present, test);
            for of in own {
                let by =
                    if of.annotator == AGREED { "all annotators together".to_owned() } else { of.annotator.clone() };
                let told = format!(
                    "share of {} pictures by {by}: {} of {} labelled, {} unsure",
                    of.population, of.yes, of.labelled, of.unsure
                );
                outcome.figures.push(Figure::told(told, Some(of.share), Some(of.interval)).needs(Need::Nothing));
            }
            match outcome.figures.last_mut() {
                Some(last) => last.need = Need::Within(*range),
                None => outcome.lacking.push("no picture of the class is labelled".to_owned()),
            }
            Ok(vec![outcome])
        }
        Expectation::MoreThan(other) => {
            let test = "Fisher's exact test, one-sided (Fisher 1935)";
            let mut outcome = Outcome::new(expected, Statement::Present, test);
            match (together(class), together(other)) {
                (Some(here), Some(there)) => {
                    let table = Table {
                        both: here.yes,
                        first: here.labelled - here.yes,
                        second: there.yes,
                        neither: there.labelled - there.yes,
                    };
                    let yes = here.yes + there.yes;
                    let most = yes.min(here.labelled);
                    // As uneven as so many could be.
                    let uneven = Table {
                        both: most,
                        first: here.labelled - most,
                        second: yes - most,
                        neither: there.labelled - (yes - most),
                    };
                    let p = |table: Table| table.fisher().map_or(1., |of| of.more);
                    let told = format!(
                        "share in {class} ({} of {}), against that in {other} ({} of {})",
                        here.yes, here.labelled, there.yes, there.labelled
                    );
                    let figure = Figure::tested(told, here.share, there.share, p(table), p(uneven));
                    outcome.figures.push(figure);
                    if !context.registered.sample.groups.iter().all(|group| group.strata.len() == 1) {
                        outcome.lacking.push(
                            "Fisher's test takes simple random samples, and these were drawn by strata".to_owned(),
                        );
                    }
                }
                _ => outcome.lacking.push(format!("no picture of {other} is labelled")),
            }
            Ok(vec![outcome])
        }
        _ => Ok(vec![]),
    }
}
