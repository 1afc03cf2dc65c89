//! The files that an experiment names are relative to the file that names them: what a base in another folder names is
//! rewritten here, before the file that extends it is laid over it.

use std::path::Path;

use zoo::is_path;

use super::node::{Entry, Node, Value};
use super::place::joined;
use super::unit_pattern::with_files;
use crate::reference::is_image_set;

/// Makes the files that a document names relative to the folder in which `folder` lies, and not to `folder` itself: `root` was
/// read in `folder`, which is a path as the file that extends it has it.
pub(super) fn rebase(root: &mut Node, folder: &Path) {
    let join = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let model = |name: &str| if is_path(name) { join(name) } else { name.to_owned() };
    let unit = |text: &str| with_files(text, &join);
    let Value::Map(entries) = &mut root.value else { return };
    for Entry { key, node, .. } in entries {
        match key.as_str() {
            "classifier" | "classifiers" | "generator" | "generators" => each_text(node, &model),
            "units" => each_text(node, &unit),
            "methods" => {
                let items = match &mut node.value {
                    Value::List(items) => items,
                    _ => std::slice::from_mut(node),
                };
                for item in items {
                    match &mut item.value {
                        Value::Text(name) => *name = model(name),
                        Value::Map(entries) => {
                            let file = entries.iter_mut().find(|entry| entry.key == "file");
                            if let Some(Entry { node: Node { value: Value::Text(name), .. }, .. }) = file {
                                *name = join(name);
                            }
                        }
                        _ => {}
                    }
                    rebase_limits(item, "", folder);
                }
            }
            "compare" => {
                if let Some(witnesses) = node.get_mut("witnesses") {
                    each_text(witnesses, &model);
                }
                if let Some(Node { value: Value::Text(name), .. }) = node.get_mut("reference")
                    && !is_image_set(name)
                {
                    *name = join(name);
                }
            }
            "sweep" => rebase_sweep(node, folder, &model, &unit),
            _ => {}
        }
    }
}

/// Makes the files of limits (`bounded: { file: … }`) and the photographs (`from`, `latent: { from: … }`) that a method names relative to what `folder` is relative to.
/// `path` leads to the node.
pub(super) fn rebase_limits(node: &mut Node, path: &str, folder: &Path) {
    let is_file = path.ends_with("bounded.file") || path.ends_with("bounded.file.path");
    // A method's own, not that of a step size or a range.
    let own =
        path == "from" || (path.starts_with("methods.") && path.matches('.').count() == 2 && path.ends_with(".from"));
    let photographs = own
        || path.ends_with("latent.from")
        || path.ends_with("prior.from")
        || path.ends_with("distribution.photographs");
    match &mut node.value {
        Value::Text(name) if photographs && is_image_set(name) => {}
        Value::Text(name) if photographs => *name = folder.join(&*name).to_string_lossy().into_owned(),
        Value::Text(name) if is_file => *name = folder.join(&*name).to_string_lossy().into_owned(),
        Value::Map(entries) => {
            for Entry { key, node, .. } in entries {
                rebase_limits(node, &joined(path, key), folder);
            }
        }
        Value::List(items) => items.iter_mut().for_each(|item| rebase_limits(item, path, folder)),
        _ => {}
    }
}

/// Makes the files among the values of a sweep relative, each as its key is ([`rebase`]).
fn rebase_sweep(sweep: &mut Node, folder: &Path, model: &dyn Fn(&str) -> String, unit: &dyn Fn(&str) -> String) {
    let entries = match &mut sweep.value {
        Value::Map(entries) => entries,
        Value::List(groups) => return groups.iter_mut().for_each(|group| rebase_sweep(group, folder, model, unit)),
        _ => return,
    };
    for Entry { key, node, .. } in entries {
        match key.split('.').next().unwrap_or_default() {
            "zip" => rebase_sweep(node, folder, model, unit),
            "classifier" | "classifiers" | "generator" | "generators" if !key.ends_with(".class") => {
                each_text(node, model)
            }
            "units" => each_text(node, unit),
            "methods" => {
                if let Value::List(values) = &mut node.value {
                    values.iter_mut().for_each(|value| rebase_limits(value, key, folder));
                }
            }
            _ => {}
        }
    }
}

/// Changes every text of a tree but the classes of generators.
fn each_text(node: &mut Node, change: &dyn Fn(&str) -> String) {
    match &mut node.value {
        Value::Text(text) => *text = change(text),
        Value::List(items) => items.iter_mut().for_each(|item| each_text(item, change)),
        Value::Map(entries) => {
            let names = entries.iter_mut().filter(|entry| entry.key != "class");
            names.for_each(|entry| each_text(&mut entry.node, change));
        }
        _ => {}
    }
}
