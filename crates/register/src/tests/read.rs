//! Reading: what the schema takes, and any text.

use benchmark::Content;
use diag::Sources;

use super::{DAY, SAMPLE};
use crate::{lint, load};

#[test]
fn the_schema_takes_what_the_reader_takes() {
    let schema = crate::schema();
    let value: serde_json::Value = serde_saphyr::from_str(SAMPLE).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
    assert_eq!(errors, Vec::<String>::new());
    for wrong in ["exceptionz: []", "owners: [{ ownr: x }]", "grants: [{ control: x }]"] {
        let wrong: serde_json::Value = serde_saphyr::from_str(&format!("register: x\n{wrong}\n")).unwrap();
        assert!(!validator.is_valid(&wrong), "{wrong}");
    }
}

/// What a draft that was written behind a list makes of it, and what to do instead.
#[test]
fn a_list_that_stands_twice_is_told_how_to_grow() {
    for (list, told) in [("exceptions", true), ("grants", true), ("answers", true), ("owners", false)] {
        let text = format!("register: x\n{list}: []\n{list}: []\n");
        let mut sources = Sources::default();
        let (_, found) = load("register.yaml", &text, &Content::default(), &mut sources);
        let help = found[0].help.as_deref().unwrap_or_default();
        assert!(help.starts_with("it was first given in line 2"), "{help}");
        assert_eq!(
            help.ends_with("`register add --into FILE` puts entries into the list that is there"),
            told,
            "{help}"
        );
    }
}

proptest::proptest! {
    /// Any text is read, and any mistake has a place in it.
    #[test]
    fn any_text_can_be_read(at in 0..SAMPLE.len(), put in "[ -~\n]{0,12}", cut in 0usize..40) {
        let content = &Content::default();
        let mut text = SAMPLE.as_bytes().to_vec();
        let end = (at + cut).min(text.len());
        text.splice(at..end, put.bytes());
        let text = String::from_utf8(text).unwrap();
        let mut sources = Sources::default();
        let (register, found) = load("register.yaml", &text, content, &mut sources);
        lint(&register, content, DAY);
        for one in found {
            proptest::prop_assert!(one.span.end <= text.len());
        }
    }
}
