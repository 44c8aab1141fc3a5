//! Tests of the rules of grouping: on random graphs and records, against models that know nothing
//! of the algorithms, and in scenarios that every workspace meets.

mod part_scenarios;
mod parts;
mod plans;
mod pool_scenarios;
mod pools;
mod recipe;
mod words;
