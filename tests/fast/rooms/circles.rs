//! Circles of a graph.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Ties;

/// A shortest circle of each part of the graph in which everything leads to everything, a line a tie.
pub(super) fn circles(ties: &Ties) -> Vec<String> {
    let mut next: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (from, to) in ties.keys() {
        next.entry(from).or_default().push(to);
    }
    let (mut circles, mut known) = (vec![], BTreeSet::new());
    for start in next.keys().copied() {
        if known.contains(start) {
            continue;
        }
        if let Some(circle) = way_back(start, &next) {
            let part = reached(start, &next);
            known.extend(part.iter().copied().filter(|other| reached(other, &next).contains(start)));
            let line = |pair: &[&str]| {
                let names: Vec<String> = ties[&(pair[0].to_owned(), pair[1].to_owned())].iter().cloned().collect();
                format!("{} -> {} ({})\n", pair[0], pair[1], names.join("; "))
            };
            circles.push(circle.windows(2).map(line).collect());
        }
    }
    circles
}

/// Everything that one leads to.
fn reached<'n>(start: &str, next: &BTreeMap<&'n str, Vec<&'n str>>) -> BTreeSet<&'n str> {
    let (mut found, mut left) = (BTreeSet::new(), next.get(start).cloned().unwrap_or_default());
    while let Some(one) = left.pop() {
        if found.insert(one) {
            left.extend(next.get(one).into_iter().flatten());
        }
    }
    found
}

/// The shortest way from one back to it.
fn way_back<'n>(start: &'n str, next: &BTreeMap<&'n str, Vec<&'n str>>) -> Option<Vec<&'n str>> {
    let (mut from, mut left) = (BTreeMap::new(), VecDeque::from([start]));
    while let Some(one) = left.pop_front() {
        for &other in next.get(one).into_iter().flatten() {
            if other == start {
                let (mut way, mut at) = (vec![start, one], one);
                while at != start {
                    at = from[at];
                    way.push(at);
                }
                way.reverse();
                return Some(way);
            }
            if !from.contains_key(other) {
                from.insert(other, one);
                left.push_back(other);
            }
        }
    }
    None
}
