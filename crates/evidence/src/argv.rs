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
}
