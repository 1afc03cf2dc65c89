//! Photographs as files: sets of the zoo, or the user's own folder, whose subfolders may be classes.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::error::{Context, Result, request};
use crate::picture;
use classifiers::Classifier;
use zoo::Checked;
use zoo::hash::sha256;

/// A photograph, not read yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Photograph {
    /// The file.
    pub path: PathBuf,
    /// sha256 of the file.
    pub sha256: String,
    /// What it shows, where somebody has said so: a class of the classifier.
    pub class: Option<usize>,
}

/// The photographs of a set of the zoo.
pub fn of_set(files: &[Checked]) -> Vec<Photograph> {
    let of = |file: &Checked| Photograph {
        path: file.path.clone(),
        sha256: file.sha256.to_string(),
        class: file.label.map(|label| label as usize),
    };
    files.iter().map(of).collect()
}

/// A file that is no whole picture, and why.
pub type Broken = (PathBuf, String);

/// All pictures in a folder and the folders in it, in the order of their paths, and those that are broken, which are passed over. A
/// folder that has the name or the number of a class labels the pictures in it (underscores stand for spaces).
///
/// # Errors
/// A folder that cannot be read, or no picture at all.
pub fn in_folder(folder: &Path, classifier: &Classifier) -> Result<(Vec<Photograph>, Vec<Broken>)> {
    let class_of = |path: &Path| {
        let name = path.parent().filter(|parent| *parent != folder)?.file_name()?.to_str()?.replace('_', " ");
        classifier.class(&name).ok()
    };
    let (paths, broken) = whole(folder)?;
    let photograph = |path: PathBuf| {
        let bytes = std::fs::read(&path).with_context(|| format!("{}: cannot be read", path.display()))?;
        let sha256 = sha256(&bytes);
        Ok(Photograph { class: class_of(&path), sha256, path })
    };
    Ok((paths.into_iter().map(photograph).collect::<Result<_>>()?, broken))
}

/// One picture.
///
/// # Errors
/// A file that cannot be read, or is no whole picture.
pub fn file(path: &Path) -> Result<Photograph> {
    picture::read(path)?;
    let bytes = std::fs::read(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    Ok(Photograph { path: path.to_owned(), sha256: sha256(&bytes), class: None })
}

/// The pictures in a folder and the folders in it that can be read, and those that cannot. Each is decoded for that.
///
/// # Errors
/// A folder that cannot be read, or no picture at all.
pub fn whole(folder: &Path) -> Result<(Vec<PathBuf>, Vec<Broken>)> {
    let (mut found, mut broken) = (vec![], vec![]);
    for path in below(folder)? {
        match picture::read(&path) {
            Ok(_) => found.push(path),
            Err(error) => broken.push((path, error.to_string())),
        }
    }
    match (found.is_empty(), &broken[..]) {
        (false, _) => Ok((found, broken)),
        (true, []) => Err(request!("{}: there are no pictures in it", folder.display())),
        (true, [(_, first), ..]) => {
            Err(request!("{}: all of its {} pictures are broken: {first}", folder.display(), broken.len()))
        }
    }
}

/// What is told of pictures that were passed over.
pub fn told(folder: &Path, broken: &[Broken]) -> Option<String> {
    const NAMED: usize = 3;
    let named: Vec<&str> = broken.iter().take(NAMED).map(|(_, reason)| reason.as_str()).collect();
    let more = match broken.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let are = if broken.len() == 1 { "picture is" } else { "pictures are" };
    (!broken.is_empty()).then(|| {
        format!("{}: {} {are} broken and passed over: {}{more}", folder.display(), broken.len(), named.join("; "))
    })
}

/// The picture files in a folder and the folders in it, in the order of their paths. What is hidden (its name begins with a dot) is passed
/// over, and a folder that links lead to twice is entered once.
///
/// # Errors
/// A folder that cannot be read.
pub fn below(folder: &Path) -> Result<Vec<PathBuf>> {
    let (mut found, mut entered) = (vec![], HashSet::new());
    enter(folder, &mut entered, &mut found)?;
    found.sort();
    Ok(found)
}

fn enter(folder: &Path, entered: &mut HashSet<PathBuf>, found: &mut Vec<PathBuf>) -> Result<()> {
    let cannot = || format!("{}: cannot be read", folder.display());
    if !entered.insert(folder.canonicalize().with_context(cannot)?) {
        return Ok(());
    }
    let entries = std::fs::read_dir(folder).with_context(cannot)?;
    let paths: std::io::Result<Vec<PathBuf>> = entries.map(|entry| Ok(entry?.path())).collect();
    let mut paths = paths.with_context(cannot)?;
    // In the order of names, so that of two links to a folder always the same one is taken; folders before links to them.
    paths.sort_by_key(|path| (path.is_symlink(), path.clone()));
    for path in paths {
        let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if is_hidden {
            continue;
        }
        if path.is_dir() {
            enter(&path, entered, found)?;
        } else if picture::is_picture(&path) {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_files_are_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.png", ".a.png", "._b.jpg", "b.JPG", "c.txt", ".git/c.png", "d/e.webp", "d/.DS_Store"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let found = below(folder.path()).unwrap();
        let names: Vec<&str> =
            found.iter().map(|path| path.strip_prefix(folder.path()).unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["a.png", "b.JPG", "d/e.webp"]);
    }

    #[test]
    fn a_broken_picture_is_named_and_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let picture = image::RgbImage::from_fn(9, 7, |x, y| image::Rgb([x as u8, y as u8, 7]));
        picture.save(folder.path().join("a.png")).unwrap();
        let whole_file = std::fs::read(folder.path().join("a.png")).unwrap();
        std::fs::write(folder.path().join("b.png"), &whole_file[..whole_file.len() / 2]).unwrap();
        std::fs::write(folder.path().join("c.jpg"), "no picture").unwrap();
        let (found, broken) = whole(folder.path()).unwrap();
        assert_eq!(found, [folder.path().join("a.png")]);
        assert_eq!(broken.len(), 2);
        let told = told(folder.path(), &broken).unwrap();
        assert!(told.contains("2 pictures are broken and passed over: ") && told.contains("b.png"), "{told}");
        std::fs::remove_file(folder.path().join("a.png")).unwrap();
        let error = whole(folder.path()).unwrap_err().to_string();
        assert!(error.contains("all of its 2 pictures are broken"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_links_lead_to_again_and_again_is_entered_once() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("z");
        std::fs::create_dir(&inner).unwrap();
        std::fs::write(inner.join("a.png"), "").unwrap();
        std::os::unix::fs::symlink(folder.path(), inner.join("up")).unwrap();
        std::os::unix::fs::symlink(&inner, folder.path().join("again")).unwrap();
        assert_eq!(below(folder.path()).unwrap(), [inner.join("a.png")]);
        // A link to a folder elsewhere is followed, and one that leads nowhere is none.
        let elsewhere = tempfile::tempdir().unwrap();
        std::fs::write(elsewhere.path().join("b.png"), "").unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("linked")).unwrap();
        std::os::unix::fs::symlink("nowhere", folder.path().join("dangling")).unwrap();
        assert_eq!(below(folder.path()).unwrap(), [folder.path().join("linked/b.png"), inner.join("a.png")]);
    }
}
