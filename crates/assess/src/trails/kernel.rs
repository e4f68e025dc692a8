//! Where to look for the kernel: as many of its own names as facts and controls speak of.

use std::collections::BTreeSet;

use benchmark::Content;
use evidence::{Cut, Hop, Start, Take, Trail, setting_path};

use crate::facts::kernel::{
    ARCHITECTURE, COMMAND_LINE, CONFIG_PLACES, DIRECTORIES, OS_RELEASE, OWN_CONFIG, PARAMETERS, RELEASE, SETTINGS,
    STATES, VULNERABILITIES,
};

/// Families of facts whose names say what is taken.
const PARAMETER: &str = "kernel.cmdline.";
const SETTING: &str = "kernel.sysctl.";

pub(super) fn trails(content: &Content) -> Vec<Trail> {
    let mut all = Vec::new();
    let mut push = |id: &str, path: &str, hops: Vec<Hop>, take: Vec<Take>| {
        all.push(Trail { id: format!("kernel.{id}"), start: Start::Path(path.to_owned()), hops, take });
    };
    let config = || vec![Take::Stat, Take::Text(Cut::Kconfig)];
    push("config", OWN_CONFIG, vec![], config());
    for (before, after) in CONFIG_PLACES {
        push(
            "config.release",
            RELEASE,
            vec![Hop::Complete { before: before.to_owned(), after: after.to_owned() }],
            config(),
        );
    }
    let entries = |prefix: Option<&str>| Hop::Entries { prefix: prefix.map(str::to_owned), suffix: None, depth: 1 };
    push("config.installed", "/boot", vec![], vec![Take::List]);
    push("config.installed", "/boot", vec![entries(Some("config-"))], config());
    push("config.installed", "/usr/lib/modules", vec![], vec![Take::List]);
    push("config.installed", "/usr/lib/modules", vec![entries(None), Hop::Join("config".to_owned())], config());

    push("release", RELEASE, vec![], vec![Take::Value]);
    push("architecture", ARCHITECTURE, vec![], vec![Take::Value]);
    push("os", OS_RELEASE, vec![], vec![Take::Stat, Take::Text(Cut::Env)]);

    let parameters = PARAMETERS.into_iter().chain(named(content, PARAMETER)).collect::<BTreeSet<&str>>();
    let parameters = parameters.into_iter().map(str::to_owned).collect();
    push("cmdline", COMMAND_LINE, vec![], vec![Take::Parameters(parameters)]);
    for key in SETTINGS.into_iter().chain(named(content, SETTING)).collect::<BTreeSet<&str>>() {
        push("sysctl", &setting_path(key), vec![], vec![Take::Value]);
    }
    for path in STATES {
        push("state", path, vec![], vec![Take::Value]);
    }
    for path in DIRECTORIES {
        push("state", path, vec![], vec![Take::List]);
    }
    push("vulnerabilities", VULNERABILITIES, vec![], vec![Take::List]);
    push("vulnerabilities", VULNERABILITIES, vec![entries(None)], vec![Take::Value]);
    all
}

/// The names that controls speak of in a family.
fn named<'c>(content: &'c Content, family: &'static str) -> impl Iterator<Item = &'c str> {
    let facts = content.controls.iter().flat_map(benchmark::Control::facts);
    facts.filter_map(move |fact| fact.strip_prefix(family))
}

/// Whether a trail leads to what a fact of the kernel is seen from.
pub(super) fn leads_to(trail: &Trail, fact: &str) -> bool {
    let Some(id) = trail.id.strip_prefix("kernel.") else { return false };
    let starts_at = |path: &str| trail.start == Start::Path(path.to_owned());
    if let Some(key) = fact.strip_prefix(SETTING) {
        return id == "sysctl" && starts_at(&setting_path(key));
    }
    let word = |word: &str| fact.split('.').nth(1) == Some(word);
    match id {
        "cmdline" => fact.starts_with(PARAMETER),
        "config" | "config.release" => word("config") || word("has-option") || word("version"),
        "vulnerabilities" => word("vulnerability") || word("unmitigated"),
        "os" => word("talos-version"),
        "sysctl" => word("kubelet-differences") && SETTINGS[..6].iter().any(|key| starts_at(&setting_path(key))),
        "state" => ["lockdown", "security-modules", "module-signatures", "secure-boot"].iter().any(|own| {
            let place = STATES.iter().chain(&DIRECTORIES).find(|path| starts_at(path)).copied().unwrap_or_default();
            let name = match *own {
                "security-modules" => "/lsm",
                "module-signatures" => "sig_enforce",
                "secure-boot" => "firmware",
                other => other,
            };
            word(own) && place.contains(name)
        }),
        _ => false,
    }
}
