//! `target/corpus/report.md`: all results in one table, and the details of the numbers.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::corpus::comparison::Comparison;
use crate::corpus::project::Project;

/// The report on `projects`, as far as there are results. `fork` is the build of the fork that counts.
pub(crate) fn report(projects: &[Project], comparisons: &[Comparison], fork: &str) -> String {
    let mut text = String::from("# Corpus: linked statically and dynamically\n\n");
    let outdated = comparisons.iter().filter(|one| one.fork != fork).count();
    let missing = projects.len() - comparisons.len();
    line(&mut text, format!("Fork: {fork}"));
    if missing > 0 {
        line(
            &mut text,
            format!("Not run yet: {missing} of {} projects", projects.len()),
        );
    }
    if outdated > 0 {
        line(
            &mut text,
            format!("Results of another build of the fork, marked *: {outdated}"),
        );
    }
    text.push('\n');
    table(&mut text, comparisons, fork);
    list(&mut text, "Differences", comparisons, |one| {
        one.differences.clone()
    });
    list(&mut text, "Linked statically", comparisons, |one| {
        let executables = one.executables.iter().filter(|one| one.groups == 0);
        let names = executables.map(|one| format!("`{}`", one.label));
        names.chain(one.fallbacks.iter().cloned()).collect()
    });
    stays(&mut text, comparisons);
    left_out(&mut text, projects);
    text
}

fn table(text: &mut String, comparisons: &[Comparison], fork: &str) {
    text.push_str(
        "| project | version | compared | of these failing both ways | differences | executables dynamic | static \
         | members | protected | stay | executables, static MB | dynamic MB | groups MB | static by | s |\n\
         |---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|--:|\n",
    );
    let mut sums = [0u64; 12];
    for one in comparisons {
        let is_dynamic = |groups: usize| groups > 0;
        let dynamic = one.executables.iter().filter(|one| is_dynamic(one.groups));
        let dynamic = dynamic.count();
        let numbers = [
            one.compared as u64,
            one.failing_alike as u64,
            one.differences.len() as u64,
            dynamic as u64,
            (one.executables.len() - dynamic) as u64,
            one.members as u64,
            one.protected as u64,
            one.stays.len() as u64,
            one.executables.iter().map(|one| one.bytes_static).sum(),
            one.executables.iter().map(|one| one.bytes_dynamic).sum(),
            one.group_bytes,
            one.seconds,
        ];
        for (sum, number) in sums.iter_mut().zip(numbers) {
            *sum += number;
        }
        let mark = if one.fork == fork { "" } else { " *" };
        let name = format!("{}{mark}", one.project);
        row(text, &name, &one.version, numbers, &one.static_by);
    }
    row(text, "**all**", "", sums, "");
}

fn row(text: &mut String, name: &str, version: &str, numbers: [u64; 12], static_by: &str) {
    let [counts @ .., of_static, of_dynamic, groups, seconds] = numbers;
    let counts = counts.map(|count| count.to_string()).join(" | ");
    let sizes = [of_static, of_dynamic, groups].map(|bytes| format!("{:.1}", bytes as f64 / 1e6));
    line(
        text,
        format!(
            "| {name} | {version} | {counts} | {} | {static_by} | {seconds} |",
            sizes.join(" | ")
        ),
    );
}

/// A section with the `entries` of each project; left out if there are none.
fn list(
    text: &mut String,
    title: &str,
    comparisons: &[Comparison],
    entries: impl Fn(&Comparison) -> Vec<String>,
) {
    let mut section = String::new();
    for one in comparisons {
        for entry in entries(one) {
            let entry = entry.replace('\n', "\n  ");
            line(&mut section, format!("- {}: {entry}", one.project));
        }
        if one.unread > 0 && title == "Differences" {
            line(
                &mut section,
                format!(
                    "- {}: {} results could be compared by their number only",
                    one.project, one.unread
                ),
            );
        }
    }
    if !section.is_empty() {
        let _ = write!(text, "\n## {title}\n\n{section}");
    }
}

/// The libraries that stay in executables, by reason. One that several projects use counts in each.
fn stays(text: &mut String, comparisons: &[Comparison]) {
    let mut by_reason: BTreeMap<&str, BTreeMap<(&str, &str), Vec<&str>>> = BTreeMap::new();
    for one in comparisons {
        for stay in &one.stays {
            let libraries = by_reason.entry(&stay.reason).or_default();
            let projects = libraries.entry((&stay.library, &stay.text)).or_default();
            projects.push(&one.project);
        }
    }
    if by_reason.is_empty() {
        return;
    }
    text.push_str("\n## Libraries that stay\n");
    for (reason, libraries) in by_reason {
        let count: usize = libraries.values().map(Vec::len).sum();
        let _ = write!(text, "\n{reason}: {count}\n\n");
        for ((library, words), projects) in libraries {
            line(
                text,
                format!("- `{library}`: {words} ({})", projects.join(", ")),
            );
        }
    }
}

fn left_out(text: &mut String, projects: &[Project]) {
    let mut section = String::new();
    for project in projects {
        let name = &project.name;
        if let Some(only) = &project.only {
            line(
                &mut section,
                format!(
                    "- {name}: all but `{}`: {}",
                    only.targets.join(" "),
                    only.reason
                ),
            );
        }
        if let Some(reason) = &project.without_doctests {
            line(&mut section, format!("- {name}: documentation: {reason}"));
        }
        for skip in &project.skip {
            line(
                &mut section,
                format!("- {name}: `{}`: {}", skip.test, skip.reason),
            );
        }
    }
    if !section.is_empty() {
        let _ = write!(text, "\n## Not compared\n\n{section}");
    }
}

fn line(text: &mut String, line: String) {
    text.push_str(&line);
    text.push('\n');
}
