//! From a report to a plan: open failures by owner, durable source and target.

use std::collections::{BTreeMap, BTreeSet};

use assess::Verdict;
use benchmark::{Content, Control, Priority, Version};
use report::{Finding, Report, State};

use crate::across::Across;
use crate::derive::{Move, Way, way};
use crate::edits::{Edits, target};
use crate::model::{Hand, Item, Owner, Patch, Plan, SCHEMA, Step, Target, Use};
use crate::rerun::{Given, scan};
use crate::words::{cause, nodes, some, title, trial, warnings};
use crate::{advice, kubeadm, talos};

/// Who answers, and the source that they keep.
type Whose = (Option<String>, Option<String>);

/// Whose, why, and the texts that a remedy is made of.
type SameRemedy = (Whose, &'static str, String);

/// What a plan is written for.
struct Planner<'p> {
    report: &'p Report,
    content: &'p Content,
    given: &'p Given,
    across: Across<'p>,
    version: Option<Version>,
    /// Minor version of Talos 1, the newest of the machines.
    talos: Option<u32>,
}

/// What one step is made of.
#[derive(Default)]
struct Work<'p> {
    findings: Vec<&'p Finding>,
    edits: Edits<'p>,
    beware: Vec<String>,
}

const OTHER: &str = "patches are written for kubeadm and Talos; this platform has its own way";
const UNKNOWN: &str = "this content does not have the control";
const ANSWERED: &str = "a person answered that it does not hold: mend it, then answer anew";
const UNPLACED: &str = "/configz does not tell which file says a field. What a drop-in or a flag says wins over the ConfigMap: look for it on the nodes first, and change it there.";
const UNTOLD: &str = "what it should be does not follow from what was seen";

impl Plan {
    /// The plan for the open failures of a report. The same report and content give the same plan.
    pub fn of(report: &Report, content: &Content) -> Self {
        Self::again(report, content, &Given::default())
    }

    /// The same, with what a person named in the commands that look again.
    pub fn again(report: &Report, content: &Content, given: &Given) -> Self {
        let parse = |text: &str| text.parse::<Version>().ok();
        let minors = report.run.captures.iter().filter_map(|capture| parse(capture.identity.get("talos")?));
        let planner = Planner {
            report,
            content,
            given,
            across: Across::of(report, content),
            version: report.kubernetes.as_ref().and_then(|choice| parse(&choice.name)),
            talos: minors.map(|version| version.minor).max(),
        };
        planner.plan()
    }
}

impl<'p> Planner<'p> {
    fn plan(&self) -> Plan {
        let mut work: BTreeMap<(Target, Whose), Work<'p>> = BTreeMap::new();
        let mut by_hand: Vec<(&'p Finding, Option<&'p Control>, &'static str)> = Vec::new();
        for finding in self.open() {
            if finding.is_answered_no() {
                by_hand.push((finding, self.content.control(&finding.control), ANSWERED));
                continue;
            }
            let Some(control) = self.content.control(&finding.control) else {
                by_hand.push((finding, None, UNKNOWN));
                continue;
            };
            match self.moves(finding, control) {
                Ok((moves, others)) => {
                    for one in &moves {
                        let Some(target) = target(&one.lever) else { continue };
                        let own = work.entry((target, whose(finding))).or_default();
                        own.take(self, one, finding, control, &others);
                    }
                }
                Err(why) => by_hand.push((finding, Some(control), why)),
            }
        }
        let mut steps = Vec::new();
        let mut patches = Vec::new();
        for (number, ((target, whose), work)) in (1..).zip(work) {
            let (step, mut own) = self.step(number, target, whose, work);
            steps.push(step);
            patches.append(&mut own);
        }
        let by_hand = self.hands(by_hand);
        Plan {
            schema: SCHEMA.to_owned(),
            tool: self.report.tool.version.clone(),
            platform: self.report.platform.name.clone(),
            kubernetes: self.report.kubernetes.as_ref().map(|choice| choice.name.clone()),
            nodes: self
                .report
                .run
                .captures
                .iter()
                .filter(|own| own.source != "cluster")
                .map(|own| own.name.clone())
                .collect(),
            owners: owners(&steps, &by_hand),
            steps,
            by_hand,
            left: self.left(),
            patches,
        }
    }

    fn open(&self) -> impl Iterator<Item = &'p Finding> {
        let report: &'p Report = self.report;
        let fails = |finding: &&Finding| finding.verdict == Verdict::Fail && finding.decision.state.is_open();
        report.findings.iter().filter(move |finding| fails(finding) || finding.is_answered_no())
    }

    /// What settles a finding by patches of this platform, or why none is written.
    fn moves(&self, finding: &Finding, control: &Control) -> Result<(Vec<Move>, Vec<String>), &'static str> {
        let platform = self.report.platform.name.as_str();
        let (mut moves, others) = match way(finding, control) {
            Way::Changes(moves, others) => (moves, others),
            Way::Hand(why) => return Err(why),
        };
        if !["kubeadm", "talos"].contains(&platform) {
            return Err(OTHER);
        }
        let mut edits = Edits::default();
        for one in &mut moves {
            self.across.widen(one, finding)?;
            let target = target(&one.lever).ok_or(UNTOLD)?;
            if !edits.add(self.content, self.version, one, finding, &[]) {
                return Err(UNTOLD);
            }
            let refused = match platform {
                "talos" if edits.settings.is_empty() => talos::refuses(target, None, self.talos),
                "talos" => edits.settings.iter().find_map(|edit| talos::refuses(target, Some(edit), self.talos)),
                _ => edits.settings.iter().find_map(kubeadm::refuses),
            };
            if let Some(why) = refused {
                return Err(why);
            }
        }
        Ok((moves, others))
    }

    fn step(&self, number: usize, target: Target, whose: Whose, work: Work<'p>) -> (Step, Vec<Patch>) {
        let Work { findings, mut edits, mut beware } = work;
        if self.report.platform.name == "talos" {
            talos::name_changes(target, &mut edits);
        }
        let (advice, drafts) = if self.report.platform.name == "talos" {
            (talos::advice(target, &edits, self.talos), talos::patches(target, &edits, self.talos))
        } else {
            (advice::advice(target, &edits, self.version), kubeadm::patches(target, &edits, self.version))
        };
        beware.extend(warnings(target, &edits));
        let winning: Vec<&str> = edits.winning_files().into_iter().collect();
        if self.report.platform.name != "talos" && !winning.is_empty() {
            beware.push(format!(
                "What {} says wins over the ConfigMap: without a change there nothing changes.",
                winning.join(", ")
            ));
        }
        let drifted =
            edits.changes.iter().filter(|change| change.from.as_ref().is_some_and(|from| from.contains(" | ")));
        let drifted: Vec<&str> = drifted.map(|change| change.what.as_str()).collect();
        if !drifted.is_empty() {
            beware.push(format!("Nodes differ today in {}: find out why before all get the same.", some(&drifted)));
        }
        let nodes = nodes(&findings);
        let controls = controls(&findings);
        let (uses, patches) = drafts
            .into_iter()
            .map(|(end, goes, content)| {
                let name = format!("{number:02}-{}.{end}", target.word());
                (Use { patch: name.clone(), goes }, Patch { name, content })
            })
            .unzip();
        let step = Step {
            number,
            owner: whose.0,
            source: whose.1,
            target,
            title: title(target, &edits),
            cause: cause(target, &edits, &findings, self.report),
            trial: target.is_of_all_nodes().then(|| trial(&nodes, &self.report.run.captures)).flatten(),
            nodes,
            changes: edits.changes,
            beware,
            patches: uses,
            todo: advice.todo,
            restart: advice.restart,
            rollback: advice.rollback,
            verify: scan(self.report, self.given, &controls),
            controls,
        };
        (step, patches)
    }

    /// Findings that one remedy serves are told together, the gravest first.
    fn hands(&self, all: Vec<(&'p Finding, Option<&'p Control>, &'static str)>) -> Vec<Hand> {
        let platform = self.report.platform.name.as_str();
        let mut groups: Vec<(SameRemedy, Vec<&Finding>)> = Vec::new();
        for (finding, control, why) in all {
            let raw = control.and_then(|own| [platform, "general"].iter().find_map(|way| own.remediation.get(*way)));
            let key = (whose(finding), why, raw.unwrap_or(&finding.remediation).clone());
            match groups.iter_mut().find(|(other, _)| *other == key) {
                Some((_, findings)) => findings.push(finding),
                None => groups.push((key, vec![finding])),
            }
        }
        let mut hands: Vec<Hand> = groups.into_iter().map(|(key, findings)| self.hand(key, &findings)).collect();
        hands.sort_by_key(|hand| hand.priority);
        hands
    }

    fn hand(&self, (whose, why, _): SameRemedy, findings: &[&Finding]) -> Hand {
        let mut items: Vec<Item> = Vec::new();
        for finding in findings.iter().filter(|finding| !finding.id().is_empty()) {
            let line = self.content.control(&finding.control).filter(|own| own.set.is_some());
            let title = line.map_or_else(
                || finding.title.clone(),
                |own| {
                    let instead = own.instead.as_ref().map_or("", |_| ", or {instead}");
                    own.filled(&format!("{{set}}{instead}"), &finding.parameters)
                },
            );
            if !items.iter().any(|item| item.id == finding.id()) {
                items.push(Item { id: finding.id().to_owned(), title });
            }
        }
        let subjects: BTreeSet<&str> =
            findings.iter().flat_map(|finding| &finding.subjects).map(|subject| subject.name.as_str()).collect();
        let controls = controls(findings);
        let remediation = match findings {
            [one] => one.remediation.clone(),
            // Each line stands among the items.
            several => several.first().and_then(|first| self.content.control(&first.control)).map_or_else(
                || several.first().map(|first| first.remediation.clone()).unwrap_or_default(),
                |own| {
                    let mut own = own.clone();
                    own.set = own.set.map(|_| "each line above".to_owned());
                    own.instead = own.instead.map(|_| "do what stands beside each line".to_owned());
                    own.remedy(&self.report.platform.name, &BTreeMap::new())
                },
            ),
        };
        Hand {
            owner: whose.0,
            source: whose.1,
            component: findings.first().map(|finding| finding.component.clone()).unwrap_or_default(),
            priority: findings.iter().map(|finding| finding.priority).min().unwrap_or(Priority::Contextual),
            because: why.to_owned(),
            items,
            remediation,
            subjects: subjects.into_iter().map(str::to_owned).collect(),
            verify: scan(self.report, self.given, &controls),
            controls,
        }
    }

    /// What no plan settles.
    fn left(&self) -> Vec<String> {
        let count = |test: &dyn Fn(&&Finding) -> bool| self.report.findings.iter().filter(test).count();
        let provider = count(&|finding| finding.decision.state == State::ProviderOwned);
        let unseen = count(&|finding| finding.verdict == Verdict::Unknown && finding.decision.state.is_open());
        let asked = count(&|finding| {
            finding.verdict == Verdict::Manual && finding.decision.state.is_open() && !finding.is_answered_no()
        });
        let settled = count(&|finding| {
            finding.verdict == Verdict::Fail
                && finding.decision.state.is_settled()
                && finding.decision.state != State::ProviderOwned
        });
        let numbers = [
            (provider, "provider-owned: there is nothing to change here; ask the provider for evidence"),
            (unseen, "could not be seen: see in the report what would help"),
            (asked, "are questions that a person answers"),
            (settled, "fail and are accepted by the register"),
        ];
        let told = numbers.iter().filter(|(count, _)| *count > 0);
        told.map(|(count, what)| format!("{count} {what}")).collect()
    }
}

impl<'p> Work<'p> {
    fn take(&mut self, planner: &Planner<'p>, one: &Move, finding: &'p Finding, control: &Control, others: &[String]) {
        self.edits.add(planner.content, planner.version, one, finding, others);
        if !self.findings.iter().any(|own| std::ptr::eq(*own, finding)) {
            self.findings.push(finding);
        }
        let merged = one.seen.as_ref().is_some_and(|seen| seen.source.ends_with(" in the kubelet's /configz"));
        let unplaced = (merged && planner.report.platform.name != "talos").then(|| UNPLACED.to_owned());
        let known = control.fix.beware.clone().into_iter().chain(planner.across.differ(one)).chain(unplaced);
        for beware in known {
            if !self.beware.contains(&beware) {
                self.beware.push(beware);
            }
        }
    }
}

fn whose(finding: &Finding) -> Whose {
    (finding.decision.owner.clone(), finding.decision.source.clone())
}

fn controls(findings: &[&Finding]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    findings.iter().map(|finding| finding.control.clone()).filter(|name| seen.insert(name.clone())).collect()
}

fn owners(steps: &[Step], hands: &[Hand]) -> Vec<Owner> {
    let whose: BTreeSet<Whose> = steps
        .iter()
        .map(|step| (step.owner.clone(), step.source.clone()))
        .chain(hands.iter().map(|hand| (hand.owner.clone(), hand.source.clone())))
        .collect();
    let of = |(owner, source): Whose| {
        let own: Vec<&Step> = steps.iter().filter(|step| step.owner == owner && step.source == source).collect();
        let hands = hands.iter().filter(|hand| hand.owner == owner && hand.source == source);
        Owner {
            steps: own.iter().map(|step| step.number).collect(),
            settled: own.iter().map(|step| step.controls.len()).sum(),
            by_hand: hands.map(|hand| hand.controls.len()).sum(),
            owner,
            source,
        }
    };
    whose.into_iter().map(of).collect()
}
