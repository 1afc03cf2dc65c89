//! What a manifest says of a network of the user's own, whatever its file's format: how pictures enter it, what its classes are.

use std::path::Path;

use frozen::load::LoadError;
use frozen::network::{GREY, Mixed, Network};
use serde::Deserialize;

use crate::built::{Built, Names};
use crate::entry::Entry;
use crate::parts::{LOGITS, check_resolution};

/// What a manifest says of a program that is a classifier.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Side of the input in pixels, or height and width.
    resolution: OneOrTwo,
    /// What each of the network's input channels is filled with, where these are not red, green and blue, or grey.
    channels: Option<Vec<Channel>>,
    /// Subtracted from each channel of a picture: three numbers, one for a network that sees grey, or one for each of `channels`.
    mean: Vec<f64>,
    /// What each channel is divided by after that.
    std: Vec<f64>,
    /// What `mean` and `std` count in: pictures from 0 to 1, or from 0 to 255.
    #[serde(default = "one")]
    range: f64,
    /// Names of the classes: a list, the path of a file with a line for each, or `unnamed`; or only how many there are.
    classes: Option<Classes>,
    /// The class that stands for none of the others; it is left out. 0 is known.
    background: Option<i64>,
    /// Whether classes exclude each other.
    #[serde(default)]
    probabilities: Probabilities,
    /// Names of the outputs of a program of TorchScript, the logits last. Not needed where it returns one tensor or a dictionary.
    pub outputs: Option<Vec<String>>,
    /// The output of an ONNX file or of an exported program that holds the logits, where there are several.
    pub program_output: Option<String>,
}

fn one() -> f64 {
    1.
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged, expecting = "`resolution` is a side in pixels, or [height, width]")]
enum OneOrTwo {
    One(i64),
    Two([i64; 2]),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "`classes` is a list of names, the path of a file with a name a line, `unnamed`, or how many there are"
)]
enum Classes {
    Count(i64),
    List(Vec<String>),
    Text(String),
}

/// How a probability is made of logits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Probabilities {
    /// Softmax, or sigmoid where there is one logit.
    #[default]
    Auto,
    /// One class of all.
    Softmax,
    /// Each class for itself.
    Sigmoid,
}

/// What an input channel of a network is filled with.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged, expecting = "each of `channels` is red, green, blue, grey or a number")]
enum Channel {
    /// A colour of the picture.
    Colour(Colour),
    /// The same number everywhere, in the units of `mean` and `std`.
    Constant(f64),
}

/// A colour of a picture.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Colour {
    Red,
    Green,
    Blue,
    /// Of all three (ITU-R BT.601).
    Grey,
}

impl Channel {
    /// The channel after `(x - mean) / std`, of pictures from 0 to 1 whose levels count up to `range`.
    fn normalised(self, mean: f64, std: f64, range: f64) -> Mixed {
        let share = match self {
            Channel::Colour(Colour::Red) => [1., 0., 0.],
            Channel::Colour(Colour::Green) => [0., 1., 0.],
            Channel::Colour(Colour::Blue) => [0., 0., 1.],
            Channel::Colour(Colour::Grey) => GREY,
            Channel::Constant(_) => [0.; 3],
        };
        let constant = if let Channel::Constant(constant) = self { constant } else { 0. };
        let scale = range / std;
        Mixed {
            weights: share.map(|share| (f64::from(share) * scale) as f32),
            constant: ((constant - mean) / std) as f32,
        }
    }
}

impl Config {
    /// Refuses what cannot be.
    ///
    /// # Errors
    /// Says which key.
    pub fn check(&self) -> Result<(), String> {
        let [height, width] = self.size();
        check_resolution(height, 1)?;
        check_resolution(width, 1)?;
        let channels = self.channels.as_deref();
        if channels.is_some_and(|channels| !channels.iter().any(|channel| matches!(channel, Channel::Colour(_)))) {
            return Err(
                "config.channels: none of them is red, green, blue or grey: nothing of a picture would be seen"
                    .to_owned(),
            );
        }
        for (key, list) in [("mean", &self.mean), ("std", &self.std)] {
            let wrong = match channels {
                Some(channels) if list.len() != channels.len() => format!("one number for each of the {} `channels` is needed", channels.len()),
                None if !matches!(list.len(), 1 | 3) || list.len() != self.mean.len() => {
                    "pictures have three channels (red, green, blue), or one (grey): `mean` and `std` are lists of 3 or of 1, both of the \
                     same length; a network of other channels says what each is filled with, such as `channels: [blue, green, red, 0]`"
                        .to_owned()
                }
                _ => continue,
            };
            return Err(format!("config.{key}: {list:?}: {wrong}"));
        }
        if self.mean.iter().any(|mean| !mean.is_finite()) {
            return Err(format!("config.mean: {:?} are not numbers", self.mean));
        }
        if self.std.iter().any(|std| !(std.is_finite() && *std > 0.)) {
            return Err(format!("config.std: {:?} are not numbers above 0", self.std));
        }
        if self.range != 1. && self.range != 255. {
            return Err(format!("config.range: {} is neither 1 nor 255", self.range));
        }
        if self.background.is_some_and(|class| class != 0) {
            return Err("config.background: only class 0 can be left out".to_owned());
        }
        match &self.outputs {
            Some(outputs) if outputs.is_empty() || outputs.iter().any(|name| !is_name(name)) => {
                Err(format!("config.outputs: [{}] are no names without ':', '@' and spaces", outputs.join(", ")))
            }
            _ => Ok(()),
        }
    }

    fn size(&self) -> [i64; 2] {
        match self.resolution {
            OneOrTwo::One(side) => [side; 2],
            OneOrTwo::Two(size) => size,
        }
    }

    /// The shape of the program's own input, without samples.
    pub fn input(&self) -> [i64; 3] {
        let [height, width] = self.size();
        [self.mean.len() as i64, height, width]
    }

    /// The classifier of a program that gives so many logits for its own input.
    ///
    /// # Errors
    /// Names of classes that are not as many as the classes, or a file of them that cannot be read.
    pub fn built(&self, network: Network, logits: i64, entry: &Entry) -> Result<Built, LoadError> {
        let [channels, height, width] = self.input();
        let mut network = network;
        let mut notes = vec![];
        // What lies between pictures [N,3,S,S] and the program is a part of the network.
        let mixed: Vec<Mixed> = match &self.channels {
            Some(channels) => (channels.iter().zip(&self.mean).zip(&self.std))
                .map(|((channel, mean), std)| channel.normalised(*mean, *std, self.range))
                .collect(),
            None if channels == 1 => vec![Mixed { weights: GREY, constant: 0. }],
            None => vec![],
        };
        if !mixed.is_empty() || height != width {
            network = network.behind_pictures(&mixed, (height != width).then_some([height, width]));
        }
        let mut classes = logits;
        if self.background.is_some() {
            if logits < 2 {
                return Err(entry.wrong("config.background: there is one class alone".to_owned()));
            }
            classes = logits - 1;
            network = network.without_first_channel(LOGITS, logits);
        } else {
            network.alias(network.output(), LOGITS);
            if logits == 1001 {
                notes.push(
                    "it has 1001 classes: where class 0 is that of none, say `background: 0` in its config".to_owned(),
                );
            }
        }
        let largest = self.std.iter().copied().fold(0., f64::max) / self.range;
        if self.range == 1. && largest > 1.5 {
            notes.push(format!(
                "its `std` of {largest} is far beyond pictures from 0 to 1, which would all look the same to it: if it counts in levels \
                 from 0 to 255, say `range: 255` in its config"
            ));
        }
        let names = self.names(classes, entry)?;
        if self.classes.is_none() && classes == 1000 {
            notes.push(
                "its 1000 classes are taken for ImageNet's: if they are others, say `classes:` in its config"
                    .to_owned(),
            );
        }
        network.note(notes);
        let three = |list: &[f64]| -> [f64; 3] {
            std::array::from_fn(|channel| list.get(channel).or(list.first()).copied().unwrap_or(1.) / self.range)
        };
        // Where channels are mixed, that normalises them, too.
        let (mean, std) = match self.channels {
            Some(_) => ([0.; 3], [1.; 3]),
            None => (three(&self.mean), three(&self.std)),
        };
        Ok(Built {
            network,
            classes,
            size: height.max(width),
            mean,
            std,
            names,
            independent: match self.probabilities {
                Probabilities::Auto => classes == 1,
                Probabilities::Softmax => false,
                Probabilities::Sigmoid => true,
            },
        })
    }

    fn names(&self, classes: i64, entry: &Entry) -> Result<Names, LoadError> {
        let names = match &self.classes {
            None => return Ok(Names::ImageNet),
            Some(Classes::Text(word)) if word == "unnamed" => return Ok(Names::Unnamed),
            Some(Classes::Text(word)) if word == "imagenet" => return Ok(Names::ImageNet),
            &Some(Classes::Count(count)) => {
                // With the class of none among them, or without.
                if count == classes || self.background.is_some() && count == classes + 1 {
                    return Ok(Names::ImageNet);
                }
                return Err(entry.wrong(format!("config.classes: {count}, and the network has {classes}")));
            }
            Some(Classes::List(names)) => names.clone(),
            Some(Classes::Text(file)) => {
                let folder = Path::new(&entry.manifest.file).parent().unwrap_or(Path::new(""));
                let path = folder.join(file);
                let text = std::fs::read_to_string(&path);
                let text = text
                    .map_err(|error| entry.wrong(format!("config.classes: cannot read {}: {error}", path.display())))?;
                text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
            }
        };
        // With the class of none among them, or without.
        let names = match (names.len() as i64, self.background) {
            (count, Some(_)) if count == classes + 1 => names[1..].to_vec(),
            _ => names,
        };
        if names.len() as i64 != classes {
            return Err(entry.wrong(format!("config.classes: {} names for {classes} classes", names.len())));
        }
        Ok(Names::Own(names))
    }
}

/// Whether a unit can be written with this layer.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c == ':' || c == '@' || c.is_whitespace() || c.is_control())
}
