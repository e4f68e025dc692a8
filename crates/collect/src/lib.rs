//! Going to look without standing on the node: each source answers the questions of [`evidence::Walk`].
//!
//! A source knows no control; it is given trails and gives back an [`evidence::Capture`].

pub mod recording;
