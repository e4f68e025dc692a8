//! What the kernel shows of itself: values below `/proc` and `/sys`, and its command line.

use std::collections::BTreeSet;

use crate::cut::shaped_secret;
use crate::{Seen, Text};

/// Longer values than this are none: a sysctl, a lockdown state, a line on a CPU flaw.
pub(crate) const LONGEST_VALUE: usize = 4096;

/// As many bytes of a value may be no text: an EFI variable.
const LONGEST_RAW: usize = 16;

/// What stands for the value of a parameter that was not asked for.
const NOT_TAKEN: &str = "<not taken>";

/// Names longer than this are no parameter's, and longer values no switch's.
const LONGEST_NAME: usize = 64;
const LONGEST_SWITCH: usize = 256;

/// Settings that only `CAP_SYS_ADMIN` in the machine's first user namespace may read, and that only its first network
/// namespace has (`proc_dointvec_minmax_bpf_restricted` of `net/core/sysctl_net_core.c`).
pub const OF_THE_ADMINISTRATOR: [&str; 3] =
    ["net.core.bpf_jit_harden", "net.core.bpf_jit_kallsyms", "net.core.bpf_jit_limit"];

/// Whether a path is below where the kernel shows itself as files, and not on a disk.
pub fn is_kernels(path: &[u8]) -> bool {
    path.starts_with(b"/proc/") || path.starts_with(b"/sys/")
}

/// The file that shows a setting.
pub fn setting_path(key: &str) -> String {
    format!("/proc/sys/{}", key.replace('.', "/"))
}

/// The directory of an absolute path; of the root, itself.
pub fn parent_of(path: &str) -> String {
    match path.trim_end_matches('/').rsplit_once('/') {
        Some(("", _)) | None => "/".to_owned(),
        Some((above, _)) => above.to_owned(),
    }
}

/// The key of the setting that a file shows; none: it is no setting's file.
pub fn setting_key(path: &str) -> Option<String> {
    Some(path.strip_prefix("/proc/sys/")?.replace('/', "."))
}

/// A parameter of a kernel command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name as it was given.
    pub name: String,
    /// Its value without quotes; none: the bare name was given.
    pub value: Option<String>,
}

impl Parameter {
    /// Whether the value stands there, and was not left out when the command line was taken.
    pub fn taken(&self) -> bool {
        self.value.as_deref() != Some(NOT_TAKEN) && self.name != NOT_TAKEN
    }
}

/// Whether two names are the same parameter's: the kernel takes `-` and `_` alike (`parameq` of kernel/params.c).
pub fn same_parameter(left: &str, right: &str) -> bool {
    let plain = |byte: u8| if byte == b'-' { b'_' } else { byte };
    left.len() == right.len() && left.bytes().map(plain).eq(right.bytes().map(plain))
}

/// The kernel's parameters in a command line, in order, as the kernel reads them (`next_arg` of lib/cmdline.c): parted
/// at blanks outside of double quotes; what follows `--` is for the first process.
pub fn parameters(line: &str) -> Vec<Parameter> {
    let mut found = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let quoted = rest.starts_with('"');
        let argument = if quoted { &rest[1..] } else { rest };
        let mut inside = quoted;
        let (mut equals, mut end) = (None, argument.len());
        for (at, c) in argument.char_indices() {
            match c {
                c if c.is_ascii_whitespace() && !inside => {
                    end = at;
                    break;
                }
                '=' if equals.is_none() && at > 0 => equals = Some(at),
                '"' => inside = !inside,
                _ => {}
            }
        }
        let (argument, after) = argument.split_at(end);
        rest = after.trim_start();
        let whole = if quoted { argument.strip_suffix('"').unwrap_or(argument) } else { argument };
        match equals {
            None if whole == "--" => break,
            None if whole.is_empty() => {}
            None => found.push(Parameter { name: whole.to_owned(), value: None }),
            Some(at) => {
                let value = whole.get(at + 1..).unwrap_or_default();
                let inner = value.strip_prefix('"').map(|value| value.strip_suffix('"').unwrap_or(value));
                found.push(Parameter { name: whole[..at].to_owned(), value: Some(inner.unwrap_or(value).to_owned()) });
            }
        }
    }
    found
}

/// A kernel command line as an observation: the names of all parameters, and the values of those in `names`. The rest
/// may hold addresses, disks and secrets.
pub fn take_parameters(names: &BTreeSet<String>, bytes: &[u8]) -> Seen {
    let Ok(line) = std::str::from_utf8(bytes) else {
        return Seen::Withheld { why: "it is no text".to_owned() };
    };
    if line.trim_end().contains('\n') {
        return Seen::Withheld { why: "it is no kernel command line: it has several lines".to_owned() };
    }
    let kept = parameters(line).into_iter().map(|parameter| {
        let Parameter { name, value } = parameter;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-,:/@[]".contains(&byte);
        if name.len() > LONGEST_NAME || !name.bytes().all(plain) {
            return format!("\"{NOT_TAKEN}\"");
        }
        let wanted = names.iter().any(|wanted| same_parameter(wanted, &name));
        match value {
            Some(value) if wanted && value.len() <= LONGEST_SWITCH && !value.contains('"') => {
                if value.contains(|c: char| c.is_ascii_whitespace()) {
                    format!("{name}=\"{value}\"")
                } else {
                    format!("{name}={value}")
                }
            }
            Some(_) => format!("{name}=\"{NOT_TAKEN}\""),
            None => name,
        }
    });
    let kept: Vec<String> = kept.collect();
    Seen::Text(Text::new(kept.join(" ").into_bytes(), Vec::new()))
}

/// A value that the kernel shows as a file: one line of text, without its end, or a few raw bytes.
pub fn take_value(bytes: &[u8]) -> Seen {
    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let text = line.iter().all(|byte| (b' '..=b'~').contains(byte) || *byte == b'\t');
    if line.len() > LONGEST_VALUE || (!text && bytes.len() > LONGEST_RAW) {
        return Seen::Withheld { why: "it is no single value".to_owned() };
    }
    if shaped_secret(line) {
        return Seen::Withheld { why: "it looks like a secret".to_owned() };
    }
    Seen::Text(Text::new(if text { line.to_vec() } else { bytes.to_vec() }, Vec::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Vec<(String, Option<String>)> {
        parameters(line).into_iter().map(|parameter| (parameter.name, parameter.value)).collect()
    }

    fn taken(names: &[&str], line: &str) -> String {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        match take_parameters(&names, line.as_bytes()) {
            Seen::Text(text) => text.to_lossy().into_owned(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn command_lines_are_read_as_the_kernel_reads_them() {
        let none = None::<String>;
        let some = |text: &str| Some(text.to_owned());
        for (line, expected) in [
            ("", vec![]),
            ("  quiet\t ro\n", vec![("quiet", none.clone()), ("ro", none.clone())]),
            ("slab_nomerge=", vec![("slab_nomerge", some(""))]),
            ("a=b=c", vec![("a", some("b=c"))]),
            ("a=\"b c\" d", vec![("a", some("b c")), ("d", none.clone())]),
            ("\"a=b c\" d", vec![("a", some("b c")), ("d", none.clone())]),
            ("a=b\" \"c d", vec![("a", some("b\" \"c")), ("d", none.clone())]),
            ("a=\"open to the end", vec![("a", some("open to the end"))]),
            ("pti=on -- pti=off init", vec![("pti", some("on"))]),
            ("pti=on --x", vec![("pti", some("on")), ("--x", none.clone())]),
            ("=x", vec![("=x", none)]),
            ("\"", vec![]),
        ] {
            let expected: Vec<_> = expected.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            assert_eq!(read(line), expected, "{line}");
        }
        assert!(same_parameter("init-on-alloc", "init_on_alloc") && !same_parameter("pti", "nopti"));
    }

    #[test]
    fn only_values_that_were_asked_for_are_taken() {
        assert_eq!(
            taken(&["pti"], "root=UUID=1 pti=on rd.luks.key=abc quiet -- secret"),
            "root=\"<not taken>\" pti=on rd.luks.key=\"<not taken>\" quiet"
        );
        assert_eq!(taken(&["init_on_alloc"], "init-on-alloc=1"), "init-on-alloc=1");
        assert_eq!(taken(&["lsm"], "lsm=\"a b\" pw$=x"), "lsm=\"a b\" \"<not taken>\"");
        assert!(taken(&[], "a\nb").contains("several lines"));
        let kept = parameters(&taken(&["pti"], "root=x pti=on"));
        assert_eq!(kept.iter().map(Parameter::taken).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn a_value_is_one_line_or_a_few_bytes() {
        let value = |bytes: &[u8]| match take_value(bytes) {
            Seen::Text(text) => Some(text.bytes.to_vec()),
            _ => None,
        };
        assert_eq!(value(b"1\n").as_deref(), Some(&b"1"[..]));
        assert_eq!(value(b"4\t4\t1\t7\n").as_deref(), Some(&b"4\t4\t1\t7"[..]));
        assert_eq!(value(b"\x06\0\0\0\x01").as_deref(), Some(&b"\x06\0\0\0\x01"[..]));
        assert_eq!(value(b"").as_deref(), Some(&b""[..]));
        assert_eq!(value(b"a\nb\nc and more than sixteen\n"), None);
        assert_eq!(value(&vec![b'a'; LONGEST_VALUE + 1]), None);
    }

    proptest::proptest! {
        #[test]
        fn what_was_kept_reads_as_it_read(line in "[a-z_.=\" -]{0,60}") {
            let names: BTreeSet<String> = parameters(&line).into_iter().map(|parameter| parameter.name).collect();
            if let Seen::Text(kept) = take_parameters(&names, line.as_bytes()) {
                let before: Vec<_> = parameters(&line);
                let after = parameters(&kept.to_lossy());
                proptest::prop_assert_eq!(before.len(), after.len());
                for (before, after) in before.iter().zip(&after) {
                    proptest::prop_assert!(!after.taken() || before == after, "{:?} {:?}", before, after);
                }
            }
        }

        #[test]
        fn any_bytes_are_taken_or_withheld(bytes: Vec<u8>) {
            let _ = take_value(&bytes);
            let _ = take_parameters(&BTreeSet::new(), &bytes);
        }
    }
}
