//! What several tests share.

pub mod image;
