//! The charts of the report, as SVG.

use anyhow::Result;
use plotters::backend::SVGBackend;
use plotters::chart::{ChartBuilder, SeriesLabelPosition};
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{PathElement, Rectangle, Text};
use plotters::series::LineSeries;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{BLACK, Color, IntoFont, RGBColor, ShapeStyle, TextStyle, WHITE};

use measure::statistics::quantile;

use crate::peers::{PEERS, Peer, Way};
use crate::report::view::{Of, View, value};
use crate::results::{Phase, Quantity};
use crate::workloads::WORKLOADS;

/// One chart.
pub(super) struct Chart {
    /// Name of its file.
    pub(super) file: String,
    pub(super) title: &'static str,
    pub(super) svg: String,
}

/// A chart of bars: for each workload, one for each peer.
struct Bars {
    name: &'static str,
    title: &'static str,
    phase: Phase,
    quantity: Quantity,
}

const BARS: [Bars; 7] = [
    Bars {
        name: "link",
        title: "Link of the executable",
        phase: Phase::Link,
        quantity: Quantity::Seconds,
    },
    Bars {
        name: "link-memory",
        title: "Peak memory of the link",
        phase: Phase::Link,
        quantity: Quantity::PeakMemory,
    },
    Bars {
        name: "rebuild",
        title: "Rebuild after an edit of the bin",
        phase: Phase::RebuildBin,
        quantity: Quantity::Seconds,
    },
    Bars {
        name: "tests",
        title: "Build of the tests after an edit",
        phase: Phase::Tests,
        quantity: Quantity::Seconds,
    },
    Bars {
        name: "cold",
        title: "Cold build",
        phase: Phase::Cold,
        quantity: Quantity::Seconds,
    },
    Bars {
        name: "start",
        title: "Start-up",
        phase: Phase::Start,
        quantity: Quantity::Seconds,
    },
    Bars {
        name: "target",
        title: "Size of the target directory after a cold build",
        phase: Phase::Cold,
        quantity: Quantity::TargetBytes,
    },
];

/// Workloads of growing width, with the number of their dependencies.
const WIDTHS: [(&str, f64); 3] = [
    ("wide-100", 100.0),
    ("wide-300", 300.0),
    ("wide-1000", 1000.0),
];

const WIDTH: i32 = 860;
const MARGIN: i32 = 16;
/// Where bars begin, behind the names of the peers.
const LEFT: i32 = 300;
/// The space after the longest bar for its value.
const RIGHT: i32 = 90;
const BAR: i32 = 16;
const STEP: i32 = 21;
const TITLE: i32 = 34;
const SUBTITLE: i32 = 30;

/// Those charts of which something was measured.
pub(super) fn all(view: &View) -> Result<Vec<Chart>> {
    let mut charts = Vec::new();
    for bars in &BARS {
        let blocks = blocks(view, bars);
        if !blocks.is_empty() {
            charts.push(Chart {
                file: format!("{}.svg", bars.name),
                title: bars.title,
                svg: draw_bars(bars.title, &blocks)?,
            });
        }
    }
    let lines = growth(view);
    if !lines.is_empty() {
        const GROWTH: &str = "Link of the executable by number of dependencies";
        charts.push(Chart {
            file: "growth.svg".to_owned(),
            title: GROWTH,
            svg: draw_lines(GROWTH, &lines)?,
        });
    }
    Ok(charts)
}

/// The bars of one workload.
struct Block {
    title: &'static str,
    bars: Vec<Bar>,
}

struct Bar {
    peer: &'static Peer,
    median: f64,
    quartiles: (f64, f64),
    shown: String,
}

fn blocks(view: &View, bars: &Bars) -> Vec<Block> {
    let mut blocks = Vec::new();
    for workload in &WORKLOADS {
        let bars: Vec<Bar> = PEERS
            .iter()
            .filter_map(|peer| {
                let values = view.values(Of {
                    workload: workload.name,
                    phase: bars.phase,
                    peer: peer.name,
                    quantity: bars.quantity,
                });
                let median = quantile(&values, 0.5)?;
                Some(Bar {
                    peer,
                    median,
                    quartiles: (quantile(&values, 0.25)?, quantile(&values, 0.75)?),
                    shown: value(bars.quantity, median),
                })
            })
            .collect();
        if !bars.is_empty() {
            blocks.push(Block {
                title: workload.title,
                bars,
            });
        }
    }
    blocks
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Bars with a line from quartile to quartile; each workload has a scale of its own.
fn draw_bars(title: &str, blocks: &[Block]) -> Result<String> {
    let rows: usize = blocks.iter().map(|block| block.bars.len()).sum();
    let height = TITLE + 2 * MARGIN + blocks.len() as i32 * SUBTITLE + rows as i32 * STEP;
    let mut svg = String::new();
    {
        let area =
            SVGBackend::with_string(&mut svg, (WIDTH as u32, height as u32)).into_drawing_area();
        area.fill(&WHITE)?;
        text(&area, title, (MARGIN, MARGIN + TITLE / 2), 18, HPos::Left)?;
        let mut y = MARGIN + TITLE;
        for block in blocks {
            text(
                &area,
                block.title,
                (MARGIN, y + SUBTITLE / 2),
                14,
                HPos::Left,
            )?;
            y += SUBTITLE;
            let longest = block.bars.iter().map(|bar| bar.quartiles.1.max(bar.median));
            let longest = longest.fold(f64::MIN_POSITIVE, f64::max);
            let x = |value: f64| {
                LEFT + (value / longest * f64::from(WIDTH - LEFT - RIGHT - MARGIN)).round() as i32
            };
            for bar in &block.bars {
                let middle = y + STEP / 2;
                let name = bar.peer.title.replace('`', "");
                text(&area, &name, (LEFT - 8, middle), 12, HPos::Right)?;
                let top = middle - BAR / 2;
                let corners = [(LEFT, top), (x(bar.median), top + BAR)];
                area.draw(&Rectangle::new(corners, color(bar.peer).filled()))?;
                let (low, high) = bar.quartiles;
                let spread = vec![(x(low), middle), (x(high), middle)];
                area.draw(&PathElement::new(spread, BLACK.stroke_width(1)))?;
                let end = x(high.max(bar.median)) + 6;
                text(&area, &bar.shown, (end, middle), 12, HPos::Left)?;
                y += STEP;
            }
        }
        area.present()?;
    }
    Ok(svg)
}

fn text(area: &Area, text: &str, at: (i32, i32), size: u32, anchor: HPos) -> Result<()> {
    let style =
        TextStyle::from(("sans-serif", size).into_font()).pos(Pos::new(anchor, VPos::Center));
    area.draw(&Text::new(text.to_owned(), at, style))?;
    Ok(())
}

/// A time of both ways to link.
pub(super) struct Pair {
    pub(super) title: &'static str,
    pub(super) of_static: f64,
    pub(super) of_dynamic: f64,
}

/// Two bars for each pair, all on one scale: few words, large enough for a phone, on a ground of its own for dark pages.
pub(super) fn draw_pairs(title: &str, pairs: &[Pair]) -> Result<String> {
    const WIDTH: i32 = 480;
    const NAME: i32 = 30;
    const BAR: i32 = 20;
    const PAIR: i32 = NAME + 2 * (BAR + 3) + 8;
    const SPACE_FOR_VALUE: i32 = 170;
    let height = TITLE + 2 * MARGIN + pairs.len() as i32 * PAIR;
    let longest = pairs.iter().map(|pair| pair.of_static.max(pair.of_dynamic));
    let longest = longest.fold(f64::MIN_POSITIVE, f64::max);
    let space = f64::from(WIDTH - 2 * MARGIN - SPACE_FOR_VALUE);
    let mut svg = String::new();
    {
        let area =
            SVGBackend::with_string(&mut svg, (WIDTH as u32, height as u32)).into_drawing_area();
        area.fill(&WHITE)?;
        text(&area, title, (MARGIN, MARGIN + TITLE / 2), 25, HPos::Left)?;
        let mut y = MARGIN + TITLE;
        for pair in pairs {
            text(&area, pair.title, (MARGIN, y + NAME / 2), 20, HPos::Left)?;
            let mut top = y + NAME;
            for (way, seconds, color) in [
                ("static", pair.of_static, RGBColor(140, 150, 165)),
                ("dynamic-deps", pair.of_dynamic, RGBColor(10, 130, 80)),
            ] {
                let end = MARGIN + (seconds / longest * space).round() as i32;
                let corners = [(MARGIN, top), (end, top + BAR)];
                area.draw(&Rectangle::new(corners, color.filled()))?;
                let shown = format!("{} {way}", value(Quantity::Seconds, seconds));
                text(&area, &shown, (end + 6, top + BAR / 2), 19, HPos::Left)?;
                top += BAR + 3;
            }
            y += PAIR;
        }
        area.present()?;
    }
    Ok(svg)
}

/// A peer and its points.
struct Line {
    peer: &'static Peer,
    points: Vec<(f64, f64)>,
}

fn growth(view: &View) -> Vec<Line> {
    PEERS
        .iter()
        .filter_map(|peer| {
            let points: Vec<_> = WIDTHS
                .iter()
                .filter_map(|(workload, width)| {
                    let of = Of::seconds(workload, Phase::Link, peer.name);
                    Some((*width, view.median(of)?))
                })
                .collect();
            (points.len() > 1).then_some(Line { peer, points })
        })
        .collect()
}

fn draw_lines(title: &str, lines: &[Line]) -> Result<String> {
    let points = lines.iter().flat_map(|line| &line.points);
    let highest = points.fold(f64::MIN_POSITIVE, |highest, point| highest.max(point.1));
    let widest = WIDTHS[WIDTHS.len() - 1].1;
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH as u32, 480)).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(title, ("sans-serif", 18))
            .margin(MARGIN)
            .x_label_area_size(40)
            .y_label_area_size(60)
            .build_cartesian_2d(0.0..widest, 0.0..highest * 1.05)?;
        chart
            .configure_mesh()
            .x_desc("dependencies")
            .y_desc("seconds")
            .light_line_style(WHITE)
            .draw()?;
        for line in lines {
            let style = ShapeStyle::from(&color(line.peer)).stroke_width(2);
            chart
                .draw_series(LineSeries::new(line.points.iter().copied(), style).point_size(3))?
                .label(line.peer.title.replace('`', ""))
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], style));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK.mix(0.3))
            .draw()?;
        area.present()?;
    }
    Ok(svg)
}

/// Of one hue for each way, and of one shade for each peer.
fn color(peer: &Peer) -> RGBColor {
    let same = PEERS.iter().filter(|other| other.way == peer.way);
    let position = same.take_while(|other| other.name != peer.name).count() as u8;
    match peer.way {
        Way::Static => RGBColor(70 + 22 * position, 90 + 20 * position, 120 + 18 * position),
        Way::SharedStd => RGBColor(190, 140, 40),
        Way::OwnDylib => RGBColor(150, 90, 170),
        Way::Groups => RGBColor(10 + 40 * position, 130 + 25 * position, 80 + 40 * position),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::{BASELINE, OURS};
    use crate::results::tests::{results, seconds};

    #[test]
    fn charts_show_what_was_measured() {
        let mut results = results();
        assert!(all(&View(&results)).unwrap().is_empty());
        for (peer, value) in [(BASELINE, 0.5), (OURS, 0.125)] {
            for workload in ["wide-100", "wide-1000"] {
                results.record(workload, Phase::Link, peer, seconds(value));
            }
        }
        let charts = all(&View(&results)).unwrap();
        let files: Vec<_> = charts.iter().map(|chart| &*chart.file).collect();
        assert_eq!(files, ["link.svg", "growth.svg"]);
        for chart in &charts {
            for words in [chart.title, "dynamic-deps, rust-lld"] {
                assert!(chart.svg.contains(words), "{}", chart.svg);
            }
        }
        for words in ["100 dependencies", "125 ms", "500 ms"] {
            assert!(charts[0].svg.contains(words), "{}", charts[0].svg);
        }
    }

    #[test]
    fn peers_are_told_apart_by_color() {
        let mut colors: Vec<_> = PEERS.iter().map(color).collect();
        colors.sort_by_key(|color| (color.0, color.1, color.2));
        colors.dedup();
        assert_eq!(colors.len(), PEERS.len());
    }
}
