//! The rules of grouping: on graphs and records that nobody thought of, against models that know
//! nothing of the algorithms, and on those that every workspace meets.

mod part_scenarios;
mod parts;
mod plans;
mod pool_scenarios;
mod pools;
mod recipe;
mod words;
