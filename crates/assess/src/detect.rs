//! What is being judged: the Kubernetes version, the platform, and the profile that fits, each with its reason.

use std::borrow::Cow;

use benchmark::{Content, Marks, Platform, Profile, Version};
use evidence::Capture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::document;
use crate::facts::kernel::OS_RELEASE;
use crate::node::Node;
use crate::sight::Sight;
use crate::talos::{KUBELET_SPECS, KUBELET_STATUSES};
use crate::value::Seen;

/// Something chosen, with the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Choice {
    /// What was chosen.
    pub name: String,
    /// Why.
    pub reason: String,
    /// Something about the choice that must not be overlooked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

impl Choice {
    fn new(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { name: name.into(), reason: reason.into(), warning: None }
    }

    /// A choice that a person made.
    pub fn given(name: impl Into<String>, flag: &str) -> Self {
        Self::new(name, format!("given by {flag}"))
    }
}

/// The version of Kubernetes that a node shows, if it shows one.
pub(crate) fn version(node: &Node<'_>) -> Option<(Version, Choice)> {
    let choose = |version: Version, reason: String| Some((version, Choice::new(version.to_string(), reason)));
    if let Seen::Known(body) = node.sight.body("/version")
        && let Ok(json) = document::parse(&body.bytes)
        && let Some(version) = document::text_at(&json, "gitVersion").and_then(|text| text.parse().ok())
    {
        return choose(version, "the API server's /version says so".to_owned());
    }
    let instances = |component| node.instances(component).known().copied().unwrap_or_default();
    for component in ["kube-apiserver", "kube-controller-manager", "kube-scheduler"] {
        for instance in instances(component) {
            if let Some((path, container)) = &instance.declared
                && let Some(version) = container.version()
            {
                return choose(version, format!("the image of {component} in {path} says so"));
            }
        }
    }
    // Talos' kubelet comes as an image; a worker has no other.
    for kind in [KUBELET_SPECS, KUBELET_STATUSES] {
        if let Seen::Known(spec) = node.spec(kind, "kubelet")
            && let Some(image) = document::text_at(&spec.json, "image")
            && let Some(tag) = evidence::image_tag(&image)
            && let Ok(version) = tag.parse()
        {
            return choose(version, format!("the image of the kubelet in {} says so", spec.place));
        }
    }
    // RKE2 and others keep each version's programs in a directory of its own.
    for component in ["kubelet", "kube-apiserver"] {
        for instance in instances(component) {
            let exe =
                instance.process.as_ref().and_then(|process| process.exe.as_ref()).map(evidence::OsText::to_lossy);
            let part = exe.iter().flat_map(|exe| exe.split('/')).find(|part| part.starts_with("v1."));
            if let Some(version) = part.and_then(|part| part.parse().ok()) {
                return choose(version, format!("{component} runs from {}", exe.unwrap_or_default()));
            }
        }
    }
    None
}

/// The platform that is told by its `ConfigMap`, and that.
const KUBEADM: &str = "kubeadm";
const OF_KUBEADM: &str = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config";

/// The platform of a run: the first whose marks are there, else the first known, with that reason.
pub(crate) fn platform<'r, 'c, E>(
    captures: impl Iterator<Item = Result<Cow<'r, Capture>, E>>,
    content: &'c Content,
) -> Result<Option<(&'c Platform, Choice)>, E> {
    for capture in captures {
        let capture = &*capture?;
        let sight = Sight::new(capture);
        for platform in &content.platforms {
            let mark = platform.places("marks").iter().find(|path| matches!(sight.stat(path), Seen::Known(_)));
            if let Some(mark) = shown(&platform.nodes, capture) {
                let reason = format!("{} shows {mark}", capture.name);
                return Ok(Some((platform, Choice::new(&platform.name, reason))));
            }
            if platform.places("os-release").iter().any(|id| runs(&sight, id)) {
                let reason = format!("{} runs {}", capture.name, platform.title);
                return Ok(Some((platform, Choice::new(&platform.name, reason))));
            }
            if platform.name == KUBEADM && matches!(sight.body(OF_KUBEADM), Seen::Known(_)) {
                let reason = "the ConfigMap kubeadm-config is there".to_owned();
                return Ok(Some((platform, Choice::new(&platform.name, reason))));
            }
            if let Some(mark) = mark {
                return Ok(Some((platform, Choice::new(&platform.name, format!("{mark} is there")))));
            }
        }
    }
    let Some(platform) = content.platform(KUBEADM).or(content.platforms.first()) else { return Ok(None) };
    let reason = format!("no platform's marks were found, so files are looked for where {} keeps them", platform.title);
    Ok(Some((platform, Choice::new(&platform.name, reason))))
}

/// Which mark of a platform a node shows.
fn shown(marks: &Marks, capture: &Capture) -> Option<String> {
    let of = |key: &str, parts: &[String]| {
        let own = capture.identity.get(key)?;
        parts.iter().any(|part| own.contains(part.as_str())).then(|| format!("{key} {own}"))
    };
    let label = marks.labels.iter().find(|key| capture.identity.contains_key(&format!("label {key}")));
    of("kubelet", &marks.kubelet)
        .or_else(|| label.map(|key| format!("the label {key}")))
        .or_else(|| of("os", &marks.os))
}

/// Whether a node runs the operating system of this id: its API says so, or its os-release.
fn runs(sight: &Sight<'_>, id: &str) -> bool {
    if sight.capture.identity.contains_key(id) {
        return true;
    }
    let release = sight.text(OS_RELEASE);
    release.known().is_some_and(|(text, _)| {
        text.to_lossy()
            .lines()
            .any(|line| line.strip_prefix("ID=").is_some_and(|own| own.trim_matches(['"', '\'']) == id))
    })
}

/// What must be said of a profile that a person chose for a version that it is not written for.
pub fn misfit(profile: &Profile, version: Option<Version>, content: &Content) -> Option<String> {
    let base = profile.extends.iter().filter_map(|name| content.profile(name)).find_map(|base| base.kubernetes);
    let (range, version) = (profile.kubernetes.or(base)?, version?);
    (!range.contains(version))
        .then(|| format!("{} is written for Kubernetes {range}, and this is {version}", profile.name))
}

/// What is judged where nothing of Kubernetes can be seen.
const KERNEL_PROFILE: &str = "kspp";

/// The profile for a Kubernetes version: the CIS benchmark written for it, else the newest. Where only a kernel's state
/// was saved, the kernel's.
pub(crate) fn profile(only_saved: bool, version: Option<Version>, content: &Content) -> Option<(&Profile, Choice)> {
    if let Some(profile) = content.profile(KERNEL_PROFILE).filter(|_| only_saved) {
        return Some((profile, Choice::new(&profile.name, "nothing but a kernel's state was saved")));
    }
    let published = || content.profiles.iter().filter(|profile| profile.kubernetes.is_some());
    let newest = published().max_by_key(|profile| profile.kubernetes.and_then(|range| range.to))?;
    let oldest = published().min_by_key(|profile| profile.kubernetes.and_then(|range| range.from))?;
    let Some(version) = version else {
        let mut choice = Choice::new(&newest.name, "the newest, because the Kubernetes version is not known");
        choice.warning = Some(format!(
            "the Kubernetes version could not be seen, so the newest profile ({}) was taken: give --kubernetes-version or --profile",
            newest.name
        ));
        return Some((newest, choice));
    };
    if let Some(profile) = published().find(|profile| profile.kubernetes.is_some_and(|range| range.contains(version))) {
        return Some((profile, Choice::new(&profile.name, format!("it is written for Kubernetes {version}"))));
    }
    let (profile, side) = if oldest.kubernetes.and_then(|range| range.from).is_some_and(|from| version < from) {
        (oldest, "older")
    } else {
        (newest, "newer")
    };
    let range = profile.kubernetes.map(|range| range.to_string()).unwrap_or_default();
    let mut choice = Choice::new(&profile.name, format!("the nearest to Kubernetes {version}"));
    choice.warning = Some(format!(
        "Kubernetes {version} is {side} than every profile known here: {} is written for {range}, and what changed since is not judged",
        profile.name
    ));
    Some((profile, choice))
}
