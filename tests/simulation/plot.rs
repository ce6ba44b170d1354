//! A picture of one run: the share of whole answers, and who was asked, over time.

use std::fmt::Write as _;

use crate::figures::DAY;
use crate::tally::{BUCKET, Bucket, Tally};

const WIDTH: f64 = 960.0;
const LEFT: f64 = 56.0;
const COLOURS: [&str; 5] = ["#4e79a7", "#f28e2b", "#59a14f", "#b07aa1", "#9c755f"];

/// A band of the picture: where its bottom is, how high it is, and what is at its top.
struct Band {
    bottom: f64,
    height: f64,
    most: f64,
}

impl Band {
    fn y(&self, value: f64) -> f64 {
        self.bottom - self.height * (value / self.most).min(1.0)
    }
}

/// An SVG of a run.
pub(crate) fn plot(title: &str, tally: &Tally) -> String {
    let seconds = BUCKET.as_secs_f64();
    let span = f64::from(u32::try_from(tally.buckets.len()).unwrap()) * seconds;
    let x = |time: f64| LEFT + (WIDTH - LEFT - 10.0) * time / span;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} 420\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{WIDTH}\" height=\"420\" fill=\"#fff\"/>\n\
         <text x=\"{LEFT}\" y=\"16\" font-size=\"13\">{title}: whole answers, and attempts at each deployment</text>\n"
    );
    for (name, from, until) in DAY {
        let (from, until) = (x(whole(from)), x(whole(until)));
        writeln!(
            out,
            "<rect x=\"{from:.1}\" y=\"40\" width=\"{:.1}\" height=\"350\" fill=\"#eee\"/>\
             <text x=\"{from:.1}\" y=\"34\" font-size=\"9\">{name}</text>",
            until - from
        )
        .unwrap();
    }
    let success = Band {
        bottom: 160.0,
        height: 110.0,
        most: 100.0,
    };
    let share = |it: &Bucket| 100.0 * f64::from(it.whole) / f64::from(it.calls.max(1));
    line(&mut out, ("#222", &x, &success), tally, share);
    let load = Band {
        bottom: 390.0,
        height: 200.0,
        most: 100.0,
    };
    for (place, colour) in COLOURS.iter().enumerate() {
        let rate = |it: &Bucket| f64::from(it.attempts[place]) / seconds;
        line(&mut out, (colour, &x, &load), tally, rate);
        let name = ["A", "B", "C", "D", "E"][place];
        let at = LEFT + 8.0 + 26.0 * whole(place as u64);
        writeln!(
            out,
            "<text x=\"{at}\" y=\"184\" fill=\"{colour}\">{name}</text>"
        )
        .unwrap();
    }
    for (band, unit) in [(&success, "%"), (&load, "/s")] {
        for value in [0.0, 50.0, 100.0] {
            let y = band.y(value) + 4.0;
            writeln!(
                out,
                "<text x=\"{:.0}\" y=\"{y:.0}\" text-anchor=\"end\">{value} {unit}</text>",
                LEFT - 6.0
            )
            .unwrap();
        }
    }
    for minute in (0..=u64::try_from(tally.buckets.len()).unwrap() / 12).step_by(2) {
        let at = x(60.0 * whole(minute));
        writeln!(
            out,
            "<text x=\"{at:.0}\" y=\"408\" text-anchor=\"middle\">{minute} min</text>"
        )
        .unwrap();
    }
    out.push_str("</svg>\n");
    out
}

fn line(
    out: &mut String,
    (colour, x, band): (&str, &dyn Fn(f64) -> f64, &Band),
    tally: &Tally,
    value: impl Fn(&Bucket) -> f64,
) {
    let points = tally.buckets.iter().zip(0..);
    let points: Vec<String> = points
        .map(|(bucket, place)| {
            let time = whole(place) * BUCKET.as_secs_f64();
            format!("{:.1},{:.1}", x(time), band.y(value(bucket)))
        })
        .collect();
    writeln!(
        out,
        "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.3\" points=\"{}\"/>",
        points.join(" ")
    )
    .unwrap();
}

fn whole(number: u64) -> f64 {
    f64::from(u32::try_from(number).unwrap())
}
