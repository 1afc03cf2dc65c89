//! A page of a whole collection: what is in it, and what somebody does with it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine;
use metapicture::engine::atlas::{Export, SINGLE, Settings, atlas};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;
use serde_json::{Value, json};
use tch::Tensor;
use tempfile::TempDir;

use super::{desk, photographs, refused, said};
use crate::report::browser;
use crate::report::browser::Browser;

const HOSTILE: &str = "</script><img src=x onerror=\"window.hacked=1\">";

/// Two dozen photographs through a narrow layer and on a map, the last three of which are said to be made by two methods; labels, ranks.
fn collection() -> TempDir {
    let folder = desk();
    let at = folder.path();
    photographs(&at.join("photographs"), 24);
    let mut command = Command::new(env!("CARGO_BIN_EXE_metapicture"));
    command.current_dir(at).args(["embed", "--classifier", "./narrow.yaml", "--layer", "_blocks.3", "--threads", "1"]);
    command.args(["--out", "embedded", "photographs", "--quiet"]).stdin(Stdio::null());
    assert!(command.env("XDG_CACHE_HOME", at.join("cache")).status().unwrap().success());
    said(at, &["map", "embedded", "--neighbours", "5", "--others", "0", "--side", "0", "--out", "map", "--quiet"]);
    let table = read(&at.join("embedded/pictures.csv"));
    let mut pictures = csv::Writer::from_path(at.join("embedded/pictures.csv")).unwrap();
    let mut labels = csv::Writer::from_path(at.join("labels.csv")).unwrap();
    let mut ranks = csv::Writer::from_path(at.join("rank.csv")).unwrap();
    pictures.write_record(table[0].iter().map(String::as_str).chain(["made_by"])).unwrap();
    labels.write_record(["sha256", "year", "note", "permalink"]).unwrap();
    ranks.write_record(["unit", "rank", "activation", "file"]).unwrap();
    for (row, cells) in table[1..].iter().enumerate() {
        let made = ["latent", "naive", "naive"].get(row.wrapping_sub(21)).copied().unwrap_or_default();
        pictures.write_record(cells.iter().map(String::as_str).chain([made])).unwrap();
        if row != 5 {
            let year = (1990 + row / 4).to_string();
            let (note, link) =
                if row == 3 { (HOSTILE, "javascript:alert(1)") } else { ("plain", "https://example.org/a") };
            labels.write_record([&cells[2], &year, note, link]).unwrap();
        }
        for (unit, value) in [("banana", row * 7 % 24), ("wig", row)] {
            ranks.write_record([unit, "1", &format!("{value}.5"), &cells[1]]).unwrap();
        }
    }
    folder
}

fn read(path: &Path) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_path(path).unwrap();
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

fn made(at: &Path, arguments: &[&str]) -> Value {
    let words = ["atlas", "embedded", "--out", "atlas", "--json"];
    serde_json::from_str(&said(at, &[&words[..], arguments].concat())).unwrap()
}

const ALL: [&str; 6] = ["--map", "map", "--with", "labels.csv", "--with", "rank.csv"];

/// What the page's script is given.
fn data(page: &Path) -> Value {
    let html = std::fs::read_to_string(page).unwrap();
    let from = html.find("id=\"data\">").unwrap() + "id=\"data\">".len();
    serde_json::from_str(&html[from..from + html[from..].find("</script>").unwrap()]).unwrap()
}

fn column<'d>(data: &'d Value, name: &str) -> &'d Value {
    let columns = data["columns"].as_array().unwrap();
    columns.iter().find(|column| column["name"] == name).unwrap_or_else(|| panic!("{name}"))
}

/// Rows of a folder that `embed` wrote.
fn rows(folder: &Path) -> Vec<Vec<f64>> {
    let tensor = Tensor::read_safetensors(folder.join("rows.safetensors")).unwrap().remove(0).1;
    (0..tensor.size()[0])
        .map(|row| Vec::<f32>::try_from(tensor.get(row)).unwrap())
        .map(|row| row.into_iter().map(f64::from).collect())
        .collect()
}

#[test]
fn a_collection_is_one_page_with_what_is_known_of_it() {
    let folder = collection();
    let at = folder.path();
    std::fs::remove_file(at.join("photographs/0/003.png")).unwrap();
    let written = made(at, &[&ALL[..], &["--neighbours", "3", "--title", HOSTILE]].concat());
    assert_eq!((&written["pictures"], &written["sheets"]), (&24.into(), &0.into()), "{written}");
    assert_eq!(written["unread"][0][0], "photographs/0/003.png");
    assert_eq!(written["unread"].as_array().unwrap().len(), 1);
    let page = at.join("atlas/atlas.html");
    let html = std::fs::read_to_string(&page).unwrap();
    assert!(html.len() < 500_000 && html.len() == written["bytes"], "{}", html.len());
    assert!(!html.contains("<img") && html.contains("default-src 'none'; img-src data:;"));
    assert_eq!(std::fs::read_dir(at.join("atlas")).unwrap().count(), 1);
    let data = data(&page);
    assert_eq!((&data["count"], &data["title"]), (&24.into(), &HOSTILE.into()));
    for name in
        ["row", "name", "sha256", "class", "year", "note", "activation: banana", "activation: wig", "likeness: naive"]
    {
        column(&data, name);
    }
    let year = column(&data, "year");
    assert_eq!(
        (&year["kind"], &year["values"][4], &year["values"][5]),
        (&"number".into(), &1991.0.into(), &Value::Null)
    );
    assert_eq!(column(&data, "activation: banana")["values"][2], 14.5);
    assert_eq!(column(&data, "made_by")["names"], json!(["latent", "naive"]));

    // Neighbours and likeness, computed again.
    let rows = rows(&at.join("embedded"));
    let bytes = base64::prelude::BASE64_STANDARD.decode(data["neighbours"]["rows"].as_str().unwrap()).unwrap();
    let near: Vec<usize> = bytes.chunks(4).map(|of| u32::from_le_bytes(of.try_into().unwrap()) as usize).collect();
    assert_eq!(near.len(), 24 * 3);
    let far = |a: usize, b: usize| rows[a].iter().zip(&rows[b]).map(|(x, y)| (x - y).powi(2)).sum::<f64>();
    for row in 0..24 {
        let mut all: Vec<usize> = (0..21).filter(|other| *other != row).collect();
        all.sort_by(|a, b| far(row, *a).total_cmp(&far(row, *b)));
        let (found, expected) = (&near[row * 3..row * 3 + 3], &all[..3]);
        for (found, expected) in found.iter().zip(expected) {
            assert!(
                (far(row, *found) - far(row, *expected)).abs() <= 1e-6 * far(row, *expected),
                "{row}: {found} {expected}"
            );
        }
    }
    let dot = |a: usize, b: usize| rows[a].iter().zip(&rows[b]).map(|(x, y)| x * y).sum::<f64>();
    let cosine = |a: usize, b: usize| dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
    for row in 0..24 {
        let expected = (cosine(row, 22) + cosine(row, 23)) / 2.;
        let found = column(&data, "likeness: naive")["values"][row].as_f64().unwrap();
        assert!((found - expected).abs() < 1e-4, "{row}: {found} {expected}");
    }
}

/// The page of the collection, opened.
fn opened(at: &Path, width: u32) -> Option<Browser> {
    let mut page = browser()?;
    page.resize(width, 900, false);
    page.open(&at.join("atlas/atlas.html"));
    page.wait("atlas.settled");
    Some(page)
}

fn list(page: &mut Browser, expression: &str) -> Vec<usize> {
    serde_json::from_value(page.value(expression)).unwrap()
}

fn press(page: &mut Browser, selector: &str) {
    page.value(&format!("document.querySelector('{selector}').click()"));
    page.wait("atlas.settled");
}

fn put(page: &mut Browser, selector: &str, value: &str, event: &str) {
    page.value(&format!(
        "(() => {{ const one = document.querySelector('{selector}'); one.value = '{value}'; one.dispatchEvent(new Event('{event}')); }})()"
    ));
}

/// Places of what is shown, by row.
fn places(page: &mut Browser) -> Vec<(usize, [f64; 2])> {
    serde_json::from_value(page.value("atlas.shown.map(row => [row, atlas.placeOf(row)])")).unwrap()
}

#[test]
fn a_curator_arranges_filters_picks_out_and_takes_along() {
    let folder = collection();
    let at = folder.path();
    made(at, &ALL);
    let Some(mut page) = opened(at, 1400) else { return };
    assert_eq!(page.text("document.getElementById('told').textContent"), "24 pictures");
    assert_eq!(page.text("atlas.layout"), "map");
    assert!(page.number("atlas.firstPicture") > 0.);

    // On a grid each has a cell of its own, also those that a filter leaves.
    let cells = |page: &mut Browser, expected: usize| {
        let places = places(page);
        let cells: BTreeSet<String> = places.iter().map(|(_, place)| format!("{place:?}")).collect();
        assert_eq!((places.len(), cells.len()), (expected, expected), "{places:?}");
        assert!(places.iter().all(|(_, place)| place.iter().all(|value| value.fract() == 0.)));
    };
    press(&mut page, "#looks [value=grid]");
    cells(&mut page, 24);
    put(&mut page, "#filter", "class", "change");
    press(&mut page, "#filters input[type=checkbox]");
    assert_eq!(page.text("document.getElementById('told').textContent"), "8 of 24 pictures");
    cells(&mut page, 8);
    press(&mut page, "#filters .small");
    put(&mut page, "#filter", "activation: wig", "change");
    put(&mut page, "#filters input[type=number]", "20", "change");
    assert_eq!(list(&mut page, "atlas.shown"), [20, 21, 22, 23]);
    press(&mut page, "#filters .small");
    put(&mut page, "#search", "ONERROR plain", "input");
    page.wait("atlas.shown.length === 0 && !document.getElementById('empty').hidden");
    put(&mut page, "#search", "onerror", "input");
    page.wait("atlas.shown.length === 1 && atlas.shown[0] === 3");
    put(&mut page, "#search", "", "input");
    page.wait("atlas.shown.length === 24");

    // Ranked: the best first, read from left to right.
    press(&mut page, "#looks [value=ranked]");
    put(&mut page, "#column", "activation: banana", "change");
    let mut ranked = places(&mut page);
    ranked.sort_by(|a, b| a.1[1].total_cmp(&b.1[1]).then(a.1[0].total_cmp(&b.1[0])));
    let mut expected: Vec<usize> = (0..24).collect();
    expected.sort_by_key(|row| std::cmp::Reverse(row * 7 % 24));
    assert_eq!(ranked.iter().map(|(row, _)| *row).collect::<Vec<_>>(), expected);

    // In time: a year stands left of the next; the one without a year is apart.
    press(&mut page, "#looks [value=time]");
    let time = places(&mut page);
    let left = |row: usize| time.iter().find(|(of, _)| *of == row).unwrap().1[0];
    assert!(left(0) < left(4) && left(4) < left(8) && left(20) < left(5), "{time:?}");

    // A lasso around the middle of one picture of the grid picks it out, another one with Shift adds.
    press(&mut page, "#looks [value=grid]");
    let lasso = |page: &mut Browser, row: usize, modifiers: u32| {
        let [x, y]: [f64; 2] = serde_json::from_value(page.value(&format!("atlas.screenOf({row})"))).unwrap();
        page.value("document.getElementById('world').focus()");
        page.key("l");
        page.draw(&[[x - 9., y - 9.], [x + 9., y - 9.], [x + 9., y + 9.], [x - 9., y + 9.]], modifiers);
    };
    lasso(&mut page, 7, 0);
    assert_eq!(list(&mut page, "atlas.selection"), [7]);
    lasso(&mut page, 3, 8);
    assert_eq!(list(&mut page, "atlas.selection"), [3, 7]);
    lasso(&mut page, 11, 0);
    lasso(&mut page, 3, 8);
    assert_eq!(page.text("document.getElementById('told').textContent"), "24 pictures, 2 selected");
    page.value("window.saved = null; URL.createObjectURL = blob => { blob.text().then(text => { window.saved = text; }); return 'data:,'; }");
    press(&mut page, "#save-selection");
    page.wait("window.saved !== null");
    let text = page.text("window.saved");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let saved: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let cell = |row: usize, name: &str| saved[row][header.iter().position(|of| of == name).unwrap()].to_owned();
    assert_eq!(
        (saved.len(), cell(0, "row"), cell(1, "row"), cell(0, "note")),
        (2, "3".into(), "11".into(), HOSTILE.into())
    );
    assert_eq!(cell(1, "activation: banana"), "5.5");

    // A card by click; its neighbours are those that were computed, and lead on; what is hostile stays text.
    press(&mut page, "#clear");
    let [x, y]: [f64; 2] = serde_json::from_value(page.value("atlas.screenOf(3)")).unwrap();
    page.draw(&[[x, y]], 0);
    page.wait("!document.getElementById('card').hidden");
    assert!(page.text("document.getElementById('card-known').textContent").contains(HOSTILE));
    assert_eq!(page.number("document.querySelectorAll('#card-links a').length"), 1., "no script is a permalink");
    assert!(page.text("document.querySelector('#card-links a').href").starts_with("file:"));
    let near =
        list(&mut page, "[...document.querySelectorAll('#card-near-list button')].map(one => Number(one.dataset.row))");
    assert_eq!((near.len(), &near), (8, &list(&mut page, "atlas.neighbours(3)")));
    press(&mut page, "#card-near-list button");
    let name = read(&at.join("embedded/pictures.csv"))[near[0] + 1][1].rsplit('/').next().unwrap().to_owned();
    assert_eq!(page.text("document.getElementById('card-title').textContent"), name);
    page.key("Escape");
    page.wait("document.getElementById('card').hidden");

    // Colours, and what they mean; made pictures have theirs always.
    put(&mut page, "#colour", "class", "change");
    assert_eq!(page.number("document.querySelectorAll('#legend li').length"), 5.);
    assert!(page.text("document.getElementById('legend').textContent").contains("naive2"));

    // A poster of all of it names its sources.
    press(&mut page, "#whole");
    page.key("P");
    page.wait("document.getElementById('poster').open");
    assert_eq!(page.number("document.querySelectorAll('#poster-list li').length"), 24.);
    press(&mut page, "#poster-close");
    assert_eq!(page.value("window.hacked === undefined && !document.querySelector('img')"), true);
    assert!(page.errors.is_empty(), "{:#?}", page.errors);
}

#[test]
fn a_page_is_walked_by_keyboard_and_fits_a_phone() {
    let folder = collection();
    let at = folder.path();
    made(at, &ALL);
    let Some(mut page) = opened(at, 1400) else { return };
    page.value("document.getElementById('world').focus()");
    page.key("3");
    assert_eq!(page.text("atlas.layout"), "grid");
    let scale = page.number("atlas.scale");
    page.key("+");
    assert!(page.number("atlas.scale") > scale);
    let [left, top]: [f64; 2] = serde_json::from_value(page.value("atlas.screenOf(0)")).unwrap();
    page.key("ArrowLeft");
    page.key("ArrowUp");
    let moved: [f64; 2] = serde_json::from_value(page.value("atlas.screenOf(0)")).unwrap();
    assert!((moved[0] - left - 80.).abs() < 1e-6 && (moved[1] - top - 80.).abs() < 1e-6, "{moved:?} {left} {top}");
    page.key("0");
    assert_eq!(page.number("atlas.scale"), scale);
    page.key("Enter");
    page.wait("!document.getElementById('card').hidden");
    let title = "document.getElementById('card-title').textContent";
    let first = page.text(title);
    page.key("n");
    assert_ne!(page.text(title), first);
    page.key("p");
    assert_eq!(page.text(title), first);
    page.key("s");
    assert_eq!(list(&mut page, "atlas.selection").len(), 1);
    page.key("Escape");
    assert_eq!(page.text("document.activeElement.id"), "world");
    page.key("Escape");
    assert_eq!(list(&mut page, "atlas.selection").len(), 0);
    page.key("?");
    page.wait("document.getElementById('keys').open");
    page.key("Escape");
    page.wait("!document.getElementById('keys').open");

    for dark in [false, true] {
        page.resize(390, 844, dark);
        page.open(&at.join("atlas/atlas.html"));
        page.wait("atlas.settled");
        let wide = "[...document.querySelectorAll('body *')].filter(one => one.getClientRects().length && one.getBoundingClientRect().right > 391).map(one => one.id || one.tagName)";
        assert_eq!(page.value(wide), json!([]));
        press(&mut page, "#toggle");
        put(&mut page, "#filter", "year", "change");
        assert_eq!(page.value(wide), json!([]));
        press(&mut page, "#toggle");
        let [x, y]: [f64; 2] = serde_json::from_value(page.value("atlas.screenOf(23)")).unwrap();
        page.draw(&[[x, y]], 0);
        page.wait("!document.getElementById('card').hidden");
        assert_eq!(page.value(wide), json!([]));
        press(&mut page, "#card-close");
    }
    assert!(page.errors.is_empty(), "{:#?}", page.errors);
}

#[test]
fn wrong_requests_are_one_line() {
    let folder = collection();
    let at = folder.path();
    for (name, text) in [
        ("none.csv", "sha256,year\nabc,1999\n"),
        ("nameless.csv", "a,b\n1,2\n"),
        ("twice.csv", "row,mood\n1,glad\n1,sad\n"),
        ("units.csv", "row,unit,mood\n1,a,glad\n1,a,sad\n"),
    ] {
        std::fs::write(at.join(name), text).unwrap();
    }
    std::fs::create_dir(at.join("other")).unwrap();
    std::fs::write(at.join("other/map.csv"), "row,x,y\n0,1,2\n").unwrap();
    for (arguments, complaint) in [
        (&["map"][..], "`metapicture embed` writes it"),
        (&["embedded", "--map", "embedded"], "`metapicture map` writes it"),
        (&["embedded", "--map", "other"], "is a map of 1 pictures, not of these 24"),
        (&["embedded", "--with", "none.csv"], "none of its 1 rows is of a picture here; tried 'sha256'"),
        (&["embedded", "--with", "nameless.csv"], "has no column 'sha256', 'name', 'file', 'row'"),
        (&["embedded", "--with", "twice.csv"], "several rows of the picture of row 1, and no column 'unit'"),
        (&["embedded", "--with", "units.csv"], "several rows of the picture of row 1, of one unit"),
        (&["embedded", "--with", "nowhere.csv"], "nowhere.csv: cannot be read"),
        (&["embedded", "--export", "iiif"], "needs --base URL"),
        (&["embedded", "--export", "embedding-atlas"], "needs --map DIR"),
    ] {
        let error = refused(at, &[&["atlas", "--out", "atlas"], arguments].concat());
        assert!(error.contains(complaint), "{arguments:?}: {error}");
        assert!(!at.join("atlas").exists(), "{arguments:?}");
    }
}

#[test]
fn other_viewers_are_given_what_they_read() {
    let folder = collection();
    let at = folder.path();
    let exports =
        ["--export", "vikus", "embedding-atlas", "iiif", "--base", "https://example.org/pictures/", "--title", "Ours"];
    let written = made(at, &[&ALL[..], &exports].concat());
    assert_eq!(written["exports"].as_array().unwrap().len(), 3);

    let vikus = at.join("atlas/vikus");
    let table = read(&vikus.join("data.csv"));
    assert_eq!((&table[0][..3], table.len()), (&["id", "keywords", "year"].map(str::to_owned)[..], 25));
    assert!(table[0][3..].iter().all(|name| name.starts_with('_')) && table[0].contains(&"_note".to_owned()));
    assert_eq!(&table[23][..3], ["22", "2,naive", "1995"]);
    assert_eq!(
        (&read(&vikus.join("umap.csv"))[0][..], read(&vikus.join("umap.csv")).len()),
        (&["id", "x", "y"].map(str::to_owned)[..], 25)
    );
    let config: Value = serde_json::from_slice(&std::fs::read(vikus.join("config.json")).unwrap()).unwrap();
    assert_eq!((&config["project"]["name"], &config["loader"]["items"]), (&"Ours".into(), &"data/data.csv".into()));
    for file in ["info", "timeline", "items"] {
        let name = config["loader"][file].as_str().unwrap().strip_prefix("data/").unwrap();
        assert!(vikus.join(name).is_file(), "{name}");
    }

    let file =
        SerializedFileReader::new(std::fs::File::open(at.join("atlas/embedding-atlas.parquet")).unwrap()).unwrap();
    let rows: Vec<_> = file.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    let names: Vec<&String> = rows[0].get_column_iter().map(|(name, _)| name).collect();
    assert_eq!(
        (rows.len(), &names[..2], names.last().unwrap().as_str()),
        (24, &[&"projection_x".to_owned(), &"projection_y".to_owned()][..], "neighbors")
    );
    let near = rows[3].get_group(names.len() - 1).unwrap();
    let (ids, far) = (near.get_list(0).unwrap(), near.get_list(1).unwrap());
    assert_eq!((ids.len(), far.len()), (8, 8));
    let map = read(&at.join("map/map.csv"));
    assert!((rows[3].get_double(0).unwrap() - map[4][1].parse::<f64>().unwrap()).abs() < 1e-6);

    let manifest: Value = serde_json::from_slice(&std::fs::read(at.join("atlas/manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["@context"], "http://iiif.io/api/presentation/3/context.json");
    assert_eq!(
        (&manifest["type"], &manifest["id"]),
        (&"Manifest".into(), &"https://example.org/pictures/manifest.json".into())
    );
    let canvases = manifest["items"].as_array().unwrap();
    assert_eq!(canvases.len(), 24);
    let annotation = &canvases[3]["items"][0]["items"][0];
    assert_eq!((&annotation["motivation"], &annotation["target"]), (&"painting".into(), &canvases[3]["id"]));
    let name = &read(&at.join("embedded/pictures.csv"))[4][1];
    assert_eq!(annotation["body"]["id"], format!("https://example.org/pictures/{name}"));
    assert_eq!((&annotation["body"]["format"], &canvases[3]["height"]), (&"image/png".into(), &48.into()));
}

fn settings(at: &Path, single: usize) -> Settings {
    Settings {
        embedded: at.join("embedded"),
        map: Some(at.join("map")),
        tables: vec![],
        title: None,
        neighbours: 4,
        exports: Vec::<Export>::new(),
        base: None,
        single,
    }
}

#[test]
fn many_pictures_lie_on_sheets_beside_the_page() {
    let folder = collection();
    let at = folder.path();
    tch::set_num_threads(1);
    let out = at.join("atlas");
    let written = atlas(&settings(at, 10), &out, &|_| true).unwrap();
    assert_eq!((written.sheets, written.cell, written.unread.len()), (2, 128, 0));
    let listed = |folder: &Path| -> Vec<PathBuf> {
        let mut all: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        all.sort();
        all
    };
    assert_eq!(listed(&out), [out.join("atlas.html"), out.join("sheets")]);
    assert_eq!(listed(&out.join("sheets")).len(), 2);
    let near = image::open(out.join("sheets/near-000.jpg")).unwrap();
    assert_eq!((near.width(), near.height()), (2048, 256));
    if let Some(mut page) = opened(at, 1400) {
        page.key("+");
        page.key("Enter");
        page.wait("!document.getElementById('card').hidden && atlas.settled");
        assert_eq!(page.text("document.getElementById('trouble').textContent"), "");
        assert!(page.errors.is_empty(), "{:#?}", page.errors);
    }
    // Whoever stops it has what was there before, and nothing half made beside it.
    let before = std::fs::read(out.join("atlas.html")).unwrap();
    let error = atlas(&settings(at, 10), &out, &|_| false).unwrap_err().to_string();
    assert!(error.contains("interrupted"), "{error}");
    assert_eq!((std::fs::read(out.join("atlas.html")).unwrap(), listed(&out).len()), (before, 2));
    // What is somebody's own is not replaced.
    std::fs::write(out.join("sheets/mine.txt"), "").unwrap();
    let error = atlas(&settings(at, SINGLE), &out, &|_| true).unwrap_err().to_string();
    assert!(error.contains("is not of an atlas") && out.join("sheets/near-000.jpg").exists(), "{error}");
    std::fs::remove_file(out.join("sheets/mine.txt")).unwrap();
    // Fewer pictures are one file, and the sheets are gone.
    atlas(&settings(at, SINGLE), &out, &|_| true).unwrap();
    assert_eq!(listed(&out), [out.join("atlas.html")]);
}

/// Fifty thousand pictures of noise in a tar file, in 40 heaps. METAPICTURE_SHOTS is a folder for a picture of the page, METAPICTURE_KEPT one for the page itself.
#[test]
#[ignore = "takes minutes; run it to see how fast a large collection is made, opened and moved"]
fn fifty_thousand_pictures_are_seen_at_once_and_move() {
    const MANY: usize = 50_000;
    tch::set_num_threads(1);
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    for name in ["embedded", "map"] {
        std::fs::create_dir(at.join(name)).unwrap();
    }
    let mut state = 1u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / (1u64 << 31) as f64
    };
    let mut tar = tar::Builder::new(std::fs::File::create(at.join("noise.tar")).unwrap());
    let mut pictures = csv::Writer::from_path(at.join("embedded/pictures.csv")).unwrap();
    let mut map = csv::Writer::from_path(at.join("map/map.csv")).unwrap();
    pictures.write_record(["row", "name", "sha256", "width", "height", "class", "year"]).unwrap();
    map.write_record(["row", "x", "y", "component_1", "component_2", "stability", "cluster"]).unwrap();
    let mut rows = vec![];
    for row in 0..MANY {
        let heap = row % 40;
        let shade: [u8; 3] = [0; 3].map(|_| (random() * 200.) as u8);
        let picture = image::RgbImage::from_fn(64, 48, |x, y| {
            image::Rgb([shade[0] ^ (x as u8 / 4).wrapping_mul(heap as u8), shade[1].wrapping_add(y as u8), shade[2]])
        });
        let bytes = metapicture::engine::picture::jpeg(&picture, 80).unwrap();
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, format!("{row:05}.jpg"), &bytes[..]).unwrap();
        let name = format!("noise.tar:{row:05}.jpg");
        let sha256 = format!("{:064x}", row * 0x9e37);
        pictures
            .write_record([
                &row.to_string(),
                &name,
                &sha256,
                "64",
                "48",
                &format!("heap {heap}"),
                &(1900 + row % 97).to_string(),
            ])
            .unwrap();
        let place = [(heap % 8) as f64 * 3. + random() + random(), (heap / 8) as f64 * 3. + random() + random()];
        let cells = [
            row.to_string(),
            place[0].to_string(),
            place[1].to_string(),
            place[1].to_string(),
            random().to_string(),
            random().to_string(),
            heap.to_string(),
        ];
        map.write_record(&cells).unwrap();
        rows.extend((0..8).map(|_| random() as f32));
    }
    tar.finish().unwrap();
    drop((pictures, map));
    let tensor = Tensor::from_slice(&rows).view([MANY as i64, 8]);
    Tensor::write_safetensors(&[("rows", &tensor)], at.join("embedded/rows.safetensors")).unwrap();
    let how = json!({ "classifier": "noise", "layer": "none", "folder": at });
    std::fs::write(at.join("embedded/embedding.json"), how.to_string()).unwrap();
    let start = std::time::Instant::now();
    let written = atlas(&settings(at, SINGLE), &at.join("atlas"), &|_| true).unwrap();
    println!(
        "made in {:?}: a page of {} bytes, {} sheets of cells of {}",
        start.elapsed(),
        written.bytes,
        written.sheets,
        written.cell
    );
    if let Some(kept) = std::env::var_os("METAPICTURE_KEPT") {
        assert!(Command::new("cp").arg("-r").arg(at.join("atlas")).arg(kept).status().unwrap().success());
    }
    let Some(mut page) = opened(at, 1400) else { return };
    let first = page.number("atlas.firstPicture");
    println!("first picture after {first:.0} ms");
    for layout in ["map", "grid", "time"] {
        let start = std::time::Instant::now();
        press(&mut page, &format!("#looks [value={layout}]"));
        let laid = start.elapsed();
        let panned = page.value("atlas.measurePanning(6)");
        println!("{layout}: whole after {laid:?}; {panned}");
        assert!(panned["framesPerSecond"].as_f64().unwrap() >= 30., "{layout}: {panned}");
    }
    if let Some(shots) = crate::report::shots() {
        page.screenshot(&shots.join("fifty-thousand.png"));
    }
    assert!(first < 2000.);
    assert!(page.errors.is_empty(), "{:#?}", page.errors);
}
