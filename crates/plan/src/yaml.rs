//! Patches as text. Whatever a value holds, it reads back as that value and does nothing else.

use serde_json::{Map, Value as Json};

/// What every patch begins with; by it a patch of an earlier plan is known.
pub const HEADER: &str = "# Written by kube-assay plan; nothing of it was applied.";

/// Comment lines below the header. What comes from elsewhere is made harmless.
pub(crate) fn comments(lines: &[String]) -> String {
    let lines = lines.iter().map(|line| format!("# {}\n", report::inert(line)));
    [format!("{HEADER}\n")].into_iter().chain(lines).collect()
}

/// Documents below a head of comments.
pub(crate) fn documents(head: &[String], all: &[Json]) -> String {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    let write = |one: &Json| serde_saphyr::to_string_with_options(one, options.clone()).unwrap_or_default();
    let texts: Vec<String> = all.iter().map(write).collect();
    comments(head) + &texts.join("---\n")
}

/// Sets a value below a path of keys, making what is missing on the way.
pub(crate) fn put(at: &mut Json, path: &[&str], value: Json) {
    if !at.is_object() {
        *at = Json::Object(Map::new());
    }
    let (Some((first, rest)), Json::Object(fields)) = (path.split_first(), at) else { return };
    let own = fields.entry((*first).to_owned()).or_insert(Json::Null);
    if rest.is_empty() {
        *own = value;
    } else {
        put(own, rest, value);
    }
}
