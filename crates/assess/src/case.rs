//! A case: captures, read as one platform's and one Kubernetes version's, and judged one at a time.

use std::borrow::Cow;

use benchmark::{Content, Control, Platform, Profile, Version};
use evidence::{Capture, Captures};

use crate::detect::{self, Choice};
use crate::interned::Interned;
use crate::node::Node;
use crate::together::Together;
use crate::value::Seen;
use crate::{Judged, Outcome, Presence, Selection, components, demands, facts, judge, talos};

/// The evidence of a run, read as a platform's and a version's. Captures are gone through as often as needed, and no more
/// than one of them is looked at, at any time.
#[derive(Debug)]
pub struct Case<'c, C> {
    captures: &'c C,
    content: &'c Content,
    platform: &'c Platform,
    why: Choice,
    kubernetes: Option<(Version, Choice)>,
    together: Together,
}

/// Components that a provider of managed clusters runs out of sight.
pub const PROVIDERS: [&str; 5] =
    ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd", "control-plane"];

/// Captures as they are judged: what is rendered comes with what would be made of it.
fn each<C: Captures>(captures: &C) -> impl Iterator<Item = Result<Cow<'_, Capture>, C::Error>> {
    captures.each().map(|capture| capture.map(talos::rendered))
}

impl<'c, C: Captures> Case<'c, C> {
    /// Reads a run. A platform or version that is not given is told from the evidence, with its reason. None: the
    /// content has no platform.
    ///
    /// # Errors
    /// Those of the captures' source.
    pub fn new(
        captures: &'c C,
        content: &'c Content,
        platform: Option<(&'c Platform, Choice)>,
        kubernetes: Option<(Version, Choice)>,
    ) -> Result<Option<Self>, C::Error> {
        let found = match platform {
            None => detect::platform(each(captures), content)?,
            given => given,
        };
        let Some((platform, why)) = found else { return Ok(None) };
        let mut kubernetes = kubernetes;
        for capture in each(captures) {
            if kubernetes.is_none() {
                kubernetes = detect::version(&Node::new(&*capture?, content, platform));
            } else {
                break;
            }
        }
        let mut case = Self { captures, content, platform, why, kubernetes, together: Together::default() };
        let mut together = Together::default();
        for capture in each(captures) {
            together.take(&case.node(&*capture?));
        }
        case.together = together;
        Ok(Some(case))
    }

    /// A capture, read as this case's, with what other captures tell of it.
    fn node<'n>(&'n self, capture: &'n Capture) -> Node<'n> {
        let mut node = Node::new(capture, self.content, self.platform);
        node.version = self.kubernetes.as_ref().map(|(version, _)| *version);
        self.together.tell(&mut node);
        node
    }

    /// The outcome of a control of what a provider runs, unless a node shows it all the same.
    fn hidden(&self, control: &Control) -> Option<Outcome> {
        let provider = self.platform.provider.as_deref()?;
        let own = PROVIDERS.contains(&control.component.as_str());
        let shown = self.together.shows(&control.component);
        (own && !shown).then(|| Outcome::hidden(&control.component, provider))
    }

    /// The platform, with the reason.
    pub fn platform(&self) -> &Choice {
        &self.why
    }

    /// The version of Kubernetes, with the reason; none: it was not seen.
    pub fn kubernetes(&self) -> Option<&(Version, Choice)> {
        self.kubernetes.as_ref()
    }

    /// The profile that fits, with the reason; none: the content has none that is published for Kubernetes.
    pub fn profile(&self) -> Option<(&'c Profile, Choice)> {
        let version = self.kubernetes.as_ref().map(|(version, _)| *version);
        detect::profile(self.together.only_saved(), version, self.content)
    }

    /// Judges every demand of the profiles over every capture. Each capture is handed on once it was judged, with what
    /// runs there.
    ///
    /// # Errors
    /// Those of the captures' source.
    pub fn judge(
        &self,
        profiles: &[&Profile],
        only: &Selection,
        mut done: impl FnMut(&Capture, Presence),
    ) -> Result<Vec<Judged<'c>>, C::Error> {
        let mut all: Vec<(Judged<'c>, Interned<Outcome>)> = demands(self.content, profiles, only)
            .into_iter()
            .map(|(control, parameters, cited_by)| {
                let hidden = self.hidden(control).map(|outcome| (self.together.first().to_owned(), outcome.into()));
                (Judged { control, parameters, cited_by, outcomes: hidden.into_iter().collect() }, Interned::default())
            })
            .collect();
        let of_provider: Vec<bool> = all.iter().map(|(judged, _)| !judged.outcomes.is_empty()).collect();
        for capture in each(self.captures) {
            let capture = capture?;
            let node = self.node(&capture);
            for ((judged, known), of_provider) in all.iter_mut().zip(&of_provider) {
                // A cluster's objects are judged once, where they were seen, and a node's files never there.
                let of_cluster = facts::is_of_cluster(&judged.control.component);
                let asked = if node.is_cluster() { of_cluster } else { !of_cluster || !self.together.has_cluster() };
                if *of_provider || !asked {
                    continue;
                }
                for outcome in judge::judge(&node, judged.control, &judged.parameters) {
                    judged.outcomes.push((capture.name.clone(), known.one(outcome)));
                }
            }
            done(&capture, presence(&node));
        }
        Ok(all.into_iter().map(|(judged, _)| judged).collect())
    }
}

/// What runs on a node.
fn presence(node: &Node<'_>) -> Presence {
    let word = |component: &components::Component| match node.instances(component.name) {
        Seen::Known(instances) if instances.iter().any(|instance| instance.process.is_some()) => {
            Some("running".to_owned())
        }
        Seen::Known(_) => Some("declared".to_owned()),
        // Of what was saved, nothing tells of components at all.
        Seen::Unknown(_) if !node.sight.capture.reach.files => None,
        // What only the cluster could tell makes no node one of a cluster.
        Seen::Unknown(unknown) if component.in_cluster && unknown.outside => None,
        Seen::Unknown(unknown) => Some(unknown.why),
        Seen::Absent(_) => None,
    };
    let told = |component: &components::Component| Some((component.name.to_owned(), word(component)?));
    Presence { components: components::COMPONENTS.iter().filter_map(told).collect() }
}
