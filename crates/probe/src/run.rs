//! From trails on paper to a run file.

use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal as _, Read, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;

use evidence::{Run, Trail, write_framed, write_run};

use crate::args::Look;

/// All trails of the catalogue are some hundred kilobytes.
const MAX_TRAILS: u64 = 4 << 20;

/// Looks, and writes what was seen. The run file is whole before any of it is written.
pub(crate) fn look(look: &Look) -> Result<(), Box<dyn Error>> {
    if look.output.is_none() && !look.framed && io::stdout().is_terminal() {
        return Err("a run file is not for a terminal: redirect the output, or name a file with -o".into());
    }
    let trails = match &look.trails {
        Some(path) => File::open(path).map_err(Into::into).and_then(read_trails),
        None => read_trails(io::stdin().lock()),
    };
    let trails = trails.map_err(|error| format!("cannot read the trails: {error}"))?;
    let capture = probe::capture(&look.root, look.name.as_deref(), trails, probe::Options::default())?;
    let mut run = Vec::new();
    write_run(&Run { captures: vec![capture] }, &mut run)?;
    if look.framed {
        let plain = std::mem::take(&mut run);
        write_framed(&plain, &mut run)?;
    }
    if let Some(path) = &look.output {
        // It tells much about a node: for its owner alone, and never into a file that somebody put there before.
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(&run)?;
        file.sync_all()?;
    } else {
        let mut out = io::stdout().lock();
        out.write_all(&run)?;
        out.flush()?;
    }
    Ok(())
}

fn read_trails(from: impl Read) -> Result<Vec<Trail>, Box<dyn Error>> {
    let mut json = Vec::new();
    from.take(MAX_TRAILS + 1).read_to_end(&mut json)?;
    if json.len() as u64 > MAX_TRAILS {
        return Err(format!("they are larger than {MAX_TRAILS} bytes").into());
    }
    Ok(serde_json::from_slice(&json)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trails_are_read_up_to_a_bound() {
        assert_eq!(read_trails(&b"[]"[..]).unwrap(), []);
        assert!(read_trails(&b"[{}]"[..]).unwrap_err().to_string().contains("missing field"));
        let error = read_trails(io::repeat(b' ')).unwrap_err();
        assert_eq!(error.to_string(), "they are larger than 4194304 bytes");
    }

    #[test]
    fn a_run_file_of_a_tree_can_be_read_back() {
        let scratch = tempfile::tempdir().unwrap();
        let at = |name: &str| scratch.path().join(name);
        std::fs::create_dir_all(at("root/etc")).unwrap();
        std::fs::write(at("root/etc/hostname"), "node-7\n").unwrap();
        std::fs::write(
            at("trails.json"),
            r#"[{"id": "os.hostname", "start": {"path": "/etc/hostname"}, "take": ["stat"]}]"#,
        )
        .unwrap();
        let asked = Look {
            trails: Some(at("trails.json")),
            root: at("root"),
            name: None,
            framed: false,
            output: Some(at("run")),
        };
        look(&asked).unwrap();
        let run = evidence::read_run(File::open(at("run")).unwrap()).unwrap();
        let [capture] = run.captures.as_slice() else { panic!("one capture") };
        assert_eq!(capture.name, "node-7");
        assert!(matches!(capture.path("/etc/hostname", evidence::Aspect::Stat), Some(evidence::Seen::Stat(_))));
        let asked = Look { framed: true, output: Some(at("log")), ..asked };
        look(&asked).unwrap();
        let again = evidence::read_framed(&std::fs::read(at("log")).unwrap(), 1 << 20).unwrap();
        assert_eq!(evidence::read_run(again.as_slice()).unwrap().captures[0].items, capture.items);
        let asked = Look { root: at("nowhere"), ..asked };
        assert!(look(&asked).unwrap_err().to_string().contains("cannot open the root"));
    }
}
