//! What made a difference: the cluster, the profile or the tool.

use report::drift::{Cause, Kind, Reports, compare};
use report::{Options, drift};

use super::{TOKENS, between, change, counted, fail, finding, nobody};
use crate::samples;

#[test]
fn a_renumbered_profile_loses_nothing() {
    let before = samples::control_plane();
    let mut after = before.clone();
    for finding in &mut after.findings {
        finding.cited_by[0].id = format!("9.{}", finding.cited_by[0].id);
        finding.cited_by[0].profile = "cis-9.9".to_owned();
    }
    after.profiles[0].digest = "another".to_owned();
    let drift = between(&before, &after);
    assert_eq!(drift.counts.keys().collect::<Vec<_>>(), [&Kind::Unchanged]);
    assert_eq!(drift.unseparated, [Cause::Profile, Cause::Cluster]);
}

#[test]
fn other_bounds_of_a_control_are_the_same_demand() {
    let (mut before, mut after) = (samples::control_plane(), samples::control_plane());
    finding(&mut before, TOKENS).parameters.insert("mode".to_owned(), 644.into());
    finding(&mut after, TOKENS).parameters.insert("mode".to_owned(), 600.into());
    fail(finding(&mut after, TOKENS));
    after.profiles[0].digest = "another".to_owned();
    let told = between(&before, &after);
    assert_eq!(change(&told, TOKENS).kind, Kind::New);
    // What the old evidence gives under the new profile tells which of both it was.
    let reports = Reports { before: &before, replayed: None, reprofiled: Some(&after), after: &after };
    assert_eq!(change(&compare(&reports, &nobody), TOKENS).causes, [Cause::Profile]);
    let reports = Reports { reprofiled: Some(&before), ..reports };
    let mut newer = before.clone();
    newer.profiles[0].digest = "another".to_owned();
    let reports = Reports { reprofiled: Some(&newer), ..reports };
    assert_eq!(change(&compare(&reports, &nobody), TOKENS).causes, [Cause::Cluster]);
}

#[test]
fn each_step_between_four_reports_has_its_cause() {
    let stored = samples::control_plane();
    let mut now = stored.clone();
    now.tool.version = "9.0.0".to_owned();
    now.profiles[0].digest = "another".to_owned();
    fail(finding(&mut now, TOKENS));
    let mut replayed = stored.clone();
    replayed.tool.version.clone_from(&now.tool.version);
    let mut reprofiled = replayed.clone();
    reprofiled.profiles.clone_from(&now.profiles);
    for (fails_in, expected) in [(0, Cause::Tool), (1, Cause::Profile), (2, Cause::Cluster)] {
        let (mut replayed, mut reprofiled) = (replayed.clone(), reprofiled.clone());
        if fails_in == 0 {
            fail(finding(&mut replayed, TOKENS));
        }
        if fails_in <= 1 {
            fail(finding(&mut reprofiled, TOKENS));
        }
        let reports =
            Reports { before: &stored, replayed: Some(&replayed), reprofiled: Some(&reprofiled), after: &now };
        let drift = compare(&reports, &nobody);
        assert_eq!(change(&drift, TOKENS).causes, [expected]);
        assert!(drift.unseparated.is_empty());
        let drift = compare(&Reports { replayed: None, ..reports }, &nobody);
        let cause = if expected == Cause::Cluster { Cause::Cluster } else { Cause::Unclear };
        assert_eq!(change(&drift, TOKENS).causes, [cause]);
        assert_eq!(drift.unseparated, [Cause::Tool, Cause::Profile]);
    }
    let drift = between(&stored, &now);
    assert_eq!(change(&drift, TOKENS).causes, [Cause::Unclear]);
    let told = drift::terminal(&drift, &Options::default());
    assert!(told.contains("unclear: the tool, the profile or the cluster"), "{told}");
}

#[test]
fn what_a_profile_no_longer_demands_is_not_fixed() {
    let before = samples::control_plane();
    let mut after = before.clone();
    after.findings.retain(|finding| finding.control != "etcd-client-certificate-auth");
    let after = counted(after);
    let told = between(&before, &after);
    assert_eq!((change(&told, "etcd-client-certificate-auth").kind, told.is_worse()), (Kind::Dropped, false));
    let back = between(&after, &before);
    assert_eq!((change(&back, "etcd-client-certificate-auth").kind, back.is_worse()), (Kind::Demanded, true));
    assert_eq!(change(&back, "etcd-client-certificate-auth").causes, [Cause::Profile]);
}
