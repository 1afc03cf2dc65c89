//! What people gave after a claim was registered: labels, and regions of pictures.

use std::path::Path;

use image::RgbImage;

use super::masks;
use crate::annotate::{self, Labels, Sample};
use crate::error::{Result, bail};
use crate::picture;

/// What people gave after a claim was registered.
#[derive(Debug, Default)]
pub struct Given {
    /// Labels of the pictures.
    pub labels: Vec<Labels>,
    /// What readers who did not know the source said of visualizations and of what they are held against.
    pub read: Vec<Labels>,
    /// Regions of pictures that show it.
    pub regions: Vec<Regions>,
    /// sha256 of each file, in the order above.
    pub files: Vec<String>,
}

/// Regions that somebody gave, by the number of their picture.
#[derive(Clone, Debug)]
pub enum Regions {
    /// Corners in shares of the picture's sides, of a reading or of all.
    Polygons {
        /// The reading; none where all readings share it.
        reading: Option<String>,
        /// The picture's number.
        picture: usize,
        /// Corners of each polygon.
        polygons: Vec<Vec<[f64; 2]>>,
    },
    /// A picture that is bright where the region is.
    Drawn {
        /// The picture's number.
        picture: usize,
        /// The mask.
        mask: RgbImage,
    },
}

impl Regions {
    /// Reads regions: what the page gave, COCO's annotations (`.json`, by file name), or a folder of masks with the pictures' names (`.png`).
    ///
    /// # Errors
    /// A request: files that cannot be read or are none of these, masks of no picture of the sample.
    pub fn read(sample: &Sample, path: &Path) -> Result<Vec<Regions>> {
        let stem = |name: &str| Path::new(name).file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let number = |name: &str| sample.items.iter().position(|item| stem(&item.name) == stem(name));
        if path.is_dir() {
            let mut found = vec![];
            for file in crate::reference::below(path)? {
                let Some(picture) = number(&file.display().to_string()) else { continue };
                found.push(Regions::Drawn { picture, mask: picture::read(&file)? });
            }
            if found.is_empty() {
                bail!("{}: has no mask with the name of a labelled picture", path.display());
            }
            return Ok(found);
        }
        if let Ok(regions) = annotate::regions(sample, path) {
            let given = |of: annotate::Region| Regions::Polygons {
                reading: Some(of.reading),
                picture: of.picture,
                polygons: vec![of.corners],
            };
            return Ok(regions.into_iter().map(given).collect());
        }
        let by_name = masks::coco(path)?;
        let given = |(name, polygons): (String, Vec<Vec<[f64; 2]>>)| {
            Some(Regions::Polygons { reading: None, picture: number(&name)?, polygons })
        };
        Ok(by_name.into_iter().filter_map(given).collect())
    }
}
