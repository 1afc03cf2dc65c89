//! What transforms draw: how often, and where the canvas that the classifier sees lies in the picture.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How often a transform is drawn anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Every {
    /// In every step (and every view of it).
    #[default]
    Step,
    /// Once for each octave.
    Octave,
}

/// Where the canvas that the classifier will see lies in the picture: an affine map from the canvas to the picture, both in
/// pixels from their centres, x to the right and y down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Frame {
    /// `[xx, xy, x0, yx, yy, y0]`: x = xx u + xy v + x0, y = yx u + yy v + y0.
    pub(super) map: [f64; 6],
    /// Height and width of the canvas.
    pub(super) size: [f64; 2],
}

impl Frame {
    /// The picture itself.
    pub(super) fn whole(size: [i64; 2]) -> Frame {
        Frame { map: [1., 0., 0., 0., 1., 0.], size: size.map(|side| side as f64) }
    }

    /// A canvas whose points (u, v) lie at (a u + b v + c, d u + e v + f) of this one.
    pub(super) fn then(&mut self, [a, b, c, d, e, f]: [f64; 6]) {
        let [xx, xy, x0, yx, yy, y0] = self.map;
        self.map = [
            xx * a + xy * d,
            xx * b + xy * e,
            xx * c + xy * f + x0,
            yx * a + yy * d,
            yx * b + yy * e,
            yx * c + yy * f + y0,
        ];
    }

    /// How many pixels of the picture lie between two neighbours of a canvas that is shown in `to` pixels.
    pub(super) fn pitch(&self, to: [i64; 2]) -> f64 {
        let [xx, xy, _, yx, yy, _] = self.map;
        let across = xx.hypot(yx) * self.size[1] / to[1] as f64;
        across.max(xy.hypot(yy) * self.size[0] / to[0] as f64)
    }

    /// The map between the coordinates -1 to 1 of canvas and picture, as `affine_grid` wants it.
    pub(super) fn normalised(&self, picture: [i64; 2]) -> [f64; 6] {
        let [height, width] = picture.map(|side| side as f64);
        let [rows, columns] = self.size;
        let [xx, xy, x0, yx, yy, y0] = self.map;
        [
            xx * columns / width,
            xy * rows / width,
            2. * x0 / width,
            yx * columns / height,
            yy * rows / height,
            2. * y0 / height,
        ]
    }
}

/// What has been drawn for one row of a batch.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Drawn {
    pub(super) frame: Frame,
    /// Rows and columns that the picture is rolled by.
    pub(super) roll: [i64; 2],
}
