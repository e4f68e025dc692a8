//! "Did you mean".

use std::cmp::Reverse;

/// Names longer than this are not compared: nobody misspells them, and comparing costs time with their square.
const MAX_CHARS: usize = 128;

/// The candidate that `name` most likely was meant to be: the nearest by edit distance, ignoring case, if it differs
/// in no more than a third of its letters. Of equally near ones that which begins like it for longest, then the first.
///
/// ```
/// assert_eq!(diag::suggest("remedation", ["title", "remediation"]), Some("remediation".to_owned()));
/// assert_eq!(diag::suggest("colour", ["title", "remediation"]), None);
/// ```
pub fn suggest<C: AsRef<str>>(name: &str, candidates: impl IntoIterator<Item = C>) -> Option<String> {
    let length = name.chars().take(MAX_CHARS + 1).count();
    if length > MAX_CHARS {
        return None;
    }
    let limit = length.max(3) / 3;
    let name = name.to_lowercase();
    candidates
        .into_iter()
        .filter(|candidate| candidate.as_ref().len() <= 4 * MAX_CHARS)
        .map(|candidate| {
            let own = candidate.as_ref().to_lowercase();
            let alike = name.chars().zip(own.chars()).take_while(|(one, other)| one == other).count();
            ((strsim::osa_distance(&name, &own), Reverse(alike)), candidate)
        })
        .filter(|((distance, _), _)| *distance <= limit)
        .min_by_key(|(nearness, _)| *nearness)
        .map(|(_, candidate)| candidate.as_ref().to_owned())
}

#[cfg(test)]
mod tests {
    use super::suggest;

    #[test]
    fn the_nearest_name_is_suggested_and_a_strange_one_is_not() {
        let known =
            ["control", "title", "priority", "kube-apiserver.anonymous-paths", "kubelet.clientCAFile", "any", "all"];
        for (name, meant) in [
            ("titel", Some("title")),
            ("Control", Some("control")),
            ("prioirty", Some("priority")),
            ("kube-apiserver.anonymos-path", Some("kube-apiserver.anonymous-paths")),
            ("kubelet.clientCaFile", Some("kubelet.clientCAFile")),
            ("al", Some("all")),
            ("", None),
            ("x", None),
            ("severity", None),
        ] {
            assert_eq!(suggest(name, known).as_deref(), meant, "{name}");
        }
        // As near as the first is, and meant.
        assert_eq!(suggest("cis-2.0", ["cis-1.9", "cis-2.0.1"]).as_deref(), Some("cis-2.0.1"));
        assert_eq!(suggest(&"a".repeat(100_000), ["a".repeat(100_001)]), None);
    }
}
