//! Two properties of pictures: whether one goes with the other, and whether two people call the same things the same.

use statrs::function::gamma::ln_gamma;

/// How many pictures have both properties, the first alone, the second alone, neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// Both.
    pub both: u64,
    /// The first and not the second.
    pub first: u64,
    /// The second and not the first.
    pub second: u64,
    /// Neither.
    pub neither: u64,
}

/// Fisher's exact test (Fisher 1935, "The Logic of Inductive Inference").
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fisher {
    /// How many times as high the odds of the second property are with the first as without it; infinite where one product is 0, none where both are.
    pub odds_ratio: Option<f64>,
    /// The chance of as many or more that have both, given how many have each.
    pub more: f64,
    /// The chance of any table that is not more likely than this one.
    pub two_sided: f64,
}

/// How often two annotators agree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// The share of pictures that both call the same.
    pub observed: f64,
    /// Cohen's kappa, -1 to 1: the share above chance, of what chance leaves (Cohen 1960, "A Coefficient of Agreement for Nominal Scales").
    pub kappa: f64,
    /// Its standard error (Fleiss, Cohen & Everitt 1969, "Large Sample Standard Errors of Kappa and Weighted Kappa").
    pub error: f64,
}

impl Table {
    fn all(&self) -> u64 {
        self.both + self.first + self.second + self.neither
    }

    /// Fisher's exact test. `None` of no pictures.
    pub fn fisher(&self) -> Option<Fisher> {
        let all = self.all();
        if all == 0 {
            return None;
        }
        let (first, second) = (self.both + self.first, self.both + self.second);
        let ln_factorial = |n: u64| ln_gamma(n as f64 + 1.);
        let ln_choose = |n: u64, k: u64| ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k);
        let least = (first + second).saturating_sub(all);
        let chance =
            |both: u64| (ln_choose(first, both) + ln_choose(all - first, second - both) - ln_choose(all, second)).exp();
        let here = chance(self.both);
        let (mut more, mut two_sided) = (0., 0.);
        for both in least..=first.min(second) {
            let of = chance(both);
            if both >= self.both {
                more += of;
            }
            // What is as likely but for rounding counts.
            if of <= here * (1. + 1e-7) {
                two_sided += of;
            }
        }
        let (with, against) = (self.both as f64 * self.neither as f64, self.first as f64 * self.second as f64);
        let odds_ratio = (with > 0. || against > 0.).then(|| with / against);
        Some(Fisher { odds_ratio, more: more.min(1.), two_sided: two_sided.min(1.) })
    }
}

/// How often two annotators agree, of whom each has put every picture into one category. `None` if there are no pictures, if their numbers differ,
/// or if both always say the same one thing: then nothing is left by chance.
pub fn agreement<T: PartialEq>(a: &[T], b: &[T]) -> Option<Agreement> {
    if a.is_empty() || a.len() != b.len() {
        return None;
    }
    let all = a.len() as f64;
    let mut categories: Vec<&T> = vec![];
    for one in a.iter().chain(b) {
        if !categories.contains(&one) {
            categories.push(one);
        }
    }
    let share = |count: usize| count as f64 / all;
    let shares = |of: &[T]| -> Vec<f64> {
        categories.iter().map(|category| share(of.iter().filter(|one| one == category).count())).collect()
    };
    let (first, second) = (shares(a), shares(b));
    let cell =
        |i: usize, j: usize| share(a.iter().zip(b).filter(|(x, y)| *x == categories[i] && *y == categories[j]).count());
    let count = categories.len();
    let observed: f64 = (0..count).map(|i| cell(i, i)).sum();
    let chance: f64 = first.iter().zip(&second).map(|(p, q)| p * q).sum();
    if chance >= 1. {
        return None;
    }
    let kappa = (observed - chance) / (1. - chance);
    let mut variance = -(kappa - chance * (1. - kappa)).powi(2);
    for i in 0..count {
        variance += cell(i, i) * (1. - (first[i] + second[i]) * (1. - kappa)).powi(2);
        for j in (0..count).filter(|j| *j != i) {
            variance += cell(i, j) * ((first[j] + second[i]) * (1. - kappa)).powi(2);
        }
    }
    let error = (variance.max(0.) / all).sqrt() / (1. - chance);
    Some(Agreement { observed, kappa, error })
}
