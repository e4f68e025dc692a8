//! What was seen, and nothing about what it means.
//!
//! A [`Trail`] is data that says where to look; [`Walk`] turns trails into questions ([`Ask`]) and their answers
//! ([`Seen`]) into [`Item`]s, without doing any I/O; a [`Run`] is the file of them. This crate deliberately cannot look
//! anywhere, knows no control and parses no configuration: the privileged probe links it and nothing else of ours.

mod argv;
mod ask;
mod body;
mod capture;
mod cut;
mod frame;
mod image;
mod item;
mod kernel;
mod matching;
mod objects;
mod resource;
mod runfile;
mod scan;
mod spool;
mod take;
mod text;
mod trail;
mod walk;

pub use argv::split_flag;
pub use ask::Ask;
pub use body::{CONFIG_MAPS, VERSION, take_body};
pub use capture::{Break, CONFIGZ, Capture, MIRROR_PODS, Reach, Run, Source};
pub use cut::{Cut, CutNote, cut, scrub_argv, scrub_env};
pub use frame::{FrameError, read_framed, write_framed};
pub use image::image_tag;
pub use item::{
    Aspect, Basis, Entry, FileKind, Item, Listener, Listing, ObjectList, Place, Process, ProcessTable, Resource, Seen,
    Sockets, Spec, Stat, Text,
};
pub use kernel::{
    OF_THE_ADMINISTRATOR, Parameter, is_kernels, parameters, parent_of, same_parameter, setting_key, setting_path,
    take_parameters, take_value,
};
pub use matching::process_names;
pub use objects::{CONTAINERS, OBJECTS, ObjectKind, Objects, object_kind};
pub use resource::take_spec;
pub use runfile::{
    MAX_TOTAL, RunFileError, SCHEMA_MAJOR, SCHEMA_MINOR, digest, read_run, read_run_within, trails_digest, write_run,
};
pub use scan::pem_certificates;
pub use spool::{Captures, Spool, Spooled};
pub use take::take_text;
pub use text::OsText;
pub use trail::{Hop, Start, Take, Trail};
pub use walk::{Limits, POD_VOLUMES, UNIT_DIRS, Walk};
