//! From a failing demand to what would settle it: the requirement read backwards.

use assess::{Lever, Observed, lever, meets};
use benchmark::{Comparison, Control, Judge, Operand, Operator, Requirement};
use report::Finding;
use serde_json::Value as Json;

/// One thing to change.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Move {
    /// What is changed.
    pub(crate) lever: Lever,
    /// To what.
    pub(crate) to: To,
    /// What was seen; none: the fact was not asked.
    pub(crate) seen: Option<Observed>,
    /// What a list has now, which its members are added to or taken from.
    pub(crate) base: Vec<String>,
    /// A node that passes with the value already, where that is not the bound itself.
    pub(crate) kept_from: Option<String>,
}

impl Move {
    /// A change on the node where the finding was seen.
    pub(crate) fn new(lever: Lever, to: To, seen: Option<Observed>) -> Self {
        let base = seen.as_ref().and_then(|seen| seen.value.as_deref()).map(list).unwrap_or_default();
        Self { lever, to, seen, base, kept_from: None }
    }
}

/// What a value becomes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum To {
    /// This.
    Value(Json),
    /// What it is, and these members.
    With(Vec<String>),
    /// What it is, less these members.
    Without(Vec<String>),
    /// What it is, less every member but these.
    Only(Vec<String>),
    /// It goes.
    Gone,
}

/// How a finding is settled.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Way {
    /// By changes, with other ways that would do, in words.
    Changes(Vec<Move>, Vec<String>),
    /// By a person, and why no patch is written.
    Hand(&'static str),
}

const CHOOSE: &str = "a person has to choose or prepare something first";
const BUILD: &str = "the kernel has to be built otherwise";
const NOT_THERE: &str = "this kernel does not have the setting";
const FOLLOWS: &str = "the settings are right, but what runs does not follow them";
const ELSEWHERE: &str = "the value stands in a file of its own, which wins over the setting";
pub(crate) const MEMBERS: &str = "what stands there now is no plain list of names";
pub(crate) const UNSEEN: &str = "what stands there now was not seen";

/// What settles a finding.
pub(crate) fn way(finding: &Finding, control: &Control) -> Way {
    if control.fix.by_hand {
        return Way::Hand(CHOOSE);
    }
    if finding.component == assess::KERNEL {
        return of_kernel(finding, control);
    }
    let Judge::Require(requirement) = &control.judge else { return Way::Hand(CHOOSE) };
    let mut ways: Vec<&Requirement> = match requirement {
        Requirement::Any(parts) => parts.iter().collect(),
        one => vec![one],
    };
    ways.extend(control.equivalent.iter().map(|other| &other.require));
    let tried: Vec<Result<Vec<Move>, &'static str>> =
        ways.iter().map(|way| Derivation { finding, control }.moves(way)).collect();
    let Some(taken) = tried.iter().position(|way| way.as_ref().is_ok_and(|moves| !moves.is_empty())) else {
        return Way::Hand(tried.iter().find_map(|way| way.as_ref().err().copied()).unwrap_or(FOLLOWS));
    };
    let others = ways.iter().enumerate().filter(|(at, _)| *at != taken);
    let others = others.map(|(_, way)| way.phrase(&finding.parameters)).collect();
    Way::Changes(tried[taken].clone().unwrap_or_default(), others)
}

/// A kernel's control says itself which line settles it.
fn of_kernel(finding: &Finding, control: &Control) -> Way {
    let line = control.filled("{set}", &finding.parameters);
    let plain = |text: &str| {
        !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "._-/=,:".contains(letter))
    };
    let changed = |lever: Lever, fact: &str, to: To| {
        let seen = finding.observed.iter().find(|seen| seen.fact == fact).cloned();
        Way::Changes(vec![Move::new(lever, to, seen)], Vec::new())
    };
    if line.contains("CONFIG_") {
        return Way::Hand(BUILD);
    }
    if let Some((key, value)) = line.split_once(" = ") {
        let fact = format!("kernel.sysctl.{key}");
        let there = finding.observed.iter().any(|seen| seen.fact == fact && seen.value.is_some());
        return match (plain(key) && plain(value), there) {
            (true, true) => changed(Lever::Sysctl(key.to_owned()), &fact, To::Value(Json::from(value))),
            (true, false) => Way::Hand(NOT_THERE),
            _ => Way::Hand(CHOOSE),
        };
    }
    let (argument, to) = match (line.strip_prefix("add "), line.strip_prefix("remove ")) {
        (Some(argument), _) => (argument, To::Value(Json::from(argument))),
        (_, Some(argument)) => (argument, To::Gone),
        _ => (line.as_str(), To::Value(Json::from(line.as_str()))),
    };
    if !plain(argument) {
        return Way::Hand(CHOOSE);
    }
    let key = argument.split('=').next().unwrap_or(argument);
    changed(Lever::KernelArgument(argument.to_owned()), &format!("kernel.cmdline.{key}"), to)
}

/// A requirement of a finding, read backwards.
#[derive(Clone, Copy)]
struct Derivation<'f> {
    finding: &'f Finding,
    control: &'f Control,
}

impl Derivation<'_> {
    /// What makes a requirement hold; empty: it holds, or follows by itself.
    fn moves(self, requirement: &Requirement) -> Result<Vec<Move>, &'static str> {
        match requirement {
            Requirement::Compare(comparison) => self.of(comparison, true),
            Requirement::Not(inner) => match &**inner {
                Requirement::Compare(comparison) => self.of(comparison, false),
                _ => Err(CHOOSE),
            },
            Requirement::All(parts) => {
                let parts: Result<Vec<Vec<Move>>, _> = parts.iter().map(|part| self.moves(part)).collect();
                let mut moves: Vec<Move> = Vec::new();
                for one in parts?.into_iter().flatten() {
                    if !moves.contains(&one) {
                        moves.push(one);
                    }
                }
                Ok(moves)
            }
            Requirement::Any(parts) => {
                let tried: Vec<_> = parts.iter().map(|part| self.moves(part)).collect();
                tried.iter().find(|way| way.is_ok()).unwrap_or(&Err(CHOOSE)).clone()
            }
        }
    }

    fn of(self, comparison: &Comparison, wanted: bool) -> Result<Vec<Move>, &'static str> {
        let Comparison { fact, operator, operand } = comparison;
        let operand = match operand {
            Operand::Literal(value) => value,
            Operand::Parameter(name) => self.finding.parameters.get(name).ok_or(CHOOSE)?,
            Operand::Fact(_) => return Err(CHOOSE),
        };
        let seen = self.finding.observed.iter().find(|seen| seen.fact == *fact).cloned();
        let value = seen.as_ref().and_then(|seen| seen.value.as_deref());
        if seen.is_some() && meets(fact, value, *operator, operand) == Some(wanted) {
            return Ok(Vec::new());
        }
        let lever = match lever(fact) {
            Lever::Follows => return Ok(Vec::new()),
            Lever::Person => return Err(CHOOSE),
            lever => lever,
        };
        let seen_is_needed = || value.map(|_| ()).ok_or(UNSEEN);
        let to = match (self.control.fix.values.get(fact), operator) {
            (Some(value), _) => To::Value(value.clone()),
            _ if !wanted => return Err(CHOOSE),
            (_, Operator::Equals | Operator::AtLeast | Operator::AtMost | Operator::ModeWithin | Operator::OwnedBy) => {
                To::Value(operand.clone())
            }
            (_, Operator::OneOf) => To::Value(operand.as_array().and_then(|all| all.first()).ok_or(CHOOSE)?.clone()),
            (_, Operator::Contains) => To::With(members(operand)),
            (_, Operator::Excludes | Operator::Disjoint) => To::Without(members(operand)),
            (_, Operator::Within) => {
                seen_is_needed()?;
                To::Only(members(operand))
            }
            (_, Operator::Absent) => To::Gone,
            (_, Operator::Present | Operator::Matches) => return Err(CHOOSE),
        };
        if let (Some(seen), Lever::Setting { component, .. }) = (&seen, &lever) {
            // Whoever else than the command line says it has the last word; the kubelet's files are what is patched.
            let by_flag = seen.source.starts_with("--") || seen.source.starts_with("ETCD_");
            if seen.how == "explicit" && !by_flag && *component != "kubelet" {
                return Err(ELSEWHERE);
            }
        }
        let listed = matches!(to, To::With(_) | To::Without(_) | To::Only(_));
        if listed && !value.unwrap_or_default().split(", ").all(is_plain) {
            return Err(MEMBERS);
        }
        Ok(vec![Move::new(lever, to, seen)])
    }
}

/// The members of a list as a report shows it.
pub(crate) fn list(text: &str) -> Vec<String> {
    if text == "nothing" { Vec::new() } else { text.split(", ").map(str::to_owned).collect() }
}

/// The members of an operand.
pub(crate) fn members(operand: &Json) -> Vec<String> {
    match operand {
        Json::Array(all) => all.iter().map(benchmark::plain).collect(),
        one => vec![benchmark::plain(one)],
    }
}

/// Whether a member of a list is a name that means nothing else anywhere: what a node says goes into patches only so.
pub(crate) fn is_plain(name: &str) -> bool {
    name.chars().all(|letter| letter.is_ascii_alphanumeric() || "._-/:*".contains(letter))
}
