//! Whatever a file holds, a cut takes out what it must, and nothing can be read back into it.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

const CANARY: &str = "CANARY";

/// Values with the canary, in every style that fits on a line or in a block below `indent`.
fn secret(indent: usize) -> impl Strategy<Value = String> {
    let pad = " ".repeat(indent + 1);
    prop_oneof![
        Just(CANARY.to_owned()),
        Just(format!("x {CANARY} # {CANARY}")),
        Just(format!("'{CANARY}''s: {{[ '")),
        Just(format!("\"{CANARY}\\\"\\n # \"")),
        Just(format!("|\n{pad}{CANARY}: x\n\n{pad}  - {CANARY}")),
        Just(format!(">-\n{pad}# {CANARY}\n{pad}'{CANARY}")),
        Just(format!("{CANARY}\n{pad}{CANARY}")),
        Just(format!("\n{pad}\"{CANARY}\n\n{pad}{CANARY}\"")),
        Just(format!("{{a: {CANARY}, \"b\":[\"{CANARY}\", '{CANARY}']}}")),
        Just(format!("\n{pad}- {CANARY}\n{pad}- name: {CANARY}\n{pad}  user: {CANARY}")),
    ]
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{2,9}-data", "token|password|secret|env|args|config|ext|Name|x\\.y/z", "[a-z]{3,12}x"]
}

fn document() -> impl Strategy<Value = String> {
    let user = proptest::collection::btree_map(key(), secret(4), 1..5);
    let cluster = proptest::collection::btree_map(key(), secret(4), 0..3);
    (user, cluster, secret(0)).prop_map(|(user, cluster, other)| {
        let mut text = String::from("kind: Config\nclusters:\n- name: c\n  cluster:\n    server: https://s\n");
        text.extend(cluster.iter().map(|(key, value)| format!("    {key}: {value}\n")));
        text.push_str("users:\n- name: u\n  user:\n    tokenFile: /t\n");
        text.extend(user.iter().map(|(key, value)| format!("    {key}: {value}\n")));
        text + &format!("other: {other}\n")
    })
}

fn json() -> impl Strategy<Value = Value> {
    let leaf =
        prop_oneof![Just(Value::from(CANARY)), Just(Value::from("CANARY \"\\\n\u{e9}\u{1f600}")), Just(Value::Null)];
    leaf.prop_recursive(5, 32, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-z]{1,3}|name|user|secret", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_canary_survives_and_the_structure_stays(text in document()) {
        for how in [Cut::Kubeconfig, Cut::Encryption] {
            let kept = cut_text(how, &text).unwrap();
            prop_assert!(!kept.contains(CANARY), "{}", kept);
            prop_assert_eq!(shape(&parse(&text)), shape(&parse(&kept)), "{}", kept);
            prop_assert_eq!(cut_text(how, &kept), Ok(kept.clone()), "idempotent");
        }
    }

    #[test]
    fn no_canary_survives_in_json(value in json()) {
        let value = serde_json::json!({ "users": [{ "user": { "x": value } }] });
        for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            let kept = cut_text(Cut::Kubeconfig, &text).unwrap();
            prop_assert!(!kept.contains(CANARY));
            prop_assert_eq!(shape(&value), shape(&serde_json::from_str(&kept).unwrap()));
        }
    }

    #[test]
    fn what_is_read_is_what_a_parser_reads(text in "([ ]{0,3}(- |[ab]: |\"c\": )?(- |[ab]: )?(x|'y'|\"z\"|[{]a: b[}]|[\\[]c, d[\\]]|[|]|# e|)\n){1,6}") {
        // Whatever is accepted has the values that a parser finds, under the same keys.
        if let Ok(events) = events(&text)
            && !events.is_empty()
            && let Ok(value) = serde_saphyr::from_str::<Value>(&text)
        {
            let read = events.iter().filter(|event| matches!(event, Event::Scalar(_))).count();
            let nulls = shape_count(&value, Value::is_null);
            let texts = shape_count(&value, |value| !value.is_null() && !value.is_array() && !value.is_object());
            prop_assert!((texts..=texts + nulls).contains(&read), "{} in {:?}", read, value);
            let keys = events.iter().filter(|event| matches!(event, Event::Key(_))).count();
            prop_assert_eq!(keys, shape_count(&value, |_| false) + count_keys(&value));
        }
    }

    #[test]
    fn nothing_panics_and_cutting_twice_is_cutting_once(
        bytes: Vec<u8>,
        text in "((token|a|--secret|Bearer |://u:|@|eyJ|\\.eyJ|password|<removed: |-----BEGIN |PRIVATE KEY|-----|-----END |LS0tLS1CRUdJTi)?[-a:={}\\[\\]\"'#|> \n\t\r\\\\,.é]{0,3}){0,12}",
    ) {
        let (yaml, lines) = (format!("a: b\n{text}"), format!("a=b\n{text}"));
        let cases = [
            (Cut::Config, &yaml),
            (Cut::Config, &lines),
            (Cut::Manifest, &yaml),
            (Cut::Kubeconfig, &yaml),
            (Cut::Encryption, &yaml),
            (Cut::Env, &lines),
            (Cut::Accounts, &text),
        ];
        for (how, text) in cases {
            let _ = cut(how, bytes.clone());
            if let Ok((kept, _)) = cut(how, text.clone().into_bytes()) {
                let again = cut(how, kept.clone());
                prop_assert_eq!(&again, &Ok((kept.clone(), Vec::new())), "{:?} {}", how, String::from_utf8_lossy(&kept));
            }
        }
        scrub_argv(vec![OsText::from(bytes), OsText::from(text.clone()), OsText::from(text)]);
    }
}

fn shape_count(value: &Value, test: impl Fn(&Value) -> bool + Copy) -> usize {
    let inner: usize = match value {
        Value::Object(map) => map.values().map(|value| shape_count(value, test)).sum(),
        Value::Array(list) => list.iter().map(|value| shape_count(value, test)).sum(),
        _ => 0,
    };
    inner + usize::from(test(value))
}

fn count_keys(value: &Value) -> usize {
    match value {
        Value::Object(map) => map.len() + map.values().map(count_keys).sum::<usize>(),
        Value::Array(list) => list.iter().map(count_keys).sum(),
        _ => 0,
    }
}
