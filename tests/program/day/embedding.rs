//! Pictures through a layer: kept by content, from folders, tables, tar and Parquet files.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tch::{Device, Kind, Tensor};

use super::{desk, photographs};

/// Embeds with a cache of its own.
fn embed(at: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_metapicture"));
    command.current_dir(at).args(["embed", "--classifier", "./narrow.yaml", "--layer", "_blocks.3", "--threads", "1"]);
    command.args(arguments).stdin(Stdio::null()).env("XDG_CACHE_HOME", at.join("cache")).output().unwrap()
}

fn embedded(at: &Path, arguments: &[&str]) -> Value {
    let output = embed(at, &[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn rows(folder: &Path) -> Tensor {
    let mut tensors = Tensor::read_safetensors(folder.join("rows.safetensors")).unwrap();
    assert_eq!((tensors.len(), tensors[0].0.as_str()), (1, "rows"));
    tensors.remove(0).1
}

fn table(folder: &Path) -> Vec<Vec<String>> {
    let mut table = csv::Reader::from_path(folder.join("pictures.csv")).unwrap();
    let header: Vec<String> = table.headers().unwrap().iter().map(str::to_owned).collect();
    let rows = table.records().map(|row| row.unwrap().iter().map(str::to_owned).collect());
    std::iter::once(header).chain(rows).collect()
}

#[test]
fn a_picture_is_looked_at_once_whatever_it_is_called() {
    let folder = desk();
    let at = folder.path();
    photographs(&at.join("photographs"), 12);
    std::fs::copy(at.join("photographs/0/003.png"), at.join("photographs/2/copy.png")).unwrap();
    std::fs::write(at.join("photographs/1/broken.png"), "no picture").unwrap();
    let found = embedded(at, &["--out", "all", "photographs"]);
    assert_eq!((&found["pictures"], &found["computed"]), (&13.into(), &12.into()), "{found}");
    assert_eq!(found["unread"][0][0], "photographs/1/broken.png");
    let all = table(&at.join("all"));
    assert_eq!(all[0], ["row", "name", "sha256", "width", "height", "duplicate_of", "class"]);
    let copy = all.iter().find(|row| row[1].ends_with("copy.png")).unwrap();
    let first = all.iter().find(|row| row[1].ends_with("003.png")).unwrap();
    assert_eq!((copy[5].as_str(), copy[2].as_str(), copy[6].as_str()), (first[0].as_str(), first[2].as_str(), "2"));
    // The mean over positions of what `classify` writes.
    let plain = super::run(
        at,
        &[
            "classify",
            "--classifier",
            "./narrow.yaml",
            "--layer",
            "_blocks.3",
            "--out",
            "one.npy",
            "--threads",
            "1",
            &first[1],
        ],
    );
    assert!(plain.status.success());
    let expected = Tensor::read_npy(at.join("one.npy")).unwrap().mean_dim([2i64, 3].as_slice(), false, Kind::Float);
    let row = rows(&at.join("all")).narrow(0, first[0].parse().unwrap(), 1);
    assert!((row - expected).abs().max().double_value(&[]) < 1e-5);
    // Elsewhere, under another name, it is known; in another order, too.
    std::fs::rename(at.join("photographs"), at.join("moved")).unwrap();
    let again = embedded(at, &["--out", "again", "moved/2", "moved/0"]);
    assert_eq!((&again["pictures"], &again["computed"]), (&9.into(), &0.into()), "{again}");
    let (of, name) = (rows(&at.join("again")), &table(&at.join("again"))[1][1]);
    let then = all.iter().find(|row| row[1].ends_with(name.rsplit('/').next().unwrap())).unwrap();
    assert_eq!(of.narrow(0, 0, 1), rows(&at.join("all")).narrow(0, then[0].parse().unwrap(), 1));
    // Another way to the square is another embedding.
    assert_eq!(embedded(at, &["--out", "squashed", "--squash", "moved/0"])["computed"], 4);
    let raw = embedded(at, &["--out", "raw", "--raw", "--positions", "moved/0/000.png"]);
    assert_eq!(raw["width"], rows(&at.join("raw")).size()[1]);
    assert!(rows(&at.join("raw")).size()[1] > rows(&at.join("all")).size()[1]);
}

#[test]
fn what_a_broken_part_held_is_looked_at_again() {
    let folder = desk();
    let at = folder.path();
    photographs(&at.join("photographs"), 6);
    embedded(at, &["--out", "whole", "photographs"]);
    let parts: Vec<_> = std::fs::read_dir(at.join("cache/metapicture/embeddings")).unwrap().collect();
    let part = std::fs::read_dir(parts[0].as_ref().unwrap().path()).unwrap().next().unwrap().unwrap().path();
    let bytes = std::fs::read(&part).unwrap();
    std::fs::write(&part, &bytes[..bytes.len() - 7]).unwrap();
    let output = embed(at, &["--out", "again", "photographs", "--json"]);
    let warned = String::from_utf8_lossy(&output.stderr).into_owned();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(warned.contains("is broken") && found["computed"] == 6, "{warned} {found}");
    assert_eq!(rows(&at.join("again")), rows(&at.join("whole")));
    assert_eq!(Tensor::read_safetensors(&part).unwrap()[0].1.device(), Device::Cpu);
}

#[test]
fn tables_and_tar_files_carry_what_they_know() {
    let folder = desk();
    let at = folder.path();
    photographs(&at.join("photographs"), 4);
    std::fs::write(
        at.join("photographs/list.csv"),
        "path,permalink,year\n0/003.png,https://example.org/3,1999\n1/001.png,,2001\n",
    )
    .unwrap();
    let found = embedded(at, &["--out", "listed", "photographs/list.csv"]);
    assert_eq!(found["pictures"], 2);
    let listed = table(&at.join("listed"));
    assert_eq!(&listed[0][6..], ["permalink", "year"]);
    assert_eq!((listed[1][6].as_str(), listed[2][7].as_str()), ("https://example.org/3", "2001"));

    let mut tar = tar::Builder::new(std::fs::File::create(at.join("shard.tar")).unwrap());
    let mut add = |name: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, bytes).unwrap();
    };
    add("000.png", &std::fs::read(at.join("photographs/0/003.png")).unwrap());
    add("000.json", br#"{"caption": "a fence", "year": 1999}"#);
    add("000.cls", b"489\n");
    add("001.png", &std::fs::read(at.join("photographs/1/001.png")).unwrap());
    tar.finish().unwrap();
    let found = embedded(at, &["--out", "sharded", "shard.tar"]);
    assert_eq!((&found["pictures"], &found["computed"]), (&2.into(), &0.into()), "{found}");
    let sharded = table(&at.join("sharded"));
    assert_eq!(&sharded[0][6..], ["caption", "class", "year"]);
    assert_eq!(&sharded[1][6..], ["a fence", "489", "1999"]);
    assert_eq!(sharded[1][1], "shard.tar:000.png");
    assert_eq!(rows(&at.join("sharded")), rows(&at.join("listed")));

    std::fs::write(at.join("nameless.csv"), "a,b\n1,2\n").unwrap();
    for (arguments, complaint) in [
        (&["--out", "no", "nameless.csv"][..], "has no column 'file', 'path', 'image', 'filename'"),
        (&["--out", "no", "nowhere"], "nowhere"),
        (&["--out", "no", "nameless.tar"], "nameless.tar: cannot be read"),
    ] {
        let output = embed(at, arguments);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && error.contains(complaint), "{:?} {error}", output.status);
    }
}

/// `tests/reference/make_tables.py` wrote them, by pyarrow.
#[test]
fn parquet_files_are_read_as_hugging_face_writes_them() {
    let folder = desk();
    let at = folder.path();
    photographs(&at.join("photographs"), 2);
    let tables = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/tables");
    for file in std::fs::read_dir(tables).unwrap().map(|file| file.unwrap().path()) {
        std::fs::copy(&file, at.join(file.file_name().unwrap())).unwrap();
    }
    let first = embedded(at, &["--out", "snappy", "snappy.parquet"]);
    assert_eq!((&first["pictures"], &first["computed"]), (&4.into(), &4.into()), "{first}");
    assert_eq!(first["unread"], serde_json::json!([["snappy.parquet:3", "snappy.parquet:3: has no picture"]]));
    let known = table(&at.join("snappy"));
    assert_eq!(&known[0][6..], ["day", "label", "path", "score"]);
    assert_eq!(
        (&known[2][1], &known[2][6..]),
        (&"snappy.parquet:1".to_owned(), &["2022-01-08", "wall", "1.png", "0.25"].map(str::to_owned)[..])
    );
    assert_eq!(&known[4][6..], ["1970-01-03", "", "4.png", "-2"]);
    for other in ["zstd", "lz4"] {
        let again = embedded(at, &["--out", other, &format!("{other}.parquet")]);
        assert_eq!((&again["pictures"], &again["computed"]), (&4.into(), &0.into()), "{again}");
        assert_eq!(rows(&at.join(other)), rows(&at.join("snappy")));
    }
    // Backwards, each row has the bytes that it has forwards; and so has the place that a written table names.
    let name = at.join("zstd.parquet");
    let sources = metapicture::embed::sources(std::slice::from_ref(&name)).unwrap();
    let bytes = |of: &metapicture::embed::Source| of.bytes().ok();
    let forwards: Vec<_> = sources.iter().map(bytes).collect();
    let mut backwards: Vec<_> = sources.iter().rev().map(bytes).collect();
    backwards.reverse();
    assert_eq!(forwards, backwards);
    let shades: Vec<Option<u8>> = forwards
        .iter()
        .map(|bytes| Some(image::load_from_memory(bytes.as_ref()?).unwrap().to_rgb8().get_pixel(0, 0).0[0]))
        .collect();
    assert_eq!(shades, [Some(0), Some(40), Some(80), None, Some(160)]);
    let kept = metapicture::embed::pictures(&at.join("zstd")).unwrap();
    assert_eq!(kept.iter().map(bytes).collect::<Vec<_>>(), [0, 1, 2, 4].map(|row: usize| forwards[row].clone()));

    // Threads that take rows in whatever order get what belongs to them.
    let sources = &sources;
    let agree = std::thread::scope(|scope| {
        let of = |first: usize| {
            scope.spawn(move || {
                (0..40).map(|k| (first + 3 * k) % 5).all(|row| bytes(&sources[row]) == bytes(&sources[row]))
            })
        };
        (0..6).map(of).collect::<Vec<_>>().into_iter().all(|thread| thread.join().unwrap())
    });
    assert!(agree && sources.iter().map(bytes).collect::<Vec<_>>() == forwards);

    assert_eq!(embedded(at, &["--out", "bytes", "bytes.parquet"])["pictures"], 3);
    assert_eq!(embedded(at, &["--out", "beside", "beside.parquet"])["pictures"], 1);
    assert_eq!(embedded(at, &["--out", "files", "files.parquet"])["pictures"], 2);
    assert_eq!(&table(&at.join("files"))[2][1..2], ["photographs/1/001.png"]);
    let whole = std::fs::read(at.join("snappy.parquet")).unwrap();
    std::fs::write(at.join("cut.parquet"), &whole[..whole.len() / 2]).unwrap();
    for (file, complaint) in [
        ("none.parquet", "none.parquet: has no column of pictures (bytes, or 'path' of files), only 'year'"),
        ("misnamed.parquet", "misnamed.parquet: has no column of pictures"),
        ("cut.parquet", "cut.parquet: cannot be read as Parquet"),
        ("nowhere.parquet", "nowhere.parquet: cannot be read as Parquet"),
    ] {
        let output = embed(at, &["--out", "no", file]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && error.contains(complaint), "{:?} {error}", output.status);
    }
}

#[test]
fn a_map_is_the_same_for_the_same_seed_and_says_how_far_it_can_be_trusted() {
    let folder = desk();
    let at = folder.path();
    photographs(&at.join("photographs"), 40);
    embedded(at, &["--out", "embedded", "photographs"]);
    let map = |out: &str, seed: &str, side: &str| -> Value {
        let words = ["map", "embedded", "--neighbours", "6", "--others", "2", "--thumbnail", "20", "--json"];
        let output = super::run(at, &[&words[..], &["--out", out, "--seed", seed, "--side", side]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let found = map("one", "0", "200");
    let within = |key: &str| (0. ..=1.).contains(&found[key].as_f64().unwrap());
    assert!(within("trustworthiness") && within("trustworthiness_of_components") && within("stability"), "{found}");
    let read = |out: &str, name: &str| std::fs::read(at.join(out).join(name)).unwrap();
    map("two", "0", "200");
    for name in ["map.csv", "map.png"] {
        assert_eq!(read("one", name), read("two", name), "{name}");
    }
    map("three", "5", "200");
    assert_ne!(read("one", "map.csv"), read("three", "map.csv"));
    assert_eq!(String::from_utf8(read("one", "map.csv")).unwrap().lines().count(), 41);
    // Without the pictures themselves there is a table.
    std::fs::remove_dir_all(at.join("photographs")).unwrap();
    map("four", "0", "0");
    assert!(!at.join("four/map.png").exists());
    let refused = super::run(at, &["map", "embedded", "--neighbours", "30", "--out", "five"]);
    let error = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(2) && error.contains("40 pictures are too few for a map with 30"), "{error}");
}

#[test]
fn pictures_that_were_made_are_told_from_photographs_and_how_far_from_them_they_lie() {
    let folder = desk();
    let at = folder.path();
    photographs(&at.join("photographs"), 30);
    let words = ["visualize", "--classifier", "./narrow.yaml", "--unit", "banana", "--method", "naive", "--steps", "2"];
    super::said(
        at,
        &[&words[..], &["--size", "64", "--seeds", "2", "--threads", "1", "--out", "runs-of-naive"]].concat(),
    );
    assert_eq!(embedded(at, &["--out", "both", "photographs", "runs-of-naive"])["pictures"], 32);
    let all = table(&at.join("both"));
    assert_eq!(&all[0][6..], ["class", "facet", "made_by", "seed", "unit"]);
    let made: Vec<&Vec<String>> = all[1..].iter().filter(|row| !row[8].is_empty()).collect();
    assert_eq!(
        made.iter().map(|row| (row[8].as_str(), row[10].as_str())).collect::<Vec<_>>(),
        [("naive", "banana"); 2]
    );
    let words = ["map", "both", "--neighbours", "6", "--others", "0", "--cluster", "4", "--thumbnail", "20"];
    let told: Value =
        serde_json::from_str(&super::said(at, &[&words[..], &["--side", "200", "--out", "map", "--json"]].concat()))
            .unwrap();
    assert!(told["clusters"].as_u64().is_some() && told["as_far"][0]["made_by"] == "naive", "{told}");
    let mut apart = csv::Reader::from_path(at.join("map/apart.csv")).unwrap();
    let apart: Vec<Vec<f64>> =
        apart.records().map(|row| row.unwrap().iter().filter_map(|cell| cell.parse().ok()).collect()).collect();
    let rows = rows(&at.join("both"));
    let photographs: Vec<i64> = (0..32).filter(|row| all[*row as usize + 1][8].is_empty()).collect();
    let natural = rows.index_select(0, &Tensor::from_slice(&photographs));
    let between = |a: &Tensor, b: &Tensor| {
        (a.unsqueeze(1) - b.unsqueeze(0)).square().sum_dim_intlist(2, false, Kind::Double).sqrt()
    };
    let own = between(&natural, &natural) + Tensor::eye(30, (Kind::Double, Device::Cpu)) * 1e9;
    let own = own.min_dim(1, false).0;
    for of in apart {
        let (far, place) = between(&rows.narrow(0, of[0] as i64, 1), &natural).min_dim(1, false);
        assert_eq!(of[1] as i64, photographs[place.int64_value(&[0]) as usize]);
        assert!((of[2] - far.double_value(&[0])).abs() < 1e-4);
        let as_far = own.ge_tensor(&far).to_kind(Kind::Double).mean(Kind::Double).double_value(&[]);
        assert!((of[3] - as_far).abs() < 0.04, "{} {as_far}", of[3]);
    }
    // What was made is in no cluster.
    let mut map = csv::Reader::from_path(at.join("map/map.csv")).unwrap();
    let clusters: Vec<String> = map.records().map(|row| row.unwrap()[6].to_owned()).collect();
    assert!(made.iter().all(|row| clusters[row[0].parse::<usize>().unwrap()].is_empty()));
}
