//! Listening TCP sockets in the network namespace of a process.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use evidence::{Listener, Seen, Sockets};

use crate::root::{Miss, Root};

/// Some 400,000 connections. The kernel tells listening sockets first, yet a cut table is no table.
const MAX_TABLE: u64 = 64 << 20;

/// Open descriptors of one process that are looked at.
const MAX_DESCRIPTORS: usize = 1 << 20;

/// The kernel's number for the state of a listening socket.
const LISTEN: &str = "0A";

/// The listening sockets that a process can be reached by, and which of them are its own.
pub(crate) fn look(root: &Root, pid: u32) -> Seen {
    let process = match root.below(&format!("/proc/{pid}")) {
        Ok(process) => process,
        Err(Miss::Absent) => return Seen::Absent { proof: format!("no process {pid} below {}", root.name()) },
        Err(miss) => return missed(&process_file(root, pid, ""), miss),
    };
    let owned = own_inodes(&process);
    let mut listening = Vec::new();
    for table in ["tcp", "tcp6"] {
        match read_table(&process, table, owned.as_ref()) {
            Ok(sockets) => listening.extend(sockets),
            // A kernel without IPv6 has no such table.
            Err(Miss::Absent) if table == "tcp6" => {}
            Err(miss) => return missed(&process_file(root, pid, table), miss),
        }
    }
    listening.sort_unstable();
    listening.dedup();
    Seen::Sockets(Sockets { listening, owners_known: owned.is_some() })
}

fn process_file(root: &Root, pid: u32, table: &str) -> String {
    format!("{}/proc/{pid}/net/{table}", root.name().trim_end_matches('/'))
}

/// A missing table is no proof that nothing listens.
fn missed(path: &str, miss: Miss) -> Seen {
    match miss {
        Miss::Absent => Seen::Failed { why: format!("{path} is not there") },
        Miss::Denied => Seen::Denied { right: "root, or CAP_SYS_PTRACE".to_owned() },
        Miss::TooLarge { size, limit } => Seen::TooLarge { size, limit },
        Miss::Failed(why) => Seen::Failed { why: format!("{path}: {why}") },
    }
}

/// Inodes of the sockets that the process holds; none if they cannot all be told.
fn own_inodes(process: &Root) -> Option<BTreeSet<u64>> {
    let descriptors = process.list(b"/fd", MAX_DESCRIPTORS).ok().filter(|listing| listing.complete)?;
    let mut inodes = BTreeSet::new();
    for descriptor in descriptors.entries {
        match process.link(&[b"/fd/", descriptor.name.as_bytes()].concat()) {
            Ok(target) => inodes.extend(socket_inode(&target)),
            Err(Miss::Absent) => {}
            Err(_) => return None,
        }
    }
    Some(inodes)
}

fn socket_inode(link: &[u8]) -> Option<u64> {
    std::str::from_utf8(link).ok()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

fn read_table(process: &Root, table: &str, owned: Option<&BTreeSet<u64>>) -> Result<Vec<Listener>, Miss> {
    let (file, _) = process.open_file(format!("/net/{table}").as_bytes())?;
    let mut lines = BufReader::new(file.take(MAX_TABLE + 1));
    let (mut line, mut size, mut sockets) = (String::new(), 0, Vec::new());
    loop {
        line.clear();
        let read = lines.read_line(&mut line)?;
        size += read as u64;
        if size > MAX_TABLE {
            return Err(Miss::TooLarge { size, limit: MAX_TABLE });
        }
        if read == 0 {
            return Ok(sockets);
        }
        if let Some((address, port, inode)) = parse(&line).map_err(|()| unreadable(&line))? {
            sockets.push(Listener { address, port, own: owned.map(|owned| owned.contains(&inode)) });
        }
    }
}

fn unreadable(line: &str) -> Miss {
    Miss::Failed(format!("not a line of a socket table: {:?}", line.chars().take(80).collect::<String>()))
}

/// Address, port and inode of a listening socket; none for other sockets, the heading and an empty line.
fn parse(line: &str) -> Result<Option<(IpAddr, u16, u64)>, ()> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    match fields.as_slice() {
        [] | ["sl", ..] => Ok(None),
        [_, local, _, LISTEN, _, _, _, _, _, inode, ..] => {
            let (address, port) = local.split_once(':').ok_or(())?;
            let address = parse_address(address).ok_or(())?;
            let port = u16::from_str_radix(port, 16).map_err(|_| ())?;
            Ok(Some((address, port, inode.parse().map_err(|_| ())?)))
        }
        [_, _, _, state, _, _, _, _, _, _, ..] if state.len() == 2 => Ok(None),
        _ => Err(()),
    }
}

/// The kernel prints each 32 bits of an address as a number, in the byte order of the machine.
fn parse_address(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| Some(u32::from_str_radix(hex.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    match hex.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let bytes = [word(0)?, word(8)?, word(16)?, word(24)?].concat();
            Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAIL: &str = "00000000:00000000 00:00000000 00000000     0        0";

    #[test]
    #[cfg(target_endian = "little")]
    fn lines_of_the_kernel_are_read() {
        for (line, expected) in [
            (
                format!("   0: 0100007F:2838 00000000:0000 0A {TAIL} 21357 1 0000000000000000 100 0 0 10 0"),
                Some(("127.0.0.1", 10296, 21357)),
            ),
            (
                format!("   1: 00000000:0016 00000000:0000 0A {TAIL} 1060 1 00000000e4541c40 100 0 0 10 0"),
                Some(("0.0.0.0", 22, 1060)),
            ),
            (format!("   2: 0D01A8C0:D2F0 0B01A8C0:192B 01 {TAIL} 35150 1 0 20 4 30 10 -1"), None),
            (
                format!(
                    "   0: 00000000000000000000000000000000:280A 00000000000000000000000000000000:0000 0A {TAIL} 24410 1 0"
                ),
                Some(("::", 10250, 24410)),
            ),
            (
                format!(
                    "   1: 00000000000000000000000001000000:28C8 00000000000000000000000000000000:0000 0A {TAIL} 7 1 0"
                ),
                Some(("::1", 10440, 7)),
            ),
            (
                format!(
                    "   2: 0000000000000000FFFF00000100007F:1F90 00000000000000000000000000000000:0000 0A {TAIL} 8 1 0"
                ),
                Some(("::ffff:127.0.0.1", 8080, 8)),
            ),
            (
                format!(
                    "   3: B80D0120000000000000000001000000:01BB 00000000000000000000000000000000:0000 0A {TAIL} 9 1 0"
                ),
                Some(("2001:db8::1", 443, 9)),
            ),
            (
                "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
                    .to_owned(),
                None,
            ),
            (String::new(), None),
        ] {
            let expected = expected.map(|(address, port, inode)| (address.parse().unwrap(), port, inode));
            assert_eq!(parse(&line), Ok(expected), "{line}");
        }
    }

    #[test]
    fn a_line_that_is_not_understood_is_not_passed_over() {
        for line in [
            "0: 0100007F:2838",
            "hello",
            &format!("0: 0100007F 00000000:0000 0A {TAIL} 1 1"),
            &format!("0: é100007:2838 0:0 0A {TAIL} 1"),
        ] {
            assert_eq!(parse(line), Err(()), "{line}");
        }
    }

    #[test]
    fn only_links_to_sockets_count() {
        assert_eq!(socket_inode(b"socket:[42]"), Some(42));
        for link in [&b"pipe:[42]"[..], b"/dev/null", b"anon_inode:[eventpoll]", b"socket:[x]", b"\xff"] {
            assert_eq!(socket_inode(link), None);
        }
    }
}
