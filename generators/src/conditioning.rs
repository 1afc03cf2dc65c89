//! The classes that a conditional generator makes pictures of.

use frozen::Constant;

/// What a generator is conditioned on: one class, or a mixture of classes.
#[derive(Debug)]
pub struct Conditioning {
    /// Its classes, in the order of the weights.
    pub classes: Classes,
    /// `[classes, d]`: the vector of each class that enters the network. Where there is none, the mixture itself enters.
    pub embedding: Option<Constant>,
}

/// What the classes of a generator are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Classes {
    /// By the manifest, in the order of the weights.
    Named(Vec<String>),
    /// The 1000 of ImageNet-1k, in the usual order.
    Imagenet,
}

impl Classes {
    /// How many classes there are.
    pub fn len(&self) -> i64 {
        match self {
            Classes::Named(names) => names.len() as i64,
            Classes::Imagenet => 1000,
        }
    }

    /// Whether there are no classes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Conditioning {
    /// How many numbers enter the network for it: those of an embedding, or one a class.
    pub fn width(&self) -> i64 {
        self.embedding.as_ref().map_or_else(|| self.classes.len(), |embedding| embedding.size()[1])
    }
}
