//! That links lead somewhere: files, pictures, and headings.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::{pages, read, root};

/// What a page holds: where its links go, and what its headings are called in links.
#[derive(Default)]
struct Page {
    links: Vec<String>,
    anchors: BTreeSet<String>,
}

impl Page {
    fn of(text: &str) -> Page {
        let mut page = Page::default();
        let mut heading: Option<(String, Option<String>)> = None;
        for event in Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_HEADING_ATTRIBUTES) {
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(dest_url.to_string())
                }
                Event::Start(Tag::Heading { id, .. }) => heading = Some((String::new(), id.map(|id| id.to_string()))),
                Event::Text(text) | Event::Code(text) => {
                    if let Some((words, _)) = &mut heading {
                        words.push_str(&text);
                    }
                }
                Event::End(TagEnd::Heading(_)) => {
                    let Some((words, id)) = heading.take() else { continue };
                    let name = id.unwrap_or_else(|| anchor(&words));
                    let mut unique = name.clone();
                    let mut count = 0;
                    while !page.anchors.insert(unique.clone()) {
                        count += 1;
                        unique = format!("{name}-{count}");
                    }
                }
                _ => {}
            }
        }
        page
    }
}

/// What a heading is called in links, by mdBook and on GitHub alike.
fn anchor(words: &str) -> String {
    let letters = words.trim().to_lowercase();
    let kept = letters.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_' | ' '));
    kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}

/// A path without `..`; none if it leaves the repository.
fn plain(path: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain.starts_with(root()).then_some(plain)
}

#[test]
fn every_link_leads_somewhere() {
    let all: BTreeMap<PathBuf, Page> = pages().into_iter().map(|path| (path.clone(), Page::of(&read(&path)))).collect();
    let mut dead = vec![];
    let mut followed = 0;
    for (path, page) in &all {
        for link in page.links.iter().filter(|link| !link.contains("://") && !link.starts_with("mailto:")) {
            let (file, heading) =
                link.split_once('#').map_or((link.as_str(), None), |(file, heading)| (file, Some(heading)));
            let target = if file.is_empty() { Some(path.clone()) } else { plain(&path.parent().unwrap().join(file)) };
            followed += 1;
            let is_there = target.as_ref().is_some_and(|target| target.exists());
            let is_named = match (&target, heading) {
                (Some(target), Some(heading)) => all.get(target).is_some_and(|page| page.anchors.contains(heading)),
                _ => true,
            };
            if !is_there || !is_named {
                dead.push(format!("{}: {link}", path.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(dead.is_empty(), "links that lead nowhere:\n{}", dead.join("\n"));
    assert!(followed > 100, "{followed} links were found");
}

#[test]
fn the_summary_has_every_page_once() {
    let source = root().join("docs/src");
    let links = Page::of(&read(&source.join("SUMMARY.md"))).links;
    let named: Vec<PathBuf> = links.iter().map(|link| source.join(link)).filter_map(|path| plain(&path)).collect();
    let unique: BTreeSet<&PathBuf> = named.iter().collect();
    assert_eq!(unique.len(), named.len(), "a page is there twice");
    let of_manual = pages().into_iter().filter(|path| path.starts_with(&source) && !path.ends_with("SUMMARY.md"));
    let missing: Vec<PathBuf> = of_manual.filter(|path| !unique.contains(path)).collect();
    assert!(missing.is_empty(), "not in docs/src/SUMMARY.md: {missing:?}");
}
