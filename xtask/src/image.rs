//! The image of a program as an OCI archive: one static program for each architecture, and nothing else. The same programs
//! give the same bytes.

use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};

/// What a program's image is called until somebody gives it another name.
pub(crate) fn name(program: &str) -> String {
    format!("kube-assay.local/{program}:{}", env!("CARGO_PKG_VERSION"))
}

/// Writes an archive of a program for its architectures.
pub(crate) fn write(program: &str, programs: &[(&str, Vec<u8>)], to: &Path) -> anyhow::Result<()> {
    let mut blobs: Vec<(String, Vec<u8>)> = Vec::new();
    let mut images = Vec::new();
    for (arch, bytes) in programs {
        let layer = tar(&[(program.to_owned(), bytes.clone(), 0o755)])?;
        let layer = kept(&mut blobs, "application/vnd.oci.image.layer.v1.tar", layer);
        let config = json!({
            "architecture": arch, "os": "linux",
            "config": { "User": "65532:65532", "Entrypoint": [format!("/{program}")] },
            "rootfs": { "type": "layers", "diff_ids": [layer["digest"]] },
        });
        let config = kept(&mut blobs, "application/vnd.oci.image.config.v1+json", config.to_string().into());
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({ "schemaVersion": 2, "mediaType": kind, "config": config, "layers": [layer] });
        let mut image = kept(&mut blobs, kind, manifest.to_string().into());
        image["platform"] = json!({ "architecture": arch, "os": "linux" });
        images.push(image);
    }
    let kind = "application/vnd.oci.image.index.v1+json";
    let index = json!({ "schemaVersion": 2, "mediaType": kind, "manifests": images });
    let mut whole = kept(&mut blobs, kind, index.to_string().into());
    let name = name(program);
    whole["annotations"] = json!({ "io.containerd.image.name": name, "org.opencontainers.image.ref.name": name });
    let top = json!({ "schemaVersion": 2, "manifests": [whole] });
    let mut members = vec![
        ("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec(), 0o644),
        ("index.json".to_owned(), top.to_string().into(), 0o644),
    ];
    members.extend(blobs.into_iter().map(|(digest, bytes)| (format!("blobs/sha256/{digest}"), bytes, 0o644)));
    std::fs::write(to, tar(&members)?).with_context(|| to.display().to_string())
}

/// Keeps a blob, and tells how others speak of it.
fn kept(blobs: &mut Vec<(String, Vec<u8>)>, kind: &str, bytes: Vec<u8>) -> Value {
    let digest = evidence::digest(&bytes);
    let told = json!({ "mediaType": kind, "digest": format!("sha256:{digest}"), "size": bytes.len() });
    blobs.push((digest, bytes));
    told
}

fn tar(members: &[(String, Vec<u8>, u32)]) -> anyhow::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes, mode) in members {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(*mode);
        archive.append_data(&mut header, name, bytes.as_slice())?;
    }
    Ok(archive.into_inner()?)
}
