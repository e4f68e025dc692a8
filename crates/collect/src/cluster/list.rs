//! Lists of objects, read page by page. What was read before a list broke off is kept, and the list says that it broke
//! off; an object that cannot be read is left out alone.

use std::collections::BTreeSet;

use evidence::{ObjectKind, Objects, Seen};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::client::{Client, Refusal, Request};
use super::path::right;

/// Objects of a page, as kubectl asks for them.
const PAGE: u32 = 500;

/// Pages of a list: some millions of objects.
const MAX_PAGES: u32 = 10_000;

/// Bounds in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// What is read of one answer.
    pub(super) answer: usize,
    /// What is kept of one list.
    pub(super) list: usize,
    /// What is kept of all lists.
    pub(super) all: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { answer: 64 << 20, list: 200 << 20, all: 1 << 30 }
    }
}

/// A page of a list.
#[derive(Deserialize)]
struct Page<'a> {
    kind: String,
    #[serde(default)]
    metadata: Metadata,
    /// None at all is written as `null` by old servers; an answer without the word is no list.
    #[serde(borrow, deserialize_with = "Deserialize::deserialize")]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default, rename = "continue")]
    more: Option<String>,
}

/// The name of an object that cannot be read as a whole.
#[derive(Deserialize)]
struct Named {
    metadata: Name,
}

#[derive(Deserialize)]
struct Name {
    name: String,
    #[serde(default)]
    namespace: Option<String>,
}

/// How reading a list once ended.
enum Ended {
    Whole(Objects),
    /// Before its end, and why.
    Part(Objects, String),
    /// The server forgot where the page before ended.
    Expired(Objects, String),
    /// Before its beginning.
    Refused(Seen),
}

/// Every object of a list, of which at most so many bytes are kept.
pub(super) async fn read(client: &Client, kind: &ObjectKind, bounds: Bounds) -> Seen {
    let mut ended = once(client, kind, bounds).await;
    if matches!(ended, Ended::Expired(..)) {
        // Once more from the beginning: a token lives for some minutes only.
        drop(ended);
        ended = once(client, kind, bounds).await;
    }
    match ended {
        Ended::Whole(objects) => objects.finish(None),
        Ended::Part(objects, why) | Ended::Expired(objects, why) => objects.finish(Some(why)),
        Ended::Refused(seen) => seen,
    }
}

async fn once(client: &Client, kind: &ObjectKind, bounds: Bounds) -> Ended {
    let mut objects = Objects::of(kind);
    let mut before: BTreeSet<String> = BTreeSet::new();
    let (mut after, mut limit) = (None::<String>, PAGE);
    for page in 1..=MAX_PAGES {
        let request = Request::Page { path: kind.api, limit, after: after.as_deref() };
        let bytes = match client.patient_answer(&request, bounds.answer).await {
            Ok(bytes) => bytes,
            // Definitions of resources may be large: fewer at once, then.
            Err(Refusal::TooLarge(_)) if limit > 1 => {
                limit = (limit / 10).max(1);
                continue;
            }
            Err(refusal) if after.is_none() => return Ended::Refused(refused(kind, &refusal)),
            Err(refusal) => {
                let why = format!("after {} pages: {refusal}", page - 1);
                let expired = refusal.code() == Some(410);
                return if expired { Ended::Expired(objects, why) } else { Ended::Part(objects, why) };
            }
        };
        after = match take(&bytes, kind, &mut objects, bounds.list.min(bounds.all)) {
            Ok(None) => return Ended::Whole(objects),
            Ok(Some(next)) if !before.insert(next.clone()) => {
                return Ended::Part(
                    objects,
                    "the server leads in a circle: it named one continuation twice".to_owned(),
                );
            }
            Ok(next) => next,
            Err(why) if after.is_none() && objects.size() == 0 => return Ended::Refused(Seen::Failed { why }),
            Err(why) => return Ended::Part(objects, why),
        };
    }
    Ended::Part(objects, format!("more than {MAX_PAGES} pages"))
}

/// Takes the objects of a page, and says where the next begins.
fn take(bytes: &[u8], kind: &ObjectKind, objects: &mut Objects, limit: usize) -> Result<Option<String>, String> {
    // The error never shows what stands in the answer.
    let page: Page<'_> = serde_json::from_slice(bytes)
        .map_err(|error| format!("a page is no list in JSON (at line {}, column {})", error.line(), error.column()))?;
    if page.kind.strip_suffix("List") != Some(kind.kind) {
        return Err(format!("the server answers with a {} and not with a {}List", page.kind, kind.kind));
    }
    for object in page.items.unwrap_or_default() {
        if objects.size() > limit {
            return Err(format!("more than {limit} bytes are kept of no list"));
        }
        match serde_json::from_str(object.get()) {
            Ok(object) => objects.take(object),
            Err(_) => objects.leave_out(format!("{}: it cannot be read", name(object))),
        }
    }
    Ok(page.metadata.more.filter(|more| !more.is_empty()))
}

fn name(object: &RawValue) -> String {
    match serde_json::from_str::<Named>(object.get()) {
        Ok(Named { metadata: Name { name, namespace: Some(namespace) } }) => format!("{namespace}/{name}"),
        Ok(Named { metadata: Name { name, namespace: None } }) => name,
        Err(_) => "an object without a name".to_owned(),
    }
}

fn refused(kind: &ObjectKind, refusal: &Refusal) -> Seen {
    match refusal.code() {
        _ if refusal.is_denial() => Seen::Denied { right: right(kind.api) },
        Some(404) => Seen::Unsupported { by: "this API server".to_owned() },
        _ => Seen::Failed { why: refusal.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use evidence::{Seen, object_kind};

    use super::*;

    #[test]
    fn an_object_that_cannot_be_read_is_left_out_alone() {
        let deep = format!("{}1{}", "[".repeat(400), "]".repeat(400));
        let page = format!(
            r#"{{"kind":"PodList","metadata":{{"continue":""}},"items":[
            {{"metadata":{{"name":"a","namespace":"n"}}}},
            {{"metadata":{{"name":"b","namespace":"n"}},"spec":{{"x":{deep}}}}},
            {{"metadata":{{"name":"c"}},"spec":"\ud800"}}, 7, null, {{"metadata":7}},
            {{"metadata":{{"name":"d","namespace":"n"}},"spec":{{"nodeName":"x"}}}}]}}"#
        );
        let kind = object_kind("/api/v1/pods").unwrap();
        let mut objects = Objects::of(kind);
        assert_eq!(take(page.as_bytes(), kind, &mut objects, 1000).unwrap(), None);
        let Seen::Objects(list) = objects.finish(None) else { panic!("objects") };
        assert_eq!(list.count, 2, "{}", list.text.to_lossy());
        assert_eq!(list.left_out.len(), 5, "{:?}", list.left_out);
        assert!(list.left_out[0].starts_with("n/b: ") && list.left_out[1].starts_with("c: "), "{:?}", list.left_out);
    }

    #[test]
    fn another_answer_than_the_list_is_none() {
        let kind = object_kind("/api/v1/pods").unwrap();
        for page in [
            "",
            "{",
            "[]",
            "{}",
            r#"{"kind":"SecretList","items":[]}"#,
            r#"{"kind":"PodList","items":{}}"#,
            r#"{"kind":"PodList"}"#,
        ] {
            assert!(take(page.as_bytes(), kind, &mut Objects::of(kind), 1000).is_err(), "{page}");
        }
        for empty in
            [r#"{"kind":"PodList","items":[]}"#, r#"{"kind":"PodList","items":null,"metadata":{"continue":null}}"#]
        {
            assert_eq!(take(empty.as_bytes(), kind, &mut Objects::of(kind), 1000), Ok(None));
        }
    }
}
