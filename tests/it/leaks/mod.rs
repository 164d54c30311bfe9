//! A canary in everything that a sender or an operator hands in, and a look at everything that comes out: answers,
//! log lines at every level, errors, what `Debug` shows. What Rocket prints by itself is excepted line by line.

mod answers;
mod canary;
mod database;
mod debug;
mod format;
mod levels;
