//! Secrets in running text: by the name before them, and by their own shape.

use std::ops::Range;

use crate::{CutNote, OsText};

/// Something to remove from a text.
#[derive(Debug)]
pub(super) struct Find {
    pub(super) at: Range<usize>,
    pub(super) what: String,
}

/// Words in the names of secrets, without case and punctuation.
const SECRET: [&str; 16] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
    "apikey",
    "accesskey",
    "privatekey",
    "keydata",
    "authheader",
    "authkey",
    "bearer",
    "certificatekey",
    "dockercfg",
    "dockerconfigjson",
];

/// How names end that speak of a secret and hold none.
const ABOUT: [&str; 25] = [
    "file",
    "files",
    "path",
    "paths",
    "dir",
    "ttl",
    "url",
    "uri",
    "mode",
    "expiration",
    "namespace",
    "name",
    "audience",
    "audiences",
    "issuer",
    "policy",
    "strategy",
    "version",
    "seconds",
    "interval",
    "timeout",
    "lookup",
    "type",
    "kind",
    "syncs",
];

/// What stands where something was cut.
pub(crate) fn marker(bytes: usize) -> String {
    format!("<removed: {bytes} bytes>")
}

/// Whether a value was cut before.
pub(super) fn is_marker(value: &[u8]) -> bool {
    let digits = value.strip_prefix(b"<removed: ").and_then(|rest| rest.strip_suffix(b" bytes>"));
    digits.is_some_and(|digits| (1..=20).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit))
}

/// Whether a key, flag or variable of this name holds a secret.
pub(super) fn names_secret(name: &[u8]) -> bool {
    let plain: String = name
        .iter()
        .filter(|byte| byte.is_ascii_alphanumeric())
        .map(|byte| char::from(byte.to_ascii_lowercase()))
        .collect();
    let secret = SECRET.iter().any(|word| plain.contains(word)) || plain.ends_with("authorization") || plain == "auth";
    secret && !ABOUT.iter().any(|word| plain.ends_with(word))
}

/// Whether the value of a secret's name is plainly no secret.
pub(super) fn harmless(name: &[u8], value: &[u8]) -> bool {
    let Ok(value) = std::str::from_utf8(value) else { return false };
    let value = value.trim();
    if value.is_empty() || is_marker(value.as_bytes()) || is_path(value) {
        return true;
    }
    // People do choose 123456.
    let pass = name.windows(4).any(|part| part.eq_ignore_ascii_case(b"pass"));
    matches!(value, "true" | "false" | "True" | "False" | "null" | "~") || !pass && is_quantity(value)
}

/// A short number or duration: `30`, `2m`, `1h30m0s`.
fn is_quantity(value: &str) -> bool {
    let units = value.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    value.len() <= 12
        && value.starts_with(|c: char| c.is_ascii_digit())
        && units.chars().all(|c| c.is_ascii_digit() || "nuµmshd.".contains(c))
        && (units.is_empty() || value.ends_with(|c: char| c.is_ascii_alphabetic()))
}

/// An absolute path of two steps or more. Base64 may begin with a slash too, but mixes its letters.
fn is_path(value: &str) -> bool {
    let mixed = |step: &str| {
        step.len() >= 12
            && step.bytes().any(|byte| byte.is_ascii_uppercase())
            && step.bytes().any(|byte| byte.is_ascii_lowercase())
            && step.bytes().any(|byte| byte.is_ascii_digit())
    };
    let Some(steps) = value.strip_prefix('/') else { return false };
    steps.contains('/')
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-@:".contains(&byte))
        && !steps.split('/').any(mixed)
}

/// Replaces what was found, and tells what.
pub(super) fn remove(text: &[u8], finds: &[Find]) -> (Vec<u8>, Vec<CutNote>) {
    let mut out = Vec::with_capacity(text.len());
    let mut from = 0;
    for find in finds {
        out.extend_from_slice(&text[from..find.at.start]);
        out.extend_from_slice(marker(find.at.len()).as_bytes());
        from = find.at.end;
    }
    out.extend_from_slice(&text[from..]);
    (out, finds.iter().map(note).collect())
}

pub(super) fn note(find: &Find) -> CutNote {
    CutNote { what: find.what.clone(), bytes: find.at.len() as u64 }
}

/// All secrets in a running text, in order, without overlap.
pub(super) fn in_text(text: &[u8]) -> Vec<Find> {
    let mut finds = shaped(text);
    named(text, &mut finds);
    tidy(finds)
}

/// Secrets that their own shape betrays, whatever the place.
pub(super) fn shaped(text: &[u8]) -> Vec<Find> {
    let mut finds = unmistakable(text);
    schemes(text, &mut finds);
    tidy(finds)
}

/// Those of them that no prose resembles.
pub(super) fn unmistakable(text: &[u8]) -> Vec<Find> {
    let mut finds = Vec::new();
    pem_keys(text, &mut finds);
    encoded_keys(text, &mut finds);
    web_tokens(text, &mut finds);
    url_passwords(text, &mut finds);
    finds
}

/// Sorts, and joins what overlaps.
fn tidy(mut finds: Vec<Find>) -> Vec<Find> {
    finds.sort_by_key(|find| (find.at.start, std::cmp::Reverse(find.at.end)));
    let mut tidy: Vec<Find> = Vec::with_capacity(finds.len());
    for find in finds {
        match tidy.last_mut() {
            Some(last) if find.at.start < last.at.end => last.at.end = last.at.end.max(find.at.end),
            _ => tidy.push(find),
        }
    }
    tidy
}

/// One argument of a command line. `flag` is the name of the argument before, if that was a secret's flag whose value
/// may stand here.
pub(super) fn in_argument(argument: &[u8], flag: &mut Option<String>) -> Vec<Find> {
    let dashes = argument.iter().take_while(|byte| **byte == b'-').count();
    let bare = &argument[dashes..];
    let equals = bare.iter().position(|byte| *byte == b'=');
    let name = &bare[..equals.unwrap_or(bare.len())];
    let is_flag =
        dashes > 0 && name.first().is_some_and(u8::is_ascii_lowercase) && !name.iter().any(u8::is_ascii_uppercase);
    // A value may begin with a dash as well, but flags are written in small letters.
    if let Some(what) = flag.take()
        && !is_flag
    {
        let keep = harmless(what.as_bytes(), argument);
        return if keep { Vec::new() } else { vec![Find { at: 0..argument.len(), what }] };
    }
    if (dashes > 0 || equals.is_some()) && name.iter().all(|byte| is_name_byte(*byte)) && names_secret(name) {
        let prefix = if dashes > 0 { "flag --" } else { "" };
        let what = format!("{prefix}{}", String::from_utf8_lossy(name));
        let Some(equals) = equals else {
            *flag = Some(what);
            return Vec::new();
        };
        let value = dashes + equals + 1;
        let keep = harmless(name, &argument[value..]);
        return if keep { Vec::new() } else { vec![Find { at: value..argument.len(), what }] };
    }
    in_text(argument)
}

/// Arguments without their secrets, and what was cut.
///
/// A flag's value is cut if the flag's name speaks of a secret, unless the value is plainly none (a truth value, a
/// number, a path) or the name is about a secret's file, lifetime and the like.
pub fn scrub_argv(argv: Vec<OsText>) -> (Vec<OsText>, Vec<CutNote>) {
    let mut notes = Vec::new();
    let mut flag = None;
    let scrub = |argument: OsText| {
        let finds = in_argument(argument.as_bytes(), &mut flag);
        if finds.is_empty() {
            return argument;
        }
        let (kept, cut) = remove(argument.as_bytes(), &finds);
        notes.extend(cut);
        OsText::from(kept)
    };
    (argv.into_iter().map(scrub).collect(), notes)
}

/// The value of an environment variable without its secrets, and the first thing that was cut.
pub fn scrub_env(name: &str, value: OsText) -> (OsText, Option<CutNote>) {
    let finds = in_value(name.as_bytes(), value.as_bytes());
    if finds.is_empty() {
        return (value, None);
    }
    let (kept, notes) = remove(value.as_bytes(), &finds);
    (OsText::from(kept), notes.into_iter().next())
}

/// The value of a name: all of it, or the secrets in it.
pub(super) fn in_value(name: &[u8], value: &[u8]) -> Vec<Find> {
    if names_secret(name) && !harmless(name, value) {
        return vec![Find { at: 0..value.len(), what: String::from_utf8_lossy(name).into_owned() }];
    }
    in_text(value)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`')
}

/// What can stand in base64, of both alphabets, and in opaque tokens.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=._~-".contains(&byte)
}

/// The end of the run of bytes that satisfy `holds`.
fn run(text: &[u8], from: usize, holds: impl Fn(u8) -> bool) -> usize {
    text[from..].iter().position(|byte| !holds(*byte)).map_or(text.len(), |len| from + len)
}

fn find(text: &[u8], from: usize, word: &[u8]) -> Option<usize> {
    text.get(from..)?.windows(word.len()).position(|window| window == word).map(|at| from + at)
}

/// `token=…`, `"token": "…"`, `--token …` anywhere in a text such as a shell command.
fn named(text: &[u8], finds: &mut Vec<Find>) {
    let mut at = 0;
    while at < text.len() {
        if !is_name_byte(text[at]) {
            at += 1;
            continue;
        }
        let start = at;
        at = run(text, start, is_name_byte);
        let name = &text[start..at];
        if !names_secret(name) {
            continue;
        }
        let opening = start.checked_sub(1).map(|before| text[before]).filter(|byte| is_quote(*byte));
        let Some(value) = value_after(text, at, name.starts_with(b"-")) else { continue };
        let value = match (text.get(at), opening) {
            // `"token=a b"`: the quotes are around both. In `"--token=a b --v=2"` they are around more.
            (Some(b'='), Some(quote)) => {
                let end = run(text, value.start, |byte| byte != quote);
                let next = find(&text[..end], value.start, b" -").filter(|_| name.starts_with(b"-"));
                value.start..next.unwrap_or(end)
            }
            _ => value,
        };
        at = value.end.max(at);
        if !harmless(name, &text[value.clone()]) {
            finds.push(Find { at: value, what: String::from_utf8_lossy(name).into_owned() });
        }
    }
}

/// The value that belongs to the name which ended at `end`, if one follows.
fn value_after(text: &[u8], end: usize, flag: bool) -> Option<Range<usize>> {
    let mut at = end;
    if text.get(at) == Some(&b'\\') && text.get(at + 1).is_some_and(|byte| is_quote(*byte)) {
        at += 1;
    }
    if text.get(at).is_some_and(|byte| is_quote(*byte)) {
        at += 1;
    }
    let closed = at > end;
    let blanks = run(text, at, is_blank);
    let after = text.get(blanks + 1).copied();
    let mut header = false;
    let mut value = match text.get(blanks) {
        Some(b'=') if after != Some(b'=') => run(text, blanks + 1, is_blank),
        Some(b':') if blanks == at && (closed || after.is_some_and(|byte| is_blank(byte) || is_quote(byte))) => {
            header = !closed;
            run(text, blanks + 1, is_blank)
        }
        // The next word, also on the next line of a script.
        _ if flag => {
            let word = run(text, at, |byte| byte.is_ascii_whitespace() || byte == b'\\');
            if word == at || text.get(word) == Some(&b'-') {
                return None;
            }
            word
        }
        _ => return None,
    };
    if text[value..].starts_with(b"<removed: ") {
        let end = run(text, value, |byte| byte != b'>');
        return Some(value..(end + 1).min(text.len()));
    }
    if text.get(value) == Some(&b'\\') && text.get(value + 1).is_some_and(|byte| is_quote(*byte)) {
        value += 1;
    }
    let Some(quote) = text.get(value).copied().filter(|byte| is_quote(*byte)) else {
        // `Authorization: …` goes on to the end of its line.
        let ends = |byte: u8| match byte {
            b'\r' | b'\n' | b'"' | b'\'' | b'`' => true,
            byte => !header && (byte.is_ascii_whitespace() || b",;}])&".contains(&byte)),
        };
        return Some(value..run(text, value, |byte| !ends(byte)));
    };
    let mut end = value + 1;
    while end < text.len() && text[end] != quote {
        end += if text[end] == b'\\' && text.get(end + 1) != Some(&quote) { 2 } else { 1 };
    }
    let end = end.min(text.len());
    // An escaped quote belongs to the text around.
    let inner = if text[..end].ends_with(b"\\") { end - 1 } else { end };
    Some(value + 1..inner.max(value + 1))
}

/// PEM blocks of private keys, of every kind.
fn pem_keys(text: &[u8], finds: &mut Vec<Find>) {
    let mut from = 0;
    while let Some(start) = find(text, from, b"-----BEGIN ") {
        from = start + 11;
        let label = &text[from..text.len().min(from + 64)];
        let Some(label) = find(label, 0, b"-----").map(|end| &label[..end]) else { continue };
        if find(label, 0, b"PRIVATE KEY").is_none() {
            continue;
        }
        let end = find(text, from, b"-----END ")
            .and_then(|end| find(text, end + 9, b"-----"))
            .map_or(text.len(), |end| end + 5);
        finds.push(Find { at: start..end, what: "private key".into() });
        from = end;
    }
}

/// The same in base64, as kubeconfigs hold them.
fn encoded_keys(text: &[u8], finds: &mut Vec<Find>) {
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
    let mut from = 0;
    while let Some(start) = find(text, from, b"LS0tLS1CRUdJTi") {
        let mut end = run(text, start, is_base64);
        let mut line = end - start;
        // Wrapped base64: full lines, and one shorter.
        while (40..=80).contains(&line) {
            let next = run(text, end, |byte| byte.is_ascii_whitespace());
            let stop = run(text, next, is_base64);
            if stop == next {
                break;
            }
            line = if stop - next < line { 0 } else { stop - next };
            end = stop;
        }
        if find(&crate::scan::base64(&text[start..end]), 0, b"PRIVATE KEY").is_some() {
            finds.push(Find { at: start..end, what: "private key".into() });
        }
        from = end;
    }
}

/// JSON web tokens: three parts, of which two begin like a JSON object.
fn web_tokens(text: &[u8], finds: &mut Vec<Find>) {
    let part = |from: usize| run(text, from, |byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    let mut from = 0;
    while let Some(start) = find(text, from, b"eyJ") {
        from = part(start);
        if text[from..].starts_with(b".eyJ") {
            let second = part(from + 1);
            if text.get(second) == Some(&b'.') {
                from = part(second + 1);
                finds.push(Find { at: start..from, what: "web token".into() });
            }
        }
    }
}

/// Passwords in `scheme://user:password@host`.
fn url_passwords(text: &[u8], finds: &mut Vec<Find>) {
    let (mut from, mut no_at_before) = (0, 0);
    while let Some(scheme) = find(text, from, b"://") {
        let start = scheme + 3;
        from = start;
        let in_word = |byte: u8| !byte.is_ascii_whitespace() && !is_quote(byte) && !matches!(byte, b'<' | b'>');
        let authority = run(text, start, |byte| in_word(byte) && !b"/?#".contains(&byte));
        let Some(colon) = text[start..authority].iter().position(|byte| *byte == b':').map(|at| start + at) else {
            continue;
        };
        let mut host = text[colon..authority].iter().rposition(|byte| *byte == b'@').map(|at| colon + at);
        // `user:pass/word@host`, unless it is `host:8080/…` or `[::1]:8080`.
        let is_port = text[colon + 1..authority].iter().all(u8::is_ascii_digit);
        if host.is_none() && !is_port && text[start] != b'[' && start >= no_at_before {
            let word = run(text, start, in_word);
            host = text[colon..word].iter().position(|byte| *byte == b'@').map(|at| colon + at);
            if host.is_none() {
                no_at_before = word;
            }
        }
        if let Some(host) = host
            && host > colon + 1
        {
            finds.push(Find { at: colon + 1..host, what: "password in a URL".into() });
            from = host;
        }
    }
}

/// `Bearer …` and `Basic …`, as in an authorization header.
fn schemes(text: &[u8], finds: &mut Vec<Find>) {
    let mut at = 0;
    while at < text.len() {
        if !text[at].is_ascii_alphabetic() {
            at += 1;
            continue;
        }
        let start = at;
        at = run(text, at, |byte| byte.is_ascii_alphanumeric());
        let word = &text[start..at];
        if !word.eq_ignore_ascii_case(b"bearer") && !word.eq_ignore_ascii_case(b"basic") {
            continue;
        }
        let value = run(text, at, is_blank);
        let end = run(text, value, is_token_byte);
        if value > at && end > value {
            finds.push(Find { at: value..end, what: "credentials".into() });
            at = end;
        }
    }
}
