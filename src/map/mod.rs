//! A map of embedded pictures: UMAP's places in the plane, principal components beside them, how far neighbours on the map are neighbours, how much of
//! each picture's neighbourhood stays when another seed lays it out; and, in the layer's own numbers, clusters of the photographs and how far from them
//! pictures lie that were made. The map is for looking: no statement may rest on distances in it.

mod draw;
mod made;
mod of_embedded;
mod umap;

pub use self::draw::Drawing;
pub use self::made::{Apart, apart, write_apart};
pub use self::of_embedded::{AsFar, Asked, Mapped, Part, of_embedded};
pub use self::umap::{Distance, Map, Settings, Stage, map, rounds};
