//! The folder of data of VIKUS Viewer (github.com/cpietsch/vikus-viewer, its README): `data.csv` with `id`, `keywords`, `year` and fields that begin with an
//! underscore, `timeline.csv`, a layout a CSV of `id`, `x`, `y`, `config.json` and `info.md`. Sprites are made of the pictures by vikus-viewer-script.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::super::collection::Collection;
use super::super::settings::Settings;
use super::put;
use crate::error::{Context, Result};

/// Columns that may say when, the first that is there.
const WHEN: [&str; 3] = ["year", "date", "time"];
/// Columns that may say what, each of which is a keyword.
const WHAT: [&str; 5] = ["keywords", "class", "cluster", "made_by", "label"];

/// Writes the folder.
pub(super) fn write(collection: &Collection, settings: &Settings, folder: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(folder).with_context(|| format!("{}: cannot be made", folder.display()))?;
    let count = collection.sources.len();
    let title = settings.title.as_deref().unwrap_or("Atlas");
    let when = WHEN.iter().find_map(|name| collection.column(name));
    let what: Vec<_> = WHAT.iter().filter_map(|name| collection.column(name)).collect();
    let own: Vec<_> = collection.columns.iter().filter(|column| column.name != "row").collect();
    let fields: Vec<String> = own.iter().map(|column| format!("_{}", column.name)).collect();
    let table = |header: Vec<&str>, row: &dyn Fn(usize) -> Vec<String>| -> Result<Vec<u8>> {
        let mut writer = csv::Writer::from_writer(vec![]);
        writer.write_record(header)?;
        (0..count).try_for_each(|number| writer.write_record(row(number)))?;
        writer.into_inner().ok().context("a table cannot be written")
    };
    let header = ["id", "keywords", "year"].into_iter().chain(fields.iter().map(String::as_str)).collect();
    let data = table(header, &|row| {
        // A comma would part a keyword.
        let words = what.iter().map(|column| column.cells[row].replace(',', ";")).filter(|word| !word.is_empty());
        let words = words.collect::<Vec<_>>().join(",");
        let year =
            when.map_or(String::new(), |column| column.cells[row].split('-').next().unwrap_or_default().to_owned());
        let cells = own.iter().map(|column| column.cells[row].clone());
        [row.to_string(), words, year].into_iter().chain(cells).collect()
    })?;
    put(&folder.join("data.csv"), &data)?;
    put(&folder.join("timeline.csv"), b"year,titel,text,extra\n")?;
    let mut layouts = vec![];
    for layout in &collection.layouts {
        let (name, title) = match layout.name {
            "map" => ("umap.csv", "UMAP"),
            _ => ("components.csv", "components"),
        };
        let places = table(vec!["id", "x", "y"], &|row| {
            let [x, y] = layout.places[row];
            [row.to_string(), x.to_string(), y.to_string()].into()
        })?;
        put(&folder.join(name), &places)?;
        layouts.push(json!({ "title": title, "url": format!("data/{name}") }));
    }
    if when.is_some() {
        layouts.insert(0, json!({ "title": "time", "type": "group", "groupKey": "year" }));
    }
    let structure: Vec<Value> = (own.iter().zip(&fields))
        .map(|(column, field)| json!({ "name": column.name, "source": field, "display": "column", "type": "text" }))
        .collect();
    let config = json!({
        "project": { "name": title, "quality": 1 },
        "loader": {
            "info": "data/info.md", "timeline": "data/timeline.csv", "items": "data/data.csv", "layouts": layouts,
            "textures": {
                "medium": { "size": 128, "url": "data/sprites/spritesheet.json" },
                "detail": { "size": 1024, "url": "data/1024/" },
            },
        },
        "style": {
            "fontColor": "#1c1c1c", "fontColorActive": "#ffffff", "fontBackground": "#2a5db0", "textShadow": "none",
            "canvasBackground": "#fdfdfb", "timelineBackground": "#fdfdfb", "timelineFontColor": "#1c1c1c",
            "detailBackground": "#eeeeee", "infoBackground": "#333333", "infoFontColor": "#ffffff", "searchbarBackground": "#333333",
        },
        "projection": { "columns": 6 },
        "detail": { "structure": structure },
    });
    put(&folder.join("config.json"), &serde_json::to_vec_pretty(&config)?)?;
    let of = |key: &str| collection.embedding[key].as_str().unwrap_or("unknown").to_owned();
    let info = format!(
        "# {title}\n\n{count} pictures, laid out by what layer `{}` of `{}` makes of them. A map is for looking: no statement may rest on distances in it.\n\n\
         Sprites are not here yet: name each picture `ID.jpg` by the column `id` of data.csv (`_name` says which file it is), and let vikus-viewer-script make \
         `sprites/` and `1024/` of them.\n",
        of("layer"),
        of("classifier")
    );
    put(&folder.join("info.md"), info.as_bytes())?;
    Ok(folder.to_owned())
}
