//! What WordNet (Miller 1995) has above the classes of ImageNet: that a `banana` is a fruit, and that three classes are persons.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use zoo::suggest::fold;

use crate::imagenet::{CLASSES, Class};

struct Above {
    parents: HashMap<&'static str, Vec<&'static str>>,
    /// Synsets that are no classes, by their lemmas.
    by_lemma: HashMap<String, Vec<&'static str>>,
}

static ABOVE: LazyLock<Above> = LazyLock::new(|| {
    let mut above = Above { parents: HashMap::new(), by_lemma: HashMap::new() };
    for line in include_str!("imagenet_above.txt").lines() {
        let mut fields = line.split('\t');
        let (Some(wnid), Some(parents), Some(lemmas)) = (fields.next(), fields.next(), fields.next()) else { continue };
        above.parents.insert(wnid, parents.split_whitespace().collect());
        for lemma in lemmas.split(", ").filter(|lemma| !lemma.is_empty()) {
            above.by_lemma.entry(fold(lemma)).or_default().push(wnid);
        }
    }
    above
});

/// The classes that are kinds of what a word names in WordNet, in their order: `fruit`, `dog`, `person`. Empty where it names nothing above a class.
pub fn kinds_of(word: &str) -> Vec<&'static Class> {
    let Some(wanted) = ABOVE.by_lemma.get(&fold(word)) else { return vec![] };
    let is_kind = |class: &&Class| {
        let (mut left, mut known) = (vec![class.wnid], BTreeSet::new());
        while let Some(one) = left.pop() {
            if wanted.contains(&one) {
                return true;
            }
            if known.insert(one) {
                left.extend(ABOVE.parents.get(one).into_iter().flatten());
            }
        }
        false
    };
    CLASSES.iter().filter(is_kind).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(word: &str) -> Vec<&'static str> {
        kinds_of(word).into_iter().map(|class| class.name).collect()
    }

    #[test]
    fn imagenet_knows_three_kinds_of_persons() {
        assert_eq!(names("person"), ["ballplayer", "groom", "scuba diver"]);
    }

    #[test]
    fn kinds_are_found_however_far_above_they_are() {
        assert_eq!(kinds_of("entity").len(), 1000);
        assert_eq!(names("bicycle").len(), 2);
        assert!(names("Fruit").contains(&"banana") && names("dog").len() == 118);
        assert!(names("banana").is_empty() && names("nothing at all").is_empty());
    }
}
