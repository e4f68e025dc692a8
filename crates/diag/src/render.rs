//! Drawing mistakes, as rustc does.

use std::collections::BTreeMap;

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};

use crate::text::{clamp, inert};
use crate::{Diagnostic, Severity};

/// Longer lines are named by their position and not drawn.
const MAX_DRAWN_LINE: usize = 4096;

/// The texts that diagnostics point into, by file name.
#[derive(Clone, Debug, Default)]
pub struct Sources(BTreeMap<String, Source>);

#[derive(Clone, Debug)]
struct Source {
    text: String,
    /// The byte offset at which each line begins; the first is 0.
    lines: Vec<usize>,
}

/// Where a diagnostic points, as people count.
struct Place<'a> {
    line: usize,
    column: usize,
    /// The line itself, and the offending part of it. A span of several lines is shown by its first one.
    text: &'a str,
    span: std::ops::Range<usize>,
}

impl Sources {
    /// Remembers a file's text, in place of an earlier one of the same name, and hands it back.
    pub fn add(&mut self, file: impl Into<String>, text: impl Into<String>) -> &str {
        let text = text.into();
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        &self.0.entry(file.into()).insert_entry(Source { text, lines }).into_mut().text
    }

    /// The text of a file.
    pub fn text(&self, file: &str) -> Option<&str> {
        self.0.get(file).map(|source| source.text.as_str())
    }

    fn place(&self, diag: &Diagnostic) -> Option<Place<'_>> {
        let Source { text, lines } = self.0.get(&diag.file)?;
        let span = clamp(text, diag.span.clone());
        let line = lines.partition_point(|start| *start <= span.start);
        let start = lines[line - 1];
        let end = lines.get(line).map_or(text.len(), |next| next - 1);
        let shown = text[start..end].trim_end_matches('\r');
        let column = text[start..span.start].chars().count() + 1;
        let span = clamp(shown, span.start - start..span.end - start);
        Some(Place { line, column, text: shown, span })
    }
}

/// Draws all mistakes, by file and position, and counts them in the last line. Nothing for no mistakes.
pub fn render(diags: &[Diagnostic], sources: &Sources, color: bool) -> String {
    if diags.is_empty() {
        return String::new();
    }
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut out = String::new();
    for diag in in_order(diags) {
        out += &draw(diag, sources, &renderer);
        out += "\n\n";
    }
    out + &summary(diags) + "\n"
}

/// One line for each mistake, `file:line:column: severity[code]: message`, by file and position.
pub fn render_short(diags: &[Diagnostic], sources: &Sources) -> String {
    let mut out = String::new();
    for diag in in_order(diags) {
        let position = sources.place(diag).map_or(String::new(), |place| format!(":{}:{}", place.line, place.column));
        let (file, severity, message) = (inert(&diag.file), word(diag.severity), inert(&diag.message));
        out.extend([file.as_str(), &position, ": ", severity, "[", diag.code, "]: ", &message, "\n"]);
    }
    out
}

/// "2 errors, 1 warning"; empty for no mistakes.
pub fn summary(diags: &[Diagnostic]) -> String {
    let parts: Vec<String> = [Severity::Error, Severity::Warning]
        .into_iter()
        .map(|severity| (word(severity), diags.iter().filter(|diag| diag.severity == severity).count()))
        .filter(|(_, count)| *count > 0)
        .map(|(word, count)| format!("{count} {word}{}", if count == 1 { "" } else { "s" }))
        .collect();
    parts.join(", ")
}

fn in_order(diags: &[Diagnostic]) -> Vec<&Diagnostic> {
    let mut diags: Vec<_> = diags.iter().collect();
    diags.sort_by(|a, b| (&a.file, a.span.start).cmp(&(&b.file, b.span.start)));
    diags
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// The renderer passes labels, paths and help through as they are, so every text is made inert before it gets them.
/// It is handed one line, not the file: many mistakes in a large file would otherwise cost the product of both.
fn draw(diag: &Diagnostic, sources: &Sources, renderer: &Renderer) -> String {
    let level = match diag.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(inert(&diag.message)).id(diag.code);
    let file = inert(&diag.file);
    let group = match sources.place(diag) {
        Some(Place { line, text, span, .. }) if text.len() <= MAX_DRAWN_LINE => {
            let start = inert(&text[..span.start]).len();
            let marked = start..start + inert(&text[span]).len();
            let annotation = AnnotationKind::Primary.span(marked).label(diag.label.as_deref().map(inert));
            title.element(Snippet::source(inert(text)).line_start(line).path(file).annotation(annotation))
        }
        Some(Place { line, column, .. }) => title.element(Origin::path(file).line(line).char_column(column)),
        None => title.element(Origin::path(file)),
    };
    let help = diag.help.as_deref().map(|help| Level::HELP.message(inert(help)));
    renderer.render(&[group.elements(help)])
}
