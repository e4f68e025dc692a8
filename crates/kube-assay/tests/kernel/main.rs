//! The kernel's checks against the reference: an evaluator that reads only the table of facts decides each row, over
//! made-up and real kernels. Where all three kinds of evidence are there we say the same, or differ in a way that
//! `fixtures/peers/kspp.yaml` names; where a kind is missing we say the same or do not know.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../common/mod.rs"]
mod common;
mod made;
mod reference;
mod states;
mod trees;
mod views;

use std::collections::{BTreeMap, BTreeSet};

use assess::Verdict;
use benchmark::Content;
use collect::saved::Saved;
use evidence::Trail;
use made::{Numbers, Words};
use reference::{Kernel, Part, Row};
use serde::Deserialize;

const PROFILE: &str = "kspp";

/// A way in which we differ from the reference.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Improvement {
    name: String,
    #[serde(default)]
    ids: Vec<String>,
    /// Of which kind only a part was saved, for every id.
    part: Option<Part>,
    ours: Verdict,
    /// None: whatever it says.
    reference: Option<bool>,
    #[expect(dead_code, reason = "for readers of the file")]
    because: String,
}

struct Bench {
    content: Content,
    trails: Vec<Trail>,
    rows: Vec<(String, Row)>,
    improvements: Vec<Improvement>,
}

impl Bench {
    fn new() -> Self {
        let content = common::content();
        let rows: Vec<Row> = reference::rows().into_iter().filter(|row| row.origin != "talos").collect();
        let occurs =
            |row: &Row| rows.iter().filter(|other| (&other.name, &other.kind) == (&row.name, &row.kind)).count();
        let rows = rows.iter().map(|row| (row.control(occurs(row)), row.clone())).collect();
        let text = std::fs::read_to_string(common::root().join("fixtures/peers/kspp.yaml")).unwrap();
        Self { trails: assess::trails(&content), content, rows, improvements: serde_saphyr::from_str(&text).unwrap() }
    }

    /// Our verdicts on what was saved, by id.
    fn ours(&self, files: &[(&str, String)]) -> BTreeMap<String, Verdict> {
        self.judged(files, PROFILE)
    }

    fn judged(&self, files: &[(&str, String)], profile: &str) -> BTreeMap<String, Verdict> {
        let mut saved = Saved::default();
        for (name, text) in files {
            saved.add(name, text.clone().into_bytes()).unwrap();
        }
        let capture = saved.capture(Some("made"), self.trails.clone());
        common::verdicts(&common::judge(capture, &self.content, profile))
    }

    /// Disagreements that no improvement explains; those that one does are counted.
    fn differences(
        &self,
        kernel: &Kernel,
        files: &[(&str, String)],
        used: &mut BTreeSet<String>,
        shown: &mut BTreeMap<String, BTreeSet<Verdict>>,
    ) -> Vec<String> {
        let ours = self.ours(files);
        let mut wrong = Vec::new();
        for (id, row) in &self.rows {
            let (reference, verdict) = (row.judge(kernel), ours[id]);
            shown.entry(id.clone()).or_default().insert(verdict);
            let agrees = match reference {
                None => verdict == Verdict::NotApplicable,
                Some(true) => verdict == Verdict::Pass,
                Some(false) => verdict == Verdict::Fail,
            };
            if agrees {
                continue;
            }
            let explains = |improvement: &&Improvement| {
                (improvement.ids.contains(id) || improvement.part.is_some_and(|part| kernel.parts.contains(&part)))
                    && improvement.ours == verdict
                    && improvement.reference.is_none_or(|said| Some(said) == reference)
            };
            match self.improvements.iter().find(explains) {
                Some(improvement) => _ = used.insert(improvement.name.clone()),
                None => {
                    wrong.push(format!("{id} on {}: we {verdict:?}, the reference {reference:?}", kernel.architecture));
                }
            }
        }
        wrong
    }
}

/// Made-up kernels: many, from poor to good.
fn kernels(rows: &[(String, Row)], count: usize) -> Vec<Kernel> {
    let rows: Vec<Row> = rows.iter().map(|(_, row)| row.clone()).collect();
    let words = Words::of(&rows);
    let mut numbers = Numbers::new(20_261_125);
    (0..count).map(|at| words.kernel(&mut numbers, [5, 35, 60, 85, 98][at % 5])).collect()
}

#[test]
fn every_row_of_the_table_is_a_control_and_every_control_a_row() {
    let bench = Bench::new();
    assert_eq!(bench.rows.len(), 421);
    let rows: BTreeSet<&str> = bench.rows.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(rows.len(), 421, "ids are keys");
    let profile = bench.content.profile(PROFILE).unwrap();
    let entries: BTreeSet<&str> = profile.entries.iter().map(|entry| entry.id.as_str()).collect();
    assert_eq!(entries, rows);
    for (id, row) in &bench.rows {
        let control = bench.content.control(id).unwrap();
        let origin = if row.origin == "grsec" { "grsecurity" } else { &row.origin };
        let time = match row.kind.as_str() {
            "kconfig" => "build-time",
            "cmdline" => "boot-time",
            _ => "run-time",
        };
        assert_eq!(control.tags, [origin, &row.group.replace('_', "-"), time], "{id}");
        assert_eq!(profile.section(id).unwrap().id, row.group.replace('_', "-"), "{id}");
    }
}

#[test]
fn verdicts_agree_with_the_reference_or_differ_as_named() {
    let bench = Bench::new();
    let (mut used, mut shown, mut wrong) = (BTreeSet::new(), BTreeMap::new(), BTreeSet::new());
    for kernel in kernels(&bench.rows, 400) {
        let files = made::written(&kernel);
        wrong.extend(bench.differences(&kernel, &files, &mut used, &mut shown));
    }
    for (name, files) in real() {
        let by_name = files.iter().map(|(name, text)| (*name, text.clone())).collect();
        let kernel = made::read(&by_name).unwrap_or_else(|| panic!("{name} can be read"));
        wrong.extend(
            bench.differences(&kernel, &files, &mut used, &mut shown).into_iter().map(|w| format!("{name}: {w}")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.into_iter().take(60).collect::<Vec<_>>().join("\n"));
    let named: BTreeSet<String> = bench.improvements.iter().map(|improvement| improvement.name.clone()).collect();
    assert_eq!(used, named, "every improvement that is named occurs");
    let gaps: Vec<String> = shown
        .iter()
        .filter(|(_, verdicts)| !verdicts.contains(&Verdict::Pass) || !verdicts.contains(&Verdict::Fail))
        .map(|(id, verdicts)| format!("{id} {verdicts:?}"))
        .collect();
    assert!(gaps.is_empty(), "no kernel shows these as pass and as fail: {}", gaps.join(", "));
}

#[test]
fn where_a_kind_is_missing_the_verdict_is_the_same_or_unknown() {
    let bench = Bench::new();
    let mut unknown: BTreeSet<String> = BTreeSet::new();
    let mut wrong = BTreeSet::new();
    // By the parameter alone these count as met, as in the reference.
    let by_parameter = ["cmdline.lockdown", "cmdline.module.sig_enforce"];
    for kernel in kernels(&bench.rows, 40) {
        let files = made::written(&kernel);
        let whole = bench.ours(&files);
        for present in 0..(1_usize << files.len()) - 1 {
            let some: Vec<_> = files
                .iter()
                .enumerate()
                .filter(|(at, _)| present >> at & 1 == 1)
                .map(|(_, file)| file.clone())
                .collect();
            for (id, verdict) in bench.ours(&some) {
                if verdict == Verdict::Unknown {
                    unknown.insert(id);
                } else if verdict != whole[&id] && !by_parameter.contains(&id.as_str()) {
                    wrong.insert(format!("{id}: {verdict:?} with {present:04b}, {:?} with all", whole[&id]));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.into_iter().take(40).collect::<Vec<_>>().join("\n"));
    let never: Vec<&String> = bench.rows.iter().map(|(id, _)| id).filter(|id| !unknown.contains(*id)).collect();
    assert!(never.is_empty(), "never unknown: {never:?}");
}

#[test]
fn a_configuration_or_parameter_is_enough_where_it_decides() {
    let bench = Bench::new();
    let cmdline = |line: &str| bench.ours(&[("cmdline", format!("root=/dev/vda ro {line}"))]);
    let alone = cmdline("init_on_alloc=1 slab_nomerge");
    assert_eq!(alone["cmdline.init_on_alloc"], Verdict::Pass);
    assert_eq!(alone["cmdline.slab_nomerge"], Verdict::Pass);
    assert_eq!(cmdline("")["cmdline.init_on_alloc"], Verdict::Unknown);
    assert_eq!(cmdline("init_on_alloc=0")["cmdline.init_on_alloc"], Verdict::Fail);
}

/// Many of these the reference, which parts the line at blanks and compares words, reads otherwise.
#[test]
fn command_lines_are_read_as_the_kernel_reads_them() {
    let bench = Bench::new();
    for (line, id, verdict) in [
        ("init-on-alloc=1", "cmdline.init_on_alloc", Verdict::Pass),
        ("slab-nomerge", "cmdline.slab_nomerge", Verdict::Pass),
        ("init_on_alloc=0 init_on_alloc=1", "cmdline.init_on_alloc", Verdict::Pass),
        ("init_on_alloc=1 init_on_alloc=0", "cmdline.init_on_alloc", Verdict::Fail),
        ("init_on_alloc=\"1\"", "cmdline.init_on_alloc", Verdict::Pass),
        ("\"init_on_alloc=1\"", "cmdline.init_on_alloc", Verdict::Pass),
        ("-- init_on_alloc=1", "cmdline.init_on_alloc", Verdict::Unknown),
        ("dyndbg=\"file a.c +p\" init_on_alloc=Yes", "cmdline.init_on_alloc", Verdict::Pass),
        ("nokaslr", "cmdline.nokaslr", Verdict::Fail),
        ("-- x nopti", "cmdline.nopti", Verdict::Pass),
        ("module.sig_enforce=1 module.sig_enforce=0", "cmdline.module.sig_enforce", Verdict::Pass),
        ("kpti=no", "cmdline.kpti", Verdict::Unknown),
    ] {
        assert_eq!(bench.ours(&[("cmdline", format!("ro x=y {line}"))])[id], verdict, "{line}");
    }
    // What is given again adds to what was given.
    for (line, id, verdict) in [
        ("amd_iommu=off amd_iommu=pgtbl_v2", "cmdline.amd_iommu", Verdict::Fail),
        ("intel_iommu=on intel_iommu=sm_on", "cmdline.intel_iommu", Verdict::Pass),
        ("iommu=pt iommu=force", "cmdline.iommu.passthrough", Verdict::Fail),
        ("iommu=force,strict", "cmdline.iommu", Verdict::Pass),
        ("efi=disable_early_pci_dma efi=runtime", "cmdline.efi", Verdict::Pass),
    ] {
        let files = [("cmdline", format!("ro {line}")), ("config", "CONFIG_X86_64=y\n".to_owned())];
        assert_eq!(bench.ours(&files)[id], verdict, "{line}");
    }
}

#[test]
fn a_configuration_that_was_cut_short_proves_nothing_off() {
    let bench = Bench::new();
    let start =
        "# Linux/x86 6.12.30 Kernel Configuration\nCONFIG_X86_64=y\nCONFIG_LOCALVERSION=\"\"\n# end of General setup\n";
    for (end, expected) in [
        ("", Verdict::Unknown),
        ("# end of Kernel hacking\n", Verdict::Pass),
        ("# end of Library routines\n", Verdict::Unknown),
    ] {
        let ours = bench.ours(&[("config", format!("{start}{end}"))]);
        assert_eq!((ours["kconfig.DEBUG_FS"], ours["kconfig.DEVMEM"]), (expected, expected), "{end}");
    }
}

#[test]
fn what_secure_boot_may_bring_is_neither_missing_nor_there() {
    let bench = Bench::new();
    let build = "# Linux/x86 6.12.30 Kernel Configuration\nCONFIG_X86_64=y\nCONFIG_LOCALVERSION=\"\"\nCONFIG_SECURITY=y\n\
        CONFIG_MODULES=y\nCONFIG_MODULE_SIG=y\nCONFIG_KEXEC=y\nCONFIG_SECURITY_LOCKDOWN_LSM=y\n";
    let early = "CONFIG_SECURITY_LOCKDOWN_LSM_EARLY=y\nCONFIG_LSM=\"yama\"\n";
    let tied = "CONFIG_LOCK_DOWN_IN_EFI_SECURE_BOOT=y\n";
    for (config, line, lockdown, total) in [
        (format!("{build}{early}"), "ro", Verdict::Fail, Verdict::Fail),
        (format!("{build}{early}{tied}"), "ro", Verdict::Unknown, Verdict::Fail),
        (format!("{build}{early}{tied}"), "ro lockdown=integrity", Verdict::Pass, Verdict::Fail),
        (format!("{build}{early}{tied}"), "ro lockdown=confidentiality", Verdict::Pass, Verdict::Pass),
    ] {
        let settings = "kernel.modules_disabled = 0\n".to_owned();
        let files = [("cmdline", line.to_owned()), ("config", config), ("sysctl", settings)];
        let (node, all) = (bench.judged(&files, "node-kernel"), bench.ours(&files));
        assert_eq!((node["node.lockdown"], node["node.module-signatures"]), (lockdown, lockdown), "{line}");
        assert_eq!((all["cmdline.lockdown"], all["kconfig.LSM.lockdown"]), (total, Verdict::Pass), "{line}");
    }
}

type Files = Vec<(&'static str, String)>;

/// Real kernels: the recorded node's, this machine's if it shows its configuration, and those of the distribution if
/// `.ci/real-kernels` has brought them.
fn real() -> Vec<(String, Files)> {
    let recorded = common::root().join("fixtures/nodes/kubeadm-v1.36/kernel");
    let text = |name: &str| std::fs::read_to_string(recorded.join(name)).unwrap();
    let (cmdline, settings) = (text("cmdline"), text("sysctl.txt"));
    let mut found = vec![text("config")];
    let mut names = vec!["recorded".to_owned()];
    match std::fs::read("/proc/config.gz").map(|bytes| evidence::take_text(evidence::Cut::Kconfig, bytes)) {
        Ok(evidence::Seen::Text(text)) => {
            names.push("this machine".to_owned());
            found.push(text.to_lossy().into_owned());
        }
        _ => common::skipped("this machine's kernel: it does not show its configuration in /proc/config.gz"),
    }
    let folder = common::root().join("target/real-kernels");
    match std::fs::read_dir(&folder) {
        Ok(entries) => {
            let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
            files.sort();
            for file in files {
                names.push(file.file_name().unwrap().to_string_lossy().into_owned());
                found.push(std::fs::read_to_string(file).unwrap());
            }
        }
        Err(_) => common::skipped("the distribution's kernel configurations: run .ci/real-kernels first"),
    }
    let nasty =
        "ro l1tf=off mds=full mitigations=off randomize_kstack_offset=on retbleed=0 iommu.passthrough=0 hey hey";
    let lines = [
        cmdline.trim().to_owned(),
        nasty.to_owned(),
        "ro slab_nomerge init_on_alloc=1 pti=on mitigations=auto,nosmt".to_owned(),
    ];
    let mut all = Vec::new();
    for (name, config) in names.into_iter().zip(found) {
        for line in &lines {
            let files = vec![("config", config.clone()), ("cmdline", line.clone()), ("sysctl.txt", settings.clone())];
            all.push((name.clone(), files));
        }
    }
    all
}
