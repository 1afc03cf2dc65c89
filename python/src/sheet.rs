//! Contact sheets of folders of records, of rows of their tables, and of pictures.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use metapicture::Error;
use metapicture::engine::sheet::{self, Layout, Row, Shown};
use metapicture::engine::store::Store;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::detached;
use crate::picture::Picture;
use crate::request::within;

/// How it is laid out, in plain values.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Request {
    rows: String,
    cols: Vec<String>,
    group: Option<String>,
    caption: Vec<String>,
    only: Vec<String>,
    best: bool,
    side: u32,
}

/// Columns of a table of results that say what a run cost, and not what it is.
const COSTS: [&str; 3] = ["bytes", "version", "settings"];

/// A labelled grid of pictures.
#[pyclass(frozen, module = "metapicture._native")]
pub struct Sheet(sheet::Sheet);

#[pymethods]
impl Sheet {
    /// Of folders of records.
    #[staticmethod]
    fn of_folders(py: Python<'_>, folders: Vec<PathBuf>, request: Request) -> PyResult<Sheet> {
        detached(py, || {
            let rows = sheet::tables(&folders).map_err(Error::of_request)?;
            let stores = folders.iter().map(|folder| Store::read(folder)).collect::<Result<Vec<_>, _>>();
            of_rows(&stores.map_err(Error::of_request)?, &rows, request)
        })
    }

    /// Of rows of a table of results, a list of objects as JSON.
    #[staticmethod]
    fn of_table(py: Python<'_>, table: &str, request: Request) -> PyResult<Sheet> {
        detached(py, || {
            let mut rows: Vec<Row> = serde_json::from_str(table).map_err(|error| Error::from(error).of_request())?;
            for row in &mut rows {
                COSTS.iter().for_each(|name| drop(row.remove(*name)));
            }
            let folder = |row: &Row| row.get("folder").and_then(|folder| folder.as_str()).map(PathBuf::from);
            let folders: BTreeSet<PathBuf> = rows.iter().filter_map(folder).collect();
            let needed = ["run_id", "status", "unit", "method"];
            if rows.is_empty()
                || folders.is_empty()
                || rows.iter().any(|row| needed.iter().any(|name| !row.contains_key(*name)))
            {
                let reason =
                    "a frame as `metapicture.results` gives is needed, with folder, run_id, status, unit and method";
                return Err(Error::request(reason).at("source"));
            }
            let stores = folders.iter().map(|folder| Store::read(folder)).collect::<Result<Vec<_>, _>>();
            of_rows(&stores.map_err(Error::of_request)?, &rows, request)
        })
    }

    /// Of pictures.
    #[staticmethod]
    fn of_pictures(py: Python<'_>, pictures: Vec<PyRef<'_, Picture>>, request: Request) -> PyResult<Sheet> {
        let rows: Vec<Row> = pictures.iter().map(|picture| sheet::row_of(picture.0.record())).collect();
        let shown: BTreeMap<String, Shown> = pictures
            .iter()
            .map(|of| (of.0.record().run_id.to_string(), Shown::Picture(of.0.image().clone())))
            .collect();
        drop(pictures);
        detached(py, || {
            let picture = |_: &Row, id: &metapicture::engine::store::RunId| {
                let found = shown.get(&id.to_string()).cloned();
                found.ok_or_else(|| Error::request("a picture has no id").at("source"))
            };
            laid_out(&picture, &rows, request)
        })
    }

    /// How many pages it has on a screen.
    fn pages(&self, py: Python<'_>) -> PyResult<usize> {
        detached(py, || Ok(self.0.on_screen()?.len()))
    }

    /// A page as a PNG file, from 0.
    fn png<'py>(&self, py: Python<'py>, page: usize) -> PyResult<Bound<'py, PyBytes>> {
        let png = detached(py, || {
            let pages = self.0.on_screen()?;
            let page = pages.get(page).ok_or_else(|| {
                Error::request(format!("{page} is not one of {} pages, counted from 0", pages.len())).at("page")
            })?;
            sheet::png(page)
        })?;
        Ok(PyBytes::new(py, &png))
    }

    /// Writes it as PNG files or a PDF; those.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<Vec<PathBuf>> {
        detached(py, || self.0.save(&path))
    }

    /// How many rows and columns it has.
    fn cells(&self) -> (usize, usize) {
        (self.0.rows.len(), self.0.columns.len())
    }
}

fn of_rows(stores: &[Store], rows: &[Row], request: Request) -> Result<Sheet, Error> {
    let picture = |row: &Row, id: &metapicture::engine::store::RunId| {
        let folder = row.get("folder").and_then(|folder| folder.as_str());
        let store = stores.iter().find(|store| folder.is_some_and(|folder| store.root().as_os_str() == folder));
        let store = store.ok_or_else(|| Error::request("a row is of no folder").at("source"))?;
        Ok(Shown::File(store.picture(id)))
    };
    laid_out(&picture, rows, request)
}

fn laid_out(picture: sheet::Pictures, rows: &[Row], request: Request) -> Result<Sheet, Error> {
    within("side", request.side, 16..=1024)?;
    if rows.is_empty() {
        return Err(Error::request("at least one picture is needed").at("source"));
    }
    let Request { rows: by, cols, group, caption: captions, only, best, side } = request;
    let layout = Layout { rows: by, cols, group, captions, best, side };
    sheet::lay_out_of(picture, &sheet::only(rows, &only)?, &layout).map(Sheet).map_err(Error::of_request)
}
