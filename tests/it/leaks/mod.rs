//! A canary stands in everything that a sender or an operator hands in. Nothing that comes out may show it: answers,
//! log lines at every level, errors, `Debug`. Rocket's own lines are excepted one by one.

mod answers;
mod canary;
mod database;
mod debug;
mod format;
mod levels;
