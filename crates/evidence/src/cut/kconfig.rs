//! A kernel's configuration: every line is a comment or an option; values in quotes and comments lose what looks like
//! a secret (a built-in command line can hold one).

use super::scrub::{in_text, unmistakable};
use super::{Edits, Kept};

pub(super) fn cut(text: &[u8]) -> Result<Kept, String> {
    let mut edits = Edits::default();
    let mut start = 0;
    let mut options = false;
    for (line, at) in text.split_inclusive(|byte| *byte == b'\n').zip(1..) {
        let own = line.trim_ascii_end();
        if is_off(own) {
            options = true;
        } else if own.starts_with(b"#") {
            // Headings: prose may speak of a basic class or a digest.
            edits.finds(start, &unmistakable(own));
        } else if let Some(value) = option(own) {
            options = true;
            if own[value..].starts_with(b"\"") {
                edits.finds(start + value, &in_text(&own[value..]));
            }
        } else if !own.is_empty() {
            return Err(format!("line {at} is no option of a kernel's configuration"));
        }
        start += line.len();
    }
    if options { Ok(edits.apply(text)) } else { Err("it has no option of a kernel's configuration".to_owned()) }
}

/// Where the value begins in `CONFIG_NAME=value`.
fn option(line: &[u8]) -> Option<usize> {
    let name = line.strip_prefix(b"CONFIG_")?;
    let equals = name.iter().position(|byte| *byte == b'=')?;
    let plain = equals > 0 && name[..equals].iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    plain.then_some(b"CONFIG_".len() + equals + 1)
}

/// `# CONFIG_NAME is not set`.
fn is_off(line: &[u8]) -> bool {
    let name = line.strip_prefix(b"# CONFIG_").and_then(|rest| rest.strip_suffix(b" is not set"));
    name.is_some_and(|name| !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_'))
}
