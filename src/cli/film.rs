//! What is seen of runs while they are made: pictures in the terminal, and films of them.

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use image::imageops::FilterType;
use image::{DynamicImage, RgbImage};
use tch::Tensor;
use webp_animation::{Encoder, EncoderOptions, EncodingConfig};

use super::bars::above;
use super::error::{Context, Result};
use super::progress::Steps;
use super::terminal::Terminal;
use metapicture::engine::error::Error;
use metapicture::engine::picture::{read, to_rgb8};
use metapicture::engine::render::Watch;
use metapicture::engine::run::{Follow, Run};
use metapicture::engine::store::{RunId, Store};

/// How long a picture of a film is shown, in milliseconds, and the last one.
const SHOWN: (i32, i32) = (80, 2000);
/// Time between two pictures in the terminal.
const PAUSE: Duration = Duration::from_millis(700);
/// Pictures that are shown side by side in the terminal, and their side in pixels.
const BESIDE: (usize, u32) = (4, 224);
/// Rows of the terminal that they take.
const ROWS: u32 = 14;

/// Who shows runs while they are made.
pub(super) struct Showing<'s> {
    steps: &'s Steps,
    store: &'s Store,
    /// Every step of a multiple of this number is a picture of the run's film.
    every: Option<usize>,
    /// Whether pictures are shown in the terminal.
    preview: bool,
    /// The runs of which there are pictures for a film, and how their films are called.
    filmed: RefCell<Vec<(RunId, String)>>,
}

impl<'s> Showing<'s> {
    /// For the runs of this store: with a film of every so many steps, in the terminal, or by a bar alone.
    pub(super) fn new(steps: &'s Steps, store: &'s Store, every: Option<usize>, preview: bool) -> Showing<'s> {
        Showing { steps, store, every, preview, filmed: RefCell::default() }
    }

    fn films(&self) -> PathBuf {
        self.store.root().join("films")
    }

    /// Makes films of the pictures that are there, each of which ends with what its run came to. Tells how many there are.
    ///
    /// # Errors
    /// A film that cannot be written.
    pub(super) fn finish(&self) -> Result<usize> {
        let mut films = 0;
        for (run, name) in &*self.filmed.borrow() {
            let folder = self.films().join(name);
            let last = self.store.picture(run);
            // A run that failed has none, one that was interrupted goes on, and of one that goes on at its end nothing was seen.
            if last.exists() && folder.is_dir() {
                film(&folder, &last, &self.films().join(format!("{name}.webp")))?;
                fs::remove_dir_all(&folder).with_context(|| format!("{}: cannot be removed", folder.display()))?;
                films += 1;
            }
        }
        Ok(films)
    }
}

/// The pictures of a folder in the order of their steps, and the last one, as an animated WebP.
fn film(folder: &Path, last: &Path, to: &Path) -> Result<()> {
    let mut frames: Vec<PathBuf> = fs::read_dir(folder)
        .with_context(|| format!("{}: cannot be read", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    frames.sort();
    let last = read(last)?;
    let (width, height) = last.dimensions();
    let failed = |error| Error::storage(format!("{}: {error}", to.display()));
    let options = EncoderOptions { encoding_config: Some(EncodingConfig::new_lossy(90.)), ..EncoderOptions::default() };
    let mut film = Encoder::new_with_options((width, height), options).map_err(failed)?;
    let mut time = 0;
    for frame in &frames {
        // Those of earlier octaves are smaller.
        let picture = sized(read(frame)?, width, height);
        film.add_frame(DynamicImage::ImageRgb8(picture).to_rgba8().as_raw(), time).map_err(failed)?;
        time += SHOWN.0;
    }
    film.add_frame(DynamicImage::ImageRgb8(last).to_rgba8().as_raw(), time).map_err(failed)?;
    let bytes = film.finalize(time + SHOWN.1).map_err(failed)?;
    fs::write(to, &*bytes).with_context(|| format!("{}: cannot be written", to.display()))?;
    Ok(())
}

fn sized(picture: RgbImage, width: u32, height: u32) -> RgbImage {
    match picture.dimensions() == (width, height) {
        true => picture,
        false => image::imageops::resize(&picture, width, height, FilterType::Triangle),
    }
}

impl Follow for Showing<'_> {
    fn batch<'f>(&'f self, runs: &[Run], ids: &[RunId]) -> Box<dyn Watch + 'f> {
        let of_steps = self.steps.batch(runs, ids);
        let films = self.every.map(|every| {
            let names: Vec<String> = runs.iter().zip(ids).map(|(run, id)| name(run, id)).collect();
            let folders: Vec<PathBuf> = names.iter().map(|name| self.films().join(name)).collect();
            self.filmed.borrow_mut().extend(ids.iter().cloned().zip(names));
            (every, folders)
        });
        let terminal = Terminal::of(|name| std::env::var(name).ok());
        let (preview, shown, warned) = (self.preview, Cell::new(None), Cell::new(false));
        Box::new(OfBatch { of_steps, films, preview, terminal, shown, warned })
    }

    fn found(&self, runs: usize) {
        self.steps.found(runs);
    }
}

/// What a run's film is called: in words, and by the run's id.
fn name(run: &Run, id: &RunId) -> String {
    let words = format!("{} {} {}", run.unit.name, run.method.name, run.seed.0);
    let words: String = words.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    format!("{}.{id}", words.trim_matches('-'))
}

struct OfBatch<'f> {
    of_steps: Box<dyn Watch + 'f>,
    /// How often, and the folder of each run.
    films: Option<(usize, Vec<PathBuf>)>,
    preview: bool,
    terminal: Terminal,
    /// When pictures were shown last, and the rows that they took.
    shown: Cell<Option<(Instant, u32)>>,
    warned: Cell<bool>,
}

impl OfBatch<'_> {
    fn film(&self, step: usize, pictures: &[RgbImage]) -> Result<()> {
        let Some((every, folders)) = &self.films else { return Ok(()) };
        if !step.is_multiple_of(*every) {
            return Ok(());
        }
        for (folder, picture) in folders.iter().zip(pictures) {
            fs::create_dir_all(folder).with_context(|| format!("{}: cannot be made", folder.display()))?;
            let path = folder.join(format!("{step:06}.png"));
            picture.save(&path).with_context(|| format!("{}: cannot be written", path.display()))?;
        }
        Ok(())
    }

    /// Shows the first pictures of the batch side by side, in the place of those that were shown before.
    fn show(&self, pictures: &[RgbImage]) {
        let side = BESIDE.1;
        let count = pictures.len().min(BESIDE.0) as u32;
        let mut all = RgbImage::new(count * side + (count - 1) * 8, side);
        for (place, picture) in pictures.iter().take(BESIDE.0).enumerate() {
            let picture = sized(picture.clone(), side, side);
            image::imageops::replace(&mut all, &picture, i64::from(place as u32 * (side + 8)), 0);
        }
        let up = self.shown.get().map_or(0, |(_, rows)| rows);
        above(|| {
            if up > 0 {
                eprint!("\x1b[{up}A");
            }
            eprint!("{}", self.terminal.shown(&all, ROWS));
        });
        self.shown.set(Some((Instant::now(), ROWS)));
    }
}

impl Watch for OfBatch<'_> {
    fn step(&self, done: usize, steps: usize, activation: f64) {
        self.of_steps.step(done, steps, activation);
    }

    fn screened(&self, done: usize, codes: usize) {
        self.of_steps.screened(done, codes);
    }

    fn wants(&self, step: usize, steps: usize) -> bool {
        let films = self.films.as_ref().is_some_and(|(every, _)| step.is_multiple_of(*every));
        let is_time = self.shown.get().is_none_or(|(then, _)| then.elapsed() >= PAUSE);
        films || self.preview && (is_time || step == steps)
    }

    fn pictures(&self, step: usize, _steps: usize, pictures: &Tensor) {
        let each = (0..pictures.size()[0]).map(|run| to_rgb8(&pictures.get(run).clamp(0., 1.)));
        let filmed = each.collect::<Result<Vec<_>>>().and_then(|pictures| {
            if self.preview {
                self.show(&pictures);
            }
            self.film(step, &pictures)
        });
        if let Err(error) = filmed
            && !self.warned.replace(true)
        {
            log::warn!("no film: {error}");
        }
    }

    fn unsaved(&self, error: &Error) {
        self.of_steps.unsaved(error);
    }
}
