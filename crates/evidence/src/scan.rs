//! Small lexical scans for the walk. They may find too much; what a file means is decided elsewhere.

use std::collections::BTreeMap;

use crate::cut::{Event, events, is_lines, lines};

/// Most mounts that one manifest may give. A pod has a dozen.
const MOUNTS: usize = 4096;

/// The certificates of a PEM file, as DER and in order. Nothing else of the file comes out, and broken blocks are
/// passed over.
pub fn pem_certificates(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut certificates = Vec::new();
    let mut block: Option<Vec<u8>> = None;
    for line in bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii) {
        match line {
            b"-----BEGIN CERTIFICATE-----" => block = Some(Vec::new()),
            b"-----END CERTIFICATE-----" => certificates.extend(block.take().and_then(|block| strict_base64(&block))),
            _ if line.starts_with(b"-----") => block = None,
            _ => {
                if let Some(block) = &mut block {
                    block.extend_from_slice(line);
                }
            }
        }
    }
    certificates
}

/// Decodes base64 that is whole.
pub(crate) fn strict_base64(text: &[u8]) -> Option<Vec<u8>> {
    let digits = text.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1);
    let whole = digits > 0 && text.len().is_multiple_of(4) && text.len() - digits <= 2;
    (whole && text[..digits].iter().all(|byte| digit(*byte).is_some())).then(|| base64(text))
}

fn digit(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

/// Decodes base64 and passes over whatever is no digit of it.
pub(crate) fn base64(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held) = (0_u32, 0);
    for value in text.iter().filter_map(|byte| digit(*byte)) {
        bits = (bits << 6 | value) & 0xffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held & 0xff) as u8);
        }
    }
    out
}

/// The values of a key anywhere in a text: YAML, JSON, TOML, a unit or an environment file.
pub(crate) fn values_of(text: &[u8], key: &str) -> Vec<String> {
    let events = if is_lines(text) { None } else { read(text) };
    events.map_or_else(|| line_values(text, key), |events| yaml_values(events, key))
}

fn read(text: &[u8]) -> Option<Vec<Event>> {
    events(std::str::from_utf8(text).ok()?).ok()
}

fn yaml_values(events: Vec<Event>, key: &str) -> Vec<String> {
    let mut values = Vec::new();
    // By mapping and list: whether its next value is governed by the key.
    let mut governed = Vec::new();
    for event in events {
        match event {
            Event::Open { map } => governed.push(!map && governed.last() == Some(&true)),
            Event::Close => drop(governed.pop()),
            Event::Key(name) => {
                if let Some(last) = governed.last_mut() {
                    *last = name == key;
                }
            }
            Event::Scalar(scalar) if governed.last() == Some(&true) => values.push(scalar.text.trim().to_owned()),
            Event::Scalar(_) | Event::Comment(_) => {}
        }
    }
    values.retain(|value| !value.is_empty());
    values
}

fn line_values(text: &[u8], key: &str) -> Vec<String> {
    let mut values = Vec::new();
    for line in lines(text).unwrap_or_default() {
        let Some(name) = line.name.map(|name| &text[name]) else { continue };
        let value = String::from_utf8_lossy(&text[line.value]);
        if name == key.as_bytes() {
            if value.starts_with(['"', '\'', '[']) {
                values.extend(words(&value));
            } else {
                values.push(value.split(" #").next().unwrap_or_default().trim().to_owned());
            }
        } else if name == b"Environment" {
            // `Environment="A=b" C=d` of a unit.
            let value_in = |word: String| Some(word.strip_prefix(key)?.strip_prefix('=')?.to_owned());
            values.extend(words(&value).into_iter().filter_map(value_in));
        }
    }
    values.retain(|value| !value.is_empty());
    // A dash before a unit's path: the file may be missing.
    values.into_iter().map(|value| if value.starts_with("-/") { value[1..].to_owned() } else { value }).collect()
}

/// The words of a value, without quotes; those of an array, if it is one.
fn words(value: &str) -> Vec<String> {
    let array = value.starts_with('[');
    let separates = |c: char| c.is_whitespace() || array && matches!(c, '[' | ']' | ',');
    let mut words = Vec::new();
    let mut chars = value.chars().peekable();
    while let Some(first) = chars.next() {
        let mut word = String::new();
        match first {
            c if separates(c) => {}
            '#' => while chars.next_if(|c| *c != '\n').is_some() {},
            '"' | '\'' => {
                while let Some(c) = chars.next_if(|c| *c != first) {
                    let escaped = if c == '\\' && first == '"' { chars.next() } else { None };
                    word.push(escaped.unwrap_or(c));
                }
                chars.next();
            }
            first => {
                word.push(first);
                while let Some(c) = chars.next_if(|c| !separates(*c)) {
                    word.push(c);
                }
            }
        }
        words.push(word);
    }
    words
}

/// What one mapping of a manifest says of a volume or a mount.
#[derive(Default)]
struct Volume {
    /// The key that the mapping is the value of, and the key that was read last in it.
    of: String,
    key: String,
    name: Option<String>,
    mount: Option<String>,
    sub: Option<String>,
    path: Option<String>,
    host: Option<String>,
}

/// Where the paths of a pod's containers lie on its node: `(mountPath, path on the node)`, joined by the names of the
/// volumes. What has no name is paired with everything.
pub(crate) fn mounts(text: &[u8]) -> Vec<(String, String)> {
    let mut frames: Vec<Option<Volume>> = Vec::new();
    let (mut hosts, mut mounts) = (BTreeMap::<Option<String>, Vec<String>>::new(), Vec::new());
    for event in read(text).unwrap_or_default() {
        match event {
            Event::Open { map } => {
                let of = frames.last().and_then(Option::as_ref).map(|outer| outer.key.clone()).unwrap_or_default();
                frames.push(map.then(|| Volume { of, ..Volume::default() }));
            }
            Event::Close => {
                let Some(Some(volume)) = frames.pop() else { continue };
                if let Some(mount) = volume.mount {
                    mounts.push((volume.name, mount, volume.sub));
                } else if let Some(host) = volume.host {
                    hosts.entry(volume.name).or_default().push(host);
                } else if volume.of == "hostPath"
                    && let Some(Some(outer)) = frames.last_mut()
                {
                    outer.host = volume.path;
                }
            }
            Event::Key(key) => {
                if let Some(Some(volume)) = frames.last_mut() {
                    volume.key = key;
                }
            }
            Event::Scalar(scalar) => {
                let Some(Some(volume)) = frames.last_mut() else { continue };
                let value = Some(scalar.text.trim().to_owned());
                match volume.key.as_str() {
                    "name" => volume.name = value,
                    "mountPath" => volume.mount = value,
                    "subPath" => volume.sub = value,
                    "path" => volume.path = value,
                    _ => {}
                }
            }
            Event::Comment(_) => {}
        }
    }
    let nameless = hosts.get(&None).into_iter().flatten();
    let mut pairs = Vec::new();
    for (name, mount, sub) in mounts {
        let named = hosts.iter().filter(|(of, _)| name.is_none() || **of == name).flat_map(|(_, hosts)| hosts);
        for host in named.chain(nameless.clone().filter(|_| name.is_some())).take(MOUNTS - pairs.len()) {
            let host = sub.as_ref().map_or(host.clone(), |sub| format!("{}/{sub}", host.trim_end_matches('/')));
            pairs.push((mount.clone(), host));
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_are_found_in_every_format() {
        let cases: &[(&str, &str, &[&str])] = &[
            ("clientCAFile", "authentication:\n  x509:\n    clientCAFile: /pki/ca.crt # ours\n", &["/pki/ca.crt"]),
            ("clientCAFile", "{\"authentication\": {\"x509\": {\"clientCAFile\": \"/pki/ca.crt\"}}}", &["/pki/ca.crt"]),
            ("clientCAFile", "authentication: {x509: {clientCAFile: '/it''s'}}", &["/it's"]),
            ("clientCAFile", "clientCAFile: \"/a\\tb\\u0041\"\n", &["/a\tbA"]),
            ("clientCAFile", "clientCAFile:\n  /next/line\n", &["/next/line"]),
            ("clientCAFile", "clientCAFile: >-\n  /folded\n", &["/folded"]),
            ("clientCAFile", "clientCAFile:\nother: x\n", &[]),
            ("dirs", "dirs:\n- /a\n- \"/b\"\nother: /c\n", &["/a", "/b"]),
            ("dirs", "dirs: [/a, '/b']\nother: [/c]\n", &["/a", "/b"]),
            ("dirs", "---\ndirs: /a\n---\ndirs: /b\n", &["/a", "/b"]),
            (
                "conf_dir",
                "version = 2\n[plugins.\"cri\".cni]\n  conf_dir = \"/etc/cni/net.d\" # here\n",
                &["/etc/cni/net.d"],
            ),
            ("conf_dirs", "conf_dirs = [\n  \"/a\", # one\n  '/b',\n]\nx = 1\n", &["/a", "/b"]),
            ("EnvironmentFile", "[Service]\nEnvironmentFile=-/etc/default/kubelet\n", &["/etc/default/kubelet"]),
            ("ARGS", "[Service]\nEnvironment=\"ARGS=--config=/a b\" \"OTHER=x\"\n", &["--config=/a b"]),
            ("ETCD_DATA_DIR", "# etcd\nexport ETCD_DATA_DIR=\"/var/lib/etcd\"\n", &["/var/lib/etcd"]),
            ("ETCD_DATA_DIR", "ETCD_NAME=kubelet's\nETCD_DATA_DIR=/var/my etcd\n", &["/var/my etcd"]),
        ];
        for (key, text, expected) in cases {
            assert_eq!(values_of(text.as_bytes(), key), *expected, "{key} in {text}");
        }
    }

    #[test]
    fn mounts_are_joined_by_the_names_of_volumes() {
        let block = "
spec:
  containers:
  - name: one
    volumeMounts:
    - mountPath: /pki
      name: certs
      readOnly: true
    - {mountPath: /conf/a.yaml, name: conf, subPath: a.yaml}
  - name: two
    volumeMounts:
    - name: certs
      mountPath: /two
    - name: gone
      mountPath: /gone
  volumes:
  - hostPath:
      path: /etc/kubernetes/pki
      type: Directory
    name: certs
  - name: conf
    hostPath: {path: /etc/conf/}
  - name: gone
    emptyDir: {}
";
        let expected =
            [("/pki", "/etc/kubernetes/pki"), ("/conf/a.yaml", "/etc/conf/a.yaml"), ("/two", "/etc/kubernetes/pki")];
        assert_eq!(mounts(block.as_bytes()), expected.map(|(mount, host)| (mount.to_owned(), host.to_owned())));

        let json = r#"{"spec": {"volumes": [{"name": "c", "hostPath": {"path": "/host"}}],
            "containers": [{"volumeMounts": [{"name": "c", "mountPath": "/pod"}, {"mountPath": "/any"}]}]}}"#;
        let expected = [("/pod", "/host"), ("/any", "/host")];
        assert_eq!(mounts(json.as_bytes()), expected.map(|(mount, host)| (mount.to_owned(), host.to_owned())));
    }

    #[test]
    fn only_whole_certificates_come_out() {
        let pem = b"subject=CN = x
-----BEGIN CERTIFICATE-----
AQID\r
BAU=
-----END CERTIFICATE-----
-----BEGIN RSA PRIVATE KEY-----
c2VjcmV0
-----END RSA PRIVATE KEY-----
-----BEGIN TRUSTED CERTIFICATE-----
AQID
-----END TRUSTED CERTIFICATE-----
-----BEGIN CERTIFICATE-----
not base64!
-----END CERTIFICATE-----
-----BEGIN CERTIFICATE-----
AQID
-----BEGIN PRIVATE KEY-----
c2VjcmV0
-----END CERTIFICATE-----
-----BEGIN CERTIFICATE-----
/+8=
-----END CERTIFICATE-----";
        assert_eq!(pem_certificates(pem), [vec![1, 2, 3, 4, 5], vec![0xff, 0xef]]);
        assert!(pem_certificates(b"").is_empty());
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_scan_panic(bytes: Vec<u8>, text in "[-a-z:={}\\[\\]\"'#|> \\n\\\\,]{0,80}") {
            for text in [&bytes[..], text.as_bytes()] {
                values_of(text, "a");
                mounts(text);
                pem_certificates(text);
            }
        }
    }
}
