//! Whether an entry's scope fits an outcome, and how closely it speaks of it.

use assess::SubjectName;
use benchmark::Control;

use super::{Asked, Decider};
use crate::model::Scope;

/// How an entry's scope fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    Yes,
    No,
    /// It would, if it were known on which node this is.
    Unseen(String),
}

impl Decider<'_> {
    /// Whether an entry's scope fits an outcome.
    pub(super) fn fits(&self, scope: &Scope, asked: &Asked<'_>) -> Fit {
        let any = |list: &[String], test: &dyn Fn(&str) -> bool| list.is_empty() || list.iter().any(|one| test(one));
        let subject = asked.outcome.subject.name.as_str();
        let fits = scope.is_about(asked.demand.control)
            && any(&scope.platforms, &|name| self.context.platform == name)
            && any(&scope.namespaces, &|name| lies_in(&asked.outcome.subject, name))
            && any(&scope.subjects, &|name| subject == name);
        if !fits {
            return Fit::No;
        }
        if scope.nodes.is_empty() {
            return Fit::Yes;
        }
        if self.context.clusters.contains(asked.capture) {
            return Fit::No;
        }
        let Some(labels) = self.context.labels.get(asked.capture) else {
            return Fit::Unseen(format!(
                "it speaks of nodes by their labels, and those of {} were not seen",
                asked.capture
            ));
        };
        if scope.nodes.iter().all(|(key, value)| labels.get(key) == Some(value)) {
            return Fit::Yes;
        }
        // A role may be known where no label is.
        let only_role = labels.keys().all(|key| key == "role");
        let differs = scope.nodes.iter().any(|(key, value)| labels.get(key).is_some_and(|own| own != value));
        if only_role && !differs {
            return Fit::Unseen(format!("it speaks of labels, and of {} only the role was seen", asked.capture));
        }
        Fit::No
    }
}

/// Whether a subject is a namespace or lies in it. A role of the whole cluster may bear the same name, and lies in none.
fn lies_in(subject: &SubjectName, namespace: &str) -> bool {
    let name = subject.name.as_str();
    match subject.kind.as_str() {
        "namespace" => name == namespace,
        "role" | "subject" | "service account" => {
            let own = ["Role ", "ServiceAccount "].iter().find_map(|kind| name.strip_prefix(kind)).unwrap_or(name);
            own.split_once('/').is_some_and(|(own, _)| own == namespace)
        }
        _ => false,
    }
}

impl Scope {
    /// Whether it speaks of a control, by its name, a section or its component.
    pub(super) fn is_about(&self, control: &Control) -> bool {
        let names = |list: &[String], name: &String| list.is_empty() || list.contains(name);
        names(&self.controls, &control.name)
            && (self.sections.is_empty() || self.in_sections.contains(&control.name))
            && names(&self.components, &control.component)
    }

    /// How closely it speaks of something.
    pub(super) fn closeness(&self) -> u32 {
        let weigh = |given: bool, weight: u32| if given { weight } else { 0 };
        weigh(!self.subjects.is_empty(), 64)
            + weigh(!self.controls.is_empty(), 32)
            + weigh(!self.sections.is_empty(), 16)
            + weigh(!self.namespaces.is_empty(), 8)
            + weigh(!self.components.is_empty(), 4)
            + weigh(!self.nodes.is_empty(), 2)
            + weigh(!self.platforms.is_empty(), 1)
    }
}
