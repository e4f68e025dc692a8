//! A platform: where things live, and who owns them by its documentation.

use std::collections::BTreeMap;

/// A platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// Its name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// Who runs its control plane, where that is not the cluster's owner: nobody else sees it.
    pub provider: Option<String>,
    /// Where the provider says what is its own share: links to its documents.
    pub attests: Vec<String>,
    /// What of a node shows that it is one of this platform's.
    pub nodes: Marks,
    /// Paths and unit names by role.
    pub places: BTreeMap<String, Vec<String>>,
    /// Owners (`uid:gid`) of paths and what lies below them, by its documentation.
    pub owners: BTreeMap<String, String>,
    /// The accounts (`uid:gid`) that it runs components as, by its documentation.
    pub accounts: BTreeMap<String, String>,
    /// On what its judgements were checked.
    pub checked: Option<String>,
    /// What an auditor should know of controls here.
    pub explains: Vec<Explanation>,
    /// Where these facts come from.
    pub sources: Vec<String>,
}

/// What of a node, as the Kubernetes API shows it, tells its platform. Any one of them is enough.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Parts of the kubelet's version, e.g. `-eks-`.
    pub kubelet: Vec<String>,
    /// Keys of labels.
    pub labels: Vec<String>,
    /// Parts of the operating system's name.
    pub os: Vec<String>,
}

/// What an auditor should know of some controls on a platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Names of the controls.
    pub controls: Vec<String>,
    /// What to know.
    pub text: String,
}

impl Platform {
    /// The places of a role; none where the platform has no such thing.
    pub fn places(&self, role: &str) -> &[String] {
        self.places.get(role).map_or(&[], Vec::as_slice)
    }

    /// Who owns a path by the platform's documentation, by the nearest directory that it names.
    pub fn owner(&self, path: &str) -> Option<&str> {
        let above = self.owners.iter().filter(|(directory, _)| {
            path.strip_prefix(directory.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        above.max_by_key(|(directory, _)| directory.len()).map(|(_, owner)| owner.as_str())
    }

    /// What an auditor should know of a control here.
    pub fn explanation(&self, control: &str) -> Option<&str> {
        let of = |explanation: &&Explanation| explanation.controls.iter().any(|name| name == control);
        self.explains.iter().find(of).map(|explanation| explanation.text.as_str())
    }
}
