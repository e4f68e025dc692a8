//! From a file to a register: everything that is wrong with it in one run, each where it stands.

pub mod code;

use std::collections::BTreeMap;
use std::ops::Range as Span;

use benchmark::Content;
use diag::{Diagnostic, Fields, Node, Reader, Sources, Spanned, Value, quoted, yaml};
use jiff::civil::Date;

use crate::model::{
    Accepted, Answer, At, Class, Classed, Compensating, Evidence, Exception, Grant, Owner, Recheck, Register, Review,
    Scope, TRIGGERS, Trigger, Under,
};

/// The lists that entries are drafted for.
const LISTS: [&str; 3] = ["exceptions", "grants", "answers"];

/// Reads a register. What could be read of it is there even if there are mistakes; it is fit for deciding only if there
/// is no error. Whether an auditor would take it is for [`crate::lint`].
pub fn load(file: &str, text: &str, content: &Content, sources: &mut Sources) -> (Register, Vec<Diagnostic>) {
    let text = sources.add(file, text);
    let (tree, mut found) = yaml::parse(file, text);
    for twice in found.iter_mut().filter(|one| one.code == diag::code::DUPLICATE_FIELD) {
        if text.get(twice.span.clone()).is_some_and(|name| LISTS.contains(&name)) {
            let first = twice.help.take().unwrap_or_default();
            twice.help = Some(format!("{first}; `register add --into FILE` puts entries into the list that is there"));
        }
    }
    let mut register = Register::default();
    if let Some(tree) = tree {
        let book = Book { reader: Reader::new(file, &mut found), text, content };
        if let Some(read) = book.register(&tree) {
            register = read;
        }
    }
    (register, found)
}

/// A register that is being read.
struct Book<'a> {
    reader: Reader<'a>,
    text: &'a str,
    content: &'a Content,
}

impl Book<'_> {
    fn register(&self, tree: &Node) -> Option<Register> {
        let mut fields = self.reader.map(tree)?;
        let name = fields.required_str("register");
        let register = Register {
            name: name.map(|name| name.value).unwrap_or_default(),
            cluster: self.said(fields.optional_str("cluster")),
            review: fields.node("review").and_then(|node| self.review(node)).unwrap_or_default(),
            owners: self.all(&mut fields, "owners", Self::owner),
            classes: self.all(&mut fields, "classes", Self::classed),
            exceptions: self.all(&mut fields, "exceptions", Self::exception),
            grants: self.all(&mut fields, "grants", Self::grant),
            answers: self.all(&mut fields, "answers", Self::answer),
        };
        fields.finish();
        Some(register)
    }

    fn all<T>(
        &self,
        fields: &mut Fields<'_, '_>,
        name: &'static str,
        read: impl Fn(&Self, &Node) -> Option<T>,
    ) -> Vec<T> {
        fields.optional_list(name).unwrap_or_default().iter().filter_map(|node| read(self, node)).collect()
    }

    fn review(&self, node: &Node) -> Option<Review> {
        let mut fields = self.reader.map(node)?;
        let usual = Review::default();
        let days = |given: Option<Spanned<i64>>, usual: i64| match given {
            Some(days) if (1..=3660).contains(&days.value) => days.value,
            Some(days) => {
                self.mistake(code::WRONG_VALUE, &days.span, "days are from 1 to 3660", "a year is 365");
                usual
            }
            None => usual,
        };
        let review = Review {
            longest_days: days(fields.optional_int("longest_days"), usual.longest_days),
            answers_days: days(fields.optional_int("answers_days"), usual.answers_days),
            most: fields.optional_int("most").and_then(|most| usize::try_from(most.value).ok()),
            never: self.controls(fields.optional_str_list("never")),
        };
        fields.finish();
        Some(review)
    }

    fn owner(&self, node: &Node) -> Option<Owner> {
        let mut fields = self.reader.map(node)?;
        let at = self.at(node, &fields);
        let owner = self.said(fields.required_str("owner"));
        let (contact, source) = (plain(fields.optional_str("contact")), plain(fields.optional_str("source")));
        let of = fields.node("of").map_or_else(|| Some(Scope::default()), |node| self.scope(node));
        fields.finish();
        Some(Owner { owner: owner?, contact, source, of: of?, at })
    }

    fn classed(&self, node: &Node) -> Option<Classed> {
        const CLASSES: [(&str, Class); 3] = [
            ("required", Class::Required),
            ("provider-owned", Class::ProviderOwned),
            ("informational", Class::Informational),
        ];
        let mut fields = self.reader.map(node)?;
        let at = self.at(node, &fields);
        let class = fields.required_one_of("class", &CLASSES);
        let of = fields.required_node("of").and_then(|node| self.scope(node));
        let reason = self.said(fields.required_str("reason"));
        let evidence = self.all(&mut fields, "evidence", Self::evidence);
        let recheck = fields.node("recheck").and_then(|node| self.recheck(node));
        let under = fields.node("under").and_then(|node| self.under(node)).unwrap_or_default();
        fields.finish();
        Some(Classed { class: class?, of: of?, reason: reason?, evidence, recheck, under, at })
    }

    fn evidence(&self, node: &Node) -> Option<Evidence> {
        let mut fields = self.reader.map(node)?;
        let link = self.said(fields.required_str("link"));
        let dated = self.date(&mut fields, "dated");
        fields.finish();
        Some(Evidence { link: link?, dated: dated? })
    }

    fn recheck(&self, node: &Node) -> Option<Recheck> {
        let mut fields = self.reader.map(node)?;
        let before = fields.optional_str("before").and_then(|text| self.day(&text));
        let on = self.triggers(fields.node("on"));
        fields.finish();
        Some(Recheck { before, on })
    }

    fn under(&self, node: &Node) -> Option<Under> {
        let mut fields = self.reader.map(node)?;
        let under = Self::held(&mut fields);
        fields.finish();
        Some(under)
    }

    fn held(fields: &mut Fields<'_, '_>) -> Under {
        Under {
            kubernetes: plain(fields.optional_str("kubernetes")),
            provider: plain(fields.optional_str("provider")),
            profile: plain(fields.optional_str("profile")),
            cluster: plain(fields.optional_str("cluster")),
        }
    }

    fn exception(&self, node: &Node) -> Option<Exception> {
        let mut fields = self.reader.map(node)?;
        let at = self.at(node, &fields);
        let control = fields.required_str("control").and_then(|name| self.control(&name));
        let scope = fields.node("scope").map_or_else(|| Some(Scope::default()), |node| self.scope(node));
        let accepted = fields.required_node("accepted").and_then(|node| self.accepted(node));
        let reason = self.said(fields.required_str("reason"));
        let compensating = fields.required_node("compensating").and_then(|node| self.compensating(node));
        let owner = self.said(fields.required_str("owner"));
        let approver = self.said(fields.required_str("approver"));
        let expires = self.date(&mut fields, "expires");
        let review = self.triggers(fields.node("review"));
        fields.finish();
        Some(Exception {
            control: control?,
            scope: scope?,
            accepted: accepted?,
            reason: reason?,
            compensating: compensating?,
            owner: owner?,
            approver: approver?,
            expires: expires?,
            review,
            at,
        })
    }

    fn accepted(&self, node: &Node) -> Option<Accepted> {
        let mut fields = self.reader.map(node)?;
        let since = self.date(&mut fields, "since");
        let state = fields.required_node("state").and_then(|node| self.state(node));
        let expected = plain(fields.optional_str("expected"));
        let under = Self::held(&mut fields);
        fields.finish();
        Some(Accepted { since: since?, state: state?, expected, under })
    }

    fn state(&self, node: &Node) -> Option<BTreeMap<String, String>> {
        let entries = self.reader.entries(node)?;
        if entries.is_empty() {
            let help = "name each deciding fact with the value that was seen; `kube-assay register add` writes it";
            self.mistake(code::NO_STATE, &node.span, "the state that was accepted is empty", help);
            return None;
        }
        entries
            .iter()
            .map(|(fact, value)| {
                if fact.text != crate::decide::VERDICT && assess::fact(&fact.text).is_none() {
                    let message = format!("there is no fact {}", quoted(&fact.text));
                    let known = assess::catalogue().map(|fact| fact.name);
                    let mistake = Diagnostic::error(code::UNKNOWN_FACT, self.reader.file(), fact.span.clone(), message);
                    self.reader.report(mistake.did_you_mean(&fact.text, known));
                }
                Some((fact.text.clone(), self.reader.str(value)?.value))
            })
            .collect()
    }

    fn compensating(&self, node: &Node) -> Option<Compensating> {
        let mut fields = self.reader.map(node)?;
        let given = fields.optional_str("control");
        let control = given.as_ref().map(|name| self.control(name));
        let says = self.said(fields.required_str("says"));
        fields.finish();
        // A control that does not exist must not look like none.
        Some(Compensating { control: control.map_or(Some(None), |control| control.map(Some))?, says: says? })
    }

    fn grant(&self, node: &Node) -> Option<Grant> {
        let mut fields = self.reader.map(node)?;
        let at = self.at(node, &fields);
        let control = fields.required_str("control").and_then(|name| self.control(&name));
        let subjects = fields.required_str_list("subjects").map(|subjects| self.all_said(Some(subjects)));
        let state = fields.node("state").map_or_else(|| Some(BTreeMap::new()), |node| self.state(node));
        let reason = self.said(fields.required_str("reason"));
        let owner = self.said(fields.required_str("owner"));
        let approver = self.said(fields.required_str("approver"));
        let (since, expires) = (self.date(&mut fields, "since"), self.date(&mut fields, "expires"));
        let review = self.triggers(fields.node("review"));
        let under = fields.node("under").and_then(|node| self.under(node)).unwrap_or_default();
        fields.finish();
        let subjects = subjects?;
        if subjects.is_empty() {
            let help = "name each subject as findings do";
            self.mistake(code::NO_SUBJECT, &node.span, "a grant that names nobody grants nothing", help);
            return None;
        }
        Some(Grant {
            control: control?,
            subjects,
            state: state?,
            reason: reason?,
            owner: owner?,
            approver: approver?,
            since: since?,
            expires: expires?,
            review,
            under,
            at,
        })
    }

    fn answer(&self, node: &Node) -> Option<Answer> {
        let mut fields = self.reader.map(node)?;
        let at = self.at(node, &fields);
        let control = fields.required_str("control").and_then(|name| self.control(&name));
        let scope = fields.node("scope").map_or_else(|| Some(Scope::default()), |node| self.scope(node));
        let holds = fields.required_bool("holds");
        let evidence = self.said(fields.required_str("evidence"));
        let author = self.said(fields.required_str("author"));
        let (date, expires) = (self.date(&mut fields, "date"), self.date(&mut fields, "expires"));
        let question = plain(fields.optional_str("question"));
        fields.finish();
        Some(Answer {
            control: control?,
            scope: scope?,
            holds: holds?,
            evidence: evidence?,
            author: author?,
            date: date?,
            expires: expires?,
            question,
            at,
        })
    }

    fn scope(&self, node: &Node) -> Option<Scope> {
        let mut fields = self.reader.map(node)?;
        for (key, value) in named(node) {
            // It would bound nothing, where whoever emptied it meant nothing to be left.
            if matches!(&value.value, Value::Seq(items) if items.is_empty())
                || matches!(&value.value, Value::Map(entries) if entries.is_empty())
            {
                let message = format!("{} names nothing", quoted(&key.text));
                self.mistake(
                    code::EMPTY,
                    &value.span,
                    &message,
                    "name what is meant, or take it out: then all of them are",
                );
            }
        }
        let controls = self.controls(fields.optional_str_list("controls"));
        let sections = fields.optional_str_list("sections").unwrap_or_default();
        let components = fields.optional_str_list("components").unwrap_or_default();
        let platforms = fields.optional_str_list("platforms").unwrap_or_default();
        let nodes = fields.node("nodes").and_then(|node| self.labels(node)).unwrap_or_default();
        let namespaces = self.all_said(fields.optional_str_list("namespaces"));
        let subjects = self.all_said(fields.optional_str_list("subjects"));
        fields.finish();
        let in_sections = sections.iter().flat_map(|section| self.section(section)).collect();
        let known = self.content.controls.iter().map(|control| control.component.as_str());
        self.names(code::UNKNOWN_COMPONENT, "component", &components, known);
        let known = self.content.platforms.iter().map(|platform| platform.name.as_str());
        self.names(code::UNKNOWN_PLATFORM, "platform", &platforms, known);
        let strip = |names: Vec<Spanned<String>>| names.into_iter().map(|name| name.value).collect();
        Some(Scope {
            controls,
            sections: strip(sections),
            in_sections,
            components: strip(components),
            platforms: strip(platforms),
            nodes,
            namespaces,
            subjects,
        })
    }

    fn labels(&self, node: &Node) -> Option<BTreeMap<String, String>> {
        let label = |(key, value): &(diag::Key, Node)| Some((key.text.clone(), self.reader.str(value)?.value));
        self.reader.entries(node)?.iter().map(label).collect()
    }

    fn names<'c>(
        &self,
        code: &'static str,
        what: &str,
        given: &[Spanned<String>],
        known: impl Iterator<Item = &'c str>,
    ) {
        let known: std::collections::BTreeSet<&str> = known.collect();
        for name in given.iter().filter(|name| !known.contains(name.value.as_str())) {
            let message = format!("there is no {what} {}", quoted(&name.value));
            let mistake = Diagnostic::error(code, self.reader.file(), name.span.clone(), message);
            self.reader.report(mistake.did_you_mean(&name.value, &known));
        }
    }

    fn controls(&self, given: Option<Vec<Spanned<String>>>) -> Vec<String> {
        given.unwrap_or_default().iter().filter_map(|name| self.control(name)).collect()
    }

    /// A control by its name, or by an id of a profile: what an id cites is looked up once, so that renumbering loses
    /// nothing.
    fn control(&self, given: &Spanned<String>) -> Option<String> {
        let name = given.value.as_str();
        if self.content.control(name).is_some() {
            return Some(name.to_owned());
        }
        let error =
            |message: String| Diagnostic::error(code::UNKNOWN_CONTROL, self.reader.file(), given.span.clone(), message);
        if let Some((id, profile)) = name.split_once('@') {
            let Some(profile) = self.content.profile(profile) else {
                let known = self.content.profiles.iter().map(|profile| profile.name.as_str());
                self.reader
                    .report(error(format!("there is no profile {}", quoted(profile))).did_you_mean(profile, known));
                return None;
            };
            if let Some(entry) = profile.entry(id) {
                return Some(entry.control.clone());
            }
            let known = profile.entries.iter().map(|entry| entry.id.as_str());
            let message = format!("{} has no id {}", profile.name, quoted(id));
            self.reader.report(error(message).did_you_mean(id, known));
            return None;
        }
        let mistake = error(format!("there is no control {}", quoted(name)));
        let citing = self.content.profiles.iter().filter(|profile| profile.entry(name).is_some());
        let citing: Vec<String> = citing.map(|profile| format!("{name}@{}", profile.name)).collect();
        let known = self.content.controls.iter().map(|control| control.name.as_str());
        self.reader.report(match citing.as_slice() {
            [] => mistake.did_you_mean(name, known),
            _ => mistake.help(format!("an id means something in a profile alone: {}", citing.join(", "))),
        });
        None
    }

    /// The controls under a section of a profile.
    fn section(&self, given: &Spanned<String>) -> Vec<String> {
        let (id, profile) = given.value.split_once('@').unwrap_or((&given.value, ""));
        let entries = self.content.profile(profile).map(|profile| profile.entries.as_slice()).unwrap_or_default();
        let under = entries.iter().filter(|entry| is_under(&entry.id, id));
        let controls: Vec<String> = under.map(|entry| entry.control.clone()).collect();
        if controls.is_empty() {
            let message = format!("there is no section {}", quoted(&given.value));
            let help = "write it as SECTION@PROFILE, e.g. 1.2@cis-2.0.1";
            self.mistake(code::UNKNOWN_SECTION, &given.span, &message, help);
        }
        controls
    }

    fn triggers(&self, node: Option<&Node>) -> Vec<Trigger> {
        let Some(nodes) = node.and_then(|node| self.reader.list(node)) else { return Vec::new() };
        nodes.iter().filter_map(|node| self.reader.one_of(node, &TRIGGERS)).collect()
    }

    fn date(&self, fields: &mut Fields<'_, '_>, name: &'static str) -> Option<Date> {
        self.day(&fields.required_str(name)?)
    }

    fn day(&self, text: &Spanned<String>) -> Option<Date> {
        let date = (text.value.len() == 10).then(|| text.value.parse().ok()).flatten();
        if date.is_none() {
            let message = format!("{} is no date", quoted(&text.value));
            self.mistake(code::WRONG_DATE, &text.span, &message, "write it as YEAR-MONTH-DAY, e.g. 2027-03-31");
        }
        date
    }

    /// A text that says something.
    fn said(&self, text: Option<Spanned<String>>) -> Option<String> {
        let text = text?;
        if text.value.trim().is_empty() {
            self.mistake(code::EMPTY, &text.span, "nothing is written here", "say it, or take the entry out");
            return None;
        }
        Some(text.value.trim().to_owned())
    }

    /// Names, none of which is empty. They are told exactly.
    fn all_said(&self, texts: Option<Vec<Spanned<String>>>) -> Vec<String> {
        let named = |text: Spanned<String>| self.said(Some(text.clone())).map(|_| text.value);
        texts.unwrap_or_default().into_iter().filter_map(named).collect()
    }

    fn mistake(&self, code: &'static str, span: &Span<usize>, message: &str, help: &str) {
        self.reader.report(Diagnostic::error(code, self.reader.file(), span.clone(), message).help(help));
    }

    fn at(&self, node: &Node, fields: &Fields<'_, '_>) -> At {
        let span = fields.span();
        let line = 1 + self.text.get(..span.start).unwrap_or_default().matches('\n').count();
        let mut spans = BTreeMap::new();
        for (key, value) in named(node) {
            spans.insert(key.text.clone(), self.content_of(value));
            let inner = named(value).iter();
            spans.extend(inner.map(|(own, value)| (format!("{}.{}", key.text, own.text), self.content_of(value))));
        }
        At { file: self.reader.file().to_owned(), line, span, fields: spans }
    }

    /// Where a value's own text stands: behind the sign that begins a block of text.
    fn content_of(&self, node: &Node) -> Span<usize> {
        let text = self.text.get(node.span.clone()).unwrap_or_default();
        let head = if text.starts_with(['>', '|']) { text.find('\n').unwrap_or(0) } else { 0 };
        let blank = text[head..].len() - text[head..].trim_start().len();
        node.span.start + head + blank..node.span.end
    }
}

/// The fields of a map; none of anything else.
fn named(node: &Node) -> &[(diag::Key, Node)] {
    match &node.value {
        Value::Map(fields) => fields,
        _ => &[],
    }
}

/// Whether an id is a section's own or stands under it.
fn is_under(id: &str, section: &str) -> bool {
    id == section || id.strip_prefix(section).is_some_and(|rest| rest.starts_with('.'))
}

fn plain(text: Option<Spanned<String>>) -> Option<String> {
    text.map(|text| text.value.trim().to_owned()).filter(|text| !text.is_empty())
}
