//! What a researcher may expect of a folder of records: whatever is killed, cut, flipped, full or shared, what is finished
//! stays, and what is damaged is found, kept aside and made again.

mod disk;
mod folder;
mod index;
mod killed;
mod processes;
mod records;
