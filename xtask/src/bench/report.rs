//! The page: two plots and a table in one file that needs nothing from outside, readable on
//! a light and on a dark screen. Every number in a plot is also in the table.

use std::fmt::Write;

use super::programs::{ProgramResult, Results, Side};
use super::stats::{Spread, spread};

const LEFT: f64 = 120.0;
const WIDTH: f64 = 860.0;
const RIGHT: f64 = 70.0;
const ROW: f64 = 26.0;
const TOP: f64 = 34.0;

/// The whole page.
pub fn page(results: &Results) -> String {
    let mut body = String::new();
    body.push_str("<h1>Mainspring bench</h1>");
    let _ = write!(
        body,
        "<p class=note>{} rounds, in turns, user time, everything compiled ahead of time. {}. {}.</p>",
        results.rounds,
        escape(&results.machine),
        escape(&results.compiler)
    );
    body.push_str("<ul class=note>");
    for (side, version) in &results.installed {
        let _ = write!(body, "<li>{}: {}</li>", side.name(), escape(version));
    }
    for (side, reason) in &results.missing {
        let _ = write!(
            body,
            "<li><strong>{} is missing</strong>: {}</li>",
            side.name(),
            escape(reason)
        );
    }
    body.push_str("</ul>");
    if let Some(mean) = results.mean.get(&Side::Wasmtime) {
        body.push_str(&against_wasmtime(&results.programs, *mean));
    }
    body.push_str(&against_native(&results.programs));
    body.push_str(&table(results));
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>Mainspring bench</title><style>{STYLE}</style><main>{body}</main></html>\n"
    )
}

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1c2126;--soft:#66707a;--line:#d9dee3;--paper:#fff;--ours:#0a7f6f;--theirs:#8a5fb8;--slow:#c2571a}\
@media(prefers-color-scheme:dark){:root{--ink:#e6eaee;--soft:#98a3ad;--line:#333b43;--paper:#14181c;--ours:#3cc9b3;--theirs:#bb95e6;--slow:#f0904d}}\
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}\
main{max-width:880px;margin:0 auto;padding:2rem 1rem}h1{font-size:1.7rem;margin:0 0 .5rem}h2{font-size:1.15rem;margin:2.2rem 0 .2rem}\
.note{color:var(--soft);margin:.2rem 0}ul.note{padding-left:1.2rem}\
svg{width:100%;height:auto;display:block}svg text{fill:var(--ink);font:12px system-ui,sans-serif}svg .soft{fill:var(--soft)}\
.grid{stroke:var(--line)}.one{stroke:var(--soft)}.ours{fill:var(--ours)}.theirs{fill:var(--theirs)}.slow{fill:var(--slow)}\
.whisker{stroke:var(--ink);stroke-width:1.2;opacity:.55}.mean{stroke:var(--ink);stroke-dasharray:4 3}.join{stroke:var(--line);stroke-width:4}\
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}\
th,td{padding:.25rem .6rem;text-align:right;border-bottom:1px solid var(--line)}th:first-child,td:first-child{text-align:left}\
th{color:var(--soft);font-weight:600}tfoot td{font-weight:600}";

/// A logarithmic axis from `low` to `high`, with the ticks that fall on it.
struct Axis {
    low: f64,
    high: f64,
}

impl Axis {
    /// Holds all `values` and 1, with a little room.
    fn around(values: impl Iterator<Item = f64>) -> Axis {
        let (low, high) = values.fold((1.0f64, 1.0f64), |(low, high), v| (low.min(v), high.max(v)));
        Axis {
            low: low / 1.06,
            high: high * 1.06,
        }
    }

    fn x(&self, value: f64) -> f64 {
        LEFT + (value / self.low).ln() / (self.high / self.low).ln() * (WIDTH - LEFT - RIGHT)
    }

    fn ticks(&self) -> Vec<f64> {
        const ALL: [f64; 19] = [
            0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0,
            10.0, 20.0,
        ];
        let mut ticks: Vec<f64> = Vec::new();
        for tick in ALL
            .into_iter()
            .filter(|t| (self.low..=self.high).contains(t))
        {
            if ticks
                .last()
                .is_none_or(|last| self.x(tick) - self.x(*last) > 34.0)
            {
                ticks.push(tick);
            }
        }
        ticks
    }

    fn grid(&self, rows: usize) -> String {
        let bottom = TOP + ROW * rows as f64;
        let mut svg = String::new();
        for tick in self.ticks() {
            let (x, class) = (self.x(tick), if tick == 1.0 { "one" } else { "grid" });
            let _ = write!(
                svg,
                "<line class={class} x1={x:.1} x2={x:.1} y1={TOP} y2={bottom} />\
                 <text class=soft x={x:.1} y={:.1} text-anchor=middle>{tick}×</text>",
                bottom + 16.0
            );
        }
        svg
    }
}

fn svg(label: &str, rows: usize, content: &str) -> String {
    let height = TOP + ROW * rows as f64 + 24.0;
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=img aria-label=\"{}\">{content}</svg>",
        escape(label)
    )
}

/// Bars to the left of 1 where Mainspring is faster, to the right where it is slower.
fn against_wasmtime(programs: &[ProgramResult], mean: f64) -> String {
    let mut rows: Vec<(&str, Spread)> = programs
        .iter()
        .filter_map(|p| Some((p.name.as_str(), *p.ratio.get(&Side::Wasmtime)?)))
        .collect();
    rows.sort_by(|a, b| a.1.median.total_cmp(&b.1.median));
    let axis = Axis::around(
        rows.iter()
            .flat_map(|(_, r)| [r.least, r.most])
            .chain([mean]),
    );
    let mut content = axis.grid(rows.len());
    for (i, (name, ratio)) in rows.iter().enumerate() {
        let y = TOP + ROW * i as f64;
        let middle = y + ROW / 2.0;
        let (from, to) = (axis.x(ratio.median.min(1.0)), axis.x(ratio.median.max(1.0)));
        let class = if ratio.median <= 1.0 { "ours" } else { "slow" };
        let _ = write!(
            content,
            "<g><title>{name}: {:.3} (from {:.3} to {:.3})</title>\
             <text x={:.1} y={:.1} text-anchor=end>{name}</text>\
             <rect class={class} x={from:.1} y={:.1} width={:.1} height={:.1} rx=2 />\
             <line class=whisker x1={:.1} x2={:.1} y1={middle:.1} y2={middle:.1} />\
             <text x={:.1} y={:.1}>{:.2}</text></g>",
            ratio.median,
            ratio.least,
            ratio.most,
            LEFT - 10.0,
            middle + 4.0,
            y + 5.0,
            (to - from).max(1.0),
            ROW - 10.0,
            axis.x(ratio.least),
            axis.x(ratio.most),
            WIDTH - RIGHT + 16.0,
            middle + 4.0,
            ratio.median,
        );
    }
    let x = axis.x(mean);
    let _ = write!(
        content,
        "<line class=mean x1={x:.1} x2={x:.1} y1={:.1} y2={:.1} />\
         <text x={x:.1} y={:.1} text-anchor=middle>geometric mean {mean:.3}</text>",
        TOP - 8.0,
        TOP + ROW * rows.len() as f64,
        TOP - 14.0
    );
    format!(
        "<h2>Mainspring's time over wasmtime's</h2>\
         <p class=note>Left of 1 Mainspring is faster. The median of the rounds; the thin line spans all rounds.</p>{}",
        svg(
            "Mainspring's user time over wasmtime's, by program",
            rows.len(),
            &content
        )
    )
}

/// Two dots a program on an axis where 1 is native code.
fn against_native(programs: &[ProgramResult]) -> String {
    let axis = Axis::around(
        programs
            .iter()
            .flat_map(|p| p.native.values().map(|r| r.median)),
    );
    let mut content = axis.grid(programs.len());
    for (i, program) in programs.iter().enumerate() {
        let middle = TOP + ROW * (i as f64 + 0.5);
        let name = &program.name;
        let _ = write!(
            content,
            "<text x={:.1} y={:.1} text-anchor=end>{name}</text>",
            LEFT - 10.0,
            middle + 4.0
        );
        let xs: Vec<f64> = program.native.values().map(|r| axis.x(r.median)).collect();
        if let [a, b] = xs[..] {
            let _ = write!(
                content,
                "<line class=join x1={a:.1} x2={b:.1} y1={middle:.1} y2={middle:.1} />"
            );
        }
        for (side, ratio) in &program.native {
            let class = if *side == Side::Mainspring {
                "ours"
            } else {
                "theirs"
            };
            let _ = write!(
                content,
                "<circle class={class} cx={:.1} cy={middle:.1} r=5><title>{name} on {}: {:.3} times native</title></circle>",
                axis.x(ratio.median),
                side.name(),
                ratio.median
            );
        }
    }
    let _ = write!(
        content,
        "<circle class=ours cx={LEFT} cy=14 r=5 /><text x={:.1} y=18>Mainspring</text>\
         <circle class=theirs cx={:.1} cy=14 r=5 /><text x={:.1} y=18>wasmtime</text>",
        LEFT + 12.0,
        LEFT + 110.0,
        LEFT + 122.0
    );
    format!(
        "<h2>Time over native code's</h2><p class=note>1 is the same C program compiled for the bare machine.</p>{}",
        svg(
            "User time over native code's, by program",
            programs.len(),
            &content
        )
    )
}

fn table(results: &Results) -> String {
    let time = |program: &ProgramResult, side| {
        let times = program.user.get(&side);
        let median = times.and_then(|times| spread(times.iter().copied()));
        median.map_or("–".to_string(), |s| format!("{:.3}", s.median))
    };
    let ratio = |value: Option<f64>| value.map_or("–".to_string(), |v| format!("{v:.3}"));
    let mut rows = String::new();
    for program in &results.programs {
        let _ = write!(
            rows,
            "<tr><td>{}<td>{}<td>{}<td>{}<td>{}<td>{}",
            escape(&program.name),
            time(program, Side::Mainspring),
            time(program, Side::Wasmtime),
            time(program, Side::Native),
            ratio(program.ratio.get(&Side::Wasmtime).map(|r| r.median)),
            ratio(program.ratio.get(&Side::Native).map(|r| r.median)),
        );
    }
    format!(
        "<h2>All numbers</h2><p class=note>Medians of user seconds; ratios are medians of the rounds' ratios.</p>\
         <div class=wide><table><thead><tr><th>program<th>Mainspring<th>wasmtime<th>native<th>/ wasmtime<th>/ native</thead>\
         <tbody>{rows}</tbody><tfoot><tr><td>geometric mean<td><td><td><td>{}<td>{}</tfoot></table></div>",
        ratio(results.mean.get(&Side::Wasmtime).copied()),
        ratio(results.mean.get(&Side::Native).copied()),
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn results(missing: bool) -> Results {
        let ratio = |median| Spread {
            median,
            least: median * 0.9,
            most: median * 1.1,
        };
        let program = |name: &str, m: f64| ProgramResult {
            name: name.into(),
            user: BTreeMap::from([(Side::Mainspring, vec![m]), (Side::Native, vec![0.5])]),
            wall: BTreeMap::new(),
            ratio: BTreeMap::from([(Side::Wasmtime, ratio(m)), (Side::Native, ratio(m * 2.0))]),
            native: BTreeMap::from([
                (Side::Mainspring, ratio(m * 2.0)),
                (Side::Wasmtime, ratio(2.0)),
            ]),
        };
        let reason = [(Side::Wasmtime, "it <is> not here".to_string())];
        Results {
            machine: "a machine".into(),
            compiler: "a compiler".into(),
            rounds: 1,
            installed: BTreeMap::new(),
            missing: reason.into_iter().filter(|_| missing).collect(),
            programs: vec![program("fast", 0.5), program("slow", 1.7)],
            mean: BTreeMap::from([(Side::Wasmtime, 0.922), (Side::Native, 1.84)]),
        }
    }

    #[test]
    fn the_page_holds_every_program_and_needs_nothing_from_outside() {
        let page = page(&results(false));
        assert!(page.matches("<svg").count() == 2 && page.matches("</svg>").count() == 2);
        for part in [
            "fast: 0.500",
            "slow: 1.700",
            "geometric mean 0.922",
            "class=slow",
        ] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
        for outside in ["http", "<script", "src="] {
            assert!(!page.contains(outside), "{outside}");
        }
    }

    #[test]
    fn a_missing_peer_is_said_to_be_missing() {
        let page = page(&results(true));
        assert!(
            page.contains("wasmtime is missing</strong>: it &lt;is&gt; not here"),
            "{page}"
        );
    }

    #[test]
    fn the_axis_is_logarithmic_and_its_ticks_do_not_touch() {
        let axis = Axis::around([0.5, 2.0].into_iter());
        assert!((axis.x(1.0) - f64::midpoint(axis.x(0.5), axis.x(2.0))).abs() < 1e-9);
        let ticks = axis.ticks();
        assert!(ticks.contains(&1.0), "{ticks:?}");
        assert!(ticks.windows(2).all(|w| axis.x(w[1]) - axis.x(w[0]) > 34.0));
    }
}
