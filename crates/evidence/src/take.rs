//! Taking a text: only of the kind that the trail expects, and only after its secrets were cut out.

use std::io::Read as _;

use crate::cut::{Line, lines};
use crate::{Cut, Seen, Text, cut};

/// A file's bytes as an observation. A file that is not of the expected kind is withheld whole: a process that calls
/// itself kube-apiserver and names `/etc/shadow` as its policy gives nothing away.
pub fn take_text(how: Cut, bytes: Vec<u8>) -> Seen {
    let bytes = match how {
        Cut::Kconfig => match unpacked(bytes) {
            Ok(bytes) => bytes,
            Err(seen) => return seen,
        },
        _ => bytes,
    };
    if let Err(why) = expected(how, &bytes) {
        return Seen::Withheld { why };
    }
    match cut(how, bytes) {
        Ok((bytes, cuts)) => Seen::Text(Text::new(bytes, cuts)),
        Err(why) => Seen::Withheld { why },
    }
}

/// The largest configuration of a kernel, unpacked. Those of distributions have some 300 kilobytes.
const LARGEST_KCONFIG: u64 = 4 << 20;

/// Bytes as they were before gzip, if they went through it.
fn unpacked(bytes: Vec<u8>) -> Result<Vec<u8>, Seen> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut plain = Vec::new();
    let decoder = flate2::read::GzDecoder::new(bytes.as_slice());
    if let Err(error) = decoder.take(LARGEST_KCONFIG + 1).read_to_end(&mut plain) {
        return Err(Seen::Failed { why: format!("it cannot be unpacked: {error}") });
    }
    let size = plain.len() as u64;
    if size > LARGEST_KCONFIG { Err(Seen::TooLarge { size, limit: LARGEST_KCONFIG }) } else { Ok(plain) }
}

/// Whether a file looks like what the trail expects there. Judged by words that such a file cannot do without.
fn expected(how: Cut, bytes: &[u8]) -> Result<(), String> {
    let has = |word: &str| bytes.windows(word.len()).any(|window| window == word.as_bytes());
    let any = |words: &[&str]| words.iter().any(|word| has(word));
    let (right, kind) = match how {
        Cut::Config | Cut::Manifest | Cut::Kubeconfig | Cut::Encryption => {
            (has("apiVersion") && has("kind"), "a Kubernetes object with apiVersion and kind")
        }
        Cut::Unit => (any(&["[Service]", "[Unit]", "[Install]"]), "a systemd unit"),
        Cut::Etcd => (any(&["data-dir", "listen-client-urls", "transport-security"]), "a configuration of etcd"),
        Cut::Toml => (any(&["[plugins", "version =", "_plugins", "[grpc]"]), "a configuration of containerd"),
        Cut::Env => (assignments(bytes), "lines of NAME=value"),
        Cut::Kconfig => (has("CONFIG_"), "a kernel's configuration"),
        // These are never files of a node.
        Cut::Resource | Cut::Machine => (false, "a file that is taken"),
        Cut::Mounts => (has(" - "), "a table of mounts"),
        Cut::Accounts => (true, "accounts"),
    };
    if right || bytes.iter().all(u8::is_ascii_whitespace) { Ok(()) } else { Err(format!("it is not {kind}")) }
}

/// Whether every line is a comment or an assignment to a plain name.
fn assignments(bytes: &[u8]) -> bool {
    let plain = |line: &Line| {
        let named = line.name.as_ref().is_some_and(|name| {
            let name = &bytes[name.clone()];
            !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        });
        let text = bytes[line.span.clone()].trim_ascii();
        named || text.is_empty() || text.starts_with(b"#") || text.starts_with(b";")
    };
    lines(bytes).is_ok_and(|lines| lines.iter().all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_expected_is_taken() {
        let shadow = "root:$6$salt$hash=:19000:0:99999:7:::\nbin:*:19000:0:99999:7:::\n";
        for how in [
            Cut::Config,
            Cut::Manifest,
            Cut::Kubeconfig,
            Cut::Encryption,
            Cut::Unit,
            Cut::Etcd,
            Cut::Toml,
            Cut::Env,
            Cut::Kconfig,
            Cut::Mounts,
            Cut::Resource,
            Cut::Machine,
        ] {
            let seen = take_text(how, shadow.as_bytes().to_vec());
            assert!(matches!(seen, Seen::Withheld { .. }), "{how:?}: {seen:?}");
        }
        let right = [
            (Cut::Config, "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"),
            (Cut::Unit, "[Service]\nExecStart=/usr/bin/kubelet\n"),
            (Cut::Etcd, "data-dir: /var/lib/etcd\n"),
            (Cut::Toml, "version = 2\n[plugins]\n"),
            (Cut::Env, "# flags\nKUBELET_EXTRA_ARGS=\"--v=2\"\n\n"),
            (Cut::Env, ""),
            (Cut::Kconfig, "# Linux/x86 6.12.1 Kernel Configuration\nCONFIG_X=y\n# CONFIG_Y is not set\n"),
            (Cut::Accounts, "root:x:0:0:root:/root:/bin/bash\n"),
        ];
        for (how, text) in right {
            let seen = take_text(how, text.as_bytes().to_vec());
            assert!(matches!(seen, Seen::Text(_)), "{how:?}: {seen:?}");
        }
    }

    fn packed(text: &str) -> Vec<u8> {
        use std::io::Write as _;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_packed_kernel_configuration_is_kept_plain_and_without_secrets() {
        let text = "CONFIG_X=y\nCONFIG_CMDLINE=\"quiet password=hunter2hunter2\"\n# CONFIG_Y is not set\n";
        let Seen::Text(kept) = take_text(Cut::Kconfig, packed(text)) else { panic!("taken") };
        assert!(kept.to_lossy().starts_with("CONFIG_X=y\n") && !kept.to_lossy().contains("hunter2"));
        let half = packed(text);
        assert!(matches!(take_text(Cut::Kconfig, half[..half.len() / 2].to_vec()), Seen::Failed { .. }));
        let bomb = packed(&"# x\n".repeat(2 << 20));
        assert!(matches!(take_text(Cut::Kconfig, bomb), Seen::TooLarge { .. }));
        for wrong in ["CONFIG_X=y\nroot:x:0:0\n", "# only a comment of CONFIG_\n"] {
            assert!(matches!(take_text(Cut::Kconfig, wrong.into()), Seen::Withheld { .. }), "{wrong}");
        }
    }
}
