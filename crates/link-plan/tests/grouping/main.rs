//! The rules of grouping: on graphs and records that nobody thought of, against models that know
//! nothing of the algorithms, and on those that every workspace meets.

mod parts;
mod plans;
mod pools;
mod recipe;
mod scenarios;
