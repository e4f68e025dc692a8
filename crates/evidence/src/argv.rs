//! The lexical side of command lines: which arguments name a flag, and what follows. What a flag means, `assess` knows.

use crate::OsText;

/// Splits an argument into a flag's name (dashes stripped, `_` read as `-`) and the value after `=`, if there is one.
/// None if the argument is no flag.
pub fn split_flag(argument: &OsText) -> Option<(String, Option<OsText>)> {
    let bytes = argument.as_bytes();
    let name = bytes.strip_prefix(b"--").or_else(|| bytes.strip_prefix(b"-"))?;
    let (name, value) = match name.iter().position(|byte| *byte == b'=') {
        Some(at) => (&name[..at], Some(OsText::from(&name[at + 1..]))),
        None => (name, None),
    };
    let name = std::str::from_utf8(name).ok().filter(|name| !name.is_empty() && !name.starts_with('-'))?;
    Some((name.replace('_', "-"), value))
}

/// Every value that an argument list gives to any of these flags, as `--a=v` or `--a v`.
pub(crate) fn flag_values(argv: &[OsText], names: &[String]) -> Vec<Vec<u8>> {
    let mut values = Vec::new();
    for (at, argument) in argv.iter().enumerate().skip(1) {
        let Some((name, value)) = split_flag(argument) else { continue };
        if !names.contains(&name) {
            continue;
        }
        let next = || argv.get(at + 1).filter(|next| !next.as_bytes().starts_with(b"-")).cloned();
        if let Some(value) = value.or_else(next)
            && !value.is_empty()
        {
            values.push(value.as_bytes().to_vec());
        }
    }
    values
}

/// Every value that a text gives to any of these flags: its words are taken for arguments.
pub(crate) fn flags_in(text: &[u8], names: &[String]) -> Vec<Vec<u8>> {
    let apart = |byte: &u8| byte.is_ascii_whitespace() || b"\"'[]{},$".contains(byte);
    // `NAME=--flag=value` is how units put flags into variables.
    let bare = |word| match find(word, b"=--") {
        Some(at) if !word.starts_with(b"-") => &word[at + 1..],
        _ => word,
    };
    let words = text.split(apart).filter(|word| !word.is_empty()).map(|word| OsText::from(bare(word)));
    let words: Vec<OsText> = std::iter::once(OsText::default()).chain(words).collect();
    flag_values(&words, names)
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_found_however_it_is_spelt() {
        let check = |argv: &[&str], expect: &[&str]| {
            let argv: Vec<OsText> = argv.iter().map(|text| OsText::from(*text)).collect();
            let got: Vec<String> = flag_values(&argv, &["config-dir".to_owned()])
                .into_iter()
                .map(|value| String::from_utf8(value).unwrap())
                .collect();
            assert_eq!(got, expect, "{argv:?}");
        };
        check(&["kubelet", "--config-dir=/a"], &["/a"]);
        check(&["kubelet", "--config_dir", "/a"], &["/a"]);
        check(&["etcd", "-config-dir", "/a", "--config-dir=/b"], &["/a", "/b"]);
        check(&["kubelet", "--config-dir", "--v=2"], &[]);
        check(&["kubelet", "--config-dir="], &[]);
        check(&["kubelet", "--config-directory=/a", "config-dir=/a", "--"], &[]);
        check(&["--config-dir=/a"], &[]);
    }

    #[test]
    fn flags_are_found_in_manifests_and_units() {
        let names = ["config".to_owned()];
        for text in [
            "  - command:\n    - kube-scheduler\n    - --config=/a.yaml\n",
            "{\"command\":[\"kubelet\",\"--config=/a.yaml\",\"--x\"]}",
            "Environment=\"KUBELET_CONFIG_ARGS=--config=/a.yaml\"\n",
            "ExecStart=/usr/bin/kubelet --config /a.yaml $MORE\n",
        ] {
            assert_eq!(flags_in(text.as_bytes(), &names), [b"/a.yaml"], "{text}");
        }
    }
}
