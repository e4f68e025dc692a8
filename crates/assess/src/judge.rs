//! Judging: a control and its bounds against what is known, in Kleene's logic. Unknown is never a pass.

use benchmark::{Comparison, Control, Judge, Need, Operand, Operator, Parameters, Requirement};
use evidence::Basis;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::facts::{self, Subject};
use crate::node::Node;
use crate::operators;
use crate::value::{How, Known, Resolved, Seen, Unknown, Value};

mod offends;

/// What follows from evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The requirement does not hold.
    Fail,
    /// It could not be seen whether it holds.
    Unknown,
    /// A question for a person.
    Manual,
    /// The requirement holds.
    Pass,
    /// It does not apply here, provably.
    NotApplicable,
}

/// What was judged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct SubjectName {
    /// `component`, `cluster`, `set`, or the kind of a set's members: `file`, `subject`, `role`, `service account`,
    /// `namespace`.
    pub kind: String,
    /// Its name: an instance, a path, a namespace, a set.
    pub name: String,
}

/// A fact as it was seen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Observed {
    /// The fact.
    pub fact: String,
    /// Its value as text; none if it is absent or unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// How it came about: explicit, default, zero-means-default, observed, derived; absent; unknown.
    pub how: String,
    /// Where it was seen, the proof of absence, or why it is not known.
    pub source: String,
    /// Whether it decides, or is only shown.
    pub decides: bool,
    /// Of a fact that decides a failure: what of it is not as it must be. Members that are missing or too many, permission
    /// bits as chmod writes them (`g+w`); empty: nothing of it. None: only the whole value can be told, or a report of
    /// before this was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offends: Option<Vec<String>>,
}

/// The verdict on one subject.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Outcome {
    /// What was judged.
    pub subject: SubjectName,
    /// The verdict.
    pub verdict: Verdict,
    /// For a pass by another way: why it serves as well.
    pub equivalent: Option<String>,
    /// How directly the deciding facts were seen.
    pub basis: Option<Basis>,
    /// Why, in a sentence; empty for a plain pass.
    pub reason: String,
    /// What would let us see.
    pub help: Option<String>,
    /// Who alone can see and settle it: the provider that runs this part of the cluster.
    pub provider: Option<String>,
    /// Whether the unknown lies outside what the source can see at all.
    pub outside: bool,
    /// The facts.
    pub observed: Vec<Observed>,
    /// What else a reader should know.
    pub notes: Vec<String>,
}

/// Judges a control with its bounds on a node: one outcome for every subject.
pub(crate) fn judge(node: &Node<'_>, control: &Control, parameters: &Parameters) -> Vec<Outcome> {
    let of_cluster = facts::is_of_cluster(&control.component) || control.reach == Some(Need::KubernetesApi);
    if of_cluster && !node.sight.capture.reach.api {
        let unknown = Unknown::outside(
            "outside this source: it needs the objects of the Kubernetes API",
            "audit the cluster's API objects",
        );
        return vec![Outcome::unknown(SubjectName::new("cluster", &control.component), unknown)];
    }
    if facts::is_of_host(&control.component) && control.for_each.is_none() {
        let subject = SubjectName::new(if of_cluster { "cluster" } else { "component" }, &control.component);
        return vec![Bench { node, control, parameters, subject: Subject::Host }.outcome(subject)];
    }
    let Some(set) = &control.for_each else {
        let of = SubjectName::new("component", &control.component);
        return match node.instances(&control.component) {
            Seen::Known(instances) => instances
                .iter()
                .map(|instance| {
                    Bench { node, control, parameters, subject: Subject::Instance(instance) }
                        .outcome(SubjectName::new("component", &instance.name))
                })
                .collect(),
            Seen::Absent(proof) => vec![Outcome::not_applicable(of, proof)],
            Seen::Unknown(unknown) => vec![Outcome::unknown(of, unknown)],
        };
    };
    let of = SubjectName::new("set", set);
    let Some(found) = facts::set(set) else {
        return vec![Outcome::unknown(of, Unknown::new(format!("there is no set {set}"), "run kube-assay lint"))];
    };
    let members = if found.kind == facts::FILE && node.is_of_api() {
        node.files_behind_api(&control.component)
    } else {
        (found.members)(node)
    };
    match members {
        Seen::Known(members) => {
            let each = members.paths.iter().map(|path| {
                Bench { node, control, parameters, subject: Subject::Member(path) }
                    .outcome(SubjectName::new(found.kind, path))
            });
            // A set that may have more members is never told as whole.
            each.chain(members.unseen.clone().map(|unknown| Outcome::unknown(of, unknown))).collect()
        }
        // Files that are not there are nothing to judge. That nobody holds a right, though, is what is demanded.
        Seen::Absent(proof) if of_cluster => {
            let basis = Some(Basis::Running);
            vec![Outcome { basis, ..Outcome::plain(of, Verdict::Pass, proof) }]
        }
        Seen::Absent(proof) => vec![Outcome::not_applicable(of, proof)],
        Seen::Unknown(unknown) => vec![Outcome::unknown(of, unknown)],
    }
}

/// One control before one subject.
struct Bench<'b> {
    node: &'b Node<'b>,
    control: &'b Control,
    parameters: &'b Parameters,
    subject: Subject<'b>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Truth {
    True,
    False,
    Unknown(Unknown),
}

impl Bench<'_> {
    /// Whether a value is nothing but the subject's own name, which every finding tells anyway.
    fn is_own_name(&self, resolved: &Resolved) -> bool {
        let Subject::Member(name) = self.subject else { return false };
        matches!(resolved, Seen::Known(known) if known.value == Value::Text(name.to_owned()))
    }

    fn outcome(&self, subject: SubjectName) -> Outcome {
        let mut observed = Vec::new();
        if let Some(when) = &self.control.when {
            match self.truth(when, &mut observed) {
                Truth::True => {}
                Truth::False => {
                    let reason = self.control.not_applicable.clone().unwrap_or_default();
                    return self.finish(Outcome::not_applicable(subject, reason), &observed);
                }
                Truth::Unknown(unknown) => return self.finish(Outcome::unknown(subject, unknown), &observed),
            }
        }
        let outcome = match &self.control.judge {
            Judge::Manual { question, unless } => match unless.as_ref().map(|unless| self.truth(unless, &mut observed))
            {
                Some(Truth::True) => Outcome::plain(subject, Verdict::Pass, String::new()),
                Some(Truth::Unknown(unknown)) => Outcome::unknown(subject, unknown),
                Some(Truth::False) | None => Outcome::plain(subject, Verdict::Manual, question.clone()),
            },
            Judge::Require(requirement) => self.required(requirement, subject, &mut observed),
        };
        self.finish(outcome, &observed)
    }

    fn required(
        &self,
        requirement: &Requirement,
        subject: SubjectName,
        observed: &mut Vec<(String, Resolved)>,
    ) -> Outcome {
        let letter = self.truth(requirement, observed);
        if letter == Truth::True {
            return Outcome::plain(subject, Verdict::Pass, String::new());
        }
        let mut unsure = match &letter {
            Truth::Unknown(unknown) => Some(unknown.clone()),
            _ => None,
        };
        for other in &self.control.equivalent {
            match self.truth(&other.require, observed) {
                Truth::True => {
                    let pass = Outcome::plain(subject, Verdict::Pass, String::new());
                    return Outcome { equivalent: Some(other.because.clone()), ..pass };
                }
                Truth::Unknown(unknown) => unsure = unsure.or(Some(unknown)),
                Truth::False => {}
            }
        }
        if let Some(unknown) = unsure {
            Outcome::unknown(subject, unknown)
        } else {
            let reason = self.failures(requirement, observed);
            Outcome::plain(subject, Verdict::Fail, reason)
        }
    }

    fn truth(&self, requirement: &Requirement, observed: &mut Vec<(String, Resolved)>) -> Truth {
        match requirement {
            Requirement::All(parts) => {
                parts.iter().fold(Truth::True, |so_far, part| and(so_far, self.truth(part, observed)))
            }
            Requirement::Any(parts) => {
                not(parts.iter().fold(Truth::True, |so_far, part| and(so_far, not(self.truth(part, observed)))))
            }
            Requirement::Not(part) => not(self.truth(part, observed)),
            Requirement::Compare(comparison) => self.compare(comparison, observed),
        }
    }

    fn compare(&self, comparison: &Comparison, observed: &mut Vec<(String, Resolved)>) -> Truth {
        let left = self.resolve(&comparison.fact, observed);
        let right = match self.operand(comparison, observed) {
            Seen::Known(right) => right,
            Seen::Absent(_) => return Truth::False,
            Seen::Unknown(unknown) => return Truth::Unknown(unknown),
        };
        match left {
            Seen::Unknown(unknown) => Truth::Unknown(unknown),
            Seen::Absent(_) => truth_of(comparison.operator == Operator::Absent),
            Seen::Known(known) => {
                let holds = operators::holds(self.node, comparison.operator, &known.value, &right);
                // What a part of a list shows may not be so of the whole.
                let open = match comparison.operator {
                    Operator::Contains | Operator::Present => Ok(false),
                    _ => Ok(true),
                };
                match known.partial {
                    Some(unknown) if holds == open => Truth::Unknown(unknown),
                    _ => holds.map_or_else(Truth::Unknown, truth_of),
                }
            }
        }
    }

    /// The right side of a comparison.
    fn operand(&self, comparison: &Comparison, observed: &mut Vec<(String, Resolved)>) -> Seen<operators::Right> {
        match &comparison.operand {
            Operand::Literal(json) => Seen::Known(operators::Right::Json(json.clone())),
            Operand::Parameter(name) => {
                Seen::Known(operators::Right::Json(self.parameters.get(name).cloned().unwrap_or(Json::Null)))
            }
            Operand::Fact(name) => self.resolve(name, observed).map(|known| operators::Right::Value(known.value)),
        }
    }

    fn resolve(&self, name: &str, observed: &mut Vec<(String, Resolved)>) -> Resolved {
        if let Some((_, resolved)) = observed.iter().find(|(seen, _)| seen == name) {
            return resolved.clone();
        }
        let resolved = facts::fact(name).map_or_else(
            || Seen::Unknown(Unknown::new(format!("there is no fact {name}"), "run kube-assay lint")),
            |fact| fact.resolve(self.node, self.subject, name),
        );
        observed.push((name.to_owned(), resolved.clone()));
        resolved
    }

    /// The comparisons that do not come out as they must, in words.
    fn failures(&self, requirement: &Requirement, observed: &mut Vec<(String, Resolved)>) -> String {
        let mut said = Vec::new();
        for (comparison, wanted) in requirement.comparisons() {
            let truth = self.compare(comparison, observed);
            if truth == (if wanted { Truth::True } else { Truth::False }) {
                continue;
            }
            let fact = &comparison.fact;
            let resolved = self.resolve(fact, observed);
            if self.is_own_name(&resolved) {
                continue;
            }
            let is = match resolved {
                Seen::Unknown(_) => continue,
                _ if !wanted => format!("{fact} {} {}", comparison.operator.phrase(), self.right(comparison)),
                Seen::Known(known) => format!("{fact} {}", self.falls_short(comparison, &known)),
                Seen::Absent(proof) => match facts::fact(fact).map(|fact| (fact.plain_setting(), fact.family())) {
                    Some((Some(_), _) | (_, Some(_))) => format!("{fact} is not set"),
                    _ => format!("{fact} is not there: {proof}"),
                },
            };
            if !said.contains(&is) {
                said.push(is);
            }
        }
        // A name alone decided, and it is not among those that may be.
        if said.is_empty() {
            return "it is not among those that are expected here".to_owned();
        }
        said.join("; ")
    }

    /// How a known value falls short of a comparison: the members that lack or exceed, else the value itself.
    fn falls_short(&self, comparison: &Comparison, known: &Known) -> String {
        if let (Value::List(own), Some(bounds)) = (&known.value, self.bounds(comparison)) {
            let lacks = || bounds.iter().filter(|member| !own.contains(member)).cloned().collect::<Vec<_>>().join(", ");
            let among = |inside: bool| {
                own.iter().filter(|m| bounds.contains(m) == inside).cloned().collect::<Vec<_>>().join(", ")
            };
            let way = if known.how == How::Default { " by default" } else { "" };
            match comparison.operator {
                Operator::Contains => return format!("lacks {}{way}", lacks()),
                Operator::Excludes | Operator::Disjoint => return format!("has {}{way}", among(true)),
                Operator::Within => return format!("has {}{way}", among(false)),
                _ => {}
            }
        }
        match known.how {
            How::Default => format!("is {} by default", known.value),
            How::ZeroMeansDefault => format!("is zero, which means {}", known.value),
            _ if matches!(&known.value, Value::List(own) if own.is_empty()) => "is nothing".to_owned(),
            _ => format!("is {}", known.value),
        }
    }

    /// The members of a comparison's right side, where it is written down.
    fn bounds(&self, comparison: &Comparison) -> Option<Vec<String>> {
        let json = match &comparison.operand {
            Operand::Literal(json) => json,
            Operand::Parameter(name) => self.parameters.get(name)?,
            Operand::Fact(_) => return None,
        };
        Some(
            json.as_array()
                .map_or_else(|| vec![benchmark::plain(json)], |members| members.iter().map(benchmark::plain).collect()),
        )
    }

    fn right(&self, comparison: &Comparison) -> String {
        match self.bounds(comparison).unwrap_or_default() {
            none if none.is_empty() => "nothing".to_owned(),
            members => members.join(", "),
        }
    }

    /// Puts the facts in, shows what is only observed, and takes the subject's own path out of sentences, so that
    /// subjects that share everything else are told together.
    fn finish(&self, mut outcome: Outcome, observed: &[(String, Resolved)]) -> Outcome {
        let mut all = observed.to_vec();
        let deciding = all.len();
        // Of a subject that is as it should be nothing more is told, so that all of them are told together.
        let plain = outcome.verdict == Verdict::Pass && facts::is_of_cluster(&self.control.component);
        for name in self.control.observe.iter().filter(|_| !plain || matches!(self.subject, Subject::Host)) {
            self.resolve(name, &mut all);
        }
        // A fact that is absent was seen as directly as the instance that lacks it.
        let own = match self.subject {
            Subject::Instance(instance) => Some(instance.basis),
            Subject::Member(_) | Subject::Host => None,
        };
        let known = all[..deciding].iter().filter_map(|(_, resolved)| resolved.known());
        if outcome.verdict != Verdict::Manual {
            outcome.basis = known.map(|known| known.basis).chain(own).min();
        }
        for (_, resolved) in &all {
            if let Seen::Known(known) = resolved {
                outcome.notes.extend(
                    known.notes.iter().filter(|note| !outcome.notes.contains(note)).cloned().collect::<Vec<_>>(),
                );
            }
        }
        let fails = outcome.verdict == Verdict::Fail;
        let mut offends: Vec<Option<Vec<String>>> =
            observed.iter().map(|(fact, _)| if fails { self.offends(fact, &mut all) } else { None }).collect();
        offends.resize(all.len(), None);
        outcome.observed = all
            .into_iter()
            .zip(offends)
            .enumerate()
            .filter(|(_, ((_, resolved), _))| !self.is_own_name(resolved))
            .map(|(at, ((fact, resolved), offends))| Observed {
                offends,
                ..Observed::new(fact, resolved, at < deciding)
            })
            .collect();
        if outcome.subject.kind == "file" {
            let name = outcome.subject.name.clone();
            let anonymous = |text: &mut String| *text = text.replace(&name, "the file");
            anonymous(&mut outcome.reason);
            outcome.observed.iter_mut().for_each(|seen| anonymous(&mut seen.source));
            outcome.notes.iter_mut().for_each(anonymous);
        }
        outcome
    }
}

fn truth_of(holds: bool) -> Truth {
    if holds { Truth::True } else { Truth::False }
}

fn not(truth: Truth) -> Truth {
    match truth {
        Truth::True => Truth::False,
        Truth::False => Truth::True,
        unknown @ Truth::Unknown(_) => unknown,
    }
}

fn and(left: Truth, right: Truth) -> Truth {
    match (left, right) {
        (Truth::False, _) | (_, Truth::False) => Truth::False,
        // Something within reach that could not be seen says more than something outside it.
        (Truth::Unknown(left), Truth::Unknown(right)) => Truth::Unknown(if left.outside { right } else { left }),
        (unknown @ Truth::Unknown(_), Truth::True) | (Truth::True, unknown @ Truth::Unknown(_)) => unknown,
        (Truth::True, Truth::True) => Truth::True,
    }
}

impl Observed {
    fn new(fact: String, resolved: Resolved, decides: bool) -> Self {
        let (value, how, source) = match resolved {
            Seen::Known(Known { value, how, source, .. }) => (Some(value.to_string()), how.word(), source),
            Seen::Absent(proof) => (None, "absent", proof),
            Seen::Unknown(unknown) => (None, "unknown", unknown.why),
        };
        Self { fact, value, how: how.to_owned(), source, decides, offends: None }
    }
}

impl SubjectName {
    fn new(kind: &str, name: &str) -> Self {
        Self { kind: kind.to_owned(), name: name.to_owned() }
    }
}

impl Outcome {
    fn plain(subject: SubjectName, verdict: Verdict, reason: String) -> Self {
        Self {
            subject,
            verdict,
            equivalent: None,
            basis: None,
            reason,
            help: None,
            provider: None,
            outside: false,
            observed: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn not_applicable(subject: SubjectName, proof: String) -> Self {
        Self::plain(subject, Verdict::NotApplicable, proof)
    }

    /// What a provider keeps to itself.
    pub(crate) fn hidden(component: &str, provider: &str) -> Self {
        let why = format!("hidden by the provider: {provider} runs {component}, and shows nothing of it");
        let help = format!("ask {provider} for what it attests of its control plane, and record that with its date");
        let hidden = Self::unknown(SubjectName::new("component", component), Unknown::outside(why, help));
        Self { provider: Some(provider.to_owned()), ..hidden }
    }

    fn unknown(subject: SubjectName, unknown: Unknown) -> Self {
        let plain = Self::plain(subject, Verdict::Unknown, unknown.why);
        Self { help: unknown.help, outside: unknown.outside, ..plain }
    }
}
