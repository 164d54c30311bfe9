use std::fmt::Write as _;

use super::Spread;
use super::spread::short;
use crate::findings::Findings;
use crate::measure::Case;
use crate::system::{Backend, System};

/// Size of one panel, and the space around its axes.
const WIDTH: f64 = 440.0;
const HEIGHT: f64 = 340.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 104.0;
const TOP: f64 = 46.0;
const BOTTOM: f64 = 44.0;

/// The axis of deliveries in a second, logarithmic.
const FLOOR: f64 = 100.0;
const CEILING: f64 = 100_000.0;

/// The lines of a panel: system, its name, its colour, and how far below their points its numbers stand.
const LINES: [(System, &str, &str, f64); 3] = [
    (System::ParseOnly, "stores nothing", "#7f7f7f", -8.0),
    (System::Plugin, "the plugin", "#1b6ca8", -8.0),
    (System::HandWritten, "hand-written", "#b8541a", 17.0),
];

/// Acknowledged deliveries in a second over the number of connections, a panel for each database: medians, with the
/// least and the most of the rounds.
pub(crate) fn plot(findings: &Findings) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\" role=\"img\" aria-label=\"Acknowledged deliveries in a second\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
        2.0 * WIDTH
    );
    for (backend, left) in Backend::ALL.into_iter().zip([0.0, WIDTH]) {
        let connections: Vec<usize> = {
            let mut all: Vec<usize> = findings.speed.keys().map(|case| case.connections).collect();
            all.sort_unstable();
            all.dedup();
            all
        };
        Panel { findings, backend, left, connections, svg: &mut svg }.draw();
    }
    svg + "</svg>\n"
}

struct Panel<'p> {
    findings: &'p Findings,
    backend: Backend,
    left: f64,
    connections: Vec<usize>,
    svg: &'p mut String,
}

impl Panel<'_> {
    fn draw(&mut self) {
        let title = format!("{}: acknowledged / s", self.backend.title());
        self.text(self.left + LEFT, 24.0, "start", "#222222", &format!("<tspan font-weight=\"bold\">{title}</tspan>"));
        let mut rate = FLOOR;
        while rate <= CEILING {
            let (y, end) = (y(rate), self.left + WIDTH - RIGHT);
            self.line((self.left + LEFT, y), (end, y), "#dddddd", 1.0);
            self.text(self.left + LEFT - 8.0, y + 4.0, "end", "#555555", &short(rate).replace(".00", ""));
            rate *= 10.0;
        }
        for (place, connections) in self.connections.clone().into_iter().enumerate() {
            self.text(self.x(place), HEIGHT - BOTTOM + 18.0, "middle", "#555555", &connections.to_string());
        }
        let middle = self.left + (LEFT + WIDTH - RIGHT) / 2.0;
        self.text(middle, HEIGHT - 8.0, "middle", "#555555", "connections");
        for (system, name, colour, below) in LINES {
            self.curve(system, name, colour, below);
        }
    }

    fn curve(&mut self, system: System, name: &str, colour: &str, below: f64) {
        let mut last: Option<(f64, f64)> = None;
        for (place, connections) in self.connections.clone().into_iter().enumerate() {
            let Some(Spread { median, least, most }) = self.rate(system, connections) else { continue };
            let here = (self.x(place), y(median));
            if let Some(last) = last {
                self.line(last, here, colour, 2.0);
            }
            self.line((here.0, y(least)), (here.0, y(most)), colour, 1.0);
            writeln!(self.svg, "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.5\" fill=\"{colour}\"/>", here.0, here.1)
                .expect("memory");
            self.text(here.0, here.1 + below, "middle", colour, &short(median));
            last = Some(here);
        }
        if let Some((x, y)) = last {
            self.text(x + 24.0, y + below / 3.0 + 4.0, "start", colour, name);
        }
    }

    /// What stores nothing is the same beside every database: it was measured beside the first.
    fn rate(&self, system: System, connections: usize) -> Option<Spread> {
        let backend = if system == System::ParseOnly { Backend::Sqlite } else { self.backend };
        let case = Case { backend, has_repeats: false, connections, system };
        self.findings.figure(case, |speed| speed.rate)
    }

    fn x(&self, place: usize) -> f64 {
        let (first, last) = (self.left + LEFT + 24.0, self.left + WIDTH - RIGHT - 24.0);
        first + (last - first) * place as f64 / (self.connections.len().max(2) - 1) as f64
    }

    fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), colour: &str, width: f64) {
        writeln!(
            self.svg,
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\" stroke-width=\"{width}\"/>"
        )
        .expect("memory");
    }

    fn text(&mut self, x: f64, y: f64, anchor: &str, colour: &str, text: &str) {
        writeln!(self.svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{text}</text>")
            .expect("memory");
    }
}

fn y(rate: f64) -> f64 {
    let share = (rate.clamp(FLOOR, CEILING) / FLOOR).log10() / (CEILING / FLOOR).log10();
    HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)
}
