//! Words for classes: which one a word names, and what it may have meant where it names none.

use zoo::suggest::{fold, nearest};

use crate::imagenet::{CLASSES, Class};
use crate::wordnet::kinds_of;

/// Why a word is no class.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum NotAClass {
    /// No class has this name.
    #[error("'{word}' is not a class{near}")]
    Unknown {
        /// What was asked for.
        word: String,
        /// What may have been meant.
        near: Near,
    },
    /// Several classes have this name; they are told apart by index.
    #[error("'{word}' names several classes: {classes}; give the index")]
    Ambiguous {
        /// What was asked for.
        word: String,
        /// The classes with their indices.
        classes: String,
    },
    /// There are only so many classes.
    #[error("class {index} is out of range: the classes are 0 to {last}")]
    OutOfRange {
        /// What was asked for.
        index: usize,
        /// The last class.
        last: usize,
    },
    /// The classes of this classifier are not ImageNet's, so only their numbers are known.
    #[error("'{word}' is not a class: these classes have no names here, only the numbers 0 to {last}")]
    Nameless {
        /// What was asked for.
        word: String,
        /// The last class.
        last: usize,
    },
}

/// What a word that is no class may have meant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Near {
    /// The name that is spelt most like it, and its index.
    pub spelt: Option<(String, usize)>,
    /// Classes whose names have it as a part, and their indices.
    pub having: Vec<(String, usize)>,
    /// Classes that are kinds of it.
    pub kinds: Vec<(String, usize)>,
}

impl std::fmt::Display for Near {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const SHOWN: usize = 8;
        let mut list = |before: &str, classes: &[(String, usize)]| {
            let shown: Vec<String> =
                classes.iter().take(SHOWN).map(|(name, index)| format!("{name} ({index})")).collect();
            let more = classes.len().saturating_sub(SHOWN);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            write!(f, "; {before} {}{more}", shown.join(", "))
        };
        if let ([], [], Some((name, index))) = (&self.having[..], &self.kinds[..], &self.spelt) {
            return write!(f, "; did you mean '{name}' ({index})?");
        }
        let kinds: Vec<_> = self.kinds.iter().filter(|class| !self.having.contains(class)).cloned().collect();
        let parts = [("it is a part of", &self.having), ("kinds of it are", &kinds)];
        parts.iter().filter(|(_, classes)| !classes.is_empty()).try_for_each(|(before, classes)| list(before, classes))
    }
}

/// Places of the classes whose names have a word as a part: those of which it is a whole word, or else, of four letters and more, any part. Each
/// class has one name or several.
fn having<'n, N: Iterator<Item = &'n str>>(word: &str, names: &dyn Fn(usize) -> N, classes: usize) -> Vec<usize> {
    let folded = fold(word);
    if folded.is_empty() {
        return vec![];
    }
    let whole = |name: &str| format!(" {} ", fold(name).replace(['\'', ','], " ")).contains(&format!(" {folded} "));
    let found: Vec<usize> = (0..classes).filter(|class| names(*class).any(whole)).collect();
    if !found.is_empty() || folded.chars().count() < 4 {
        return found;
    }
    (0..classes).filter(|class| names(*class).any(|name| fold(name).contains(&folded))).collect()
}

fn names_of(class: usize) -> impl Iterator<Item = &'static str> {
    let class = &CLASSES[class];
    std::iter::once(class.name).chain(class.synonyms.iter().copied())
}

/// Classes of ImageNet whose names, or synonyms, have a word as a part, in their order.
pub fn imagenet_having(word: &str) -> Vec<&'static Class> {
    having(word, &names_of, CLASSES.len()).into_iter().map(|place| &CLASSES[place]).collect()
}

/// The class of ImageNet that `word` names: by index, by name (exactly, then without regard to case, hyphens and underscores), by wnid,
/// or by a synonym that no other class has.
///
/// # Errors
/// Why it is no class.
pub fn of_imagenet(word: &str) -> Result<&'static Class, NotAClass> {
    if let Ok(index) = word.parse::<usize>() {
        return CLASSES.get(index).ok_or(NotAClass::OutOfRange { index, last: CLASSES.len() - 1 });
    }
    let folded = fold(word);
    let tests: [&dyn Fn(&Class) -> bool; 4] =
        [&|class| class.name == word, &|class| class.wnid == word, &|class| fold(class.name) == folded, &|class| {
            class.synonyms.iter().any(|synonym| fold(synonym) == folded)
        }];
    let told = |class: &Class| (class.name.to_owned(), class.index);
    for test in tests {
        match CLASSES.iter().filter(|class| test(class)).collect::<Vec<_>>()[..] {
            [] => continue,
            [class] => return Ok(class),
            ref several => return Err(NotAClass::ambiguous(word, several.iter().map(|class| told(class)))),
        }
    }
    let spelt = nearest(word, CLASSES.iter().map(|class| class.name));
    let spelt = spelt.and_then(|name| CLASSES.iter().find(|class| class.name == name));
    let near = Near {
        spelt: spelt.map(told),
        having: imagenet_having(word).into_iter().map(told).collect(),
        kinds: kinds_of(word).into_iter().map(told).collect(),
    };
    Err(NotAClass::Unknown { word: word.to_owned(), near })
}

/// The index of the class that a word names, of classes with these names: exactly, or but for case and hyphens.
///
/// # Errors
/// Why it is no class.
pub fn of_own(word: &str, names: &[String]) -> Result<usize, NotAClass> {
    let folded = fold(word);
    let tests: [&dyn Fn(&str) -> bool; 2] = [&|name| name == word, &|name| fold(name) == folded];
    let told = |index: usize| (names[index].clone(), index);
    for test in tests {
        let found: Vec<usize> = (0..names.len()).filter(|&index| test(&names[index])).collect();
        match found[..] {
            [] => {}
            [index] => return Ok(index),
            _ => return Err(NotAClass::ambiguous(word, found.into_iter().map(told))),
        }
    }
    let spelt = nearest(word, names.iter().map(String::as_str));
    let spelt = spelt.and_then(|name| names.iter().position(|other| other == name));
    let near =
        Near { spelt: spelt.map(told), having: own_having(word, names).into_iter().map(told).collect(), kinds: vec![] };
    Err(NotAClass::Unknown { word: word.to_owned(), near })
}

/// Places of names that have a word as a part, in their order.
pub fn own_having(word: &str, names: &[String]) -> Vec<usize> {
    having(word, &|class| std::iter::once(names[class].as_str()), names.len())
}

impl NotAClass {
    fn ambiguous(word: &str, classes: impl Iterator<Item = (String, usize)>) -> NotAClass {
        let list: Vec<String> = classes.map(|(name, index)| format!("{name} ({index})")).collect();
        NotAClass::Ambiguous { word: word.to_owned(), classes: list.join(", ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_found_by_name_index_wnid_and_synonym() {
        for (word, index) in
            [("banana", 954), ("954", 954), ("n07753592", 954), ("BOW_TIE", 457), ("bowtie", 457), ("fiddle", 889)]
        {
            assert_eq!(of_imagenet(word).map(|class| class.index), Ok(index), "{word}");
        }
    }

    #[test]
    fn near_names_stay_apart() {
        assert_eq!(of_imagenet("sunglass").map(|class| class.index), Ok(836));
        assert_eq!(of_imagenet("sunglasses").map(|class| class.index), Ok(837));
        assert_eq!(of_imagenet("Cardigan").map(|class| class.index), Ok(264));
        assert_eq!(of_imagenet("cardigan").map(|class| class.index), Ok(474));
        assert!(matches!(of_imagenet("CARDIGAN"), Err(NotAClass::Ambiguous { .. })));
    }

    #[test]
    fn a_mistyped_name_gets_a_suggestion() {
        let error = of_imagenet("bananna").unwrap_err().to_string();
        assert_eq!(error, "'bananna' is not a class; did you mean 'banana' (954)?");
        assert_eq!(
            of_imagenet("1000").unwrap_err().to_string(),
            "class 1000 is out of range: the classes are 0 to 999"
        );
        assert_eq!(of_imagenet("qwxzk").unwrap_err().to_string(), "'qwxzk' is not a class");
    }

    #[test]
    fn part_of_a_name_lists_the_classes_that_have_it() {
        let error = of_imagenet("fence").unwrap_err().to_string();
        assert_eq!(
            error,
            "'fence' is not a class; it is a part of chainlink fence (489), picket fence (716), worm fence (912); kinds of it are stone wall (825)"
        );
        assert!(of_imagenet("shark").unwrap_err().to_string().contains("tiger shark (3)"));
        let own: Vec<String> = ["red car", "blue car", "boat"].map(str::to_owned).to_vec();
        let error = of_own("car", &own).unwrap_err().to_string();
        assert_eq!(error, "'car' is not a class; it is a part of red car (0), blue car (1)");
    }

    #[test]
    fn what_wordnet_has_above_classes_lists_its_kinds() {
        let error = of_imagenet("person").unwrap_err().to_string();
        let told = "'person' is not a class; kinds of it are ballplayer (981), groom (982), scuba diver (983)";
        assert_eq!(error, told);
        let error = of_imagenet("fruit").unwrap_err().to_string();
        assert!(error.contains("kinds of it are") && error.contains(" more"), "{error}");
    }
}
