//! The 1000 classes of ImageNet-1k (ILSVRC-2012), in the order of the logits of every classifier trained on it.
//!
//! Names are torchvision's; synonyms are the lemmas of the class's WordNet synset.

use std::sync::LazyLock;

use zoo::suggest::{fold, nearest};

/// One class.
#[derive(Debug)]
pub struct Class {
    /// Its place among the logits.
    pub index: usize,
    /// Its WordNet synset, such as `n07753592`.
    pub wnid: &'static str,
    /// Its name, unique if case counts (`Cardigan` is a dog, `cardigan` a garment).
    pub name: &'static str,
    /// The lemmas of its synset; not unique.
    pub synonyms: Vec<&'static str>,
}

/// All classes by index.
pub static CLASSES: LazyLock<Vec<Class>> = LazyLock::new(|| {
    (include_str!("imagenet_classes.txt").lines().enumerate())
        .filter_map(|(index, line)| {
            let mut fields = line.split('\t');
            let (wnid, name) = (fields.next()?, fields.next()?);
            let synonyms = fields.next().map(|all| all.split(", ").collect()).unwrap_or_default();
            Some(Class { index, wnid, name, synonyms })
        })
        .collect()
});

/// Why a word is no class.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum NotAClass {
    /// No class has this name.
    #[error("'{word}' is not a class{}", nearest.as_ref().map(|(n, i)| format!("; did you mean '{n}' ({i})?")).unwrap_or_default())]
    Unknown {
        /// What was asked for.
        word: String,
        /// The class with the nearest name, and its index.
        nearest: Option<(String, usize)>,
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

/// The class that `word` names: by index, by name (exactly, then without regard to case, hyphens and underscores), by wnid,
/// or by a synonym that no other class has.
pub fn class(word: &str) -> Result<&'static Class, NotAClass> {
    if let Ok(index) = word.parse::<usize>() {
        return CLASSES.get(index).ok_or(NotAClass::OutOfRange { index, last: CLASSES.len() - 1 });
    }
    let folded = fold(word);
    let tests: [&dyn Fn(&Class) -> bool; 4] =
        [&|class| class.name == word, &|class| class.wnid == word, &|class| fold(class.name) == folded, &|class| {
            class.synonyms.iter().any(|synonym| fold(synonym) == folded)
        }];
    for test in tests {
        match CLASSES.iter().filter(|class| test(class)).collect::<Vec<_>>()[..] {
            [] => continue,
            [class] => return Ok(class),
            ref several => {
                let list: Vec<String> =
                    several.iter().map(|class| format!("{} ({})", class.name, class.index)).collect();
                return Err(NotAClass::Ambiguous { word: word.to_owned(), classes: list.join(", ") });
            }
        }
    }
    let nearest = nearest(word, CLASSES.iter().map(|class| class.name));
    let nearest = nearest.and_then(|name| CLASSES.iter().find(|class| class.name == name));
    Err(NotAClass::Unknown {
        word: word.to_owned(),
        nearest: nearest.map(|class| (class.name.to_owned(), class.index)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_1000_classes_in_the_order_of_their_wnids() {
        assert_eq!(CLASSES.len(), 1000);
        assert!(CLASSES.is_sorted_by_key(|class| class.wnid));
        assert_eq!((CLASSES[954].name, CLASSES[954].wnid), ("banana", "n07753592"));
    }

    #[test]
    fn a_class_is_found_by_name_index_wnid_and_synonym() {
        for (word, index) in
            [("banana", 954), ("954", 954), ("n07753592", 954), ("BOW_TIE", 457), ("bowtie", 457), ("fiddle", 889)]
        {
            assert_eq!(class(word).map(|class| class.index), Ok(index), "{word}");
        }
    }

    #[test]
    fn near_names_stay_apart() {
        assert_eq!(class("sunglass").map(|class| class.index), Ok(836));
        assert_eq!(class("sunglasses").map(|class| class.index), Ok(837));
        assert_eq!(class("Cardigan").map(|class| class.index), Ok(264));
        assert_eq!(class("cardigan").map(|class| class.index), Ok(474));
        assert!(matches!(class("CARDIGAN"), Err(NotAClass::Ambiguous { .. })));
    }

    #[test]
    fn a_mistyped_name_gets_a_suggestion() {
        let error = class("bananna").unwrap_err().to_string();
        assert_eq!(error, "'bananna' is not a class; did you mean 'banana' (954)?");
        assert_eq!(class("1000").unwrap_err().to_string(), "class 1000 is out of range: the classes are 0 to 999");
        assert_eq!(class("qwxzk").unwrap_err().to_string(), "'qwxzk' is not a class");
    }
}
