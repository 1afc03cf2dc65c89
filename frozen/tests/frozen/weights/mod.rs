//! Weight files are read as PyTorch reads them, and nothing in a file can run code, crash the reader, or make it take
//! more memory than the file warrants. The files in `weights/` are made by `weights/make_files.py`.

mod damaged;
mod others;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use frozen::weights::{Fault, WeightError, WeightFile, Weights};
use serde::Deserialize;
use tch::{Kind, Tensor};

use damaged::read_counting;

// ---- what PyTorch sees in the files ----

#[derive(Deserialize)]
struct Expected {
    shape: Vec<i64>,
    stride: Vec<i64>,
    dtype: String,
    sha256: String,
    sum: f64,
}

fn expected(group: &str) -> BTreeMap<String, Expected> {
    let text = fs::read_to_string(file("expected.json")).unwrap();
    let mut groups: BTreeMap<String, BTreeMap<String, Expected>> = serde_json::from_str(&text).unwrap();
    groups.remove(group).unwrap()
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/weights").join(name)
}

fn kind(dtype: &str) -> Kind {
    match dtype {
        "float32" => Kind::Float,
        "float16" => Kind::Half,
        "bfloat16" => Kind::BFloat16,
        "float64" => Kind::Double,
        "int64" => Kind::Int64,
        "int32" => Kind::Int,
        "int16" => Kind::Int16,
        "int8" => Kind::Int8,
        "uint8" => Kind::Uint8,
        "bool" => Kind::Bool,
        "float8_e4m3fn" => Kind::Float8e4m3fn,
        "float8_e5m2" => Kind::Float8e5m2,
        _ => panic!("{dtype}"),
    }
}

fn sha256(tensor: &Tensor) -> String {
    let tensor = tensor.contiguous();
    let length = tensor.numel() * tensor.kind().elt_size_in_bytes();
    // SAFETY: the tensor is contiguous and on the CPU; an empty one may have no address.
    let bytes = if length == 0 { &[] } else { unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast(), length) } };
    zoo::hash::sha256(bytes)
}

/// Reads a file and compares all its tensors with what PyTorch saw.
fn assert_reads_as_pytorch_does(path: &Path, key: Option<&str>, group: &str) -> BTreeMap<String, Tensor> {
    let expected = expected(group);
    let opened = WeightFile::open_at(path, key).unwrap();
    let names: Vec<&str> = opened.entries().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names.len(), expected.len(), "{path:?}: {names:?}");
    for entry in opened.entries() {
        let expected = &expected[&entry.name];
        assert_eq!((&entry.shape, entry.kind), (&expected.shape, kind(&expected.dtype)), "{path:?}: {}", entry.name);
    }
    let tensors = opened.read_all().unwrap();
    for (name, expected) in &expected {
        let tensor = &tensors[name];
        assert_eq!((tensor.size(), tensor.kind()), (expected.shape.clone(), kind(&expected.dtype)), "{path:?}: {name}");
        assert_eq!(sha256(tensor), expected.sha256, "{path:?}: {name}");
        assert!(!tensor.requires_grad());
    }
    tensors
}

#[test]
fn files_of_torch_save_give_every_tensor_with_its_kind_and_strides() {
    for name in ["zip.pth", "legacy.pth", "legacy_protocol_4.pth", "zip_without_checksums.pth", "zip64.pth"] {
        let tensors = assert_reads_as_pytorch_does(&file(name), None, "tensors");
        for (tensor_name, expected) in expected("tensors") {
            assert_eq!(tensors[&tensor_name].stride(), expected.stride, "{name}: {tensor_name}");
        }
        let address = |tensor: &str| tensors[tensor].data_ptr() as usize;
        assert_eq!(address("shared.part") - address("shared.whole"), 3 * size_of::<f32>(), "{name}");
    }
}

#[test]
fn safetensors_give_every_tensor() {
    assert_reads_as_pytorch_does(&file("safetensors"), None, "tensors");
}

#[test]
fn eight_bit_floats_are_read_from_both_formats() {
    assert_reads_as_pytorch_does(&file("zip_float8.pth"), None, "float8");
    assert_reads_as_pytorch_does(&file("safetensors_float8"), None, "float8");
}

#[test]
fn tensors_come_in_the_order_of_the_file_and_one_by_one() {
    for name in ["zip.pth", "legacy.pth"] {
        let mut opened = WeightFile::open(&file(name)).unwrap();
        let names: Vec<&str> = opened.entries().map(|entry| entry.name.as_str()).collect();
        assert_eq!((names[0], names[1], *names.last().unwrap()), ("f32", "f16", "nested.deeper.bias"));

        let (part, whole) = (opened.tensor("shared.part").unwrap(), opened.tensor("shared.whole").unwrap());
        let _ = whole.shallow_clone().fill_(7.0);
        assert_eq!(part.double_value(&[1, 2]), 7.0, "{name}: tensors of one storage share memory");

        let error = opened.tensor("absent").unwrap_err().to_string();
        assert!(error.ends_with(&format!("{name}: has no tensor 'absent'")), "{error}");
    }
}

// ---- keys ----

#[test]
fn a_config_object_beside_the_tensors_is_no_obstacle() {
    for (name, _) in assert_reads_as_pytorch_does(&file("pgan.pth"), Some("netG"), "pgan") {
        assert!(!name.starts_with("netG"));
    }
}

#[test]
fn training_state_beside_the_tensors_is_no_obstacle() {
    assert_reads_as_pytorch_does(&file("checkpoint.pth"), Some("model.generator"), "checkpoint");
    let nested = WeightFile::open_at(&file("checkpoint.pth"), Some("model")).unwrap();
    let names: Vec<&str> = nested.entries().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["generator.weight", "generator.bias"]);
}

#[test]
fn a_key_is_a_prefix_where_names_are_flat() {
    for name in ["zip.pth", "safetensors"] {
        let nested = WeightFile::open_at(&file(name), Some("nested.deeper")).unwrap();
        assert_eq!(nested.entries().map(|entry| entry.name.as_str()).collect::<Vec<_>>(), ["bias"]);
        assert_eq!(WeightFile::open_at(&file(name), Some("shared")).unwrap().entries().len(), 2);
    }
}

#[test]
fn an_error_names_the_keys_to_choose_from() {
    let error = open_error(&file("pgan.pth"), None);
    assert!(error.contains("choose one of its keys: 'netD' (7 tensors), 'netG' (7 tensors)"), "{error}");
    let error = open_error(&file("checkpoint.pth"), Some("ema"));
    assert!(error.contains("holds no tensors under 'ema'; it holds some under the keys "), "{error}");
    assert!(error.contains("'model.generator' (2 tensors)"), "{error}");
    let error = open_error(&file("safetensors"), Some("ema"));
    assert!(error.ends_with("holds no tensors whose name starts with 'ema.'"), "{error}");
}

// ---- files that are refused ----

fn open_error(path: &Path, key: Option<&str>) -> String {
    match WeightFile::open_at(path, key) {
        Ok(_) => panic!("{path:?} was read"),
        Err(error) => {
            let message = error.to_string();
            assert!(message.starts_with(&format!("{}: ", path.display())), "{message}");
            message
        }
    }
}

#[test]
fn a_pickled_command_beside_the_tensors_does_not_matter_and_is_not_run() {
    for name in ["command_zip.pth", "command_legacy.pth"] {
        let tensors = WeightFile::open(&file(name)).unwrap().read_all().unwrap();
        assert_eq!(tensors.keys().collect::<Vec<_>>(), ["weight"], "{name}");
    }
    assert!(!Path::new("the-command-ran").exists());
}

#[test]
fn every_spelling_of_a_call_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("call.pth");
    let argument = b"U\x10touch ./the-calltR";
    let spellings: [(&str, &[u8]); 8] = [
        ("os.system", b"cos\nsystem\n("),
        ("nt.system", b"cnt\nsystem\n("),
        ("__builtin__.eval", b"c__builtin__\neval\n("),
        ("builtins.exec", b"\x8c\x08builtins\x8c\x04exec\x93("),
        ("builtins.getattr", b"cbuiltins\ngetattr\n("),
        ("torch.jit.load", b"ctorch.jit\nload\n("),
        ("torch.load", b"ctorch\nload\n("),
        ("torch.storage._load_from_bytes", b"ctorch.storage\n_load_from_bytes\n("),
    ];
    for (name, bytes) in spellings {
        fs::write(&path, legacy(&[&b"\x80\x04"[..], bytes, argument, b"."].concat(), &[])).unwrap();
        let error = open_error(&path, None);
        assert!(
            error.ends_with(&format!("refuses to call '{name}' (a weights file may only rebuild tensors)")),
            "{error}"
        );
        assert!(
            matches!(WeightFile::open(&path), Err(WeightError { fault: Fault::Refused(refused), .. }) if refused == name)
        );
    }
    for (name, bytes) in
        [("os.system", &b"\x80\x02(U\x02lsios\nsystem\n."[..]), ("os.system", b"\x80\x02(cos\nsystem\nU\x02lso.")]
    {
        fs::write(&path, legacy(bytes, &[])).unwrap();
        assert!(open_error(&path, None).contains(&format!("refuses to call '{name}'")));
    }
    assert!(!Path::new("the-call").exists());
}

#[test]
fn other_kinds_of_files_are_told_by_name() {
    for (name, reason) in [
        ("tar.pth", "it is a tar archive (PyTorch before 0.1.10 wrote such)"),
        ("torchscript.pt", "it is a TorchScript archive, which holds program code"),
        ("whole_module.pth", "an object of the class 'torch.nn.modules.linear.Linear', not a dictionary of tensors"),
        ("zip_big_endian.pth", "was saved on a big-endian machine"),
        ("zip_compressed.pth", "of the zip archive is compressed, which torch.save never does"),
        ("make_files.py", "it is neither safetensors, nor a file of torch.save, nor a .caffemodel, nor HDF5"),
        ("absent.pth", "No such file"),
        (".", "it is not a regular file"),
    ] {
        let error = open_error(&file(name), None);
        assert!(error.contains(reason), "{error}");
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("weights.pth");
    let big_endian = fs::read(file("legacy.pth")).unwrap();
    let flag = find(&big_endian, b"little_endian") + b"little_endianq\x02".len();
    assert_eq!(big_endian[flag], 0x88);
    let big_endian = [&big_endian[..flag], b"\x89", &big_endian[flag + 1..]].concat();
    for (bytes, reason) in [
        (&big_endian[..], "was saved on a big-endian machine"),
        (b"", "it is empty"),
        (b"\n<!DOCTYPE html><html>", "it is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "it is a Git LFS pointer"),
        (b"\x80\x03}q\x00(X\x01\x00\x00\x00Gq\x01ctorch_utils.persistence\n_reconstruct_persistent_obj\n", "NVIDIA"),
        (b"\x80\x04\x95\x05\0\0\0\0\0\0\0}\x94.", "it is a pickle that torch.save did not write"),
        (b"PK\x03\x04", "the directory at the end of the zip archive is missing (cut short?)"),
    ] {
        fs::write(&path, bytes).unwrap();
        let error = open_error(&path, None);
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn every_truncated_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cut.pth");
    for name in ["zip.pth", "legacy.pth", "safetensors"] {
        let whole = fs::read(file(name)).unwrap();
        for length in (0..whole.len()).step_by(7).chain([whole.len() - 1]) {
            fs::write(&path, &whole[..length]).unwrap();
            open_error(&path, None);
        }
    }
}

#[test]
fn an_altered_number_in_a_zip_file_fails_its_checksum() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("altered.pth");
    let mut bytes = fs::read(file("zip.pth")).unwrap();
    let whole = WeightFile::open(&file("zip.pth")).unwrap().tensor("f32").unwrap();
    let mut data = vec![0; whole.numel() * size_of::<f32>()];
    whole.copy_data_u8(&mut data, whole.numel());
    let at = find(&bytes, &data);
    bytes[at + 5] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let error = WeightFile::open(&path).unwrap().tensor("f32").unwrap_err().to_string();
    assert!(error.ends_with("altered.pth: is damaged: tensor 'f32': its checksum is wrong"), "{error}");
}

fn find(bytes: &[u8], part: &[u8]) -> usize {
    bytes.windows(part.len()).position(|window| window == part).unwrap()
}

// ---- hostile and unusual pickles ----

/// A legacy file of a pickled object and (key, elements of 4 bytes).
fn legacy(pickle: &[u8], storages: &[(&str, &[f32])]) -> Vec<u8> {
    let mut bytes = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.".to_vec();
    bytes.extend(b"\x80\x02}X\x0d\0\0\0little_endian\x88s.");
    bytes.extend(pickle);
    bytes.extend(b"\x80\x02](");
    for (key, _) in storages {
        bytes.extend([b'U', key.len() as u8]);
        bytes.extend(key.as_bytes());
    }
    bytes.extend(b"e.");
    for (_, values) in storages {
        bytes.extend((values.len() as u64).to_le_bytes());
        bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }
    bytes
}

/// Instructions that push a tensor of the storage 'a' of six floats.
fn tensor(view: &str, offset: u8, shape: &[u8], stride: &[u8]) -> Vec<u8> {
    let mut bytes =
        b"ctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\nFloatStorage\nU\x01aU\x06cuda:0K\x06".to_vec();
    bytes.extend(view.as_bytes());
    bytes.extend([b't', b'Q', b'K', offset]);
    for numbers in [shape, stride] {
        bytes.push(b'(');
        bytes.extend(numbers.iter().flat_map(|&number| [b'K', number]));
        bytes.push(b't');
    }
    bytes.extend(b"\x89ccollections\nOrderedDict\n)RtR");
    bytes
}

const SIX: (&str, &[f32]) = ("a", &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);

fn read_legacy(pickle: &[u8]) -> Result<BTreeMap<String, Tensor>, WeightError> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("made.pth");
    fs::write(&path, legacy(pickle, &[SIX])).unwrap();
    WeightFile::open(&path)?.read_all()
}

fn values(tensor: &Tensor) -> Vec<f32> {
    Vec::try_from(tensor.contiguous().view(-1)).unwrap()
}

#[test]
fn dictionaries_as_python_2_pickled_them_are_read() {
    let mut pickle = b"\x80\x02ccollections\nOrderedDict\n(](](U\x01x".to_vec();
    pickle.extend(tensor("N", 1, &[2, 2], &[1, 2]));
    pickle.extend(b"e](U\x05epochK\x03eetR}U\x09_metadataNsb.");
    let tensors = read_legacy(&pickle).unwrap();
    assert_eq!(tensors.keys().collect::<Vec<_>>(), ["x"]);
    assert_eq!(values(&tensors["x"]), [1.0, 3.0, 2.0, 4.0]);
}

#[test]
fn views_of_storages_in_early_files_are_read() {
    let in_dict = |tensor: Vec<u8>| [&b"\x80\x02}U\x01x"[..], &tensor, b"s."].concat();
    let tensors = read_legacy(&in_dict(tensor("(U\x01vK\x02K\x03t", 1, &[2], &[1]))).unwrap();
    assert_eq!(values(&tensors["x"]), [3.0, 4.0]);
    let error = read_legacy(&in_dict(tensor("(U\x01vK\x02K\x03t", 2, &[2], &[1]))).unwrap_err().to_string();
    assert!(error.contains("reaches beyond its storage of 3 elements: [2], [1] from 2"), "{error}");
    let error = read_legacy(&in_dict(tensor("(U\x01vK\x02K\x05t", 0, &[2], &[1]))).unwrap_err().to_string();
    assert!(error.contains("storage 'a' is given an impossible size"), "{error}");
}

#[test]
fn tensors_outside_of_their_storage_are_refused() {
    for (offset, shape, stride) in
        [(0, &[7][..], &[1][..]), (6, &[1], &[1]), (0, &[2, 3], &[4, 1]), (7, &[0], &[1]), (0, &[2], &[255])]
    {
        let pickle = [&b"\x80\x02}U\x01x"[..], &tensor("N", offset, shape, stride), b"s."].concat();
        let error = read_legacy(&pickle).unwrap_err().to_string();
        assert!(error.contains("a tensor of storage 'a' reaches beyond its storage of 6 elements"), "{error}");
    }
}

#[test]
fn an_expanded_tensor_of_a_million_million_elements_takes_no_memory() {
    let (shape, stride) = ([255; 5], [0; 5]);
    let pickle = [&b"\x80\x02}U\x01x"[..], &tensor("N", 2, &shape, &stride), b"s."].concat();
    let tensors = read_legacy(&pickle).unwrap();
    assert_eq!(tensors["x"].numel(), 255_usize.pow(5));
    assert_eq!(tensors["x"].double_value(&[254, 254, 0, 1, 2]), 2.0);

    let pickle = [&b"\x80\x02}U\x01x"[..], &tensor("N", 2, &[255; 16], &[0; 16]), b"s."].concat();
    let error = read_legacy(&pickle).unwrap_err().to_string();
    assert!(error.contains("has an impossible size or stride"), "{error}");
}

#[test]
fn storages_that_overlap_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("overlapping");
    let header = br#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    fs::write(&path, [&(header.len() as u64).to_le_bytes(), &header[..], &[0; 8]].concat()).unwrap();
    assert!(open_error(&path, None).contains("its tensors overlap or leave a gap"));
}

#[test]
fn pickles_that_would_unfold_without_bound_are_refused() {
    let long = 10_000_000;
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("values on the stack", b"N".repeat(long)),
        ("marks", b"(".repeat(long)),
        ("dictionaries", b"}".repeat(long)),
        ("lists that are dropped", b"]0".repeat(long)),
        ("memos", [&b"N"[..], &b"\x94".repeat(long)].concat()),
        ("a memo far away", b"Nr\xff\xff\xff\x7f".to_vec()),
        ("a long string", b"X\xff\xff\xff\xff".to_vec()),
        ("a longer string", b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff".to_vec()),
        ("long bytes", b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f".to_vec()),
        ("a long number", b"\x8b\xff\xff\xff\xff".to_vec()),
        ("tuples in tuples", [&b")"[..], &b"\x85".repeat(long)].concat()),
        ("copies of a list of pairs", {
            let arguments = [&b"]("[..], &b"(NNt".repeat(1000), b"e\x85q\x010"].concat();
            [&arguments[..], b"ccollections\nOrderedDict\nq\x020", &b"h\x02h\x01R".repeat(long / 10)].concat()
        }),
        ("dictionaries that hold the next twice", {
            let innermost = [&b"}U\x01x"[..], &tensor("N", 0, &[2], &[1]), b"sq\x010"].concat();
            let outermost = [&b"}(U\x01x"[..], &tensor("N", 0, &[2], &[1]), b"U\x01ah\x01u"].concat();
            [innermost, b"}(U\x01ah\x01U\x01bh\x01uq\x010".repeat(40), outermost].concat()
        }),
    ];
    for (what, pickle) in cases {
        let bytes = legacy(&[&b"\x80\x02"[..], &pickle, b"."].concat(), &[SIX]);
        let (outcome, peak) = read_counting(&bytes, None, &[]);
        let error = outcome.expect_err(what);
        let bounded = ["unfolds into far more", "is cut short", "is out of order"];
        assert!(bounded.iter().any(|reason| error.contains(reason)), "{what}: {error}");
        let allowed = 4 * bytes.len() + (17 << 20);
        assert!(peak <= allowed, "{what}: {peak} bytes for a file of {}", bytes.len());
    }
}

#[test]
fn deeply_nested_values_are_passed_over() {
    let tuples = [b")".to_vec(), b"\x85".repeat(100_000)].concat();
    let pickle = [&b"\x80\x02}(U\x01t"[..], &tuples, b"U\x01x", &tensor("N", 0, &[2], &[1]), b"u."].concat();
    assert_eq!(read_legacy(&pickle).unwrap().into_keys().collect::<Vec<_>>(), ["x"]);
}

#[test]
fn a_dictionary_within_itself_is_refused() {
    let pickle = [&b"\x80\x02}q\x01(U\x01x"[..], &tensor("N", 0, &[2], &[1]), b"U\x01yh\x01u."].concat();
    let error = read_legacy(&pickle).unwrap_err().to_string();
    assert!(error.contains("nests dictionaries more than 64 deep"), "{error}");
}

#[test]
fn names_are_shown_without_control_characters() {
    let error = read_legacy(b"\x80\x02cos\n\x1b[2Jsystem\n)R.").unwrap_err().to_string();
    assert!(error.contains(r"refuses to call 'os.\u{1b}[2Jsystem'"), "{error}");
}

// ---- handing tensors to a network ----

#[test]
fn layers_take_contiguous_floats_of_any_kind_of_number() {
    let expected = expected("tensors");
    for name in ["zip.pth", "legacy.pth", "safetensors"] {
        let mut weights = Weights::load(&file(name), &[]).unwrap();
        for (tensor, expected) in &expected {
            assert_eq!(weights.shape_of(tensor).as_ref(), Some(&expected.shape));
            let taken = weights.take(tensor, &expected.shape);
            assert_eq!((taken.size(), taken.kind()), (expected.shape.clone(), Kind::Float), "{tensor}");
            assert!(taken.is_contiguous() && !taken.requires_grad());
            let sum = taken.sum(Kind::Double).double_value(&[]);
            assert!((sum - expected.sum).abs() < 1e-5, "{tensor}: {sum} for {}", expected.sum);
            assert_eq!(weights.shape_of(tensor), None);
        }
        weights.finish().unwrap();
    }
}

#[test]
fn taken_tensors_share_no_memory() {
    let mut weights = Weights::load(&file("zip.pth"), &[]).unwrap();
    let whole = weights.take("shared.whole", &[12]);
    let mut part = weights.take("shared.part", &[2, 3]);
    let before = values(&whole);
    let _ = part.fill_(9.0);
    assert_eq!(values(&whole), before);
}

#[test]
fn everything_that_does_not_fit_is_reported_at_once() {
    let path = file("pgan.pth");
    let mut weights = Weights::load(&path, &["netG".to_owned()]).unwrap();
    weights.skip(|name| name.ends_with("num_batches_tracked"));
    let zeros = weights.take("0.weight", &[3, 2, 5, 5]);
    assert_eq!((zeros.size(), values(&zeros).iter().sum::<f32>()), (vec![3, 2, 5, 5], 0.0));
    assert_eq!(weights.take("0.bias", &[3]).size(), [3]);
    assert_eq!(weights.take("2.weight", &[4]).size(), [4]);
    assert!(weights.take_optional("2.bias", &[4]).is_none());
    for name in ["1.weight", "1.bias", "1.running_mean"] {
        assert!(weights.take_optional(name, &[3]).is_some());
    }
    let error = weights.finish().unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{}: does not fit the network\n  missing (1):\n    2.weight [4]\n  unexpected (1):\n    1.running_var [3]\n  \
             of another shape (1):\n    0.weight [3, 2, 3, 3], the network takes [3, 2, 5, 5]",
            path.display()
        )
    );
    assert!(matches!(error.fault, Fault::Misfit(misfit) if misfit.missing.len() == 1));
}

#[test]
fn a_long_report_is_cut() {
    let mut weights = Weights::from_tensors([("extra".to_string(), Tensor::from_slice(&[1.0f32]))]);
    for number in 0..50 {
        let _ = weights.take(&format!("layers.{number}"), &[1]);
    }
    let error = weights.finish().unwrap_err();
    let short = error.fault.to_string();
    assert!(short.starts_with("does not fit the network\n  missing (50):\n    layers.0 [1]\n"), "{short}");
    assert!(short.contains("    layers.4 [1]\n    and 45 more\n  unexpected (1):\n    extra [1]"), "{short}");
    let long = format!("{:#}", error.fault);
    assert!(long.contains("    layers.49 [1]\n  unexpected (1):"), "{long}");
}
