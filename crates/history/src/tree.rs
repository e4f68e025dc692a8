//! A JSON value as a tree of parts, so that what is unchanged between runs is stored once.
//!
//! A part is bytes, named by their digest. A value that is not small is moved into a part of its own, and a reference
//! stands in its place: `{"@": DIGEST}` for a value, `{"@+": DIGEST}` within a list for several members of it, and
//! `{"@=": DIGEST}` for bytes that are no JSON. A key of the value itself that begins with `@` is written with another
//! one before it, so nothing that was recorded can be taken for a reference.
//!
//! Long lists are cut where a member's own digest says so: what is put in or taken out changes the cuts near it alone.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{Digest, HistoryError};

/// A value up to so many bytes stays where it is: a reference and a part's row cost about 150.
const SMALL: usize = 512;
/// The pieces of a list have at least so many bytes …
const PIECE_FROM: usize = 1 << 10;
/// … and are closed at so many, whatever the digests say.
const PIECE_TO: usize = 8 << 10;
/// At most so many bytes are one part.
pub(crate) const MAX_PART: usize = 256 << 20;
/// At most so many bytes of parts make one value.
const MAX_VALUE: usize = 1 << 30;
/// At most so deep may a value be, over all its parts.
const MAX_DEPTH: usize = 256;

const VALUE: &str = "@";
const MEMBERS: &str = "@+";
const BYTES: &str = "@=";

/// What a reference leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Leads {
    /// To a part that is JSON, and may hold references itself.
    Tree,
    /// To bytes as they are.
    Bytes,
}

/// Where parts are had from.
pub(crate) trait Parts {
    /// The bytes with this digest. None: they are not there.
    fn part(&mut self, digest: Digest) -> Result<Option<Vec<u8>>, HistoryError>;

    /// The same, where their absence is damage.
    fn needed(&mut self, digest: Digest) -> Result<Vec<u8>, HistoryError> {
        self.part(digest)?.ok_or_else(|| HistoryError::Damaged(format!("part {digest} is missing")))
    }
}

/// Parts that are about to be stored.
#[derive(Debug, Default)]
pub(crate) struct Packed<'b> {
    pub parts: BTreeMap<Digest, Cow<'b, [u8]>>,
}

impl<'b> Packed<'b> {
    /// Takes bytes as they are.
    pub(crate) fn bytes(&mut self, bytes: &'b [u8]) -> Digest {
        let digest = Digest::of(bytes);
        self.parts.entry(digest).or_insert(Cow::Borrowed(bytes));
        digest
    }

    /// The same, where nobody else keeps them.
    pub(crate) fn owned(&mut self, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        self.parts.entry(digest).or_insert_with(|| Cow::Owned(bytes.to_vec()));
        digest
    }

    /// Takes a value; its root is a part.
    pub(crate) fn value(&mut self, value: &Value) -> Digest {
        let text = self.pack(value);
        self.keep(text)
    }

    /// Takes an object of packed values; its root is a part.
    pub(crate) fn object(&mut self, fields: Vec<(&str, String)>) -> Digest {
        let fields: Vec<_> = fields.into_iter().map(|(key, text)| (key, self.reduced(text))).collect();
        self.keep(object(fields))
    }

    /// Takes a list of packed members; its root is a part.
    pub(crate) fn root(&mut self, members: Vec<String>) -> Digest {
        let members = members.into_iter().map(|member| self.reduced(member)).collect();
        let text = self.list(members);
        self.keep(text)
    }

    fn keep(&mut self, text: String) -> Digest {
        let digest = Digest::of(text.as_bytes());
        self.parts.entry(digest).or_insert_with(|| Cow::Owned(text.into_bytes()));
        digest
    }

    /// A value as the text of a part.
    pub(crate) fn pack(&mut self, value: &Value) -> String {
        match value {
            Value::Array(members) => {
                let members = members.iter().map(|member| self.child(member)).collect();
                self.list(members)
            }
            Value::Object(fields) => {
                object(fields.iter().map(|(key, value)| (key.as_str(), self.child(value))).collect::<Vec<_>>())
            }
            scalar => scalar.to_string(),
        }
    }

    /// A member of a list, or a field, as it stands there.
    pub(crate) fn child(&mut self, value: &Value) -> String {
        let text = self.pack(value);
        self.reduced(text)
    }

    /// A packed value, or a reference to it.
    fn reduced(&mut self, text: String) -> String {
        if text.len() <= SMALL { text } else { reference(VALUE, self.keep(text)) }
    }

    /// A list of packed members. Each round makes several members one, so it ends.
    pub(crate) fn list(&mut self, mut members: Vec<String>) -> String {
        loop {
            let mut pieces: Vec<Vec<String>> = Vec::new();
            let mut open: Vec<String> = Vec::new();
            let mut size = 0;
            for member in members {
                size += member.len();
                let cut = Digest::of(member.as_bytes()).0[0] < 64;
                open.push(member);
                if open.len() > 1 && (size >= PIECE_TO || size >= PIECE_FROM && cut) {
                    pieces.push(std::mem::take(&mut open));
                    size = 0;
                }
            }
            if pieces.is_empty() || pieces.len() == 1 && open.is_empty() {
                return format!("[{}]", pieces.into_iter().flatten().chain(open).collect::<Vec<_>>().join(","));
            }
            let pieces = pieces.into_iter().map(|piece| self.keep(format!("[{}]", piece.join(","))));
            let pieces: Vec<String> = pieces.map(|digest| reference(MEMBERS, digest)).collect();
            members = pieces.into_iter().chain(open).collect();
        }
    }
}

/// A reference to bytes, as a packed value.
pub(crate) fn to_bytes(digest: Digest) -> String {
    reference(BYTES, digest)
}

fn reference(kind: &str, digest: Digest) -> String {
    format!(r#"{{"{kind}":"{digest}"}}"#)
}

fn object<'k>(fields: impl IntoIterator<Item = (&'k str, String)>) -> String {
    let fields = fields.into_iter().map(|(key, text)| {
        let key = if key.starts_with('@') { format!("@{key}") } else { key.to_owned() };
        format!("{}:{text}", Value::from(key))
    });
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

/// What a value of a part is, if it is a reference.
pub(crate) fn referred(value: &Value) -> Result<Option<(Leads, Digest)>, HistoryError> {
    let Value::Object(fields) = value else { return Ok(None) };
    let Some((key, to)) = fields.iter().next() else { return Ok(None) };
    let leads = match key.as_str() {
        VALUE | MEMBERS => Leads::Tree,
        BYTES => Leads::Bytes,
        _ => return Ok(None),
    };
    let digest = to.as_str().filter(|_| fields.len() == 1).and_then(|digest| digest.parse().ok());
    digest
        .map(|digest| Some((leads, digest)))
        .ok_or_else(|| HistoryError::Damaged("a reference leads nowhere".to_owned()))
}

fn is_splice(member: &Value) -> bool {
    member.get(MEMBERS).is_some()
}

/// The JSON of a part.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, HistoryError> {
    serde_json::from_slice(bytes).map_err(|error| HistoryError::Damaged(format!("a part is no JSON: {error}")))
}

/// Every reference in the JSON of a part.
pub(crate) fn references(value: &Value, found: &mut Vec<(Leads, Digest)>) -> Result<(), HistoryError> {
    if let Some(reference) = referred(value)? {
        found.push(reference);
        return Ok(());
    }
    match value {
        Value::Array(members) => members.iter().try_for_each(|member| references(member, found)),
        Value::Object(fields) => fields.values().try_for_each(|value| references(value, found)),
        _ => Ok(()),
    }
}

/// Puts a value together again, within bounds: what is read may have been made to grow without end.
#[derive(Debug)]
pub(crate) struct Unpacker<P> {
    pub parts: P,
    left: usize,
}

impl<P: Parts> Unpacker<P> {
    pub(crate) fn new(parts: P) -> Self {
        Self { parts, left: MAX_VALUE }
    }

    /// The value whose root is this part.
    pub(crate) fn value(&mut self, root: Digest) -> Result<Value, HistoryError> {
        self.load(root, 0)
    }

    /// Bytes as they are.
    pub(crate) fn bytes(&mut self, digest: Digest) -> Result<Vec<u8>, HistoryError> {
        let bytes = self.parts.needed(digest)?;
        self.left = self
            .left
            .checked_sub(bytes.len())
            .ok_or_else(|| HistoryError::TooLarge(format!("a stored value has more than {MAX_VALUE} bytes")))?;
        Ok(bytes)
    }

    fn load(&mut self, digest: Digest, depth: usize) -> Result<Value, HistoryError> {
        let value = parse(&self.bytes(digest)?)?;
        self.resolve(value, depth + 1)
    }

    /// A value with the values that it refers to in their places. Bytes stay referred to.
    pub(crate) fn resolve(&mut self, value: Value, depth: usize) -> Result<Value, HistoryError> {
        if depth > MAX_DEPTH {
            return Err(HistoryError::TooLarge(format!("a stored value is deeper than {MAX_DEPTH}")));
        }
        match referred(&value)? {
            Some((Leads::Tree, digest)) => return self.load(digest, depth),
            Some((Leads::Bytes, _)) => return Ok(value),
            None => {}
        }
        Ok(match value {
            Value::Array(members) => {
                let mut all = Vec::with_capacity(members.len());
                for member in members {
                    let splice = is_splice(&member);
                    match self.resolve(member, depth + 1)? {
                        Value::Array(several) if splice => all.extend(several),
                        _ if splice => return Err(HistoryError::Damaged("members of a list are no list".to_owned())),
                        one => all.push(one),
                    }
                }
                Value::Array(all)
            }
            Value::Object(fields) => {
                let mut all = Map::new();
                for (key, value) in fields {
                    let key = key.strip_prefix('@').map(str::to_owned).unwrap_or(key);
                    all.insert(key, self.resolve(value, depth + 1)?);
                }
                Value::Object(all)
            }
            scalar => scalar,
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    impl Parts for &BTreeMap<Digest, Vec<u8>> {
        fn part(&mut self, digest: Digest) -> Result<Option<Vec<u8>>, HistoryError> {
            Ok(self.get(&digest).cloned())
        }
    }

    fn packed(value: &Value) -> (Digest, BTreeMap<Digest, Vec<u8>>) {
        let mut packed = Packed::default();
        let root = packed.value(value);
        (root, packed.parts.into_iter().map(|(digest, bytes)| (digest, bytes.into_owned())).collect())
    }

    fn unpacked(root: Digest, parts: &BTreeMap<Digest, Vec<u8>>) -> Result<Value, HistoryError> {
        Unpacker::new(parts).value(root)
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let key = prop_oneof!["@", "@\\+", "@=", "@@", "[a-z@]{0,3}", "\\PC{0,8}"];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[a-f0-9]{64}".prop_map(Value::from),
            "x{600,700}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 200, 40, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..40).prop_map(Value::from),
                prop::collection::vec((key.clone(), inner), 0..10)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_value_comes_back_exactly(value in any_json()) {
            let (root, parts) = packed(&value);
            let again = unpacked(root, &parts).unwrap();
            // As text, too: the order of keys and the digits of numbers are part of a value here.
            prop_assert_eq!(again.to_string(), value.to_string());
            prop_assert_eq!(again, value);
            let mut reached = vec![(Leads::Tree, root)];
            let mut at = 0;
            while let Some((_, digest)) = reached.get(at).copied() {
                references(&parse(&parts[&digest]).unwrap(), &mut reached).unwrap();
                at += 1;
            }
            prop_assert!(parts.keys().all(|part| reached.iter().any(|(_, digest)| digest == part)), "a part that nobody needs");
        }

        #[test]
        fn any_bytes_as_a_part_end_in_a_value_or_an_error(bytes: Vec<u8>, text in "[\\[\\]{}@+=\":,a0-9]{0,40}") {
            for bytes in [bytes, text.into_bytes()] {
                let root = Digest::of(&bytes);
                let _ = unpacked(root, &BTreeMap::from([(root, bytes)]));
            }
        }
    }

    /// A list as evidence has it.
    fn items(count: usize) -> Vec<Value> {
        (0..count).map(|at| json!({ "trail": format!("kubelet.{at}"), "seen": "x".repeat(at * 37 % 700) })).collect()
    }

    type Change = fn(&mut Vec<Value>);

    #[test]
    fn a_change_in_a_long_list_costs_little() {
        let before = items(3000);
        let (_, old) = packed(&Value::from(before.clone()));
        let all: usize = old.values().map(Vec::len).sum();
        let changes: [(&str, Change); 4] = [
            ("another member", |list| list[1500] = json!({ "trail": "other" })),
            ("one more", |list| list.insert(7, json!({ "trail": "other" }))),
            ("one less", |list| drop(list.remove(2000))),
            ("one at the end", |list| list.push(json!(1))),
        ];
        for (what, change) in changes {
            let mut after = before.clone();
            change(&mut after);
            let (root, new) = packed(&Value::from(after.clone()));
            assert_eq!(unpacked(root, &new).unwrap(), Value::from(after));
            let added: usize =
                new.iter().filter(|(part, _)| !old.contains_key(part)).map(|(_, bytes)| bytes.len()).sum();
            assert!(added < 24 << 10 && all > 500 << 10, "{what}: {added} bytes are new, of {all}");
        }
    }

    #[test]
    fn what_was_made_to_grow_is_refused() {
        // Each part holds the one before it ten times.
        let mut parts = BTreeMap::new();
        let mut text = format!("[{}]", "0,".repeat(500) + "0");
        for _ in 0..12 {
            let digest = Digest::of(text.as_bytes());
            parts.insert(digest, text.into_bytes());
            text = format!("[{}]", vec![reference(MEMBERS, digest); 10].join(","));
        }
        let root = Digest::of(text.as_bytes());
        parts.insert(root, text.into_bytes());
        let mut unpacker = Unpacker::new(&parts);
        unpacker.left = 1 << 20;
        assert!(matches!(unpacker.value(root), Err(HistoryError::TooLarge(_))));
        // Each part holds the one before it once.
        let mut text = "[]".to_owned();
        let mut parts = BTreeMap::new();
        for _ in 0..10_000 {
            let digest = Digest::of(text.as_bytes());
            parts.insert(digest, text.into_bytes());
            text = format!("[{}]", reference(VALUE, digest));
        }
        let root = Digest::of(text.as_bytes());
        parts.insert(root, text.into_bytes());
        assert!(matches!(unpacked(root, &parts), Err(HistoryError::TooLarge(_))));
        let bad = ["{\"@\":1}", "{\"@\":\"00\"}", "[{\"@+\":\"00\"}]", "{", "{\"@\":\"00\",\"a\":1}", "\u{fffd}"];
        for text in bad {
            let root = Digest::of(text.as_bytes());
            let parts = BTreeMap::from([(root, text.as_bytes().to_vec())]);
            assert!(matches!(unpacked(root, &parts), Err(HistoryError::Damaged(_))), "{text}");
        }
    }
}
