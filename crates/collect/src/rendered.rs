//! Configuration before rollout: Talos' machine configuration, of either generation or both, as files.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use evidence::{Aspect, Basis, Capture, Cut, Item, Place, Reach, Resource, Seen, Source};
use serde_json::Value;

use crate::talos::{CONFIGURATION, documents};

/// Machine configurations have some hundred kilobytes at most.
const MAX_FILE: u64 = 8 << 20;

/// Minor versions of Talos 1 whose defaults are known.
const CHECKED: RangeInclusive<u32> = 9..=15;

/// The minor version of a version of Talos 1: `1.14`, `v1.13.2`, `v1.14.0-rc.1`.
fn minor(version: &str) -> Option<u32> {
    let plain = version.strip_prefix('v').unwrap_or(version).split('-').next()?;
    let mut numbers = plain.split('.').map(|part| part.parse::<u32>().ok());
    match (numbers.next(), numbers.next(), numbers.next(), numbers.next()) {
        (Some(Some(1)), Some(Some(minor)), None | Some(Some(_)), None) => Some(minor),
        _ => None,
    }
}

/// Why a configuration cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RenderedError {
    /// The file cannot be read.
    #[error("{}: {source}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no machine configuration.
    #[error("{}: {why}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong with it. Nothing of its content.
        why: String,
    },
}

/// Reads the configuration of one machine. Without a version of Talos the tag of its installer's image tells.
pub fn machine(file: &Path, version: Option<&str>) -> Result<Capture, RenderedError> {
    let failed = |source| RenderedError::Read { file: file.to_owned(), source };
    let bad = |why: String| RenderedError::File { file: file.to_owned(), why };
    let meta = std::fs::metadata(file).map_err(failed)?;
    if meta.is_dir() {
        return Err(bad("it is a directory: name the files in it, one for each machine".to_owned()));
    }
    if !meta.is_file() || meta.len() > MAX_FILE {
        return Err(bad(format!("it is no regular file of at most {MAX_FILE} bytes")));
    }
    let text = std::fs::read_to_string(file).map_err(failed)?;
    let all: Vec<Value> = documents(&text).map_err(bad)?.into_iter().filter(|one| !one.is_null()).collect();
    let legacy = |document: &Value| document.get("machine").is_some() && document.get("kind").is_none();
    let Some(main) = all.iter().find(|document| legacy(document)) else {
        return Err(bad("it is no machine configuration of Talos: no document in it has the key `machine`".to_owned()));
    };
    let kind = main.pointer("/machine/type").and_then(Value::as_str).unwrap_or_default();
    if !["controlplane", "init", "worker", "join"].contains(&kind) {
        return Err(bad("machine.type does not say what the machine is for (controlplane or worker): a patch is no whole configuration".to_owned()));
    }
    let image = main.pointer("/machine/install/image").and_then(Value::as_str).unwrap_or_default();
    let tag = evidence::image_tag(image).filter(|tag| tag.starts_with("v1."));
    let version = version.or(tag).map(str::to_owned);
    let Some(version) = version else {
        return Err(bad(
            "for which version of Talos? its installer's image names none: give --talos-version".to_owned()
        ));
    };
    let Some(minor) = minor(&version) else {
        return Err(bad(format!("`{version}` is no version of Talos: 1.14, or v1.13.2")));
    };
    let identity =
        BTreeMap::from([("talos".to_owned(), version.clone()), ("os".to_owned(), format!("Talos {version}"))]);
    let resource = Resource {
        id: "v1alpha1".to_owned(),
        owner: String::new(),
        spec: evidence::take_spec(Cut::Machine, CONFIGURATION.name, Value::Array(all)),
    };
    if let evidence::Spec::Withheld { why } = &resource.spec {
        return Err(bad(format!("its secrets cannot be cut out safely: {why}")));
    }
    let mut remarks = vec![format!("what Talos {version} would make of it: nothing of it runs yet")];
    if !CHECKED.contains(&minor) {
        remarks.push(format!(
            "the defaults are known of Talos 1.{} to 1.{}: those of {version} may be others",
            CHECKED.start(),
            CHECKED.end()
        ));
    }
    let name = file.file_stem().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
    Ok(Capture {
        name,
        source: Source::Rendered,
        taken: None,
        root: file.display().to_string(),
        identity,
        reach: Reach::default(),
        rights: vec!["a file before rollout".to_owned()],
        remarks,
        catalogue: String::new(),
        items: vec![Item {
            trail: "rendered".to_owned(),
            place: Place::Resources(CONFIGURATION.name.to_owned()),
            aspect: Aspect::Resources,
            basis: Basis::Rendered,
            seen: Seen::Resources(vec![resource]),
        }],
        breaks: Vec::new(),
    })
}
