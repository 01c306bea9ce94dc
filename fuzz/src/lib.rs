//! What the fuzz targets share: fixed keys, real objects, a disk in memory, and what must hold of
//! every tree.

pub mod disk;
pub mod input;
pub mod operations;
pub mod sample;
pub mod script;
pub mod seal;
pub mod trees;
