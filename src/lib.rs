//! metapicture
