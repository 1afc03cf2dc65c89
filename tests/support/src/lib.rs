//! What the tests share: the models and pictures of the user's cache (pulled if they are not there), the records of a sweep, and
//! the inputs that `tests/reference/make_expected.py` computes from a formula.

pub mod differences;
pub mod formula;
pub mod made_up;
pub mod models;
pub mod mount;
pub mod narrow;
pub mod swept;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use classifiers::Classifier;
use generators::Generator;
use image::RgbImage;
use metapicture::engine::device;
use metapicture::picture::{self, from_rgb8};
use tch::{Device, Kind, Tensor};
use zoo::{Cache, Checked, Silent, Zoo};

/// Everything that is built in. Tests run beside each other, so each gets one of libtorch's threads.
pub fn zoo() -> Zoo {
    tch::set_num_threads(1);
    let manifests = classifiers::MANIFESTS.iter().chain(generators::MANIFESTS).chain(metapicture::reference::MANIFESTS);
    Zoo::new(manifests.copied(), Cache::for_user().unwrap()).unwrap()
}

/// Where networks are to be right: the CPU, and a GPU where there is one.
pub fn devices() -> Vec<Device> {
    let gpu = tch::Cuda::is_available().then(|| device::parse("cuda").unwrap());
    std::iter::once(Device::Cpu).chain(gpu).collect()
}

/// The checked files of an entry of the zoo.
pub fn files(name: &str) -> Vec<Checked> {
    let zoo = zoo();
    zoo.cache().checked(&zoo.manifest(name, None).unwrap(), &Silent).unwrap()
}

pub fn classifier(name: &str) -> Classifier {
    Classifier::load(&zoo().manifest(name, None).unwrap(), &files(name)[0]).unwrap()
}

pub fn generator(name: &str) -> Generator {
    Generator::load(&zoo().manifest(name, None).unwrap(), &files(name)[0]).unwrap()
}

/// A picture of the set `photos`.
pub fn photo(file: &str) -> RgbImage {
    let found = files("photos").into_iter().find(|checked| checked.path.ends_with(file));
    picture::read(&found.unwrap_or_else(|| panic!("photos has no {file}")).path).unwrap()
}

/// By run, what must be the same however it was computed: the bytes of its record and of its picture, which one that failed does
/// not have.
pub type Records = BTreeMap<String, (Vec<u8>, Vec<u8>)>;

/// The records in the folder of a sweep; what lies aside is none.
pub fn records(out: &Path) -> Records {
    let mut records = Records::new();
    for entry in std::fs::read_dir(out.join("runs")).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.starts_with('.') {
            continue;
        }
        let record = std::fs::read(path.join("record.json")).unwrap();
        let done = serde_json::from_slice::<serde_json::Value>(&record).unwrap()["status"] == "done";
        let picture = if done { std::fs::read(path.join("image.png")).unwrap() } else { vec![] };
        records.insert(name, (record, picture));
    }
    records
}

/// A path below `tests/reference`.
pub fn reference(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../reference").join(file)
}

/// The tensors of a reference file.
pub fn reference_tensors(file: &str) -> BTreeMap<String, Tensor> {
    Tensor::read_safetensors(reference(file)).unwrap().into_iter().collect()
}

/// The 24 upper bits of the script's `hash32`.
fn top24(index: u32) -> u32 {
    let mut h = index.wrapping_mul(2_654_435_761).wrapping_add(12345);
    h ^= h >> 16;
    h = h.wrapping_mul(2_246_822_519);
    h ^= h >> 13;
    h >> 8
}

/// The script's `noise`: `[1,3,size,size]` in [-1,1).
pub fn noise(size: i64) -> Tensor {
    let values: Vec<f32> = (0..3 * (size * size) as u32).map(|i| top24(i) as f32 / 8_388_608. - 1.).collect();
    Tensor::from_slice(&values).view([1, 3, size, size])
}

/// The script's `codes`: `[count,100]` of mean 0 and variance 1.
pub fn codes(count: u32) -> Tensor {
    let uniform = |i: u32| f64::from(top24(i)) / 16_777_216.;
    let values: Vec<f32> = (0..count * 100).map(|i| (2. * 3f64.sqrt() * (uniform(i) - 0.5)) as f32).collect();
    Tensor::from_slice(&values).view([i64::from(count), 100])
}

/// The script's `central_crop`: `[1,3,size,size]`, (p - 127) / 128, nothing resized.
pub fn central_crop(picture: &RgbImage, size: u32) -> Tensor {
    let (left, top) = ((picture.width() - size) / 2, (picture.height() - size) / 2);
    let crop = image::imageops::crop_imm(picture, left, top, size, size).to_image();
    (from_rgb8(&crop).unsqueeze(0) * 255. - 127.) / 128.
}

/// The largest absolute difference.
pub fn largest_difference(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size());
    (a.to_kind(Kind::Double) - b.to_kind(Kind::Double)).abs().max().double_value(&[])
}
