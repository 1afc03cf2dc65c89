//! A sheet for print: a PDF whose pages are drawn as JPEGs.

use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref};

use super::grid::Sheet;
use crate::error::Result;
use crate::picture;

/// Quality of the JPEGs, 1 to 100.
const QUALITY: u8 = 92;

/// Pixels of a sheet to a point of paper (1/72 inch): 150 dots an inch.
const PER_POINT: f32 = 150. / 72.;

/// The pages as one document; each page is as large as its sheet at 150 dots an inch.
pub(super) fn pdf(pages: &[Sheet]) -> Result<Vec<u8>> {
    let (catalog, tree) = (Ref::new(1), Ref::new(2));
    let of_page = |number: usize, part: i32| Ref::new(3 + 3 * number as i32 + part);
    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(tree);
    let kids = (0..pages.len()).map(|number| of_page(number, 0));
    pdf.pages(tree).kids(kids).count(pages.len() as i32);
    for (number, sheet) in pages.iter().enumerate() {
        let drawn = sheet.draw()?;
        let jpeg = picture::jpeg(&drawn, QUALITY)?;
        let (width, height) = (drawn.width() as f32 / PER_POINT, drawn.height() as f32 / PER_POINT);
        let [page, content, image] = [0, 1, 2].map(|part| of_page(number, part));
        let name = Name(b"Sheet");
        let mut of = pdf.page(page);
        of.media_box(Rect::new(0., 0., width, height)).parent(tree).contents(content);
        of.resources().x_objects().pair(name, image);
        of.finish();
        let mut stream = pdf.image_xobject(image, &jpeg);
        stream.filter(Filter::DctDecode);
        stream.width(drawn.width() as i32).height(drawn.height() as i32).bits_per_component(8);
        stream.color_space().device_rgb();
        stream.finish();
        let mut placed = Content::new();
        placed.save_state().transform([width, 0., 0., height, 0., 0.]).x_object(name).restore_state();
        pdf.stream(content, &placed.finish());
    }
    Ok(pdf.finish())
}
