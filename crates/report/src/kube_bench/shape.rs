//! kube-bench's own shape, key by key and in its order.

use serde::Serialize;

/// The whole.
#[derive(Debug, Serialize)]
pub(super) struct Output {
    #[serde(rename = "Controls")]
    pub sections: Vec<Section>,
    #[serde(rename = "Totals")]
    pub totals: Totals,
}

/// A chapter of a profile.
#[derive(Debug, Serialize)]
pub(super) struct Section {
    pub id: String,
    pub version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detected_version: Option<String>,
    pub text: String,
    pub node_type: &'static str,
    pub tests: Vec<Group>,
    #[serde(flatten, serialize_with = "Totals::of")]
    pub numbers: Numbers,
}

/// A heading.
#[derive(Debug, Serialize)]
pub(super) struct Group {
    pub section: String,
    #[serde(rename = "type")]
    pub kind: &'static str,
    #[serde(flatten)]
    pub numbers: Numbers,
    pub desc: String,
    pub results: Vec<Check>,
}

/// An id.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    pub test_number: String,
    pub test_desc: String,
    pub audit: String,
    #[serde(rename = "AuditEnv")]
    pub audit_env: &'static str,
    #[serde(rename = "AuditConfig")]
    pub audit_config: &'static str,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub remediation: String,
    pub test_info: Vec<String>,
    pub status: &'static str,
    pub actual_value: String,
    pub scored: bool,
    #[serde(rename = "IsMultiple")]
    pub is_multiple: bool,
    pub expected_result: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// Checks by state.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Numbers {
    pub pass: usize,
    pub fail: usize,
    pub warn: usize,
    pub info: usize,
}

impl Numbers {
    pub(super) fn count(&mut self, state: &str) {
        match state {
            "PASS" => self.pass += 1,
            "FAIL" => self.fail += 1,
            "WARN" => self.warn += 1,
            _ => self.info += 1,
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.pass += other.pass;
        self.fail += other.fail;
        self.warn += other.warn;
        self.info += other.info;
    }
}

/// The same under the names of a sum.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "the names are kube-bench's")]
pub(super) struct Totals {
    pub total_pass: usize,
    pub total_fail: usize,
    pub total_warn: usize,
    pub total_info: usize,
}

impl From<Numbers> for Totals {
    fn from(numbers: Numbers) -> Self {
        Self { total_pass: numbers.pass, total_fail: numbers.fail, total_warn: numbers.warn, total_info: numbers.info }
    }
}

impl Totals {
    fn of<S: serde::Serializer>(numbers: &Numbers, serializer: S) -> Result<S::Ok, S::Error> {
        Self::from(*numbers).serialize(serializer)
    }
}
