//! The cache engine under Node.js.
