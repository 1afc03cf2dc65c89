//! The 1000 classes of ImageNet-1k (ILSVRC-2012), in the order of the logits of every classifier trained on it.
//!
//! Names are torchvision's; synonyms are the lemmas of the class's WordNet synset.

use std::sync::LazyLock;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_1000_classes_in_the_order_of_their_wnids() {
        assert_eq!(CLASSES.len(), 1000);
        assert!(CLASSES.is_sorted_by_key(|class| class.wnid));
        assert_eq!((CLASSES[954].name, CLASSES[954].wnid), ("banana", "n07753592"));
    }
}
