//! What an author gets to see: every mistake of a file at once, where it stands.

#![expect(clippy::too_many_lines, reason = "what is drawn takes room")]

use diag::{Diagnostic, Node, Reader, Sources, render, render_short, yaml};

const PRIORITIES: &[(&str, u8)] = &[("critical", 4), ("high", 3), ("medium", 2)];

/// A loader as the other crates write them.
fn control(reader: &Reader, node: &Node) -> Option<(String, u8)> {
    let mut fields = reader.map(node)?;
    let name = fields.required_str("control");
    let priority = fields.required_one_of("priority", PRIORITIES);
    let require = fields.required_map("require").and_then(|mut require| {
        let fact = require.required_str("fact");
        let within = require.optional_str_list("within");
        let mode = require.optional_str("mode_within");
        let at_least = require.optional_int("at_least");
        require.finish();
        if let Some(fact) = &fact {
            let known = ["kubelet.anonymous", "kubelet.config.mode"];
            if !known.contains(&fact.value.as_str()) {
                let message = format!("unknown fact {}", diag::quoted(&fact.value));
                let diag = Diagnostic::error("unknown-fact", reader.file(), fact.span.clone(), message);
                reader.report(diag.did_you_mean(&fact.value, known));
            }
        }
        Some((fact?, within, mode, at_least))
    });
    if fields.optional_bool("draft") == Some(true) {
        let span = node.span.clone();
        reader.report(Diagnostic::warning("draft", reader.file(), span, "this control is a draft").label("not judged"));
    }
    let remediation = fields.node("remediation").and_then(|node| reader.entries(node));
    for (_, text) in remediation.unwrap_or_default() {
        reader.str(text);
    }
    fields.finish();
    require?;
    Some((name?.value, priority?))
}

/// Loads a list of controls; the text itself, the controls and what was found.
fn load(text: &str) -> (Sources, Vec<(String, u8)>, Vec<Diagnostic>) {
    let mut sources = Sources::default();
    let (tree, mut found) = yaml::parse("kubelet.yaml", sources.add("kubelet.yaml", text));
    let reader = Reader::new("kubelet.yaml", &mut found);
    let list = tree.as_ref().and_then(|tree| reader.list(tree)).unwrap_or_default();
    let controls = list.iter().filter_map(|node| control(&reader, node)).collect();
    (sources, controls, found)
}

#[test]
fn a_good_file_is_read() {
    let (_, controls, found) = load(
        "
# Facts about the kubelet.
- control: anonymous
  priority: critical
  require: { fact: kubelet.anonymous, within: [/healthz, \"/livez\"] }
- control: 'config-mode'
  priority: \"high\"
  require:
    fact: kubelet.config.mode
    mode_within: 600
    at_least: 3
  draft: false
  remediation:
    kubeadm: |
      chmod 600 FILE
    talos: nothing to do
",
    );
    assert_eq!(found, []);
    assert_eq!(controls, [("anonymous".to_owned(), 4), ("config-mode".to_owned(), 3)]);
}

#[test]
fn all_mistakes_are_shown_at_once() {
    let (sources, controls, found) = load(
        "- control: anonymous
  priority: critcal
  require: { fact: kubelet.anonymos, within: /healthz }
  remedation: { kubeadm: x }
- priority: severe
  control: [a, b]
  control: again
  require:
    fact:
    mode_within: {}
    at_least: '3'
    zzz: 1
  draft: yes
- control: &name third
  draft: true
  priority: *name
  require: !fact kubelet.anonymous
- just text
",
    );
    assert!(controls.is_empty());
    insta::assert_snapshot!(render(&found, &sources, false), @r#"
    error[unknown-value]: unknown value `critcal`
     --> kubelet.yaml:2:13
      |
    2 |   priority: critcal
      |             ^^^^^^^ expected `critical`, `high` or `medium`
      |
      = help: did you mean `critical`?

    error[unknown-fact]: unknown fact `kubelet.anonymos`
     --> kubelet.yaml:3:20
      |
    3 |   require: { fact: kubelet.anonymos, within: /healthz }
      |                    ^^^^^^^^^^^^^^^^
      |
      = help: did you mean `kubelet.anonymous`?

    error[wrong-type]: expected a list, found a string `/healthz`
     --> kubelet.yaml:3:46
      |
    3 |   require: { fact: kubelet.anonymos, within: /healthz }
      |                                              ^^^^^^^^

    error[unknown-field]: unknown field `remedation`
     --> kubelet.yaml:4:3
      |
    4 |   remedation: { kubeadm: x }
      |   ^^^^^^^^^^
      |
      = help: did you mean `remediation`?

    error[unknown-value]: unknown value `severe`
     --> kubelet.yaml:5:13
      |
    5 | - priority: severe
      |             ^^^^^^ expected `critical`, `high` or `medium`

    error[wrong-type]: expected a string, found a list
     --> kubelet.yaml:6:12
      |
    6 |   control: [a, b]
      |            ^^^^^^

    error[duplicate-field]: field `control` is given twice
     --> kubelet.yaml:7:3
      |
    7 |   control: again
      |   ^^^^^^^
      |
      = help: it was first given in line 6

    error[wrong-type]: expected a string, found nothing
     --> kubelet.yaml:9:5
      |
    9 |     fact:
      |     ^^^^

    error[wrong-type]: expected a string, found a map
      --> kubelet.yaml:10:18
       |
    10 |     mode_within: {}
       |                  ^^

    error[wrong-type]: expected an integer, found a string `3`
      --> kubelet.yaml:11:15
       |
    11 |     at_least: '3'
       |               ^^^

    error[unknown-field]: unknown field `zzz`
      --> kubelet.yaml:12:5
       |
    12 |     zzz: 1
       |     ^^^
       |
       = help: fields here are `fact`, `within`, `mode_within` and `at_least`

    error[wrong-type]: expected `true` or `false`, found a string `yes`
      --> kubelet.yaml:13:10
       |
    13 |   draft: yes
       |          ^^^

    warning[draft]: this control is a draft
      --> kubelet.yaml:14:3
       |
    14 | - control: &name third
       |   ^^^^^^^^^^^^^^^^^^^^ not judged

    error[yaml-unsupported]: anchors are not used in these files
      --> kubelet.yaml:14:12
       |
    14 | - control: &name third
       |            ^^^^^
       |
       = help: remove it; in a text, put the value into quotes

    error[yaml-unsupported]: aliases are not used in these files
      --> kubelet.yaml:16:13
       |
    16 |   priority: *name
       |             ^^^^^
       |
       = help: write the value out; in a text, put it into quotes

    error[yaml-unsupported]: tags are not used in these files
      --> kubelet.yaml:17:12
       |
    17 |   require: !fact kubelet.anonymous
       |            ^^^^^
       |
       = help: write the value without it

    error[wrong-type]: expected a map, found a string `kubelet.anonymous`
      --> kubelet.yaml:17:18
       |
    17 |   require: !fact kubelet.anonymous
       |                  ^^^^^^^^^^^^^^^^^

    error[wrong-type]: expected a map, found a string `just text`
      --> kubelet.yaml:18:3
       |
    18 | - just text
       |   ^^^^^^^^^

    17 errors, 1 warning
    "#);
}

#[test]
fn the_short_form_is_one_line_each() {
    let (sources, _, mut found) = load("- control: x\n  priority: high\n  requir: é\n- 漢: { a: 1 }\n");
    found.push(Diagnostic::error("x", "other.yaml", 0..4, "not among the sources\nsecond line"));
    insta::assert_snapshot!(render_short(&found, &sources), @r#"
    kubelet.yaml:1:3: error[missing-field]: missing field `require`
    kubelet.yaml:3:3: error[unknown-field]: unknown field `requir`
    kubelet.yaml:4:3: error[missing-field]: missing field `control`
    kubelet.yaml:4:3: error[missing-field]: missing field `priority`
    kubelet.yaml:4:3: error[missing-field]: missing field `require`
    kubelet.yaml:4:3: error[unknown-field]: unknown field `漢`
    other.yaml: error[x]: not among the sources␊second line
    "#);
}

#[test]
fn syntax_has_a_position_and_advice() {
    let texts = [
        "a: b: c\n",
        "a: 'x\nb: y\n",
        "a: [1, 2\n",
        "a:\n\t- b\n",
        "a: 1\n  b: 2\n",
        "a: 1\nbcd\n",
        "a: b\n---\nc: d\n",
        "%YAML 1.2\n---\na: b\n",
        "a: 1\n<<: { b: 2 }\n",
        "? [a]\n: b\n",
        ": b\n",
        "é: @x\n",
        "a: \u{1}\n",
    ];
    let mut shown = String::new();
    for text in texts {
        let mut sources = Sources::default();
        let found = yaml::parse("f", sources.add("f", text)).1;
        shown += &render(&found, &sources, false);
    }
    insta::assert_snapshot!(shown, @r#"
    error[yaml-syntax]: mapping values are not allowed in this context
     --> f:1:5
      |
    1 | a: b: c
      |     ^
      |
      = help: a text that contains `: ` needs quotes; a field must stand under its neighbours

    1 error
    error[yaml-syntax]: invalid indentation in multiline quoted scalar
     --> f:2:1
      |
    2 | b: y
      | ^
      |
      = help: is a closing quote missing?

    1 error
    error[yaml-syntax]: unclosed bracket '['
     --> f:1:4
      |
    1 | a: [1, 2
      |    ^

    1 error
    error[yaml-syntax]: tabs disallowed within this context (block indentation)
     --> f:2:2
      |
    2 |     - b
      |     ^
      |
      = help: indent with spaces

    1 error
    error[yaml-syntax]: mapping values are not allowed in this context
     --> f:2:4
      |
    2 |   b: 2
      |    ^
      |
      = help: a text that contains `: ` needs quotes; a field must stand under its neighbours

    1 error
    error[yaml-syntax]: simple key expected ':'
     --> f:2:1
      |
    2 | bcd
      | ^
      |
      = help: is a `:` missing after the name of a field?

    1 error
    error[yaml-unsupported]: a second document begins here
     --> f:2:1
      |
    2 | ---
      | ^^^
      |
      = help: put it into a file of its own

    1 error
    error[yaml-syntax]: YAML directives are disallowed
     --> f:1:1
      |
    1 | %YAML 1.2
      | ^

    1 error
    error[yaml-unsupported]: merge keys are not used in these files; write the fields out
     --> f:2:1
      |
    2 | <<: { b: 2 }
      | ^^

    1 error
    error[yaml-unsupported]: the name of a field must be text
     --> f:1:3
      |
    1 | ? [a]
      |   ^^^

    1 error
    error[yaml-unsupported]: a field has no name
     --> f:1:1
      |
    1 | : b
      | ^

    1 error
    error[yaml-syntax]: unexpected character: `@'
     --> f:1:4
      |
    1 | é: @x
      |    ^

    1 error
    error[yaml-syntax]: unexpected character: `\u{1}'
     --> f:1:4
      |
    1 | a: ␁
      |    ^

    1 error
    "#);
}

#[test]
fn what_a_stranger_wrote_cannot_steer_the_terminal() {
    let mut sources = Sources::default();
    let text = "k\u{202e}: \"\u{85}\"\n\"\\e[2J\\n::error::\": 1 # \u{2028}\n";
    let (tree, mut found) = yaml::parse("f\u{1b}[1m\n", sources.add("f\u{1b}[1m\n", text));
    let reader = Reader::new("f\u{1b}[1m\n", &mut found);
    if let Some(fields) = tree.as_ref().and_then(|tree| reader.map(tree)) {
        fields.finish();
    }
    let evil = Diagnostic::error("x", "f\u{1b}[1m\n", 0..1, "m\u{1b}\n").label("l\u{1b}\n").help("h\u{1b}\n");
    found.push(evil);
    let shown = render(&found, &sources, false) + &render_short(&found, &sources);
    assert!(!shown.chars().any(|c| c != '\n' && c.is_control() || "\u{202e}\u{2028}".contains(c)), "{shown:?}");
    insta::assert_snapshot!(shown, @r#"
    error[unknown-field]: unknown field `k�`
     --> f␛[1m␊:1:1
      |
    1 | k�: "�"
      | ^^
      |
      = help: there are no fields here

    error[x]: m␛␊
     --> f␛[1m␊:1:1
      |
    1 | k�: "�"
      | ^ l␛␊
      |
      = help: h␛␊

    error[unknown-field]: unknown field `␛[2J␊::error::`
     --> f␛[1m␊:2:1
      |
    2 | "\e[2J\n::error::": 1 # �
      | ^^^^^^^^^^^^^^^^^^
      |
      = help: there are no fields here

    3 errors
    f␛[1m␊:1:1: error[unknown-field]: unknown field `k�`
    f␛[1m␊:1:1: error[x]: m␛␊
    f␛[1m␊:2:1: error[unknown-field]: unknown field `␛[2J␊::error::`
    "#);
}

#[test]
fn colour_is_colour_alone() {
    let (sources, _, found) = load("- control: x\n  prioity: high\n");
    let coloured = render(&found, &sources, true);
    assert!(coloured.contains("\u{1b}["));
    let mut plain = String::new();
    for (at, part) in coloured.split("\u{1b}[").enumerate() {
        plain += if at == 0 { part } else { part.split_once('m').unwrap().1 };
    }
    assert_eq!(plain, render(&found, &sources, false));
    assert_eq!(render(&[], &sources, true), "");
}
