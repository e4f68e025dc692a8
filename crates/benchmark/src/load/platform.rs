//! Reading a platform.

use diag::{Node, quoted};

use super::{File, Named, code, plain_texts};
use crate::Platform;

pub(super) fn read(file: &File<'_>, node: &Node) -> Option<Named<Option<Platform>>> {
    let mut fields = file.reader.map(node)?;
    let name = fields.required_str("platform");
    let title = fields.required_str("title");
    let roles = fields.required_node("places").and_then(|node| file.reader.entries(node)).unwrap_or_default();
    for (role, _) in roles {
        let known = &file.vocabulary.roles;
        if !known.contains(role.text.as_str()) {
            let mistake =
                file.error(code::UNKNOWN_ROLE, &role.span, format!("there is no role {}", quoted(&role.text)));
            file.report(mistake.did_you_mean(&role.text, known));
        }
    }
    let places =
        roles.iter().filter_map(|(role, places)| Some((role.text.clone(), plain_texts(file.reader.str_list(places)?))));
    let places = places.collect();
    let sources = fields.required_str_list("sources");
    // What a provider owns is not told yet; better refused than read and forgotten.
    if let Some([first, ..]) = fields.optional_list("owners") {
        file.report(file.error(code::WRONG_VALUE, &first.span, "owners of a platform's places cannot be told yet"));
    }
    fields.finish();
    let name = name?;
    let platform = title.zip(sources).map(|(title, sources)| Platform {
        name: name.value.clone(),
        title: title.value,
        places,
        sources: plain_texts(sources),
    });
    Some(file.named(name, platform))
}
