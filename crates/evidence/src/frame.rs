//! A run file as lines, for a channel that carries text only: the log of a container.
//!
//! A header with length and digest, lines of base64, a trailer. Both sides of the form stand here, since a writer and a
//! reader that disagree lose a node. Logs are rotated, cut and written into by others: what is not whole is refused.

use std::io::{self, Write};

use crate::runfile::digest;
use crate::scan::strict_base64;

/// What the header begins with; the number is the form's version.
const HEADER: &str = "kube-assay-run 1 ";

/// The whole trailer.
const TRAILER: &str = "kube-assay-run end";

/// What every version of the form begins its lines with.
const MARK: &str = "kube-assay-run ";

/// Bytes of a line: 1000 characters, far below what runtimes and journals break lines at.
const LINE: usize = 750;

/// The most characters of a foreign line that are told.
const TOLD: usize = 200;

/// Why a log gives no run file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// There is no header.
    #[error("it holds no run file{}", .0.as_ref().map(|last| format!("; its last line: {last}")).unwrap_or_default())]
    Missing(Option<String>),
    /// The header is of another form.
    #[error("its header is none that this version reads: {0}")]
    Header(String),
    /// It is larger than the reader allows.
    #[error("its run file is said to have {size} bytes, and at most {limit} are read")]
    TooLarge {
        /// What the header says.
        size: u64,
        /// What is allowed.
        limit: u64,
    },
    /// It ends before its trailer.
    #[error("it was cut: {read} of {size} bytes are there")]
    Cut {
        /// What is there.
        read: u64,
        /// What the header says.
        size: u64,
    },
    /// Something else stands among the lines, or after them.
    #[error("something else stands among its lines: {0}")]
    Foreign(String),
    /// The content is another than the header says.
    #[error("its run file was changed on the way")]
    Changed,
}

/// Writes the bytes of a run file as lines.
pub fn write_framed(run: &[u8], mut out: impl Write) -> io::Result<()> {
    writeln!(out, "{HEADER}{} {}", run.len(), digest(run))?;
    for part in run.chunks(LINE) {
        out.write_all(&encoded(part))?;
        out.write_all(b"\n")?;
    }
    writeln!(out, "{TRAILER}")?;
    out.flush()
}

/// The bytes of a run file from a log, of which at most `limit` are taken. Lines before the header may be anybody's.
pub fn read_framed(log: &[u8], limit: u64) -> Result<Vec<u8>, FrameError> {
    let mut lines = log.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let mut last = None;
    let header = lines.by_ref().find(|line| {
        let ours = line.starts_with(MARK.as_bytes());
        last = if ours || line.is_empty() { last } else { Some(*line) };
        ours
    });
    let header = header.ok_or_else(|| FrameError::Missing(last.map(told)))?;
    let (size, sum) = heading(header).ok_or_else(|| FrameError::Header(told(header)))?;
    if size > limit {
        return Err(FrameError::TooLarge { size, limit });
    }
    let mut run = Vec::new();
    loop {
        // A log that ends in the middle of a line is cut, whatever that line looks like.
        let cut = FrameError::Cut { read: run.len() as u64, size };
        let Some(line) = lines.next() else { return Err(cut) };
        if line == TRAILER.as_bytes() {
            break;
        }
        match strict_base64(line) {
            Some(bytes) if run.len() + bytes.len() <= usize::try_from(size).unwrap_or(usize::MAX) => run.extend(bytes),
            _ if lines.clone().all(<[u8]>::is_empty) => return Err(cut),
            _ => return Err(FrameError::Foreign(told(line))),
        }
    }
    if let Some(line) = lines.find(|line| !line.is_empty()) {
        return Err(FrameError::Foreign(told(line)));
    }
    if run.len() as u64 != size {
        return Err(FrameError::Cut { read: run.len() as u64, size });
    }
    if digest(&run) == sum { Ok(run) } else { Err(FrameError::Changed) }
}

/// Length and digest.
fn heading(line: &[u8]) -> Option<(u64, &str)> {
    let (size, sum) = std::str::from_utf8(line).ok()?.strip_prefix(HEADER)?.split_once(' ')?;
    let digits = size.bytes().all(|byte| byte.is_ascii_digit());
    let hex = sum.len() == 64 && sum.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (digits && hex).then_some((size.parse().ok()?, sum))
}

/// A line for a person: short, and nothing in it that a terminal obeys.
fn told(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let plain = |letter: char| if letter.is_control() { '\u{fffd}' } else { letter };
    text.chars().take(TOLD).map(plain).collect()
}

fn encoded(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for at in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * at) & 63) as usize];
            out.push(if at <= three.len() { digit } else { b'=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: u64 = 1 << 20;

    fn framed(run: &[u8]) -> Vec<u8> {
        let mut log = Vec::new();
        write_framed(run, &mut log).unwrap();
        log
    }

    #[test]
    fn the_form_is_as_it_was() {
        let log = String::from_utf8(framed(b"run")).unwrap();
        let sum = "acba25512100f80b56fc3ccd14c65be55d94800cda77585c5f41a887e398f9be";
        assert_eq!(log, format!("kube-assay-run 1 3 {sum}\ncnVu\nkube-assay-run end\n"));
        for (plain, encoding) in
            [(&b""[..], ""), (b"a", "YQ=="), (b"ab", "YWI="), (b"abc", "YWJj"), (b"\xff\xfe", "//4=")]
        {
            assert_eq!(encoded(plain), encoding.as_bytes());
        }
    }

    #[test]
    fn a_log_that_is_not_whole_is_refused() {
        let run: Vec<u8> = (0..2000_u32).map(|at| (at * 7 % 251) as u8).collect();
        let whole = String::from_utf8(framed(&run)).unwrap();
        let lines: Vec<&str> = whole.lines().collect();
        assert_eq!(lines.len(), 5);
        assert!(lines.iter().all(|line| line.len() <= 1000));
        let with = |order: &[usize]| order.iter().map(|at| lines[*at]).collect::<Vec<_>>().join("\n");
        let read = |log: &str| read_framed(log.as_bytes(), LIMIT);
        assert_eq!(read(&whole), Ok(run.clone()));
        assert_eq!(read(&format!("a warning\n\n{}\r\n\n", whole.replace('\n', "\r\n"))), Ok(run.clone()));
        let (cut, foreign) =
            (|read| Err(FrameError::Cut { read, size: 2000 }), |line: &str| Err(FrameError::Foreign(line.to_owned())));
        assert_eq!(read(&with(&[1, 2, 3, 4])), Err(FrameError::Header(TRAILER.to_owned())), "rotated away");
        assert_eq!(
            read(&with(&[1, 2])).unwrap_err().to_string().len(),
            "it holds no run file; its last line: ".len() + 200
        );
        assert_eq!(read(""), Err(FrameError::Missing(None)));
        assert_eq!(read("exec format error\n"), Err(FrameError::Missing(Some("exec format error".to_owned()))));
        assert_eq!(read(&with(&[0, 1, 2, 3])), cut(2000), "without its trailer");
        assert_eq!(read(&with(&[0, 1, 4])), cut(750));
        assert_eq!(read(&with(&[0])), cut(0));
        assert_eq!(read(&with(&[0, 1, 1, 2, 3, 4])), foreign(&lines[2][..200]), "a line twice");
        assert_eq!(read(&with(&[0, 2, 1, 3, 4])), Err(FrameError::Changed), "in another order");
        assert_eq!(read(&format!("{whole}{whole}")), foreign(&lines[0][..lines[0].len().min(200)]), "twice");
        assert_eq!(read(&format!("{}\nboo \x1b[2J\n{}", lines[0], with(&[1, 2, 3, 4]))), foreign("boo \u{fffd}[2J"));
        assert_eq!(
            read_framed(whole.as_bytes(), 1999),
            Err(FrameError::TooLarge { size: 2000, limit: 1999 }),
            "before anything of it is held"
        );
        for header in ["kube-assay-run 2 3 x", "kube-assay-run 1 -3 x", "kube-assay-run 1 3 X"] {
            assert_eq!(read(&format!("{header}\n{}", lines[1])), Err(FrameError::Header(header.to_owned())));
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(run: Vec<u8>, before in "[a-z \n]{0,200}") {
            let log = [before.as_bytes(), b"\n", &framed(&run)].concat();
            prop_assert_eq!(read_framed(&log, LIMIT), Ok(run));
        }

        #[test]
        fn no_part_and_no_change_of_it_is_taken_for_the_whole(run in prop::collection::vec(any::<u8>(), 1..3000), at: usize, with: u8) {
            let mut log = framed(&run);
            // The last byte is a line's end, which says nothing.
            let at = at % (log.len() - 1);
            prop_assert!(read_framed(&log[..at], LIMIT).is_err());
            log[at] = with;
            let read = read_framed(&log, LIMIT);
            prop_assert!(read.is_err() || read == Ok(run));
        }

        #[test]
        fn any_log_ends_without_a_panic(log: Vec<u8>, size: u64) {
            let _ = read_framed(&log, LIMIT);
            let log = [format!("{HEADER}{size} {}\n", digest(b"")).as_bytes(), log.as_slice()].concat();
            prop_assert!(size == 0 || read_framed(&log, LIMIT).is_err());
        }
    }
}
