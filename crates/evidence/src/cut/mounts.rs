//! A table of mounts as the kernel shows it (`proc_pid_mountinfo(5)`): sources and options of file systems may hold
//! addresses and names of accounts, and below the root's own directories every volume of every pod is mounted.

use std::fmt::Write as _;

/// How many names a mount point that is kept has at most: `/`, `/var`, `/etc/cni`.
const DEPTH: usize = 2;

/// Lines of mount point, options and type of file system. What was cut already stays as it is.
pub(super) fn cut(bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    let mut kept = String::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let (point, options, kind) = match fields.iter().position(|field| *field == "-") {
            Some(end) if end >= 6 => (fields[4], fields[5], fields.get(end + 1).copied().unwrap_or_default()),
            Some(2) if fields.len() == 4 => (fields[0], fields[1], fields[3]),
            _ => continue,
        };
        let depth = point.split('/').filter(|name| !name.is_empty()).count();
        if point.starts_with('/') && depth <= DEPTH {
            let _ = writeln!(kept, "{point} {options} - {kind}");
        }
    }
    kept.into_bytes()
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_what_decides_is_kept() {
        let table = "22 1 7:0 / / ro,relatime shared:1 - squashfs /dev/loop0 ro\n\
            30 22 0:5 / /var rw,nosuid,nodev - xfs /dev/sda6 rw,user=bob\n\
            31 30 0:6 / /var/lib/kubelet/pods/x rw - tmpfs tmpfs rw\nno line\n";
        let kept = super::cut(table.as_bytes());
        assert_eq!(String::from_utf8_lossy(&kept), "/ ro,relatime - squashfs\n/var rw,nosuid,nodev - xfs\n");
        assert_eq!(super::cut(&kept), kept);
    }
}
