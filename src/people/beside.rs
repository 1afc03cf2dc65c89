//! What people could tell, put beside what a comparison's networks could.

use std::path::Path;

use super::analysis::{Analysis, PEOPLE};
use super::key::Key;
use crate::compare::findings::{Findings, OfPeople, People};
use crate::compare::tables::JSON;
use crate::error::{Context, OfRequest, Result, bail};

/// Puts what a study's people could tell beside the findings of the comparison in `folder`: plots and tables show both.
///
/// # Errors
/// A request: a study of another comparison, or whose answers were not analysed yet.
pub fn beside(study: &Path, folder: &Path, comparison: &mut Findings) -> Result<()> {
    let key = Key::read(study)?;
    let json = folder.join(JSON);
    let sha256 =
        zoo::hash::sha256(std::fs::read(&json).with_context(|| format!("{}: cannot be read", json.display()))?);
    if sha256 != key.comparison_sha256 {
        bail!("{}: is a study of another comparison than {}", study.display(), json.display());
    }
    let path = study.join(PEOPLE);
    let text = std::fs::read_to_string(&path).of_request();
    let text =
        text.with_context(|| format!("{}: cannot be read; `metapicture study analyse` writes it", path.display()))?;
    let found: Analysis =
        serde_json::from_str(&text).of_request().with_context(|| format!("{}: is no analysis", path.display()))?;
    if found.version != key.version {
        bail!("{}: is of another page than {}", path.display(), study.display());
    }
    let methods = found.methods.iter().filter_map(|of| {
        let method = comparison.methods.iter().position(|method| [&method.label, &method.name].contains(&&of.label))?;
        let (over_people, over_units) = (of.right.over_people, of.right.over_units);
        Some(OfPeople { method, answers: of.answers, right: of.right.value, over_people, over_units })
    });
    let methods = methods.collect();
    comparison.people = Some(People { people: found.people, methods, cautions: found.cautions });
    Ok(())
}
