//! What every page of this program has: nothing in its data ends a script, and the browser refuses whatever is not the page's own.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::plot::escape;

/// JSON that may stand in a `<script>`: nothing in it can end the element or begin a comment.
pub(crate) fn script_json(document: &impl Serialize) -> serde_json::Result<String> {
    let json = serde_json::to_string(document)?;
    Ok(json
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029"))
}

/// A page of one file: this style, this body, data as `#data`, this script.
pub(crate) fn page(title: &str, parts: [&str; 3], data: &impl Serialize) -> serde_json::Result<String> {
    page_showing("data:", title, parts, data, "")
}

/// The same, with pictures from these sources (`data: 'self'` of a page whose pictures lie beside it), and elements before its script.
pub(crate) fn page_showing(
    pictures: &str,
    title: &str,
    [css, body, js]: [&str; 3],
    data: &impl Serialize,
    elements: &str,
) -> serde_json::Result<String> {
    let (title, policy, data) = (escape(title), policy_showing(pictures, css, js), script_json(data)?);
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<link rel=\"icon\" href=\"data:,\">\n<title>{title}</title>\n<style>{css}</style>\n</head>\n<body>\n{body}\
         <script type=\"application/json\" id=\"data\">{data}</script>\n{elements}<script>{js}</script>\n</body>\n</html>\n"
    ))
}

/// A content security policy by which the browser refuses everything but this style, this script and pictures in the page, whatever else may have got
/// into it.
pub(crate) fn policy(css: &str, js: &str) -> String {
    policy_showing("data:", css, js)
}

fn policy_showing(pictures: &str, css: &str, js: &str) -> String {
    let hash = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; img-src {pictures}; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(css),
        hash(js)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_a_script_or_begins_an_element() {
        let hostile = "</script><!--\u{2028}&\"'";
        let json = script_json(&[hostile]).unwrap();
        assert!(!json.contains(['<', '>', '&', '\u{2028}']));
        assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), [hostile]);
    }
}
