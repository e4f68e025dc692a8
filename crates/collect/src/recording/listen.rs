//! Listening sockets as `ss -tlnpH` writes them, with or without the column `tcp`.

use std::net::{IpAddr, Ipv6Addr};

use super::RecordedListener;

/// One line, or why it cannot be read.
pub(super) fn listener(line: &str) -> Result<RecordedListener, String> {
    let line = line.strip_prefix("tcp ").unwrap_or(line).trim();
    let mut rest = line;
    let mut column = || {
        let (column, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        rest = after.trim_start();
        column
    };
    let (state, _received, _sent, local, peer) = (column(), column(), column(), column(), column());
    if state != "LISTEN" || peer.is_empty() {
        return Err("not a listening TCP socket: LISTEN, two queues, address, peer and users expected".to_owned());
    }
    let (address, port) = local.rsplit_once(':').ok_or_else(|| format!("`{local}` has no port"))?;
    let port = port.parse().map_err(|_| format!("`{port}` is not a port"))?;
    Ok(RecordedListener { address: ip(address)?, port, owners: owners(rest)? })
}

/// `*` is every interface of both families. The interface behind `%` says nothing about who can reach the address.
fn ip(text: &str) -> Result<IpAddr, String> {
    if text == "*" {
        return Ok(IpAddr::V6(Ipv6Addr::UNSPECIFIED));
    }
    let bare = text.split('%').next().unwrap_or(text);
    bare.trim_matches(['[', ']']).parse().map_err(|_| format!("`{text}` is not an IP address"))
}

/// `users:(("etcd",pid=441,fd=8),…)`; none if the column is missing.
fn owners(text: &str) -> Result<Option<Vec<u32>>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let bad = || format!("`{text}` is not a list of users");
    let list = text.strip_prefix("users:(").and_then(|list| list.strip_suffix(')')).ok_or_else(bad)?;
    let mut pids = Vec::new();
    for user in list.split("\",pid=").skip(1) {
        let pid = user.split(',').next().unwrap_or(user);
        pids.push(pid.parse().map_err(|_| bad())?);
    }
    if pids.is_empty() { Err(bad()) } else { Ok(Some(pids)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_ss() {
        let table: &[(&str, &str, u16, Option<&[u32]>)] = &[
            (
                r#"tcp LISTEN 0 4096 127.0.0.1:2379 0.0.0.0:* users:(("etcd",pid=441,fd=8))   "#,
                "127.0.0.1",
                2379,
                Some(&[441]),
            ),
            (r#"LISTEN 0 4096 *:6443 *:* users:(("kube-apiserver",pid=389,fd=5))"#, "::", 6443, Some(&[389])),
            (
                r#"LISTEN 0 128 [::]:22 [::]:* users:(("sshd",pid=7,fd=4),("systemd",pid=1,fd=99))"#,
                "::",
                22,
                Some(&[7, 1]),
            ),
            (r#"LISTEN 0 5 [::1]:80 [::]:* users:(("tmux: a,b",pid=9,fd=1))"#, "::1", 80, Some(&[9])),
            ("LISTEN 0 4096 127.0.0.53%lo:53 0.0.0.0:*", "127.0.0.53", 53, None),
            ("LISTEN 0 4096 [fe80::1]%eth0:53 [::]:*", "fe80::1", 53, None),
            ("LISTEN 0 4096 [fe80::1%eth0]:53 [::]:*", "fe80::1", 53, None),
            ("LISTEN 0 4096 0.0.0.0:10250 0.0.0.0:*", "0.0.0.0", 10250, None),
        ];
        for (line, address, port, owners) in table {
            let expected = RecordedListener {
                address: address.parse().unwrap(),
                port: *port,
                owners: owners.map(<[u32]>::to_vec),
            };
            assert_eq!(listener(line), Ok(expected), "{line}");
        }
    }

    #[test]
    fn other_lines() {
        let table = [
            ("", "not a listening TCP socket"),
            ("State Recv-Q Send-Q Local Peer", "not a listening TCP socket"),
            ("udp UNCONN 0 0 127.0.0.1:323 0.0.0.0:*", "not a listening TCP socket"),
            ("LISTEN 0 4096 127.0.0.1:2379", "not a listening TCP socket"),
            ("LISTEN 0 4096 localhost 0.0.0.0:*", "`localhost` has no port"),
            ("LISTEN 0 4096 localhost:80 0.0.0.0:*", "`localhost` is not an IP address"),
            ("LISTEN 0 4096 127.0.0.1:http 0.0.0.0:*", "`http` is not a port"),
            ("LISTEN 0 4096 127.0.0.1:80 0.0.0.0:* ino:12", "`ino:12` is not a list of users"),
            ("LISTEN 0 4096 127.0.0.1:80 0.0.0.0:* users:((\"a\",pid=x,fd=1))", "is not a list of users"),
            ("LISTEN 0 4096 127.0.0.1:80 0.0.0.0:* users:()", "is not a list of users"),
        ];
        for (line, why) in table {
            let error = listener(line).unwrap_err();
            assert!(error.contains(why), "{line}: {error}");
        }
    }
}
