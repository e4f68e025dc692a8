//! A recorded node laid out as a file tree on disk, with a `proc` of plain files: what the probe would walk.

use std::fmt::Write as _;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use collect::recording::{RecordedListener, Recording};
use evidence::FileKind;

/// Lays a node out below a directory. Owners need root; without it they stay the caller's.
pub(crate) fn lay(node: &Recording, root: &Path, owners: bool) {
    let below = |path: &str| root.join(path.trim_start_matches('/'));
    for (path, listed) in &node.stats {
        let place = below(path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        match listed.kind {
            FileKind::Dir => std::fs::create_dir_all(&place).unwrap(),
            FileKind::Symlink => symlink(listed.link_target.as_deref().unwrap(), &place).unwrap(),
            FileKind::File | FileKind::Other => {
                std::fs::write(&place, node.texts.get(path).map_or(&[][..], Vec::as_slice)).unwrap();
            }
        }
    }
    for (path, listed) in &node.stats {
        if listed.kind != FileKind::Symlink {
            std::fs::set_permissions(below(path), std::fs::Permissions::from_mode(listed.mode)).unwrap();
            if owners {
                chown(below(path), Some(listed.uid), Some(listed.gid)).unwrap();
            }
        }
    }
    for process in &node.processes {
        let of = below(&format!("/proc/{}", process.pid));
        std::fs::create_dir_all(of.join("fd")).unwrap();
        std::fs::create_dir_all(of.join("net")).unwrap();
        let cmdline: Vec<u8> = process.argv.iter().flat_map(|argument| [argument.as_bytes(), &[0]].concat()).collect();
        std::fs::write(of.join("cmdline"), cmdline).unwrap();
        std::fs::write(of.join("comm"), process.comm.as_bytes()).unwrap();
        let (uid, gid, ppid) = (process.uid, process.gid, process.ppid);
        let status = format!(
            "Name:\t{}\nPPid:\t{ppid}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t{gid}\t{gid}\t{gid}\t{gid}\n",
            process.comm
        );
        std::fs::write(of.join("status"), status).unwrap();
        std::fs::write(of.join("environ"), b"PATH=/usr/bin\0").unwrap();
        for (name, target) in [("exe", &process.exe), ("cwd", &process.cwd)] {
            if let Some(target) = target {
                symlink(target.to_lossy(), of.join(name)).unwrap();
            }
        }
        for (at, listener) in node.listeners.iter().enumerate() {
            if listener.owners.iter().flatten().any(|pid| *pid == process.pid) {
                symlink(format!("socket:[{}]", 1000 + at), of.join("fd").join((10 + at).to_string())).unwrap();
            }
        }
        let (v4, v6): (Vec<_>, Vec<_>) =
            node.listeners.iter().enumerate().partition(|(_, listener)| listener.address.is_ipv4());
        std::fs::write(of.join("net/tcp"), table(&v4)).unwrap();
        std::fs::write(of.join("net/tcp6"), table(&v6)).unwrap();
    }
}

/// `/proc/net/tcp` of listening sockets: addresses as the kernel writes them, in words of four bytes.
fn table(listeners: &[(usize, &RecordedListener)]) -> String {
    let mut text =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n".to_owned();
    for (at, listener) in listeners {
        let bytes = match listener.address {
            std::net::IpAddr::V4(address) => address.octets().to_vec(),
            std::net::IpAddr::V6(address) => address.octets().to_vec(),
        };
        let words = bytes.chunks(4).map(|word| format!("{:08X}", u32::from_le_bytes(word.try_into().unwrap())));
        let address: String = words.collect();
        let zero = "0".repeat(address.len());
        let inode = 1000 + at;
        let rest = "00000000:00000000 00:00000000 00000000     0        0";
        let _ =
            writeln!(text, "  {at:2}: {address}:{:04X} {zero}:0000 0A {rest} {inode} 1 0 100 0 0 10 0", listener.port);
    }
    text
}
