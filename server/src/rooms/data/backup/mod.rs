//! Whole apps as zip files.
